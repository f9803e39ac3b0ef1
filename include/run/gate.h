/* gate.h - a bounded lane on the uv work queue.
 *
 * At most `width` jobs of a lane are in the queue at once; the rest wait here,
 * in the order they came, at most `queue_max` of them and each at most
 * `queue_ms`. Beyond either: E_OVERLOADED, at once; also when the queue would
 * take longer than half of `queue_ms` at the pace of late, so that who waits is
 * served. A waiter whose client has gone is dropped (E_CANCELED) when its turn
 * comes.
 *
 *     CLEANUP(gate_leave) struct gate_pass pass = { 0 };
 *     TRY(gate_enter(&hash_gate, ctx, &pass));
 *     TRY(gate_work(&pass, hash_work, &job));
 */
#ifndef RUN_GATE_H
#define RUN_GATE_H

#include "base/attr.h"
#include "run/ctx.h"
#include "run/fiber.h"

#define GATE_WIDTH_MAX 256

struct gate_waiter;

struct gate {
    const char *name; /* static */
    unsigned width, queue_max, queue_ms;
    unsigned inside, queued; /* now */
    bool slot_used[GATE_WIDTH_MAX];
    uint64_t slot_since_us[GATE_WIDTH_MAX];
    uint64_t pass_us; /* how long one is inside, of late; 0: not known yet */
    struct gate_waiter *first, *last;
    uint64_t entered, refused; /* since the start */
};

struct gate_pass {
    struct gate *gate; /* NULL: not inside */
    unsigned slot;     /* 0 .. width-1, nobody else's while inside */
};

void gate_init(struct gate *g, const char *name, unsigned width, unsigned queue_max,
               unsigned queue_ms);
SUSPENDS enum err gate_enter(struct gate *g, struct ctx *ctx, struct gate_pass *pass);
/* Runs work(arg) on a pool thread and waits it out, whatever the deadline:
 * the thread reads the caller's frame until it is finished. */
SUSPENDS enum err gate_work(struct gate_pass *pass, void (*work)(void *arg), void *arg);
void gate_leave(struct gate_pass *pass); /* CLEANUP-able; nothing when not inside */

/* Sizes UV_THREADPOOL_SIZE for the lanes plus a reserve for names and files;
 * call before the first use of the pool. */
void gate_pool_size(unsigned lanes);

#endif
