#include "../jws_vectors.h"

#include <pthread.h>

TestSuite(signer, .init = crypto_start, .timeout = 120);

static struct arena *const a = &vectors_arena;

static const char *const private_keys[] = { "rfc7515 a2", "jwcrypto PS256", "rfc7515 a3",
                                            "rfc8037 a", "rfc7515 a1" };

static void flip(struct str s, size_t bit)
{
    ((char *)(uintptr_t)s.at)[bit / 8] ^= (char)(1 << bit % 8);
}

static struct str sign(const struct signer_key *key, struct str data)
{
    uint8_t out[SIGNATURE_MAX];

    return arena_copy(a, str_span(out, signer_sign(key, data, out)));
}

Test(signer, algorithms_are_known_by_their_exact_names)
{
    static const char *const wrong[] = { "",       "none",   "None",  "NONE",   "rs256",
                                         "RS256 ", "RS2560", "RS25",  "RS384",  "ES512",
                                         "HS512",  "ES256K", "EDDSA", "Ed25519" };
    enum alg alg;

    for (enum alg each = 0; each < ALG_COUNT; each++) {
        cr_expect(alg_parse(str_of(alg_name(each)), &alg));
        cr_expect_eq(alg, each);
    }
    for (size_t i = 0; i < COUNT(wrong); i++)
        cr_expect(!alg_parse(str_of(wrong[i]), &alg), "%s", wrong[i]);
    cr_expect(!alg_parse(STR_NONE, &alg));
    cr_expect(!alg_parse(STR("RS256\0"), &alg));
}

Test(signer, libcrypto_is_the_default_where_it_is_built_in)
{
    const char *at_start = signer_backend();

    cr_assert_str_eq(at_start, signer_force("openssl") ? "openssl" : "mbedtls");
    cr_assert(!signer_force("another"));
}

/* --- signatures ---------------------------------------------------------- */

ON_BOTH(signer, what_a_key_signs_it_verifies_and_nothing_else)
{
    struct str data = STR("what is signed");

    for (size_t i = 0; i < COUNT(private_keys); i++) {
        struct vector v = vector(private_keys[i]);

        if (!signer_supports(v.alg)) continue;
        struct signer_key *key = vector_private_key(&v);
        struct str signature = sign(key, data);

        cr_expect_eq(signer_alg(key), v.alg);
        cr_expect(signer_verify(key, data, signature) == OK, "%s", private_keys[i]);
        cr_expect(signer_verify(key, STR("what is Signed"), signature) == E_BAD_TOKEN);
        cr_expect(signer_verify(key, STR(""), signature) == E_BAD_TOKEN);
        signer_free(key);
    }
}

/* T-002 */
ON_BOTH(signer, a_signature_with_a_bit_flipped_or_a_wrong_length_is_refused)
{
    struct str data = STR("what is signed");

    for (size_t i = 0; i < COUNT(private_keys); i++) {
        struct vector v = vector(private_keys[i]);

        if (!signer_supports(v.alg)) continue;
        struct signer_key *key = vector_private_key(&v);
        struct str signature = sign(key, data);

        for (size_t bit = 0; bit < 8 * signature.len; bit += 7) {
            flip(signature, bit);
            cr_expect(signer_verify(key, data, signature) == E_BAD_TOKEN, "%s bit %zu",
                      private_keys[i], bit);
            flip(signature, bit);
        }
        cr_expect(signer_verify(key, data, signature) == OK);

        struct str longer = arena_fmt(a, "%*s", (int)signature.len + 1, "");

        memcpy((char *)(uintptr_t)longer.at, signature.at, signature.len);
        cr_expect(signer_verify(key, data, longer) == E_BAD_TOKEN);
        cr_expect(signer_verify(key, data, str_from(signature, 1)) == E_BAD_TOKEN);
        cr_expect(signer_verify(key, data, str_upto(signature, signature.len - 1)) == E_BAD_TOKEN);
        cr_expect(signer_verify(key, data, STR_NONE) == E_BAD_TOKEN);
        memset((char *)(uintptr_t)signature.at, 0, signature.len);
        cr_expect(signer_verify(key, data, signature) == E_BAD_TOKEN, "zeros");
        signer_free(key);
    }
}

