/* Every rule about a presented refresh token is in session_refresh and the
 * three functions above it; the statements repeat in SQL what may have changed
 * since the row was read. */
#include "core/session.h"

#include "base/clock.h"
#include "base/random.h"
#include "core/admit.h"
#include "core/change.h"
#include "core/refresh_token.h"
#include "core/token.h"
#include "driver/crypto.h"

enum { PRINT_LEN = 16, FOLLOWED_MOST = 3, MOVED_MOST = 4, AGENT_MAX = 256, ADDRESS_MAX = 64 };
enum { KEEP_ENDED_MS = 24 * 3600 * 1000 };

static struct session_rules rules;

static const struct db_stmt open_session = {
    "session.open",
    "INSERT INTO session (tenant_id, id, account_id, secret, created_at, rotated_at,"
    " rotated_print, expires_at, absolute_expires_at, address, agent)"
    " SELECT tenant_id, $3, id, $4, $5, $5, $6, $7, $8, $9, $10 FROM account"
    " WHERE tenant_id = $1 AND id = $2 AND password_changed_at = $11 AND " ADMISSIBLE,
    "uuubibiitti", ""
};
static const struct db_stmt find = {
    "session.find",
    "SELECT s.account_id, s.secret, s.generation, s.created_at, s.rotated_at, s.rotated_print,"
    " s.expires_at, s.absolute_expires_at, s.revoked_at, s.revoked_reason,"
    " account.role, account.disabled_at"
    " FROM session s JOIN account ON account.tenant_id = s.tenant_id AND account.id = s.account_id"
    " WHERE s.tenant_id = $1 AND s.id = $2",
    "uu", "ubiiibiiitti"
};
static const struct db_stmt rotate = {
    "session.rotate",
    "UPDATE session SET generation = generation + 1, rotated_at = $4, rotated_print = $5,"
    " expires_at = $6, address = $7, agent = $8"
    " WHERE tenant_id = $1 AND id = $2 AND generation = $3 AND revoked_at IS NULL"
    " AND expires_at > $4 AND EXISTS (SELECT 1 FROM account WHERE account.tenant_id = session.tenant_id"
    " AND account.id = session.account_id AND " ADMISSIBLE ")",
    "uuiibitt", ""
};
/* Counts a rotation once, however often its predecessor comes back. */
static const struct db_stmt followed = {
    "session.followed",
    "UPDATE session SET grace_streak = CASE grace_generation WHEN generation THEN grace_streak"
    " WHEN generation - 1 THEN grace_streak + 1 ELSE 1 END, grace_generation = generation"
    " WHERE tenant_id = $1 AND id = $2 AND generation = $3 AND revoked_at IS NULL"
    " RETURNING grace_streak",
    "uui", "i"
};
static const struct db_stmt end_one = {
    "session.end",
    "UPDATE session SET revoked_at = $4, revoked_reason = $5"
    " WHERE tenant_id = $1 AND account_id = $2 AND id = $3 AND revoked_at IS NULL"
    " AND expires_at > $4",
    "uuuit", ""
};
static const struct db_stmt end_all = {
    "session.end_all",
    "UPDATE session SET revoked_at = $4, revoked_reason = $5"
    " WHERE tenant_id = $1 AND account_id = $2 AND id <> $3 AND revoked_at IS NULL",
    "uuuit", ""
};
static const struct db_stmt listed = {
    "session.list",
    "SELECT id, created_at, rotated_at, expires_at, address, agent FROM session"
    " WHERE tenant_id = $1 AND account_id = $2 AND revoked_at IS NULL AND expires_at > $3"
    " ORDER BY id LIMIT $4",
    "uuii", "uiiitt"
};
static const struct db_stmt slice_end = {
    "session.slice",
    "SELECT tenant_id, id FROM session WHERE (tenant_id, id) > ($1, $2)"
    " ORDER BY tenant_id, id LIMIT 1 OFFSET $3",
    "uui", "uu"
};
static const struct db_stmt sweep_slice = {
    "session.sweep",
    "DELETE FROM session WHERE (tenant_id, id) > ($1, $2) AND (tenant_id, id) <= ($3, $4)"
    " AND (expires_at < $5 OR revoked_at < $5)",
    "uuuui", ""
};

