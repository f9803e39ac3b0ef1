/* fiber.h - handlers that wait without blocking the loop.
 *
 * A fiber runs a function on a stack of its own, on the loop's thread, and
 * reads top to bottom; every wait goes through await. Only the loop resumes
 * fibers: wake puts a wait on a ready list that one prepare and one check
 * callback drain, so nothing recurses and what a batch of fibers writes leaves
 * in one flush.
 *
 * A wait answers what it was woken with, or E_TIMED_OUT at the deadline, or
 * E_CANCELED once its fiber was cancelled; the last two are sticky: every
 * later wait of that fiber with a deadline answers the same at once. A wait
 * with UNTIL_DONE is answered only by wake. A fiber is never unwound by force.
 *
 * A struct wait on a waiter's stack is legal only if wake surely comes before
 * the function returns (UNTIL_DONE), or the waker is told to forget it. A wait
 * that timed out can be awaited again: "wait it out" is a second await.
 */
#ifndef RUN_FIBER_H
#define RUN_FIBER_H

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

struct fiber;

#define UNTIL_DONE UINT64_MAX
#define NO_DEADLINE (UINT64_MAX - 1) /* never times out, but can be cancelled */

struct wait {
    struct fiber *fiber; /* who waits; NULL before and after */
    const char *what;    /* "store.write": for the table of fibers, static */
    enum err result;     /* once woken */
    bool woken;
};

void wait_init(struct wait *w, const char *what);
/* Sleeps until woken, or until `deadline` (mono_ms). Must be on a fiber.
 * Woken before: answers that result at once, each time until wait_init. */
SUSPENDS enum err await(struct wait *w, uint64_t deadline);
/* The same, but answers `late`, which does not stick, if `until` (mono_ms)
 * comes before the deadline: for waits with a patience of their own. */
SUSPENDS enum err await_until(struct wait *w, uint64_t until, enum err late, uint64_t deadline);
/* Any number of times; the first counts. Loop thread only. */
void wake(struct wait *w, enum err result);

/* Starts `run(arg)` on a fiber from the next drain on. `name` is static. NULL
 * when the most fibers there may be are running (fiber_init): say overloaded. */
struct fiber *fiber_start(const char *name, void (*run)(void *arg), void *arg);
void fiber_cancel(struct fiber *f); /* see above; only while it lives */
void fiber_label(struct str id);    /* request id of the running fiber, copied */
struct fiber *fiber_self(void);     /* NULL on the loop's own stack */
unsigned fiber_count(void);         /* alive */
SUSPENDS enum err fiber_sleep(uint64_t ms, uint64_t deadline);

void fiber_init(unsigned most); /* after loop_init */
void fiber_done(void);          /* all fibers have ended; frees the pool */
void fiber_log_all(void);       /* the live table, one line each (SIGUSR1) */

/* A fiber that keeps the loop for longer is logged ("fiber.slow", at most once
 * a second). 0: never, which is how it starts under sanitizers and valgrind. */
extern unsigned fiber_slow_ms;

#endif
