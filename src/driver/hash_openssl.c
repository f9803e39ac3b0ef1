/* The algorithm is fetched once: looking it up by its name costs more than
 * hashing a few blocks. */
#include "hash.h"

#include "base/must.h"

#include <openssl/evp.h>
#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const EVP_MD *sha256_md;

static void fetch(void)
{
    sha256_md = EVP_MD_fetch(NULL, "SHA256", NULL);
    must(sha256_md);
}

void hash_sha256(const struct str *parts, size_t count, uint8_t out[SHA256_LEN])
{
    must(pthread_once(&once, fetch) == 0);
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    must(context && EVP_DigestInit_ex2(context, sha256_md, NULL) == 1);
    for (size_t i = 0; i < count; i++)
        must(EVP_DigestUpdate(context, parts[i].at, parts[i].len) == 1);
    must(EVP_DigestFinal_ex(context, out, NULL) == 1);
    EVP_MD_CTX_free(context); /* wipes what it had of a key */
}
