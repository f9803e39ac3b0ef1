/* session.h - staying logged in (SPEC 2.2).
 *
 * A login makes one session, one row. Its refresh token names the session and
 * a generation; refreshing moves the row from generation n to n+1 with one
 * conditional statement, and everybody who holds generation n gets the same
 * successor. What is presented late:
 *
 *   n-1, within the grace window   the successor again; nothing moves
 *   n-1, later                     refused; the session stays, because a lost
 *                                  answer is likelier than a thief
 *   n-2 or older                   the session ends: `reused`
 *
 * A follower, who keeps one step behind the owner from another address and
 * agent, is caught in the third rotation running: `follower`.
 */
#ifndef CORE_SESSION_H
#define CORE_SESSION_H

#include "core/account.h"

struct session_rules {
    int64_t idle_ms, absolute_ms, grace_ms;
};
void session_start(const struct session_rules *rules);

/* What a login or a refresh gives. Texts live in ctx->arena. */
struct tokens {
    struct token access, refresh;
    int64_t access_ttl_s, refresh_ttl_s;
    struct uuid session;
};

/* E_BAD_CREDENTIAL: since `who` was read its password was changed, or it may
 * not have a credential any more. */
SUSPENDS enum err session_open(struct ctx *ctx, const struct account *who, struct tokens *out);

/* E_BAD_REFRESH, E_REFRESH_REUSED, E_SESSION_EXPIRED, E_SESSION_REVOKED: log in
 * again. Anything else (E_STORE_DOWN ...): the session is as it was. */
SUSPENDS enum err session_refresh(struct ctx *ctx, struct token refresh, struct tokens *out);

/* Reads a refresh token of a session that may have ended; for logging out. */
SUSPENDS enum err session_of_refresh(struct ctx *ctx, struct token refresh, struct uuid *session,
                                     struct uuid *account);

/* Ends one session of that account; E_NOT_FOUND: it has none such that lives. */
SUSPENDS enum err session_end(struct ctx *ctx, struct uuid account, struct uuid session,
                              const char *reason);
/* Ends them all, but for `keep` (nil: really all). */
SUSPENDS enum err session_end_all(struct ctx *ctx, struct uuid account, struct uuid keep,
                                  const char *reason);

struct session_info {
    struct uuid id;
    int64_t created_at, used_at, expires_at; /* wall_ms */
    struct str address, agent;               /* of the last login or refresh */
};
/* The sessions that live, oldest first; at most SESSION_LIST_MAX. */
#define SESSION_LIST_MAX 1000
SUSPENDS enum err session_list(struct ctx *ctx, struct uuid account, struct session_info **out,
                               size_t *count);

/* Removes rows a day after their end, looking at `slice` rows from where the
 * last call stopped. `removed` and whether the table's end was reached. */
SUSPENDS enum err session_sweep(struct ctx *ctx, unsigned slice, size_t *removed, bool *wrapped);

#endif
