/* signer_mbedtls.c - signatures by mbedTLS, through its PSA interface.
 *
 * PSA fits well: an ECDSA signature is the two numbers side by side as JWS
 * wants them, and PSA_ALG_RSA_PSS means a salt exactly as long as the hash.
 * It has no PKCS#8, though: an RSA key goes in and out as PKCS#1 (RFC 8017 A.1)
 * and a P-256 key as its bare number, so the envelope is read and written here.
 * Nonces come from the library. crypto_start comes first.
 */
#include "signer_backend.h"

#include "base/must.h"
#include "driver/crypto.h"

#include <mbedtls/asn1.h>
#include <psa/crypto.h>
#include <stdlib.h>

struct psa_key {
    enum alg alg;
    psa_key_id_t id; /* owned, in the library's store */
};

static const uint8_t *octets(struct str s)
{
    return (const uint8_t *)s.at;
}

static psa_algorithm_t algorithm(enum alg a)
{
    return a == ALG_ES256   ? PSA_ALG_ECDSA(PSA_ALG_SHA_256)
           : a == ALG_PS256 ? PSA_ALG_RSA_PSS(PSA_ALG_SHA_256)
                            : PSA_ALG_RSA_PKCS1V15_SIGN(PSA_ALG_SHA_256);
}

static psa_key_attributes_t pair_attributes(enum alg a)
{
    psa_key_attributes_t wanted = PSA_KEY_ATTRIBUTES_INIT;
    bool ec = a == ALG_ES256;

    psa_set_key_type(&wanted, ec ? PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1)
                                 : PSA_KEY_TYPE_RSA_KEY_PAIR);
    if (ec) psa_set_key_bits(&wanted, 8 * P256_BYTES);
    psa_set_key_algorithm(&wanted, algorithm(a));
    psa_set_key_usage_flags(&wanted, PSA_KEY_USAGE_SIGN_MESSAGE | PSA_KEY_USAGE_VERIFY_MESSAGE |
                                         PSA_KEY_USAGE_EXPORT);
    return wanted;
}

static psa_key_attributes_t public_attributes(enum alg a)
{
    psa_key_attributes_t wanted = pair_attributes(a);

    psa_set_key_type(&wanted, PSA_KEY_TYPE_PUBLIC_KEY_OF_KEY_PAIR(psa_get_key_type(&wanted)));
    psa_set_key_usage_flags(&wanted, PSA_KEY_USAGE_VERIFY_MESSAGE | PSA_KEY_USAGE_EXPORT);
    return wanted;
}

static struct psa_key *key_new(enum alg a, psa_key_id_t id)
{
    struct psa_key *key = must_alloc(sizeof *key);

    *key = (struct psa_key){ a, id };
    return key;
}

static struct psa_key *key_from(enum alg a, psa_key_attributes_t wanted, struct str bytes)
{
    psa_key_id_t id;

    return psa_import_key(&wanted, octets(bytes), bytes.len, &id) == PSA_SUCCESS ? key_new(a, id)
                                                                                 : NULL;
}

/* --- DER ----------------------------------------------------------------- */

#define OID_RSA "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01" /* rsaEncryption */
#define OID_EC "\x2a\x86\x48\xce\x3d\x02\x01"          /* id-ecPublicKey */
#define OID_P256 "\x2a\x86\x48\xce\x3d\x03\x01\x07"    /* secp256r1 */

#define OPEN_SEQUENCE (MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE)

static bool asn1_is(const mbedtls_asn1_buf *item, int tag, struct str content)
{
    return item->tag == tag && str_eq(str_span(item->p, item->len), content);
}

/* RFC 5208 5: version, algorithm and the key in an OCTET STRING. */
static bool pkcs8_unwrap(enum alg a, struct str pkcs8, struct str *inner)
{
    unsigned char *at = (unsigned char *)(uintptr_t)pkcs8.at; /* only read */
    const unsigned char *end = at + pkcs8.len;
    mbedtls_asn1_buf oid, params;
    size_t len;
    int version;

    if (mbedtls_asn1_get_tag(&at, end, &len, OPEN_SEQUENCE) != 0 || at + len != end) return false;
    if (mbedtls_asn1_get_int(&at, end, &version) != 0 || version != 0) return false;
    if (mbedtls_asn1_get_alg(&at, end, &oid, &params) != 0) return false;
    if (mbedtls_asn1_get_tag(&at, end, &len, MBEDTLS_ASN1_OCTET_STRING) != 0) return false;
    *inner = str_span(at, len);

    if (a == ALG_ES256)
        return asn1_is(&oid, MBEDTLS_ASN1_OID, STR(OID_EC)) &&
               asn1_is(&params, MBEDTLS_ASN1_OID, STR(OID_P256));
    return asn1_is(&oid, MBEDTLS_ASN1_OID, STR(OID_RSA)) &&
           asn1_is(&params, MBEDTLS_ASN1_NULL, STR(""));
}