ON_BOTH(signer, signatures_are_as_long_as_jws_wants_them)
{
    static const size_t lengths[] = { 256, 384, 64, 64, 32 };

    for (size_t i = 0; i < COUNT(private_keys); i++) {
        struct vector v = vector(private_keys[i]);

        if (!signer_supports(v.alg)) continue;
        struct signer_key *key = vector_private_key(&v);

        cr_expect_eq(sign(key, STR("")).len, lengths[i], "%s", private_keys[i]);
        signer_free(key);
    }
}

/* A nonce used twice for two messages gives the key away. */
ON_BOTH(signer, es256_never_uses_a_nonce_twice)
{
    struct vector v = vector("rfc7515 a3");
    struct signer_key *key = vector_private_key(&v);
    struct str seen[32];

    for (size_t i = 0; i < COUNT(seen); i++) {
        seen[i] = sign(key, STR("the same"));
        for (size_t k = 0; k < i; k++)
            cr_expect(!str_eq(str_upto(seen[i], 32), str_upto(seen[k], 32)));
    }
    signer_free(key);
}

static void *sign_and_verify(void *arg)
{
    const struct signer_key *key = arg;
    uint8_t out[SIGNATURE_MAX];
    size_t good = 0;

    for (size_t i = 0; i < 100; i++) {
        size_t len = signer_sign(key, STR("data"), out);

        good += signer_verify(key, STR("data"), str_span(out, len)) == OK;
    }
    return (void *)good;
}

ON_BOTH(signer, a_key_may_be_used_by_several_threads)
{
    struct vector v = vector("rfc7515 a3");
    struct signer_key *key = vector_private_key(&v);
    pthread_t threads[3];
    void *good;

    for (size_t i = 0; i < COUNT(threads); i++)
        cr_assert(pthread_create(&threads[i], NULL, sign_and_verify, key) == 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        pthread_join(threads[i], &good);
        cr_expect_eq((size_t)good, 100);
    }
    signer_free(key);
}

/* --- keys ---------------------------------------------------------------- */

ON_BOTH(signer, a_new_key_survives_export_and_import)
{
    static const enum alg made[] = { ALG_RS256, ALG_ES256, ALG_EDDSA };

    for (size_t i = 0; i < COUNT(made); i++) {
        struct signer_key *key = signer_generate(made[i]), *again;
        struct jwk jwk, jwk_again;

        if (!key) {
            cr_expect(!signer_supports(made[i]));
            continue;
        }
        struct str pkcs8 = signer_export(a, key);

        cr_assert(signer_import(made[i], pkcs8, &again) == OK);
        cr_expect(str_eq(signer_export(a, again), pkcs8));
        signer_public(a, key, &jwk);
        signer_public(a, again, &jwk_again);
        cr_expect(str_eq(jwk_thumbprint(a, &jwk), jwk_thumbprint(a, &jwk_again)));
        cr_expect(signer_verify(key, STR("x"), sign(again, STR("x"))) == OK);
        signer_free(key);
        signer_free(again);
    }
}

ON_BOTH(signer, two_new_keys_differ)
{
    struct signer_key *one = signer_generate(ALG_ES256), *two = signer_generate(ALG_ES256);

    cr_expect(!str_eq(signer_export(a, one), signer_export(a, two)));
    cr_expect(signer_verify(one, STR("x"), sign(two, STR("x"))) == E_BAD_TOKEN);
    signer_free(one);
    signer_free(two);
}

