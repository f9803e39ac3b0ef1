/* The ways between fibers and the store's threads, for ThreadSanitizer, under
 * which Criterion does not run: a crowd writes, reads, collides, runs out of
 * time and is cancelled, all at once. Exit status 0: what was acknowledged is
 * there and what was taken back is not. */
#include "base/clock.h"
#include "base/must.h"
#include "base/random.h"
#include "driver/sqlite.h"
#include "run/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const struct sqlite_migration sqlite_migrations[] = {
    { 1, "things", "CREATE TABLE thing (id INTEGER PRIMARY KEY) STRICT", "DROP TABLE thing" },
};
const int sqlite_migration_count = 1;

static const struct db_stmt insert = { "insert", "INSERT INTO thing (id) VALUES ($1)", "i", "" };
static const struct db_stmt find = { "find", "SELECT id FROM thing WHERE id = $1", "i", "i" };
static const struct db_stmt count_all = { "count", "SELECT count(*) FROM thing", "", "i" };

enum { FIBERS = 64, ROUNDS = 40, IDS = 2000 };

static struct fiber *members[FIBERS];
static unsigned alive, next;
static int64_t acked;

/* One in four is in a hurry; a fiber that has run out of time stays so. */
static void member(void *arg)
{
    unsigned self = next++;
    CLEANUP(arena_done) struct arena arena;
    struct ctx ctx;
    (void)arg;

    arena_init(&arena, 1 << 20);
    for (int round = 0; round < ROUNDS; round++) {
        int64_t id = (int64_t)random_below(IDS);
        struct db_query in = QUERY(&insert, db_int(id)), out = QUERY(&find, db_int(id));
        ctx_init(&ctx, &arena, self % 4 ? 60000 : 2);
        enum err e = store_write(&ctx, &in, 1);
        must(e == OK || e == E_CONFLICT || e == E_TIMED_OUT || e == E_CANCELED);
        acked += e == OK;
        if (store_read(&ctx, &out, 1) == OK) must(out.rows == 1 || (e != OK && e != E_CONFLICT));
        arena_reset(&arena);
    }
    members[self] = NULL;
    alive--;
}

static void crowd(void *arg)
{
    CLEANUP(arena_done) struct arena arena;
    struct ctx ctx;
    struct db_query q = { .stmt = &count_all };
    (void)arg;

    alive = FIBERS;
    for (int i = 0; i < FIBERS; i++) must(members[i] = fiber_start("member", member, NULL));
    while (alive) {
        must(fiber_sleep(5, NO_DEADLINE) == OK);
        struct fiber *unlucky = members[random_below(FIBERS)];
        if (unlucky && random_below(4) == 0) fiber_cancel(unlucky);
    }
    arena_init(&arena, 1 << 20);
    ctx_init(&ctx, &arena, 60000);
    must(store_read(&ctx, &q, 1) == OK);
    must(db_get_int(&q, 0, 0) == acked && acked > 0);
}

int main(void)
{
    char dir[] = "/tmp/postern-XXXXXX", path[64];
    struct sqlite_problem problem;

    must(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/test.db", dir);
    loop_init();
    fiber_init(FIBERS + 1);
    must(sqlite_migrate(path, -1, true, NULL, &problem));
    must(sqlite_open(path, 3, &problem));
    loop_run_fiber("crowd", crowd, NULL);
    store_close();
    fiber_done();
    loop_done();
    must(unlink(path) == 0 && rmdir(dir) == 0);
    return 0;
}
