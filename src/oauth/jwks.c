/* RFC 7517 5: the public keys. */
#include "core/keyring.h"
#include "oauth/oauth.h"

SUSPENDS enum err oauth_jwks(struct request *rq)
{
    struct str etag = keyring_etag();

    reply_header(rq, "ETag", etag);
    reply_header(rq, "Cache-Control", STR("public, max-age=300"));
    if (str_eq(request_header(rq, "If-None-Match"), etag)) return reply_empty(rq, 304);
    return reply_text(rq, 200, "application/json; charset=utf-8",
                      arena_copy(rq->ctx.arena, keyring_jwks()));
}
