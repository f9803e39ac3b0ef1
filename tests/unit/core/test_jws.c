#include "../jws_vectors.h"

#include "core/jws.h"

#include <time.h>

TestSuite(jws, .init = crypto_start, .timeout = 120);
TestSuite(claims);

static struct arena *const a = &vectors_arena;

static struct signer_key *secret_key(void)
{
    struct signer_key *key = NULL;

    cr_assert(signer_import_secret(STR("0123456789abcdef0123456789abcdef"), &key) == OK);
    return key;
}

/* A token with this header and payload, rightly signed whatever they say. */
static struct str token_of(const struct signer_key *key, struct str header, struct str payload)
{
    return jws_sign(a, key, base64url(a, header), payload);
}

static enum err parse(struct str token)
{
    struct jws jws;

    return jws_parse(a, token, &jws);
}

/* Parsed, verified, and its payload opened. */
static enum err read_all(struct str token, const struct signer_key *key, struct claims *claims)
{
    struct jws jws;

    TRY(jws_parse(a, token, &jws));
    TRY(jws_verify(&jws, key));
    return claims_read(a, jws.payload, claims);
}

static bool is_good(struct str token, const struct signer_key *key)
{
    struct claims claims;

    return read_all(token, key, &claims) == OK;
}

/* Of this process: other processes do not count. */
static int64_t cpu_us(void)
{
    struct timespec now;

    cr_assert(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0);
    return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The text with one part of it replaced. */
static struct str with(struct str text, size_t at, size_t len, struct str new)
{
    return arena_fmt(a, STR_FMT STR_FMT STR_FMT, STR_ARG(str_upto(text, at)), STR_ARG(new),
                     STR_ARG(str_from(text, at + len)));
}

/* --- the RFCs and another implementation ---------------------------------- */

/* RFC 7515 A.1 to A.3, RFC 8037 A.5 */
ON_BOTH(jws, the_examples_of_the_rfcs_verify)
{
    static const char *const names[] = { "rfc7515 a1", "rfc7515 a2", "rfc7515 a3", "rfc8037 a" };

    for (size_t i = 0; i < COUNT(names); i++) {
        struct vector v = vector(names[i]);
        struct jws jws;

        if (!signer_supports(v.alg)) continue;
        struct signer_key *key = vector_key(&v);

        cr_assert(jws_parse(a, v.token, &jws) == OK, "%s", names[i]);
        cr_expect_eq(jws.header.alg, v.alg);
        cr_expect(!jws.header.kid.at);
        cr_expect(jws_verify(&jws, key) == OK, "%s", names[i]);
        signer_free(key);
    }
}

/* RFC 7515 A.1 and A.2, RFC 8037 A.4: these signatures leave nothing to chance */
ON_BOTH(jws, signing_the_examples_of_the_rfcs_gives_their_tokens)
{
    static const char *const names[] = { "rfc7515 a1", "rfc7515 a2", "rfc8037 a" };

    for (size_t i = 0; i < COUNT(names); i++) {
        struct vector v = vector(names[i]);
        struct jws jws;

        if (!signer_supports(v.alg)) continue;
        struct signer_key *key = vector_private_key(&v);
        struct str header = str_upto(v.token, (size_t)str_find(v.token, '.'));

        cr_assert(jws_parse(a, v.token, &jws) == OK);
        cr_expect(str_eq(jws_sign(a, key, header, jws.payload), v.token), "%s", names[i]);
        signer_free(key);
    }
}

/* RFC 7515 A.5 */
Test(jws, the_unsecured_example_of_the_rfc_is_refused)
{
    cr_assert(parse(STR("eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0"
                        "dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.")) == E_BAD_TOKEN);
}

ON_BOTH(jws, tokens_of_another_implementation_verify)
{
    static const char *const names[] = { "jwcrypto RS256", "jwcrypto PS256", "jwcrypto ES256",
                                         "jwcrypto EdDSA", "jwcrypto HS256" };

    for (size_t i = 0; i < COUNT(names); i++) {
        struct vector v = vector(names[i]);
        struct claims claims;
        struct jws jws;
        int64_t exp;

        if (!signer_supports(v.alg)) continue;
        struct signer_key *key = vector_key(&v);

        cr_assert(jws_parse(a, v.token, &jws) == OK, "%s", names[i]);
        cr_expect(str_eq(jws.header.kid, v.kid));
        cr_expect(str_eq(jws.header.typ, STR("at+jwt")));
        cr_expect(jws_verify(&jws, key) == OK, "%s", names[i]);
        cr_assert(claims_read(a, jws.payload, &claims) == OK);
        cr_expect(claim_time(&claims, "exp", &exp) == OK);
        cr_expect_eq(exp, 4102444800);
        signer_free(key);
    }
}

ON_BOTH(jws, what_is_signed_is_read_back)
{
    static const char *const names[] = { "rfc7515 a2", "jwcrypto PS256", "rfc7515 a3", "rfc8037 a",
                                         "rfc7515 a1" };

    for (size_t i = 0; i < COUNT(names); i++) {
        struct vector v = vector(names[i]);
        struct jws jws;

        if (!signer_supports(v.alg)) continue;
        struct signer_key *key = vector_private_key(&v);
        struct str header = jws_header_for(a, key, STR("a \"kid\""), "at+jwt");

        cr_assert(jws_parse(a, jws_sign(a, key, header, STR("{\"a\":1}")), &jws) == OK);
        cr_expect_eq(jws.header.alg, v.alg);
        cr_expect(str_eq(jws.header.kid, STR("a \"kid\"")));
        cr_expect(str_eq(jws.header.typ, STR("at+jwt")));
        cr_expect(str_eq(jws.payload, STR("{\"a\":1}")));
        cr_expect(jws_verify(&jws, key) == OK);
        signer_free(key);
    }
}

/* --- headers ------------------------------------------------------------- */

/* T-001 */
Test(jws, t_001_no_other_algorithm_is_accepted)
{
    static const char *const headers[] = {
        "{\"alg\":\"none\"}",
        "{\"alg\":\"None\"}",
        "{\"alg\":\"NONE\"}",
        "{\"alg\":\"nOnE\"}",
        "{\"alg\":\"\"}",
        "{\"alg\":null}",
        "{}",
        "{\"typ\":\"JWT\"}",
        "{\"alg\":[\"HS256\"]}",
        "{\"alg\":256}",
        "{\"alg\":true}",
        "{\"alg\":{\"HS256\":1}}",
        "{\"alg\":\"hs256\"}",
        "{\"alg\":\"HS256 \"}",
        "{\"ALG\":\"HS256\"}",
        "{\"alg\":\"HS256\\u0000\"}",
        "{\"alg\":\"HS512\"}",
        "{\"alg\":\"RS1\"}",
        "{\"alg\":\"HS384\"}",
        "{\"alg\":\"dir\"}",
    };
    struct signer_key *key = secret_key();

    cr_assert(is_good(token_of(key, STR("{\"alg\":\"HS256\"}"), STR("{}")), key));
    for (size_t i = 0; i < COUNT(headers); i++) {
        struct str signed_token = token_of(key, str_of(headers[i]), STR("{}"));
        struct str header = base64url(a, str_of(headers[i]));

        cr_expect(parse(signed_token) == E_BAD_TOKEN, "%s", headers[i]);
        cr_expect(parse(arena_fmt(a, STR_FMT ".e30.", STR_ARG(header))) == E_BAD_TOKEN, "%s",
                  headers[i]);
    }
    signer_free(key);
}

/* T-002 */
ON_BOTH(jws, t_002_signatures_that_are_gone_changed_or_of_another_token_are_refused)
{
    struct vector v = vector("rfc7515 a3");
    struct signer_key *key = vector_private_key(&v);
    struct str header = jws_header_for(a, key, STR("k"), "at+jwt");
    struct str token = jws_sign(a, key, header, STR("{\"sub\":\"a\"}"));
    struct str other = jws_sign(a, key, header, STR("{\"sub\":\"b\"}"));
    size_t start = token.len - BASE64_LEN(64);

    cr_assert(is_good(token, key));
    cr_expect(!is_good(str_upto(token, start), key));
    cr_expect(!is_good(str_upto(token, start - 1), key));
    cr_expect(!is_good(with(token, start, BASE64_LEN(64), str_from(other, start)), key));
    cr_expect(!is_good(with(token, start, 86,
                            STR("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
                       key));
    for (size_t at = 0; at < token.len; at += 3) {
        char changed[] = { token.at[at] == 'A' ? 'B' : 'A', 0 };

        cr_expect(!is_good(with(token, at, 1, str_of(changed)), key), "character %zu", at);
    }
    signer_free(key);
}

/* A token under HS256 whose secret may be anything. */
static struct str forged(struct str secret)
{
    uint8_t mac[SHA256_LEN];
    struct str input = arena_fmt(a, STR_FMT ".e30",
                                 STR_ARG(base64url(a, STR("{\"alg\":\"HS256\",\"kid\":\"k\"}"))));

    hmac_sha256(secret, input, mac);
    return arena_fmt(a, STR_FMT "." STR_FMT, STR_ARG(input),
                     STR_ARG(base64url(a, str_span(mac, sizeof mac))));
}

/* T-003: the SubjectPublicKeyInfo of the RFC 7515 A.2 key in all its forms */
ON_BOTH(jws, t_003_a_public_key_is_no_hmac_secret)
{
    struct vector v = vector("rfc7515 a2");
    struct signer_key *key = vector_key(&v);
    struct str n = from_base64url(v.jwk.n), spki, pem;
    struct str front = hex("30820122300d06092a864886f70d01010105000382010f003082010a0282010100");
    char der[512];

    memcpy(der, front.at, front.len);
    memcpy(der + front.len, n.at, n.len);
    memcpy(der + front.len + n.len, "\x02\x03\x01\x00\x01", 5);
    spki = str_span(der, front.len + n.len + 5);
    pem = arena_fmt(a, "-----BEGIN PUBLIC KEY-----\n" STR_FMT "\n-----END PUBLIC KEY-----\n",
                    STR_ARG(base64url(a, spki)));
    const struct str secrets[] = {
        spki,
        pem,
        n,
        v.jwk.n,
        str_from(spki, front.len - 9),
        arena_fmt(a, "{\"kty\":\"RSA\",\"n\":\"" STR_FMT "\",\"e\":\"AQAB\"}", STR_ARG(v.jwk.n)),
    };

    for (size_t i = 0; i < COUNT(secrets); i++)
        cr_expect(!is_good(forged(secrets[i]), key), "form %zu", i);
    signer_free(key);
}

/* T-004 */
Test(jws, t_004_a_guessed_hmac_secret_does_not_help)
{
    static const char *const guesses[] = { "", "secret", "client_id", "k" };
    struct vector v = vector("rfc7515 a2");
    struct signer_key *rsa = vector_key(&v), *hmac = secret_key();

    cr_assert(is_good(forged(STR("0123456789abcdef0123456789abcdef")), hmac));
    for (size_t i = 0; i < COUNT(guesses); i++) {
        cr_expect(!is_good(forged(str_of(guesses[i])), hmac), "%s", guesses[i]);
        cr_expect(!is_good(forged(str_of(guesses[i])), rsa), "%s", guesses[i]);
    }
    signer_free(rsa);
    signer_free(hmac);
}

/* Algorithms are bound to keys: right key numbers, another algorithm. */
ON_BOTH(jws, a_key_refuses_a_header_of_another_algorithm)
{
    struct vector v = vector("rfc7515 a2");
    struct signer_key *rs256 = vector_private_key(&v), *ps256 = NULL;

    cr_assert(signer_import(ALG_PS256, v.pkcs8, &ps256) == OK);
    cr_assert(is_good(token_of(rs256, STR("{\"alg\":\"RS256\"}"), STR("{}")), rs256));
    cr_expect(!is_good(token_of(rs256, STR("{\"alg\":\"PS256\"}"), STR("{}")), rs256));
    cr_expect(!is_good(token_of(rs256, STR("{\"alg\":\"RS256\"}"), STR("{}")), ps256));
    cr_expect(!is_good(token_of(ps256, STR("{\"alg\":\"RS256\"}"), STR("{}")), ps256));
    signer_free(rs256);
    signer_free(ps256);
}

/* T-006, T-008: keys in the header are not looked at, whosever they are */
ON_BOTH(jws, t_006_t_008_keys_in_the_header_are_ignored)
{
    struct vector v = vector("rfc7515 a3");
    struct signer_key *ours = vector_private_key(&v), *theirs = signer_generate(ALG_ES256);
    struct jwk jwk;

    signer_public(a, theirs, &jwk);
    const struct str headers[] = {
        arena_fmt(a,
                  "{\"alg\":\"ES256\",\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" STR_FMT
                  "\",\"y\":\"" STR_FMT "\"}}",
                  STR_ARG(jwk.x), STR_ARG(jwk.y)),
        STR("{\"alg\":\"ES256\",\"jku\":\"https://attacker.example/jwks.json\"}"),
        STR("{\"alg\":\"ES256\",\"x5u\":\"https://attacker.example/chain.pem\"}"),
        STR("{\"alg\":\"ES256\",\"x5c\":[\"MIIBszCCAVmgAwIBAgIUQ0\",\"MIIBszCCAVmgAwIBAgIUQ0\"]}"),
        STR("{\"alg\":\"ES256\",\"x5t\":\"a\",\"x5t#S256\":\"b\",\"jwk\":7}"),
    };
    for (size_t i = 0; i < COUNT(headers); i++) {
        cr_expect(parse(token_of(theirs, headers[i], STR("{}"))) == OK, "%s", headers[i].at);
        cr_expect(!is_good(token_of(theirs, headers[i], STR("{}")), ours), "%s", headers[i].at);
        cr_expect(is_good(token_of(ours, headers[i], STR("{}")), ours), "%s", headers[i].at);
    }
    signer_free(ours);
    signer_free(theirs);
}

/* T-009: a kid is a short text, which only ever gets compared */
Test(jws, t_009_a_kid_is_a_short_text_and_handed_on_as_it_is)
{
    static const char *const refused[] = { "\"\"",         "7",        "null",
                                           "true",         "[\"k\"]",  "{}",
                                           "\"k\\u0000\"", "\"k\\n\"", "\"\\u007f\"" };
    static const char *const texts[] = { " ",         "../../dev/null",
                                         "/dev/null", "x' UNION SELECT 'k",
                                         "$(id)|id",  "k" };
    struct signer_key *key = secret_key();
    struct jws jws;
    char longest[JWS_KID_MAX + 2] = { 0 };

    for (size_t i = 0; i < COUNT(refused); i++) {
        struct str header = arena_fmt(a, "{\"alg\":\"HS256\",\"kid\":%s}", refused[i]);

        cr_expect(parse(token_of(key, header, STR("{}"))) == E_BAD_TOKEN, "%s", refused[i]);
    }
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct str header = jws_header_for(a, key, str_of(texts[i]), "JWT");

        cr_assert(jws_parse(a, jws_sign(a, key, header, STR("{}")), &jws) == OK, "%s", texts[i]);
        cr_expect(str_eq(jws.header.kid, str_of(texts[i])));
    }
    memset(longest, 'k', JWS_KID_MAX);
    cr_expect(parse(jws_sign(a, key, jws_header_for(a, key, str_of(longest), "JWT"), STR("{}"))) ==
              OK);
    longest[JWS_KID_MAX] = 'k';
    cr_expect(parse(jws_sign(a, key, jws_header_for(a, key, str_of(longest), "JWT"), STR("{}"))) ==
              E_BAD_TOKEN);
    signer_free(key);
}

/* T-010 */
Test(jws, t_010_headers_that_change_the_reading_are_refused)
{
    static const char *const members[] = {
        "\"crit\":[\"exp\"]",
        "\"crit\":[]",
        "\"crit\":\"b64\"",
        "\"crit\":null",
        "\"crit\":[\"b64\"],\"b64\":false",
        "\"b64\":false",
        "\"b64\":true",
        "\"zip\":\"DEF\"",
        "\"zip\":null",
        "\"enc\":\"A256GCM\"",
    };
    struct signer_key *key = secret_key();

    for (size_t i = 0; i < COUNT(members); i++) {
        struct str header = arena_fmt(a, "{\"alg\":\"HS256\",%s}", members[i]);

        cr_expect(parse(token_of(key, header, STR("{}"))) == E_BAD_TOKEN, "%s", members[i]);
    }
    signer_free(key);
}

/* T-011, the part of the header: typ is handed on exactly, or is no text */
Test(jws, t_011_typ_is_a_text_and_handed_on_as_it_is)
{
    static const char *const refused[] = { "\"\"", "1", "null", "[\"at+jwt\"]" };
    struct signer_key *key = secret_key();
    struct jws jws;

    cr_assert(jws_parse(a, token_of(key, STR("{\"alg\":\"HS256\",\"typ\":\"AT+jwt\"}"), STR("{}")),
                        &jws) == OK);
    cr_expect(str_eq(jws.header.typ, STR("AT+jwt")));
    cr_assert(jws_parse(a, token_of(key, STR("{\"alg\":\"HS256\"}"), STR("{}")), &jws) == OK);
    cr_expect(!jws.header.typ.at);
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct str header = arena_fmt(a, "{\"alg\":\"HS256\",\"typ\":%s}", refused[i]);

        cr_expect(parse(token_of(key, header, STR("{}"))) == E_BAD_TOKEN, "%s", refused[i]);
    }
    signer_free(key);
}

/* T-012 */
Test(jws, t_012_names_given_twice_are_refused)
{
    static const char *const headers[] = {
        "{\"alg\":\"HS256\",\"alg\":\"HS256\"}",
        "{\"alg\":\"none\",\"alg\":\"HS256\"}",
        "{\"alg\":\"HS256\",\"\\u0061lg\":\"HS256\"}",
        "{\"alg\":\"HS256\",\"kid\":\"a\",\"x\":0,\"kid\":\"a\"}",
        "{\"alg\":\"HS256\",\"jwk\":{\"x\":1,\"x\":2}}",
    };
    static const char *const payloads[] = {
        "{\"sub\":\"a\",\"sub\":\"b\"}",
        "{\"sub\":\"a\",\"su\\u0062\":\"a\"}",
        "{\"x\":[1,{\"y\":[{\"z\":1,\"z\":1}]}]}",
        "{\"\":1,\"\":2}",
    };
    struct signer_key *key = secret_key();

    for (size_t i = 0; i < COUNT(headers); i++)
        cr_expect(!is_good(token_of(key, str_of(headers[i]), STR("{}")), key), "%s", headers[i]);
    for (size_t i = 0; i < COUNT(payloads); i++)
        cr_expect(!is_good(token_of(key, STR("{\"alg\":\"HS256\"}"), str_of(payloads[i])), key),
                  "%s", payloads[i]);
    cr_expect(
        is_good(token_of(key, STR("{\"alg\":\"HS256\"}"),
                         STR("{\"x\":{\"y\":1},\"y\":{\"x\":1},\"z\":[{\"y\":1},{\"y\":1}]}")),
                key));
    signer_free(key);
}

/* T-013 */
Test(jws, t_013_the_payload_is_one_json_object)
{
    static const char *const payloads[] = {
        "",
        "[]",
        "[{}]",
        "\"{}\"",
        "1",
        "null",
        "true",
        " ",
        "{",
        "{}}",
        "{}{}",
        "{},",
        "{\"a\"}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":1,}",
        "\xef\xbb\xbf{}",
        "{\"a\":\"\xff\"}",
        "{\"a\":\"\xc0\xaf\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":NaN}",
        "{\"a\":01}",
        "{\"a\":1e999}",
        "{}//",
    };
    struct signer_key *key = secret_key();
    struct str header = STR("{\"alg\":\"HS256\"}");

    cr_assert(is_good(token_of(key, header, STR(" {\r\n\t} ")), key));
    for (size_t i = 0; i < COUNT(payloads); i++)
        cr_expect(!is_good(token_of(key, header, str_of(payloads[i])), key), "%s", payloads[i]);
    cr_expect(!is_good(token_of(key, header, STR("{\"a\":\"\0\"}")), key), "a bare NUL");
    cr_expect(!is_good(token_of(key, header, STR("{}\0")), key), "a NUL behind it");
    signer_free(key);
}

