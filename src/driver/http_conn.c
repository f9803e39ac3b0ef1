/* http_conn.c - one connection: read, run, write, close.
 *
 * All connections read into one shared buffer; an exchange (a request and its
 * answer) exists from the first byte of a request until its answer has been
 * handed to the socket, so an idle connection is this struct and nothing else.
 *
 *     FRESH --+--> ARRIVING --> RUNNING --+--> IDLE --> ARRIVING ...
 *             |        |          |       +--> WRITING --> IDLE
 *             |        +--refused-+------------> LINGER --> CLOSING
 *
 * Reading goes on while a handler runs, to notice that the client has gone;
 * what was pipelined is held, and beyond a bound reading stops. A handler
 * finishes on its fiber, but its answer is sent, and the next request begun,
 * from the loop's flush, on the loop's own stack.
 *
 * Closing after an answer lingers: the write side is shut down and input
 * swallowed for a while, because closing with unread bytes makes the kernel
 * send a reset that can overtake the answer (RFC 9112 9.6). */
#include "http_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "run/loop.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>

#define HALF_CLOSE_MS 100 /* a FIN later than this behind its request: the client has gone */
#define LINGER_BYTES ((size_t)4 << 20)
#define STALL_BYTES 4096              /* least progress of a slow reader */
#define WIRE_KEEP ((size_t)256 << 10) /* memory kept for composing answers */

/* What is said to methods that are refused before there is a route. */
#define ALLOW STR("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")

static char read_buffer[HTTP_READ_MAX];
static struct buf wire = { .ceiling = HTTP_REPLY_MAX + (1 << 20) }; /* the answer being sent */
static struct exchange *finished, **finished_end = &finished;

static void conn_resume(struct conn *c);

/* --- lists and closing --- */

/* Forgets the pipelined bytes. */
static void held_drop(struct conn *c)
{
    http_state.held -= c->held.len;
    buf_done(&c->held);
    c->held_at = 0;
}

/* The memory this connection's incomplete request holds from now on. */
static void arriving_set(struct conn *c, size_t bytes)
{
    http_state.arriving += bytes - c->arriving;
    c->arriving = bytes;
}

static void conn_unlink(struct conn *c)
{
    struct conn_list *list = &http_state.lists[c->state];

    arriving_set(c, 0);
    *(c->prev ? &c->prev->next : &list->first) = c->next;
    *(c->next ? &c->next->prev : &list->last) = c->prev;
}

static void conn_link(struct conn *c, enum conn_state state)
{
    struct conn_list *list = &http_state.lists[state];

    c->state = state;
    c->since = uv_now(loop);
    c->next = NULL;
    c->prev = list->last;
    *(list->last ? &list->last->next : &list->first) = c;
    list->last = c;
}

void conn_move(struct conn *c, enum conn_state state)
{
    conn_unlink(c);
    conn_link(c, state);
}

static void conn_free(struct conn *c)
{
    free(c);
    http_conn_gone();
}

static void on_closed(uv_handle_t *handle)
{
    struct conn *c = (struct conn *)handle;

    c->closed = true;
    if (!c->x) conn_free(c); /* else a handler still runs: it will look */
}

