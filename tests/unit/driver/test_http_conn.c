/* Connections: kept, pipelined, slow, half-closed, too many, drained. */
#include "http_fixture.h"

#include <fcntl.h>
#include <sys/resource.h>

/* Deadlines short enough to wait for. */
static void quick_start(void)
{
    fixture.header_ms = 600;
    fixture.request_ms = 1500;
    fixture.keepalive_ms = 600;
    fixture.handler_ms = 30000;
    fixture.write_ms = 600;
    server_start();
}

TestSuite(http_conn, .init = quick_start, .fini = server_stop, .timeout = 60);

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define GET_LAST(path) "GET " path " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

static struct heard hear_all(int fd)
{
    struct heard h = hear(fd, HEAR_MS);

    close(fd);
    return h;
}

/* What the first answer to these bytes is; bodies and heads outlive the test. */
static struct answer ask(struct str bytes, bool head_only)
{
    int fd = dial();
    struct answer a = { 0 };

    say(fd, bytes, 0);
    struct heard h = hear_all(fd);
    struct str rest = { h.bytes, h.len };
    cr_assert(answer_next(&rest, head_only, &a));
    return a;
}

/* H-051 */
Test(http_conn, a_hundred_pipelined_requests_are_answered_in_order)
{
    char bytes[16384] = "";
    size_t len = 0;
    struct answer a;

    for (int i = 0; i < 100; i++) {
        len += (size_t)sprintf(bytes + len,
                               "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n%s\r\n%03d",
                               i == 99 ? "Connection: close\r\n" : "", i);
    }
    int fd = dial();
    say(fd, str_span(bytes, len), 0);
    struct heard h = hear_all(fd);
    struct str rest = { h.bytes, h.len };
    for (int i = 0; i < 100; i++) {
        char expect[4];

        snprintf(expect, sizeof expect, "%03d", i);
        cr_assert(answer_next(&rest, false, &a), "answer %d", i);
        cr_expect(str_eq(a.body, str_of(expect)), "answer %d", i);
    }
    cr_expect(h.closed && rest.len == 0);
}

/* H-053 */
Test(http_conn, a_slow_request_holds_up_only_its_own_connection)
{
    int fd = dial();

    say(fd, STR(GET("/slow")), 0);
    for (int i = 0; i < 49; i++) say(fd, STR(GET("/hello")), 0);
    say(fd, STR(GET_LAST("/empty")), 0);

    uint64_t began = mono_ms();
    expect_canary();
    cr_expect(mono_ms() - began < 400);

    struct heard h = hear_all(fd);
    cr_expect(str_starts(str_span(h.bytes, h.len), STR("HTTP/1.1 200 OK\r\n")));
    const char *slow = strstr(h.bytes, "\r\n\r\nslow"), *hello = strstr(h.bytes, "\r\n\r\nhello");
    cr_expect(slow && hello && slow < hello);
    cr_expect(h.closed && strstr(h.bytes, "HTTP/1.1 204"));
}

Test(http_conn, pipelining_beyond_what_is_held_loses_nothing)
{
    static char bytes[300000];
    size_t len = 0, count = 0;

    len += (size_t)sprintf(bytes, GET("/slow"));
    while (len < sizeof bytes - 200) {
        len += (size_t)sprintf(bytes + len, GET("/empty"));
        count++;
    }
    len += (size_t)sprintf(bytes + len, GET_LAST("/empty"));
    int fd = dial();
    say(fd, str_span(bytes, len), 0);
    struct heard h = hear_all(fd);
    struct str rest = { h.bytes, h.len };
    struct answer a;
    size_t answers = 0;
    while (answer_next(&rest, false, &a)) answers++;
    cr_expect(answers == count + 2, "%zu of %zu", answers, count + 2);
    cr_expect(h.closed && rest.len == 0);
}

/* H-019: nothing happens, and nobody is left behind. */
Test(http_conn, a_body_that_is_cut_off_has_no_effect)
{
    static const char *const cut[] = {
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\n",
    };
    const struct linger at_once = { .l_onoff = 1 };

    for (size_t i = 0; i < 2 * COUNT(cut); i++) {
        int fd = dial();
        struct heard h = { 0 };

        say(fd, str_of(cut[i / 2]), 0);
        if (i % 2 == 0) {
            shutdown(fd, SHUT_WR);
            h = hear_all(fd);
            cr_expect(h.len == 0 && h.closed);
        } else { /* RST */
            usleep(20000);
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
            close(fd);
        }
    }
    expect_canary();
    cr_expect(handled == 0);
}

