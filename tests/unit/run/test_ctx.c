#include "run/ctx.h"

#include <criterion/criterion.h>

#include "base/clock.h"
#include "run/fiber.h"

Test(ctx, init_gives_an_empty_context_with_a_deadline)
{
    struct arena arena;
    struct ctx ctx;
    memset(&ctx, 0x55, sizeof ctx);

    uint64_t before = mono_ms();
    ctx_init(&ctx, &arena, 5000);
    cr_assert_geq(ctx.deadline, before + 5000);
    cr_assert_leq(ctx.deadline, mono_ms() + 5000);
    cr_assert(ctx.arena == &arena);
    cr_assert(uuid_is_nil(ctx.tenant));
    cr_assert_eq(ctx.request_id.len, 0);
    cr_assert(ctx.address.at != NULL && ctx.address.len == 0);
    cr_assert(ctx.agent.at != NULL && ctx.agent.len == 0);
    cr_assert_eq(ctx.details.count, 0);
    cr_assert_not(ctx.abandoned);
    cr_assert_eq(ctx.retry_after_s, 0);
}

Test(ctx, init_without_a_time_limit_leaves_waits_that_can_be_cancelled)
{
    struct ctx ctx;

    ctx_init(&ctx, NULL, NO_DEADLINE);
    cr_assert_eq(ctx.deadline, NO_DEADLINE);
    ctx_init(&ctx, NULL, UNTIL_DONE);
    cr_assert_eq(ctx.deadline, NO_DEADLINE);
}
