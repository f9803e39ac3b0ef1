#include "core/sweep.h"

#include "core/change.h"
#include "core/session.h"
#include "run/timer.h"

enum { EVERY_MS = 1000, SLICE = 500, DEADLINE_MS = 5000, ARENA_MAX = 1 << 20 };

static struct timer ticker;
static bool started, sweeping;

SUSPENDS static enum err sweep_slice(struct ctx *ctx)
{
    size_t removed;
    bool wrapped;

    TRY(session_sweep(ctx, SLICE, &removed, &wrapped));
    if (removed) log_info(ctx, "sweep.sessions", KV("removed", removed));
    return wrapped ? change_sweep(ctx, SLICE) : OK;
}

static void sweep_once(void *arg)
{
    (void)arg;
    CLEANUP(arena_done) struct arena arena;
    struct ctx ctx;

    arena_init(&arena, ARENA_MAX);
    ctx_init(&ctx, &arena, DEADLINE_MS);
    enum err e = sweep_slice(&ctx);
    if (e != OK) log_warn(&ctx, "sweep.failed", KV("error", e));
    sweeping = false;
}

static void on_tick(struct timer *t)
{
    (void)t;
    if (!sweeping) sweeping = fiber_start("sweep", sweep_once, NULL) != NULL;
}

void sweep_start(void)
{
    started = true;
    timer_init(&ticker, on_tick);
    timer_start(&ticker, EVERY_MS, EVERY_MS);
}

void sweep_stop(void)
{
    if (started) timer_close(&ticker, NULL);
    started = false;
}
