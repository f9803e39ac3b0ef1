#include "driver/password.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define SALT "c29tZXNhbHQ"
#define HASH "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
#define A16 "AAAAAAAAAAAAAAAA"

static enum err parse(const char *text)
{
    struct phc phc;
    return phc_parse(str_of(text), &phc);
}

Test(phc, takes_a_string_of_the_reference_apart)
{
    struct phc phc;

    cr_assert(phc_parse(STR("$argon2id$v=19$m=65536,t=2,p=1$" SALT "$" HASH), &phc) == OK);
    cr_assert(phc.params.memory_kib == 65536);
    cr_assert(phc.params.time_cost == 2);
    cr_assert(phc.params.parallelism == 1);
    cr_assert(phc.salt_len == 8 && memcmp(phc.salt, "somesalt", 8) == 0);
    cr_assert(phc.hash_len == 32 && phc.hash[0] == 0x09 && phc.hash[31] == 0xf7);
}

Test(phc, writes_what_it_reads)
{
    const char *texts[] = {
        "$argon2id$v=19$m=65536,t=2,p=1$" SALT "$" HASH,
        "$argon2id$v=19$m=8,t=1,p=1$/////////////////////w$AAECAwQFBgcICQoLDA0ODw",
        "$argon2id$v=19$m=262144,t=16,p=16$" SALT "$" HASH,
    };
    struct arena a;

    arena_init(&a, 1 << 16);
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct phc phc;
        cr_assert(phc_parse(str_of(texts[i]), &phc) == OK, "%s", texts[i]);
        cr_assert(str_eq(phc_format(&a, &phc), str_of(texts[i])), "%s", texts[i]);
    }
    arena_done(&a);
}

/* */
Test(phc, refuses_parameters_beyond_the_caps)
{
    const char *params[] = {
        "m=4294967296,t=2,p=1", "m=4294967295,t=2,p=1", "m=262145,t=2,p=1",
        "m=0,t=2,p=1",          "m=7,t=2,p=1",          "m=15,t=2,p=2",
        "m=65536,t=0,p=1",      "m=65536,t=17,p=1",     "m=65536,t=4294967297,p=1",
        "m=65536,t=2,p=0",      "m=65536,t=2,p=17",     "m=65536,t=2,p=16777216",
    };

    for (size_t i = 0; i < COUNT(params); i++) {
        char text[PHC_MAX];
        snprintf(text, sizeof text, "$argon2id$v=19$%s$" SALT "$" HASH, params[i]);
        cr_assert(parse(text) == E_BAD_VALUE, "%s", text);
    }
}

/* */
Test(phc, refuses_everything_that_is_not_exactly_that_form)
{
    const char *texts[] = {
        "",
        "$",
        "plain text",
        "$2y$10$abcdefghijklmnopqrstuuE7zYy9qbXn5rT3mB1vQ0oGm1yJq8K2",
        "$argon2i$v=19$m=65536,t=2,p=1$" SALT "$" HASH,
        "$argon2d$v=19$m=65536,t=2,p=1$" SALT "$" HASH,
        "$argon2ID$v=19$m=65536,t=2,p=1$" SALT "$" HASH,
        "$argon2id$m=65536,t=2,p=1$" SALT "$" HASH,
        "$argon2id$v=16$m=65536,t=2,p=1$" SALT "$" HASH,
        "$argon2id$v=019$m=65536,t=2,p=1$" SALT "$" HASH,
        "argon2id$v=19$m=65536,t=2,p=1$" SALT "$" HASH,
        "$argon2id$v=19$t=2,m=65536,p=1$" SALT "$" HASH,
        "$argon2id$v=19$m=65536,t=2$" SALT "$" HASH,
        "$argon2id$v=19$m=65536,t=2,p=1,$" SALT "$" HASH,
        "$argon2id$v=19$m=65536,t=2,p=1,p=1$" SALT "$" HASH,
        "$argon2id$v=19$m=65536,t=2,p=1,data=AAAA$" SALT "$" HASH,
        "$argon2id$v=19$m=065536,t=2,p=1$" SALT "$" HASH,
        "$argon2id$v=19$m=+65536,t=2,p=1$" SALT "$" HASH,
        "$argon2id$v=19$m=-65536,t=2,p=1$" SALT "$" HASH,
        "$argon2id$v=19$m= 65536,t=2,p=1$" SALT "$" HASH,
        "$argon2id$v=19$m=0x10000,t=2,p=1$" SALT "$" HASH,
        "$argon2id$v=19$m=,t=2,p=1$" SALT "$" HASH,
        "$argon2id$v=19$$" SALT "$" HASH,
        "$argon2id$v=19$m=65536,t=2,p=1$$" HASH,
        "$argon2id$v=19$m=65536,t=2,p=1$" SALT,
        "$argon2id$v=19$m=65536,t=2,p=1$" SALT "$",
        "$argon2id$v=19$m=65536,t=2,p=1$" SALT "=$" HASH,
        "$argon2id$v=19$m=65536,t=2,p=1$" SALT "$" HASH "=",
        "$argon2id$v=19$m=65536,t=2,p=1$" SALT "$" HASH "$",
        "$argon2id$v=19$m=65536,t=2,p=1$" SALT "$" HASH "\n",
        " $argon2id$v=19$m=65536,t=2,p=1$" SALT "$" HASH,
        /* spare bits that are not zero; the alphabet of base64url */
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHR$" HASH,
        "$argon2id$v=19$m=65536,t=2,p=1$c29t-XNhbHQ$" HASH,
        /* salts of 7 and 65 bytes, hashes of 15 and 65 */
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbA$" HASH,
        "$argon2id$v=19$m=65536,t=2,p=1$" A16 A16 A16 A16 A16 "AAAAAAA$" HASH,
        "$argon2id$v=19$m=65536,t=2,p=1$" SALT "$AAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=65536,t=2,p=1$" SALT "$" A16 A16 A16 A16 A16 "AAAAAAA",
    };

    for (size_t i = 0; i < COUNT(texts); i++)
        cr_assert(parse(texts[i]) == E_BAD_VALUE, "%s", texts[i]);
    cr_assert(parse(NULL) == E_BAD_VALUE);
}

/* */
Test(phc, refuses_every_truncation)
{
    struct str whole = STR("$argon2id$v=19$m=65536,t=2,p=1$" SALT "$" HASH);
    struct phc phc, before;

    memset(&phc, 0xA5, sizeof phc);
    before = phc;
    /* Whole groups of four characters less leave a shorter hash, from 16 bytes. */
    for (size_t len = 0; len < whole.len - 21; len++)
        cr_assert(phc_parse(str_upto(whole, len), &phc) == E_BAD_VALUE, "%zu", len);
    cr_assert(memcmp(&phc, &before, sizeof phc) == 0, "written although refused");
}

/* */
Test(phc, refuses_a_salt_of_a_million_bytes)
{
    struct str head = STR("$argon2id$v=19$m=65536,t=2,p=1$"), tail = STR("$" HASH);
    size_t salt = 1333336;
    char *text = malloc(head.len + salt + tail.len);
    struct phc phc;

    memcpy(text, head.at, head.len);
    memset(text + head.len, 'A', salt);
    memcpy(text + head.len + salt, tail.at, tail.len);
    cr_assert(phc_parse(str_span(text, head.len + salt + tail.len), &phc) == E_BAD_VALUE);
    free(text);
}
