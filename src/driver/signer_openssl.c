/* signer_openssl.c - signatures by libcrypto (OpenSSL 3).
 *
 * OpenSSL 3 looks algorithms up by name each time it is asked, which costs as
 * much as an ES256 signature. So the hash is fetched once, and a key carries a
 * signing and a verifying context that were set up when it was made; a
 * signature duplicates one of them, which is cheap and, as the original is
 * never written to, safe on several threads. EdDSA has no such context of its
 * own; it is slow enough not to mind.
 *
 * Nonces come from the library (private DRBG, mixed with key and message).
 */
#include "signer_backend.h"

#include "base/must.h"
#include "driver/crypto.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>

struct openssl_key {
    enum alg alg;
    EVP_PKEY *pkey;                    /* owned */
    EVP_PKEY_CTX *signing, *verifying; /* owned; never used, only duplicated */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const EVP_MD *sha256_md; /* set before there is a key */

static void fetch_sha256(void)
{
    sha256_md = EVP_MD_fetch(NULL, "SHA256", NULL);
    must(sha256_md);
}

/* The queue of errors is per thread and shared with other users of libcrypto:
 * what was refused here must not be found by them. */
static bool good(bool outcome)
{
    if (!outcome) ERR_clear_error();
    return outcome;
}

static void digest(struct str data, uint8_t out[SHA256_LEN])
{
    must(EVP_Digest(data.at, data.len, out, NULL, sha256_md, NULL) == 1);
}

/* --- keys ---------------------------------------------------------------- */

static const char *type_name(enum alg a)
{
    return a == ALG_ES256 ? "EC" : a == ALG_EDDSA ? "ED25519" : "RSA";
}

/* RFC 7518 3.3 and 3.5: PS256 with a salt as long as the hash, exactly. */
static void context_set_up(EVP_PKEY_CTX *context, enum alg a)
{
    must(EVP_PKEY_CTX_set_signature_md(context, sha256_md) == 1);
    if (a == ALG_RS256) must(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1);
    if (a == ALG_PS256) {
        must(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1);
        must(EVP_PKEY_CTX_set_rsa_mgf1_md(context, sha256_md) == 1);
        must(EVP_PKEY_CTX_set_rsa_pss_saltlen(context, SHA256_LEN) == 1);
    }
}

/* Takes `pkey`. A key without a private part gets no signing context. */
static struct openssl_key *key_new(enum alg a, EVP_PKEY *pkey, bool private)
{
    struct openssl_key *key = must_zalloc(sizeof *key);

    must(pthread_once(&once, fetch_sha256) == 0);
    key->alg = a;
    key->pkey = pkey;
    if (a == ALG_EDDSA) return key;

    key->verifying = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    must(key->verifying && EVP_PKEY_verify_init(key->verifying) == 1);
    context_set_up(key->verifying, a);
    if (private) {
        key->signing = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
        must(key->signing && EVP_PKEY_sign_init(key->signing) == 1);
        context_set_up(key->signing, a);
    }
    return key;
}

static void openssl_free(void *held)
{
    struct openssl_key *key = held;

    EVP_PKEY_CTX_free(key->signing);
    EVP_PKEY_CTX_free(key->verifying);
    EVP_PKEY_free(key->pkey); /* clears private numbers */
    free(key);
}

static bool openssl_supports(enum alg a)
{
    return a != ALG_HS256;
}

static void *openssl_generate(enum alg a)
{
    EVP_PKEY *pkey = a == ALG_ES256   ? EVP_EC_gen("P-256")
                     : a == ALG_EDDSA ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                                      : EVP_RSA_gen(RSA_BITS_NEW);

    must(pkey);
    return key_new(a, pkey, true);
}

static bool is_for(EVP_PKEY *pkey, enum alg a)
{
    char group[32] = "";
    size_t len;

    if (!EVP_PKEY_is_a(pkey, type_name(a))) return false;
    if (a != ALG_ES256) return true;
    return EVP_PKEY_get_group_name(pkey, group, sizeof group, &len) == 1 &&
           strcmp(group, SN_X9_62_prime256v1) == 0;
}

static void *openssl_import_private(enum alg a, struct str pkcs8)
{
    const unsigned char *at = (const unsigned char *)pkcs8.at;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)pkcs8.len);
    EVP_PKEY *pkey = info ? EVP_PKCS82PKEY(info) : NULL;
    bool whole = (const char *)at == pkcs8.at + pkcs8.len;

    PKCS8_PRIV_KEY_INFO_free(info);
    if (good(pkey && whole && is_for(pkey, a))) return key_new(a, pkey, true);
    EVP_PKEY_free(pkey);
    return NULL;
}

