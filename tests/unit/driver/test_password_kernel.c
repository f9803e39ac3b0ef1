/* The digests of libargon2, whichever instruction set computes them. */
#include "driver/password.h"

#include <argon2.h>
#include <argon2_kernel.h>
#include <criterion/criterion.h>

static const char *const kernels[] = { "sse2", "ssse3", "avx2", "avx512", "ref" };

static void fill(uint8_t *at, uint8_t byte, size_t len)
{
    memset(at, byte, len);
}

/* RFC 9106 5.3: with a secret and associated data, which we never use. */
static void check_rfc_vector(void)
{
    static const uint8_t tag[32] = {
        0x0d, 0x64, 0x0d, 0xf5, 0x8d, 0x78, 0x76, 0x6c, 0x08, 0xc0, 0x37,
        0xa3, 0x4a, 0x8b, 0x53, 0xc9, 0xd0, 0x1e, 0xf0, 0x45, 0x2d, 0x75,
        0xb6, 0x5e, 0xb5, 0x25, 0x20, 0xe9, 0x6b, 0x01, 0xe6, 0x59,
    };
    uint8_t out[32], pwd[32], salt[16], secret[8], ad[12];
    argon2_context c = {
        .out = out,
        .outlen = sizeof out,
        .pwd = pwd,
        .pwdlen = sizeof pwd,
        .salt = salt,
        .saltlen = sizeof salt,
        .secret = secret,
        .secretlen = sizeof secret,
        .ad = ad,
        .adlen = sizeof ad,
        .t_cost = 3,
        .m_cost = 32,
        .lanes = 4,
        .threads = 1,
        .version = ARGON2_VERSION_13,
    };

    fill(pwd, 1, sizeof pwd);
    fill(salt, 2, sizeof salt);
    fill(secret, 3, sizeof secret);
    fill(ad, 4, sizeof ad);
    cr_assert(argon2_ctx(&c, Argon2_id) == ARGON2_OK);
    cr_assert(memcmp(out, tag, sizeof tag) == 0, "kernel %s", argon2_kernel());
}

/* src/test.c of the reference implementation, version 0x13, argon2id. */
static void check_reference_vectors(void)
{
    static const struct {
        uint32_t t, m, p;
        const char *password, *salt, *encoded;
    } vectors[] = {
        { 2, 65536, 1, "password", "somesalt",
          "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc" },
        { 2, 256, 1, "password", "somesalt",
          "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4" },
        { 2, 256, 2, "password", "somesalt",
          "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc" },
        { 1, 65536, 1, "password", "somesalt",
          "$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$9qWtwbpyPd3vm1rB1GThgPzZ3/ydHL92zKL+15XZypg" },
        { 2, 65536, 1, "differentpassword", "somesalt",
          "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94" },
        { 2, 65536, 1, "password", "diffsalt",
          "$argon2id$v=19$m=65536,t=2,p=1$ZGlmZnNhbHQ$vfMrBczELrFdWP0ZsfhWsRPaHppYdP3MVEMIVlqoFBw" },
    };

    for (size_t i = 0; i < COUNT(vectors); i++) {
        struct phc phc;
        uint8_t hash[32];

        cr_assert(argon2id_hash_raw(vectors[i].t, vectors[i].m, vectors[i].p, vectors[i].password,
                                    strlen(vectors[i].password), vectors[i].salt,
                                    strlen(vectors[i].salt), hash, sizeof hash) == ARGON2_OK);
        cr_assert(phc_parse(str_of(vectors[i].encoded), &phc) == OK);
        cr_assert(memcmp(hash, phc.hash, sizeof hash) == 0, "kernel %s, %s", argon2_kernel(),
                  vectors[i].encoded);
    }
}

Test(argon2_kernel, every_one_that_runs_here_computes_the_published_digests)
{
    unsigned tried = 0;

    for (size_t i = 0; i < COUNT(kernels); i++) {
        if (argon2_kernel_force(kernels[i]) != 0) continue;
        cr_assert(strcmp(password_kernel(), kernels[i]) == 0);
        check_rfc_vector();
        check_reference_vectors();
        tried++;
    }
    cr_assert(tried >= 1);
}

Test(argon2_kernel, an_unknown_name_changes_nothing)
{
    const char *before = argon2_kernel();

    cr_assert(argon2_kernel_force("mmx") == -1);
    cr_assert(argon2_kernel() == before);
}
