/* http.c - the HTTP server as a whole: listening, limits, deadlines, draining.
 *
 * Connections are bounded by the descriptors there are, less what the rest of
 * the process needs. Beyond the bound a small reserve takes newcomers for a
 * moment, so that a health probe is answered even when everything is full:
 * only probes are served there, a newcomer pushes out the oldest one that has
 * had its chance, and who finds no place is closed at once. So the listener is
 * always emptied and never spins; should descriptors run out all the same, a
 * spare one is given up to accept and close.
 *
 * Deadlines need no timer per connection: a connection is in the list of its
 * state, in the order in which it came there, and a tick looks at the front. */
#include "http_private.h"

#include "base/log.h"
#include "base/must.h"
#include "run/loop.h"
#include "run/timer.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define BACKLOG 1024
#define ACCEPT_BATCH 64
#define RESERVE 16             /* connections beyond the limit */
#define OTHERS 64              /* descriptors for the database, logs, the loop ... */
#define CONNECTIONS_MOST 65536 /* by default, however many descriptors there are */
#define REQUESTS_MAX 1024      /* by default */

#define TICK_MS 250
#define LATE_MS 2000       /* a tick later than that: the process had been stopped */
#define LINGER_MS 2000     /* for the client to take the last answer */
#define RESERVE_MS 1000    /* for a connection of the reserve to ask */
#define DRAIN_GRACE_MS 500 /* for requests that were on their way when draining began */
#define COMPLAIN_MS 1000   /* between two lines about descriptors */

struct http_config http_settings;
struct http_state http_state;

static struct {
    bool open; /* `tick` is, and `poll` until draining begins */
    uv_poll_t poll;
    int fd, spare, port;
    struct timer tick;
    struct loop_flush flush;
    uint64_t ticked, complained, drain_began; /* ms */
    struct conn *reserve[RESERVE];
    unsigned reserve_count;
    void (*drained)(void);
} server;

/* --- the end --- */

/* Once the last connection is gone: nothing of the server stays open. */
static void end_if_empty(void)
{
    void (*drained)(void) = server.drained;

    if (!server.open || !http_state.draining || http_state.alive > 0) return;
    server.open = false;
    timer_close(&server.tick, NULL);
    close(server.spare);
    conn_module_done();
    if (drained) drained();
}

void http_conn_closing(struct conn *c)
{
    http_state.open--;
    for (unsigned i = 0; c->reserve && i < RESERVE; i++) {
        if (server.reserve[i] != c) continue;
        server.reserve[i] = NULL;
        server.reserve_count--;
    }
}

void http_conn_gone(void)
{
    http_state.alive--;
    end_if_empty();
}

/* --- accepting --- */

static void complain(const char *event)
{
    uint64_t now = uv_now(loop);

    if (server.complained != 0 && now - server.complained < COMPLAIN_MS) return;
    server.complained = now;
    log_warn(LOG_NONE, event, KV("connections", http_state.open));
}

/* Is there no place but in the reserve? */
static bool is_full(void)
{
    return http_state.open - server.reserve_count >= http_settings.connections_max;
}

/* A place in the reserve: an empty one, or that of the oldest connection that
 * has had a whole turn of the loop and runs no handler. NULL: none, but when
 * `young` says so there will be one in the next turn. */
static struct conn **reserve_place(bool *young)
{
    struct conn **oldest = NULL;

    *young = false;
    for (unsigned i = 0; i < RESERVE; i++) {
        struct conn **place = &server.reserve[i];

        if (!*place) return place;
        unsigned turns = http_state.turn - (*place)->turn;
        if ((*place)->state == CONN_RUNNING || (*place)->state == CONN_WRITING) continue;
        if (turns < 2) {
            *young = true;
        } else if (!oldest || turns > http_state.turn - (*oldest)->turn) {
            oldest = place;
        }
    }
    return oldest;
}

static void reserve_take(struct conn **place, int fd, const struct sockaddr *peer)
{
    complain("http.connections_full");
    if (!place) {
        close(fd);
        return;
    }
    if (*place) conn_close(*place);
    *place = conn_open(fd, peer, true);
    if (*place) server.reserve_count++;
}

