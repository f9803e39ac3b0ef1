/* Sessions below the HTTP API: what needs a clock, a fault or a race of its own. */
#include "core_fixture.h"

#include "core/refresh_token.h"

/* The detail column of EXPLAIN QUERY PLAN, line by line. */
static struct str plan_of(const struct db_stmt *explain)
{
    struct ctx ctx;
    struct str all = STR("");
    struct db_query q = QUERY(explain, db_uuid(default_tenant), db_uuid(person.id));

    core_ctx(&ctx);
    cr_assert(store_write(&ctx, &q, 1) == OK); /* EXPLAIN of an UPDATE counts as one */
    for (size_t i = 0; i < q.rows; i++)
        all = arena_fmt(ctx.arena, STR_FMT STR_FMT "\n", STR_ARG(all),
                        STR_ARG(db_get_text(&q, i, 3)));
    return all;
}

/* One account's sessions are found without reading everybody's. */
CORE_TEST(session, those_of_an_account_are_found_by_index)
{
    static const struct db_stmt list = {
        "list",
        "EXPLAIN QUERY PLAN SELECT id, agent FROM session"
        " WHERE tenant_id = $1 AND account_id = $2 AND revoked_at IS NULL ORDER BY id",
        "uu", "iiit"
    };
    static const struct db_stmt end = {
        "end",
        "EXPLAIN QUERY PLAN UPDATE session SET revoked_at = 1"
        " WHERE tenant_id = $1 AND account_id = $2 AND revoked_at IS NULL",
        "uu", "iiit"
    };
    const struct str index = STR("SEARCH session USING INDEX session_by_account"
                                 " (tenant_id=? AND account_id=?)\n");

    cr_assert(str_eq(plan_of(&list), index), STR_FMT, STR_ARG(plan_of(&list)));
    cr_assert(str_eq(plan_of(&end), index), STR_FMT, STR_ARG(plan_of(&end)));
}

/* --- refreshing --- */

struct refreshing {
    struct str token, agent;
    struct tokens got;
    enum err answer;
};

static void refresh_run(void *arg)
{
    struct refreshing *r = arg;
    struct ctx ctx;

    core_ctx(&ctx);
    ctx.agent = r->agent;
    r->answer = session_refresh(&ctx, (struct token){ r->token }, &r->got);
}

/* On a fiber of its own, as a request would. */
static enum err refresh(struct str token, const char *agent, struct str *successor)
{
    struct refreshing r = { .token = token, .agent = str_of(agent) };

    loop_run_fiber("refresh", refresh_run, &r);
    if (r.answer == OK) *successor = r.got.refresh.text;
    return r.answer;
}

static void open_run(void *arg)
{
    struct ctx ctx;
    struct tokens got;

    core_ctx(&ctx);
    must(session_open(&ctx, &person, &got) == OK);
    *(struct tokens *)arg = got;
}

static struct str log_in(void)
{
    struct tokens got;

    loop_run_fiber("open", open_run, &got);
    return got.refresh.text;
}

/* U12: the count that convicts must not be forgotten because the sentence
 * could not be written. */
Test(session, a_follower_is_not_let_off_because_the_store_was_away, .timeout = 60)
{
    core_up();
    struct str token = log_in(), successor = STR_NONE, followed = STR_NONE;

    for (unsigned rotation = 0; rotation < 2; rotation++) {
        cr_assert(refresh(token, "owner/1.0", &successor) == OK);
        cr_assert(refresh(token, "stranger/6.6", &followed) == OK);
        cr_assert(str_eq(followed, successor));
        token = successor;
    }
    cr_assert(refresh(token, "owner/1.0", &successor) == OK);
    torture_fail(2, E_TIMED_OUT); /* it was read, it was counted, it is to be ended */
    cr_assert(refresh(token, "stranger/6.6", &followed) == E_TIMED_OUT);
    cr_assert(torture_hit());
    torture_reset();
    cr_assert(refresh(token, "stranger/6.6", &followed) == E_REFRESH_REUSED);
    cr_assert(refresh(successor, "owner/1.0", &followed) == E_REFRESH_REUSED);
    core_down();
}

static void last_generation_run(void *arg)
{
    static const struct db_stmt set = {
        "set", "UPDATE session SET generation = 4294967295 RETURNING id, secret", "", "ub"
    };
    struct ctx ctx;
    struct db_query q = QUERY(&set, db_null());

    core_ctx(&ctx);
    must(store_write(&ctx, &q, 1) == OK);
    for (uint32_t back = 0; back < 2; back++)
        ((struct str *)arg)[back] =
            refresh_token_make(&core_arena, default_tenant, db_get_uuid(&q, 0, 0),
                               UINT32_MAX - back, db_get_text(&q, 0, 1))
                .text;
}

Test(session, the_last_generation_ends_it, .timeout = 60)
{
    struct str token[2], got;

    core_up();
    (void)log_in();
    loop_run_fiber("set", last_generation_run, token);
    cr_assert(refresh(token[1], "owner/1.0", &got) == E_SESSION_EXPIRED);
    cr_assert(refresh(token[0], "owner/1.0", &got) == E_SESSION_EXPIRED);
    cr_assert(refresh(token[0], "owner/1.0", &got) == E_SESSION_EXPIRED);
    core_down();
}

/* the window is as long as it is, whatever the clock does. */
Test(session, a_clock_that_is_set_does_not_widen_the_window, .timeout = 60)
{
    struct str token, successor = STR_NONE, got;

    core_up();
    token = log_in();
    cr_assert(refresh(token, "owner/1.0", &successor) == OK);
    clock_shift(-3600 * 1000);
    cr_assert(refresh(token, "owner/1.0", &got) == E_BAD_REFRESH);
    cr_assert(refresh(successor, "owner/1.0", &got) == OK);
    cr_assert(refresh(successor, "owner/1.0", &got) == OK);
    clock_shift(GRACE_MS + 1);
    cr_assert(refresh(successor, "owner/1.0", &got) == E_BAD_REFRESH);
    core_down();
}