/* T-013 */
Test(jws, t_013_neither_part_is_nested_deeper_than_32)
{
    static const size_t depths[] = { 33, 500, 1000 };
    struct signer_key *key = secret_key();

    for (size_t i = 0; i < COUNT(depths); i++) {
        size_t n = depths[i] - 1;
        struct str open = arena_fmt(a, "%*s", (int)n, ""), close = arena_fmt(a, "%*s", (int)n, "");

        memset((char *)(uintptr_t)open.at, '[', n);
        memset((char *)(uintptr_t)close.at, ']', n);
        struct str deep = arena_fmt(a, STR_FMT STR_FMT, STR_ARG(open), STR_ARG(close));
        struct str payload = arena_fmt(a, "{\"a\":" STR_FMT "}", STR_ARG(deep));
        struct str header = arena_fmt(a, "{\"alg\":\"HS256\",\"a\":" STR_FMT "}", STR_ARG(deep));

        cr_expect(!is_good(token_of(key, STR("{\"alg\":\"HS256\"}"), payload), key));
        cr_expect(!is_good(token_of(key, header, STR("{}")), key));
    }
    signer_free(key);
}

/* --- the form ------------------------------------------------------------ */

/* T-019 */
ON_BOTH(jws, t_019_each_segment_is_strict_base64url)
{
    static const char *const inserted[] = { "=",  "==", "+", "/",    " ",   "\n", "\r\n",
                                            "\t", "?",  ",", "\x80", "%3D", "." };
    struct vector v = vector("rfc7515 a3");
    struct signer_key *key = vector_key(&v);
    size_t dots[3] = { 0 }, count = 0;

    for (size_t i = 0; i < v.token.len; i++)
        if (v.token.at[i] == '.') dots[count++] = i;
    dots[2] = v.token.len;

    cr_assert(is_good(v.token, key));
    for (size_t segment = 0; segment < 3; segment++)
        for (size_t i = 0; i < COUNT(inserted); i++) {
            struct str what = str_of(inserted[i]);

            cr_expect(parse(with(v.token, dots[segment], 0, what)) == E_BAD_TOKEN,
                      "behind segment %zu: \"%s\"", segment, inserted[i]);
            cr_expect(!is_good(with(v.token, dots[segment] - 4, 0, what), key),
                      "in segment %zu: \"%s\"", segment, inserted[i]);
            cr_expect(!is_good(with(v.token, dots[segment] - 4, what.len, what), key),
                      "in place of segment %zu: \"%s\"", segment, inserted[i]);
        }
    cr_expect(parse(with(v.token, 0, 0, STR(" "))) == E_BAD_TOKEN);
    signer_free(key);
}

