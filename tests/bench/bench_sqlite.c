/* The embedded store under load: small updates and point selects by N fibers.
 *
 *     bench_sqlite [DIRECTORY [FIBERS [READERS [SECONDS]]]]
 */
#include "base/clock.h"
#include "base/must.h"
#include "base/random.h"
#include "driver/sqlite.h"
#include "run/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROWS = 10000, FIBERS_MAX = 1000 };

/* In place of the program's own. */
const struct sqlite_migration sqlite_migrations[] = {
    { 1, "bench",
      "CREATE TABLE thing (tenant BLOB NOT NULL, id INTEGER NOT NULL, n INTEGER NOT NULL,"
      " body TEXT NOT NULL, PRIMARY KEY (tenant, id)) STRICT, WITHOUT ROWID",
      "DROP TABLE thing" },
};
const int sqlite_migration_count = 1;

static const struct db_stmt fill = {
    "fill",
    "WITH RECURSIVE i(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM i WHERE n < $2 - 1)"
    " INSERT INTO thing SELECT $1, n, 0, printf('%0200d', n) FROM i",
    "ui", ""
};
static const struct db_stmt update = {
    "update", "UPDATE thing SET n = n + 1 WHERE tenant = $1 AND id = $2 RETURNING n", "ui", "i"
};
static const struct db_stmt select_one = {
    "select", "SELECT n, body FROM thing WHERE tenant = $1 AND id = $2", "ui", "it"
};

static const struct uuid tenant = { { 7 } };
static unsigned fibers = 64;
static uint64_t stop_ms;
static uint64_t done, worst_us;
static unsigned running;
static struct wait all_ended;

static void one_fiber(void *arg)
{
    const struct db_stmt *stmt = arg;
    CLEANUP(arena_done) struct arena arena;
    struct ctx ctx;

    arena_init(&arena, 1 << 20);
    while (mono_ms() < stop_ms) {
        ctx_init(&ctx, &arena, 10000);
        uint64_t begun = mono_us();
        struct db_query q = QUERY(stmt, db_uuid(tenant), db_int((int64_t)random_below(ROWS)));
        enum err e = stmt == &update ? store_write(&ctx, &q, 1) : store_read(&ctx, &q, 1);
        must(e == OK && q.rows == 1);
        uint64_t took = mono_us() - begun;
        if (took > worst_us) worst_us = took;
        done++;
        arena_reset(&arena);
    }
    if (--running == 0) wake(&all_ended, OK);
}

static void measure(const char *what, const struct db_stmt *first, const struct db_stmt *second,
                    uint64_t ms)
{
    struct sqlite_figures before = sqlite_figures();
    uint64_t begun = mono_us();

    done = worst_us = 0;
    stop_ms = mono_ms() + ms;
    running = fibers;
    wait_init(&all_ended, "bench");
    for (unsigned i = 0; i < fibers; i++)
        must(fiber_start("bench", one_fiber, (void *)(i % 2 ? second : first)));
    must(await(&all_ended, UNTIL_DONE) == OK);

    double s = (double)(mono_us() - begun) / 1e6;
    struct sqlite_figures after = sqlite_figures();
    double commits = (double)(after.commits - before.commits);
    double batches = (double)(after.batches - before.batches);
    printf("%-8s %8.0f/s", what, (double)done / s);
    if (batches > 0)
        printf("  writes %7.0f/s  commits %5.0f/s  durable operations per fsync %5.1f", batches / s,
               commits / s, batches / commits);
    if (after.reads > before.reads)
        printf("  reads %7.0f/s", (double)(after.reads - before.reads) / s);
    printf("  worst %.1f ms\n", (double)worst_us / 1000);
    fflush(stdout);
}

static void bench(void *arg)
{
    uint64_t ms = *(uint64_t *)arg;
    CLEANUP(arena_done) struct arena arena;
    struct ctx ctx;

    arena_init(&arena, 1 << 20);
    ctx_init(&ctx, &arena, 60000);
    struct db_query q = QUERY(&fill, db_uuid(tenant), db_int(ROWS));
    must(store_write(&ctx, &q, 1) == OK && q.changed == ROWS);
    measure("update", &update, &update, ms);
    measure("select", &select_one, &select_one, ms);
    measure("mixed", &update, &select_one, ms);
}

int main(int argc, char **argv)
{
    char path[1024];
    struct sqlite_problem problem;
    unsigned readers = argc > 3 ? (unsigned)atoi(argv[3]) : 2;
    uint64_t ms = (argc > 4 ? (uint64_t)atoi(argv[4]) : 3) * 1000;

    if (argc > 2) fibers = (unsigned)atoi(argv[2]);
    must(fibers >= 1 && fibers <= FIBERS_MAX);
    snprintf(path, sizeof path, "%s/bench-%d.db", argc > 1 ? argv[1] : ".", (int)getpid());
    loop_init();
    fiber_init(fibers + 1);
    if (!sqlite_migrate(path, -1, true, NULL, &problem) || !sqlite_open(path, readers, &problem)) {
        fprintf(stderr, "%s\n", problem.text);
        return 1;
    }
    printf("%u fibers, %u readers\n", fibers, readers);
    loop_run_fiber("bench", bench, &ms);
    store_close();
    fiber_done();
    loop_done();
    unlink(path);
    return 0;
}