static void push_number(OSSL_PARAM_BLD *build, const char *name, const uint8_t *bytes, size_t len,
                        BIGNUM **number)
{
    *number = BN_bin2bn(bytes, (int)len, NULL); /* must outlive the build */
    must(*number && OSSL_PARAM_BLD_push_BN(build, name, *number) == 1);
}

static EVP_PKEY *from_params(const char *type, OSSL_PARAM *params)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *pkey = NULL;

    must(context && EVP_PKEY_fromdata_init(context) == 1);
    if (!good(EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params) == 1)) pkey = NULL;
    EVP_PKEY_CTX_free(context);
    return pkey;
}

static EVP_PKEY *rsa_public(const struct public_parts *parts)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *n, *e;

    must(build);
    push_number(build, OSSL_PKEY_PARAM_RSA_N, parts->first, parts->first_len, &n);
    push_number(build, OSSL_PKEY_PARAM_RSA_E, parts->second, parts->second_len, &e);

    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY *pkey = from_params("RSA", params);

    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(e);
    return pkey;
}

/* Refuses points that are not on the curve. */
static EVP_PKEY *p256_public(const struct public_parts *parts)
{
    unsigned char point[1 + 2 * P256_BYTES] = { POINT_CONVERSION_UNCOMPRESSED };
    char group[] = SN_X9_62_prime256v1;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
        OSSL_PARAM_construct_end(),
    };

    memcpy(point + 1, parts->first, P256_BYTES);
    memcpy(point + 1 + P256_BYTES, parts->second, P256_BYTES);
    return from_params("EC", params);
}

static void *openssl_import_public(enum alg a, const struct public_parts *parts)
{
    EVP_PKEY *pkey =
        a == ALG_ES256 ? p256_public(parts)
        : a == ALG_EDDSA
            ? EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, parts->first, parts->first_len)
            : rsa_public(parts);

    return good(pkey != NULL) ? key_new(a, pkey, false) : NULL;
}

static struct str openssl_export_private(struct arena *a, const void *held)
{
    const struct openssl_key *key = held;
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->pkey);
    int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : 0;

    must(len > 0);
    unsigned char *out = arena_alloc(a, (size_t)len, 1), *at = out;

    must(i2d_PKCS8_PRIV_KEY_INFO(info, &at) == len);
    PKCS8_PRIV_KEY_INFO_free(info); /* clears the key in it */
    return str_span(out, (size_t)len);
}

/* As `width` bytes; 0: as few as it needs. The length, 0 if it has no room. */
static size_t get_number(const EVP_PKEY *pkey, const char *name, uint8_t *out, size_t cap,
                         size_t width)
{
    BIGNUM *number = NULL;

    must(EVP_PKEY_get_bn_param(pkey, name, &number) == 1);

    size_t len = width ? width : (size_t)BN_num_bytes(number);
    bool fits = len <= cap && BN_bn2binpad(number, out, (int)len) >= 0;

    BN_free(number);
    return fits ? len : 0;
}

static bool openssl_export_public(const void *held, struct public_parts *out)
{
    const struct openssl_key *key = held;
    const EVP_PKEY *pkey = key->pkey;
    size_t first_cap = sizeof out->first, second_cap = sizeof out->second;

    *out = (struct public_parts){ 0 };
    if (key->alg == ALG_EDDSA) {
        out->first_len = sizeof out->first;
        return EVP_PKEY_get_raw_public_key(pkey, out->first, &out->first_len) == 1;
    }
    bool ec = key->alg == ALG_ES256;
    const char *first = ec ? OSSL_PKEY_PARAM_EC_PUB_X : OSSL_PKEY_PARAM_RSA_N;
    const char *second = ec ? OSSL_PKEY_PARAM_EC_PUB_Y : OSSL_PKEY_PARAM_RSA_E;
    size_t width = ec ? P256_BYTES : 0;

    out->first_len = get_number(pkey, first, out->first, first_cap, width);
    out->second_len = get_number(pkey, second, out->second, second_cap, width);
    return out->first_len && out->second_len;
}

