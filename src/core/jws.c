/* A token is three pieces of base64url; each step below takes the least of it
 * that the next one needs. The header decides nothing but which algorithm the
 * key must be of, and the key has the last word on that. */
#include "core/jws.h"

#include "base/codec.h"
#include "base/must.h"

/* What changes how a token is to be read, and we do not do: refused even when
 * it says that nothing is changed (RFC 7515 4.1.11, RFC 7797 3, RFC 7516 4.1.3). */
static const char *const refused[] = { "crit", "b64", "zip", "enc" };

static bool decode(struct arena *a, struct str text, struct str *out)
{
    size_t len;
    char *bytes = arena_alloc(a, BASE64_BYTES(text.len) + 1, 1);

    if (!base64url_decode(text, bytes, BASE64_BYTES(text.len), &len)) return false;
    *out = str_span(bytes, len);
    return true;
}

/* A short text without control characters, if given. */
static bool take_label(struct json_view header, const char *name, struct str *out)
{
    struct json_view member = json_view_member(header, name);

    *out = STR_NONE;
    if (!member.value) return true;
    if (!json_view_text(member, out) || out->len == 0 || out->len > JWS_KID_MAX) return false;
    for (size_t i = 0; i < out->len; i++)
        if ((unsigned char)out->at[i] < 0x20 || out->at[i] == 0x7f) return false;
    return true;
}

static enum err parse_header(struct arena *a, struct str text, struct jws_header *out)
{
    struct json_view header;
    struct str alg;

    if (json_view_read(a, text, &header) != OK) return E_BAD_TOKEN;
    for (size_t i = 0; i < COUNT(refused); i++)
        if (json_view_member(header, refused[i]).value) return E_BAD_TOKEN;

    if (!json_view_text(json_view_member(header, "alg"), &alg)) return E_BAD_TOKEN;
    if (!alg_parse(alg, &out->alg)) return E_BAD_TOKEN;
    if (!take_label(header, "kid", &out->kid)) return E_BAD_TOKEN;
    if (!take_label(header, "typ", &out->typ)) return E_BAD_TOKEN;
    return OK;
}

enum err jws_parse(struct arena *a, struct str token, struct jws *out)
{
    if (token.len > JWS_MAX) return E_BAD_TOKEN;

    struct str rest = token, header = str_cut(&rest, '.'), payload = str_cut(&rest, '.');

    if (!rest.at) return E_BAD_TOKEN;
    out->signed_part = str_upto(token, token.len - rest.len - 1);
    /* A further dot is in no alphabet, so it is refused with the signature. */
    if (!decode(a, rest, &out->signature) || !decode(a, header, &header)) return E_BAD_TOKEN;
    TRY(parse_header(a, header, &out->header));
    return decode(a, payload, &out->payload) ? OK : E_BAD_TOKEN;
}

enum err jws_verify(const struct jws *jws, const struct signer_key *key)
{
    if (jws->header.alg != signer_alg(key)) return E_BAD_TOKEN;
    return signer_verify(key, jws->signed_part, jws->signature);
}

struct str jws_header_for(struct arena *a, const struct signer_key *key, struct str kid,
                          const char *typ)
{
    CLEANUP(buf_done) struct buf b;

    buf_init(&b, 2048);
    json_begin(&b);
    json_put_text(&b, "alg", str_of(alg_name(signer_alg(key))));
    json_put_text(&b, "typ", str_of(typ));
    json_put_text(&b, "kid", kid);
    json_end(&b);
    must(!b.full);
    return base64url(a, buf_str(&b));
}

struct str jws_sign(struct arena *a, const struct signer_key *key, struct str header,
                    struct str payload)
{
    uint8_t signature[SIGNATURE_MAX];
    size_t most = header.len + 1 + BASE64_LEN(payload.len) + 1 + BASE64_LEN(SIGNATURE_MAX);
    char *token = arena_alloc(a, most, 1), *at = token;

    memcpy(at, header.at, header.len);
    at += header.len;
    *at++ = '.';
    at += base64url_encode(at, payload);

    size_t len = signer_sign(key, str_span(token, (size_t)(at - token)), signature);

    *at++ = '.';
    at += base64url_encode(at, str_span(signature, len));
    return str_span(token, (size_t)(at - token));
}

enum err claims_read(struct arena *a, struct str payload, struct claims *out)
{
    return json_view_read(a, payload, &out->object) == OK ? OK : E_BAD_TOKEN;
}

enum err claim_text(const struct claims *c, const char *name, struct str *out)
{
    struct str text;

    if (!json_view_text(json_view_member(c->object, name), &text)) return E_BAD_TOKEN;
    if (text.len == 0) return E_BAD_TOKEN;
    *out = text;
    return OK;
}

enum err claim_time(const struct claims *c, const char *name, int64_t *out_s)
{
    int64_t time_s;

    if (!json_view_int(json_view_member(c->object, name), &time_s)) return E_BAD_TOKEN;
    if (time_s < 0) return E_BAD_TOKEN;
    *out_s = time_s;
    return OK;
}

enum err claim_texts(struct arena *a, const struct claims *c, const char *name,
                     struct json_texts *out)
{
    struct json_view claim = json_view_member(c->object, name);
    struct str one;

    if (json_view_text(claim, &one)) {
        *out = (struct json_texts){ ARENA_NEW(a, struct str), 1 };
        *out->at = one;
        return OK;
    }
    return json_view_texts(a, claim, out) && out->count > 0 ? OK : E_BAD_TOKEN;
}
