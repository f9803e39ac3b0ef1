/* What is logged is read back from a pipe or a file that stands for stderr. */
#include "base/log.h"

#include "base/attr.h"
#include "base/clock.h"
#include "base/json_view.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int from_log;
static char said[1 << 20];

/* Stderr becomes a pipe whose other end is `from_log`. */
static void set_up(void)
{
    int ends[2];

    cr_assert(pipe2(ends, O_CLOEXEC) == 0);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    from_log = ends[0];
    signal(SIGPIPE, SIG_IGN);
    log_set_format(true);
}

TestSuite(log, .init = set_up, .timeout = 60);

/* All that comes until nothing does for `quiet_ms`, as a C string in `said`. */
static const char *hear(int quiet_ms)
{
    struct pollfd in = { .fd = from_log, .events = POLLIN };
    size_t len = 0;

    while (len < sizeof said - 1 && poll(&in, 1, quiet_ms) == 1) {
        ssize_t got = read(from_log, said + len, sizeof said - 1 - len);
        if (got <= 0) break;
        len += (size_t)got;
    }
    said[len] = '\0';
    return said;
}

/* Behind the timestamp and the level, which differ. */
static void expect_line(const char *line)
{
    static const char head[] = "{\"timestamp\":\"2026-11-22T06:47:55.123Z\",\"level\":\"INFO\",";

    cr_assert(strlen(hear(0)) > strlen(head), "%s", said);
    cr_expect(strncmp(said, "{\"timestamp\":\"20", 16) == 0);
    cr_expect_str_eq(said + strlen(head), line);
}

static struct log_context context = { STR_INIT("req-1") };

Test(log, a_line_is_one_json_object)
{
    struct uuid id = { { 0xab } };
    bool done = true; /* the word itself is an int for clang 14 */

    log_info(&context, "login.ok", KV("account", id), KV("n", -7), KV("big", (size_t)7),
             KV("u", 7u), KV("done", done), KV("text", STR("a\"b")), KV("c", "d"),
             KV("none", STR_NONE));
    expect_line("\"event\":\"login.ok\",\"request_id\":\"req-1\",\"logger\":\"login\","
                "\"account\":\"ab000000-0000-0000-0000-000000000000\",\"n\":-7,\"big\":7,\"u\":7,"
                "\"done\":true,\"text\":\"a\\\"b\",\"c\":\"d\",\"none\":null}\n");
    log_info(LOG_NONE, "started");
    expect_line("\"event\":\"started\",\"request_id\":null,\"logger\":\"started\"}\n");
}

Test(log, levels_have_their_names)
{
    log_set_level(LOG_DEBUG);
    log_debug(LOG_NONE, "a");
    cr_expect(strstr(hear(0), "\"level\":\"DEBUG\""));
    log_info(LOG_NONE, "a");
    cr_expect(strstr(hear(0), "\"level\":\"INFO\""));
    log_warn(LOG_NONE, "a");
    cr_expect(strstr(hear(0), "\"level\":\"WARNING\""));
    log_error(LOG_NONE, "a");
    cr_expect(strstr(hear(0), "\"level\":\"ERROR\""));
    log_critical(LOG_NONE, "a");
    cr_expect(strstr(hear(0), "\"level\":\"CRITICAL\""));
}

Test(log, what_is_below_the_level_is_not_even_made)
{
    int made = 0;

    log_set_level(LOG_WARNING);
    log_info(LOG_NONE, "quiet", KV("made", ++made));
    log_warn(LOG_NONE, "loud", KV("made", ++made));
    cr_expect(made == 1);
    cr_expect(strstr(hear(0), "\"event\":\"loud\"") && !strstr(said, "quiet"));
}

Test(log, secrets_and_tokens_are_masked_by_their_type)
{
    struct secret password = { STR("hunter2hunter2") };
    struct token token = { STR("prt_0123456789abcdef") }, short_token = { STR("0123456789") };

    for (int json = 0; json < 2; json++) {
        log_set_format(json);
        log_info(LOG_NONE, "x", KV("p", password), KV("t", token), KV("s", short_token));
        cr_expect_not(strstr(hear(0), "hunter"), "%s", said);
        cr_expect_not(strstr(said, "6789"), "%s", said);
        cr_expect(strstr(said, "prt_012345..."), "%s", said);
        cr_expect(strstr(said, "***"), "%s", said);
    }
}

Test(log, errors_are_named)
{
    enum err e = E_STORE_DOWN, fine = OK;

    log_info(LOG_NONE, "x", KV("e", e), KV("fine", fine));
    cr_expect(strstr(hear(0), "\"e\":\"E_STORE_DOWN\",\"fine\":0}"), "%s", said);
}

