/* bench_sign.c - what signatures and MACs cost, in microseconds of this
 * process's time, so that busy neighbours do not count. */
#include "base/must.h"
#include "core/jws.h"
#include "driver/crypto.h"

#include <stdio.h>
#include <time.h>

#define LEAST_US 200000.0 /* each line is measured for as long */
#define BATCH 32          /* times between two looks at the clock, which is a system call */

static double cpu_us(void)
{
    struct timespec now;

    must(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* Runs a statement until there is something to measure; its mean time. */
#define MEASURE(statement)                     \
    ({                                         \
        double begun = cpu_us(), times = 0;    \
        do {                                   \
            for (int i = 0; i < BATCH; i++) {  \
                statement;                     \
            }                                  \
            times += BATCH;                    \
        } while (cpu_us() - begun < LEAST_US); \
        (cpu_us() - begun) / times;            \
    })

static struct str payload = STR_INIT(
    "{\"iss\":\"https://id.example\",\"sub\":\"0190c2f4-5b7a-7c31-9d4e-2f60a1b3c5d7\","
    "\"aud\":\"https://id.example\",\"exp\":1700000600,\"iat\":1700000000,\"nbf\":1700000000,"
    "\"jti\":\"0190c2f4-5b7a-7c31-9d4e-2f60a1b3c5d8\",\"client_id\":\"postern\","
    "\"scope\":\"account\",\"roles\":[\"user\"],\"tenant\":\"default\","
    "\"sid\":\"0190c2f4-5b7a-7c31-9d4e-2f60a1b3c5d9\",\"auth_time\":1700000000,"
    "\"type\":\"access\"}");

static struct signer_key *make_key(enum alg alg)
{
    struct signer_key *key;

    if (alg != ALG_HS256) return signer_generate(alg);
    must(signer_import_secret(STR("0123456789abcdef0123456789abcdef"), &key) == OK);
    return key;
}

/* A whole token: base64url, hash, signature. */
static void bench_token(struct arena *a, enum alg alg)
{
    struct signer_key *key = make_key(alg);
    struct jws jws;

    if (!key) return;
    struct str header =
        jws_header_for(a, key, STR("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"), "at+jwt");
    struct str token = jws_sign(a, key, header, payload);
    struct arena each CLEANUP(arena_done);

    arena_init(&each, 1 << 20);
    double sign = MEASURE((void)jws_sign(&each, key, header, payload); arena_reset(&each));
    double parse = MEASURE(must(jws_parse(&each, token, &jws) == OK); arena_reset(&each));

    must(jws_parse(a, token, &jws) == OK);
    double verify = MEASURE(must(jws_verify(&jws, key) == OK));

    printf("%-8s %-6s %10.2f %10.2f %10.2f\n", alg == ALG_HS256 ? "-" : signer_backend(),
           alg_name(alg), sign, parse, verify);
    signer_free(key);
}

static void bench_crypto(struct arena *a)
{
    static const uint8_t key[32] = "key";
    uint8_t out[SHA256_LEN];
    struct claims claims;
    struct str sealed = crypto_seal(a, key, STR("kid"), payload), opened;
    struct arena each CLEANUP(arena_done);

    arena_init(&each, 1 << 20);
    printf("\n%-44s %8.2f\n", "sha256 of 300 bytes", MEASURE(sha256(str_upto(payload, 300), out)));
    printf("%-44s %8.2f\n", "hmac_sha256 of 48 bytes",
           MEASURE(hmac_sha256(str_span(key, 32), str_upto(payload, 48), out)));
    printf("%-44s %8.2f\n", "claims_read",
           MEASURE(must(claims_read(&each, payload, &claims) == OK); arena_reset(&each)));
    printf("%-44s %8.2f\n", "crypto_open",
           MEASURE(must(crypto_open(&each, key, STR("kid"), sealed, &opened) == OK);
                   arena_reset(&each)));
}

int main(void)
{
    static const char *const backends[] = { "openssl", "mbedtls" };
    struct arena a CLEANUP(arena_done);

    crypto_start();
    arena_init(&a, 1 << 20);
    printf("%-8s %-6s %10s %10s %10s   us\n", "", "", "sign", "parse", "verify");
    for (size_t i = 0; i < COUNT(backends); i++) {
        if (!signer_force(backends[i])) continue;
        for (enum alg alg = 0; alg < ALG_HS256; alg++) bench_token(&a, alg);
    }
    bench_token(&a, ALG_HS256);
    bench_crypto(&a);
    return 0;
}
