/* Access tokens as they are made and kept. */
#include "core_fixture.h"

static char issuer[512]; /* the longest that the configuration lets through */

CORE_TEST(token, the_longest_issuer_has_room)
{
    struct token_subject subject = { .account = person.id,
                                     .role = STR("superuser"),
                                     .auth_time_ms = INT64_C(253402300799000) };
    struct identity who;
    struct token token;
    struct ctx ctx;

    core_ctx(&ctx);
    memset(issuer, 'a', sizeof issuer);
    struct str longest = str_span(issuer, sizeof issuer);
    token_start(&(struct token_rules){ longest, longest, 86400 });
    cr_assert(token_issue(&ctx, &subject, &token) == OK);
    cr_assert_leq(token.text.len, TOKEN_MAX);
    cr_assert(token_read(&ctx, token, &who) == OK);
    cr_assert(uuid_eq(who.account, person.id));
}
