#include "driver/unicode.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct arena arena;

static void begin(void)
{
    arena_init(&arena, 64 << 20);
}

static void end(void)
{
    arena_done(&arena);
}

TestSuite(unicode, .init = begin, .fini = end);

Test(unicode, valid_utf8_is_what_rfc_3629_says)
{
    const char *good[] = { "",
                           "a",
                           "\xc2\x80",
                           "\xdf\xbf",
                           "\xe0\xa0\x80",
                           "\xed\x9f\xbf",
                           "\xee\x80\x80",
                           "\xef\xbf\xbf",
                           "\xf0\x90\x80\x80",
                           "\xf4\x8f\xbf\xbf" };
    const char *bad[] = { "\x80",
                          "\xbf",
                          "\xc0\x80",
                          "\xc1\xbf",
                          "\xe0\x80\x80",
                          "\xe0\x9f\xbf",
                          "\xed\xa0\x80",
                          "\xed\xbf\xbf",
                          "\xf0\x80\x80\x80",
                          "\xf0\x8f\xbf\xbf",
                          "\xf4\x90\x80\x80",
                          "\xf5\x80\x80\x80",
                          "\xff",
                          "\xfe",
                          "\xc2",
                          "\xe0\xa0",
                          "\xf0\x90\x80",
                          "a\xc2",
                          "\xc2z",
                          "\xf8\x88\x80\x80\x80" };

    for (size_t i = 0; i < COUNT(good); i++) cr_assert(utf8_valid(str_of(good[i])), "%zu", i);
    for (size_t i = 0; i < COUNT(bad); i++) cr_assert(!utf8_valid(str_of(bad[i])), "%zu", i);
    cr_assert(utf8_valid(STR("a\0b")));
}

Test(unicode, length_counts_code_points)
{
    cr_assert(utf8_length(STR("")) == 0);
    cr_assert(utf8_length(STR("abc")) == 3);
    cr_assert(utf8_length(STR("p\u00e4ssw\u00f6rd")) == 8);
    cr_assert(utf8_length(STR("\U0001F511\u00e4e\u0308")) == 4);
}

static bool nfc_is(struct str in, struct str out)
{
    struct str nfc;
    return unicode_nfc(&arena, in, &nfc) == OK && str_eq(nfc, out);
}

/* NormalizationTest.txt of Unicode 15, parts 0 to 2: source and NFC. */
Test(unicode, nfc_of_the_published_samples)
{
    cr_assert(nfc_is(STR("plain ASCII, A-Z"), STR("plain ASCII, A-Z")));
    cr_assert(nfc_is(STR("e\u0301"), STR("\u00e9")));
    cr_assert(nfc_is(STR("\u1e0a\u0323"), STR("\u1e0c\u0307")));
    cr_assert(nfc_is(STR("D\u0307\u0323"), STR("\u1e0c\u0307")));
    cr_assert(nfc_is(STR("\u212b"), STR("\u00c5")));
    cr_assert(nfc_is(STR("\u1100\u1161\u11a8"), STR("\uac01")));
    cr_assert(nfc_is(STR("\u0958"), STR("\u0915\u093c")), "composition exclusion");
    cr_assert(nfc_is(STR("\U0001D15E"), STR("\U0001D157\U0001D165")));
    cr_assert(nfc_is(STR("\uff21"), STR("\uff21")), "compatibility is not equivalence");
    cr_assert(nfc_is(STR("a\0e\u0301"), STR("a\0\u00e9")));
}

Test(unicode, nfkc_folds_compatibility_too)
{
    struct str out;

    cr_assert(unicode_nfkc(&arena, STR("\uff21\uff20\ufb01"), &out) == OK);
    cr_assert(str_eq(out, STR("A@fi")));
}