/* Should the loop go on accepting after this failure? */
static bool accept_failed(int error)
{
    if (error == EAGAIN || error == ENOMEM || error == ENOBUFS) return false;
    if (error != EMFILE && error != ENFILE) return true; /* that one connection's own */

    complain("http.descriptors_out");
    close(server.spare);
    int fd = accept4(server.fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) close(fd);
    server.spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return fd >= 0;
}

/* Whoever finds only young ones in the reserve waits in the kernel: else a
 * crowd that comes at once would close the door on the probe among it. */
static bool accept_one(void)
{
    struct sockaddr_storage peer = { 0 };
    socklen_t len = sizeof peer;
    bool full = is_full(), young = false;
    struct conn **place = full ? reserve_place(&young) : NULL;

    if (full && !place && young) return false;
    int fd = accept4(server.fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return accept_failed(errno);
    if (full) {
        reserve_take(place, fd, (const struct sockaddr *)&peer);
    } else {
        conn_open(fd, (const struct sockaddr *)&peer, false);
    }
    return true;
}

static void on_acceptable(uv_poll_t *poll, int status, int events)
{
    (void)poll, (void)status, (void)events;
    for (int left = ACCEPT_BATCH; left > 0 && accept_one();) left--;
}

static void on_flush(struct loop_flush *flush)
{
    (void)flush;
    http_state.turn++;
    conn_flush_finished();
}

/* --- deadlines --- */

static void close_older(enum conn_state state, uint64_t age_ms)
{
    struct conn *c;

    while ((c = http_state.lists[state].first) && uv_now(loop) - c->since >= age_ms) {
        conn_close(c);
    }
}

/* SPEC 6: so long for the header section and so long for all of it, counted
 * from the first byte; bytes that trickle in extend neither. */
static void expire_arriving(void)
{
    struct conn *next;

    for (struct conn *c = http_state.lists[CONN_ARRIVING].first; c; c = next) {
        uint64_t age = uv_now(loop) - c->since;
        bool in_head = c->x->stage == HTTP_STAGE_HEAD;

        next = c->next;
        if (age < http_settings.header_ms) return; /* and the rest are younger */
        if (in_head && c->x->head.len == 0) {
            conn_close(c); /* empty lines only */
        } else if (in_head) {
            conn_refuse(c, E_REQUEST_TIMEOUT, "slow_head");
        } else if (age >= http_settings.request_ms) {
            conn_refuse(c, E_REQUEST_TIMEOUT, "slow_body");
        }
    }
}

static void expire_writing(void)
{
    struct conn *c;

    while ((c = http_state.lists[CONN_WRITING].first) &&
           uv_now(loop) - c->since >= http_settings.write_ms) {
        if (conn_writes_on(c)) {
            conn_move(c, CONN_WRITING);
        } else {
            conn_close(c);
        }
    }
}

static void expire_reserve(void)
{
    for (unsigned i = 0; i < RESERVE; i++) {
        struct conn *c = server.reserve[i];

        if (!c || (c->state != CONN_FRESH && c->state != CONN_ARRIVING)) continue;
        if (uv_now(loop) - c->since >= RESERVE_MS) conn_close(c);
    }
}

/* The process was stopped for a while: that is nobody's fault. */
static void forgive(uint64_t late_ms)
{
    for (unsigned s = 0; s < CONN_STATES; s++) {
        for (struct conn *c = http_state.lists[s].first; c; c = c->next) c->since += late_ms;
    }
}

static void on_tick(struct timer *tick)
{
    uint64_t since = uv_now(loop) - server.ticked;

    (void)tick;
    server.ticked += since;
    if (since > TICK_MS + LATE_MS) {
        forgive(since - TICK_MS);
        return;
    }
    bool grace_over = http_state.draining && uv_now(loop) - server.drain_began >= DRAIN_GRACE_MS;
    close_older(CONN_FRESH, grace_over ? 0 : http_settings.header_ms);
    close_older(CONN_IDLE, grace_over ? 0 : http_settings.keepalive_ms);
    close_older(CONN_LINGER, LINGER_MS);
    expire_arriving();
    expire_writing();
    expire_reserve();
}

/* --- the beginning --- */

/* As many descriptors as the system lets us have, less those of others. */
static unsigned connections_default(void)
{
    struct rlimit limit;

    must(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) must(getrlimit(RLIMIT_NOFILE, &limit) == 0);

    rlim_t all = limit.rlim_cur;
    rlim_t others = all / 2 < OTHERS ? all / 2 : OTHERS;
    rlim_t ours = all - others > RESERVE ? all - others - RESERVE : 1;
    return ours < CONNECTIONS_MOST ? (unsigned)ours : CONNECTIONS_MOST;
}

static void settings_fill(const struct http_config *given)
{
    struct http_config *s = &http_settings;

    *s = *given;
    if (s->connections_max == 0) s->connections_max = connections_default();
    if (s->requests_max == 0) s->requests_max = REQUESTS_MAX;
    if (s->header_ms == 0) s->header_ms = 10000;
    if (s->request_ms == 0) s->request_ms = 30000;
    if (s->keepalive_ms == 0) s->keepalive_ms = 75000;
    if (s->handler_ms == 0) s->handler_ms = 30000;
    if (s->write_ms == 0) s->write_ms = 30000;
    if (s->request_line_max == 0) s->request_line_max = 8192;
    if (s->headers_max == 0) s->headers_max = 16384;
    if (s->body_max == 0) s->body_max = 65536;
}

static int socket_open(const struct addrinfo *at)
{
    const int yes = 1, no = 0;
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (at->ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
    if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) return fd;

    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int socket_listen(const char *host, int port)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *found;
    char service[16];

    snprintf(service, sizeof service, "%d", port);
    int failed = getaddrinfo(host, service, &hints, &found);
    if (failed != 0) {
        log_critical(LOG_NONE, "http.listen_failed", KV("host", host), KV("port", port),
                     KV("reason", gai_strerror(failed)));
        return -1;
    }
    int fd = socket_open(found);
    if (fd < 0) {
        log_critical(LOG_NONE, "http.listen_failed", KV("host", host), KV("port", port),
                     KV("reason", strerror(errno)));
    }
    freeaddrinfo(found);
    return fd;
}

static int socket_port(int fd)
{
    struct sockaddr_storage bound = { 0 };
    socklen_t len = sizeof bound;

    must(getsockname(fd, (struct sockaddr *)&bound, &len) == 0);
    return ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                             : ((struct sockaddr_in *)&bound)->sin_port);
}

