/* Refresh tokens: garbage is refused, and what is accepted has one spelling. */
#include "base/attr.h"
#include "base/must.h"
#include "core/refresh_token.h"
#include "driver/crypto.h"

#define SECRET STR("0123456789abcdef0123456789abcdef")

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool started;
    CLEANUP(arena_done) struct arena arena;
    struct refresh_token t;

    if (!started) {
        crypto_start();
        master_derive(STR("a master key for nothing but tests"));
        started = true;
    }
    arena_init(&arena, 1 << 16);
    struct str text = str_span(data, size);
    if (refresh_token_parse((struct token){ text }, &t) == OK &&
        refresh_token_check(&t, SECRET) == OK) {
        struct token again = refresh_token_make(&arena, t.tenant, t.session, t.generation, SECRET);
        must(str_eq(again.text, text));
    }
    return 0;
}