/* RFC 5915 3: the private number is what counts; the rest follows from it. */
static bool sec1_number(struct str sec1, struct str *number)
{
    unsigned char *at = (unsigned char *)(uintptr_t)sec1.at; /* only read */
    const unsigned char *end = at + sec1.len;
    size_t len;
    int version;

    if (mbedtls_asn1_get_tag(&at, end, &len, OPEN_SEQUENCE) != 0 || at + len != end) return false;
    if (mbedtls_asn1_get_int(&at, end, &version) != 0 || version != 1) return false;
    if (mbedtls_asn1_get_tag(&at, end, &len, MBEDTLS_ASN1_OCTET_STRING) != 0) return false;
    *number = str_span(at, len);
    return len == P256_BYTES;
}

/* Tag and length of something of 256 to 65,535 bytes. */
static uint8_t *der_open(uint8_t *at, uint8_t tag, size_t len)
{
    must(len >= 256 && len <= 0xffff);
    *at++ = tag;
    *at++ = 0x82;
    *at++ = (uint8_t)(len >> 8);
    *at++ = (uint8_t)len;
    return at;
}

#define DER_OPEN_LEN 4

/* A positive INTEGER, without tag and length. */
static uint8_t *der_number(uint8_t *at, const uint8_t *number, size_t len)
{
    if (number[0] >= 0x80) *at++ = 0;
    memcpy(at, number, len);
    return at + len;
}

/* A positive INTEGER without its leading zero; false: too long for its place. */
static bool der_take_number(unsigned char **at, const unsigned char *end, uint8_t *out, size_t cap,
                            size_t *out_len)
{
    size_t len;

    must(mbedtls_asn1_get_tag(at, end, &len, MBEDTLS_ASN1_INTEGER) == 0 && len > 0);
    const unsigned char *number = *at;

    *at += len;
    if (number[0] == 0) number++, len--;
    if (len > cap) return false;
    memcpy(out, number, len);
    *out_len = len;
    return true;
}

static const uint8_t rsa_middle[] = "\x02\x01\x00\x30\x0d\x06\x09" OID_RSA "\x05\x00";
static const uint8_t ec_front[] = "\x30\x41\x02\x01\x00\x30\x13\x06\x07" OID_EC "\x06\x08" OID_P256
                                  "\x04\x27\x30\x25\x02\x01\x01\x04\x20";

static struct str rsa_wrap(struct arena *a, struct str pkcs1)
{
    size_t middle = sizeof rsa_middle - 1, inner = middle + DER_OPEN_LEN + pkcs1.len;
    uint8_t *out = arena_alloc(a, DER_OPEN_LEN + inner, 1), *at = out;

    at = der_open(at, OPEN_SEQUENCE, inner);
    memcpy(at, rsa_middle, middle);
    at = der_open(at + middle, MBEDTLS_ASN1_OCTET_STRING, pkcs1.len);
    memcpy(at, pkcs1.at, pkcs1.len);
    return str_span(out, DER_OPEN_LEN + inner);
}

static struct str ec_wrap(struct arena *a, struct str number)
{
    size_t front = sizeof ec_front - 1;
    uint8_t *out = arena_alloc(a, front + number.len, 1);

    memcpy(out, ec_front, front);
    memcpy(out + front, number.at, number.len);
    return str_span(out, front + number.len);
}

/* --- keys ---------------------------------------------------------------- */

static void mbedtls_key_free(void *held)
{
    struct psa_key *key = held;

    must(psa_destroy_key(key->id) == PSA_SUCCESS);
    free(key);
}

static bool mbedtls_supports(enum alg a)
{
    return a == ALG_RS256 || a == ALG_PS256 || a == ALG_ES256;
}

static void *mbedtls_generate(enum alg a)
{
    psa_key_attributes_t wanted = pair_attributes(a);
    psa_key_id_t id;

    if (a != ALG_ES256) psa_set_key_bits(&wanted, RSA_BITS_NEW);
    must(psa_generate_key(&wanted, &id) == PSA_SUCCESS);
    return key_new(a, id);
}

static void *mbedtls_import_private(enum alg a, struct str pkcs8)
{
    struct str bytes;

    if (!pkcs8_unwrap(a, pkcs8, &bytes)) return NULL;
    if (a == ALG_ES256 && !sec1_number(bytes, &bytes)) return NULL;
    return key_from(a, pair_attributes(a), bytes);
}

