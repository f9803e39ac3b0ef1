/* signer.c - keys, what makes one acceptable, and the way to the back ends.
 *
 * A key remembers the one algorithm it was made for and the back end that
 * holds it, so keys of both can live side by side (the tests let them check
 * each other's signatures). Every way in passes one check of the public part,
 * which refuses what is known to be weak before any arithmetic is done with
 * it; every signature has its one right length before a back end sees it.
 */
#include "signer_backend.h"

#include "base/codec.h"
#include "base/must.h"
#include "driver/crypto.h"

#include <stdlib.h>

#define SECRET_LEN_MIN 32 /* RFC 7518 3.2: at least as long as the hash */

struct signer_key {
    enum alg alg;
    size_t signature_len;
    const struct signer_backend *backend;
    void *held; /* by the back end; owned */
};

static const char *const alg_names[ALG_COUNT] = {
    [ALG_RS256] = "RS256", [ALG_PS256] = "PS256", [ALG_ES256] = "ES256",
    [ALG_EDDSA] = "EdDSA", [ALG_HS256] = "HS256",
};

static const struct signer_backend *const backends[] = {
#ifdef SIGNER_OPENSSL
    &signer_openssl,
#endif
    &signer_mbedtls,
};

static const struct signer_backend *const *chosen = &backends[0];

/* --- HS256 --------------------------------------------------------------- */

struct hmac_key {
    size_t len;
    char bytes[];
};

static struct str hmac_secret(const void *held)
{
    const struct hmac_key *key = held;

    return str_span(key->bytes, key->len);
}

static size_t hmac_sign(const void *held, struct str data, uint8_t out[SIGNATURE_MAX])
{
    hmac_sha256(hmac_secret(held), data, out);
    return SHA256_LEN;
}

static bool hmac_verify(const void *held, struct str data, struct str signature)
{
    uint8_t expected[SHA256_LEN];

    hmac_sha256(hmac_secret(held), data, expected);
    return str_eq_secret(str_span(expected, sizeof expected), signature);
}

static void hmac_free(void *held)
{
    struct hmac_key *key = held;

    wipe(key->bytes, key->len);
    free(key);
}

static const struct signer_backend hmac_backend = {
    .name = "hmac",
    .sign = hmac_sign,
    .verify = hmac_verify,
    .free = hmac_free,
};

/* --- what is acceptable -------------------------------------------------- */

static unsigned remainder_of(const uint8_t *number, size_t len, unsigned divisor)
{
    unsigned rest = 0;

    for (size_t i = 0; i < len; i++) rest = (rest << 8 | number[i]) % divisor;
    return rest;
}

/* The primes of the library behind CVE-2017-15361 ("ROCA") are powers of 65537
 * modulo many small primes, and so are their products: such a key can be
 * factored. That another modulus looks like it by chance: 1 in 2^28. */
static bool modulus_is_roca(const uint8_t *n, size_t len)
{
    static const uint8_t primes[] = { 11, 13, 17,  19,  37,  53,  61,  71, 73,
                                      79, 97, 103, 107, 109, 127, 151, 157 };

    for (size_t i = 0; i < COUNT(primes); i++) {
        unsigned rest = remainder_of(n, len, primes[i]), power = 1;

        do {
            power = power * (65537 % primes[i]) % primes[i];
        } while (power != rest && power != 1);
        if (power != rest) return false;
    }
    return true;
}

/* Moduli of 2048 to 4096 bits, in whole octets: below is weak, above costs more
 * time than a stranger may take. Exponents: odd, of three or four octets, so
 * 65537 <= e < 2^32; smaller ones have a history of forgeries, larger ones make
 * verification slow. */
static bool rsa_is_sound(const struct public_parts *p)
{
    const uint8_t *n = p->first, *e = p->second;

    if (p->first_len < 256 || p->first_len > RSA_BYTES_MAX) return false;
    if (n[0] < 0x80 || n[p->first_len - 1] % 2 == 0) return false;
    if (p->second_len < 3 || p->second_len > 4) return false;
    if (e[0] == 0 || e[p->second_len - 1] % 2 == 0) return false;
    return !modulus_is_roca(n, p->first_len);
}

