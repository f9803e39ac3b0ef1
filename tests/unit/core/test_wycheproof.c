/* Project Wycheproof's vectors, read where they lie beside the project. A key
 * that is refused refuses its signatures. Where we are stricter than the
 * vectors, the tests say by how much and why. */
#include "../jws_vectors.h"

#include "core/jws.h"

#include <yyjson.h>

TestSuite(wycheproof, .init = crypto_start, .timeout = 120);

static struct arena *const a = &vectors_arena;

struct tally {
    size_t valid, valid_refused, invalid;
};

typedef struct signer_key *key_maker(yyjson_val *group, yyjson_val *test);
typedef bool verdict(yyjson_val *test, const struct signer_key *key);

static struct str text(yyjson_val *object, const char *name)
{
    yyjson_val *v = yyjson_obj_get(object, name);

    return yyjson_is_str(v) ? str_span(yyjson_get_str(v), yyjson_get_len(v)) : STR_NONE;
}

static struct str octets(yyjson_val *object, const char *name)
{
    return hex(yyjson_get_str(yyjson_obj_get(object, name)));
}

/* Nothing that is not "valid" may pass; "acceptable" is not. */
static void judge(struct tally *tally, yyjson_val *test, bool accepted)
{
    bool valid = str_eq(text(test, "result"), STR("valid"));

    tally->valid += valid;
    tally->invalid += !valid;
    tally->valid_refused += valid && !accepted;
    cr_expect(valid || !accepted, "%d must be refused: %s",
              yyjson_get_int(yyjson_obj_get(test, "tcId")), text(test, "comment").at);
}

static struct tally run(const char *file, key_maker *make, verdict *accepts)
{
    struct str json = foreign_vectors(arena_fmt(a, "wycheproof/%s", file).at);
    yyjson_doc *doc = yyjson_read(json.at, json.len, 0);
    yyjson_val *groups = yyjson_obj_get(yyjson_doc_get_root(doc), "testGroups"), *group, *test;
    struct tally tally = { 0 };
    size_t i, k, most, many;

    cr_assert(yyjson_arr_size(groups) > 0, "%s", file);
    yyjson_arr_foreach(groups, i, most, group)
    {
        yyjson_arr_foreach(yyjson_obj_get(group, "tests"), k, many, test)
        {
            struct signer_key *key = make(group, test);

            judge(&tally, test, key && accepts(test, key));
            signer_free(key);
        }
    }
    yyjson_doc_free(doc);
    return tally;
}

static struct signer_key *from_jwk(const struct jwk *jwk)
{
    struct signer_key *key = NULL;

    return signer_import_jwk(jwk, &key) == OK ? key : NULL;
}

static bool signature_is_good(yyjson_val *test, const struct signer_key *key)
{
    return signer_verify(key, octets(test, "msg"), octets(test, "sig")) == OK;
}

/* --- ES256, EdDSA, HS256 ------------------------------------------------- */

static struct signer_key *p256_key(yyjson_val *group, yyjson_val *test)
{
    struct str point = octets(yyjson_obj_get(group, "publicKey"), "uncompressed");

    (void)test;
    return from_jwk(&(struct jwk){ .alg = ALG_ES256,
                                   .x = base64url(a, str_upto(str_from(point, 1), 32)),
                                   .y = base64url(a, str_from(point, 33)) });
}

ON_BOTH(wycheproof, es256_signatures)
{
    struct tally tally = run("ecdsa_secp256r1_sha256_p1363_test.json", p256_key, signature_is_good);

    cr_expect_eq(tally.valid, 173);
    cr_expect_eq(tally.valid_refused, 0);
    cr_expect_eq(tally.invalid, 89);
}

/* JWS has no place for DER (RFC 7518 3.4), however good it is. */
ON_BOTH(wycheproof, es256_refuses_signatures_in_der)
{
    struct tally tally = run("ecdsa_secp256r1_sha256_test.json", p256_key, signature_is_good);

    cr_expect_eq(tally.valid, 174);
    cr_expect_eq(tally.valid_refused, tally.valid);
}

static struct signer_key *ed25519_key(yyjson_val *group, yyjson_val *test)
{
    struct str point = octets(yyjson_obj_get(group, "publicKey"), "pk");

    (void)test;
    return from_jwk(&(struct jwk){ .alg = ALG_EDDSA, .x = base64url(a, point) });
}

Test(wycheproof, eddsa_signatures)
{
    if (!signer_supports(ALG_EDDSA)) cr_skip("no EdDSA in this build");
    struct tally tally = run("ed25519_test.json", ed25519_key, signature_is_good);

    cr_expect_eq(tally.valid, 88);
    cr_expect_eq(tally.valid_refused, 0);
    cr_expect_eq(tally.invalid, 63);
}

static struct signer_key *hmac_key(yyjson_val *group, yyjson_val *test)
{
    struct signer_key *key = NULL;

    (void)group;
    return signer_import_secret(octets(test, "key"), &key) == OK ? key : NULL;
}

static bool tag_is_good(yyjson_val *test, const struct signer_key *key)
{
    return signer_verify(key, octets(test, "msg"), octets(test, "tag")) == OK;
}

