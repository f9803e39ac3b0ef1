/* What the process knows is one array, replaced as a whole by ring_load:
 * the rows are read and opened first, so a failure leaves the old set in force.
 */
#include "core/keyring.h"

#include "base/clock.h"
#include "base/codec.h"
#include "base/must.h"
#include "core/change.h"
#include "core/jws.h"
#include "driver/crypto.h"
#include "run/gate.h"
#include "run/timer.h"

#include <stdlib.h>

enum { KID_HS256_BYTES = 16, ARENA_MAX = 1 << 20, RELOAD_MS = 5000, RETRY_MS = 500 };

struct ring {
    struct arena arena; /* of its texts */
    struct keyring_key keys[KEYRING_MAX];
    unsigned count;
    int active;      /* index, or -1 */
    unsigned leases; /* whoever ends the last of them on a replaced ring frees it */
    struct str jwks, etag;
};

static struct ring *ring; /* owned; never NULL between start and stop */
static enum alg wanted_alg;
static struct secret hs256_secret;
static struct uuid tenant_of_ring;
static uint64_t version;
static uint64_t readings, reading_in_force; /* numbered in the order they were begun */
static struct timer retry;
static bool started, failing;

static const struct db_stmt usable = {
    "key.usable",
    "SELECT kid, alg, state, sealed FROM signing_key WHERE tenant_id = $1 AND state <> 'retired'"
    " ORDER BY created_at, kid LIMIT $2",
    "ui", "tttb"
};
static const struct db_stmt listed = {
    "key.list",
    "SELECT kid, alg, state, created_at, activated_at, retiring_at FROM signing_key"
    " WHERE tenant_id = $1 ORDER BY created_at, kid",
    "u", "tttiii"
};
/* Never a second one in the same state before signing. */
static const struct db_stmt insert = {
    "key.insert",
    "INSERT INTO signing_key (tenant_id, kid, alg, state, sealed, created_at, activated_at)"
    " SELECT $1, $2, $3, $4, $5, $6, CASE WHEN $4 = 'active' THEN $6 END"
    " WHERE NOT EXISTS (SELECT 1 FROM signing_key"
    " WHERE tenant_id = $1 AND alg = $3 AND state = $4)"
    " AND (SELECT count(*) FROM signing_key WHERE tenant_id = $1 AND state <> 'retired') < $7",
    "utttbii", ""
};
static const struct db_stmt find_next = {
    "key.next", "SELECT kid FROM signing_key WHERE tenant_id = $1 AND alg = $2 AND state = 'next'",
    "ut", "t"
};
/* Both only if the key is still `next`; in this order, or two would be active. */
static const struct db_stmt stand_down = {
    "key.stand_down",
    "UPDATE signing_key SET state = 'retiring', retiring_at = $4"
    " WHERE tenant_id = $1 AND alg = $2 AND state = 'active' AND EXISTS (SELECT 1"
    " FROM signing_key WHERE tenant_id = $1 AND kid = $3 AND state = 'next')",
    "utti", ""
};
static const struct db_stmt promote = { "key.promote",
                                        "UPDATE signing_key SET state = 'active', activated_at = $3"
                                        " WHERE tenant_id = $1 AND kid = $2 AND state = 'next'",
                                        "uti", "" };
static const struct db_stmt find_state = {
    "key.state", "SELECT state, alg FROM signing_key WHERE tenant_id = $1 AND kid = $2", "ut", "tt"
};
/* The private half is destroyed: nobody can bring the key back. */
static const struct db_stmt retire = {
    "key.retire",
    "UPDATE signing_key SET state = 'retired', sealed = $3 WHERE tenant_id = $1 AND kid = $2"
    " AND state <> 'active' AND state <> 'retired'",
    "utb", ""
};
static const struct db_stmt remember = {
    "instance.remember",
    "INSERT INTO instance (name, value) VALUES ('master', $1) ON CONFLICT (name) DO NOTHING", "b",
    ""
};
static const struct db_stmt recall = { "instance.recall",
                                       "SELECT value FROM instance WHERE name = 'master'", "",
                                       "b" };

/* A sealed key opens only in its own row. */
static struct str place_of(struct arena *a, struct uuid tenant, struct str kid, struct str alg)
{
    char id[UUID_LEN + 1];
    return arena_fmt(a, "signing_key " STR_FMT " " STR_FMT " " STR_FMT,
                     STR_ARG(uuid_text(id, tenant)), STR_ARG(kid), STR_ARG(alg));
}

static void ring_free(struct ring *r)
{
    if (!r || r->leases > 0) return;
    for (unsigned i = 0; i < r->count; i++) signer_free(r->keys[i].key);
    arena_done(&r->arena);
    free(r);
}