void conn_close(struct conn *c)
{
    if (c->state == CONN_CLOSING) return;
    conn_unlink(c);
    c->state = CONN_CLOSING;
    held_drop(c);
    if (c->x && c->x->running) {
        c->x->rq.ctx.abandoned = true;
    } else if (c->x) {
        exchange_free(c->x);
        c->x = NULL;
    }
    http_conn_closing(c);
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

/* --- reading --- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)handle, (void)suggested;
    *buf = uv_buf_init(read_buffer, sizeof read_buffer);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf);

static void reading_set(struct conn *c, bool wanted)
{
    if (c->reading == wanted || c->eof) return;
    c->reading = wanted;
    if (wanted) {
        uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
    } else {
        uv_read_stop((uv_stream_t *)&c->tcp);
    }
}

/* Closes once the client has read the answer, or after a bounded time. */
static void linger_begin(struct conn *c)
{
    uv_os_fd_t fd;

    if (c->eof || uv_fileno((uv_handle_t *)&c->tcp, &fd) != 0 || shutdown(fd, SHUT_WR) != 0) {
        conn_close(c);
        return;
    }
    held_drop(c);
    conn_move(c, CONN_LINGER);
    reading_set(c, true);
}

/* --- writing --- */

struct outbox {
    uv_write_t req;
    struct conn *conn;
    char bytes[];
};

static void answer_is_out(struct conn *c)
{
    if (c->last) {
        linger_begin(c);
    } else {
        conn_move(c, CONN_IDLE);
    }
}

static void on_written(uv_write_t *req, int status)
{
    struct outbox *out = (struct outbox *)req;
    struct conn *c = out->conn;

    free(out);
    c->writes--;
    if (c->state == CONN_CLOSING) return;
    if (status < 0) {
        conn_close(c);
    } else if (c->writes == 0 && c->state == CONN_WRITING) {
        answer_is_out(c);
        conn_resume(c);
    }
}

/* What the socket does not take at once is copied and follows. */
static void conn_send(struct conn *c, struct str bytes)
{
    uv_stream_t *stream = (uv_stream_t *)&c->tcp;
    uv_buf_t buf = uv_buf_init((char *)bytes.at, (unsigned)bytes.len);
    int sent = uv_try_write(stream, &buf, 1);

    if (sent == UV_EAGAIN) sent = 0;
    if (sent < 0) {
        conn_close(c);
        return;
    }
    struct str rest = str_from(bytes, (size_t)sent);
    if (rest.len == 0) return;

    struct outbox *out = must_alloc(sizeof *out + rest.len);
    out->conn = c;
    memcpy(out->bytes, rest.at, rest.len);
    buf = uv_buf_init(out->bytes, (unsigned)rest.len);
    c->writes++;
    if (uv_write(&out->req, stream, &buf, 1, on_written) != 0) {
        c->writes--;
        free(out);
        conn_close(c);
    }
}

bool conn_writes_on(struct conn *c)
{
    size_t unsent = uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp);
    bool goes_on = c->unsent >= unsent + STALL_BYTES;

    c->unsent = unsent;
    return goes_on;
}

static void request_log_end(const struct exchange *x)
{
    const struct request *rq = &x->rq;
    int64_t ms = (int64_t)(mono_us() - x->began_us) / 1000;
    struct str method = rq->method_text.at ? rq->method_text : STR("-");
    struct str path = rq->path.at ? str_upto(rq->path, 256) : STR("-");

    if (x->why) {
        log_info(&rq->ctx, "request_end", KV("method", method), KV("path", path),
                 KV("status", rq->reply.status), KV("duration_ms", ms), KV("refused", x->why));
    } else if (rq->ctx.abandoned) {
        log_info(&rq->ctx, "request_end", KV("method", method), KV("path", path),
                 KV("status", rq->reply.status), KV("duration_ms", ms), KV("abandoned", true));
    } else if (!x->plan.quiet) {
        log_info(&rq->ctx, "request_end", KV("method", method), KV("path", path),
                 KV("status", rq->reply.status), KV("duration_ms", ms));
    } else {
        log_debug(&rq->ctx, "request_end", KV("method", method), KV("path", path),
                  KV("status", rq->reply.status), KV("duration_ms", ms));
    }
}

static void exchange_end(struct conn *c)
{
    request_log_end(c->x);
    exchange_free(c->x);
    c->x = NULL;
}

/* The reply is made: sends it. The connection is IDLE, WRITING, LINGER or
 * CLOSING after it. */
static void conn_answer(struct conn *c)
{
    c->last = !c->x->keep_alive || c->reserve || http_state.draining;
    buf_clear(&wire);
    http_reply_write(c->x, c->last, &wire);
    exchange_end(c);

    conn_send(c, buf_str(&wire));
    if (wire.cap > WIRE_KEEP) buf_done(&wire);
    if (c->state == CONN_CLOSING) return;
    if (c->writes == 0) {
        answer_is_out(c);
    } else {
        conn_move(c, CONN_WRITING);
        conn_writes_on(c);
    }
}

/* --- running --- */

static SUSPENDS void exchange_run(void *arg)
{
    struct exchange *x = arg;

    fiber_label(x->rq.ctx.request_id);
    enum err e = x->plan.handle(&x->rq);
    if (e != OK) reply_error(&x->rq, e);
    must(x->rq.reply.sent);

    x->next = NULL;
    *finished_end = x;
    finished_end = &x->next;
}

