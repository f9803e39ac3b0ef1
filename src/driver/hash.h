/* hash.h - SHA-256, by the library that is fastest here.
 *
 * libcrypto uses the processor's instructions for it, mbedTLS has them for arm64
 * only; a refresh hashes two dozen blocks.
 */
#ifndef DRIVER_HASH_H
#define DRIVER_HASH_H

#include "driver/crypto.h"

/* Of some parts, one after the other. */
void hash_sha256(const struct str *parts, size_t count, uint8_t out[SHA256_LEN]);

#endif
