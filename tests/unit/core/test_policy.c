#include "core/policy.h"

#include "base/config.h"
#include "driver/password.h"

#include <criterion/criterion.h>

static struct arena arena;
static struct ctx ctx;
static struct secret normalized;

static void begin(void)
{
    arena_init(&arena, 64 << 20);
    ctx = (struct ctx){ .arena = &arena };
    config.password_min_length = 8;
}

static void end(void)
{
    arena_done(&arena);
}

TestSuite(policy, .init = begin, .fini = end);

static enum err check(struct str password)
{
    ctx.details.count = 0;
    return policy_check(&ctx, "password", (struct secret){ password }, STR("alice@example.com"),
                        &normalized);
}

static void accepted(const char *password)
{
    enum err e = check(str_of(password));

    cr_assert(e == OK, "%s: %s", password,
              ctx.details.count ? ctx.details.at[0].code : "no detail");
    cr_assert(ctx.details.count == 0);
}

static bool told(const char *code)
{
    for (unsigned i = 0; i < ctx.details.count; i++)
        if (strcmp(ctx.details.at[i].code, code) == 0) return true;
    return false;
}

static void refused(const char *password, const char *code)
{
    cr_assert(check(str_of(password)) == E_WEAK_PASSWORD, "%s", password);
    cr_assert(told(code), "%s: not %s but %s", password, code, ctx.details.at[0].code);
    for (unsigned i = 0; i < ctx.details.count; i++) {
        cr_assert(str_eq(ctx.details.at[i].field, STR("password")));
        cr_assert(ctx.details.at[i].message.len > 0);
    }
}

Test(policy, good_passwords_are_accepted)
{
    accepted("correct horse battery staple");
    accepted("gT7#kq2z");
    accepted("xkcdvorp");
    accepted("Tr0ub4dor&3");
    accepted("\u00fcb\u00e4rfl\u00fcssig");
    accepted("\u043f\u0430\u0440\u043e\u043b\u044c-\u043c\u043e\u0439");
    accepted("alice likes long walks");
    accepted("postern-of-the-old-castle");
}

Test(policy, length_is_counted_in_code_points) /* */
{
    refused("gT7#kq2", "too_short");
    refused("", "too_short");
    refused("\u00e4\u00f6\u00fc\u00df\u00e9\u00e8\u00e0", "too_short");
    accepted("\u00e4\u00f6\u00fc\u00df\u00e9\u00e8\u00e0\u00e2");
    config.password_min_length = 15;
    refused("gT7#kq2zgT7#kq", "too_short");
    accepted("gT7#kq2zgT9#kqx");
}

/* */
Test(policy, at_most_1024_bytes_are_looked_at)
{
    const size_t fine[] = { 64, 128, 1024 };
    char text[2048];
    uint32_t seed = 1;

    for (size_t i = 0; i < sizeof text; i++) {
        seed = seed * 1664525 + 1013904223;
        text[i] = (char)('a' + (seed >> 16) % 26);
    }
    for (size_t i = 0; i < COUNT(fine); i++) cr_assert(check(str_span(text, fine[i])) == OK);
    cr_assert(check(str_span(text, 1025)) == E_WEAK_PASSWORD);
    cr_assert(told("too_long"));
    cr_assert(policy_normalize(&ctx, (struct secret){ str_span(text, 1025) }, &normalized) ==
              E_BAD_VALUE);

    /* 1,024 bytes that become 3,072 in NFC. */
    for (size_t i = 0; i < 1024; i += 4) memcpy(text + i, "\U0001D160", 4);
    cr_assert(check(str_span(text, 1024)) == E_WEAK_PASSWORD);
    cr_assert(told("too_long"));
}

