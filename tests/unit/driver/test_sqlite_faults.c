/* The embedded store on a disk that fails, and in a process that dies.
 *
 * The workload is a child: a few fibers that write batches of two rows each
 * and tell the parent through a pipe of each one that was acknowledged, and of
 * each that was refused. Whatever happens to the child, the parent finds the
 * file sound, what was acknowledged in it, and nothing of it by half. */
#include "fault_vfs.c"
#include "sqlite_fixture.h"

#include "base/log.h"

TestSuite(sqlite_faults, .init = fixture_place, .fini = fixture_remove, .timeout = 240);

enum { FIBERS = 3, ROUNDS = 4, IDS = 2 * FIBERS * ROUNDS };

struct ledger {
    bool acked[IDS / 2]; /* batch n holds the rows 2n and 2n + 1 */
    unsigned acked_count, refused_count;
    int status; /* of the child */
};

/* --- the child --- */

static const struct db_stmt insert = { "insert", "INSERT INTO thing (id, body) VALUES ($1, $2)",
                                       "ib", "" };
static const struct db_stmt find = { "find", "SELECT body FROM thing WHERE id = $1", "i", "b" };

static int ledger_fd;
static unsigned members, next_member;

static void tell(int64_t batch, enum err answer)
{
    unsigned char line[2] = { (unsigned char)batch, answer == OK };

    must(answer == OK || answer == E_STORE_DOWN);
    must(write(ledger_fd, line, sizeof line) == sizeof line);
}

static void member_run(void *arg)
{
    static char body[3000];
    int64_t mine = next_member++ * ROUNDS;
    (void)arg;

    for (int64_t batch = mine; batch < mine + ROUNDS; batch++) {
        WORK(w, 20000);
        struct str bytes = str_span(body, sizeof body);
        struct db_query rows[2] = {
            QUERY(&insert, db_int(2 * batch), db_blob(bytes)),
            QUERY(&insert, db_int(2 * batch + 1), db_blob(bytes)),
        };
        struct db_query back = QUERY(&find, db_int(2 * batch));
        tell(batch, store_write(&w.ctx, rows, 2));
        enum err e = store_read(&w.ctx, &back, 1);
        must(e == OK || e == E_STORE_DOWN);
        (void)fiber_sleep(1, w.ctx.deadline);
    }
    members--;
}

static void members_run(void *arg)
{
    (void)arg;
    members = FIBERS;
    for (int i = 0; i < FIBERS; i++) must(fiber_start("member", member_run, NULL));
    while (members) (void)!fiber_sleep(1, NO_DEADLINE);
    fault_plan(0, FAULT_NOTHING, 0, false);

    /* It recovers alone. */
    for (int tries = 0;; tries++) {
        WORK(w, 20000);
        struct db_query row = QUERY(&insert, db_int(1000), db_blob(STR("last")));
        enum err e = store_write(&w.ctx, &row, 1);
        struct db_query back = QUERY(&find, db_int(1000));
        if (e == OK) {
            while (store_read(&w.ctx, &back, 1) != OK) {
                must(tries++ < 1000);
                (void)!fiber_sleep(10, NO_DEADLINE);
            }
            must(back.rows == 1);
            return;
        }
        must(e == E_STORE_DOWN && tries < 1000);
        (void)!fiber_sleep(10, NO_DEADLINE);
    }
}

static void child_run(unsigned kinds, enum fault_action action, unsigned nth, bool forever)
{
    struct sqlite_problem problem;

    log_level = LOG_CRITICAL;
    fault_install();
    loop_init();
    fiber_init(FIBERS + 1);
    fault_plan(kinds, action, nth, forever);
    if (!sqlite_open(fixture_path, 2, &problem)) _exit(problem.refusal == STORE_FINE ? 2 : 1);
    loop_run_fiber("members", members_run, NULL);
    store_close();
    fiber_done();
    loop_done();
    _exit(0);
}

/* --- the parent --- */

static void ledger_run(struct ledger *ledger, unsigned kinds, enum fault_action action,
                       unsigned nth, bool forever)
{
    unsigned char line[2];
    int ends[2];

    *ledger = (struct ledger){ 0 };
    must(pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        ledger_fd = ends[1];
        child_run(kinds, action, nth, forever);
    }
    close(ends[1]);
    while (read(ends[0], line, sizeof line) == sizeof line) {
        must(line[0] < IDS / 2);
        ledger->acked[line[0]] = line[1];
        ledger->acked_count += line[1];
        ledger->refused_count += !line[1];
    }
    close(ends[0]);
    must(waitpid(child, &ledger->status, 0) == child);
}

