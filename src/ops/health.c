#include "ops/health.h"

#include "base/clock.h"
#include "driver/store.h"

enum { PROBE_MS = 800, PROBE_GOOD_MS = 500 };

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

/* U1: every 503 says when to come back. */
static enum err not_yet(struct request *rq, struct str body)
{
    reply_header(rq, "Retry-After", STR("1"));
    return reply_text(rq, 503, TYPE, body);
}

SUSPENDS enum err health_startup(struct request *rq)
{
    reply_no_store(rq);
    if (started) return reply_text(rq, 200, TYPE, STR("{\"status\":\"started\"}"));
    return not_yet(rq, STR("{\"status\":\"starting\"}"));
}

/* A probe is a durable write: a good answer serves everybody who asks soon. */
SUSPENDS static bool store_is_usable(struct ctx *ctx)
{
    static uint64_t good_until_ms;
    uint64_t now_ms = mono_ms();

    if (now_ms < good_until_ms) return true;
    if (ctx->deadline > now_ms + PROBE_MS) ctx->deadline = now_ms + PROBE_MS;
    if (store_probe(ctx) != OK) return false;
    good_until_ms = now_ms + PROBE_GOOD_MS;
    return true;
}

/* Says which part is not, but nothing of what the part is made of. */
SUSPENDS enum err health_ready(struct request *rq)
{
    bool draining = http_draining(), store = false;

    if (started && !draining) store = store_is_usable(&rq->ctx);
    reply_no_store(rq);
    if (store) return reply_text(rq, 200, TYPE, STR("{\"status\":\"ready\"}"));
    const char *part = !started ? "startup" : draining ? "draining" : "store";
    return not_yet(rq,
                   arena_fmt(rq->ctx.arena, "{\"status\":\"unavailable\",\"part\":\"%s\"}", part));
}
