/* route.h - what is served where: one table, in app/routes.c.
 *
 * A row is the whole truth about an endpoint: the 404 and 405 answers, the
 * Allow header, the authentication, the body's ceiling and schema, and the
 * tests that walk every route all come from it.
 */
#ifndef APP_ROUTE_H
#define APP_ROUTE_H

#include "driver/http.h"

enum route_auth {
    AUTH_NONE,
    AUTH_BEARER,     /* a valid access token whose session lives */
    AUTH_BEARER_LAX, /* may be absent or no good, and its session may have ended */
};

enum route_input {
    INPUT_NONE,     /* a body is read and ignored */
    INPUT_JSON,     /* one JSON object, as the schema says */
    INPUT_OPTIONAL, /* the same, or nothing, which means {} */
};

struct route {
    enum http_method method;
    const char *path; /* literal, with {name} for one segment */
    enum route_auth auth;
    enum route_input input;
    const struct json_schema *schema; /* of the body */
    SUSPENDS enum err (*handle)(struct request *rq);
    bool probe; /* answered from any Host, logged at DEBUG, before the start is over */
    const char *summary;
};

extern const struct route routes[];
extern const size_t route_count;

/* The server's plan (http.h): finds the route and refuses what can be refused
 * before the body has arrived. */
struct http_plan route_plan(struct request *rq);

/* Host names the service answers to besides addresses and localhost: the
 * PUBLIC_URL's and those of ALLOWED_HOSTS. */
void route_start(struct str public_url, struct str allowed_hosts);

#endif
