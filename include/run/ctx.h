/* ctx.h - what one piece of work carries from floor to floor.
 *
 * A request embeds one; commands and background work make their own. It names
 * the arena the results live in, the one absolute deadline every wait gets, and
 * for whom the work is done. `request_id` first, so that log_info(ctx, ...) works.
 */
#ifndef RUN_CTX_H
#define RUN_CTX_H

#include "base/arena.h"
#include "base/json.h"
#include "base/log.h"
#include "base/uuid.h"

struct ctx {
    struct str request_id;
    struct arena *arena;
    uint64_t deadline; /* mono_ms; given to every wait */
    struct uuid tenant;
    struct details details; /* what is wrong with the input */
    struct str address;     /* of the client, without port; "" when there is none */
    struct str agent;       /* User-Agent; "" */
    bool abandoned;         /* the client has gone: skip what is expensive */
    int retry_after_s;      /* goes out with 429 and 503; 0: the default of 1 */
};

/* A context for work that no request asked for. */
void ctx_init(struct ctx *ctx, struct arena *arena, uint64_t timeout_ms);

#endif
