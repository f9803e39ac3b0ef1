/* change.h - what every process must hear of within a second.
 *
 * Whoever ends a session, changes an account's standing or touches the keys
 * writes a row of `change` in the same batch. Each process reads the rows that
 * are newer than the last it saw, twice a second, and tells those who keep
 * something in memory. In the process that made the change they are told at
 * once, by change_tell. A number, not a clock, decides what is newer.
 */
#ifndef CORE_CHANGE_H
#define CORE_CHANGE_H

#include "driver/store.h"

/* CHANGE_ANY is told, never written: rows were gone before this process read
 * them, and whatever it keeps may be out of date. */
enum change_kind { CHANGE_SESSION, CHANGE_ACCOUNT, CHANGE_KEYS, CHANGE_ANY };

/* Goes into the batch that makes the change; changes even if that batch's
 * other statements changed nothing, which does no harm. `params` holds four. */
struct db_query change_query(struct db_value params[4], const struct ctx *ctx,
                             enum change_kind kind, struct uuid subject);

/* After the batch: tells this process. */
void change_tell(enum change_kind kind, struct uuid tenant, struct uuid subject);

/* At most CHANGE_LISTENERS, before change_start; called on the loop, must not wait. */
#define CHANGE_LISTENERS 4
void change_listen(void (*hear)(enum change_kind kind, struct uuid tenant, struct uuid subject));

/* Grows with every change heard. What was read from the store before it grew
 * must not be kept. */
uint64_t change_epoch(void);

/* True while what was read last was so less than a second ago: only then may a
 * cache be believed. */
bool change_is_fresh(void);

/* Reads where the feed stands and starts reading: before anything is read that
 * is to be kept, or a change in between would never be heard of. */
SUSPENDS enum err change_start(struct ctx *ctx);
void change_stop(void); /* nothing if it was not started */
/* Forgets rows older than an hour, at most `limit`. */
SUSPENDS enum err change_sweep(struct ctx *ctx, unsigned limit);

#endif
