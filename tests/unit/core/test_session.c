/* Sessions below the HTTP API: what needs a clock, a fault or a race of its own. */
#include "core_fixture.h"

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
