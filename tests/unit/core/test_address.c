#include "core/address.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct arena arena;
static struct ctx ctx;

static void begin(void)
{
    arena_init(&arena, 64 << 20);
    ctx = (struct ctx){ .arena = &arena };
}

static void end(void)
{
    arena_done(&arena);
}

TestSuite(address, .init = begin, .fini = end);

static struct str canonical(struct str typed)
{
    struct address address;

    cr_assert(address_read(&ctx, typed, &address) == OK, STR_FMT, STR_ARG(typed));
    cr_assert(str_eq(address.display, typed));
    return address.canonical;
}

static void refused(struct str typed)
{
    struct address address;

    ctx.details.count = 0;
    cr_assert(address_read(&ctx, typed, &address) == E_BAD_VALUE, STR_FMT, STR_ARG(typed));
    cr_assert(ctx.details.count == 1);
    cr_assert(str_eq(ctx.details.at[0].field, STR("email")));
    cr_assert_str_eq(ctx.details.at[0].code, "invalid_format");
}

Test(address, canonical_is_lower_case_and_display_is_as_typed)
{
    cr_assert(str_eq(canonical(STR("Alice@Example.COM")), STR("alice@example.com")));
    cr_assert(str_eq(canonical(STR("a.b+tag@mail.example.org")), STR("a.b+tag@mail.example.org")));
    cr_assert(str_eq(canonical(STR("!#$%&'*+-/=?^_`{|}~@x.yz")), STR("!#$%&'*+-/=?^_`{|}~@x.yz")));
}

/* RFC 6531, UTS 46 */
Test(address, canonical_has_nfc_and_a_labels)
{
    struct str want = STR("jos\u00e9@xn--bcher-kva.de");

    cr_assert(str_eq(canonical(STR("Jos\u00e9@b\u00fccher.de")), want));
    cr_assert(str_eq(canonical(STR("JOSE\u0301@BU\u0308CHER.de")), want));
    cr_assert(str_eq(canonical(STR("jos\u00e9@xn--bcher-kva.de")), want));
    cr_assert(str_eq(canonical(STR("jos\u00e9@b\u00fccher\u3002de")), want));
}

/* J-019: one rule, applied once; full-width letters are other letters in a
 * local part, but not in a domain. */
Test(address, look_alikes_are_one_address_or_two_but_never_both)
{
    cr_assert(str_eq(canonical(STR("stra\u00dfe@x.de")), canonical(STR("STRASSE@x.de"))));
    cr_assert(str_eq(canonical(STR("a@\uff45xample.com")), canonical(STR("a@example.com"))));
    cr_assert(!str_eq(canonical(STR("\uff41@x.de")), canonical(STR("a@x.de"))));
    cr_assert(!str_eq(canonical(STR("\u0430@x.de")), canonical(STR("a@x.de"))));
}

Test(address, canonical_of_canonical_is_itself) /* J-019 */
{
    const char *typed[] = { "A@B.CD",
                            "Jos\u00e9@b\u00fccher.de",
                            "\u0130@x.de",
                            "STRA\u1e9eE@x.de",
                            "\u1fb4\u0301@x.de",
                            "\uff21@\uff21.de",
                            "\u03a3\u03c2@\u03c3.gr" };

    for (size_t i = 0; i < COUNT(typed); i++) {
        struct str once = canonical(str_of(typed[i]));
        cr_assert(str_eq(canonical(once), once), "%s", typed[i]);
    }
}

/* J-019, J-027 */
Test(address, what_is_no_address_is_refused)
{
    const char *bad[] = {
        "",
        "@",
        "a",
        "a@",
        "@b.com",
        "a@b",
        "a@localhost",
        "a@@b.com",
        "a@b@c.com",
        " a@b.com",
        "a@b.com ",
        "a @b.com",
        "a@ b.com",
        "a\t@b.com",
        "\"a b\"@c.com",
        "\"a\"@c.com",
        "a(comment)@b.com",
        "(c)a@b.com",
        "<a@b.com>",
        "Al <a@b.com>",
        "a,b@c.com",
        "a;b@c.com",
        "a:b@c.com",
        "a\\b@c.com",
        "a[b@c.com",
        ".a@b.com",
        "a.@b.com",
        "a..b@c.com",
        "a@[127.0.0.1]",
        "a@127.0.0.1",
        "a@[IPv6:::1]",
        "a@b..com",
        "a@.b.com",
        "a@b.com.",
        "a@-b.com",
        "a@b-.com",
        "a@b_c.com",
        "a@b.123",
        "a@b.com\r\nBcc: c@d.com",
        "a\r\n@b.com",
        "a@b\n.com",
        "a\x7f@b.com",
        "a\uff20b.com",
        "a@b\uff20c.com",
        "a\uff20b@c.com",
        "a\ufe6bb@c.com",
        "a\uff0eb\uff0e@c.com",
        "a\uff02b@c.com",
        "a\u2026b@c.com",
        "a\u200b@b.com",
        "a\u202eb@c.com",
        "\ufeffa@b.com",
        "a\u00a0b@c.com",
        "a\u3164@b.com",
        "a\u0378@b.com",
        "a@b\u200b.com\u202e",
        "a\xc3@b.com",
        "a@b\xff.com",
        "a\xed\xa0\x80@b.com",
    };

    for (size_t i = 0; i < COUNT(bad); i++) refused(str_of(bad[i]));
    refused(STR("a\0@b.com"));
    refused(STR("a@b.com\0"));
    refused(STR("a@b.com\0.evil.org"));
    refused(STR_NONE);
}

/* RFC 5321 4.5.3.1: 64 for the local part, 254 altogether, in bytes. */
Test(address, lengths_are_bounded)
{
    char at[400];
    struct address address;

    snprintf(at, sizeof at, "%064d@b.com", 0);
    cr_assert(address_read(&ctx, str_of(at), &address) == OK);
    snprintf(at, sizeof at, "%065d@b.com", 0);
    refused(str_of(at));
    snprintf(at, sizeof at, "%061d@%063d.%060d.%063d.com", 0, 0, 0, 0);
    cr_assert(strlen(at) == 254);
    cr_assert(address_read(&ctx, str_of(at), &address) == OK);
    snprintf(at, sizeof at, "%062d@%063d.%060d.%063d.com", 0, 0, 0, 0);
    refused(str_of(at));
}