Test(unicode, nfc_refuses_what_is_not_utf8)
{
    struct str out;

    cr_assert(unicode_nfc(&arena, STR("a\xc3"), &out) == E_BAD_VALUE);
    cr_assert(unicode_nfc(&arena, STR("\xed\xa0\x80"), &out) == E_BAD_VALUE);
    cr_assert(unicode_nfkc(&arena, STR("\xff"), &out) == E_BAD_VALUE);
}

static bool folds_to(struct str in, struct str out)
{
    return str_eq(unicode_casefold_nfc(&arena, in), out);
}

Test(unicode, casefold_makes_cases_and_equivalents_equal)
{
    cr_assert(folds_to(STR("Alice.O'NEIL"), STR("alice.o'neil")));
    cr_assert(folds_to(STR("\u00c4PFEL"), STR("\u00e4pfel")));
    cr_assert(folds_to(STR("A\u0308PFEL"), STR("\u00e4pfel")));
    cr_assert(folds_to(STR("STRA\u1e9eE"), STR("strasse")));
    cr_assert(folds_to(STR("stra\u00dfe"), STR("strasse")));
    cr_assert(folds_to(STR("\u03a3\u03c2\u03c3"), STR("\u03c3\u03c3\u03c3")));
    cr_assert(folds_to(STR("\u0130"), STR("i\u0307")), "whatever the locale");
}

/* U+0345 moves across other marks and folds to a letter (Unicode 3.13, D145). */
Test(unicode, casefold_does_not_depend_on_the_order_of_marks)
{
    struct str one = unicode_casefold_nfc(&arena, STR("\u03b1\u0345\u0301"));
    struct str other = unicode_casefold_nfc(&arena, STR("\u03b1\u0301\u0345"));

    cr_assert(str_eq(one, other));
    cr_assert(str_eq(one, unicode_casefold_nfc(&arena, STR("\u1fb4"))));
}

static struct str utf8_of(uint32_t code, char out[4])
{
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

    for (size_t i = len; i-- > 1; code >>= 6) out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)(code | (len == 1 ? 0 : 0xf00u >> len));
    return str_span(out, len);
}

/* Else an address could be registered twice: as typed and as it was stored. */
Test(unicode, casefold_of_a_folded_character_changes_nothing)
{
    for (uint32_t code = 0x20; code < 0x20000; code++) {
        char text[4];
        struct str s = utf8_of(code, text);

        if (!unicode_is_visible(s)) continue;
        struct str once = unicode_casefold_nfc(&arena, s);
        cr_assert(str_eq(unicode_casefold_nfc(&arena, once), once), "U+%04X", code);
        arena_reset(&arena);
    }
}

Test(unicode, printable_is_fit_for_one_line)
{
    const char *bad[] = { "a\nb",     "a\tb",       "\x7f",   "a\xc2\x85z", "\u200bzero width",
                          "a\u202eb", "\u2066x",    "\ufeff", "\u2028",     "\u2029",
                          "\ue000",   "\U000E0041", "\u0378", "\uffff",     "\xff" };

    cr_assert(unicode_is_printable(STR("Jos\u00e9 \U0001F600 \u5f20\u4f1f O'Neil-Smith")));
    cr_assert(unicode_is_printable(STR("")));
    for (size_t i = 0; i < COUNT(bad); i++)
        cr_assert(!unicode_is_printable(str_of(bad[i])), "%zu", i);
    cr_assert(!unicode_is_printable(STR("a\0b")));
}

Test(unicode, visible_leaves_no_room_for_blanks)
{
    const char *bad[] = { "a b",    "a\u00a0b", "\u3000", "\u3164",
                          "\u115f", "a\ufe0f",  "\u034f", "\u200d" };

    cr_assert(unicode_is_visible(STR("jos\u00e9.\u5f20")));
    for (size_t i = 0; i < COUNT(bad); i++)
        cr_assert(!unicode_is_visible(str_of(bad[i])), "%zu", i);
}