/* An uncompressed point; PSA refuses those that are not on the curve. */
static void *p256_public(const struct public_parts *parts)
{
    uint8_t point[1 + 2 * P256_BYTES] = { 4 };

    memcpy(point + 1, parts->first, P256_BYTES);
    memcpy(point + 1 + P256_BYTES, parts->second, P256_BYTES);
    return key_from(ALG_ES256, public_attributes(ALG_ES256), str_span(point, sizeof point));
}

/* RFC 8017 A.1.1. The exponent is short, so its length is one byte. */
static void *rsa_public(enum alg a, const struct public_parts *parts)
{
    uint8_t n[1 + RSA_BYTES_MAX], e[1 + P256_BYTES];
    uint8_t der[2 * DER_OPEN_LEN + sizeof n + 2 + sizeof e], *at = der;
    size_t n_len = (size_t)(der_number(n, parts->first, parts->first_len) - n);
    size_t e_len = (size_t)(der_number(e, parts->second, parts->second_len) - e);

    at = der_open(at, OPEN_SEQUENCE, DER_OPEN_LEN + n_len + 2 + e_len);
    at = der_open(at, MBEDTLS_ASN1_INTEGER, n_len);
    memcpy(at, n, n_len);
    at += n_len;
    *at++ = MBEDTLS_ASN1_INTEGER;
    *at++ = (uint8_t)e_len;
    memcpy(at, e, e_len);
    return key_from(a, public_attributes(a), str_span(der, (size_t)(at + e_len - der)));
}

static void *mbedtls_import_public(enum alg a, const struct public_parts *parts)
{
    return a == ALG_ES256 ? p256_public(parts) : rsa_public(a, parts);
}

static struct str mbedtls_export_private(struct arena *a, const void *held)
{
    const struct psa_key *key = held;
    uint8_t bytes[PSA_EXPORT_KEY_PAIR_MAX_SIZE];
    size_t len;

    must(psa_export_key(key->id, bytes, sizeof bytes, &len) == PSA_SUCCESS);
    struct str plain = str_span(bytes, len);
    struct str out = key->alg == ALG_ES256 ? ec_wrap(a, plain) : rsa_wrap(a, plain);

    wipe(bytes, sizeof bytes);
    return out;
}

static bool mbedtls_export_public(const void *held, struct public_parts *out)
{
    const struct psa_key *key = held;
    uint8_t bytes[PSA_EXPORT_PUBLIC_KEY_MAX_SIZE], *at = bytes;
    size_t len;

    must(psa_export_public_key(key->id, bytes, sizeof bytes, &len) == PSA_SUCCESS);
    *out = (struct public_parts){ 0 };
    if (key->alg == ALG_ES256) {
        must(len == 1 + 2 * P256_BYTES);
        out->first_len = out->second_len = P256_BYTES;
        memcpy(out->first, bytes + 1, P256_BYTES);
        memcpy(out->second, bytes + 1 + P256_BYTES, P256_BYTES);
        return true;
    }
    const uint8_t *end = bytes + len;

    must(mbedtls_asn1_get_tag(&at, end, &len, OPEN_SEQUENCE) == 0);
    return der_take_number(&at, end, out->first, sizeof out->first, &out->first_len) &&
           der_take_number(&at, end, out->second, sizeof out->second, &out->second_len);
}

/* --- signatures ---------------------------------------------------------- */

static size_t mbedtls_sign(const void *held, struct str data, uint8_t out[SIGNATURE_MAX])
{
    const struct psa_key *key = held;
    size_t len;

    must(psa_sign_message(key->id, algorithm(key->alg), octets(data), data.len, out, SIGNATURE_MAX,
                          &len) == PSA_SUCCESS);
    return len;
}

static bool mbedtls_verify(const void *held, struct str data, struct str signature)
{
    const struct psa_key *key = held;

    return psa_verify_message(key->id, algorithm(key->alg), octets(data), data.len,
                              octets(signature), signature.len) == PSA_SUCCESS;
}

const struct signer_backend signer_mbedtls = {
    .name = "mbedtls",
    .supports = mbedtls_supports,
    .generate = mbedtls_generate,
    .import_private = mbedtls_import_private,
    .import_public = mbedtls_import_public,
    .export_private = mbedtls_export_private,
    .export_public = mbedtls_export_public,
    .sign = mbedtls_sign,
    .verify = mbedtls_verify,
    .free = mbedtls_key_free,
};
