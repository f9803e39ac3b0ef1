/* The cache is one array, indexed by the SHA-256 of the token's text: a slot
 * holds one token, a newcomer takes the place of whoever was there. It is
 * allocated with the first token, so an idle server does not pay for it.
 */
#include "core/token.h"

#include "base/clock.h"
#include "base/must.h"
#include "core/admit.h"
#include "core/change.h"
#include "core/jws.h"
#include "core/tenant.h"
#include "driver/crypto.h"
#include "run/gate.h"

#include <stdlib.h>

enum { SIGNING_MAX = 4096, SIGNING_MS = 5000 }; /* who waits for a lane */
enum { CACHE_SLOTS = 4096, CLAIMS_MAX = 2048, LEEWAY_S = 5 };

#define CLIENT_ID STR("postern") /* people who log in here directly */
#define SCOPE STR("account")

struct slot {
    uint8_t digest[SHA256_LEN];
    uint64_t keys; /* keyring_version it was verified under; 0: empty */
    struct identity who;
};

static struct token_rules rules;
static struct gate signing;
static struct slot *cache; /* owned; NULL before the first token */

static const struct db_stmt find_subject = {
    "token.subject",
    "SELECT account.role, account.disabled_at, s.revoked_at, s.expires_at FROM session s"
    " JOIN account ON account.tenant_id = s.tenant_id AND account.id = s.account_id"
    " WHERE s.tenant_id = $1 AND s.id = $2 AND s.account_id = $3",
    "uuu", "tiii"
};

static void hear(enum change_kind kind, struct uuid tenant, struct uuid subject)
{
    (void)tenant;
    if (!cache || kind == CHANGE_KEYS) return; /* keys: slots name their version */
    for (size_t i = 0; i < CACHE_SLOTS; i++) {
        const struct identity *who = &cache[i].who;
        if (cache[i].keys == 0) continue;
        if (kind == CHANGE_ANY ||
            uuid_eq(kind == CHANGE_SESSION ? who->session : who->account, subject))
            cache[i].keys = 0;
    }
}

void token_start(const struct token_rules *r)
{
    rules = *r;
    if (r->lanes > 0) gate_init(&signing, "token.sign", r->lanes, SIGNING_MAX, SIGNING_MS);
    change_listen(hear);
}

void token_stop(void)
{
    free(cache);
    cache = NULL;
}

int token_ttl_s(void)
{
    return rules.ttl_s;
}

static void put_claims(struct buf *b, struct ctx *ctx, const struct token_subject *subject,
                       int64_t now_s)
{
    json_begin(b);
    json_put_text(b, "iss", rules.issuer);
    json_put_uuid(b, "sub", subject->account);
    json_put_text(b, "aud", rules.audience);
    json_put_int(b, "exp", now_s + rules.ttl_s);
    json_put_int(b, "iat", now_s);
    json_put_int(b, "nbf", now_s);
    json_put_uuid(b, "jti", uuid_new());
    json_put_text(b, "client_id", CLIENT_ID);
    json_put_text(b, "scope", SCOPE);
    json_key(b, "roles");
    json_begin_array(b);
    json_text(b, subject->role);
    json_end_array(b);
    must(uuid_eq(ctx->tenant, default_tenant));
    json_put_text(b, "tenant", STR(DEFAULT_TENANT_SLUG));
    json_put_uuid(b, "sid", subject->session);
    json_put_int(b, "auth_time", subject->auth_time_ms / 1000);
    json_put_text(b, "type", STR("access"));
    json_end(b);
}

struct signature {
    struct arena *arena; /* the waiting fiber's */
    const struct keyring_key *by;
    struct str claims, token;
};

static void sign_work(void *arg)
{
    struct signature *s = arg;

    s->token = jws_sign(s->arena, s->by->key, s->by->header, s->claims);
}

/* An RSA signature takes up to a millisecond, and 64 of them in a row would keep
 * a probe waiting: on the pool. The others cost less than the way there. */
SUSPENDS static enum err sign(struct ctx *ctx, struct signature *s)
{
    CLEANUP(gate_leave) struct gate_pass pass = { 0 };

    if (rules.lanes == 0 || (s->by->alg != ALG_RS256 && s->by->alg != ALG_PS256)) {
        sign_work(s);
        return OK;
    }
    TRY(gate_enter(&signing, ctx, &pass));
    return gate_work(&pass, sign_work, s);
}

SUSPENDS enum err token_issue(struct ctx *ctx, const struct token_subject *subject,
                              struct token *out)
{
    CLEANUP(buf_done) struct buf claims;
    CLEANUP(keyring_return) struct keyring_lease lease = keyring_lease();

    buf_init(&claims, CLAIMS_MAX);
    if (!lease.key) { /* withdrawn, and no successor made yet */
        log_error(ctx, "token.no_key");
        return E_INTERNAL;
    }
    put_claims(&claims, ctx, subject, wall_ms() / 1000);
    must(!claims.full);
    struct signature s = { .arena = ctx->arena, .by = lease.key, .claims = buf_str(&claims) };
    TRY(sign(ctx, &s));
    out->text = s.token;
    return OK;
}

