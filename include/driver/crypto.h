/* crypto.h - hashes, MACs, derivation and sealing, on mbedTLS and, for SHA-256,
 * libcrypto where it is there.
 *
 * Pure CPU, no waiting, thread-safe after crypto_start. Asymmetric signatures
 * live in signer.h.
 */
#ifndef DRIVER_CRYPTO_H
#define DRIVER_CRYPTO_H

#include "base/arena.h"
#include "base/err.h"

#define SHA256_LEN 32

void crypto_start(void); /* psa_crypto_init; after any fork */

void sha256(struct str data, uint8_t out[SHA256_LEN]);
void hmac_sha256(struct str key, struct str data, uint8_t out[SHA256_LEN]);
/* RFC 5869; `info` separates the uses of one key. len <= 255 * 32. */
void hkdf_sha256(struct str key, struct str salt, struct str info, void *out, size_t len);

/* AES-256-GCM with a random 96-bit nonce in front and the tag behind:
 * SEAL_OVERHEAD bytes more than the plain text. `aad` binds it to its place. */
#define SEAL_OVERHEAD (12 + 16)
struct str crypto_seal(struct arena *a, const uint8_t key[32], struct str aad, struct str plain);
/* E_BAD_CREDENTIAL when key, place or text are not the ones it was sealed with. */
enum err crypto_open(struct arena *a, const uint8_t key[32], struct str aad, struct str sealed,
                     struct str *plain);

/* The keys derived from the master key, each for one purpose (HKDF info). */
struct master {
    uint8_t seal_keys[32];   /* signing keys at rest */
    uint8_t refresh_tag[32]; /* 32-bit tag of refresh tokens */
    uint8_t refresh_mac[32]; /* their MAC, together with the row's secret */
    uint8_t print[32];       /* address-and-agent prints */
    uint8_t jwt_kid[32];     /* kid of an HS256 secret */
};
extern struct master master;
void master_derive(struct str master_key); /* fills `master` */

void wipe(void *at, size_t len); /* a memset the compiler keeps */

#endif
