/* token.h - access tokens: JWT as in RFC 9068, signed by the keyring.
 *
 * Checking one costs a signature and a look at the session the first time, and
 * a hash after that: what was verified is remembered until it expires, until
 * the change feed names its session or account, or until a key goes.
 */
#ifndef CORE_TOKEN_H
#define CORE_TOKEN_H

#include "core/keyring.h"

#define TOKEN_MAX 8192 /* longer ones are refused unread */

struct identity {
    struct uuid tenant, account, session, jti;
    char role[16];
    int64_t auth_time_s, expires_s;
};

struct token_rules {
    struct str issuer, audience;
    int ttl_s;
    unsigned lanes; /* RSA signatures at once, on the pool; 0: on the loop */
};
void token_start(const struct token_rules *rules);
void token_stop(void);

struct token_subject {
    struct uuid account, session;
    struct str role;
    int64_t auth_time_ms;
};
SUSPENDS enum err token_issue(struct ctx *ctx, const struct token_subject *subject,
                              struct token *out);
int token_ttl_s(void);

/* E_BAD_TOKEN: not ours, expired, or its session has ended. The claims are as
 * signed, but the role is the account's present one. */
SUSPENDS enum err token_check(struct ctx *ctx, struct token token, struct identity *out);
/* Signature, claims and times only: also good when the session has ended. For
 * logging out a second time. */
enum err token_read(struct ctx *ctx, struct token token, struct identity *out);

#endif
