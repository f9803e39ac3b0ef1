/* http_private.h - what the files of the HTTP server share.
 *
 *     http_line.c   the request line and Host, as text
 *     http_parse.c  from bytes to a request: llhttp and what it lets through
 *     http_reply.c  from an answer to bytes
 *     http_conn.c   one connection: read, run, write, close
 *     http.c        the listener, the limits, the deadlines, draining
 */
#ifndef DRIVER_HTTP_PRIVATE_H
#define DRIVER_HTTP_PRIVATE_H

#include "driver/http.h"

#include <llhttp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <uv.h>

#define HTTP_ID_LEN 16                       /* of the request ids we make */
#define HTTP_READ_MAX ((size_t)64 << 10)     /* bytes one read can bring */
#define HTTP_HELD_MAX ((size_t)64 << 10)     /* pipelined bytes before reading stops */
#define HTTP_DRAIN_MAX ((size_t)64 << 10)    /* of a body nobody wants: swallowed, else close */
#define HTTP_REPLY_MAX ((size_t)4 << 20)     /* body of an answer */
#define HTTP_HELD_ALL_MAX ((size_t)64 << 20) /* of all connections together; beyond: close */
#define HTTP_ARRIVING_MAX ((size_t)64 << 20) /* of all requests that are not yet whole */
#define HTTP_ARENA_MAX ((size_t)8 << 20)     /* all that one request may need */

/* What http_listen was given, with the defaults filled in. */
extern struct http_config http_settings;

/* --- http_line.c --- */

/* The first line of a request; all of it borrowed from the line. */
struct http_line {
    struct str method;
    struct str authority; /* of an absolute-form target, else absent */
    struct str path;      /* "/..." or, for OPTIONS, "*" */
    struct str query;     /* absent without '?' */
    int minor;            /* HTTP/1.x: 0 or 1 */
};

bool http_is_token(struct str s); /* RFC 9110 5.6.2, not empty */
/* Could these first bytes become a request line? Tells other protocols early. */
bool http_line_plausible(struct str start);
/* `why`: a static word for the log. */
enum err http_line_parse(struct str line, struct http_line *out, const char **why);
/* RFC 9110 7.2, RFC 3986 3.2.2: uri-host [ ":" port ]. The host is the part
 * before the port; brackets stay. */
bool http_host_parse(struct str value, struct str *host);

/* --- http_parse.c --- */

enum http_stage {
    HTTP_STAGE_HEAD,    /* the header section is arriving */
    HTTP_STAGE_PLAN,    /* it is complete: http_parse_body_begin comes next */
    HTTP_STAGE_BODY,    /* the body is arriving */
    HTTP_STAGE_WHOLE,   /* all of it is here */
    HTTP_STAGE_REFUSED, /* `refused` says why; the connection closes */
};

/* One request and its answer. Pooled; `rq` comes first, so that a handler's
 * request is one of these. */
struct exchange {
    struct request rq;
    struct conn *conn;
    struct exchange *next; /* pool; or: finished, waiting to be sent */
    struct http_plan plan;
    bool running; /* its handler has not returned */
    uint64_t began_us;
    char id[HTTP_ID_LEN];

    enum http_stage stage;
    enum err refused;
    const char *why; /* static; for the log */
    bool keep_alive; /* the client wants it, and the framing allows it */
    bool has_body, expects_continue;

    struct http_line line;
    unsigned blanks;  /* bytes of empty lines before it */
    size_t line_at;   /* where the last line in `head` begins */
    size_t header_at; /* where the header section begins; 0: not there yet */

    bool discard;           /* the body is counted, not kept */
    size_t body_cap;        /* bytes there may be */
    enum err over;          /* what is answered when there are more */
    size_t body_len;        /* so far, chunked only */
    uint64_t data_left;     /* of the sized body or of this chunk */
    size_t extension_bytes; /* of chunk extensions, all together */
    size_t trailer_bytes;
    bool after_data; /* the CRLF behind a chunk comes next */
    bool last_chunk; /* has been: trailers follow */

