/* The embedded store at work: beside other processes, without space, without
 * its file. What it shares with every store is in test_store_contract.c. */
#include "fault_vfs.c"
#include "sqlite_fixture.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>

TestSuite(sqlite, .init = fixture_place, .fini = fixture_remove, .timeout = 60);

static const struct db_stmt insert = { "insert", "INSERT INTO thing (id, body) VALUES ($1, $2)",
                                       "ib", "" };
static const struct db_stmt count_things = { "count", "SELECT count(*) FROM thing", "", "i" };

static enum err thing_add(struct ctx *ctx, int64_t id, struct str body)
{
    struct db_query q = QUERY(&insert, db_int(id), db_blob(body));

    return store_write(ctx, &q, 1);
}

static enum err things(struct ctx *ctx, int64_t *count)
{
    struct db_query q = { .stmt = &count_things };
    enum err e = store_read(ctx, &q, 1);

    if (e == OK) *count = db_get_int(&q, 0, 0);
    return e;
}

/* Until the store takes a write again; how many it refused. */
static unsigned write_until_up(struct ctx *ctx, int64_t id)
{
    for (unsigned refused = 0;; refused++) {
        enum err e = thing_add(ctx, id, STR("x"));
        if (e == OK) return refused;
        cr_assert(e == E_STORE_DOWN);
        cr_assert(refused < 1000 && fiber_sleep(10, ctx->deadline) == OK);
    }
}

/* --- the log, as a file --- */

static char log_path[200];

static void log_to_file(void)
{
    snprintf(log_path, sizeof log_path, "%s/log", fixture_dir);
    cr_assert(log_open(log_path) == OK);
}

