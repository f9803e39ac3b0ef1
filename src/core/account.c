#include "core/account.h"

#include "base/clock.h"
#include "core/admit.h"
#include "core/change.h"

#define COLUMNS                                                                           \
    "id, email, email_typed, email_verified, first_name, last_name, role, password_hash," \
    " password_changed_at, disabled_at, created_at, updated_at"
#define COLUMN_TYPES "uttittttiiii"

static const struct db_stmt by_email = { "account.by_email",
                                         "SELECT " COLUMNS
                                         " FROM account WHERE tenant_id = $1 AND email = $2",
                                         "ut", COLUMN_TYPES };
static const struct db_stmt by_id = { "account.by_id",
                                      "SELECT " COLUMNS
                                      " FROM account WHERE tenant_id = $1 AND id = $2",
                                      "uu", COLUMN_TYPES };
static const struct db_stmt listed = {
    "account.list",
    "SELECT " COLUMNS " FROM account WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3", "uui",
    COLUMN_TYPES
};
static const struct db_stmt any = { "account.any",
                                    "SELECT 1 FROM account WHERE tenant_id = $1 LIMIT 1", "u",
                                    "i" };
static const struct db_stmt create = {
    "account.create",
    "INSERT INTO account (tenant_id, id, email, email_typed, first_name, last_name, role,"
    " password_hash, password_changed_at, created_at, updated_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $9) RETURNING " COLUMNS,
    "uutttttti", COLUMN_TYPES
};
static const struct db_stmt rename_account = {
    "account.rename",
    "UPDATE account SET first_name = CASE WHEN $3 = 1 THEN $4 ELSE first_name END,"
    " last_name = CASE WHEN $5 = 1 THEN $6 ELSE last_name END, updated_at = $7"
    " WHERE tenant_id = $1 AND id = $2 RETURNING " COLUMNS,
    "uuititi", COLUMN_TYPES
};
static const struct db_stmt delete_account = {
    "account.delete", "DELETE FROM account WHERE tenant_id = $1 AND id = $2", "uu", ""
};
/* The time of the change is its number too, which says whether a password that
 * was read is still the one: it grows whatever the clock does. */
static const struct db_stmt set_password = {
    "account.set_password",
    "UPDATE account SET password_hash = $3, updated_at = $4, password_changed_at ="
    " CASE WHEN $4 > password_changed_at THEN $4 ELSE password_changed_at + 1 END"
    " WHERE tenant_id = $1 AND id = $2 AND password_changed_at = $5",
    "uutii", ""
};
static const struct db_stmt end_others = {
    "account.end_others",
    "UPDATE session SET revoked_at = $3, revoked_reason = 'password_changed'"
    " WHERE tenant_id = $1 AND account_id = $2 AND id <> $4 AND revoked_at IS NULL"
    " AND EXISTS (SELECT 1 FROM account"
    " WHERE tenant_id = $1 AND id = $2 AND password_hash = $5)",
    "uuiut", ""
};
static const struct db_stmt upgrade_hash = {
    "account.upgrade_hash",
    "UPDATE account SET password_hash = $3 WHERE tenant_id = $1 AND id = $2"
    " AND password_hash = $4",
    "uutt", ""
};
static const struct db_stmt set_disabled = {
    "account.set_disabled",
    "UPDATE account SET disabled_at = CASE WHEN $3 = 1 THEN coalesce(disabled_at, $4) END,"
    " updated_at = $4 WHERE tenant_id = $1 AND id = $2",
    "uuii", ""
};
static const struct db_stmt end_disabled = {
    "account.end_disabled",
    "UPDATE session SET revoked_at = $3, revoked_reason = 'account_disabled'"
    " WHERE tenant_id = $1 AND account_id = $2 AND revoked_at IS NULL"
    " AND NOT EXISTS (SELECT 1 FROM account"
    " WHERE tenant_id = $1 AND id = $2 AND " ADMISSIBLE ")",
    "uui", ""
};
static const struct db_stmt set_role = {
    "account.set_role",
    "UPDATE account SET role = $3, updated_at = $4 WHERE tenant_id = $1 AND id = $2", "uuti", ""
};

static void read_row(const struct db_query *q, size_t row, struct account *out)
{
    *out = (struct account){
        .id = db_get_uuid(q, row, 0),
        .email = db_get_text(q, row, 1),
        .email_typed = db_get_text(q, row, 2),
        .email_verified = db_get_int(q, row, 3) != 0,
        .first_name = db_get_text(q, row, 4),
        .last_name = db_get_text(q, row, 5),
        .role = db_get_text(q, row, 6),
        .password_hash = { db_get_text(q, row, 7) },
        .password_changed_at = db_get_int(q, row, 8),
        .disabled = !db_is_null(q, row, 9),
        .created_at = db_get_int(q, row, 10),
        .updated_at = db_get_int(q, row, 11),
    };
}

SUSPENDS static enum err find(struct ctx *ctx, struct db_query *q, struct account *out)
{
    TRY(store_read(ctx, q, 1));
    if (q->rows == 0) return E_NOT_FOUND;
    read_row(q, 0, out);
    return OK;
}

SUSPENDS enum err account_by_email(struct ctx *ctx, struct str canonical, struct account *out)
{
    struct db_query q = QUERY(&by_email, db_uuid(ctx->tenant), db_text(canonical));
    return find(ctx, &q, out);
}

SUSPENDS enum err account_by_id(struct ctx *ctx, struct uuid id, struct account *out)
{
    struct db_query q = QUERY(&by_id, db_uuid(ctx->tenant), db_uuid(id));
    return find(ctx, &q, out);
}