/* T-019: 16, 2 and 32 octets leave four, two and two bits of the last character
 * to spare. */
Test(jws, t_019_spare_bits_are_zero_in_each_segment)
{
    struct signer_key *key = secret_key();
    struct str token = token_of(key, STR("{\"alg\":\"HS256\"} "), STR("{}"));
    size_t header = (size_t)str_find(token, '.') - 1, payload = header + 1 + 3;

    cr_assert(is_good(token, key));
    const size_t ends[] = { header, payload, token.len - 1 };

    for (size_t i = 0; i < COUNT(ends); i++) {
        /* Its value is even, so the next one is the next character. */
        char next[] = { (char)(token.at[ends[i]] + 1), 0 };

        cr_expect(parse(with(token, ends[i], 1, str_of(next))) == E_BAD_TOKEN, "segment %zu", i);
    }
    signer_free(key);
}

/* T-020 */
Test(jws, t_020_anything_but_three_segments_is_refused_quickly)
{
    struct signer_key *key = secret_key();
    struct str good = token_of(key, STR("{\"alg\":\"HS256\"}"), STR("{}"));
    char *dots = arena_alloc(a, 1000000, 1);
    const struct str refused[] = {
        STR_NONE,
        STR(""),
        STR("."),
        STR(".."),
        STR("..."),
        STR("...."),
        STR("eyJhbGciOiJIUzI1NiJ9"),
        STR("eyJhbGciOiJIUzI1NiJ9.e30"),
        STR("eyJhbGciOiJIUzI1NiJ9.."),
        arena_fmt(a, "." STR_FMT, STR_ARG(good)),
        arena_fmt(a, STR_FMT ".", STR_ARG(good)),
        arena_fmt(a, STR_FMT ".e30", STR_ARG(good)),
        str_from(good, (size_t)str_find(good, '.')),
        /* RFC 7516 3.3: five segments */
        STR("eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.AAAA.AAAA.AAAA.AAAA"),
        /* RFC 7515 7.2 */
        STR("{\"payload\":\"e30\",\"protected\":\"eyJhbGciOiJIUzI1NiJ9\",\"signature\":\"AAAA\"}"),
        str_span(memset(dots, '.', 1000000), 1000000),
    };

    cr_assert(is_good(good, key));
    for (size_t i = 0; i < COUNT(refused); i++) {
        int64_t before = cpu_us();

        cr_expect(!is_good(refused[i], key), "%zu", i);
        cr_expect_leq(cpu_us() - before, 1000, "%zu", i);
    }
    signer_free(key);
}