ON_BOTH(signer, the_public_part_of_an_imported_key_is_what_others_say)
{
    static const char *const names[] = { "rfc7515 a2",     "rfc7515 a3",     "rfc8037 a",
                                         "jwcrypto RS256", "jwcrypto PS256", "jwcrypto ES256",
                                         "jwcrypto EdDSA" };

    for (size_t i = 0; i < COUNT(names); i++) {
        struct vector v = vector(names[i]);
        struct jwk jwk;

        if (!signer_supports(v.alg)) continue;
        struct signer_key *key = vector_private_key(&v);

        signer_public(a, key, &jwk);
        cr_expect_eq(jwk.alg, v.alg);
        cr_expect(str_eq(jwk.n, v.jwk.n) && str_eq(jwk.e, v.jwk.e), "%s", names[i]);
        cr_expect(str_eq(jwk.x, v.jwk.x) && str_eq(jwk.y, v.jwk.y), "%s", names[i]);
        cr_expect(str_eq(jwk_thumbprint(a, &jwk), v.thumbprint), "%s", names[i]);
        signer_free(key);
    }
}

/* RFC 7638 3.1, RFC 8037 A.3 */
Test(signer, thumbprints_are_those_of_the_rfcs)
{
    struct vector rsa = vector("rfc7638 3.1"), okp = vector("rfc8037 a");

    cr_assert(
        str_eq(jwk_thumbprint(a, &rsa.jwk), STR("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")));
    cr_assert(
        str_eq(jwk_thumbprint(a, &okp.jwk), STR("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")));
}

static void keys_of_one_work_in(const char *maker, const char *other)
{
    static const char *const names[] = { "rfc7515 a2", "jwcrypto PS256", "rfc7515 a3" };

    if (!signer_force(maker) || !signer_force(other)) cr_skip("one back end only");
    for (size_t i = 0; i < COUNT(names); i++) {
        struct vector v = vector(names[i]);
        struct signer_key *mine, *theirs, *their_public;
        struct jwk jwk;

        signer_force(maker);
        mine = vector_private_key(&v);
        signer_public(a, mine, &jwk);

        signer_force(other);
        cr_assert(signer_import(v.alg, signer_export(a, mine), &theirs) == OK);
        cr_assert(signer_import_jwk(&jwk, &their_public) == OK);
        cr_expect(signer_verify(theirs, STR("data"), sign(mine, STR("data"))) == OK);
        cr_expect(signer_verify(their_public, STR("data"), sign(mine, STR("data"))) == OK);
        cr_expect(signer_verify(mine, STR("data"), sign(theirs, STR("data"))) == OK);
        cr_expect(signer_verify(mine, STR("date"), sign(theirs, STR("data"))) == E_BAD_TOKEN);
        signer_free(mine);
        signer_free(theirs);
        signer_free(their_public);
    }
}

Test(signer, openssl_keys_and_signatures_are_good_for_mbedtls)
{
    keys_of_one_work_in("openssl", "mbedtls");
}

Test(signer, mbedtls_keys_and_signatures_are_good_for_openssl)
{
    keys_of_one_work_in("mbedtls", "openssl");
}

ON_BOTH(signer, import_refuses_what_is_not_exactly_such_a_key)
{
    static const char *const names[] = { "rfc7515 a2", "rfc7515 a3", "rfc8037 a" };
    struct signer_key *key = NULL;

    for (size_t i = 0; i < COUNT(names); i++) {
        struct vector v = vector(names[i]);
        struct str longer = arena_fmt(a, "%*s", (int)v.pkcs8.len + 1, "");

        if (!signer_supports(v.alg)) continue;
        memcpy((char *)(uintptr_t)longer.at, v.pkcs8.at, v.pkcs8.len);
        cr_expect(signer_import(v.alg, longer, &key) == E_BAD_VALUE, "%s longer", names[i]);
        for (size_t len = 0; len < v.pkcs8.len; len += 1 + len / 8)
            cr_expect(signer_import(v.alg, str_upto(v.pkcs8, len), &key) == E_BAD_VALUE,
                      "%s cut to %zu", names[i], len);
        for (size_t k = 0; k < COUNT(names); k++) {
            struct vector other = vector(names[k]);

            if (k != i)
                cr_expect(signer_import(v.alg, other.pkcs8, &key) == E_BAD_VALUE, "%s as %s",
                          names[k], alg_name(v.alg));
        }
    }
}

