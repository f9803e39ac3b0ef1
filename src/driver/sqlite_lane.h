/* sqlite_lane.h - the way from fibers to the store's threads and back; private
 * to the embedded store.
 *
 * A job lies on its fiber's stack. While it is in one of the lane's lists it
 * has not begun and its fiber may take it back; a thread that has taken it out
 * must answer it, and the fiber waits that out. What the fibers of one turn of
 * the loop ask for is handed over at once, and what a thread has finished comes
 * back at once: one lock and at most one system call for many jobs.
 */
#ifndef DRIVER_SQLITE_LANE_H
#define DRIVER_SQLITE_LANE_H

#include "driver/store.h"
#include "run/loop.h"

#include <stdatomic.h>

/* Jobs of a lane at once; beyond it E_OVERLOADED. */
#define SQLITE_LANE_MAX 1024

struct sqlite_job {
    struct sqlite_job *next;
    struct ctx *ctx;
    struct db_query *queries;
    size_t count;
    enum err result; /* set by the thread */
    struct wait wait;
};

struct sqlite_jobs {
    struct sqlite_job *first, **end;
    unsigned count;
};

struct sqlite_lane {
    const char *what; /* "store.write", static */

    /* the loop's */
    struct loop_flush flush;
    uv_async_t answered;
    struct sqlite_jobs fresh; /* since the last flush */
    unsigned inside;          /* asked and not answered */

    /* everybody's, under the lock */
    uv_mutex_t lock;
    uv_cond_t more;
    struct sqlite_jobs queue;
    unsigned idle; /* threads that sleep on `more` */
    bool ended;

    _Atomic(struct sqlite_job *) done; /* newest first */
};

/* The loop's side. Once per loop_init: the lane's flush stays with the loop. */
void sqlite_lane_init(struct sqlite_lane *lane, const char *what);
SUSPENDS enum err sqlite_lane_ask(struct sqlite_lane *lane, struct ctx *ctx,
                                  struct db_query *queries, size_t count);
void sqlite_lane_end(struct sqlite_lane *lane);  /* threads finish what is queued */
void sqlite_lane_done(struct sqlite_lane *lane); /* after they have gone */

/* The threads' side. Sleeps until there is a job; false: the lane has ended. */
bool sqlite_lane_wait(struct sqlite_lane *lane);
/* The oldest jobs: a share of what is there for one of `threads`, at most
 * `most`. NULL when others were quicker. */
struct sqlite_job *sqlite_lane_take(struct sqlite_lane *lane, unsigned threads, unsigned most);
/* Gives back a list that was taken, with every `result` set. */
void sqlite_lane_answer(struct sqlite_lane *lane, struct sqlite_job *jobs);
/* Gives it back without answers, all with this result. */
void sqlite_lane_refuse(struct sqlite_lane *lane, struct sqlite_job *jobs, enum err result);

#endif