/* T-021; what the sizes mean for a request is for the HTTP side */
Test(jws, t_021_tokens_over_8_kib_are_refused_unread)
{
    struct signer_key *key = secret_key();
    struct str header = STR("{\"alg\":\"HS256\"}");
    size_t around = token_of(key, header, STR("")).len, fits = BASE64_BYTES(JWS_MAX - around);
    const size_t over[] = { fits + 1, BASE64_BYTES(65536), BASE64_BYTES(1 << 20) };
    char *text = arena_alloc(a, 1 << 20, 1);

    memset(text, ' ', 1 << 20);
    text[0] = '{';
    text[fits - 1] = '}';
    cr_expect(is_good(token_of(key, header, str_span(text, fits)), key));
    for (size_t i = 0; i < COUNT(over); i++) {
        struct str larger = token_of(key, header, str_span(text, over[i]));
        int64_t before = cpu_us();

        cr_expect(parse(larger) == E_BAD_TOKEN, "%zu", larger.len);
        cr_expect_leq(cpu_us() - before, 1000, "%zu", larger.len);
    }
    signer_free(key);
}

/* A header can be full of names to compare: that too is done in no time. */
Test(jws, a_header_of_thousands_of_names_is_refused_quickly)
{
    struct str header = STR("{\"alg\":\"HS256\"");
    struct signer_key *key = secret_key();
    CLEANUP(buf_done) struct buf b;

    buf_init(&b, JWS_MAX);
    buf_add(&b, header);
    for (int i = 0; b.len < 6000; i++) buf_fmt(&b, ",\"%x\":1", (unsigned)i);
    BUF_ADD(&b, "}");
    struct str token = token_of(key, buf_str(&b), STR("{}"));
    int64_t before = cpu_us();

    cr_expect(parse(token) == E_BAD_TOKEN);
    cr_expect_leq(cpu_us() - before, 1000);
    signer_free(key);
}

