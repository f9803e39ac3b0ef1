/* signer_backend.h - what a library must do for signer.c.
 *
 * A back end knows nothing of JWK or of which keys are acceptable: signer.c
 * checks public parts and signature lengths for all of them, and never hands
 * over an algorithm that `supports` has not named. HS256 goes by such a table
 * as well, one without makers.
 */
#ifndef DRIVER_SIGNER_BACKEND_H
#define DRIVER_SIGNER_BACKEND_H

#include "driver/signer.h"

#define RSA_BITS_NEW 2048 /* of keys we make */
#define RSA_BYTES_MAX 512
#define P256_BYTES 32
#define ED25519_BYTES 32

/* The numbers of a public key, big-endian, without leading zeros for RSA.
 * RSA: n and e; P-256: x and y; Ed25519: its 32 octets and nothing. */
struct public_parts {
    uint8_t first[RSA_BYTES_MAX], second[P256_BYTES];
    size_t first_len, second_len;
};

struct signer_backend {
    const char *name;
    bool (*supports)(enum alg a);
    void *(*generate)(enum alg a);
    /* These two: NULL when the bytes are not a key for that algorithm. */
    void *(*import_private)(enum alg a, struct str pkcs8);
    void *(*import_public)(enum alg a, const struct public_parts *parts);
    struct str (*export_private)(struct arena *a, const void *key); /* PKCS#8 */
    /* False when a number is longer than its place in public_parts. */
    bool (*export_public)(const void *key, struct public_parts *out);
    size_t (*sign)(const void *key, struct str data, uint8_t out[SIGNATURE_MAX]);
    bool (*verify)(const void *key, struct str data, struct str signature);
    void (*free)(void *key); /* wipes */
};

#ifdef SIGNER_OPENSSL
extern const struct signer_backend signer_openssl;
#endif
extern const struct signer_backend signer_mbedtls;

#endif
