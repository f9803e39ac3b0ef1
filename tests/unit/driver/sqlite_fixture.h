/* sqlite_fixture.h - a store in a directory of its own, and work on it.
 *
 * A test includes this once: it brings migrations of its own, which stand in
 * for the program's.
 */
#ifndef SQLITE_FIXTURE_H
#define SQLITE_FIXTURE_H

#include "base/clock.h"
#include "base/must.h"
#include "driver/sqlite.h"
#include "run/loop.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

const struct sqlite_migration sqlite_migrations[] = {
    { 1, "things",
      "CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT UNIQUE, body BLOB, owner BLOB,"
      " CHECK (id <> -13)) STRICT;"
      "CREATE TABLE pair (id INTEGER PRIMARY KEY, n INTEGER NOT NULL) STRICT;"
      "INSERT INTO pair VALUES (1, 0), (2, 0)",
      "DROP TABLE pair; DROP TABLE thing" },
    { 2, "parts",
      "CREATE TABLE part (id INTEGER PRIMARY KEY,"
      " thing INTEGER NOT NULL REFERENCES thing (id)) STRICT;"
      "CREATE INDEX part_by_thing ON part (thing)",
      "DROP TABLE part" },
};
const int sqlite_migration_count = 2;

static char fixture_dir[160], fixture_path[176];

static void fixture_place(void)
{
    const char *tmp = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    struct statvfs shm;

    /* Memory is quicker, where there is enough: some fill 200 MiB. */
    if (statvfs("/dev/shm", &shm) == 0 && shm.f_bavail * shm.f_bsize > (size_t)1 << 30)
        tmp = "/dev/shm";

    snprintf(fixture_dir, sizeof fixture_dir, "%s/postern-XXXXXX", tmp);
    must(mkdtemp(fixture_dir) != NULL);
    snprintf(fixture_path, sizeof fixture_path, "%s/test.db", fixture_dir);
}

static void fixture_remove(void)
{
    char command[200];

    snprintf(command, sizeof command, "rm -rf '%s'", fixture_dir);
    must(system(command) == 0);
}

static inline void fixture_migrate(void)
{
    struct sqlite_problem problem = { 0 };

    if (!sqlite_migrate(fixture_path, -1, true, NULL, &problem)) cr_assert_fail("%s", problem.text);
}

static inline void fixture_open(void)
{
    struct sqlite_problem problem = { 0 };

    loop_init();
    fiber_init(1200);
    if (!sqlite_open(fixture_path, 2, &problem)) cr_assert_fail("%s", problem.text);
}

static inline void fixture_close(void)
{
    store_close();
    fiber_done();
    loop_done();
}

/* Most tests: a fresh store, and a body that runs on a fiber. */
static inline void fixture_run(void (*body)(void *arg), void *arg)
{
    fixture_migrate();
    fixture_open();
    loop_run_fiber("test", body, arg);
    fixture_close();
}

#define STORE_TEST(suite, name)         \
    static void name##_body(void *arg); \
    Test(suite, name)                   \
    {                                   \
        fixture_run(name##_body, NULL); \
    }                                   \
    static void name##_body(void *arg __attribute__((unused)))

/* A context with an arena that lives until the end of the scope. */
struct work {
    struct arena arena;
    struct ctx ctx;
};

static inline void work_done(struct work *w)
{
    arena_done(&w->arena);
}

static inline void work_init(struct work *w, uint64_t timeout_ms)
{
    arena_init(&w->arena, 4 << 20);
    ctx_init(&w->ctx, &w->arena, timeout_ms);
}

#define WORK(name, timeout_ms)           \
    CLEANUP(work_done) struct work name; \
    work_init(&name, timeout_ms)

#endif