/* --- claims -------------------------------------------------------------- */

static struct claims claims_of(const char *payload)
{
    struct claims claims = { 0 };

    cr_assert(claims_read(a, str_of(payload), &claims) == OK, "%s", payload);
    return claims;
}

/* T-014, the part about form */
Test(claims, t_014_times_are_whole_seconds_from_0_on)
{
    static const char *const refused[] = {
        "\"1700000000\"",
        "1700000000.0",
        "1.7e9",
        "1e3",
        "-1",
        "-0",
        "0.5",
        "null",
        "true",
        "[1700000000]",
        "{}",
        "9007199254740993",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
    };
    int64_t exp = 77;

    for (size_t i = 0; i < COUNT(refused); i++) {
        struct claims c = claims_of(arena_fmt(a, "{\"exp\":%s}", refused[i]).at);

        cr_expect(claim_time(&c, "exp", &exp) == E_BAD_TOKEN, "%s", refused[i]);
        cr_expect_eq(exp, 77, "%s", refused[i]);
    }
    struct claims c = claims_of("{\"iat\":0,\"exp\":9007199254740991}");

    cr_expect(claim_time(&c, "nbf", &exp) == E_BAD_TOKEN);
    cr_expect_eq(exp, 77);
    cr_expect(claim_time(&c, "iat", &exp) == OK);
    cr_expect_eq(exp, 0);
    cr_expect(claim_time(&c, "exp", &exp) == OK);
    cr_expect_eq(exp, 9007199254740991);
}