/* RFC 8032 5.1.3: y (little-endian, the top bit is the sign of x) is below
 * p = 2^255 - 19. And a point of small order would let one signature hold for
 * many messages. */
static bool ed25519_is_sound(const struct public_parts *p)
{
    static const uint8_t small_order[][ED25519_BYTES] = {
        { 0 },                                            /* order 4 */
        { 1 },                                            /* order 1 */
        { 0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, /* order 8 */
          0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05,
          0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05 },
        { 0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, /* order 8 */
          0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa,
          0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a },
    };
    uint8_t y[ED25519_BYTES];
    bool large = true;

    if (p->first_len != sizeof y || p->second_len != 0) return false;
    memcpy(y, p->first, sizeof y);
    y[31] &= 0x7f;

    for (size_t i = 0; i < COUNT(small_order); i++)
        if (memcmp(y, small_order[i], sizeof y) == 0) return false;

    /* p is ed ff .. ff 7f, and ec ff .. ff 7f, p - 1, is of order 2. */
    for (size_t i = 1; i < 31; i++) large &= y[i] == 0xff;
    return !(large && y[31] == 0x7f && y[0] >= 0xec);
}

/* Whether a point lies on P-256 is for the back end to say. */
static bool public_is_sound(enum alg a, const struct public_parts *p)
{
    switch (a) {
    case ALG_RS256:
    case ALG_PS256: return rsa_is_sound(p);
    case ALG_ES256: return p->first_len == P256_BYTES && p->second_len == P256_BYTES;
    case ALG_EDDSA: return ed25519_is_sound(p);
    default: return false;
    }
}

/* --- keys ---------------------------------------------------------------- */

static struct signer_key *key_new(enum alg a, const struct signer_backend *backend, void *held,
                                  size_t signature_len)
{
    struct signer_key *key = must_alloc(sizeof *key);

    *key = (struct signer_key){ a, signature_len, backend, held };
    return key;
}

static size_t signature_len(enum alg a, const struct public_parts *parts)
{
    return a == ALG_RS256 || a == ALG_PS256 ? parts->first_len : 64;
}

/* Takes `held`; NULL when the key it holds is not acceptable. */
static struct signer_key *key_held(enum alg a, const struct signer_backend *backend, void *held)
{
    struct public_parts parts;

    if (!backend->export_public(held, &parts) || !public_is_sound(a, &parts)) {
        backend->free(held);
        return NULL;
    }
    return key_new(a, backend, held, signature_len(a, &parts));
}

static bool decode_part(struct str text, uint8_t *out, size_t cap, size_t *len)
{
    return text.at && text.len <= BASE64_LEN(cap) && base64url_decode(text, out, cap, len);
}

static bool decode_jwk(const struct jwk *jwk, struct public_parts *out)
{
    bool rsa = jwk->alg == ALG_RS256 || jwk->alg == ALG_PS256;
    struct str first = rsa ? jwk->n : jwk->x, second = rsa ? jwk->e : jwk->y;

    *out = (struct public_parts){ 0 };
    return decode_part(first, out->first, sizeof out->first, &out->first_len) &&
           (jwk->alg == ALG_EDDSA ||
            decode_part(second, out->second, sizeof out->second, &out->second_len));
}

const char *alg_name(enum alg a)
{
    must(a < ALG_COUNT);
    return alg_names[a];
}

bool alg_parse(struct str name, enum alg *out)
{
    for (enum alg a = 0; a < ALG_COUNT; a++)
        if (str_eq(name, str_of(alg_names[a]))) {
            *out = a;
            return true;
        }
    return false;
}

bool signer_supports(enum alg a)
{
    return a == ALG_HS256 || (*chosen)->supports(a);
}

const char *signer_backend(void)
{
    return (*chosen)->name;
}

bool signer_force(const char *name)
{
    for (size_t i = 0; i < COUNT(backends); i++)
        if (strcmp(backends[i]->name, name) == 0) {
            chosen = &backends[i];
            return true;
        }
    return false;
}