Test(unicode, unassigned_code_points_are_told)
{
    cr_assert(unicode_is_assigned(STR("abc \u00e9\U0001F511\ue000")));
    cr_assert(!unicode_is_assigned(STR("abc\u0378")));
    cr_assert(!unicode_is_assigned(STR("\U000E1000")));
}

Test(unicode, kinds_are_told_by_category)
{
    struct unicode_kinds k = unicode_kinds_in(STR("a"));
    cr_assert(k.lower && !k.upper && !k.number && !k.other);
    k = unicode_kinds_in(STR("\u00c9\u01c5"));
    cr_assert(k.upper && !k.lower && !k.number && !k.other);
    k = unicode_kinds_in(STR("7\u0663"));
    cr_assert(k.number && !k.lower && !k.upper && !k.other);
    k = unicode_kinds_in(STR("_"));
    cr_assert(k.other && !k.lower && !k.upper && !k.number);
    k = unicode_kinds_in(STR("aB3 "));
    cr_assert(k.other && k.lower && k.upper && k.number);
    k = unicode_kinds_in(STR(""));
    cr_assert(!k.other && !k.lower && !k.upper && !k.number);
}

static bool host_is(struct str in, struct str out)
{
    struct str ascii;
    return idna_host(&arena, in, &ascii) == OK && str_eq(ascii, out);
}

/* UTS 46, IdnaTestV2.txt: non-transitional. */
Test(unicode, hosts_become_lower_case_a_labels)
{
    cr_assert(host_is(STR("Example.COM"), STR("example.com")));
    cr_assert(host_is(STR("localhost"), STR("localhost")));
    cr_assert(host_is(STR("a-1.b-2"), STR("a-1.b-2")));
    cr_assert(host_is(STR("b\u00fccher.de"), STR("xn--bcher-kva.de")));
    cr_assert(host_is(STR("B\u00dcCHER.de"), STR("xn--bcher-kva.de")));
    cr_assert(host_is(STR("bu\u0308cher.de"), STR("xn--bcher-kva.de")));
    cr_assert(host_is(STR("XN--bcher-KVA.de"), STR("xn--bcher-kva.de")));
    cr_assert(host_is(STR("fa\u00df.de"), STR("xn--fa-hia.de")), "not fass.de");
    cr_assert(host_is(STR("\uff45\uff58\uff41\uff4d\uff50\uff4c\uff45.com"), STR("example.com")));
    cr_assert(host_is(STR("\u65e5\u672c\u8a9e\u3002jp"), STR("xn--wgv71a119e.jp")));
}

Test(unicode, hosts_that_are_none_are_refused)
{
    const char *bad[] = {
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "-a.com",
        "a-.com",
        "a_b.com",
        "a b.com",
        "a@b.com",
        "a/b",
        "a:80",
        "[::1]",
        "a\nb.com",
        "xn--.com",
        "xn--a.com",
        "xn--bcher-kva-.de",
        "\u200b.com",
        "a\u200bb.com\u202e",
        "a\uff20b.com",
        "\u0301a.com",
        "\xff.com",
        "0123456789012345678901234567890123456789012345678901234567890123.com",
    };
    struct str ascii;

    for (size_t i = 0; i < COUNT(bad); i++)
        cr_assert(idna_host(&arena, str_of(bad[i]), &ascii) == E_BAD_VALUE, "%zu: %s gave %.*s", i,
                  bad[i], (int)ascii.len, ascii.at);
    cr_assert(idna_host(&arena, STR("a\0.com"), &ascii) == E_BAD_VALUE);
}

Test(unicode, hosts_have_at_most_253_bytes)
{
    char host[256];
    struct str ascii;

    for (size_t i = 0; i < sizeof host; i++) host[i] = i % 2 ? '.' : 'a';
    cr_assert(idna_host(&arena, str_span(host, 253), &ascii) == OK);
    cr_assert(idna_host(&arena, str_span(host, 255), &ascii) == E_BAD_VALUE);
}