/* T-014: 2^64 and more is no number that anything can hold */
Test(claims, t_014_numbers_that_nothing_can_hold_are_refused)
{
    static const char *const payloads[] = { "{\"exp\":18446744073709551616}",
                                            "{\"exp\":-9223372036854775809}", "{\"exp\":1e400}" };
    struct claims claims;
    int64_t exp;

    for (size_t i = 0; i < COUNT(payloads); i++) {
        enum err read = claims_read(a, str_of(payloads[i]), &claims);

        cr_expect(read != OK || claim_time(&claims, "exp", &exp) == E_BAD_TOKEN, "%s", payloads[i]);
    }
}

Test(claims, texts_are_texts_and_not_empty)
{
    static const char *const refused[] = { "\"\"",    "1",  "null",         "true",
                                           "[\"a\"]", "{}", "\"a\\u0000b\"" };
    struct str sub = STR("untouched");

    for (size_t i = 0; i < COUNT(refused); i++) {
        struct claims c = claims_of(arena_fmt(a, "{\"sub\":%s}", refused[i]).at);

        cr_expect(claim_text(&c, "sub", &sub) == E_BAD_TOKEN, "%s", refused[i]);
        cr_expect(str_eq(sub, STR("untouched")));
    }
    struct claims c = claims_of("{\"sub\":\"\\u00e9t\\u00e9\",\"Iss\":\"x\"}");

    cr_expect(claim_text(&c, "iss", &sub) == E_BAD_TOKEN);
    cr_expect(str_eq(sub, STR("untouched")));
    cr_expect(claim_text(&c, "sub", &sub) == OK);
    cr_expect(str_eq(sub, STR("été")));
}

