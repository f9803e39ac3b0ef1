/* RFC 7517 5: the public keys. */
#include "core/keyring.h"
#include "oauth/oauth.h"

/* RFC 9110 13.1.2: one or several, or any; a proxy may have weakened ours. */
static bool client_has(const struct request *rq, struct str etag)
{
    struct str rest = request_header(rq, "If-None-Match");

    while (rest.at) {
        struct str tag = str_trim(str_cut(&rest, ','));
        if (str_starts(tag, STR("W/"))) tag = str_from(tag, 2);
        if (str_eq(tag, etag) || str_eq(tag, STR("*"))) return true;
    }
    return false;
}

SUSPENDS enum err oauth_jwks(struct request *rq)
{
    struct str etag = keyring_etag();

    reply_header(rq, "ETag", etag);
    reply_header(rq, "Cache-Control", STR("public, max-age=300"));
    if (client_has(rq, etag)) return reply_empty(rq, 304);
    return reply_text(rq, 200, "application/json; charset=utf-8",
                      arena_copy(rq->ctx.arena, keyring_jwks()));
}