Test(log, the_format_for_people_quotes_what_could_mislead)
{
    log_set_format(false);
    log_warn(&context, "login.slow", KV("n", 3), KV("plain", "a/b:c"), KV("blank", "a b"),
             KV("equal", "a=b"), KV("quote", "a\"b"), KV("empty", ""), KV("none", STR_NONE),
             KV("bell", "a\ab"));
    hear(0);
    cr_expect(strncmp(said, "20", 2) == 0 && said[RFC3339_LEN - 1] == 'Z');
    cr_expect_str_eq(said + RFC3339_LEN,
                     " WARNING  login.slow request_id=req-1 n=3 plain=a/b:c blank=\"a b\""
                     " equal=\"a=b\" quote=\"a\\\"b\" empty=\"\" none=null bell=\"a\\u0007b\"\n");
}

/* U6 */
Test(log, no_line_holds_a_raw_control_byte)
{
    char all[256];

    for (int i = 0; i < 256; i++) all[i] = (char)i;
    context.request_id = str_span(all, 128);
    for (int json = 0; json < 2; json++) {
        log_set_format(json);
        log_info(&context, "x", KV("all", str_span(all, sizeof all)), KV("c1", "\xc2\x85\xc2\x9b"));
        hear(0);
        char *end = strchr(said, '\n');
        cr_assert(end && end[1] == '\0', "one line");
        for (char *at = said; at < end; at++)
            cr_assert((unsigned char)*at >= ' ' && *at != 0x7f, "%d", *at);
        cr_expect_not(strstr(said, "\xc2\x85") || strstr(said, "\xc2\x9b"));
    }
}

static void expect_json(const char *line, size_t len)
{
    CLEANUP(arena_done) struct arena a;
    struct json_view view;

    arena_init(&a, 1 << 20);
    cr_assert(json_view_read(&a, str_span(line, len), &view) == OK, "%.*s", (int)len, line);
}

Test(log, what_is_too_long_is_cut_and_still_json)
{
    static char text[5000];

    memset(text, 'x', sizeof text);
    log_info(LOG_NONE, "x", KV("long", str_span(text, sizeof text)), KV("next", 1));
    hear(0);
    cr_expect(strlen(said) < 1300 && strstr(said, "xxx…\",\"next\":1}\n"), "%s", said);
    expect_json(said, strlen(said) - 1);

    for (size_t len = 200; len < 1200; len += 7) {
        struct str s = str_span(text, len);
        log_info(LOG_NONE, "x", KV("a", s), KV("b", s), KV("c", s), KV("d", s), KV("e", s),
                 KV("f", s), KV("g", s), KV("h", s));
        hear(0);
        cr_assert(strlen(said) <= 4096, "%zu", strlen(said));
        expect_json(said, strlen(said) - 1);
    }
    cr_expect(strstr(said, ",\"cut\":true}\n"), "%s", said);

    memset(text, '\x01', sizeof text);
    log_info(LOG_NONE, "x", KV("long", str_span(text, sizeof text)));
    hear(0);
    expect_json(said, strlen(said) - 1);
}

Test(log, the_thread_writes_what_came_before_the_stop)
{
    log_start();
    for (int i = 0; i < 100; i++) log_info(LOG_NONE, "x", KV("i", i));
    log_stop();
    cr_expect(strstr(hear(0), "\"i\":0}\n") && strstr(said, "\"i\":99}\n"));
    log_info(LOG_NONE, "afterwards");
    cr_expect(strstr(hear(0), "afterwards"), "at once again");
    cr_expect(log_dropped() == 0);
}

Test(log, a_line_after_a_long_silence_wakes_the_writer)
{
    log_start();
    for (int i = 0; i < 3; i++) {
        usleep(400000); /* longer than it naps before it sleeps */
        log_info(LOG_NONE, "x", KV("i", i));
        cr_expect(strlen(hear(500)) > 0, "round %d", i);
    }
    log_stop();
}

enum { THREADS = 4, LINES = 2000 };

static void *write_lines(void *number)
{
    for (int i = 0; i < LINES; i++)
        log_info(LOG_NONE, "x", KV("thread", *(int *)number), KV("i", i), KV("pad", "xxxxxxxx"));
    return NULL;
}

Test(log, threads_do_not_mix_their_lines)
{
    char path[] = "/tmp/postern-log-XXXXXX";
    pthread_t threads[THREADS];
    int numbers[THREADS] = { 0, 1, 2, 3 }, next[THREADS] = { 0 }, thread, i;

    int in = mkstemp(path);
    cr_assert(log_open(path) == OK);
    log_start();
    for (int t = 0; t < THREADS; t++) pthread_create(&threads[t], NULL, write_lines, &numbers[t]);
    for (int t = 0; t < THREADS; t++) pthread_join(threads[t], NULL);
    log_stop();

    unsigned lines = 0;
    FILE *f = fdopen(in, "r");
    while (fgets(said, sizeof said, f)) {
        const char *pairs = strstr(said, "\"thread\"");
        if (!pairs) continue; /* log.dropped */
        cr_assert(sscanf(pairs, "\"thread\":%d,\"i\":%d,\"pad\":\"xxxxxxxx\"}", &thread, &i) == 2);
        cr_assert(i >= next[thread], "in the order of their thread");
        next[thread] = i + 1;
        lines++;
    }
    cr_expect(lines + log_dropped() == THREADS * LINES, "%u", lines);
    fclose(f);
    unlink(path);
}