static void ring_add(struct ring *r, struct signer_key *key, struct str kid, bool active)
{
    must(r->count < KEYRING_MAX);
    kid = arena_copy(&r->arena, kid);
    if (active) r->active = (int)r->count;
    r->keys[r->count++] = (struct keyring_key){
        .kid = kid,
        .alg = signer_alg(key),
        .key = key,
        .header = jws_header_for(&r->arena, key, kid, "at+jwt"),
    };
}

static void jwk_write(struct arena *a, struct buf *b, const struct keyring_key *k)
{
    struct jwk jwk;

    signer_public(a, k->key, &jwk);
    json_begin(b);
    json_put_text(b, "kty", jwk.n.at ? STR("RSA") : jwk.y.at ? STR("EC") : STR("OKP"));
    json_put_text(b, "use", STR("sig"));
    json_put_text(b, "alg", str_of(alg_name(k->alg)));
    json_put_text(b, "kid", k->kid);
    if (jwk.n.at) {
        json_put_text(b, "n", jwk.n);
        json_put_text(b, "e", jwk.e);
    } else {
        json_put_text(b, "crv", jwk.y.at ? STR("P-256") : STR("Ed25519"));
        json_put_text(b, "x", jwk.x);
        if (jwk.y.at) json_put_text(b, "y", jwk.y);
    }
    json_end(b);
}

/* RFC 7517 5. */
static void ring_publish(struct ring *r)
{
    CLEANUP(buf_done) struct buf b;
    uint8_t digest[SHA256_LEN];

    buf_init(&b, KEYRING_MAX * 2048);
    json_begin(&b);
    json_key(&b, "keys");
    json_begin_array(&b);
    for (unsigned i = 0; i < r->count; i++)
        if (r->keys[i].alg != ALG_HS256) jwk_write(&r->arena, &b, &r->keys[i]);
    json_end_array(&b);
    json_end(&b);
    must(!b.full);
    r->jwks = arena_copy(&r->arena, buf_str(&b));
    sha256(r->jwks, digest);
    r->etag = arena_fmt(&r->arena, "\"" STR_FMT "\"",
                        STR_ARG(base64url(&r->arena, str_span(digest, 16))));
}

static enum err ring_open_row(struct ctx *ctx, struct ring *r, const struct db_query *q, size_t i)
{
    struct str kid = db_get_text(q, i, 0), name = db_get_text(q, i, 1), der;
    bool active = str_eq(db_get_text(q, i, 2), STR("active"));
    struct signer_key *key;
    enum alg alg;

    if (!alg_parse(name, &alg) || !signer_supports(alg)) {
        log_warn(ctx, "key.unsupported", KV("kid", kid), KV("alg", name));
        return OK; /* another build's key: its tokens are refused here */
    }
    enum err e =
        crypto_open(ctx->arena, master.seal_keys, place_of(ctx->arena, ctx->tenant, kid, name),
                    db_get_text(q, i, 3), &der);
    if (e == OK) e = signer_import(alg, der, &key);
    if (e != OK) {
        log_error(ctx, "key.unreadable", KV("kid", kid), KV("error", e));
        return E_BAD_CREDENTIAL;
    }
    ring_add(r, key, kid, active && alg == wanted_alg);
    return OK;
}

static enum err ring_add_secret(struct ring *r)
{
    uint8_t digest[SHA256_LEN];
    struct signer_key *key;

    /* Under the master key, so that the kid tells nothing about the secret. */
    hmac_sha256(str_span(master.jwt_kid, sizeof master.jwt_kid), hs256_secret.text, digest);
    TRY(signer_import_secret(hs256_secret.text, &key));
    ring_add(r, key, base64url(&r->arena, str_span(digest, KID_HS256_BYTES)), true);
    return OK;
}

static enum err ring_fill(struct ctx *ctx, struct ring *r, const struct db_query *q)
{
    for (size_t i = 0; i < q->rows; i++) TRY(ring_open_row(ctx, r, q, i));
    if (wanted_alg == ALG_HS256) TRY(ring_add_secret(r));
    ring_publish(r);
    return OK;
}

SUSPENDS static enum err ring_load(struct ctx *ctx)
{
    struct db_query q = QUERY(&usable, db_uuid(ctx->tenant), db_int(KEYRING_MAX - 1));
    uint64_t reading = ++readings;

    TRY(store_read(ctx, &q, 1));
    if (reading < reading_in_force) return OK; /* a later one was faster, and knows more */

    struct ring *r = must_zalloc(sizeof *r);
    arena_init(&r->arena, ARENA_MAX);
    r->active = -1;
    enum err e = ring_fill(ctx, r, &q);
    if (e != OK) {
        ring_free(r);
        return e;
    }
    ring_free(ring);
    ring = r;
    reading_in_force = reading;
    version++;
    return OK;
}

