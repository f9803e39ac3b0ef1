/* jws_vectors.h - the entries of tests/vectors/jws.json as keys and tokens, and
 * tests that run once on each signer back end. */
#ifndef TESTS_JWS_VECTORS_H
#define TESTS_JWS_VECTORS_H

#include "vectors.h"

#include "base/json_view.h"
#include "driver/crypto.h"
#include "driver/signer.h"

struct vector {
    enum alg alg;
    struct jwk jwk;
    struct str secret;                        /* HS256: its bytes */
    struct str pkcs8;                         /* its bytes */
    struct str token, signed_part, signature; /* the last: its bytes */
    struct str kid, thumbprint;
};

[[maybe_unused]] static struct str vector_text(struct json_view entry, const char *name)
{
    struct str text = STR_NONE;

    (void)json_view_text(json_view_member(entry, name), &text);
    return text;
}

[[maybe_unused]] static struct str from_base64url(struct str text)
{
    size_t len;
    char *out = arena_alloc(&vectors_arena, text.len + 1, 1);

    cr_assert(base64url_decode(text, out, text.len, &len), "not base64url");
    return str_span(out, len);
}

[[maybe_unused]] static struct vector vector(const char *name)
{
    struct json_view file, entry;
    struct vector v = { 0 };

    cr_assert(json_view_read(&vectors_arena, own_vectors("jws.json"), &file) == OK);
    entry = json_view_member(file, name);
    cr_assert(alg_parse(vector_text(entry, "alg"), &v.alg), "no vector \"%s\"", name);
    v.jwk = (struct jwk){ v.alg, vector_text(entry, "n"), vector_text(entry, "e"),
                          vector_text(entry, "x"), vector_text(entry, "y") };
    v.secret = from_base64url(vector_text(entry, "k"));
    v.pkcs8 = from_base64url(vector_text(entry, "pkcs8"));
    v.kid = vector_text(entry, "kid");
    v.thumbprint = vector_text(entry, "thumbprint");
    v.token = vector_text(entry, "token");
    if (v.token.at) {
        struct str rest = v.token, header = str_cut(&rest, '.'), payload = str_cut(&rest, '.');

        v.signed_part = str_upto(v.token, header.len + 1 + payload.len);
        v.signature = from_base64url(rest);
    }
    return v;
}

/* The key that verifies; of the back end in force. */
[[maybe_unused]] static struct signer_key *vector_key(const struct vector *v)
{
    struct signer_key *key = NULL;
    enum err e = v->alg == ALG_HS256 ? signer_import_secret(v->secret, &key)
                                     : signer_import_jwk(&v->jwk, &key);

    cr_assert(e == OK);
    return key;
}

/* The key that signs. */
[[maybe_unused]] static struct signer_key *vector_private_key(const struct vector *v)
{
    struct signer_key *key = NULL;

    if (v->alg == ALG_HS256) return vector_key(v);
    cr_assert(signer_import(v->alg, v->pkcs8, &key) == OK);
    return key;
}

/* One test body, one test for each back end. */
#define ON_BOTH(suite, name)                                               \
    static void name(void);                                                \
    Test(suite, name##_on_openssl)                                         \
    {                                                                      \
        if (!signer_force("openssl")) cr_skip("not built with libcrypto"); \
        name();                                                            \
    }                                                                      \
    Test(suite, name##_on_mbedtls)                                         \
    {                                                                      \
        cr_assert(signer_force("mbedtls"));                                \
        name();                                                            \
    }                                                                      \
    static void name(void)

#endif