ON_BOTH(signer, import_refuses_another_curve)
{
    struct signer_key *key = NULL;

    cr_expect(signer_import(ALG_ES256, vector("p-384").pkcs8, &key) == E_BAD_VALUE);
    cr_expect(signer_import(ALG_ES256, vector("secp256k1").pkcs8, &key) == E_BAD_VALUE);
}

Test(signer, mbedtls_says_that_it_has_no_eddsa)
{
    struct vector v = vector("rfc8037 a");
    struct signer_key *key = NULL;

    cr_assert(signer_force("mbedtls"));
    cr_expect(!signer_supports(ALG_EDDSA));
    cr_expect_null(signer_generate(ALG_EDDSA));
    cr_expect(signer_import(ALG_EDDSA, v.pkcs8, &key) == E_NOT_IMPLEMENTED);
    cr_expect(signer_import_jwk(&v.jwk, &key) == E_NOT_IMPLEMENTED);
}

/* T-004; RFC 7518 3.2 */
Test(signer, secrets_shorter_than_the_hash_are_refused)
{
    struct signer_key *key = NULL;

    cr_expect(signer_import_secret(STR_NONE, &key) == E_BAD_VALUE);
    cr_expect(signer_import_secret(STR(""), &key) == E_BAD_VALUE);
    cr_expect(signer_import_secret(STR("secret"), &key) == E_BAD_VALUE);
    cr_expect(signer_import_secret(STR("0123456789abcdef0123456789abcde"), &key) == E_BAD_VALUE);
    cr_assert(signer_import_secret(STR("0123456789abcdef0123456789abcdef"), &key) == OK);
    signer_free(key);
}

/* T-003: the key types do not mix, whatever the bytes are */
Test(signer, hs256_has_no_jwk_and_no_pkcs8)
{
    struct vector v = vector("rfc7515 a2");
    struct signer_key *key = NULL;

    v.jwk.alg = ALG_HS256;
    cr_expect(signer_import(ALG_HS256, v.pkcs8, &key) == E_NOT_IMPLEMENTED);
    cr_expect(signer_import_jwk(&v.jwk, &key) == E_NOT_IMPLEMENTED);
}

/* --- T-025 --------------------------------------------------------------- */

ON_BOTH(signer, ps256_wants_a_salt_of_32_and_mgf1_with_sha_256)
{
    static const char *const wrong[] = { "pss salt of 0", "pss salt of 20", "pss salt of 222",
                                         "pss mgf1 with sha-1", "pss mgf1 with sha-512" };
    struct vector right = vector("pss salt of 32");
    struct signer_key *key = vector_key(&right);

    cr_assert(signer_verify(key, right.signed_part, right.signature) == OK);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct vector v = vector(wrong[i]);

        cr_expect(signer_verify(key, v.signed_part, v.signature) == E_BAD_TOKEN, "%s", wrong[i]);
    }
    cr_expect(signer_verify(key, right.signed_part, str_upto(right.signature, 255)) == E_BAD_TOKEN);
    signer_free(key);
}

ON_BOTH(signer, a_key_for_rs256_does_not_verify_ps256_nor_the_reverse)
{
    struct vector pss = vector("pss salt of 32"), pkcs1 = vector("rfc7515 a2");
    struct signer_key *for_pss = vector_key(&pss), *for_pkcs1 = vector_key(&pkcs1);

    cr_expect(signer_verify(for_pkcs1, pss.signed_part, pss.signature) == E_BAD_TOKEN);
    cr_expect(signer_verify(for_pss, pkcs1.signed_part, pkcs1.signature) == E_BAD_TOKEN);
    signer_free(for_pss);
    signer_free(for_pkcs1);
}

/* --- T-026 --------------------------------------------------------------- */

static void need_eddsa(void)
{
    if (!signer_supports(ALG_EDDSA)) cr_skip("no EdDSA in this build");
}

