/* load.c - asks one server on this machine the same thing again and again, and
 * keeps time.
 *
 *     load [options] PORT
 *       -c N     connections, kept alive (64)
 *       -t S     seconds that count (3), after -w S that do not (0.3)
 *       -r N     N requests a second; without it each connection asks again
 *                as soon as it has its answer
 *       -g PATH  what is asked for (/health/live)
 *       -b TOKEN the bearer token sent along
 *       -d JSON  a body: POST instead of GET
 *       -f       the body logs in: each connection does, then keeps refreshing
 *                with the refresh token of its last answer
 *       -i       each connection asks once and is then left idle for -t S
 *
 * "begun" on stdout says that all connections are there; the result is JSON.
 * With -r the requests have a schedule that does not wait for answers, and a
 * request's time begins when it was due, so that a server that stalls cannot
 * hide behind a client that stalls with it.
 *
 * One thread. An answer is understood as far as our own servers need it:
 * status, Content-Length, refresh_token. */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

enum { CONNECTIONS_MAX = 20000, SECONDS_MAX = 300, RATE_MAX = 200000 };
enum { REQUEST_MAX = 4096, ANSWER_MAX = 8192, OPENING_MAX = 128, LOGINS_MAX = 2, STATUSES_MAX = 8 };
enum { BUCKETS = 64 + 58 * 32 };

#define NS_PER_S 1000000000
#define LATE_NS (2LL * NS_PER_S) /* for the last answers to come */
#define STUCK_MS 60000           /* for opening and logging in */

struct client {
    uv_tcp_t tcp;
    uv_connect_t connect;
    struct client *next_free;
    bool asked;     /* an answer is on its way */
    int64_t due_ns; /* when that request was to be sent */
    char *request;  /* the common one, or owned once it refreshes */
    size_t request_len;
    size_t got; /* bytes of the answer */
    char answer[ANSWER_MAX];
};

/* Nanoseconds in buckets that are 1/32 of their value wide or narrower. */
struct tally {
    int status;
    uint64_t count, max, buckets[BUCKETS];
};

static struct {
    int port;
    unsigned connections;
    double seconds, warm_s, rate;
    const char *path, *token, *body;
    bool refresh, idle;
} options = { .connections = 64, .seconds = 3, .warm_s = 0.3, .path = "/health/live" };

static enum { OPENING, RUNNING, ENDING } phase;
static struct client *clients, *free_clients;
static unsigned started, opened, waiting; /* clients; the last with `asked` */
static int64_t begin_ns, count_ns, end_ns;
static uint64_t sent, answered, broken;
static struct tally tallies[STATUSES_MAX];
static uv_timer_t alarm_timer;
static uv_poll_t schedule;
static int schedule_fd;
static double cpu_before_s;

