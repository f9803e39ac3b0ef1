/* http_fixture.h - a small server on a thread of its own, and raw sockets to
 * it. Every answer that is heard is checked for what all answers must have. */
#ifndef TEST_HTTP_FIXTURE_H
#define TEST_HTTP_FIXTURE_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "driver/http.h"
#include "run/loop.h"

#define FIBERS 64
#define HEAR_MS 5000 /* an answer that takes longer is a failure */

static atomic_int handled;   /* requests that reached a handler, /health aside */
static atomic_int abandoned; /* handlers that were told that the client has gone */
static atomic_int overdue;   /* handlers whose deadline was not the configured one */
static struct http_config fixture = { .host = "127.0.0.1" };

static pthread_t server_thread;
static sem_t server_ready;
static uv_async_t server_stop_async;

/* --- routes --- */

static enum err live_handle(struct request *rq)
{
    struct buf *b = reply_data(rq, 200);

    json_begin(b);
    json_put_text(b, "status", STR("live"));
    json_end(b);
    return reply_end(rq);
}

static enum err hello_handle(struct request *rq)
{
    handled++;
    reply_header(rq, "X-Agent", rq->ctx.agent.at ? rq->ctx.agent : STR("none"));
    return reply_text(rq, 200, "text/plain; charset=utf-8", STR("hello"));
}

/* The body comes back as it was understood. */
static enum err echo_handle(struct request *rq)
{
    handled++;
    return reply_text(rq, 200, "text/plain; charset=utf-8", rq->body);
}

static enum err slow_handle(struct request *rq)
{
    handled++;
    for (int i = 0; i < 20 && !request_abandoned(rq); i++) {
        enum err e = fiber_sleep(25, rq->ctx.deadline);
        if (e == E_TIMED_OUT) overdue++;
        if (e != OK) return e;
    }
    if (request_abandoned(rq)) abandoned++;
    return reply_text(rq, 200, "text/plain; charset=utf-8", STR("slow"));
}

#define BIG_LEN ((size_t)3 << 20)
static enum err big_handle(struct request *rq)
{
    static char big[BIG_LEN];

    handled++;
    memset(big, 'b', sizeof big);
    return reply_text(rq, 200, "text/plain; charset=utf-8", str_span(big, sizeof big));
}

static enum err empty_handle(struct request *rq)
{
    handled++;
    return reply_empty(rq, 204);
}

static enum err fail_handle(struct request *rq)
{
    handled++;
    details_add(&rq->ctx.details, STR("email"), "invalid_format", STR("Not an address."));
    return E_BAD_VALUE;
}

static const struct {
    const char *path;
    enum http_method method;
    struct http_plan plan;
} routes[] = {
    { "/health/live", HTTP_M_GET, { .handle = live_handle, .quiet = true } },
    { "/", HTTP_M_GET, { .handle = hello_handle } },
    { "/hello", HTTP_M_GET, { .handle = hello_handle } },
    { "/slow", HTTP_M_GET, { .handle = slow_handle } },
    { "/big", HTTP_M_GET, { .handle = big_handle } },
    { "/empty", HTTP_M_GET, { .handle = empty_handle } },
    { "/fail", HTTP_M_GET, { .handle = fail_handle } },
    { "/echo", HTTP_M_POST, { .handle = echo_handle, .body_max = 65536 } },
    { "/small", HTTP_M_POST, { .handle = echo_handle, .body_max = 10 } },
    { "*", HTTP_M_OPTIONS, { .handle = empty_handle } },
    { "/hello", HTTP_M_DELETE, { .handle = hello_handle } },
    { "/private", HTTP_M_POST, { .refuse = E_NO_TOKEN } },
    { "/expired", HTTP_M_GET, { .refuse = E_BAD_TOKEN } },
    { "/limited", HTTP_M_POST, { .refuse = E_RATE_LIMITED } },
};

static struct http_plan fixture_plan(struct request *rq)
{
    bool known = false;

    for (size_t i = 0; i < COUNT(routes); i++) {
        if (!str_eq(rq->path, str_of(routes[i].path))) continue;
        if (routes[i].method == rq->method) return routes[i].plan;
        known = true;
    }
    if (known) reply_header(rq, "Allow", STR("GET, HEAD, POST, DELETE"));
    return (struct http_plan){ .refuse = known ? E_BAD_METHOD : E_NOT_FOUND };
}

/* --- the server --- */

static void on_drained(void)
{
    uv_close((uv_handle_t *)&server_stop_async, NULL);
    loop_stop();
}

static void on_stop(uv_async_t *async)
{
    (void)async;
    http_drain(on_drained);
}

static void *server_main(void *arg)
{
    (void)arg;
    loop_init();
    fiber_init(FIBERS);
    uv_async_init(loop, &server_stop_async, on_stop);
    fixture.plan = fixture_plan;
    cr_assert(http_listen(&fixture) == OK);
    sem_post(&server_ready);
    loop_run();
    fiber_done();
    loop_done();
    return NULL;
}

static inline void server_start(void)
{
    sem_init(&server_ready, 0, 0);
    log_set_level(LOG_CRITICAL);
    pthread_create(&server_thread, NULL, server_main, NULL);
    sem_wait(&server_ready);
}

static inline void server_drain(void)
{
    uv_async_send(&server_stop_async);
}

static inline void heard_forget(void);

static inline void server_join(void)
{
    pthread_join(server_thread, NULL);
    heard_forget();
    cr_expect(http_connections() == 0);
    cr_expect(http_requests() == 0);
}

static inline void server_stop(void)
{
    server_drain();
    server_join();
}

/* --- a client --- */

