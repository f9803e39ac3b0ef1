/* api.h - the JSON API's handlers and what they read; routes.c names them.
 *
 * A handler finds its body in rq->input, laid out by the route's schema, and
 * who asks in rq->identity (struct identity) where the route needs a token.
 */
#ifndef API_API_H
#define API_API_H

#include "driver/http.h"

extern const struct json_schema register_schema, login_schema, refresh_schema, logout_schema,
    logout_all_schema, password_change_schema, profile_schema;

SUSPENDS enum err api_register(struct request *rq);        /* POST auth/register */
SUSPENDS enum err api_login(struct request *rq);           /* POST auth/login */
SUSPENDS enum err api_refresh(struct request *rq);         /* POST auth/refresh */
SUSPENDS enum err api_logout(struct request *rq);          /* POST auth/logout */
SUSPENDS enum err api_logout_all(struct request *rq);      /* POST auth/logout-all */
SUSPENDS enum err api_password_change(struct request *rq); /* POST auth/password/change */

SUSPENDS enum err api_me(struct request *rq);             /* GET users/me */
SUSPENDS enum err api_me_patch(struct request *rq);       /* PATCH users/me */
SUSPENDS enum err api_me_delete(struct request *rq);      /* DELETE users/me */
SUSPENDS enum err api_my_sessions(struct request *rq);    /* GET users/me/sessions */
SUSPENDS enum err api_my_session_end(struct request *rq); /* DELETE users/me/sessions/{id} */

#endif