static void ledger_check(const struct ledger *ledger)
{
    sqlite3 *db;
    sqlite3_stmt *stmt;
    bool there[IDS] = { 0 };

    must(sqlite3_open(fixture_path, &db) == SQLITE_OK);
    must(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL) == SQLITE_OK);
    must(sqlite3_step(stmt) == SQLITE_ROW);
    cr_assert_str_eq((const char *)sqlite3_column_text(stmt, 0), "ok");
    sqlite3_finalize(stmt);

    must(sqlite3_prepare_v2(db, "SELECT id FROM thing", -1, &stmt, NULL) == SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW)
        if (sqlite3_column_int(stmt, 0) < IDS) there[sqlite3_column_int(stmt, 0)] = true;
    sqlite3_finalize(stmt);
    must(sqlite3_close(db) == SQLITE_OK);

    for (unsigned i = 0; i < IDS / 2; i++) {
        cr_assert(there[2 * i] == there[2 * i + 1], "batch %u is there by half", i);
        cr_assert(!ledger->acked[i] || there[2 * i], "batch %u was acknowledged and is lost", i);
    }
}

static void fresh_file(void)
{
    char command[200];

    snprintf(command, sizeof command, "rm -f '%s'*", fixture_path);
    must(system(command) == 0);
    fixture_migrate();
}

/* until n is past the end of the run. */
static void die_everywhere(unsigned kinds, enum fault_action action)
{
    struct ledger ledger;
    unsigned some_acked = 0;

    for (unsigned nth = 1;; nth++) {
        fresh_file();
        ledger_run(&ledger, kinds, action, nth, false);
        ledger_check(&ledger);
        must(WIFEXITED(ledger.status));
        if (WEXITSTATUS(ledger.status) == 0) {
            cr_assert(nth > 15 && some_acked > 5 && ledger.acked_count == IDS / 2);
            return;
        }
        cr_assert(WEXITSTATUS(ledger.status) == FAULT_EXIT, "%d", WEXITSTATUS(ledger.status));
        some_acked += ledger.acked_count > 0;
    }
}

/* */
Test(sqlite_faults, killed_at_any_write_nothing_acknowledged_is_lost)
{
    die_everywhere(FAULT_WRITE | FAULT_SYNC | FAULT_TRUNCATE, FAULT_KILL);
}

/* what was not synced is gone too. */
Test(sqlite_faults, without_power_at_any_write_nothing_acknowledged_is_lost)
{
    die_everywhere(FAULT_WRITE | FAULT_SYNC | FAULT_TRUNCATE, FAULT_POWER);
}

/* the n-th call fails, once or from then on. The store never lies,
 * never ends the process, and works again when the disk does. */
static void fail_everywhere(unsigned kinds, bool forever, unsigned step)
{
    struct ledger ledger;
    unsigned some_refused = 0;

    for (unsigned nth = 1;; nth += step) {
        fresh_file();
        ledger_run(&ledger, kinds, FAULT_FAIL, nth, forever);
        ledger_check(&ledger);
        cr_assert(WIFEXITED(ledger.status) && WEXITSTATUS(ledger.status) <= 1, "%x at %u",
                  ledger.status, nth);
        some_refused += ledger.refused_count > 0 || WEXITSTATUS(ledger.status) == 1;
        if (WEXITSTATUS(ledger.status) == 0 && ledger.refused_count == 0 && nth > 40) break;
    }
    cr_assert(some_refused > 0);
}

Test(sqlite_faults, a_write_that_fails_once)
{
    fail_everywhere(FAULT_WRITE, false, 1);
}

Test(sqlite_faults, writes_that_fail_until_the_disk_is_mended)
{
    fail_everywhere(FAULT_WRITE, true, 3);
}

Test(sqlite_faults, a_sync_that_fails_once_or_for_a_while)
{
    fail_everywhere(FAULT_SYNC, false, 1);
    fail_everywhere(FAULT_SYNC, true, 3);
}

Test(sqlite_faults, a_read_that_fails_once_or_for_a_while)
{
    fail_everywhere(FAULT_READ, false, 1);
    fail_everywhere(FAULT_READ, true, 3);
}

Test(sqlite_faults, a_lock_that_fails_once_or_for_a_while)
{
    fail_everywhere(FAULT_LOCK, false, 5);
    fail_everywhere(FAULT_LOCK, true, 15);
}