static bool logged(const char *event)
{
    static char text[1 << 20];
    FILE *f = fopen(log_path, "r");

    must(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return strstr(text, event);
}

/* --- another process --- */

static pid_t other;
static int other_ready;

/* A child that opens the file without the driver, does `sql`, and stays. */
static void other_start(const char *sql)
{
    int ends[2];
    char byte;

    must(pipe(ends) == 0);
    other = fork();
    if (other == 0) {
        sqlite3 *db;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        must(sqlite3_open(fixture_path, &db) == SQLITE_OK);
        must(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
        must(write(ends[1], "x", 1) == 1);
        pause();
        _exit(0);
    }
    must(read(ends[0], &byte, 1) == 1);
    other_ready = ends[0];
    close(ends[1]);
}

static void other_stop(void)
{
    kill(other, SIGKILL);
    must(waitpid(other, NULL, 0) == other);
    close(other_ready);
}

/* --- locks --- */

static void on_time_to_stop(void *arg)
{
    uint64_t ms = *(uint64_t *)arg;

    cr_assert(fiber_sleep(ms, NO_DEADLINE) == OK);
    other_stop();
}

/* */
STORE_TEST(sqlite, a_lock_of_another_process_is_waited_for_off_the_loop)
{
    uint64_t held_ms = 300, begun;
    WORK(w, 5000);

    other_start("BEGIN IMMEDIATE");
    begun = mono_ms();
    must(fiber_start("other", on_time_to_stop, &held_ms));
    cr_assert(thing_add(&w.ctx, 1, STR("x")) == OK);
    cr_assert(mono_ms() - begun >= held_ms - 5 && mono_ms() - begun < 1000);
    cr_assert(loop_lag_us() < 50000, "%lu", (unsigned long)loop_lag_us());
}

/* */
STORE_TEST(sqlite, a_lock_held_too_long_is_the_store_down_for_writers_only)
{
    int64_t count = -1;
    WORK(w, 20000);

    cr_assert(thing_add(&w.ctx, 1, STR("x")) == OK);
    other_start("BEGIN IMMEDIATE; INSERT INTO thing (id) VALUES (99)");
    uint64_t begun = mono_ms();
    cr_assert(thing_add(&w.ctx, 2, STR("x")) == E_STORE_DOWN);
    cr_assert(mono_ms() - begun < 3000);
    cr_assert(things(&w.ctx, &count) == OK && count == 1);
    other_stop();
    cr_assert(thing_add(&w.ctx, 2, STR("x")) == OK);
    cr_assert(things(&w.ctx, &count) == OK && count == 2);
}

static void add_late(void *arg)
{
    enum err *answer = arg;
    WORK(w, 100);

    *answer = thing_add(&w.ctx, 1, STR("x"));
}

/* */
STORE_TEST(sqlite, who_waits_for_a_lock_leaves_at_the_deadline)
{
    enum err answer = OK;
    int64_t count = -1;
    WORK(w, 5000);

    other_start("BEGIN IMMEDIATE");
    uint64_t begun = mono_ms();
    must(fiber_start("late", add_late, &answer));
    while (answer == OK) cr_assert(fiber_sleep(5, w.ctx.deadline) == OK);
    cr_assert(answer == E_TIMED_OUT && mono_ms() - begun < 500);
    other_stop();
    cr_assert(thing_add(&w.ctx, 2, STR("x")) == OK);
    cr_assert(things(&w.ctx, &count) == OK && count == 1);
}

/* four processes write to one file; nobody's write is lost. */
STORE_TEST(sqlite, four_processes_write_one_file)
{
    pid_t children[4];
    int64_t count = 0;
    WORK(w, 50000);

    for (int i = 0; i < 4; i++) {
        children[i] = fork();
        if (children[i]) continue;
        sqlite3 *db;
        char sql[100];
        must(sqlite3_open(fixture_path, &db) == SQLITE_OK);
        sqlite3_busy_timeout(db, 20000);
        for (int n = 0; n < 200; n++) {
            snprintf(sql, sizeof sql, "INSERT INTO thing (id) VALUES (%d)", 1000 * (i + 1) + n);
            if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) _exit(1);
        }
        _exit(0);
    }
    int64_t mine = 0;
    for (int n = 0; n < 200; n++) mine += thing_add(&w.ctx, 100000 + n, STR("x")) == OK;
    for (int i = 0; i < 4; i++) {
        int status;
        must(waitpid(children[i], &status, 0) == children[i]);
        cr_assert(status == 0);
    }
    cr_assert(mine > 0 && things(&w.ctx, &count) == OK);
    cr_assert(count == 4 * 200 + mine);
}

/* --- the WAL --- */

static off_t wal_size(void)
{
    char wal[200];
    struct stat st;

    snprintf(wal, sizeof wal, "%s-wal", fixture_path);
    return stat(wal, &st) == 0 ? st.st_size : 0;
}

/* */
STORE_TEST(sqlite, the_wal_is_folded_in_as_it_grows)
{
    static char body[20000];
    WORK(w, 50000);

    for (int i = 0; i < 1500; i++)
        cr_assert(thing_add(&w.ctx, i, str_span(body, sizeof body)) == OK);
    cr_assert(wal_size() < 16 << 20, "%ld", (long)wal_size());
}

/* */
STORE_TEST(sqlite, a_wal_that_a_reader_pins_is_told_and_then_shrinks)
{
    static char body[1 << 20];
    WORK(w, 50000);

    log_to_file();
    cr_assert(thing_add(&w.ctx, 0, STR("x")) == OK);
    other_start("BEGIN; SELECT count(*) FROM thing");
    for (int i = 1; i <= 80; i++)
        cr_assert(thing_add(&w.ctx, i, str_span(body, sizeof body)) == OK);
    cr_assert(wal_size() > 80 << 20);
    cr_assert(logged("store.wal_large"));
    other_stop();
    for (int i = 81; i <= 100; i++)
        cr_assert(thing_add(&w.ctx, i, str_span(body, sizeof body)) == OK);
    cr_assert(wal_size() < 32 << 20, "%ld", (long)wal_size());
}

/* --- no space --- */

/* A file system of 2 MiB in a name space of our own, where that is allowed. */
static bool small_disk(void)
{
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    (void)mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
    return mount("tmpfs", fixture_dir, "tmpfs", 0, "size=2m") == 0;
}

static void fill_disk(void *arg)
{
    static char body[30000];
    int64_t count = 0, acked = 0;
    WORK(w, 50000);
    (void)arg;

    while (thing_add(&w.ctx, acked, str_span(body, sizeof body)) == OK) acked++;
    cr_assert(acked > 10 && acked < 100);
    cr_assert(thing_add(&w.ctx, 1000, str_span(body, sizeof body)) == E_STORE_DOWN);
    cr_assert(things(&w.ctx, &count) == OK && count == acked);

    char ballast[200];
    snprintf(ballast, sizeof ballast, "%s/ballast", fixture_dir);
    must(unlink(ballast) == 0);
    write_until_up(&w.ctx, 2000);
    cr_assert(things(&w.ctx, &count) == OK && count == acked + 1);
    cr_assert(store_probe(&w.ctx) == OK);
}

/* */
Test(sqlite, a_full_disk_stops_writes_until_there_is_space)
{
    static char zeros[800000];
    char ballast[200];

    if (!small_disk()) cr_skip_test("mounting is not allowed here");
    snprintf(ballast, sizeof ballast, "%s/ballast", fixture_dir);
    int fd = open(ballast, O_WRONLY | O_CREAT, 0600);
    must(write(fd, zeros, sizeof zeros) == sizeof zeros);
    close(fd);
    fixture_run(fill_disk, NULL);
    umount(fixture_dir);
}

static void probe_twice(void *arg)
{
    WORK(w, 5000);
    (void)arg;

    fault_plan(FAULT_WRITE, FAULT_FULL, 1, true);
    cr_assert(store_probe(&w.ctx) == E_STORE_DOWN);
    fault_plan(0, FAULT_NOTHING, 0, false);
    cr_assert(store_probe(&w.ctx) == OK);
}

/* */
Test(sqlite, the_probe_says_no_when_the_disk_is_full)
{
    fault_install();
    fixture_run(probe_twice, NULL);
}

/* --- the file, spoilt under us --- */

/* */
STORE_TEST(sqlite, a_replaced_file_is_not_written)
{
    char aside[200];
    int64_t count = -1;
    WORK(w, 50000);

    log_to_file();
    cr_assert(thing_add(&w.ctx, 1, STR("x")) == OK);
    snprintf(aside, sizeof aside, "%s.aside", fixture_path);
    must(rename(fixture_path, aside) == 0);
    cr_assert(thing_add(&w.ctx, 2, STR("x")) == E_STORE_DOWN);
    cr_assert(access(fixture_path, F_OK) != 0); /* nothing was created */

    FILE *f = fopen(fixture_path, "w");
    must(f && fputs("something else", f) >= 0 && fclose(f) == 0);
    cr_assert(fiber_sleep(100, w.ctx.deadline) == OK);
    cr_assert(thing_add(&w.ctx, 3, STR("x")) == E_STORE_DOWN);
    cr_assert(logged("store.unusable"));

    must(rename(aside, fixture_path) == 0);
    write_until_up(&w.ctx, 4);
    cr_assert(logged("store.up"));
    cr_assert(things(&w.ctx, &count) == OK && count >= 2);
}

/* In a child: closing the file here would drop the locks of this process. */
static void spoil(off_t at, char *bytes, size_t len)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        int fd = open(fixture_path, O_RDWR);
        must(fd >= 0);
        must(pread(fd, bytes, len, at) == (ssize_t)len);
        for (size_t i = 0; i < len; i++) bytes[i] ^= 0x5a; /* twice: as it was */
        must(pwrite(fd, bytes, len, at) == (ssize_t)len);
        _exit(0);
    }
    must(waitpid(child, &status, 0) == child && status == 0);
}

