/* The bytes are tried as a token, and, when there is a line break in them, as
 * a header and a payload that somebody with our secret has signed: what parses
 * then must verify, and what was not signed must not. */
#include "base/codec.h"
#include "base/must.h"
#include "core/jws.h"
#include "driver/crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct signer_key *ours, *theirs;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    crypto_start();
    must(signer_import_secret(STR("0123456789abcdef0123456789abcdef"), &ours) == OK);
    must(signer_import_secret(STR("fedcba9876543210fedcba9876543210"), &theirs) == OK);
    return 0;
}

static void try_claims(struct arena *a, struct str payload)
{
    static const char *const names[] = { "iss", "aud", "exp", "sub" };
    struct claims claims;

    if (claims_read(a, payload, &claims) != OK) return;
    for (size_t i = 0; i < COUNT(names); i++) {
        struct json_texts texts = { 0 };
        struct str text = STR_NONE;
        int64_t time_s = -1;

        must(claim_time(&claims, names[i], &time_s) != OK || time_s >= 0);
        must(claim_text(&claims, names[i], &text) != OK || text.len > 0);
        must(claim_texts(a, &claims, names[i], &texts) != OK || texts.count > 0);
    }
}

static bool parse(struct arena *a, struct str token, struct jws *out)
{
    if (jws_parse(a, token, out) != OK) return false;

    /* One token has one spelling. */
    struct str rest = str_from(token, (size_t)str_find(token, '.') + 1);
    struct str again = arena_fmt(a, STR_FMT "." STR_FMT, STR_ARG(base64url(a, out->payload)),
                                 STR_ARG(base64url(a, out->signature)));

    must(token.len <= JWS_MAX && str_eq(rest, again));
    must(out->header.kid.len <= JWS_KID_MAX && out->header.typ.len <= JWS_KID_MAX);
    return true;
}

static void try_signed(struct arena *a, struct str header, struct str payload)
{
    struct str token = jws_sign(a, ours, base64url(a, header), payload);
    struct jws jws;

    if (!parse(a, token, &jws)) return;
    must(str_eq(jws.payload, payload));
    must((jws_verify(&jws, ours) == OK) == (jws.header.alg == ALG_HS256));
    must(jws_verify(&jws, theirs) == E_BAD_TOKEN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_span(data, size), payload = text, header = str_cut(&payload, '\n');
    struct arena arena CLEANUP(arena_done);
    struct jws jws;

    arena_init(&arena, 64 << 20);
    if (parse(&arena, text, &jws)) must(jws_verify(&jws, theirs) == E_BAD_TOKEN);
    try_claims(&arena, text);
    if (payload.at) {
        try_signed(&arena, header, payload);
        try_claims(&arena, payload);
    }
    return 0;
}
