#include "base/codec.h"

#include <criterion/criterion.h>

/* RFC 4648 10, without the padding; the last rows tell the alphabets apart. */
static const struct {
    struct str bytes, url, std, hex;
} vectors[] = {
    { STR_INIT(""), STR_INIT(""), STR_INIT(""), STR_INIT("") },
    { STR_INIT("f"), STR_INIT("Zg"), STR_INIT("Zg"), STR_INIT("66") },
    { STR_INIT("fo"), STR_INIT("Zm8"), STR_INIT("Zm8"), STR_INIT("666f") },
    { STR_INIT("foo"), STR_INIT("Zm9v"), STR_INIT("Zm9v"), STR_INIT("666f6f") },
    { STR_INIT("foob"), STR_INIT("Zm9vYg"), STR_INIT("Zm9vYg"), STR_INIT("666f6f62") },
    { STR_INIT("fooba"), STR_INIT("Zm9vYmE"), STR_INIT("Zm9vYmE"), STR_INIT("666f6f6261") },
    { STR_INIT("foobar"), STR_INIT("Zm9vYmFy"), STR_INIT("Zm9vYmFy"), STR_INIT("666f6f626172") },
    { STR_INIT("\xff\xfe\xfd"), STR_INIT("__79"), STR_INIT("//79"), STR_INIT("fffefd") },
    { STR_INIT("\xfb\xf0"), STR_INIT("-_A"), STR_INIT("+/A"), STR_INIT("fbf0") },
};

Test(codec, agrees_with_rfc_4648)
{
    char text[32], bytes[32];
    size_t len;

    for (size_t i = 0; i < COUNT(vectors); i++) {
        len = base64url_encode(text, vectors[i].bytes);
        cr_expect(str_eq(str_span(text, len), vectors[i].url), "row %zu", i);
        len = base64_encode(text, vectors[i].bytes);
        cr_expect(str_eq(str_span(text, len), vectors[i].std), "row %zu", i);
        len = hex_encode(text, vectors[i].bytes);
        cr_expect(str_eq(str_span(text, len), vectors[i].hex), "row %zu", i);

        cr_expect(base64url_decode(vectors[i].url, bytes, sizeof bytes, &len));
        cr_expect(str_eq(str_span(bytes, len), vectors[i].bytes), "row %zu", i);
        cr_expect(base64_decode(vectors[i].std, bytes, sizeof bytes, &len));
        cr_expect(str_eq(str_span(bytes, len), vectors[i].bytes), "row %zu", i);
        cr_expect(hex_decode(vectors[i].hex, bytes, sizeof bytes, &len));
        cr_expect(str_eq(str_span(bytes, len), vectors[i].bytes), "row %zu", i);
    }
}

Test(codec, every_byte_at_every_place_comes_back)
{
    char bytes[7], text[BASE64_LEN(sizeof bytes)], back[sizeof bytes];
    size_t len;

    for (size_t size = 1; size <= sizeof bytes; size++)
        for (unsigned c = 0; c < 256; c++) {
            for (size_t i = 0; i < size; i++) bytes[i] = (char)(c + i * 37);
            size_t text_len = base64url_encode(text, str_span(bytes, size));
            cr_assert(text_len == BASE64_LEN(size) && BASE64_BYTES(text_len) == size);
            cr_assert(base64url_decode(str_span(text, text_len), back, sizeof back, &len));
            cr_assert(str_eq(str_span(back, len), str_span(bytes, size)));
        }
}

Test(codec, refuses_what_is_not_exactly_base64url)
{
    static const struct str bad[] = {
        STR_INIT("Z"),       STR_INIT("Zm9vY"), STR_INIT("Zg=="),     STR_INIT("Zm9v\n"),
        STR_INIT("Zm 9v"),   STR_INIT("Zm9+"),  STR_INIT("Zm9/"),     STR_INIT("Zh"),
        STR_INIT("Zm9"),     STR_INIT("Zm9v="), STR_INIT("Zm\0v"),    STR_INIT("\xc3\xa9zz"),
        STR_INIT("Zm9vY\0"), STR_INIT("===="),  STR_INIT("Zm9vZm9."), STR_INIT("\xffm9v"),
    };
    char bytes[32];
    size_t len = 99;

    for (size_t i = 0; i < COUNT(bad); i++) {
        cr_expect_not(base64url_decode(bad[i], bytes, sizeof bytes, &len), "row %zu", i);
        cr_expect(len == 0);
    }
    cr_expect_not(base64_decode(STR("__79"), bytes, sizeof bytes, &len));
    cr_expect_not(base64_decode(STR("Zg=="), bytes, sizeof bytes, &len));
}

Test(codec, refuses_what_is_not_exactly_hex)
{
    static const struct str bad[] = { STR_INIT("6"), STR_INIT("0x66"), STR_INIT("6g"),
                                      STR_INIT("6 "), STR_INIT("66:6f") };
    char bytes[32];
    size_t len;

    for (size_t i = 0; i < COUNT(bad); i++)
        cr_expect_not(hex_decode(bad[i], bytes, sizeof bytes, &len), "row %zu", i);
    cr_expect(hex_decode(STR("fFAb"), bytes, sizeof bytes, &len));
    cr_expect(str_eq(str_span(bytes, len), STR("\xff\xab")));
}

Test(codec, never_writes_past_the_room)
{
    char bytes[4] = { 0, 0, 0, 'x' };
    size_t len;

    cr_expect_not(base64url_decode(STR("Zm9vYg"), bytes, 3, &len));
    cr_expect_not(hex_decode(STR("666f6f62"), bytes, 3, &len));
    cr_expect(base64url_decode(STR("Zm9v"), bytes, 3, &len) && len == 3);
    cr_expect(bytes[3] == 'x');
}

Test(codec, an_arena_text_is_the_same)
{
    CLEANUP(arena_done) struct arena a;

    arena_init(&a, 65536);
    cr_expect(str_eq(base64url(&a, STR("fooba")), STR("Zm9vYmE")));
    cr_expect(str_eq(base64url(&a, STR("")), STR("")));
}