/* RFC 8032 5.1.7: 0 <= S < L */
Test(signer, eddsa_refuses_s_plus_the_order)
{
    need_eddsa();
    static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
                                       0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10 };
    struct vector v = vector("rfc8037 a");
    struct signer_key *key = vector_key(&v);
    uint8_t *s = (uint8_t *)(uintptr_t)v.signature.at + 32;
    unsigned carry = 0;

    cr_assert(signer_verify(key, v.signed_part, v.signature) == OK);
    for (size_t i = 0; i < 32; i++) {
        carry += s[i] + order[i];
        s[i] = (uint8_t)carry;
        carry >>= 8;
    }
    cr_expect(signer_verify(key, v.signed_part, v.signature) == E_BAD_TOKEN);
    signer_free(key);
}

/* With such a key one signature would hold for about every message. */
Test(signer, eddsa_refuses_keys_of_small_order_and_other_than_canonical_form)
{
    need_eddsa();
    static const char *const keys[] = {
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    };
    struct signer_key *key = NULL;

    for (size_t i = 0; i < COUNT(keys); i++) {
        struct jwk jwk = { .alg = ALG_EDDSA, .x = base64url(a, hex(keys[i])) };

        cr_expect(signer_import_jwk(&jwk, &key) == E_BAD_VALUE, "%s", keys[i]);
    }
}

Test(signer, eddsa_keys_have_32_octets)
{
    need_eddsa();
    struct vector v = vector("rfc8037 a");
    struct str octets = from_base64url(v.jwk.x);
    struct jwk jwk = { .alg = ALG_EDDSA, .x = base64url(a, str_upto(octets, 31)) };
    struct signer_key *key = NULL;

    cr_expect(signer_import_jwk(&jwk, &key) == E_BAD_VALUE);
    jwk.x = arena_fmt(a, STR_FMT "AA", STR_ARG(v.jwk.x));
    cr_expect(signer_import_jwk(&jwk, &key) == E_BAD_VALUE);
    jwk.x = STR_NONE;
    cr_expect(signer_import_jwk(&jwk, &key) == E_BAD_VALUE);
}

/* --- T-027, the part about keys ------------------------------------------ */

static bool rsa_is_taken(struct str n, struct str e)
{
    struct jwk jwk = { .alg = ALG_RS256, .n = base64url(a, n), .e = base64url(a, e) };
    struct signer_key *key = NULL;
    bool taken = signer_import_jwk(&jwk, &key) == OK;

    signer_free(key);
    return taken;
}

ON_BOTH(signer, rsa_exponents_are_odd_and_from_65537_to_32_bits)
{
    static const char *const wrong[] = {
        "01",     "02",     "03",       "11",         "ffff",
        "010000", "010002", "00010001", "0100000001", "010000000000000001",
        ""
    };
    struct vector v = vector("rfc7515 a2");
    struct str n = from_base64url(v.jwk.n);

    cr_expect(rsa_is_taken(n, hex("010001")));
    cr_expect(rsa_is_taken(n, hex("ffffffff")));
    for (size_t i = 0; i < COUNT(wrong); i++)
        cr_expect(!rsa_is_taken(n, hex(wrong[i])), "%s", wrong[i]);
}

ON_BOTH(signer, rsa_moduli_are_odd_and_of_2048_to_4096_bits)
{
    static const size_t wrong[] = { 0, 1, 64, 128, 255, 513, 1024, 8192 };
    static char bytes[8192];
    struct str e = hex("010001");

    memset(bytes, 0xab, sizeof bytes);
    cr_expect(rsa_is_taken(str_span(bytes, 256), e));
    cr_expect(rsa_is_taken(str_span(bytes, 512), e));
    for (size_t i = 0; i < COUNT(wrong); i++)
        cr_expect(!rsa_is_taken(str_span(bytes, wrong[i]), e), "%zu bytes", wrong[i]);
    bytes[0] = 0;
    cr_expect(!rsa_is_taken(str_span(bytes, 257), e), "leading zero");
    bytes[0] = 0x7f;
    cr_expect(!rsa_is_taken(str_span(bytes, 256), e), "2047 bits");
    bytes[0] = (char)0xab;
    bytes[255] = (char)0xaa;
    cr_expect(!rsa_is_taken(str_span(bytes, 256), e), "even");
}