/* H-048 */
Test(http_conn, who_closes_half_gets_the_full_answer)
{
    static const struct {
        const char *bytes, *expect;
    } rows[] = {
        { GET("/hello"), "200" },
        { GET("/slow"), "200" },
        { GET("/slow") GET("/hello"), "200 200" },
        { "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab", "200" },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        int fd = dial();

        say(fd, str_of(rows[i].bytes), 0);
        shutdown(fd, SHUT_WR);
        struct heard h = hear_all(fd);
        cr_expect_str_eq(statuses(&h, false), rows[i].expect);
    }
}

Test(http_conn, a_handler_learns_that_its_client_has_gone)
{
    const struct linger at_once = { .l_onoff = 1 };
    int reset = dial(), gone = dial();

    say(reset, STR(GET("/slow")), 0);
    say(gone, STR(GET("/slow")), 0);
    usleep(150000);
    setsockopt(reset, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(reset);
    close(gone);
    for (int i = 0; i < 100 && abandoned < 2; i++) usleep(10000);
    cr_expect(abandoned == 2, "%d", abandoned);
    expect_canary();
}

/* H-043, H-046 */
Test(http_conn, a_header_section_has_an_absolute_deadline)
{
    int silent = dial(), started = dial(), trickle = dial();
    uint64_t began = mono_ms();

    say(started, STR("GET /hello HTTP/1.1\r\n"), 0);
    for (int i = 0; i < 8; i++) {
        say(trickle, str_span(&"GET /hel"[i], 1), 0);
        usleep(100000);
    }
    struct heard h = hear_all(trickle);
    cr_expect_str_eq(statuses(&h, false), "408");
    h = hear_all(started);
    cr_expect_str_eq(statuses(&h, false), "408");
    h = hear_all(silent);
    cr_expect(h.len == 0 && h.closed);
    cr_expect(mono_ms() - began < 5000);
}

/* H-044, H-050 */
Test(http_conn, so_has_the_whole_request)
{
    int fd = dial();
    uint64_t began = mono_ms();

    say(fd, STR("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 999\r\n\r\n"), 0);
    for (int i = 0; i < 10; i++) {
        say(fd, STR("b"), 0);
        usleep(100000);
    }
    struct heard h = hear_all(fd);
    cr_expect_str_eq(statuses(&h, false), "408");
    uint64_t took = mono_ms() - began;
    cr_expect(took >= 1400 && took < 5000, "%lu", took);
    cr_expect(handled == 0);
}

/* H-047 */
Test(http_conn, an_idle_connection_is_closed_after_a_while)
{
    int fd = dial();

    say(fd, STR(GET("/hello")), 0);
    struct heard h = hear_all(fd);
    cr_expect_str_eq(statuses(&h, false), "200");
    cr_expect(h.closed && h.ms >= 500 && h.ms < 4000, "%lu", h.ms);
}

Test(http_conn, a_client_that_does_not_read_is_cut_off)
{
    const int small = 4096;
    int fd = dial();
    uint64_t began = mono_ms();

    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    for (int i = 0; i < 5; i++) say(fd, STR(GET("/big")), 0); /* more than kernels buffer */
    usleep(100000);
    cr_expect(http_connections() == 1);
    while (http_connections() > 0 && mono_ms() - began < 10000) usleep(10000);
    cr_expect(http_connections() == 0);
    cr_expect(handled < 5, "%d", handled);
    expect_canary();
    close(fd);
}

Test(http_conn, what_was_pipelined_behind_a_big_answer_waits_for_it)
{
    int fd = dial();

    say(fd, STR(GET("/big") GET("/big") GET_LAST("/hello")), 0);
    struct heard h = hear_all(fd);
    cr_expect_str_eq(statuses(&h, false), "200 200 200");
}

/* RFC 9110 10.1.1 */
Test(http_conn, a_body_is_asked_for_when_the_client_waits_for_that)
{
    int fd = dial();

    say(fd,
        STR("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n"
            "Connection: close\r\n\r\n"),
        0);
    struct heard h = hear(fd, 200);
    cr_expect_str_eq(h.bytes, "HTTP/1.1 100 Continue\r\n\r\n");
    say(fd, STR("ab"), 0);
    h = hear_all(fd);
    cr_expect_str_eq(statuses(&h, false), "200");

    /* The body is there already: no need to ask. */
    struct answer a = ask(STR("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n"
                              "Connection: close\r\nContent-Length: 2\r\n\r\nab"),
                          false);
    cr_expect(a.status == 200 && str_eq(a.body, STR("ab")));
    /* HTTP/1.0 does not know it. */
    a = ask(STR("POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n"), false);
    cr_expect(a.status == 200);
}

/* H-070 */
Test(http_conn, head_says_what_get_would)
{
    static const char *const paths[] = { "/hello", "/health/live", "/empty", "/fail", "/no" };

    for (size_t i = 0; i < COUNT(paths); i++) {
        char get[256], head[256];

        snprintf(get, sizeof get, "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                 paths[i]);
        snprintf(head, sizeof head, "HEAD %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                 paths[i]);
        struct answer g = ask(str_of(get), false), h = ask(str_of(head), true);
        cr_expect(g.status == h.status && h.body.len == 0, "%s", paths[i]);
        cr_expect(g.head.len == h.head.len, "%s", paths[i]);
    }
    cr_expect_str_eq(talk(STR("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n" GET_LAST("/empty")), 0),
                     "200?"); /* HEAD's Content-Length, then the 204: nothing between */
    struct answer a = ask(STR("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n" GET_LAST("/empty")), true);
    cr_expect(a.status == 200);
}

Test(http_conn, errors_have_the_documented_shape)
{
    struct answer a = ask(STR("GET /fail HTTP/1.1\r\nHost: a\r\nX-Request-ID: me-1\r\n"
                              "Connection: close\r\n\r\n"),
                          false);

    cr_expect(a.status == 422);
    cr_expect(holds(a.head, "\r\nContent-Type: application/json; charset=utf-8\r\n"));
    cr_expect(holds(a.head, "\r\nX-Request-ID: me-1\r\n"));
    cr_expect(holds(a.body, "\"request_id\":\"me-1\""));
    cr_expect(holds(a.body, "\"error\":\"validation_failed\""));
    cr_expect(holds(a.body, "\"details\":[{\"field\":\"email\",\"code\":\"invalid_format\","
                            "\"message\":\"Not an address.\"}]"));
    a = ask(STR(GET_LAST("/no")), false);
    cr_expect(!holds(a.body, "details"));
    cr_expect(holds(a.head, "\r\nCache-Control: no-store\r\n"));

    /* RFC 6750 3.1: a code only when there was a token. */
    a = ask(STR("POST /private HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), false);
    cr_expect(holds(a.head, "\r\nWWW-Authenticate: Bearer realm=\"postern\"\r\n"));
    a = ask(STR(GET_LAST("/expired")), false);
    cr_expect(holds(a.head, "Bearer realm=\"postern\", error=\"invalid_token\"\r\n"));
}

/* P-012 */
Test(http_conn, a_request_id_is_taken_when_it_is_sane)
{
    static const struct {
        const char *id;
        bool taken;
    } rows[] = {
        { "a", true },
        { "A-Z_0.9", true },
        { "1234567890123456789012345678901234567890123456789012345678901234", true },
        { "12345678901234567890123456789012345678901234567890123456789012345", false },
        { "", false },
        { "a b", false },
        { "a;b", false },
        { "a\"b", false },
        { "caf\xc3\xa9", false },
        { "a\r\nX-Request-ID: b", false }, /* two of them */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char bytes[256], line[128];

        snprintf(bytes, sizeof bytes,
                 "GET /hello HTTP/1.1\r\nHost: a\r\nX-Request-ID: %s\r\nConnection: close\r\n\r\n",
                 rows[i].id);
        snprintf(line, sizeof line, "\r\nX-Request-ID: %s\r\n", rows[i].id);
        struct answer a = ask(str_of(bytes), false);
        cr_expect(a.status == 200);
        cr_expect(holds(a.head, line) == rows[i].taken, "%s", rows[i].id);
    }
    struct answer a = ask(STR(GET_LAST("/hello")), false), b = ask(STR(GET_LAST("/hello")), false);
    const char *id = memmem(a.head.at, a.head.len, "X-Request-ID: ", 14);
    char own[31] = "";
    memcpy(own, id, 30);
    cr_expect(!holds(b.head, own));
}

Test(http_conn, a_user_agent_is_made_printable)
{
    struct answer a = ask(STR("GET /hello HTTP/1.1\r\nHost: a\r\nUser-Agent: caf\xe9\t1\r\n"
                              "Connection: close\r\n\r\n"),
                          false);
    cr_expect(holds(a.head, "\r\nX-Agent: caf??1\r\n"));
}

TestSuite(http_drain, .init = quick_start, .fini = server_join, .timeout = 60);

/* */
Test(http_drain, draining_finishes_what_has_begun)
{
    int running = dial(), waiting = dial(), idle = dial(), fresh = dial();

    say(idle, STR(GET("/hello")), 0);
    struct heard first = hear(idle, 100);
    cr_expect_str_eq(statuses(&first, false), "200+");
    say(running, STR(GET("/slow") GET("/hello")), 0);
    say(waiting, STR("GET /hello HTTP/1.1\r\n"), 0);
    usleep(50000);
    server_drain();
    usleep(50000);
    say(fresh, STR(GET("/hello")), 0);
    say(waiting, STR("Host: a\r\n\r\n"), 0);

    struct heard h = hear_all(fresh); /* accepted, and its request raced */
    cr_expect_str_eq(statuses(&h, false), "200");
    cr_expect(strstr(h.bytes, "\r\nConnection: close\r\n"));
    h = hear_all(waiting);
    cr_expect_str_eq(statuses(&h, false), "200");
    h = hear_all(running);
    cr_expect_str_eq(statuses(&h, false), "200");
    cr_expect(strstr(h.bytes, "\r\nConnection: close\r\n"));
    h = hear_all(idle);
    cr_expect(h.len == 0 && h.closed);
}

/* --- limits of memory --- */

TestSuite(http_many, .init = server_start, .fini = server_stop, .timeout = 120);

#define MANY 1200 /* times 64 KiB is more than unfinished requests may hold */

Test(http_many, unfinished_bodies_hold_a_bounded_memory)
{
    static const char head[] = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n";
    static char body[65535];
    static int fds[MANY];

    memset(body, 'b', sizeof body);
    for (int i = 0; i < MANY; i++) {
        fds[i] = dial();
        say(fds[i], str_of(head), 0);
        say(fds[i], str_span(body, sizeof body), 0);
    }
    struct heard h = hear(fds[0], HEAR_MS); /* the oldest gave way */
    cr_expect_str_eq(statuses(&h, false), "503");
    say(fds[MANY - 1], STR("b" GET_LAST("/empty")), 0); /* the newest is served */
    h = hear(fds[MANY - 1], HEAR_MS);
    cr_expect_str_eq(statuses(&h, false), "200 204");
    for (int i = 0; i < MANY; i++) close(fds[i]);
    expect_canary();
}

/* --- limits of connections --- */

static void few_start(void)
{
    fixture.connections_max = 8;
    fixture.requests_max = 2;
    quick_start();
}

TestSuite(http_few, .init = few_start, .fini = server_stop, .timeout = 60);

/* H-074 */
Test(http_few, a_probe_is_answered_when_every_place_is_taken)
{
    int silent[200];

    for (size_t i = 0; i < COUNT(silent); i++) {
        silent[i] = dial();
        if (i % 10 == 9) {
            uint64_t began = mono_ms();
            expect_canary();
            cr_expect(mono_ms() - began < 500);
        }
    }
    cr_expect(http_connections() <= 8 + 16, "%u", http_connections());
    cr_expect_str_eq(talk(STR(GET_LAST("/hello")), 0), "503");
    for (size_t i = 0; i < COUNT(silent); i++) close(silent[i]);
    for (int i = 0; i < 100 && http_connections() > 0; i++) usleep(10000);
    cr_expect_str_eq(talk(STR(GET_LAST("/hello")), 0), "200");
}

Test(http_few, beyond_the_requests_in_flight_is_503_at_once)
{
    int slow[2] = { dial(), dial() };

    say(slow[0], STR(GET("/slow")), 0);
    say(slow[1], STR(GET("/slow")), 0);
    usleep(50000);
    uint64_t began = mono_ms();
    struct answer a = ask(STR(GET_LAST("/slow")), false);
    cr_expect(a.status == 503 && mono_ms() - began < 400);
    cr_expect(holds(a.body, "\"error\":\"overloaded\""));
    expect_canary();
    struct heard h = hear_all(slow[0]);
    cr_expect_str_eq(statuses(&h, false), "200");
    close(slow[1]);
}

/* --- descriptors --- */

static void poor_start(void)
{
    const struct rlimit limit = { 64, 64 };

    setrlimit(RLIMIT_NOFILE, &limit);
    fixture.header_ms = 600;
    server_start();
}

TestSuite(http_poor, .init = poor_start, .fini = server_stop, .timeout = 60);

static uint64_t cpu_ms(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
           (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000;
}

/* client and server share the 64 descriptors, so they do run out. */
Test(http_poor, running_out_of_descriptors_does_not_spin_and_heals)
{
    int silent[64], count = 0, fd;
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)http_port()) };

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    while (count < 64 && (fd = socket(AF_INET, SOCK_STREAM, 0)) >= 0) {
        cr_assert(connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
        silent[count++] = fd;
        usleep(1000);
    }
    uint64_t cpu = cpu_ms();
    usleep(400000);
    cr_expect(cpu_ms() - cpu < 150, "%lu", cpu_ms() - cpu);
    while (count > 0) close(silent[--count]);
    usleep(100000);
    expect_canary();
}