enum err http_listen(const struct http_config *config)
{
    must(!server.open);
    settings_fill(config);
    signal(SIGPIPE, SIG_IGN); /* a client that has gone is an error of write */
    server.fd = socket_listen(config->host, config->port);
    if (server.fd < 0) return E_INTERNAL;

    server.open = true;
    server.port = socket_port(server.fd);
    server.spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    server.ticked = uv_now(loop);
    must(uv_poll_init(loop, &server.poll, server.fd) == 0);
    must(uv_poll_start(&server.poll, UV_READABLE, on_acceptable) == 0);
    timer_init(&server.tick, on_tick);
    timer_start(&server.tick, TICK_MS, TICK_MS);
    server.flush.flush = on_flush;
    loop_on_flush(&server.flush);
    return OK;
}

int http_port(void)
{
    return server.port;
}

static void on_poll_closed(uv_handle_t *handle)
{
    (void)handle;
    end_if_empty();
}

void http_drain(void (*done)(void))
{
    server.drained = done;
    if (!server.open && done) done();
    if (!server.open || http_state.draining) return;

    http_state.draining = true;
    server.drain_began = uv_now(loop);
    uv_close((uv_handle_t *)&server.poll, on_poll_closed);
    while (accept_one()) continue; /* whom the kernel has let in is served */
    close(server.fd);
}

void http_abort(void)
{
    if (!http_state.draining) http_drain(server.drained);
    for (unsigned s = 0; s < CONN_STATES; s++) {
        while (http_state.lists[s].first) conn_close(http_state.lists[s].first);
    }
}

bool http_draining(void)
{
    return http_state.draining;
}

unsigned http_connections(void)
{
    return http_state.open;
}

unsigned http_requests(void)
{
    return http_state.requests;
}
