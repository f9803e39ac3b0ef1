#include "core/refresh_token.h"

#include "base/attr.h"
#include "base/codec.h"
#include "driver/crypto.h"

#include <criterion/criterion.h>

#define SECRET STR("0123456789abcdef0123456789abcdef")

static struct arena arena;
static struct uuid tenant, session;

static struct str make(uint32_t generation)
{
    return refresh_token_make(&arena, tenant, session, generation, SECRET).text;
}

static void up(void)
{
    crypto_start();
    arena_init(&arena, 1 << 20);
    master_derive(STR("a master key for nothing but tests"));
    tenant = uuid_new();
    session = uuid_new();
}

static void down(void)
{
    arena_done(&arena);
}

TestSuite(refresh_token, .init = up, .fini = down);

Test(refresh_token, says_its_session_and_generation)
{
    struct refresh_token t;

    cr_assert(refresh_token_parse((struct token){ make(0xfedcba98) }, &t) == OK);
    cr_assert(uuid_eq(t.tenant, tenant) && uuid_eq(t.session, session));
    cr_assert_eq(t.generation, 0xfedcba98);
    cr_assert(refresh_token_check(&t, SECRET) == OK);
}

Test(refresh_token, is_one_text_for_one_generation)
{
    cr_assert(str_eq(make(7), make(7)));
    cr_assert(!str_eq(make(7), make(8)));
    cr_assert_eq(make(7).len, 80);
}

/* T-033: refused without the row. */
Test(refresh_token, any_flipped_bit_is_refused_by_the_tag)
{
    struct str text = make(3);
    struct refresh_token t;
    uint8_t bytes[64];
    char again[96];
    size_t len;

    cr_assert(base64url_decode(str_from(text, 4), bytes, sizeof bytes, &len));
    for (size_t bit = 0; bit < len * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        memcpy(again, "prt_", 4);
        size_t n = base64url_encode(again + 4, str_span(bytes, len));
        cr_assert(refresh_token_parse((struct token){ str_span(again, n + 4) }, &t) ==
                  E_BAD_REFRESH);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

Test(refresh_token, any_other_length_is_refused)
{
    struct str text = make(3);
    struct refresh_token t;

    for (size_t len = 0; len < text.len; len++)
        cr_assert(refresh_token_parse((struct token){ str_upto(text, len) }, &t) == E_BAD_REFRESH);
    struct str longer = arena_fmt(&arena, STR_FMT "A", STR_ARG(text));
    cr_assert(refresh_token_parse((struct token){ longer }, &t) == E_BAD_REFRESH);
}

Test(refresh_token, the_master_key_alone_does_not_forge_one)
{
    struct refresh_token t;
    struct token forged =
        refresh_token_make(&arena, tenant, session, 3, STR("another secret of 32 bytes......"));

    cr_assert(refresh_token_parse(forged, &t) == OK); /* the tag needs the master key only */
    cr_assert(refresh_token_check(&t, SECRET) == E_BAD_REFRESH);
}

Test(refresh_token, the_row_alone_does_not_forge_one)
{
    struct str text = make(3);
    struct refresh_token t;

    master_derive(STR("another master key, of the forger"));
    struct str forged = make(3);
    master_derive(STR("a master key for nothing but tests"));
    cr_assert(!str_eq(text, forged));
    cr_assert(refresh_token_parse((struct token){ forged }, &t) == E_BAD_REFRESH);
}