/* Logs until lines are dropped, 20,000 lines at most; how long the slowest took. */
static uint64_t flood(void)
{
    uint64_t slowest = 0;

    for (int i = 0; i < 20000; i++) {
        uint64_t before = mono_us();
        log_info(&context, "flood", KV("i", i), KV("pad", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"));
        if (mono_us() - before > slowest) slowest = mono_us() - before;
    }
    return slowest;
}

/* What was heard: whole lines, and "log.dropped" telling all that were. */
static void expect_told(void)
{
    unsigned long long told = 0, lines;

    for (char *line = said; *line;) {
        char *end = strchr(line, '\n');
        cr_assert(end);
        expect_json(line, (size_t)(end - line));
        *end = '\0';
        char *count = strstr(line, "\"event\":\"log.dropped\"") ? strstr(line, "\"lines\":") : NULL;
        if (count && sscanf(count, "\"lines\":%llu}", &lines) == 1) told += lines;
        line = end + 1;
    }
    cr_expect(told == log_dropped() && told > 0, "%llu of %llu", told,
              (unsigned long long)log_dropped());
}

/* */
Test(log, a_blocked_pipe_stops_nobody_and_what_was_lost_is_told)
{
    log_start();
    uint64_t slowest = flood();
    cr_expect(slowest < 500000, "%llu us", (unsigned long long)slowest);
    cr_expect(log_dropped() > 1000);
    hear(300);
    expect_told();
    log_info(LOG_NONE, "works.again");
    cr_expect(strstr(hear(300), "works.again"));
    log_stop();
}

/* */
Test(log, stopping_does_not_wait_for_a_blocked_pipe)
{
    log_start();
    flood();
    uint64_t before = mono_ms();
    log_stop();
    cr_expect(mono_ms() - before >= 900 && mono_ms() - before < 3000);
    before = mono_ms();
    log_error(LOG_NONE, "last.words");
    cr_expect(mono_ms() - before < 1000);
}

/* Logs into `broken`, then gives the pipe back. */
static void expect_recovery(int broken)
{
    int good = dup(STDERR_FILENO);

    if (broken >= 0)
        dup2(broken, STDERR_FILENO);
    else
        close(STDERR_FILENO);
    log_start();
    cr_expect(flood() < 500000);
    dup2(good, STDERR_FILENO);
    close(good);
    hear(500);
    expect_told();
    cr_expect(strstr(said, "\"i\":0,"), "what was in the ring is written after all");
    log_stop();
}

/* */
Test(log, a_full_disk_stops_nobody_and_what_was_lost_is_told)
{
    expect_recovery(open("/dev/full", O_WRONLY | O_CLOEXEC));
}

/* */
Test(log, a_closed_stderr_stops_nobody_and_what_was_lost_is_told)
{
    expect_recovery(-1);
}

Test(log, a_reader_that_has_gone_stops_nobody)
{
    log_start();
    close(from_log);
    flood();
    cr_expect(log_dropped() > 1000);
    uint64_t before = mono_ms();
    log_stop();
    cr_expect(mono_ms() - before < 3000);
}

/* or the database might become our stderr. */
Test(log, no_other_file_can_take_the_place_of_a_closed_stderr)
{
    close(STDERR_FILENO);
    close(STDIN_FILENO);
    cr_assert(log_open(NULL) == OK);
    cr_expect(open("/dev/zero", O_RDONLY) > STDERR_FILENO);
    log_info(LOG_NONE, "nowhere");
}

Test(log, a_file_is_made_for_us_and_our_group_and_only_appended_to)
{
    char path[] = "/tmp/postern-log-XXXXXX";
    struct stat st;

    umask(0);
    close(mkstemp(path));
    unlink(path);
    cr_assert(log_open(path) == OK);
    log_info(LOG_NONE, "one");
    cr_assert(log_open(NULL) == OK && log_open(path) == OK);
    log_info(LOG_NONE, "two");
    cr_assert(stat(path, &st) == 0);
    cr_expect((st.st_mode & 0777) == 0640);
    from_log = open(path, O_RDONLY);
    cr_expect(strstr(hear(0), "one") && strstr(said, "two"));
    cr_expect(log_open("/nowhere/at/all") == E_INTERNAL);
    unlink(path);
}

Test(log, a_file_that_was_moved_away_is_opened_again)
{
    char path[] = "/tmp/postern-log-XXXXXX", old[sizeof path + 2];

    close(mkstemp(path));
    snprintf(old, sizeof old, "%s.1", path);
    cr_assert(log_open(path) == OK);
    log_start();
    log_info(LOG_NONE, "before");
    usleep(100000);
    cr_assert(rename(path, old) == 0);
    log_reopen();
    usleep(100000);
    log_info(LOG_NONE, "after");
    log_stop();
    from_log = open(path, O_RDONLY);
    cr_expect(strstr(hear(0), "after") && !strstr(said, "before"));
    unlink(path);
    unlink(old);
}
