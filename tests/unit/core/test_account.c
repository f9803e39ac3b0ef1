/* Accounts below the HTTP API: what needs a race or a clock of its own. */
#include "core_fixture.h"

SUSPENDS static struct account read_person(struct ctx *ctx)
{
    struct account who;

    cr_assert(account_by_id(ctx, person.id, &who) == OK);
    return who;
}

/* */
CORE_TEST(account, an_upgraded_hash_is_no_other_password)
{
    struct account who;
    struct ctx ctx;
    bool stored;

    core_ctx(&ctx);
    who = read_person(&ctx);
    cr_assert(account_upgrade_hash(&ctx, &who, (struct secret){ STR("$better") }, &stored) == OK);
    cr_assert(stored);
    cr_assert(account_set_password(&ctx, &who, (struct secret){ STR("$new") }, UUID_NIL) == OK);
    cr_assert(account_set_password(&ctx, &who, (struct secret){ STR("$late") }, UUID_NIL) ==
              E_CONFLICT);
    cr_assert(account_upgrade_hash(&ctx, &who, (struct secret){ STR("$late") }, &stored) == OK);
    cr_assert_not(stored);
    cr_assert(str_eq(read_person(&ctx).password_hash.text, STR("$new")));
}

/* A login that had checked the old password gets nothing, whatever the clock. */
CORE_TEST(account, a_change_is_noticed_when_the_clock_was_set_back)
{
    struct account before;
    struct tokens tokens;
    struct ctx ctx;

    core_ctx(&ctx);
    before = read_person(&ctx);
    clock_shift(-3600 * 1000);
    cr_assert(account_set_password(&ctx, &before, (struct secret){ STR("$new") }, UUID_NIL) == OK);
    cr_assert_gt(read_person(&ctx).password_changed_at, before.password_changed_at);
    cr_assert(session_open(&ctx, &before, &tokens) == E_BAD_CREDENTIAL);
}

CORE_TEST(account, an_empty_name_is_none)
{
    struct account_new new = { .role = STR("user"),
                               .password_hash = { STR("$none") },
                               .first_name = STR(""),
                               .last_name = STR("Lovelace") };
    struct account made;
    struct ctx ctx;

    core_ctx(&ctx);
    cr_assert(address_read(&ctx, STR("ada@example.com"), &new.email) == OK);
    cr_assert(account_create(&ctx, &new, &made) == OK);
    cr_assert_null(made.first_name.at);
    cr_assert(str_eq(made.last_name, STR("Lovelace")));
}