    /* From here on kept for the next request. */
    struct arena arena;
    struct buf head;       /* request line and header section */
    struct buf body;       /* as far as it is kept */
    struct buf chunk_line; /* a size line, a trailer or the CRLF behind data */
    llhttp_t llhttp;
    struct http_header headers[HTTP_HEADERS_MAX];
};

struct exchange *exchange_new(struct conn *c); /* ready for the first byte */
void exchange_free(struct exchange *x);        /* wipes; back to the pool */
void exchange_pool_done(void);

/* Take what they can of `data` and answer how much that was; x->stage says
 * where the request stands then. */
size_t http_parse_head(struct exchange *x, struct str data);
size_t http_parse_body(struct exchange *x, struct str data);
/* Up to `cap` bytes will be accepted, beyond that the answer is `over`;
 * `discard` does not keep them. */
void http_parse_body_begin(struct exchange *x, size_t cap, bool discard, enum err over);
void http_refuse(struct exchange *x, enum err e, const char *why);

/* --- http_reply.c --- */

/* Appends the whole answer: status line, header section, body. */
void http_reply_write(struct exchange *x, bool close, struct buf *to);

/* --- http_conn.c --- */

/* Where a connection stands; it is in the list of its state, oldest first. */
enum conn_state {
    CONN_FRESH,    /* no byte yet */
    CONN_IDLE,     /* between two requests */
    CONN_ARRIVING, /* a request has begun */
    CONN_RUNNING,  /* its handler runs */
    CONN_WRITING,  /* the answer waits for the client to read */
    CONN_LINGER,   /* answered and shut down; what still comes is dropped */
    CONN_CLOSING,
    CONN_STATES = CONN_CLOSING /* those that have a list */
};

struct conn {
    uv_tcp_t tcp; /* first: a handle is its connection */
    struct conn *next, *prev;
    uint64_t since;     /* ms: when it came into its state */
    struct exchange *x; /* owned: what arrives, runs or is being answered */
    struct buf held;    /* bytes behind the request that is running */
    size_t held_at;     /* of these: already taken */
    size_t dropped;     /* bytes thrown away before closing */
    size_t unsent;      /* when it was looked at last */
    size_t arriving;    /* its part of http_state.arriving */
    unsigned writes;    /* uv_writes under way */
    unsigned turn;      /* of the loop, when it was accepted */
    enum conn_state state;
    bool reserve;  /* one of the few beyond the limit: probes only */
    bool last;     /* the answer that is being sent is the last one */
    bool reading;  /* bytes are wanted */
    bool eof;      /* no more will come */
    bool closed;   /* libuv has let go of it */
    bool loopback; /* so is the client's address */
    char address[INET6_ADDRSTRLEN];
};

struct conn_list {
    struct conn *first, *last;
};

struct conn *conn_open(int fd, const struct sockaddr *peer, bool reserve); /* takes fd; or NULL */
void conn_close(struct conn *c); /* now; a running handler finishes unheard */
void conn_refuse(struct conn *c, enum err e, const char *why); /* while arriving */
/* Has the client taken a fair amount since the last look? */
bool conn_writes_on(struct conn *c);
void conn_move(struct conn *c, enum conn_state state);
void conn_flush_finished(void); /* sends what handlers have finished */
void conn_module_done(void);    /* no connection is left: frees what was kept */

/* --- http.c --- */

extern struct http_state {
    struct conn_list lists[CONN_STATES];
    unsigned open;     /* descriptors */
    unsigned alive;    /* structs: also those that are closing */
    unsigned requests; /* handlers running */
    unsigned turn;     /* of the loop */
    size_t arriving;   /* bytes that incomplete requests hold */
    size_t held;       /* bytes that are pipelined */
    bool draining;
} http_state;

void http_conn_closing(struct conn *c); /* its descriptor is gone */
void http_conn_gone(void);              /* its memory too: perhaps it was the last */

#endif
