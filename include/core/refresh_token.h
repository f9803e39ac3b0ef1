/* refresh_token.h - the text that prolongs a session (SPEC 2.2).
 *
 * "prt_" + base64url of 57 bytes: version, tenant, session, generation, a
 * 32-bit tag under the master key, a 128-bit MAC under the master key and the
 * secret of the session's row. The tag covers everything else, so garbage and
 * typing errors are refused without a look at the database; the MAC means that
 * neither the database alone nor the master key alone can forge a token.
 */
#ifndef CORE_REFRESH_TOKEN_H
#define CORE_REFRESH_TOKEN_H

#include "base/arena.h"
#include "base/err.h"
#include "base/uuid.h"

#define SESSION_SECRET_LEN 32

struct refresh_token {
    struct uuid tenant, session;
    uint32_t generation;
    uint8_t mac[16];
};

/* E_BAD_REFRESH: not one of ours. */
enum err refresh_token_parse(struct token text, struct refresh_token *out);
/* Does the MAC belong to this row's secret? E_BAD_REFRESH. */
enum err refresh_token_check(const struct refresh_token *t, struct str secret);
/* The one token of that session and generation: always the same text. */
struct token refresh_token_make(struct arena *a, struct uuid tenant, struct uuid session,
                                uint32_t generation, struct str secret);

#endif