SUSPENDS enum err account_any(struct ctx *ctx, bool *found)
{
    struct db_query q = QUERY(&any, db_uuid(ctx->tenant));
    TRY(store_read(ctx, &q, 1));
    *found = q.rows > 0;
    return OK;
}

SUSPENDS enum err account_list(struct ctx *ctx, struct uuid after, unsigned limit,
                               struct account **out, size_t *count)
{
    struct db_query q = QUERY(&listed, db_uuid(ctx->tenant), db_uuid(after), db_int(limit));

    TRY(store_read(ctx, &q, 1));
    *out = ARENA_ARRAY(ctx->arena, struct account, q.rows);
    *count = q.rows;
    for (size_t i = 0; i < q.rows; i++) read_row(&q, i, &(*out)[i]);
    return OK;
}

/* Empty means: none. */
static struct db_value name_or_null(struct str name)
{
    return name.len ? db_text(name) : db_null();
}

SUSPENDS enum err account_create(struct ctx *ctx, const struct account_new *in, struct account *out)
{
    struct db_query q =
        QUERY(&create, db_uuid(ctx->tenant), db_uuid(uuid_new()), db_text(in->email.canonical),
              db_text(in->email.display), name_or_null(in->first_name), name_or_null(in->last_name),
              db_text(in->role), db_text(in->password_hash.text), db_int(wall_ms()));
    enum err e = store_write(ctx, &q, 1);

    if (e == E_CONFLICT) return E_USER_EXISTS;
    TRY(e);
    read_row(&q, 0, out);
    return OK;
}

SUSPENDS enum err account_rename(struct ctx *ctx, struct uuid id, struct str first_name,
                                 struct str last_name, struct account *out)
{
    struct db_query q =
        QUERY(&rename_account, db_uuid(ctx->tenant), db_uuid(id), db_int(first_name.at != NULL),
              name_or_null(first_name), db_int(last_name.at != NULL), name_or_null(last_name),
              db_int(wall_ms()));

    TRY(store_write(ctx, &q, 1));
    if (q.rows == 0) return E_NOT_FOUND;
    read_row(&q, 0, out);
    return OK;
}

/* The sessions go with the account: ON DELETE CASCADE. */
SUSPENDS enum err account_delete(struct ctx *ctx, struct uuid id)
{
    struct db_value note[4];
    struct db_query q[] = { QUERY(&delete_account, db_uuid(ctx->tenant), db_uuid(id)),
                            change_query(note, ctx, CHANGE_ACCOUNT, id) };

    TRY(store_write(ctx, q, COUNT(q)));
    change_tell(CHANGE_ACCOUNT, ctx->tenant, id);
    return q[0].changed ? OK : E_NOT_FOUND;
}

SUSPENDS enum err account_set_password(struct ctx *ctx, const struct account *who,
                                       struct secret new_hash, struct uuid keep)
{
    struct db_value note[4];
    int64_t now = wall_ms();
    struct db_query q[] = {
        QUERY(&set_password, db_uuid(ctx->tenant), db_uuid(who->id), db_text(new_hash.text),
              db_int(now), db_int(who->password_changed_at)),
        QUERY(&end_others, db_uuid(ctx->tenant), db_uuid(who->id), db_int(now), db_uuid(keep),
              db_text(new_hash.text)),
        change_query(note, ctx, CHANGE_ACCOUNT, who->id),
    };

    TRY(store_write(ctx, q, COUNT(q)));
    change_tell(CHANGE_ACCOUNT, ctx->tenant, who->id);
    return q[0].changed ? OK : E_CONFLICT;
}

SUSPENDS enum err account_upgrade_hash(struct ctx *ctx, const struct account *who,
                                       struct secret new_hash, bool *stored)
{
    struct db_query q = QUERY(&upgrade_hash, db_uuid(ctx->tenant), db_uuid(who->id),
                              db_text(new_hash.text), db_text(who->password_hash.text));

    TRY(store_write(ctx, &q, 1));
    *stored = q.changed > 0;
    return OK;
}

SUSPENDS enum err account_disable(struct ctx *ctx, struct uuid id, bool disabled)
{
    struct db_value note[4];
    int64_t now = wall_ms();
    struct db_query q[] = {
        QUERY(&set_disabled, db_uuid(ctx->tenant), db_uuid(id), db_int(disabled), db_int(now)),
        QUERY(&end_disabled, db_uuid(ctx->tenant), db_uuid(id), db_int(now)),
        change_query(note, ctx, CHANGE_ACCOUNT, id),
    };

    TRY(store_write(ctx, q, COUNT(q)));
    change_tell(CHANGE_ACCOUNT, ctx->tenant, id);
    return q[0].changed ? OK : E_NOT_FOUND;
}

SUSPENDS enum err account_set_role(struct ctx *ctx, struct uuid id, struct str role)
{
    struct db_value note[4];
    struct db_query q[] = { QUERY(&set_role, db_uuid(ctx->tenant), db_uuid(id), db_text(role),
                                  db_int(wall_ms())),
                            change_query(note, ctx, CHANGE_ACCOUNT, id) };

    TRY(store_write(ctx, q, COUNT(q)));
    change_tell(CHANGE_ACCOUNT, ctx->tenant, id);
    return q[0].changed ? OK : E_NOT_FOUND;
}

bool account_role_known(struct str role)
{
    return str_eq(role, STR("user")) || str_eq(role, STR("reviewer")) ||
           str_eq(role, STR("admin")) || str_eq(role, STR("superuser"));
}
