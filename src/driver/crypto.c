/* crypto.c - hashes, MACs, derivation and sealing, on mbedTLS.
 *
 * Only calls of the PSA interface, because it is the one that stays when
 * mbedTLS 4 comes. HMAC is built here from two hashes, since PSA wants every
 * HMAC key imported into its key store first and a refresh token costs a
 * handful of HMACs. Sealing happens a few times in the life of a process, so
 * there the key does go through the store.
 *
 * Failures of the library here mean a broken build or no memory, never bad
 * input, so they end the process. The one exception is what opening is for.
 */
#include "driver/crypto.h"

#include "base/must.h"
#include "base/random.h"
#include "hash.h"

#include <psa/crypto.h>
#include <string.h>

#ifndef MBEDTLS_THREADING_C
#error "mbedTLS must be built with MBEDTLS_THREADING_C: keys are made on pool threads"
#endif

#define SHA256_BLOCK 64
#define NONCE_LEN 12
#define TAG_LEN 16

struct master master;

static const uint8_t *octets(struct str s)
{
    return (const uint8_t *)s.at;
}

#define HMAC_PARTS_MAX 3

/* RFC 2104, over up to three parts. */
static void hmac_parts(struct str key, const struct str *parts, size_t count,
                       uint8_t out[SHA256_LEN])
{
    uint8_t pad[SHA256_BLOCK] = { 0 };
    uint8_t inner[SHA256_LEN];
    struct str chain[1 + HMAC_PARTS_MAX] = { str_span(pad, sizeof pad) };

    must(count <= HMAC_PARTS_MAX);
    for (size_t i = 0; i < count; i++) chain[1 + i] = parts[i];

    if (key.len > sizeof pad)
        sha256(key, pad);
    else if (key.len > 0)
        memcpy(pad, key.at, key.len);

    for (size_t i = 0; i < sizeof pad; i++) pad[i] ^= 0x36;
    hash_sha256(chain, 1 + count, inner);
    for (size_t i = 0; i < sizeof pad; i++) pad[i] ^= 0x36 ^ 0x5c;
    chain[1] = str_span(inner, sizeof inner);
    hash_sha256(chain, 2, out);

    wipe(pad, sizeof pad);
    wipe(inner, sizeof inner);
}

static psa_key_id_t seal_key(const uint8_t key[32], psa_key_usage_t usage)
{
    psa_key_attributes_t wanted = PSA_KEY_ATTRIBUTES_INIT;
    psa_key_id_t id;

    psa_set_key_type(&wanted, PSA_KEY_TYPE_AES);
    psa_set_key_algorithm(&wanted, PSA_ALG_GCM);
    psa_set_key_usage_flags(&wanted, usage);
    must(psa_import_key(&wanted, key, 32, &id) == PSA_SUCCESS);
    return id;
}

void crypto_start(void)
{
    must(psa_crypto_init() == PSA_SUCCESS);
}

void sha256(struct str data, uint8_t out[SHA256_LEN])
{
    hash_sha256(&data, 1, out);
}

void hmac_sha256(struct str key, struct str data, uint8_t out[SHA256_LEN])
{
    hmac_parts(key, &data, 1, out);
}

/* RFC 5869: 2.2 extract, 2.3 expand. */
void hkdf_sha256(struct str key, struct str salt, struct str info, void *out, size_t len)
{
    uint8_t prk[SHA256_LEN], block[SHA256_LEN];
    uint8_t *at = out;
    struct str last = STR("");

    must(len <= 255 * SHA256_LEN);
    hmac_sha256(salt, key, prk); /* no salt: a block of zeros, as an empty key is padded */

    for (uint8_t n = 1; len > 0; n++) {
        struct str parts[] = { last, info, str_span(&n, 1) };
        size_t take = len < sizeof block ? len : sizeof block;

        hmac_parts(str_span(prk, sizeof prk), parts, COUNT(parts), block);
        memcpy(at, block, take);
        last = str_span(block, sizeof block);
        at += take;
        len -= take;
    }
    wipe(prk, sizeof prk);
    wipe(block, sizeof block);
}

struct str crypto_seal(struct arena *a, const uint8_t key[32], struct str aad, struct str plain)
{
    uint8_t *out = arena_alloc(a, plain.len + SEAL_OVERHEAD, 1);
    psa_key_id_t id = seal_key(key, PSA_KEY_USAGE_ENCRYPT);
    size_t len;

    random_bytes(out, NONCE_LEN);
    must(psa_aead_encrypt(id, PSA_ALG_GCM, out, NONCE_LEN, octets(aad), aad.len, octets(plain),
                          plain.len, out + NONCE_LEN, plain.len + TAG_LEN, &len) == PSA_SUCCESS);
    must(psa_destroy_key(id) == PSA_SUCCESS);
    return str_span(out, NONCE_LEN + len);
}

enum err crypto_open(struct arena *a, const uint8_t key[32], struct str aad, struct str sealed,
                     struct str *plain)
{
    if (sealed.len < SEAL_OVERHEAD) return E_BAD_CREDENTIAL;

    size_t cap = sealed.len - SEAL_OVERHEAD, len = 0;
    uint8_t *out = arena_alloc(a, cap + 1, 1); /* NUL follows */
    psa_key_id_t id = seal_key(key, PSA_KEY_USAGE_DECRYPT);
    psa_status_t opened =
        psa_aead_decrypt(id, PSA_ALG_GCM, octets(sealed), NONCE_LEN, octets(aad), aad.len,
                         octets(sealed) + NONCE_LEN, sealed.len - NONCE_LEN, out, cap, &len);

    must(psa_destroy_key(id) == PSA_SUCCESS);
    must(opened == PSA_SUCCESS || opened == PSA_ERROR_INVALID_SIGNATURE);
    if (opened != PSA_SUCCESS) return E_BAD_CREDENTIAL;
    *plain = str_span(out, len);
    return OK;
}

/* The names are part of what is stored: changing one loses what it protected. */
void master_derive(struct str master_key)
{
    const struct {
        const char *purpose;
        uint8_t *key;
    } keys[] = {
        { "postern seal keys v1", master.seal_keys },
        { "postern refresh tag v1", master.refresh_tag },
        { "postern refresh mac v1", master.refresh_mac },
        { "postern print v1", master.print },
        { "postern jwt kid v1", master.jwt_kid },
    };

    for (size_t i = 0; i < COUNT(keys); i++)
        hkdf_sha256(master_key, STR(""), str_of(keys[i].purpose), keys[i].key, 32);
}

void wipe(void *at, size_t len)
{
    explicit_bzero(at, len);
}
