/* timer.c - uv_timer with a place for the caller's struct around it.
 *
 * Times count from the start of this turn of the loop.
 */
#include "run/timer.h"

#include "base/must.h"
#include "run/loop.h"

static void on_fire(uv_timer_t *handle)
{
    struct timer *t = (struct timer *)handle; /* its first member */

    t->fire(t);
}

static void on_closed(uv_handle_t *handle)
{
    struct timer *t = (struct timer *)handle; /* its first member */

    if (t->closed) t->closed(t);
}

void timer_init(struct timer *t, void (*fire)(struct timer *t))
{
    t->fire = fire;
    t->closed = NULL;
    uv_timer_init(loop, &t->handle);
}

void timer_start(struct timer *t, uint64_t after_ms, uint64_t repeat_ms)
{
    must(uv_timer_start(&t->handle, on_fire, after_ms, repeat_ms) == 0);
}

void timer_stop(struct timer *t)
{
    uv_timer_stop(&t->handle);
}

void timer_close(struct timer *t, void (*closed)(struct timer *t))
{
    t->closed = closed;
    uv_close((uv_handle_t *)&t->handle, on_closed);
}