/* */
STORE_TEST(sqlite, a_damaged_page_stops_writes_until_it_is_mended)
{
    static const struct db_stmt sum = { "sum", "SELECT sum(length(body)) FROM thing", "", "i" };
    static char body[1000], page[4096];
    WORK(w, 50000);

    log_to_file();
    for (int i = 0; i < 500; i++)
        cr_assert(thing_add(&w.ctx, i, str_span(body, sizeof body)) == OK);
    other_start("PRAGMA wal_checkpoint(TRUNCATE); DELETE FROM thing WHERE id = 0;"
                "PRAGMA wal_checkpoint(TRUNCATE)");
    other_stop();

    spoil(20 * 4096, page, sizeof page);
    struct db_query q = { .stmt = &sum };
    cr_assert(store_read(&w.ctx, &q, 1) == E_STORE_DOWN);
    cr_assert(thing_add(&w.ctx, 1000, STR("x")) == E_STORE_DOWN);
    cr_assert(logged("store.unusable"));
    spoil(20 * 4096, page, sizeof page);
    write_until_up(&w.ctx, 1000);
    cr_assert(fiber_sleep(100, w.ctx.deadline) == OK);
    cr_assert(store_read(&w.ctx, &q, 1) == OK);
    cr_assert(db_get_int(&q, 0, 0) == 499 * 1000 + 1);
}

/* --- figures --- */

static unsigned left;

static void add_one(void *arg)
{
    static int64_t next = 1;
    WORK(w, 5000);
    (void)arg;

    cr_assert(thing_add(&w.ctx, next++, STR("x")) == OK);
    left--;
}

STORE_TEST(sqlite, many_batches_share_a_commit)
{
    WORK(w, 5000);

    cr_assert(thing_add(&w.ctx, 0, STR("x")) == OK);
    struct sqlite_figures before = sqlite_figures();
    left = 200;
    for (int i = 0; i < 200; i++) must(fiber_start("add", add_one, NULL));
    while (left) cr_assert(fiber_sleep(1, w.ctx.deadline) == OK);
    cr_assert(thing_add(&w.ctx, 0, STR("x")) == E_CONFLICT);

    struct sqlite_figures after = sqlite_figures();
    cr_assert(after.batches - before.batches == 200);
    cr_assert(after.commits - before.commits <= 4);
    cr_assert(after.rollbacks - before.rollbacks == 1);
}
