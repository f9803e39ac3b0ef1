#include "ops/health.h"

#include "base/clock.h"
#include "driver/store.h"

enum { PROBE_MS = 800 };

#define TYPE "application/json; charset=utf-8"

static bool started;

void health_started(void)
{
    started = true;
}

bool health_is_started(void)
{
    return started;
}

SUSPENDS enum err health_live(struct request *rq)
{
    reply_no_store(rq);
    return reply_text(rq, 200, TYPE, STR("{\"status\":\"ok\"}"));
}

SUSPENDS enum err health_startup(struct request *rq)
{
    reply_no_store(rq);
    if (started) return reply_text(rq, 200, TYPE, STR("{\"status\":\"started\"}"));
    return reply_text(rq, 503, TYPE, STR("{\"status\":\"starting\"}"));
}

/* Says which part is not, in the words of the outage table: nothing that tells
 * a stranger what the part is made of. */
SUSPENDS enum err health_ready(struct request *rq)
{
    bool draining = http_draining(), store = false;

    if (started && !draining) {
        uint64_t soon = mono_ms() + PROBE_MS;
        if (rq->ctx.deadline > soon) rq->ctx.deadline = soon;
        store = store_probe(&rq->ctx) == OK;
    }
    reply_no_store(rq);
    if (store) return reply_text(rq, 200, TYPE, STR("{\"status\":\"ready\"}"));
    const char *part = !started ? "startup" : draining ? "draining" : "store";
    return reply_text(rq, 503, TYPE,
                      arena_fmt(rq->ctx.arena, "{\"status\":\"unavailable\",\"part\":\"%s\"}",
                                part));
}
