/* timer.h - a callback later, once or again and again, on the loop's stack. */
#ifndef RUN_TIMER_H
#define RUN_TIMER_H

#include <stdint.h>
#include <uv.h>

struct timer {
    uv_timer_t handle;
    void (*fire)(struct timer *t);
    void (*closed)(struct timer *t);
};

void timer_init(struct timer *t, void (*fire)(struct timer *t));
void timer_start(struct timer *t, uint64_t after_ms, uint64_t repeat_ms); /* restarts */
void timer_stop(struct timer *t);
/* The memory may go once `closed` was called (NULL: it is static). */
void timer_close(struct timer *t, void (*closed)(struct timer *t));

#endif