struct signer_key *signer_generate(enum alg a)
{
    must(a != ALG_HS256);
    if (!signer_supports(a)) return NULL;

    struct signer_key *key = key_held(a, *chosen, (*chosen)->generate(a));

    must(key);
    return key;
}

enum err signer_import(enum alg a, struct str pkcs8, struct signer_key **out)
{
    if (a == ALG_HS256 || !signer_supports(a)) return E_NOT_IMPLEMENTED;

    void *held = (*chosen)->import_private(a, pkcs8);

    *out = held ? key_held(a, *chosen, held) : NULL;
    return *out ? OK : E_BAD_VALUE;
}

struct str signer_export(struct arena *a, const struct signer_key *key)
{
    must(key->backend->export_private);
    return key->backend->export_private(a, key->held);
}

enum err signer_import_jwk(const struct jwk *jwk, struct signer_key **out)
{
    struct public_parts parts;

    if (jwk->alg == ALG_HS256 || !signer_supports(jwk->alg)) return E_NOT_IMPLEMENTED;
    if (!decode_jwk(jwk, &parts) || !public_is_sound(jwk->alg, &parts)) return E_BAD_VALUE;

    void *held = (*chosen)->import_public(jwk->alg, &parts);

    if (!held) return E_BAD_VALUE;
    *out = key_new(jwk->alg, *chosen, held, signature_len(jwk->alg, &parts));
    return OK;
}

enum err signer_import_secret(struct str secret, struct signer_key **out)
{
    if (secret.len < SECRET_LEN_MIN) return E_BAD_VALUE;

    struct hmac_key *held = must_alloc(sizeof *held + secret.len);

    held->len = secret.len;
    memcpy(held->bytes, secret.at, secret.len);
    *out = key_new(ALG_HS256, &hmac_backend, held, SHA256_LEN);
    return OK;
}

void signer_free(struct signer_key *key)
{
    if (!key) return;
    key->backend->free(key->held);
    free(key);
}

enum alg signer_alg(const struct signer_key *key)
{
    return key->alg;
}

void signer_public(struct arena *a, const struct signer_key *key, struct jwk *out)
{
    struct public_parts parts;

    must(key->alg != ALG_HS256 && key->backend->export_public(key->held, &parts));

    struct str first = base64url(a, str_span(parts.first, parts.first_len));
    struct str second = base64url(a, str_span(parts.second, parts.second_len));

    *out = (struct jwk){ .alg = key->alg };
    switch (key->alg) {
    case ALG_ES256: out->x = first, out->y = second; break;
    case ALG_EDDSA: out->x = first; break;
    default: out->n = first, out->e = second; break;
    }
}

struct str jwk_thumbprint(struct arena *a, const struct jwk *jwk)
{
    uint8_t hash[SHA256_LEN];
    struct str members; /* the required ones, in the order of their names */

    must(jwk->alg != ALG_HS256);
    switch (jwk->alg) {
    case ALG_ES256:
        members = arena_fmt(a,
                            "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"" STR_FMT
                            "\",\"y\":\"" STR_FMT "\"}",
                            STR_ARG(jwk->x), STR_ARG(jwk->y));
        break;
    case ALG_EDDSA: /* RFC 8037 2 */
        members = arena_fmt(a, "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"" STR_FMT "\"}",
                            STR_ARG(jwk->x));
        break;
    default:
        members = arena_fmt(a, "{\"e\":\"" STR_FMT "\",\"kty\":\"RSA\",\"n\":\"" STR_FMT "\"}",
                            STR_ARG(jwk->e), STR_ARG(jwk->n));
        break;
    }
    sha256(members, hash);
    return base64url(a, str_span(hash, sizeof hash));
}

size_t signer_sign(const struct signer_key *key, struct str data, uint8_t out[SIGNATURE_MAX])
{
    size_t len = key->backend->sign(key->held, data, out);

    must(len == key->signature_len);
    return len;
}

enum err signer_verify(const struct signer_key *key, struct str data, struct str signature)
{
    if (signature.len != key->signature_len) return E_BAD_TOKEN;
    return key->backend->verify(key->held, data, signature) ? OK : E_BAD_TOKEN;
}