ON_BOTH(signer, rsa_moduli_with_the_roca_fingerprint_are_refused)
{
    struct vector v = vector("roca");
    struct str n = from_base64url(v.jwk.n), e = hex("010001");

    cr_expect(!rsa_is_taken(n, e));
    ((char *)(uintptr_t)n.at)[255] ^= 2; /* another number: no fingerprint */
    cr_expect(rsa_is_taken(n, e));
}

ON_BOTH(signer, a_private_rsa_key_of_1024_bits_is_refused)
{
    struct signer_key *key = NULL;

    cr_expect(signer_import(ALG_RS256, vector("rsa-1024").pkcs8, &key) == E_BAD_VALUE);
}

static bool point_is_taken(struct str x, struct str y)
{
    struct jwk jwk = { .alg = ALG_ES256, .x = base64url(a, x), .y = base64url(a, y) };
    struct signer_key *key = NULL;
    bool taken = signer_import_jwk(&jwk, &key) == OK;

    signer_free(key);
    return taken;
}

ON_BOTH(signer, es256_keys_are_points_on_p_256)
{
    struct vector v = vector("rfc7515 a3");
    struct str x = from_base64url(v.jwk.x), y = from_base64url(v.jwk.y);
    struct str zero = hex("0000000000000000000000000000000000000000000000000000000000000000");
    struct str p = hex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff");

    cr_assert(point_is_taken(x, y));
    cr_expect(!point_is_taken(y, x));
    cr_expect(!point_is_taken(zero, zero));
    cr_expect(!point_is_taken(zero, p));
    cr_expect(!point_is_taken(p, y));
    cr_expect(!point_is_taken(STR(""), STR("")));
    cr_expect(!point_is_taken(x, str_upto(y, 31)));
    cr_expect(!point_is_taken(str_upto(x, 31), y));
    flip(y, 0);
    cr_expect(!point_is_taken(x, y));
}

/* The root of b has x = 0, which lies on the curve; its coordinate p + 0 is the
 * same point in another form. */
ON_BOTH(signer, es256_coordinates_are_below_the_prime)
{
    struct str zero = hex("0000000000000000000000000000000000000000000000000000000000000000");
    struct str p = hex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff");
    struct str root = hex("66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4");

    cr_assert(point_is_taken(zero, root));
    cr_expect(!point_is_taken(p, root));
}

ON_BOTH(signer, members_of_a_jwk_are_strict_base64url)
{
    struct vector v = vector("rfc7515 a3");
    struct signer_key *key = NULL;
    struct jwk jwk = v.jwk;
    const char *const wrong[] = {
        arena_fmt(a, STR_FMT "=", STR_ARG(v.jwk.x)).at,
        arena_fmt(a, " " STR_FMT, STR_ARG(v.jwk.x)).at,
        arena_fmt(a, STR_FMT "\n", STR_ARG(v.jwk.x)).at,
        arena_fmt(a, "%.42s%c", v.jwk.x.at, v.jwk.x.at[42] + 1).at, /* spare bits */
        arena_fmt(a, "+" STR_FMT, STR_ARG(str_from(v.jwk.x, 1))).at,
        "",
    };

    for (size_t i = 0; i < COUNT(wrong); i++) {
        jwk.x = str_of(wrong[i]);
        cr_expect(signer_import_jwk(&jwk, &key) == E_BAD_VALUE, "%s", wrong[i]);
    }
    jwk.x = STR_NONE;
    cr_expect(signer_import_jwk(&jwk, &key) == E_BAD_VALUE);
    jwk = v.jwk;
    jwk.y = STR_NONE;
    cr_expect(signer_import_jwk(&jwk, &key) == E_BAD_VALUE);
}
