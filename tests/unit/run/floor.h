/* floor.h - the run floor around each test, and what tests of it share. */
#ifndef TEST_RUN_FLOOR_H
#define TEST_RUN_FLOOR_H

#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/clock.h"
#include "run/fiber.h"
#include "run/loop.h"
#include "run/torture.h"

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif

#ifdef WITH_ASAN
#include <sanitizer/lsan_interface.h>
#endif

#define FIBERS_MOST 12000

static inline void floor_up(void)
{
    loop_init();
    fiber_init(FIBERS_MOST);
    torture_reset();
}

static inline void floor_down(void)
{
    fiber_done();
    loop_done();
#ifdef WITH_ASAN
    /* The runner ignores what LeakSanitizer says at the end of the process. */
    if (__lsan_do_recoverable_leak_check() != 0) abort();
#endif
}

/* A test with the floor around it. Not by fixtures: the runner only warns when
 * one of them crashes. */
#define FLOOR_TEST(suite, name, ...)             \
    static void floor_##suite##_##name(void);    \
    Test(suite, name __VA_OPT__(, ) __VA_ARGS__) \
    {                                            \
        floor_up();                              \
        floor_##suite##_##name();                \
        floor_down();                            \
    }                                            \
    static void floor_##suite##_##name(void)

/* One turn of the loop, without sleeping. */
static inline void turn(void)
{
    uv_run(loop, UV_RUN_NOWAIT);
}

/* The loop runs until every fiber has ended, and not until its next event. */
static inline void run_all(void)
{
    for (turn(); fiber_count() > 0; turn()) uv_sleep(1);
}

#endif
