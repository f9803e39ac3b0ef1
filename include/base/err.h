/* err.h - everything that can go wrong, in one table.
 *
 * A row: the name in C, the HTTP status, the stable word of the JSON API, the
 * word of RFC 6749, and a sentence for people. The enum is nodiscard: an error
 * cannot be dropped by accident. Who first knows an error logs it with its
 * facts; everyone above just TRYs.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/* clang-format off */
#define ERRORS(X)                                                                                  \
    X(BAD_REQUEST,       400, "invalid_request",          "invalid_request",         "The request is malformed.")                                     \
    X(BAD_JSON,          400, "invalid_json",             "invalid_request",         "The body is not one well-formed JSON object.")                  \
    X(NO_TOKEN,          401, "authentication_required",  "invalid_request",         "This needs an access token.")                                   \
    X(BAD_TOKEN,         401, "invalid_token",            "invalid_token",           "The access token is not valid.")                                \
    X(BAD_CREDENTIAL,    401, "invalid_credentials",      "invalid_grant",           "The e-mail address or the password is wrong.")                  \
    X(BAD_REFRESH,       401, "invalid_refresh_token",    "invalid_grant",           "The refresh token is not valid.")                               \
    X(REFRESH_REUSED,    401, "refresh_token_reused",     "invalid_grant",           "The refresh token had been used before; its session was ended.")\
    X(SESSION_EXPIRED,   401, "session_expired",          "invalid_grant",           "The session has expired; log in again.")                        \
    X(SESSION_REVOKED,   401, "session_revoked",          "invalid_grant",           "The session was ended; log in again.")                          \
    X(FORBIDDEN,         403, "forbidden",                "access_denied",           "This is not allowed.")                                          \
    X(NOT_FOUND,         404, "not_found",                "invalid_request",         "There is nothing here.")                                        \
    X(BAD_METHOD,        405, "method_not_allowed",       "invalid_request",         "This method is not allowed here.")                              \
    X(REQUEST_TIMEOUT,   408, "request_timeout",          "invalid_request",         "The request took too long to arrive.")                          \
    X(CONFLICT,          409, "conflict",                 "invalid_request",         "This contradicts what is stored.")                              \
    X(USER_EXISTS,       409, "user_exists",              "invalid_request",         "There is an account with this e-mail address already.")         \
    X(TOO_LARGE,         413, "payload_too_large",        "invalid_request",         "The body is larger than this endpoint accepts.")                \
    X(URI_TOO_LONG,      414, "uri_too_long",             "invalid_request",         "The request target is too long.")                               \
    X(BAD_MEDIA_TYPE,    415, "unsupported_media_type",   "invalid_request",         "Send the body as application/json in UTF-8.")                   \
    X(EXPECTATION,       417, "expectation_failed",       "invalid_request",         "This expectation is not supported.")                            \
    X(MISDIRECTED,       421, "misdirected_request",      "invalid_request",         "This server does not answer for that host.")                    \
    X(BAD_VALUE,         422, "validation_failed",        "invalid_request",         "A value breaks a rule; see details.")                           \
    X(WEAK_PASSWORD,     422, "weak_password",            "invalid_request",         "The password does not meet the policy; see details.")           \
    X(RATE_LIMITED,      429, "rate_limited",             "slow_down",               "Too many attempts; try again later.")                           \
    X(HEADERS_TOO_LARGE, 431, "headers_too_large",        "invalid_request",         "The header section is too large.")                              \
    X(INTERNAL,          500, "internal_error",           "server_error",            "Something went wrong on our side.")                             \
    X(NOT_IMPLEMENTED,   501, "not_implemented",          "invalid_request",         "The server does not do this.")                                  \
    X(OVERLOADED,        503, "overloaded",               "temporarily_unavailable", "Too busy; try again shortly.")                                  \
    X(STORE_DOWN,        503, "store_unavailable",        "temporarily_unavailable", "The database cannot be used at the moment.")                    \
    X(CANCELED,          503, "shutting_down",            "temporarily_unavailable", "The server is shutting down.")                                  \
    X(TIMED_OUT,         504, "timeout",                  "temporarily_unavailable", "This took too long.")                                           \
    X(HTTP_VERSION,      505, "http_version_not_supported", "invalid_request",       "Use HTTP/1.1 or HTTP/1.0.")
/* Packed, so that its type is nobody else's: as an unsigned int it would catch
 * every unsigned in a _Generic (see KV in log.h). */
enum [[nodiscard]] err {
    OK,
#define X(name, status, word, oauth, text) E_##name,
    ERRORS(X)
#undef X
    ERR_COUNT
} __attribute__((packed));
/* clang-format on */

#define TRY(expr)                    \
    do {                             \
        enum err try_ = (expr);      \
        if (try_ != OK) return try_; \
    } while (0)

struct err_info {
    int status;         /* HTTP */
    const char *word;   /* JSON API, stable */
    const char *oauth;  /* RFC 6749 5.2 */
    const char *text;   /* for people, English */
    const char *symbol; /* "E_BAD_JSON", for logs */
};

const struct err_info *err_info(enum err e); /* static; e != OK */

#endif
