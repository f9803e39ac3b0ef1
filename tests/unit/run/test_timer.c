#include "run/timer.h"

#include "floor.h"

struct ticker {
    struct timer timer;
    unsigned fired, closed;
};

static void tick(struct timer *t)
{
    ((struct ticker *)t)->fired++;
}

static void ticker_closed(struct timer *t)
{
    ((struct ticker *)t)->closed++;
}

static void run_for(uint64_t ms)
{
    uint64_t until = mono_ms() + ms;

    while (mono_ms() < until) {
        turn();
        uv_sleep(1);
    }
}

FLOOR_TEST(timer, fires_once_and_not_early)
{
    static struct ticker t; /* until loop_done */
    uint64_t begun = mono_ms();

    timer_init(&t.timer, tick);
    uv_update_time(loop);
    timer_start(&t.timer, 20, 0);
    while (t.fired == 0) uv_run(loop, UV_RUN_ONCE);
    cr_assert_geq(mono_ms() - begun, 20);
    run_for(60);
    cr_assert_eq(t.fired, 1);
    timer_close(&t.timer, NULL);
}

FLOOR_TEST(timer, repeats_until_stopped)
{
    static struct ticker t; /* until loop_done */

    timer_init(&t.timer, tick);
    timer_start(&t.timer, 1, 5);
    while (t.fired < 5) uv_run(loop, UV_RUN_ONCE);
    timer_stop(&t.timer);
    run_for(30);
    cr_assert_eq(t.fired, 5);
    timer_close(&t.timer, NULL);
}

FLOOR_TEST(timer, start_again_puts_it_off)
{
    static struct ticker t; /* until loop_done */

    timer_init(&t.timer, tick);
    timer_start(&t.timer, 5, 0);
    timer_start(&t.timer, 60000, 0);
    run_for(30);
    cr_assert_eq(t.fired, 0);
    timer_start(&t.timer, 0, 0);
    run_for(10);
    cr_assert_eq(t.fired, 1);
    timer_close(&t.timer, NULL);
}

FLOOR_TEST(timer, close_stops_it_and_says_when_it_is_gone)
{
    static struct ticker t; /* until loop_done */

    timer_init(&t.timer, tick);
    timer_start(&t.timer, 0, 1);
    timer_close(&t.timer, ticker_closed);
    cr_assert_eq(t.closed, 0, "not before the loop has let go of it");
    run_for(10);
    cr_assert_eq(t.closed, 1);
    cr_assert_eq(t.fired, 0);
}