void conn_flush_finished(void)
{
    while (finished) {
        struct exchange *x = finished;
        struct conn *c = x->conn;

        finished = x->next;
        if (!finished) finished_end = &finished;
        x->running = false;
        http_state.requests--;
        if (c->state == CONN_CLOSING) {
            exchange_end(c);
            if (c->closed) conn_free(c);
        } else {
            conn_answer(c);
            conn_resume(c);
        }
    }
}

static void conn_plan(struct conn *c, bool body_is_here)
{
    struct exchange *x = c->x;
    struct request *rq = &x->rq;

    log_debug(&rq->ctx, "request_start", KV("method", rq->method_text), KV("path", rq->path));
    x->plan = http_settings.plan(rq);
    must(x->plan.handle || x->plan.refuse != OK);
    if (c->reserve && !x->plan.quiet) x->plan = (struct http_plan){ .refuse = E_OVERLOADED };

    /* A body nobody reads is swallowed, so that it is not taken for a request. */
    bool wanted = x->plan.handle && x->plan.body_max > 0;
    size_t cap = wanted ? x->plan.body_max : HTTP_DRAIN_MAX;
    if (cap > http_settings.body_max) cap = http_settings.body_max;
    http_parse_body_begin(x, cap, !wanted, x->plan.handle ? E_TOO_LARGE : x->plan.refuse);
    if (x->stage != HTTP_STAGE_BODY || !x->expects_continue) return;
    if (!x->plan.handle) {
        http_refuse(x, x->plan.refuse, "not_continued"); /* the body may or may not come now */
    } else if (!body_is_here) {
        conn_send(c, STR("HTTP/1.1 100 Continue\r\n\r\n"));
    }
}

static void conn_run(struct conn *c)
{
    struct exchange *x = c->x;
    bool room = x->plan.quiet || http_state.requests < http_settings.requests_max;

    conn_move(c, CONN_RUNNING);
    if (!x->plan.handle) {
        reply_error(&x->rq, x->plan.refuse);
        conn_answer(c);
        return;
    }
    x->rq.ctx.deadline = mono_ms() + http_settings.handler_ms;
    if (!room || !fiber_start("request", exchange_run, x)) {
        reply_error(&x->rq, E_OVERLOADED);
        conn_answer(c);
        return;
    }
    x->running = true;
    http_state.requests++;
}

void conn_refuse(struct conn *c, enum err e, const char *why)
{
    struct exchange *x = c->x;

    http_refuse(x, e, why);
    if (e == E_BAD_METHOD && !x->rq.reply.head.at) reply_header(&x->rq, "Allow", ALLOW);
    reply_error(&x->rq, e);
    conn_answer(c);
}

/* --- input --- */

static void exchange_begin(struct conn *c)
{
    c->x = exchange_new(c);
    c->x->rq.ctx.address = str_of(c->address);
    c->x->rq.plain_peer_is_loopback = c->loopback;
    conn_move(c, CONN_ARRIVING);
}

static bool conn_takes_input(const struct conn *c)
{
    return c->state == CONN_FRESH || c->state == CONN_IDLE || c->state == CONN_ARRIVING;
}

/* Parses until a handler runs or the bytes are used up; how many were used. */
static size_t conn_feed(struct conn *c, struct str data)
{
    size_t taken = 0;

    while (taken < data.len && conn_takes_input(c)) {
        struct str rest = str_from(data, taken);

        if (!c->x) exchange_begin(c);
        taken += c->x->stage == HTTP_STAGE_HEAD ? http_parse_head(c->x, rest)
                                                : http_parse_body(c->x, rest);
        if (c->x->stage == HTTP_STAGE_PLAN) conn_plan(c, taken < data.len);
        if (c->state == CONN_CLOSING) break;
        if (c->x->stage == HTTP_STAGE_WHOLE) {
            conn_run(c);
        } else if (c->x->stage == HTTP_STAGE_REFUSED) {
            conn_refuse(c, c->x->refused, c->x->why);
        } else {
            arriving_set(c, sizeof *c->x + c->x->head.cap + c->x->body.len);
        }
    }
    return taken;
}

