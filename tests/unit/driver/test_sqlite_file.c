/* Which files are opened, and how they get from one version to another. */
#include "fault_vfs.c"
#include "sqlite_fixture.h"

#include <errno.h>
#include <fcntl.h>

TestSuite(sqlite_file, .init = fixture_place, .fini = fixture_remove);
TestSuite(sqlite_migrate, .init = fixture_place, .fini = fixture_remove);

/* --- SQLite without the driver, to look and to spoil --- */

static void raw(const char *sql)
{
    sqlite3 *db;

    must(sqlite3_open(fixture_path, &db) == SQLITE_OK);
    int code = sqlite3_exec(db, sql, NULL, NULL, NULL);
    if (code != SQLITE_OK) cr_assert_fail("%s: %s", sql, sqlite3_errmsg(db));
    must(sqlite3_close(db) == SQLITE_OK);
}

static int raw_number(const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *stmt;

    must(sqlite3_open(fixture_path, &db) == SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        cr_assert_fail("%s: %s", sql, sqlite3_errmsg(db));
    must(sqlite3_step(stmt) == SQLITE_ROW);
    int number = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    must(sqlite3_close(db) == SQLITE_OK);
    return number;
}

static off_t file_size(void)
{
    struct stat st;

    return stat(fixture_path, &st) == 0 ? st.st_size : -1;
}

static void put(off_t at, const void *bytes, size_t len)
{
    int fd = open(fixture_path, O_WRONLY | O_CREAT, 0600);

    must(fd >= 0 && pwrite(fd, bytes, len, at) == (ssize_t)len);
    close(fd);
}

/* What sqlite_open says; the file stays as it is. */
static enum sqlite_refusal refusal(void)
{
    struct sqlite_problem problem = { 0 };
    off_t size = file_size();

    loop_init();
    fiber_init(10);
    bool open = sqlite_open(fixture_path, 1, &problem);
    cr_assert(open == (problem.refusal == STORE_FINE));
    cr_assert(open || strstr(problem.text, fixture_path), "%s", problem.text);
    if (open) store_close();
    fiber_done();
    loop_done();
    cr_assert(open || file_size() == size);
    return problem.refusal;
}

static enum sqlite_refusal migration_refusal(int target, bool create)
{
    struct sqlite_problem problem = { 0 };

    bool done = sqlite_migrate(fixture_path, target, create, NULL, &problem);
    cr_assert(done == (problem.refusal == STORE_FINE), "%s", problem.text);
    return problem.refusal;
}

/* --- opening --- */

Test(sqlite_file, a_new_one_opens_and_is_nobody_elses_to_read)
{
    struct stat st;

    fixture_migrate();
    cr_assert(stat(fixture_path, &st) == 0 && (st.st_mode & 0777) == 0600);
    cr_assert(refusal() == STORE_FINE);
    cr_assert(raw_number("SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'"));
    cr_assert(raw_number("PRAGMA application_id") == 0x5053544E);
}

/* */
Test(sqlite_file, a_missing_one_is_not_made_by_the_way)
{
    cr_assert(refusal() == STORE_MISSING);
    cr_assert(migration_refusal(-1, false) == STORE_MISSING);
    cr_assert(access(fixture_path, F_OK) != 0);
}

/* */
Test(sqlite_file, an_empty_one_is_not_filled)
{
    put(0, "", 0);
    cr_assert(refusal() == STORE_FOREIGN);
    cr_assert(migration_refusal(-1, true) == STORE_FOREIGN);
    cr_assert(file_size() == 0);
}

/* the database has gone, but what it had not folded in is there. */
Test(sqlite_file, a_wal_without_its_database_is_not_overwritten)
{
    char wal[200];

    snprintf(wal, sizeof wal, "%s-wal", fixture_path);
    FILE *f = fopen(wal, "w");
    must(f && fputs("frames", f) >= 0 && fclose(f) == 0);
    cr_assert(migration_refusal(-1, true) == STORE_MISSING);
    cr_assert(access(fixture_path, F_OK) != 0);
}

/* */
Test(sqlite_file, what_is_not_ours_is_left_alone)
{
    static char text[5000];

    memset(text, 'x', sizeof text);
    put(0, text, sizeof text);
    cr_assert(refusal() == STORE_FOREIGN);
    cr_assert(migration_refusal(-1, true) == STORE_FOREIGN);
    unlink(fixture_path);

    raw("CREATE TABLE theirs (a); PRAGMA application_id = 77");
    cr_assert(refusal() == STORE_FOREIGN);
    cr_assert(migration_refusal(-1, true) == STORE_FOREIGN);
    cr_assert(raw_number("SELECT count(*) FROM sqlite_schema") == 1);
    unlink(fixture_path);

    mkdir(fixture_path, 0700);
    cr_assert(refusal() == STORE_FOREIGN);
}

/* */
Test(sqlite_file, other_versions_are_told_apart)
{
    fixture_migrate();
    raw("PRAGMA user_version = 3");
    cr_assert(refusal() == STORE_NEWER);
    cr_assert(migration_refusal(-1, true) == STORE_NEWER);
    raw("PRAGMA user_version = 1");
    cr_assert(refusal() == STORE_BEHIND);
    raw("PRAGMA user_version = -1");
    cr_assert(refusal() == STORE_CORRUPT);
    raw("PRAGMA user_version = 2");
    cr_assert(refusal() == STORE_FINE);
}

/* but for the end of the last page, which is free space here. */
Test(sqlite_file, a_truncated_one_is_refused_at_every_length)
{
    fixture_migrate();
    off_t whole = file_size();

    for (off_t size = 1; size <= whole - 4096; size += size < 200 ? 33 : 1013) {
        must(truncate(fixture_path, size) == 0);
        enum sqlite_refusal said = refusal();
        cr_assert(said == STORE_FOREIGN || said == STORE_CORRUPT, "%d at %ld", said, (long)size);
        must(unlink(fixture_path) == 0);
        fixture_migrate();
    }
}

/* a flipped bit is refused, or it is one that changes no structure;
 * never a crash and never an empty database. */
Test(sqlite_file, flipped_bits_do_no_harm)
{
    static char whole[1 << 17];
    unsigned refused = 0, tried = 0;

    fixture_migrate();
    int fd = open(fixture_path, O_RDONLY);
    ssize_t size = read(fd, whole, sizeof whole);
    close(fd);
    must(size > 4096 && size < (ssize_t)sizeof whole);

    for (ssize_t at = 0; at < size; at += at < 4096 ? 7 : 101) {
        char flipped = (char)(whole[at] ^ (1 << at % 8));
        put(at, &flipped, 1);
        refused += refusal() != STORE_FINE;
        tried++;
        put(0, whole, (size_t)size);
        must(truncate(fixture_path, size) == 0);
    }
    cr_assert(refused > 20 && refused < tried, "%u of %u", refused, tried);
    cr_assert(refusal() == STORE_FINE);
}

/* needs root, who may become nobody. */
Test(sqlite_file, one_that_cannot_be_written_is_refused)
{
    fixture_migrate();
    if (geteuid() == 0) {
        must(chmod(fixture_dir, 0755) == 0 && chmod(fixture_path, 0644) == 0);
        must(seteuid(65534) == 0);
    } else {
        must(chmod(fixture_path, 0444) == 0);
    }
    cr_assert(refusal() == STORE_UNUSABLE);
    if (getuid() == 0) must(seteuid(0) == 0);
}

/* --- migrating --- */

static int lines;

static void on_line(const char *line)
{
    cr_assert(strstr(line, "00") == line);
    lines++;
}

Test(sqlite_migrate, goes_up_and_down_step_by_step)
{
    struct sqlite_problem problem;

    cr_assert(sqlite_migrate(fixture_path, 1, true, on_line, &problem));
    cr_assert(lines == 1 && sqlite_version_of(fixture_path, &problem) == 1);
    raw("INSERT INTO thing (id) VALUES (1)");
    cr_assert(sqlite_migrate(fixture_path, -1, false, on_line, &problem));
    cr_assert(lines == 2 && sqlite_version_of(fixture_path, &problem) == 2);
    cr_assert(raw_number("SELECT count(*) FROM thing") == 1);
    cr_assert(raw_number("SELECT count(*) FROM schema_migration WHERE applied_at > 0") == 2);

    cr_assert(sqlite_migrate(fixture_path, 2, false, on_line, &problem) && lines == 2);
    cr_assert(sqlite_migrate(fixture_path, 0, false, on_line, &problem) && lines == 4);
    cr_assert(sqlite_version_of(fixture_path, &problem) == 0);
    cr_assert(raw_number("SELECT count(*) FROM sqlite_schema WHERE name = 'thing'") == 0);
    cr_assert(raw_number("SELECT count(*) FROM schema_migration") == 0);
    cr_assert(sqlite_migrate(fixture_path, -1, false, NULL, &problem));
}

Test(sqlite_migrate, a_step_that_fails_is_undone)
{
    struct sqlite_problem problem;

    cr_assert(sqlite_migrate(fixture_path, 1, true, NULL, &problem));
    raw("CREATE INDEX part_by_thing ON thing (body)"); /* the name is taken */
    cr_assert(!sqlite_migrate(fixture_path, 2, false, NULL, &problem));
    cr_assert(problem.refusal == STORE_UNUSABLE && strstr(problem.text, "002_parts"));
    cr_assert(sqlite_version_of(fixture_path, &problem) == 1);
    cr_assert(raw_number("SELECT count(*) FROM sqlite_schema WHERE name = 'part'") == 0);
}

/* */
Test(sqlite_migrate, several_at_once_do_each_step_once)
{
    for (int round = 0; round < 10; round++) {
        pid_t children[4];
        for (int i = 0; i < 4; i++) {
            children[i] = fork();
            if (children[i]) continue;
            struct sqlite_problem problem;
            bool done = sqlite_migrate(fixture_path, -1, true, NULL, &problem);
            if (!done) fprintf(stderr, "%s\n", problem.text);
            _exit(!done);
        }
        for (int i = 0; i < 4; i++) {
            int status;
            must(waitpid(children[i], &status, 0) == children[i]);
            cr_assert(status == 0);
        }
        cr_assert(refusal() == STORE_FINE);
        cr_assert(raw_number("SELECT count(*) FROM pair") == 2);
        must(unlink(fixture_path) == 0);
    }
}

/* A child migrates to `target` with this fault at the n-th call; its exit
 * status, 0 for done, 1 for refused. */
static int migrate_with_fault(int target, enum fault_action action, unsigned kinds, unsigned nth,
                              bool forever)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        struct sqlite_problem problem = { 0 };
        fault_install();
        fault_plan(kinds, action, nth, forever);
        bool done = sqlite_migrate(fixture_path, target, true, NULL, &problem);
        if (!done && (!problem.text[0] || problem.refusal == STORE_FINE)) _exit(2);
        if (fault_calls() < nth) _exit(3); /* n is past the end */
        _exit(!done);
    }
    must(waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* After a fault on the way from `from` to `to`: one or the other, or not there
 * when it was to be made; and trying again succeeds. */
static void check_and_finish(int from, int to)
{
    struct sqlite_problem problem = { 0 };
    int version = sqlite_version_of(fixture_path, &problem);

    if (version < 0) {
        cr_assert(from < 0 && problem.refusal == STORE_MISSING, "%s", problem.text);
    } else {
        int low = from < to ? from : to, high = from < to ? to : from;
        cr_assert(version >= low && version <= high && !(from < 0 && version != to));
        cr_assert(raw_number("SELECT count(*) FROM sqlite_schema WHERE name = 'part'") ==
                  (version == 2));
        cr_assert(raw_number("SELECT count(*) FROM pragma_integrity_check"
                             " WHERE integrity_check = 'ok'") == 1);
    }
    if (!sqlite_migrate(fixture_path, to, true, NULL, &problem)) cr_assert_fail("%s", problem.text);
    cr_assert(sqlite_version_of(fixture_path, &problem) == to);
}

static void try_every_fault(int from, int to, enum fault_action action, bool forever)
{
    struct sqlite_problem problem;
    unsigned kinds = FAULT_WRITE | FAULT_SYNC | FAULT_TRUNCATE;

    for (unsigned nth = 1;; nth++) {
        unlink(fixture_path);
        if (from >= 0) must(sqlite_migrate(fixture_path, from, true, NULL, &problem));
        int said = migrate_with_fault(to, action, kinds, nth, forever);
        cr_assert(said != 2);
        if (said == 3) {
            cr_assert(nth > 5, "only %u calls", nth);
            return;
        }
        check_and_finish(from, to);
    }
}

/* */
Test(sqlite_migrate, killed_anywhere_it_is_at_one_version_or_the_next, .timeout = 60)
{
    try_every_fault(-1, 2, FAULT_KILL, false);
    try_every_fault(-1, 2, FAULT_POWER, false);
    try_every_fault(1, 2, FAULT_KILL, false);
    try_every_fault(1, 2, FAULT_POWER, false);
    try_every_fault(2, 1, FAULT_POWER, false);
}

/* */
Test(sqlite_migrate, a_full_disk_leaves_no_half_state, .timeout = 60)
{
    try_every_fault(-1, 2, FAULT_FULL, true);
    try_every_fault(1, 2, FAULT_FULL, true);
    try_every_fault(1, 2, FAULT_FULL, false);
}

/* */
Test(sqlite_migrate, an_io_error_is_a_clear_problem, .timeout = 60)
{
    try_every_fault(-1, 2, FAULT_FAIL, false);
    try_every_fault(1, 2, FAULT_FAIL, true);
}