/* --- signatures ---------------------------------------------------------- */

static EVP_PKEY_CTX *fresh(const EVP_PKEY_CTX *set_up)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_dup(set_up);

    must(context);
    return context;
}

static size_t eddsa_sign(const struct openssl_key *key, struct str data, uint8_t out[SIGNATURE_MAX])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t len = SIGNATURE_MAX;

    must(context && EVP_DigestSignInit(context, NULL, NULL, NULL, key->pkey) == 1);
    must(EVP_DigestSign(context, out, &len, (const unsigned char *)data.at, data.len) == 1);
    EVP_MD_CTX_free(context);
    return len;
}

static bool eddsa_verify(const struct openssl_key *key, struct str data, struct str signature)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    must(context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key->pkey) == 1);
    int verdict = EVP_DigestVerify(context, (const unsigned char *)signature.at, signature.len,
                                   (const unsigned char *)data.at, data.len);

    EVP_MD_CTX_free(context);
    return good(verdict == 1);
}

/* ECDSA here speaks DER, JWS the two numbers side by side (RFC 7518 3.4). */
static size_t der_to_raw(const unsigned char *der, size_t len, uint8_t *out)
{
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)len);

    must(pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, P256_BYTES) >= 0 &&
         BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + P256_BYTES, P256_BYTES) >= 0);
    ECDSA_SIG_free(pair);
    return 2 * P256_BYTES;
}

#define P256_DER_MAX (2 + 2 * (2 + 1 + P256_BYTES))

static size_t raw_to_der(struct str raw, unsigned char out[P256_DER_MAX])
{
    const unsigned char *at = (const unsigned char *)raw.at;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(at, P256_BYTES, NULL);
    BIGNUM *s = BN_bin2bn(at + P256_BYTES, P256_BYTES, NULL);

    must(pair && r && s && ECDSA_SIG_set0(pair, r, s) == 1);
    int len = i2d_ECDSA_SIG(pair, &out);

    must(len > 0);
    ECDSA_SIG_free(pair);
    return (size_t)len;
}

static size_t openssl_sign(const void *held, struct str data, uint8_t out[SIGNATURE_MAX])
{
    const struct openssl_key *key = held;
    uint8_t hash[SHA256_LEN], der[P256_DER_MAX];
    size_t len = key->alg == ALG_ES256 ? sizeof der : SIGNATURE_MAX;

    if (key->alg == ALG_EDDSA) return eddsa_sign(key, data, out);
    must(key->signing);
    digest(data, hash);

    EVP_PKEY_CTX *context = fresh(key->signing);
    int signing =
        EVP_PKEY_sign(context, key->alg == ALG_ES256 ? der : out, &len, hash, sizeof hash);

    must(signing == 1);
    EVP_PKEY_CTX_free(context);
    return key->alg == ALG_ES256 ? der_to_raw(der, len, out) : len;
}

static bool openssl_verify(const void *held, struct str data, struct str signature)
{
    const struct openssl_key *key = held;
    uint8_t hash[SHA256_LEN], der[P256_DER_MAX];

    if (key->alg == ALG_EDDSA) return eddsa_verify(key, data, signature);
    if (key->alg == ALG_ES256) signature = str_span(der, raw_to_der(signature, der));
    digest(data, hash);

    EVP_PKEY_CTX *context = fresh(key->verifying);
    int verdict = EVP_PKEY_verify(context, (const unsigned char *)signature.at, signature.len, hash,
                                  sizeof hash);

    EVP_PKEY_CTX_free(context);
    return good(verdict == 1);
}

const struct signer_backend signer_openssl = {
    .name = "openssl",
    .supports = openssl_supports,
    .generate = openssl_generate,
    .import_private = openssl_import_private,
    .import_public = openssl_import_public,
    .export_private = openssl_export_private,
    .export_public = openssl_export_public,
    .sign = openssl_sign,
    .verify = openssl_verify,
    .free = openssl_free,
};