/* When unfinished requests hold too much, the oldest of them give way: who
 * sends at an honest pace is not among those. */
static void arriving_bound(void)
{
    while (http_state.arriving > HTTP_ARRIVING_MAX) {
        conn_refuse(http_state.lists[CONN_ARRIVING].first, E_OVERLOADED, "arriving_memory");
    }
}

static void conn_drop(struct conn *c, size_t len)
{
    c->dropped += len;
    if (c->dropped <= LINGER_BYTES) return;
    if (c->state == CONN_LINGER) {
        conn_close(c);
    } else {
        reading_set(c, false);
    }
}

static void conn_hold(struct conn *c, struct str data)
{
    if (http_state.held + data.len > HTTP_HELD_ALL_MAX) {
        conn_close(c);
        return;
    }
    buf_drop(&c->held, c->held_at);
    http_state.held += data.len - c->held_at;
    c->held_at = 0;
    buf_add(&c->held, data);
    must(!c->held.full);
    if (c->held.len >= HTTP_HELD_MAX) reading_set(c, false);
}

static void conn_input(struct conn *c, struct str data)
{
    size_t taken = conn_feed(c, data);

    arriving_bound();
    bool over = c->state == CONN_LINGER || (c->x && !c->x->keep_alive) || c->last;
    if (taken == data.len || c->state == CONN_CLOSING) return;
    if (over) {
        conn_drop(c, data.len - taken); /* nothing behind the last request counts */
    } else {
        conn_hold(c, str_from(data, taken));
    }
}

/* An answer is out: goes on with what was held meanwhile. */
static void conn_resume(struct conn *c)
{
    struct str rest = str_from(buf_str(&c->held), c->held_at);

    if (!conn_takes_input(c)) return;
    size_t taken = conn_feed(c, rest);
    if (c->state == CONN_CLOSING || c->state == CONN_LINGER) return;

    c->held_at += taken;
    if (taken == rest.len) held_drop(c);
    if (taken == rest.len && c->eof && conn_takes_input(c)) {
        conn_close(c); /* what is incomplete now stays so */
    } else if (rest.len - taken < HTTP_HELD_MAX) {
        reading_set(c, true);
    }
}

/* The client has closed, or only its half: `printf ... | nc` does that right
 * behind the request and waits for the answer. Later than that it has gone, as
 * far as anybody can know. */
static void conn_eof(struct conn *c)
{
    reading_set(c, false);
    c->eof = true;
    if (c->state == CONN_RUNNING) {
        if (uv_now(loop) - c->since >= HALF_CLOSE_MS) c->x->rq.ctx.abandoned = true;
    } else if (c->state != CONN_WRITING) {
        conn_close(c);
    }
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct conn *c = (struct conn *)stream;

    if (got == UV_EOF) {
        conn_eof(c);
    } else if (got < 0) {
        conn_close(c);
    } else if (got > 0) {
        conn_input(c, str_span(buf->base, (size_t)got));
    }
}

/* --- opening --- */

static void address_set(struct conn *c, const struct sockaddr *peer)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)peer;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)peer;

    if (peer->sa_family == AF_INET) {
        inet_ntop(AF_INET, &v4->sin_addr, c->address, sizeof c->address);
        c->loopback = ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    } else if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, c->address, sizeof c->address);
        c->loopback = v6->sin6_addr.s6_addr[12] == 127;
    } else {
        inet_ntop(AF_INET6, &v6->sin6_addr, c->address, sizeof c->address);
        c->loopback = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    }
}

struct conn *conn_open(int fd, const struct sockaddr *peer, bool reserve)
{
    struct conn *c = must_zalloc(sizeof *c);

    uv_tcp_init(loop, &c->tcp);
    buf_init(&c->held, HTTP_HELD_MAX + HTTP_READ_MAX);
    address_set(c, peer);
    c->reserve = reserve;
    c->turn = http_state.turn;
    conn_link(c, CONN_FRESH);
    http_state.open++;
    http_state.alive++;
    if (uv_tcp_open(&c->tcp, fd) != 0) {
        close(fd);
        conn_close(c);
        return NULL;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    reading_set(c, true);
    return c;
}

void conn_module_done(void)
{
    buf_done(&wire);
    exchange_pool_done();
}