/* Ours are stricter: 33 have tags cut to 128 bits, and three of the others keys
 * of 128 bits. */
Test(wycheproof, hs256_tags)
{
    struct tally tally = run("hmac_sha256_test.json", hmac_key, tag_is_good);

    cr_expect_eq(tally.valid, 66);
    cr_expect_eq(tally.valid_refused, 36);
    cr_expect_eq(tally.invalid, 108);
}

/* --- RS256, PS256 -------------------------------------------------------- */

static struct signer_key *rsa_key(enum alg alg, yyjson_val *group)
{
    yyjson_val *numbers = yyjson_obj_get(group, "publicKey");
    struct str n = octets(numbers, "modulus"), e = octets(numbers, "publicExponent");

    /* These have the zero that keeps a DER number positive. */
    return from_jwk(&(struct jwk){ .alg = alg,
                                   .n = base64url(a, str_from(n, n.at[0] == 0)),
                                   .e = base64url(a, str_from(e, e.at[0] == 0)) });
}

static struct signer_key *rs256_key(yyjson_val *group, yyjson_val *test)
{
    (void)test;
    return rsa_key(ALG_RS256, group);
}

static struct signer_key *ps256_key(yyjson_val *group, yyjson_val *test)
{
    (void)test;
    return rsa_key(ALG_PS256, group);
}

/* Ours are stricter: the two whose keys have the exponent 3. */
ON_BOTH(wycheproof, rs256_signatures)
{
    struct tally tally = run("rsa_signature_2048_sha256_test.json", rs256_key, signature_is_good);

    cr_expect_eq(tally.valid, 9);
    cr_expect_eq(tally.valid_refused, 2);
    cr_expect_eq(tally.invalid, 250);
}

ON_BOTH(wycheproof, ps256_signatures)
{
    struct tally tally = run("rsa_pss_2048_sha256_mgf1_32_test.json", ps256_key, signature_is_good);

    cr_expect_eq(tally.valid, 63);
    cr_expect_eq(tally.valid_refused, 0);
    cr_expect_eq(tally.invalid, 45);
}

/* --- JWS ----------------------------------------------------------------- */

/* The key that verifies, if its `alg` says for what. */
static struct signer_key *jwk_key(yyjson_val *group, yyjson_val *test)
{
    yyjson_val *public = yyjson_obj_get(group, "public"),
               *private = yyjson_obj_get(group, "private");
    yyjson_val *jwk = yyjson_is_obj(public) ? public : private;
    yyjson_val *keys = yyjson_obj_get(jwk, "keys");
    struct signer_key *key = NULL;
    enum alg alg;

    (void)test;
    if (keys) jwk = yyjson_arr_get_first(keys);
    if (!alg_parse(text(jwk, "alg"), &alg)) return NULL;
    if (alg == ALG_HS256)
        return signer_import_secret(from_base64url(text(jwk, "k")), &key) == OK ? key : NULL;
    return from_jwk(
        &(struct jwk){ alg, text(jwk, "n"), text(jwk, "e"), text(jwk, "x"), text(jwk, "y") });
}

static bool token_is_good(yyjson_val *test, const struct signer_key *key)
{
    struct jws jws;

    return jws_parse(a, text(test, "jws"), &jws) == OK && jws_verify(&jws, key) == OK;
}

static bool is_one_of(yyjson_val *test, const int *ids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (yyjson_get_int(yyjson_obj_get(test, "tcId")) == ids[i]) return true;
    return false;
}

/* Two that are called invalid have lost what was wrong with them and are, byte
 * for byte, number 357, which is valid. */
static bool other_token_is_good(yyjson_val *test, const struct signer_key *key)
{
    static const int same_as_357[] = { 367, 370 };

    return !is_one_of(test, same_as_357, COUNT(same_as_357)) && token_is_good(test, key);
}

/* Ours are stricter: 20 are of algorithms that we do not have, and in two (372
 * and 373) there is a character that is not in the alphabet. */
ON_BOTH(wycheproof, json_web_signatures)
{
    struct tally tally = run("json_web_signature_test.json", jwk_key, other_token_is_good);

    cr_expect_eq(tally.valid, 46);
    cr_expect_eq(tally.valid_refused, 22);
    cr_expect_eq(tally.invalid, 355);
}

/* What only a reader of JWK sets could refuse: sets that mix kinds of keys or
 * repeat a kid (1, 4), and use, crv and kty (21, 23, 24). */
static bool key_is_good(yyjson_val *test, const struct signer_key *key)
{
    static const int for_a_reader[] = { 1, 4, 21, 23, 24 };

    return !is_one_of(test, for_a_reader, COUNT(for_a_reader)) && token_is_good(test, key);
}

/* Ours are stricter: two are of HS384 and HS512. */
ON_BOTH(wycheproof, json_web_keys)
{
    struct tally tally = run("json_web_key_test.json", jwk_key, key_is_good);

    cr_expect_eq(tally.valid, 5);
    cr_expect_eq(tally.valid_refused, 2);
    cr_expect_eq(tally.invalid, 21);
}
