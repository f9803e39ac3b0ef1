/* Every endpoint there is. "/api/v1" may also be written "/api". */
#include "api/api.h"
#include "app/route.h"
#include "oauth/oauth.h"
#include "ops/health.h"

#define V1 "/api/v1"

/* clang-format off */
const struct route routes[] = {
    /* method        path                          authentication   body            schema                   handler */
    { HTTP_M_GET,    "/health/live",               AUTH_NONE,       INPUT_NONE,     NULL,                    health_live,    .probe = true,
      .summary = "Does the loop turn? Touches nothing else." },
    { HTTP_M_GET,    "/health/ready",              AUTH_NONE,       INPUT_NONE,     NULL,                    health_ready,   .probe = true,
      .summary = "Can requests be served now?" },
    { HTTP_M_GET,    "/health/startup",            AUTH_NONE,       INPUT_NONE,     NULL,                    health_startup, .probe = true,
      .summary = "Is start-up over?" },
    { HTTP_M_GET,    "/.well-known/jwks.json",     AUTH_NONE,       INPUT_NONE,     NULL,                    oauth_jwks,
      .summary = "The public keys that verify access tokens." },
    { HTTP_M_POST,   V1 "/auth/register",          AUTH_NONE,       INPUT_JSON,     &register_schema,        api_register,
      .summary = "Make an account." },
    { HTTP_M_POST,   V1 "/auth/login",             AUTH_NONE,       INPUT_JSON,     &login_schema,           api_login,
      .summary = "Begin a session." },
    { HTTP_M_POST,   V1 "/auth/refresh",           AUTH_NONE,       INPUT_JSON,     &refresh_schema,         api_refresh,
      .summary = "Prolong a session: the next pair of tokens." },
    { HTTP_M_POST,   V1 "/auth/logout",            AUTH_BEARER_LAX, INPUT_OPTIONAL, &logout_schema,          api_logout,
      .summary = "End this session." },
    { HTTP_M_POST,   V1 "/auth/logout-all",        AUTH_BEARER,     INPUT_OPTIONAL, &logout_all_schema,      api_logout_all,
      .summary = "End all sessions of the account." },
    { HTTP_M_POST,   V1 "/auth/password/change",   AUTH_BEARER,     INPUT_JSON,     &password_change_schema, api_password_change,
      .summary = "Change the password; the other sessions end." },
    { HTTP_M_GET,    V1 "/users/me",               AUTH_BEARER,     INPUT_NONE,     NULL,                    api_me,
      .summary = "The account that asks." },
    { HTTP_M_PATCH,  V1 "/users/me",               AUTH_BEARER,     INPUT_JSON,     &profile_schema,         api_me_patch,
      .summary = "Change one's names." },
    { HTTP_M_DELETE, V1 "/users/me",               AUTH_BEARER,     INPUT_NONE,     NULL,                    api_me_delete,
      .summary = "Delete the account and all that belongs to it." },
    { HTTP_M_GET,    V1 "/users/me/sessions",      AUTH_BEARER,     INPUT_NONE,     NULL,                    api_my_sessions,
      .summary = "Where the account is logged in." },
    { HTTP_M_DELETE, V1 "/users/me/sessions/{id}", AUTH_BEARER,     INPUT_NONE,     NULL,                    api_my_session_end,
      .summary = "End one of them." },
};
/* clang-format on */

const size_t route_count = COUNT(routes);
