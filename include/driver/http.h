/* http.h - the HTTP/1.1 server: llhttp on the loop, requests on fibers.
 *
 * Everything that is refused about framing (RFC 9112; CASES.md group A) is
 * refused here, in the documented shape, before a handler runs. A request
 * passes two of the caller's functions: `plan`, on the loop's stack, as soon as
 * the header section is complete, which finds the route and may refuse; and
 * the route's handler, on a fiber, once the body has arrived. A connection
 * runs one request at a time; what was pipelined behind it waits.
 */
#ifndef DRIVER_HTTP_H
#define DRIVER_HTTP_H

#include "base/buf.h"
#include "run/ctx.h"
#include "run/fiber.h"

enum http_method {
    HTTP_M_GET,
    HTTP_M_HEAD,
    HTTP_M_POST,
    HTTP_M_PUT,
    HTTP_M_PATCH,
    HTTP_M_DELETE,
    HTTP_M_OPTIONS,
    HTTP_M_OTHER
};

struct http_header {
    struct str name, value; /* as sent; borrowed until the answer is sent */
};

#define HTTP_HEADERS_MAX 100
#define HTTP_PARAMS_MAX 4

struct request;

/* What `plan` decided. */
struct http_plan {
    SUSPENDS enum err (*handle)(struct request *rq); /* NULL: answer `refuse` */
    enum err refuse;
    size_t body_max; /* at most that of http_config; 0: a body is swallowed */
    bool quiet;      /* request_end at DEBUG instead of INFO (probes) */
};

struct request {
    struct ctx ctx;          /* log_info(&rq->ctx, ...) */
    enum http_method method; /* HEAD comes as GET with head_only set */
    bool head_only;
    struct str method_text;
    struct str path;  /* as sent, validated: starts with '/', escapes stand for text but are not
                       * undone; or "*" with OPTIONS */
    struct str query; /* behind '?', without it; absent when there is none */
    struct str host;  /* Host without port, lower case, "[::1]" with brackets; absent in an
                       * HTTP/1.0 request without Host */
    struct http_header *headers;
    unsigned header_count;
    struct str body;
    bool plain_peer_is_loopback;
    /* filled by the caller's plan and handlers */
    const void *route;
    struct str param[HTTP_PARAMS_MAX]; /* {id} of the path */
    void *input;                       /* the body as the route's schema reads it; arena */
    void *identity;                    /* who asks; arena */
    /* the answer being made */
    struct {
        int status;
        struct str type; /* Content-Type; absent: none */
        struct str head; /* further header lines, each ending in CRLF; arena */
        struct buf body;
        struct str borrowed; /* body that outlives the answer, instead of `body` */
        bool no_store;       /* Cache-Control: no-store, Pragma: no-cache */
        bool sent;           /* reply_* was called */
    } reply;
};

/* First header of that name (ASCII case-insensitive), or absent; how many. */
struct str request_header(const struct request *rq, const char *name);
unsigned request_header_count(const struct request *rq, const char *name);
bool request_abandoned(const struct request *rq);

/* Answers. Each sets what will be sent when the handler has returned OK. */
struct buf *reply_data(struct request *rq, int status); /* opens {"status":"success","data": */
enum err reply_end(struct request *rq);                 /* closes it */
enum err reply_empty(struct request *rq, int status);   /* 204, 304 */
enum err reply_text(struct request *rq, int status, const char *type, struct str borrowed);
void reply_header(struct request *rq, const char *name, struct str value); /* value is clean */
void reply_no_store(struct request *rq);
/* The error envelope of SPEC 2 with ctx.details; what the server sends when a
 * handler returns e != OK. 401 gets WWW-Authenticate, 503 and 429 Retry-After. */
void reply_error(struct request *rq, enum err e);

struct http_config {
    const char *host;
    int port;                 /* 0: any */
    unsigned connections_max; /* 0: from the descriptor limit */
    unsigned requests_max;    /* in flight, i.e. fibers; beyond: 503 at once */
    /* milliseconds; 0: the default of SPEC 6 */
    unsigned header_ms, request_ms, keepalive_ms, handler_ms, write_ms;
    size_t request_line_max, headers_max, body_max;
    bool hsts; /* Strict-Transport-Security: the public address is https */
    struct http_plan (*plan)(struct request *rq);
};

enum err http_listen(const struct http_config *config); /* once per process; logs what fails */
int http_port(void);                                    /* the one in force */
/* Stops accepting, closes idle connections, finishes the rest; then `done`,
 * when nothing of the server is open any more. */
void http_drain(void (*done)(void));
void http_abort(void); /* close whatever is left, now */
bool http_draining(void);
unsigned http_connections(void); /* open */
unsigned http_requests(void);    /* in flight */

#endif