/* `aud` is ours if we are among them, alone: a token for several audiences was
 * made by somebody else (T-017). */
static enum err check_audience(struct ctx *ctx, const struct claims *c)
{
    struct json_texts aud;

    TRY(claim_texts(ctx->arena, c, "aud", &aud));
    return aud.count == 1 && str_eq(aud.at[0], rules.audience) ? OK : E_BAD_TOKEN;
}

static enum err check_times(const struct claims *c, struct identity *out)
{
    int64_t now_s = wall_ms() / 1000, exp, iat, nbf;

    TRY(claim_time(c, "exp", &exp));
    TRY(claim_time(c, "iat", &iat));
    TRY(claim_time(c, "nbf", &nbf));
    TRY(claim_time(c, "auth_time", &out->auth_time_s));
    if (exp <= now_s || iat > now_s + LEEWAY_S || nbf > now_s + LEEWAY_S) return E_BAD_TOKEN;
    out->expires_s = exp;
    return OK;
}

static enum err claim_is(const struct claims *c, const char *name, struct str wanted)
{
    struct str text;

    TRY(claim_text(c, name, &text));
    return str_eq(text, wanted) ? OK : E_BAD_TOKEN;
}

static enum err claim_uuid(const struct claims *c, const char *name, struct uuid *out)
{
    struct str text;

    TRY(claim_text(c, name, &text));
    return uuid_parse(text, out) ? OK : E_BAD_TOKEN;
}

enum err token_read(struct ctx *ctx, struct token token, struct identity *out)
{
    struct jws jws;
    struct claims c;

    *out = (struct identity){ .tenant = ctx->tenant };
    TRY(jws_parse(ctx->arena, token.text, &jws));
    if (!jws.header.typ.at || !str_eq_nocase(jws.header.typ, STR("at+jwt"))) return E_BAD_TOKEN;
    const struct keyring_key *k = keyring_find(jws.header.kid);
    if (!k) return E_BAD_TOKEN;
    TRY(jws_verify(&jws, k->key));
    TRY(claims_read(ctx->arena, jws.payload, &c));
    TRY(claim_is(&c, "iss", rules.issuer));
    TRY(claim_is(&c, "type", STR("access")));
    TRY(claim_is(&c, "tenant", STR(DEFAULT_TENANT_SLUG)));
    TRY(check_audience(ctx, &c));
    TRY(check_times(&c, out));
    TRY(claim_uuid(&c, "sub", &out->account));
    TRY(claim_uuid(&c, "sid", &out->session));
    return claim_uuid(&c, "jti", &out->jti);
}

/* Signed is not enough: the session must live, and its person be admissible. */
SUSPENDS static enum err check_subject(struct ctx *ctx, struct identity *who)
{
    struct db_query q =
        QUERY(&find_subject, db_uuid(who->tenant), db_uuid(who->session), db_uuid(who->account));

    TRY(store_read(ctx, &q, 1));
    if (q.rows == 0 || !db_is_null(&q, 0, 2)) return E_BAD_TOKEN;
    if (db_get_int(&q, 0, 3) <= wall_ms()) return E_BAD_TOKEN;
    if (admit(&(struct standing){ .disabled = !db_is_null(&q, 0, 1) }) != OK) return E_BAD_TOKEN;
    struct str role = db_get_text(&q, 0, 0);
    if (role.len >= sizeof who->role) return E_BAD_TOKEN;
    memcpy(who->role, role.at, role.len);
    return OK;
}

static struct slot *slot_of(const uint8_t digest[SHA256_LEN])
{
    size_t index;

    memcpy(&index, digest, sizeof index);
    return &cache[index % CACHE_SLOTS];
}

SUSPENDS enum err token_check(struct ctx *ctx, struct token token, struct identity *out)
{
    uint8_t digest[SHA256_LEN];

    if (token.text.len > TOKEN_MAX) return E_BAD_TOKEN;
    if (!cache) cache = must_zalloc(CACHE_SLOTS * sizeof *cache);
    sha256(token.text, digest);
    struct slot *s = slot_of(digest);
    if (s->keys == keyring_version() && change_is_fresh() &&
        memcmp(s->digest, digest, sizeof digest) == 0) {
        *out = s->who;
        return out->expires_s > wall_ms() / 1000 ? OK : E_BAD_TOKEN;
    }

    uint64_t epoch = change_epoch(), keys = keyring_version();
    TRY(token_read(ctx, token, out));
    TRY(check_subject(ctx, out));
    if (change_epoch() == epoch && keyring_version() == keys) { /* nothing ended meanwhile */
        s->keys = keys;
        s->who = *out;
        memcpy(s->digest, digest, sizeof digest);
    }
    return OK;
}
