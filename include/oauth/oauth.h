/* oauth.h - the protocol endpoints' handlers; routes.c names them. They answer
 * exactly as their RFCs say, without the JSON API's envelope. */
#ifndef OAUTH_OAUTH_H
#define OAUTH_OAUTH_H

#include "driver/http.h"

SUSPENDS enum err oauth_jwks(struct request *rq); /* GET /.well-known/jwks.json */

#endif