struct generation {
    enum alg alg;
    struct signer_key *key;
};

static void generate_work(void *arg)
{
    struct generation *g = arg;
    g->key = signer_generate(g->alg);
}

/* An RSA key takes long enough to be felt: not on the loop. */
SUSPENDS static enum err generate(struct ctx *ctx, enum alg alg, struct signer_key **key)
{
    static struct gate gate;
    CLEANUP(gate_leave) struct gate_pass pass = { 0 };
    struct generation g = { .alg = alg };

    if (!gate.name) gate_init(&gate, "keys", 1, 4, 10000);
    TRY(gate_enter(&gate, ctx, &pass));
    TRY(gate_work(&pass, generate_work, &g));
    *key = g.key;
    return g.key ? OK : E_BAD_VALUE;
}

SUSPENDS static enum err make_key(struct ctx *ctx, enum alg alg, const char *state, struct str *kid)
{
    struct db_value note[4];
    struct signer_key *key;
    struct jwk jwk;

    if (alg == ALG_HS256 || !signer_supports(alg)) return E_BAD_VALUE;
    TRY(generate(ctx, alg, &key));
    signer_public(ctx->arena, key, &jwk);
    *kid = jwk_thumbprint(ctx->arena, &jwk);
    struct str name = str_of(alg_name(alg));
    struct str sealed =
        crypto_seal(ctx->arena, master.seal_keys, place_of(ctx->arena, ctx->tenant, *kid, name),
                    signer_export(ctx->arena, key));
    signer_free(key);

    struct db_query q[] = {
        QUERY(&insert, db_uuid(ctx->tenant), db_text(*kid), db_text(name), db_text(str_of(state)),
              db_blob(sealed), db_int(wall_ms()), db_int(KEYRING_MAX - 1)),
        change_query(note, ctx, CHANGE_KEYS, UUID_NIL),
    };
    TRY(store_write(ctx, q, COUNT(q)));
    if (q[0].changed == 0) return E_CONFLICT;
    log_info(ctx, "key.made", KV("kid", *kid), KV("alg", name), KV("state", state));
    return OK;
}

/* Until it has worked, keys that were withdrawn are still believed: tried again
 * soon. Not when a key does not open, which only another change can mend. */
static void reload_failed(enum err e)
{
    if (!failing) log_error(LOG_NONE, "key.reload_failed", KV("error", e));
    failing = true;
    if (e != E_BAD_CREDENTIAL) timer_start(&retry, RETRY_MS, 0);
}

static void reload(void *arg)
{
    (void)arg;
    CLEANUP(arena_done) struct arena arena;
    struct ctx ctx;

    arena_init(&arena, ARENA_MAX);
    ctx_init(&ctx, &arena, RELOAD_MS);
    ctx.tenant = tenant_of_ring;
    enum err e = ring_load(&ctx);
    if (e != OK) {
        reload_failed(e);
        return;
    }
    failing = false;
    log_info(&ctx, "key.reloaded", KV("keys", ring->count));
}

static void on_retry(struct timer *t)
{
    (void)t;
    if (!fiber_start("keyring.reload", reload, NULL)) reload_failed(E_OVERLOADED);
}

static void hear(enum change_kind kind, struct uuid tenant, struct uuid subject)
{
    (void)tenant, (void)subject;
    if (kind == CHANGE_KEYS || kind == CHANGE_ANY) on_retry(&retry);
}

SUSPENDS enum err keyring_start(struct ctx *ctx, enum alg alg, struct secret secret, bool create)
{
    struct str kid;

    wanted_alg = alg;
    hs256_secret = secret;
    tenant_of_ring = ctx->tenant;
    started = true;
    timer_init(&retry, on_retry);
    change_listen(hear);
    TRY(ring_load(ctx));
    if (create && ring->active < 0) {
        enum err e = make_key(ctx, alg, "active", &kid);
        if (e != OK && e != E_CONFLICT) return e; /* another process was first */
        TRY(ring_load(ctx));
    }
    return OK;
}

void keyring_stop(void)
{
    if (!started) return;
    started = false;
    timer_close(&retry, NULL);
    ring_free(ring);
    ring = NULL;
}

const struct keyring_key *keyring_active(void)
{
    return ring->active < 0 ? NULL : &ring->keys[ring->active];
}

const struct keyring_key *keyring_find(struct str kid)
{
    for (unsigned i = 0; i < ring->count; i++)
        if (str_eq(ring->keys[i].kid, kid)) return &ring->keys[i];
    return NULL;
}