Test(policy, what_is_hashed_is_nfc_and_nothing_else) /* */
{
    struct secret composed, decomposed, spaced;

    cr_assert(policy_normalize(&ctx, (struct secret){ STR("  P\u00c4ss \t") }, &spaced) == OK);
    cr_assert(str_eq(spaced.text, STR("  P\u00c4ss \t")));
    cr_assert(policy_normalize(&ctx, (struct secret){ STR("\u00e9t\u00e9") }, &composed) == OK);
    cr_assert(policy_normalize(&ctx, (struct secret){ STR("e\u0301te\u0301") }, &decomposed) == OK);
    cr_assert(str_eq(composed.text, decomposed.text));
    cr_assert(policy_normalize(&ctx, (struct secret){ STR("a\xc3") }, &composed) == E_BAD_VALUE);
    cr_assert(ctx.details.count == 0, "a login tells nothing");
    cr_assert(check(STR("e\u0301te\u0301-a-la-mer")) == OK);
    cr_assert(str_eq(normalized.text, STR("\u00e9t\u00e9-a-la-mer")));
}

Test(policy, characters_that_can_change_are_refused)
{
    refused("gT7#kq2z\u0378", "invalid_character");
    refused("gT7#kq2z\xc3", "invalid_character");
}

Test(policy, switches_ask_for_kinds_of_characters)
{
    accepted("xkcdvorp");
    config.password_require_uppercase = true;
    refused("xkcdvorp", "needs_uppercase");
    accepted("xkcdVorp");
    accepted("xkcd\u00c4orp");
    config.password_require_numbers = true;
    refused("xkcdVorp", "needs_number");
    accepted("xkc7Vorp");
    config.password_require_special = true;
    refused("xkc7Vorp", "needs_special");
    accepted("xkc7Vor ");
    refused("short", "too_short");
    cr_assert(told("needs_uppercase") && told("needs_number") && told("needs_special"),
              "every broken rule is told at once");
}

/* */
Test(policy, common_passwords_and_their_variants_are_refused)
{
    const char *common[] = { "password",     "PASSWORD",  "Password1",        "password123",
                             "Password123!", "p@ssw0rd",  "P4$$w0rd",         "iloveyou",
                             "sunshine",     "trustno1",  "football",         "baseball1",
                             "superman",     "letmein!!", "Welcome2024",      "administrator",
                             "starwars",     "changeme",  "princess",         "dragon99",
                             "zzzzzzz1",     "!qaz2wsx",  "passwordpassword", "monkey1234" };

    for (size_t i = 0; i < COUNT(common); i++) refused(common[i], "too_common");
    accepted("password of my own");
    accepted("mydragonsleepsinside");
}

/* */
Test(policy, what_leans_on_the_address_or_the_service_is_refused)
{
    refused("alice@example.com", "contains_email");
    refused("Alice@Example.com", "contains_email");
    refused("alice2024", "contains_email");
    refused("xALICEx1", "contains_email");
    refused("alicealice", "contains_email");
    refused("example.com!!", "contains_email");
    refused("postern1234", "too_common");
    refused("MyPostern!", "too_common");
}

Test(policy, an_absent_address_is_not_compared)
{
    cr_assert(policy_check(&ctx, "password", (struct secret){ STR("xkcdvorp") }, STR_NONE,
                           &normalized) == OK);
}

/* */
Test(policy, repetitions_are_as_short_as_what_is_repeated)
{
    refused("aaaaaaaa", "repeated");
    refused("xkxkxkxkxk", "repeated");
    refused("abcabcabc", "repeated");
    refused("gT7#gT7#gT7#gT", "repeated");
    refused("\u00e9\u00e8\u00e9\u00e8\u00e9\u00e8\u00e9\u00e8", "repeated");
    accepted("gT7#kq2zgT7#kq2z");
}

/* */
Test(policy, runs_along_keyboard_and_alphabet_are_refused)
{
    const char *runs[] = { "qwertyui",  "QWERTYUIOP",   "12345678",  "87654321",
                           "abcdefgh",  "zyxwvuts",     "asdfghjkl", "1qaz2wsx",
                           "abc123xyz", "qwer1234",     "qazwsxedc", "azertyuiop",
                           "!@#$%^&*",  "aaaabbbbcccc", "12345678x", "0987654321" };

    for (size_t i = 0; i < COUNT(runs); i++) refused(runs[i], "sequence");
    accepted("abcd-qwer-7k2p");
}

Test(policy, any_byte_can_be_in_a_password)
{
    cr_assert(check(STR("x\0k\1c\x7f"
                        "dv\0\0rp")) == OK);
    cr_assert(check(STR("\0\0\0\0\0\0\0\0")) == E_WEAK_PASSWORD);
}
