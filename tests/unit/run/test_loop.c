#include "run/loop.h"

#include <signal.h>
#include <unistd.h>

#include "floor.h"
#include "run/timer.h"

FLOOR_TEST(loop, stop_before_run_makes_run_return, .timeout = 10)
{
    loop_stop();
    loop_run();
}

static void stop(struct timer *t)
{
    timer_close(t, NULL);
    loop_stop();
}

FLOOR_TEST(loop, run_lasts_until_stop, .timeout = 10)
{
    static struct timer timer;
    uint64_t begun = mono_ms();

    timer_init(&timer, stop);
    timer_start(&timer, 30, 0);
    loop_run();
    cr_assert_geq(mono_ms() - begun, 29); /* from the start of the turn */
}

static void sleep_30(void *arg)
{
    bool *ended = arg;

    loop_stop();
    cr_expect_eq(fiber_sleep(30, UNTIL_DONE), OK);
    *ended = true;
}

FLOOR_TEST(loop, run_waits_for_fibers_after_stop, .timeout = 10)
{
    bool ended = false;

    fiber_start("sleeper", sleep_30, &ended);
    loop_run();
    cr_assert(ended);
}

static void nothing(void *arg)
{
    (void)arg;
}

FLOOR_TEST(loop, run_fiber_returns_as_soon_as_it_has_ended)
{
    uint64_t begun = mono_ms();

    /* The loop's next event, the lag timer, is up to 100 ms away. */
    for (int i = 0; i < 100; i++) loop_run_fiber("nothing", nothing, NULL);
    cr_assert_lt(mono_ms() - begun, 1000);
}

static void leave_open(struct timer *t)
{
    (void)t;
}

FLOOR_TEST(loop, done_refuses_to_leave_a_handle_open, .signal = SIGABRT)
{
    static struct timer timer;

    timer_init(&timer, leave_open);
    fiber_done();
    loop_done();
}

FLOOR_TEST(loop, lag_tells_how_long_the_loop_was_kept, .timeout = 20)
{
    uint64_t until = mono_ms() + 400;
    while (mono_ms() < until) uv_run(loop, UV_RUN_ONCE);
    uint64_t before_us = loop_lag_us();

    usleep(400000);
    uv_run(loop, UV_RUN_ONCE);
    uint64_t kept_us = loop_lag_us();
    cr_assert_geq(kept_us, 290000); /* it was due within 100 ms */
    cr_assert_gt(kept_us, before_us);

    until = mono_ms() + 1500;
    while (mono_ms() < until) uv_run(loop, UV_RUN_ONCE);
    cr_assert_lt(loop_lag_us(), kept_us); /* forgotten after a second */
}

/* --- flushing --- */

static char trace[64];

static void note(char c)
{
    size_t len = strlen(trace);
    if (len < sizeof trace - 1) trace[len] = c;
}

static void flush_one(struct loop_flush *self)
{
    (void)self;
    note('1');
}

static void flush_two(struct loop_flush *self)
{
    (void)self;
    note('2');
}

static void write_something(void *arg)
{
    (void)arg;
    note('w');
}

FLOOR_TEST(loop, flushes_once_a_turn_after_the_fibers_in_order_of_registration)
{
    struct loop_flush one = { .flush = flush_one }, two = { .flush = flush_two };

    loop_on_flush(&one);
    loop_on_flush(&two);
    for (int i = 0; i < 3; i++) fiber_start("writer", write_something, NULL);
    turn();
    cr_assert_str_eq(trace, "www12");
    turn();
    cr_assert_str_eq(trace, "www1212");
}

static struct wait flushed;

static void wake_flushed(struct loop_flush *self)
{
    (void)self;
    wake(&flushed, OK);
}

static void wait_for_flush(void *arg)
{
    uint64_t *took_ms = arg;
    uint64_t begun = mono_ms();

    for (int i = 0; i < 50; i++) {
        wait_init(&flushed, "test.flushed");
        cr_expect_eq(await(&flushed, UNTIL_DONE), OK);
    }
    *took_ms = mono_ms() - begun;
}

FLOOR_TEST(loop, does_not_sleep_on_what_a_flush_has_woken)
{
    struct loop_flush flush = { .flush = wake_flushed };
    uint64_t took_ms = UINT64_MAX;

    wait_init(&flushed, "test.flushed");
    loop_on_flush(&flush);
    loop_run_fiber("flushed", wait_for_flush, &took_ms);
    cr_assert_lt(took_ms, 1000); /* 50 naps of 100 ms otherwise */
}
