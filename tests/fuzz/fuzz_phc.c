/* A PHC string is taken apart within the caps, and has one spelling only. */
#include "base/must.h"
#include "driver/password.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_span(data, size);
    struct phc phc;

    if (phc_parse(text, &phc) != OK) return 0;
    must(argon2_params_allowed(phc.params));
    must(phc.salt_len >= 8 && phc.salt_len <= sizeof phc.salt);
    must(phc.hash_len >= 16 && phc.hash_len <= sizeof phc.hash);

    struct arena arena CLEANUP(arena_done);
    arena_init(&arena, 1 << 16);
    must(str_eq(phc_format(&arena, &phc), text));
    return 0;
}