struct row {
    struct uuid account;
    struct str secret, print, revoked_reason, role;
    uint32_t generation;
    int64_t created_at, rotated_at, expires_at, absolute_expires_at;
    bool revoked;
    struct standing standing;
};

void session_start(const struct session_rules *r)
{
    rules = *r;
}

/* Who is at the other end, as far as address and agent tell; not reversible. */
static struct str print_of(struct ctx *ctx)
{
    uint8_t mac[SHA256_LEN];
    struct str who =
        arena_fmt(ctx->arena, STR_FMT "\n" STR_FMT, STR_ARG(ctx->address), STR_ARG(ctx->agent));

    hmac_sha256(str_span(master.print, sizeof master.print), who, mac);
    return arena_copy(ctx->arena, str_span(mac, PRINT_LEN));
}

/* Up to 5 % less, so that sessions made together do not refresh together. */
static int64_t jittered(int64_t ms)
{
    return ms - (int64_t)random_below((uint64_t)ms / 20 + 1);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static enum err give(struct ctx *ctx, struct uuid id, const struct row *s, uint32_t generation,
                     struct tokens *out)
{
    struct token_subject subject = {
        .account = s->account, .session = id, .role = s->role, .auth_time_ms = s->created_at
    };

    *out = (struct tokens){
        .refresh = refresh_token_make(ctx->arena, ctx->tenant, id, generation, s->secret),
        .refresh_ttl_s = (s->expires_at - wall_ms()) / 1000,
        .access_ttl_s = token_ttl_s(),
        .session = id,
    };
    return token_issue(ctx, &subject, &out->access);
}

SUSPENDS enum err session_open(struct ctx *ctx, const struct account *who, struct tokens *out)
{
    uint8_t secret[SESSION_SECRET_LEN];
    int64_t now = wall_ms(), end = now + jittered(rules.absolute_ms);
    struct uuid id = uuid_new();

    if (admit(&(struct standing){ .disabled = who->disabled }) != OK) return E_BAD_CREDENTIAL;
    random_bytes(secret, sizeof secret);
    struct row s = {
        .account = who->id,
        .secret = arena_copy(ctx->arena, str_span(secret, sizeof secret)),
        .role = who->role,
        .created_at = now,
        .expires_at = earlier(now + jittered(rules.idle_ms), end),
    };
    wipe(secret, sizeof secret);
    struct db_query q =
        QUERY(&open_session, db_uuid(ctx->tenant), db_uuid(who->id), db_uuid(id), db_blob(s.secret),
              db_int(now), db_blob(print_of(ctx)), db_int(s.expires_at), db_int(end),
              db_text(str_upto(ctx->address, ADDRESS_MAX)),
              db_text(str_upto(ctx->agent, AGENT_MAX)), db_int(who->password_changed_at));

    TRY(store_write(ctx, &q, 1));
    if (q.changed == 0) return E_BAD_CREDENTIAL;
    return give(ctx, id, &s, 0, out);
}

SUSPENDS static enum err read_row(struct ctx *ctx, struct uuid id, struct row *out)
{
    struct db_query q = QUERY(&find, db_uuid(ctx->tenant), db_uuid(id));

    TRY(store_read(ctx, &q, 1));
    if (q.rows == 0) return E_NOT_FOUND;
    *out = (struct row){
        .account = db_get_uuid(&q, 0, 0),
        .secret = db_get_text(&q, 0, 1),
        .generation = (uint32_t)db_get_int(&q, 0, 2),
        .created_at = db_get_int(&q, 0, 3),
        .rotated_at = db_get_int(&q, 0, 4),
        .print = db_get_text(&q, 0, 5),
        .expires_at = db_get_int(&q, 0, 6),
        .absolute_expires_at = db_get_int(&q, 0, 7),
        .revoked = !db_is_null(&q, 0, 8),
        .revoked_reason = db_get_text(&q, 0, 9),
        .role = db_get_text(&q, 0, 10),
        .standing = { .disabled = !db_is_null(&q, 0, 11) },
    };
    return OK;
}

SUSPENDS static enum err revoke(struct ctx *ctx, const struct row *s, struct uuid id,
                                const char *reason)
{
    enum err e = session_end(ctx, s->account, id, reason);

    if (e == E_NOT_FOUND) return E_REFRESH_REUSED; /* somebody else has just ended it */
    TRY(e);                                        /* not revoked: do not say it was */
    log_warn(ctx, "session.reuse_detected", KV("session", id), KV("account", s->account),
             KV("reason", reason));
    return E_REFRESH_REUSED;
}

static enum err why_ended(const struct row *s)
{
    if (s->revoked) {
        bool reuse =
            str_eq(s->revoked_reason, STR("reused")) || str_eq(s->revoked_reason, STR("follower"));
        return reuse ? E_REFRESH_REUSED : E_SESSION_REVOKED;
    }
    if (s->expires_at <= wall_ms() || s->generation == UINT32_MAX) return E_SESSION_EXPIRED;
    return admit(&s->standing) == OK ? OK : E_SESSION_REVOKED;
}

/* Generation n: the row moves on. E_CONFLICT: somebody else moved it first. */
SUSPENDS static enum err rotate_row(struct ctx *ctx, struct uuid id, struct row *s)
{
    int64_t now = wall_ms();
    int64_t expires = earlier(now + jittered(rules.idle_ms), s->absolute_expires_at);
    struct db_query q =
        QUERY(&rotate, db_uuid(ctx->tenant), db_uuid(id), db_int(s->generation), db_int(now),
              db_blob(print_of(ctx)), db_int(expires), db_text(str_upto(ctx->address, ADDRESS_MAX)),
              db_text(str_upto(ctx->agent, AGENT_MAX)));

    TRY(store_write(ctx, &q, 1));
    if (q.changed == 0) return E_CONFLICT;
    s->expires_at = expires;
    return OK;
}

/* Generation n-1: the same successor again while the window lasts. A clock
 * that was set back does not widen the window. E_CONFLICT: the row has moved. */
SUSPENDS static enum err repeat_row(struct ctx *ctx, struct uuid id, const struct row *s)
{
    int64_t age = wall_ms() - s->rotated_at;

    if (age > rules.grace_ms || age < -rules.grace_ms) {
        log_info(ctx, "session.superseded", KV("session", id), KV("age_ms", age));
        return E_BAD_REFRESH;
    }
    if (str_eq(print_of(ctx), s->print)) return OK;

    struct db_query q = QUERY(&followed, db_uuid(ctx->tenant), db_uuid(id), db_int(s->generation));
    TRY(store_write(ctx, &q, 1));
    if (q.rows == 0) return E_CONFLICT;
    return db_get_int(&q, 0, 0) < FOLLOWED_MOST ? OK : revoke(ctx, s, id, "follower");
}

SUSPENDS enum err session_refresh(struct ctx *ctx, struct token refresh, struct tokens *out)
{
    struct refresh_token t;
    struct row s;

    TRY(refresh_token_parse(refresh, &t));
    if (!uuid_eq(t.tenant, ctx->tenant)) return E_BAD_REFRESH;

    for (unsigned tries = 0; tries < MOVED_MOST; tries++) {
        enum err e = read_row(ctx, t.session, &s);
        if (e == E_NOT_FOUND) return E_BAD_REFRESH;
        TRY(e);
        TRY(refresh_token_check(&t, s.secret));
        TRY(why_ended(&s));

        if (t.generation > s.generation) { /* ours, but the database is older than it */
            log_error(ctx, "session.ahead", KV("session", t.session), KV("presented", t.generation),
                      KV("stored", s.generation));
            return E_BAD_REFRESH;
        }
        uint32_t behind = s.generation - t.generation;
        if (behind > 1) return revoke(ctx, &s, t.session, "reused");
        e = behind ? repeat_row(ctx, t.session, &s) : rotate_row(ctx, t.session, &s);
        if (e == E_CONFLICT) continue; /* look again: it moved, or it ended */
        TRY(e);
        return give(ctx, t.session, &s, t.generation + 1, out);
    }
    return E_OVERLOADED;
}

SUSPENDS enum err session_of_refresh(struct ctx *ctx, struct token refresh, struct uuid *session,
                                     struct uuid *account)
{
    struct refresh_token t;
    struct row s;

    TRY(refresh_token_parse(refresh, &t));
    if (!uuid_eq(t.tenant, ctx->tenant)) return E_BAD_REFRESH;
    enum err e = read_row(ctx, t.session, &s);
    if (e == E_NOT_FOUND) return E_BAD_REFRESH;
    TRY(e);
    TRY(refresh_token_check(&t, s.secret));
    *session = t.session;
    *account = s.account;
    return OK;
}

SUSPENDS enum err session_end(struct ctx *ctx, struct uuid account, struct uuid session,
                              const char *reason)
{
    struct db_value note[4];
    struct db_query q[] = {
        QUERY(&end_one, db_uuid(ctx->tenant), db_uuid(account), db_uuid(session), db_int(wall_ms()),
              db_text(str_of(reason))),
        change_query(note, ctx, CHANGE_SESSION, session),
    };

    TRY(store_write(ctx, q, COUNT(q)));
    change_tell(CHANGE_SESSION, ctx->tenant, session);
    if (q[0].changed == 0) return E_NOT_FOUND;
    log_info(ctx, "session.ended", KV("session", session), KV("account", account),
             KV("reason", reason));
    return OK;
}

SUSPENDS enum err session_end_all(struct ctx *ctx, struct uuid account, struct uuid keep,
                                  const char *reason)
{
    struct db_value note[4];
    struct db_query q[] = {
        QUERY(&end_all, db_uuid(ctx->tenant), db_uuid(account), db_uuid(keep), db_int(wall_ms()),
              db_text(str_of(reason))),
        change_query(note, ctx, CHANGE_ACCOUNT, account),
    };

    TRY(store_write(ctx, q, COUNT(q)));
    change_tell(CHANGE_ACCOUNT, ctx->tenant, account);
    log_info(ctx, "session.ended_all", KV("account", account), KV("count", q[0].changed),
             KV("reason", reason));
    return OK;
}

SUSPENDS enum err session_list(struct ctx *ctx, struct uuid account, struct session_info **out,
                               size_t *count)
{
    struct db_query q = QUERY(&listed, db_uuid(ctx->tenant), db_uuid(account), db_int(wall_ms()),
                              db_int(SESSION_LIST_MAX));

    TRY(store_read(ctx, &q, 1));
    *out = ARENA_ARRAY(ctx->arena, struct session_info, q.rows);
    *count = q.rows;
    for (size_t i = 0; i < q.rows; i++)
        (*out)[i] = (struct session_info){
            .id = db_get_uuid(&q, i, 0),
            .created_at = db_get_int(&q, i, 1),
            .used_at = db_get_int(&q, i, 2),
            .expires_at = db_get_int(&q, i, 3),
            .address = db_get_text(&q, i, 4),
            .agent = db_get_text(&q, i, 5),
        };
    return OK;
}

SUSPENDS enum err session_sweep(struct ctx *ctx, unsigned slice, size_t *removed, bool *wrapped)
{
    static struct uuid tenant, id; /* where the last call stopped */
    static const struct uuid last = { { 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                                        255, 255, 255, 255 } };
    struct db_query edge = QUERY(&slice_end, db_uuid(tenant), db_uuid(id), db_int(slice - 1));

    TRY(store_read(ctx, &edge, 1));
    *wrapped = edge.rows == 0;
    struct uuid to_tenant = *wrapped ? last : db_get_uuid(&edge, 0, 0);
    struct uuid to_id = *wrapped ? last : db_get_uuid(&edge, 0, 1);

    struct db_query q = QUERY(&sweep_slice, db_uuid(tenant), db_uuid(id), db_uuid(to_tenant),
                              db_uuid(to_id), db_int(wall_ms() - KEEP_ENDED_MS));
    TRY(store_write(ctx, &q, 1));
    *removed = (size_t)q.changed;
    tenant = *wrapped ? UUID_NIL : to_tenant;
    id = *wrapped ? UUID_NIL : to_id;
    return OK;
}