/* T-017, the part about form; RFC 7519 4.1.3 */
Test(claims, t_017_an_audience_is_one_text_or_some)
{
    static const char *const refused[] = { "[]",           "1",        "null", "{}", "[1]",
                                           "[\"a\",null]", "[[\"a\"]]" };
    struct json_texts aud = { 0 };

    for (size_t i = 0; i < COUNT(refused); i++) {
        struct claims c = claims_of(arena_fmt(a, "{\"aud\":%s}", refused[i]).at);

        cr_expect(claim_texts(a, &c, "aud", &aud) == E_BAD_TOKEN, "%s", refused[i]);
        cr_expect_eq(aud.count, 0);
    }
    struct claims none = claims_of("{}"), one = claims_of("{\"aud\":\"x\"}"),
                  two = claims_of("{\"aud\":[\"x\",\"y\"]}");

    cr_expect(claim_texts(a, &none, "aud", &aud) == E_BAD_TOKEN);
    cr_assert(claim_texts(a, &one, "aud", &aud) == OK);
    cr_expect(aud.count == 1 && str_eq(aud.at[0], STR("x")));
    cr_assert(claim_texts(a, &two, "aud", &aud) == OK);
    cr_expect(aud.count == 2 && str_eq(aud.at[0], STR("x")) && str_eq(aud.at[1], STR("y")));
}

Test(claims, objects_of_more_than_64_members_are_refused)
{
    CLEANUP(buf_done) struct buf b;
    struct claims claims;

    for (int count = JSON_VIEW_MEMBERS_MAX; count <= JSON_VIEW_MEMBERS_MAX + 1; count++) {
        buf_init(&b, 4096);
        BUF_ADD(&b, "{\"m0\":1");
        for (int i = 1; i < count; i++) buf_fmt(&b, ",\"m%d\":1", i);
        BUF_ADD(&b, "}");
        cr_expect_eq(claims_read(a, buf_str(&b), &claims) == OK, count == JSON_VIEW_MEMBERS_MAX);
        if (count == JSON_VIEW_MEMBERS_MAX) buf_done(&b);
    }
}