static inline int dial(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)http_port()) };
    const int yes = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert(connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return fd;
}

/* In segments of `step` bytes; 0: at once. The server may have closed already. */
static inline void say(int fd, struct str bytes, size_t step)
{
    if (step == 0) step = bytes.len;
    while (bytes.len > 0) {
        ssize_t sent = send(fd, bytes.at, step < bytes.len ? step : bytes.len, MSG_NOSIGNAL);

        if (sent < 0) return;
        bytes = str_from(bytes, (size_t)sent);
    }
}

struct heard {
    char *bytes; /* borrowed until server_join */
    size_t len;
    bool closed; /* the server has closed, and not by a reset */
    bool reset;
    uint64_t ms; /* it took */
};

/* What was heard is kept until the end of the test. */
static struct heard_bytes {
    struct heard_bytes *next;
    char bytes[];
} * all_heard;

static inline char *heard_keep(const char *bytes, size_t len)
{
    struct heard_bytes *kept = malloc(sizeof *kept + len + 1);

    memcpy(kept->bytes, bytes, len);
    kept->bytes[len] = '\0';
    kept->next = all_heard;
    all_heard = kept;
    return kept->bytes;
}

static inline void heard_forget(void)
{
    while (all_heard) {
        struct heard_bytes *next = all_heard->next;

        free(all_heard);
        all_heard = next;
    }
}

/* All that comes until the server closes or is silent for `quiet_ms`. */
static inline struct heard hear(int fd, int quiet_ms)
{
    struct heard h = { 0 };
    char *bytes = NULL;
    struct pollfd p = { .fd = fd, .events = POLLIN };
    uint64_t began = mono_ms();
    char part[65536];

    while (poll(&p, 1, quiet_ms) == 1) {
        ssize_t got = recv(fd, part, sizeof part, 0);

        h.closed = got == 0;
        h.reset = got < 0;
        if (got <= 0) break;
        bytes = realloc(bytes, h.len + (size_t)got);
        memcpy(bytes + h.len, part, (size_t)got);
        h.len += (size_t)got;
    }
    h.bytes = heard_keep(bytes ? bytes : "", h.len);
    free(bytes);
    h.ms = mono_ms() - began;
    return h;
}

struct answer {
    int status;
    struct str head, body;
};

static inline bool holds(struct str s, const char *text)
{
    return s.len > 0 && memmem(s.at, s.len, text, strlen(text)) != NULL;
}

/* U1, U8 and the shape of SPEC 2. */
static inline void answer_check(const struct answer *a)
{
    cr_assert(holds(a->head, "\r\nX-Content-Type-Options: nosniff\r\n"));
    cr_assert(holds(a->head, "\r\nX-Request-ID: "));
    cr_assert(holds(a->head, "\r\nDate: "));
    cr_assert(!holds(a->head, "\r\nServer:"));
    if (a->status == 503 || a->status == 429) {
        cr_assert(holds(a->head, "\r\nRetry-After: "));
    }
    if (a->status == 401) cr_assert(holds(a->head, "\r\nWWW-Authenticate: Bearer"));
    if (a->status == 405) cr_assert(holds(a->head, "\r\nAllow: "));
    if (a->status >= 400) {
        cr_assert(holds(a->head, "charset=utf-8\r\n"));
        if (a->body.len == 0) return; /* to HEAD */
        cr_assert(str_starts(a->body, STR("{\"status\":\"error\",\"error\":\"")));
        cr_assert(holds(a->body, "\"request_id\":\""));
        cr_assert(holds(a->body, "\"timestamp\":\""));
    }
}

/* Cuts the next answer off `rest`; false when there is no whole one. */
static inline bool answer_next(struct str *rest, bool head_only, struct answer *a)
{
    const char *end = rest->len ? memmem(rest->at, rest->len, "\r\n\r\n", 4) : NULL;
    size_t length = 0;

    if (!end || !str_starts(*rest, STR("HTTP/1.1 "))) return false;
    a->status = atoi(rest->at + 9);
    a->head = str_upto(*rest, (size_t)(end - rest->at) + 4);
    const char *field = memmem(a->head.at, a->head.len, "\r\nContent-Length: ", 18);
    if (field) length = strtoul(field + 18, NULL, 10);
    cr_assert(field != NULL || a->status == 204 || a->status == 100);
    if (head_only) length = 0;
    *rest = str_from(*rest, a->head.len);
    if (rest->len < length) return false;
    a->body = str_upto(*rest, length);
    *rest = str_from(*rest, length);
    if (a->status != 100) answer_check(a);
    return true;
}

/* "200 200 400": the statuses of what was heard; '+' behind: and it stayed open,
 * '!': it was reset, '?': there were bytes that are no answer. */
static inline const char *statuses(const struct heard *h, bool head_only)
{
    static char text[8192];
    struct str rest = { h->bytes, h->len };
    struct answer a;
    size_t len = 0;

    text[0] = '\0';
    while (answer_next(&rest, head_only, &a)) {
        len += (size_t)snprintf(text + len, sizeof text - len, len ? " %d" : "%d", a.status);
        cr_assert(len < sizeof text - 8);
    }
    if (rest.len > 0) strcat(text, "?");
    if (h->reset) strcat(text, "!");
    if (!h->closed && !h->reset) strcat(text, "+");
    return text;
}

static inline const char *talk(struct str bytes, size_t step)
{
    int fd = dial();
    say(fd, bytes, step);
    struct heard h = hear(fd, HEAR_MS);
    const char *text = statuses(&h, false);

    close(fd);
    return text;
}

/* U3: is the server well? */
#define expect_canary() \
    cr_expect_str_eq(   \
        talk(STR("GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), 0), "200")

#endif
