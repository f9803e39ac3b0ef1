#include "core/refresh_token.h"

#include "base/codec.h"
#include "base/must.h"
#include "driver/crypto.h"

enum { VERSION = 1, TAG_LEN = 4, MAC_LEN = 16 };
enum { AT_TENANT = 1, AT_SESSION = 17, AT_GENERATION = 33, AT_MAC = 37, AT_TAG = 53, SIZE = 57 };

#define PREFIX STR("prt_")

static void tag_of(const uint8_t bytes[SIZE], uint8_t tag[TAG_LEN])
{
    uint8_t full[SHA256_LEN];

    hmac_sha256(str_span(master.refresh_tag, sizeof master.refresh_tag), str_span(bytes, AT_TAG),
                full);
    memcpy(tag, full, TAG_LEN);
}

/* Keyed by both: 64 bytes, one block of SHA-256. */
static void mac_of(const uint8_t bytes[SIZE], struct str secret, uint8_t mac[MAC_LEN])
{
    uint8_t key[sizeof master.refresh_mac + SESSION_SECRET_LEN], full[SHA256_LEN];

    must(secret.len == SESSION_SECRET_LEN);
    memcpy(key, master.refresh_mac, sizeof master.refresh_mac);
    memcpy(key + sizeof master.refresh_mac, secret.at, SESSION_SECRET_LEN);
    hmac_sha256(str_span(key, sizeof key), str_span(bytes, AT_MAC), full);
    memcpy(mac, full, MAC_LEN);
    wipe(key, sizeof key);
}

static void put_head(uint8_t bytes[SIZE], struct uuid tenant, struct uuid session,
                     uint32_t generation)
{
    bytes[0] = VERSION;
    memcpy(bytes + AT_TENANT, tenant.bytes, sizeof tenant.bytes);
    memcpy(bytes + AT_SESSION, session.bytes, sizeof session.bytes);
    for (unsigned i = 0; i < 4; i++)
        bytes[AT_GENERATION + i] = (uint8_t)(generation >> (24 - 8 * i));
}

static uint32_t generation_in(const uint8_t bytes[SIZE])
{
    uint32_t n = 0;
    for (unsigned i = 0; i < 4; i++) n = n << 8 | bytes[AT_GENERATION + i];
    return n;
}

enum err refresh_token_parse(struct token token, struct refresh_token *out)
{
    struct str text = token.text;
    uint8_t bytes[SIZE], tag[TAG_LEN];
    size_t len;

    if (text.len != PREFIX.len + BASE64_LEN(SIZE) || !str_starts(text, PREFIX))
        return E_BAD_REFRESH;
    if (!base64url_decode(str_from(text, PREFIX.len), bytes, sizeof bytes, &len) || len != SIZE)
        return E_BAD_REFRESH;
    if (bytes[0] != VERSION) return E_BAD_REFRESH;
    tag_of(bytes, tag);
    if (!str_eq_secret(str_span(tag, TAG_LEN), str_span(bytes + AT_TAG, TAG_LEN)))
        return E_BAD_REFRESH;

    memcpy(out->tenant.bytes, bytes + AT_TENANT, sizeof out->tenant.bytes);
    memcpy(out->session.bytes, bytes + AT_SESSION, sizeof out->session.bytes);
    out->generation = generation_in(bytes);
    memcpy(out->mac, bytes + AT_MAC, MAC_LEN);
    return OK;
}

enum err refresh_token_check(const struct refresh_token *t, struct str secret)
{
    uint8_t bytes[SIZE], mac[MAC_LEN];

    put_head(bytes, t->tenant, t->session, t->generation);
    mac_of(bytes, secret, mac);
    return str_eq_secret(str_span(mac, MAC_LEN), str_span(t->mac, MAC_LEN)) ? OK : E_BAD_REFRESH;
}

struct token refresh_token_make(struct arena *a, struct uuid tenant, struct uuid session,
                                uint32_t generation, struct str secret)
{
    uint8_t bytes[SIZE];
    char *text = arena_alloc(a, PREFIX.len + BASE64_LEN(SIZE), 1);

    put_head(bytes, tenant, session, generation);
    mac_of(bytes, secret, bytes + AT_MAC);
    tag_of(bytes, bytes + AT_TAG);
    memcpy(text, PREFIX.at, PREFIX.len);
    size_t len = base64url_encode(text + PREFIX.len, str_span(bytes, SIZE));
    return (struct token){ str_span(text, PREFIX.len + len) };
}
