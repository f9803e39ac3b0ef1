/* bench_fiber.c - what switching, waiting and starting cost, in nanoseconds. */
#include <stdio.h>
#include <stdlib.h>

#include "../../src/run/switch.h"
#include "base/clock.h"
#include "run/fiber.h"
#include "run/loop.h"

#define TIMES 2000000u
#define CROWD 1000u /* fibers that take turns: their stacks do not fit in L1 */

static uint64_t begun_us;

static void report(const char *what, double times)
{
    printf("%-48s %8.1f ns\n", what, (double)(mono_us() - begun_us) * 1000 / times);
    begun_us = mono_us();
}

static struct context here, there;

static void swing(void *arg)
{
    (void)arg;
    for (;;) context_switch(&there, &here);
}

static void bench_switch(void)
{
    static _Alignas(16) char stack[16384];

    context_make(&there, stack, sizeof stack, swing, NULL);
    begun_us = mono_us();
    for (unsigned i = 0; i < TIMES; i++) context_switch(&here, &there);
    report("there and back, switches alone", TIMES);
}

static struct wait ping, pong;

static void answer(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < TIMES; i++) {
        if (await(&ping, NO_DEADLINE) != OK) abort();
        wait_init(&ping, "ping");
        wake(&pong, OK);
    }
}

static void ask(void *arg)
{
    uint64_t deadline = mono_ms() + 60000;

    (void)arg;
    begun_us = mono_us();
    for (unsigned i = 0; i < TIMES; i++) {
        wake(&ping, OK);
        if (await(&pong, deadline) != OK) abort();
        wait_init(&pong, "pong");
    }
    report("await and wake, two fibers, for each", 2.0 * TIMES);
}

static struct wait seats[CROWD];

static void wake_crowd(struct loop_flush *self)
{
    (void)self;
    for (unsigned i = 0; i < CROWD; i++) wake(&seats[i], OK);
}

static void sit(void *arg)
{
    struct wait *seat = arg;

    for (unsigned i = 0; i < TIMES / CROWD; i++) {
        if (await(seat, NO_DEADLINE) != OK) abort();
        wait_init(seat, "seat");
    }
}

static void bench_crowd(void)
{
    static struct loop_flush flush = { .flush = wake_crowd };

    loop_on_flush(&flush);
    for (unsigned i = 0; i < CROWD; i++) wait_init(&seats[i], "seat");
    for (unsigned i = 0; i < CROWD; i++) fiber_start("sit", sit, &seats[i]);
    begun_us = mono_us();
    while (fiber_count() > 0) uv_run(loop, UV_RUN_NOWAIT);
    report("await and wake, a thousand fibers", TIMES);
}

static void nothing(void *arg)
{
    (void)arg;
}

static void bench_start(unsigned batch)
{
    begun_us = mono_us();
    for (unsigned n = 0; n < TIMES / 4; n += batch) {
        for (unsigned i = 0; i < batch; i++) fiber_start("nothing", nothing, NULL);
        while (fiber_count() > 0) uv_run(loop, UV_RUN_NOWAIT);
    }
}

int main(void)
{
    bench_switch();

    loop_init();
    fiber_init(CROWD);
    fiber_start("answer", answer, NULL);
    loop_run_fiber("ask", ask, NULL);
    bench_start(100);
    report("start and end, 100 at a time", TIMES / 4);
    bench_start(CROWD);
    report("start and end, 1000 at a time", TIMES / 4);
    bench_crowd();
    fiber_done();
    loop_done();
}
