/* ctx.c - a context for work that no request asked for. */
#include "run/ctx.h"

#include "base/clock.h"
#include "run/fiber.h"

void ctx_init(struct ctx *ctx, struct arena *arena, uint64_t timeout_ms)
{
    uint64_t now = mono_ms();

    *ctx = (struct ctx){
        .request_id = STR(""),
        .arena = arena,
        .deadline = timeout_ms < NO_DEADLINE - now ? now + timeout_ms : NO_DEADLINE,
        .address = STR(""),
        .agent = STR(""),
    };
}