_Noreturn static void fail(const char *what)
{
    fprintf(stderr, "load: %s\n", what);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static double cpu_s(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* --- tallies --- */

static unsigned bucket_of(uint64_t ns)
{
    if (ns < 64) return (unsigned)ns;
    unsigned shift = 58 - (unsigned)__builtin_clzll(ns);
    return shift * 32 + (unsigned)(ns >> shift);
}

/* The highest value that belongs there. */
static uint64_t bucket_top(unsigned bucket)
{
    if (bucket < 64) return bucket;
    return ((uint64_t)(bucket % 32 + 33) << (bucket / 32 - 1)) - 1;
}

static void tally_add(int status, int64_t took_ns)
{
    struct tally *t = tallies;

    while (t->status != 0 && t->status != status)
        if (++t == tallies + STATUSES_MAX) fail("too many different statuses");
    uint64_t ns = took_ns > 0 ? (uint64_t)took_ns : 0;
    t->status = status;
    t->count++;
    t->buckets[bucket_of(ns)]++;
    if (ns > t->max) t->max = ns;
}

static double percentile_ms(const struct tally *t, double share)
{
    uint64_t wanted = (uint64_t)((double)t->count * share), seen = 0;

    for (unsigned i = 0; i < BUCKETS; i++) {
        seen += t->buckets[i];
        if (seen > wanted) return (double)(bucket_top(i) < t->max ? bucket_top(i) : t->max) / 1e6;
    }
    return (double)t->max / 1e6;
}

_Noreturn static void report(void)
{
    printf("{\"seconds\": %.3f, \"answers\": %llu, \"per_s\": %.1f, \"broken\": %llu,"
           " \"unanswered\": %u, \"client_cpu_s\": %.3f, \"status\": {",
           options.seconds, (unsigned long long)answered, (double)answered / options.seconds,
           (unsigned long long)broken, waiting, cpu_s() - cpu_before_s);
    for (const struct tally *t = tallies; t < tallies + STATUSES_MAX && t->status; t++)
        printf("%s\n  \"%d\": {\"count\": %llu, \"p50_ms\": %.3f, \"p90_ms\": %.3f,"
               " \"p99_ms\": %.3f, \"p999_ms\": %.3f, \"max_ms\": %.3f}",
               t == tallies ? "" : ",", t->status, (unsigned long long)t->count,
               percentile_ms(t, 0.5), percentile_ms(t, 0.9), percentile_ms(t, 0.99),
               percentile_ms(t, 0.999), (double)t->max / 1e6);
    printf("}}\n");
    exit(0);
}

/* --- requests --- */

static size_t request_write(char to[static REQUEST_MAX], const char *path, const char *body)
{
    const char *token = options.token;
    int len =
        snprintf(to, REQUEST_MAX, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s%s%s",
                 body ? "POST" : "GET", path, options.port, token ? "Authorization: Bearer " : "",
                 token ? token : "", token ? "\r\n" : "");

    if (body && len < REQUEST_MAX)
        len += snprintf(to + len, REQUEST_MAX - (size_t)len,
                        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                        strlen(body), body);
    else if (len < REQUEST_MAX)
        len += snprintf(to + len, REQUEST_MAX - (size_t)len, "\r\n");
    if (len >= REQUEST_MAX) fail("a request is too long");
    return (size_t)len;
}

static void client_ask(struct client *c, int64_t due_ns)
{
    uv_buf_t buf = uv_buf_init(c->request, (unsigned)c->request_len);

    c->asked = true;
    c->due_ns = due_ns;
    c->got = 0;
    waiting++;
    /* A short write or an error: the server is closing, and on_read hears of it. */
    (void)uv_try_write((uv_stream_t *)&c->tcp, &buf, 1);
}

/* The next request refreshes with what the last answer gave. */
static void refresh_prepare(struct client *c)
{
    static const char member[] = "\"refresh_token\":\"";
    char body[1024];
    const char *at = memmem(c->answer, c->got, member, sizeof member - 1);

    if (!at) fail("an answer without a refresh token");
    at += sizeof member - 1;
    const char *end = memchr(at, '"', (size_t)(c->answer + c->got - at));
    int len = snprintf(body, sizeof body, "{\"refresh_token\":\"%.*s\"}", (int)(end - at), at);
    if (!end || len >= (int)sizeof body) fail("no such refresh token");
    if (phase == OPENING) c->request = malloc(REQUEST_MAX);
    if (!c->request) abort();
    c->request_len = request_write(c->request, "/api/v1/auth/refresh", body);
}

/* --- the schedule --- */

static int64_t due(uint64_t request)
{
    return begin_ns + (int64_t)((double)request * NS_PER_S / options.rate);
}

/* Sends what is due while somebody is free to, and sets the clock for the next. */
static void schedule_pump(void)
{
    int64_t now = now_ns();

    while (free_clients && phase == RUNNING && due(sent) <= now) {
        struct client *c = free_clients;
        free_clients = c->next_free;
        client_ask(c, due(sent++));
    }
    if (!free_clients || phase != RUNNING) return;
    int64_t next = due(sent);
    struct itimerspec at = { .it_value = { next / NS_PER_S, next % NS_PER_S } };
    if (timerfd_settime(schedule_fd, TFD_TIMER_ABSTIME, &at, NULL) != 0) abort();
}

static void on_schedule(uv_poll_t *poll, int status, int events)
{
    uint64_t times;

    (void)poll, (void)status, (void)events;
    if (read(schedule_fd, &times, sizeof times) == sizeof times) schedule_pump();
}

/* --- phases --- */

static void on_late(uv_timer_t *timer)
{
    (void)timer;
    report();
}

static void on_end(uv_timer_t *timer)
{
    phase = ENDING;
    if (waiting == 0) report();
    uv_timer_start(timer, on_late, LATE_NS / 1000000, 0);
}

static void on_stuck(uv_timer_t *timer)
{
    (void)timer;
    fail("the server does not answer");
}

static void run_begin(void)
{
    uint64_t ms = (uint64_t)((options.warm_s + options.seconds) * 1000);

    phase = RUNNING;
    cpu_before_s = cpu_s();
    begin_ns = now_ns();
    count_ns = begin_ns + (int64_t)(options.warm_s * NS_PER_S);
    end_ns = count_ns + (int64_t)(options.seconds * NS_PER_S);
    uv_timer_start(&alarm_timer, on_end, ms, 0);
    printf("begun\n");
    fflush(stdout);
    if (options.idle) return;
    for (unsigned i = 0; i < options.connections; i++) {
        clients[i].next_free = free_clients;
        free_clients = &clients[i];
        if (options.rate == 0) client_ask(&clients[i], begin_ns);
    }
    if (options.rate > 0) schedule_pump();
}

static void clients_start(void);

static void client_opened(void)
{
    opened++;
    clients_start();
    if (opened == options.connections) run_begin();
}

static void on_answer(struct client *c, int status)
{
    int64_t now = now_ns();

    c->asked = false;
    waiting--;
    if (phase == OPENING && status != 200) fail("the first request is refused");
    if (options.refresh && status == 200) refresh_prepare(c);
    if (phase == OPENING) {
        client_opened();
        return;
    }
    answered += now >= count_ns && now < end_ns;
    if (c->due_ns >= count_ns) tally_add(status, now - c->due_ns);
    if (phase == ENDING && waiting == 0) report();
    if (phase == ENDING) return;
    if (options.rate == 0) {
        client_ask(c, now);
        return;
    }
    c->next_free = free_clients;
    free_clients = c;
    schedule_pump();
}

/* --- connections --- */

static void client_open(struct client *c);

static void on_closed(uv_handle_t *handle)
{
    client_open((struct client *)handle);
}

/* Only a connection that has something to do is missed. */
static void client_lost(struct client *c)
{
    if (phase != RUNNING && phase != ENDING) fail("the server closes connections");
    broken++;
    if (c->asked) waiting--;
    c->asked = false;
    for (struct client **at = &free_clients; *at; at = &(*at)->next_free)
        if (*at == c) {
            *at = c->next_free;
            break;
        }
    if (phase == RUNNING && !options.idle)
        uv_close((uv_handle_t *)&c->tcp, on_closed);
    else
        uv_read_stop((uv_stream_t *)&c->tcp);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct client *c = (struct client *)handle;

    (void)suggested;
    *buf = uv_buf_init(c->answer + c->got, (unsigned)(ANSWER_MAX - c->got));
}

/* Is all of it there? Its status, or 0. */
static int answer_status(const struct client *c)
{
    static const char member[] = "Content-Length: ";
    const char *end = memmem(c->answer, c->got, "\r\n\r\n", 4);

    if (!end) return 0;
    const char *length = memmem(c->answer, (size_t)(end - c->answer), member, sizeof member - 1);
    size_t body = length ? strtoul(length + sizeof member - 1, NULL, 10) : 0;
    return c->got < (size_t)(end + 4 - c->answer) + body ? 0 : atoi(c->answer + 9);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct client *c = (struct client *)stream;

    (void)buf;
    if (got == 0) return;
    if (got < 0 || !c->asked) {
        client_lost(c);
        return;
    }
    c->got += (size_t)got;
    int status = answer_status(c);
    if (status != 0) on_answer(c, status);
}

static bool asks_first(void)
{
    return options.idle || options.refresh;
}

static void on_connect(uv_connect_t *connect, int status)
{
    struct client *c = connect->data;

    if (status != 0) fail("no connection to the server");
    uv_tcp_nodelay(&c->tcp, 1);
    uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
    if (phase == OPENING && asks_first())
        client_ask(c, now_ns());
    else if (phase == OPENING)
        client_opened();
    else if (options.rate == 0)
        client_ask(c, now_ns());
    else {
        c->next_free = free_clients;
        free_clients = c;
        schedule_pump();
    }
}

static void client_open(struct client *c)
{
    struct sockaddr_in at;

    uv_ip4_addr("127.0.0.1", options.port, &at);
    uv_tcp_init(uv_default_loop(), &c->tcp);
    c->connect.data = c;
    if (uv_tcp_connect(&c->connect, &c->tcp, (struct sockaddr *)&at, on_connect) != 0)
        fail("no more connections (ulimit -n)");
}

/* A few at a time: a listener's backlog is short, and the lane for passwords
 * shorter. */
static void clients_start(void)
{
    unsigned most = options.refresh ? LOGINS_MAX : OPENING_MAX;

    while (started < options.connections && started - opened < most)
        client_open(&clients[started++]);
}

/* --- the beginning --- */

static bool options_read(int argc, char **argv)
{
    for (int o; (o = getopt(argc, argv, "c:t:w:r:g:b:d:fi")) != -1;) switch (o) {
        case 'c': options.connections = (unsigned)atoi(optarg); break;
        case 't': options.seconds = atof(optarg); break;
        case 'w': options.warm_s = atof(optarg); break;
        case 'r': options.rate = atof(optarg); break;
        case 'g': options.path = optarg; break;
        case 'b': options.token = optarg; break;
        case 'd': options.body = optarg; break;
        case 'f': options.refresh = true; break;
        case 'i': options.idle = true; break;
        default: return false;
        }
    if (optind != argc - 1) return false;
    options.port = atoi(argv[optind]);
    return options.connections >= 1 && options.connections <= CONNECTIONS_MAX &&
           options.seconds > 0 && options.seconds <= SECONDS_MAX && options.warm_s >= 0 &&
           options.warm_s <= SECONDS_MAX && options.rate >= 0 && options.rate <= RATE_MAX;
}

int main(int argc, char **argv)
{
    static char request[REQUEST_MAX];

    if (!options_read(argc, argv)) {
        fputs("usage: load [-c N] [-t S] [-w S] [-r N] [-g PATH] [-b TOKEN] [-d JSON] [-f] [-i]"
              " PORT\n",
              stderr);
        return 2;
    }
    clients = calloc(options.connections, sizeof *clients);
    if (!clients) abort();
    size_t len = request_write(request, options.path, options.body);
    for (unsigned i = 0; i < options.connections; i++) {
        clients[i].request = request;
        clients[i].request_len = len;
    }
    schedule_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    uv_poll_init(uv_default_loop(), &schedule, schedule_fd);
    uv_poll_start(&schedule, UV_READABLE, on_schedule);
    uv_timer_init(uv_default_loop(), &alarm_timer);
    uv_timer_start(&alarm_timer, on_stuck, STUCK_MS, 0);
    clients_start();
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
