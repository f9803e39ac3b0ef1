/* loop.h - the one libuv loop of this process. */
#ifndef RUN_LOOP_H
#define RUN_LOOP_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

extern uv_loop_t *loop;

void loop_init(void);
void loop_run(void);  /* until loop_stop, then until what is left has closed or ended */
void loop_stop(void); /* also before loop_run */
void loop_done(void); /* closes what the run floor opened; checks that nothing else is open */

/* Runs `run(arg)` on a fiber and the loop around it until it returns: for
 * commands, start-up and tests. */
void loop_run_fiber(const char *name, void (*run)(void *arg), void *arg);

/* Called once per turn of the loop, after the fibers that were ready have run
 * and before the loop sleeps: drivers flush here what piled up. */
struct loop_flush {
    void (*flush)(struct loop_flush *self);
    struct loop_flush *next;
};
void loop_on_flush(struct loop_flush *f); /* in the order of registration */
void loop_flush(void);                    /* for run/fiber: calls them all */

/* The loop's lag: how much later than asked a 100 ms timer fired, in
 * microseconds, highest of the last second. */
uint64_t loop_lag_us(void);

#endif
