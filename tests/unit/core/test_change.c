/* The feed as another process writes it. */
#include "core_fixture.h"

#include "core/change.h"

static unsigned heard[CHANGE_ANY + 1];

static void hear(enum change_kind kind, struct uuid tenant, struct uuid subject)
{
    (void)tenant, (void)subject;
    heard[kind]++;
}

/* By SQL of their own: nobody in this process is told. */
static const struct db_stmt one_of_each = {
    "one_of_each",
    "INSERT INTO change (tenant_id, kind, subject, at)"
    " VALUES ($1, 'session', $1, 0), ($1, 'account', $1, 0)",
    "u", ""
};
static const struct db_stmt forget = {
    "forget", "DELETE FROM change WHERE tenant_id = $1 AND seq < (SELECT max(seq) FROM change)",
    "u", ""
};

SUSPENDS static void change_rows(struct ctx *ctx, const struct db_stmt *stmt)
{
    struct db_query q = QUERY(stmt, db_uuid(default_tenant));

    cr_assert(store_write(ctx, &q, 1) == OK);
}

SUSPENDS static void wait_for(unsigned *count)
{
    for (unsigned i = 0; i < 40 && *count == 0; i++) cr_assert(fiber_sleep(50, NO_DEADLINE) == OK);
}

CORE_TEST(change, what_another_process_wrote_is_heard)
{
    struct ctx ctx;

    core_ctx(&ctx);
    change_listen(hear);
    cr_assert(change_start(&ctx) == OK);
    change_rows(&ctx, &one_of_each);
    wait_for(&heard[CHANGE_ACCOUNT]);
    cr_assert_eq(heard[CHANGE_SESSION], 1);
    cr_assert_eq(heard[CHANGE_ACCOUNT], 1);
    cr_assert_eq(heard[CHANGE_ANY], 0);
    change_stop();
}

/* A process that stood still for longer than rows are kept. */
CORE_TEST(change, rows_that_were_swept_unread_make_everything_doubtful)
{
    struct ctx ctx;

    core_ctx(&ctx);
    change_listen(hear);
    cr_assert(change_start(&ctx) == OK);
    change_rows(&ctx, &one_of_each);
    change_rows(&ctx, &forget);
    wait_for(&heard[CHANGE_ANY]);
    cr_assert_eq(heard[CHANGE_ANY], 1);
    cr_assert_eq(heard[CHANGE_SESSION], 0);
    cr_assert_eq(heard[CHANGE_ACCOUNT], 1);
    change_stop();
}

CORE_TEST(change, a_sweep_keeps_the_newest_row)
{
    static const struct db_stmt count = { "count", "SELECT count(*) FROM change", "", "i" };
    struct db_query q = QUERY(&count, db_null());
    struct ctx ctx;

    core_ctx(&ctx);
    change_rows(&ctx, &one_of_each);
    cr_assert(change_sweep(&ctx, 100) == OK);
    cr_assert(change_sweep(&ctx, 100) == OK);
    cr_assert(store_read(&ctx, &q, 1) == OK);
    cr_assert_eq(db_get_int(&q, 0, 0), 2); /* and the one of the key, which is young */
}
