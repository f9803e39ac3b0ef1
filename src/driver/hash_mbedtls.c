#include "hash.h"

#include "base/must.h"

#include <psa/crypto.h>

void hash_sha256(const struct str *parts, size_t count, uint8_t out[SHA256_LEN])
{
    psa_hash_operation_t hash = PSA_HASH_OPERATION_INIT;
    size_t len;

    must(psa_hash_setup(&hash, PSA_ALG_SHA_256) == PSA_SUCCESS);
    for (size_t i = 0; i < count; i++)
        must(psa_hash_update(&hash, (const uint8_t *)parts[i].at, parts[i].len) == PSA_SUCCESS);
    must(psa_hash_finish(&hash, out, SHA256_LEN, &len) == PSA_SUCCESS);
}