uint64_t keyring_version(void)
{
    return version;
}

struct str keyring_jwks(void)
{
    return ring->jwks;
}

struct keyring_lease keyring_lease(void)
{
    const struct keyring_key *active = keyring_active();

    if (!active) return (struct keyring_lease){ 0 };
    ring->leases++;
    return (struct keyring_lease){ ring, active };
}

void keyring_return(struct keyring_lease *lease)
{
    struct ring *r = lease->ring;

    if (!r) return;
    lease->ring = NULL;
    if (--r->leases == 0 && r != ring) ring_free(r);
}

struct str keyring_etag(void)
{
    return ring->etag;
}

SUSPENDS enum err keyring_list(struct ctx *ctx, struct key_info **out, size_t *count)
{
    struct db_query q = QUERY(&listed, db_uuid(ctx->tenant));

    TRY(store_read(ctx, &q, 1));
    *out = ARENA_ARRAY(ctx->arena, struct key_info, q.rows);
    *count = q.rows;
    for (size_t i = 0; i < q.rows; i++)
        (*out)[i] = (struct key_info){
            .kid = db_get_text(&q, i, 0),
            .alg = db_get_text(&q, i, 1),
            .state = db_get_text(&q, i, 2),
            .created_at = db_get_int(&q, i, 3),
            .activated_at = db_get_int(&q, i, 4),
            .retiring_at = db_get_int(&q, i, 5),
        };
    return OK;
}

SUSPENDS enum err keyring_generate(struct ctx *ctx, enum alg alg, struct str *kid)
{
    return make_key(ctx, alg, "next", kid);
}

SUSPENDS enum err keyring_rotate(struct ctx *ctx, enum alg alg, struct str *kid)
{
    struct db_value note[4];
    struct str name = str_of(alg_name(alg));
    struct db_query next = QUERY(&find_next, db_uuid(ctx->tenant), db_text(name));

    TRY(store_read(ctx, &next, 1));
    if (next.rows > 0)
        *kid = db_get_text(&next, 0, 0);
    else
        TRY(make_key(ctx, alg, "next", kid));

    int64_t now = wall_ms();
    struct db_query q[] = {
        QUERY(&stand_down, db_uuid(ctx->tenant), db_text(name), db_text(*kid), db_int(now)),
        QUERY(&promote, db_uuid(ctx->tenant), db_text(*kid), db_int(now)),
        change_query(note, ctx, CHANGE_KEYS, UUID_NIL),
    };
    TRY(store_write(ctx, q, COUNT(q)));
    if (q[1].changed == 0) return E_CONFLICT;
    log_info(ctx, "key.rotated", KV("kid", *kid), KV("alg", name));
    return OK;
}

SUSPENDS enum err keyring_retire(struct ctx *ctx, struct str kid, bool force)
{
    struct db_value note[4];
    struct db_query found = QUERY(&find_state, db_uuid(ctx->tenant), db_text(kid));
    struct str successor;
    enum alg alg;

    TRY(store_read(ctx, &found, 1));
    struct str state = found.rows ? db_get_text(&found, 0, 0) : STR("retired");
    if (str_eq(state, STR("retired"))) return E_NOT_FOUND;
    if (str_eq(state, STR("active"))) { /* never without one that signs */
        if (!force || !alg_parse(db_get_text(&found, 0, 1), &alg)) return E_CONFLICT;
        TRY(keyring_rotate(ctx, alg, &successor));
    }

    struct db_query q[] = {
        QUERY(&retire, db_uuid(ctx->tenant), db_text(kid), db_blob(STR(""))),
        change_query(note, ctx, CHANGE_KEYS, UUID_NIL),
    };
    TRY(store_write(ctx, q, COUNT(q)));
    if (q[0].changed == 0) return E_CONFLICT;
    log_info(ctx, "key.retired", KV("kid", kid));
    return OK;
}

SUSPENDS enum err keyring_check_master(struct ctx *ctx)
{
    uint8_t print[SHA256_LEN];

    hmac_sha256(str_span(master.seal_keys, sizeof master.seal_keys), STR("postern master key"),
                print);
    struct db_query put = QUERY(&remember, db_blob(str_span(print, sizeof print)));
    struct db_query get = QUERY(&recall, db_null());
    TRY(store_write(ctx, &put, 1));
    TRY(store_read(ctx, &get, 1));
    bool same =
        get.rows == 1 && str_eq_secret(db_get_text(&get, 0, 0), str_span(print, sizeof print));
    return same ? OK : E_BAD_CREDENTIAL;
}
