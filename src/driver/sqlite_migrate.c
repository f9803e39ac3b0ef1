/* From one version of the schema to another, a transaction for each step.
 *
 * user_version says which step was the last and changes in the step's own
 * transaction, so a file is always at one version or the next, whatever kills
 * the migrator. Its write lock keeps a second one out, who then looks
 * again at where things stand.
 *
 * A new database is built beside its place, under a name that nobody opens,
 * and moved there when it is complete: a file at the place is never half a
 * database, and so an empty one there was not ours and is not touched.
 */
#include "sqlite_conn.h"

#include "base/clock.h"
#include "base/must.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* For another migrator, or a server's writer, to finish. */
#define PATIENCE_MS 10000

struct migrator {
    struct sqlite_conn conn;
    const char *path; /* of the file at work, for problems */
    int target;
    void (*report)(const char *line);
    struct sqlite_problem *problem;
};

/* --- steps --- */

static int step_record(struct sqlite_conn *c, const struct sqlite_migration *m, bool up)
{
    char sql[512];

    snprintf(sql, sizeof sql,
             "CREATE TABLE IF NOT EXISTS schema_migration (number INTEGER PRIMARY KEY,"
             " name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT;"
             "DELETE FROM schema_migration WHERE number = %d;"
             "PRAGMA application_id = %d; PRAGMA user_version = %d",
             m->number, SQLITE_APPLICATION_ID, up ? m->number : m->number - 1);
    int code = sqlite_conn_script(c, sql);
    if (code != SQLITE_OK || !up) return code;
    snprintf(sql, sizeof sql, "INSERT INTO schema_migration VALUES (%d, '%s', %lld)", m->number,
             m->name, (long long)wall_ms());
    return sqlite_conn_script(c, sql);
}

/* Foreign keys are off while tables are rebuilt: nothing may dangle after. */
static int step_check(struct sqlite_conn *c)
{
    int64_t dangling;
    int code = sqlite_conn_number(c, "SELECT count(*) FROM pragma_foreign_key_check", &dangling);

    if (code == SQLITE_OK && dangling) code = SQLITE_CONSTRAINT_FOREIGNKEY;
    return code;
}

static bool step_fail(struct migrator *g, const struct sqlite_migration *m, int code)
{
    char reason[160];

    snprintf(reason, sizeof reason, "%s",
             code == sqlite3_extended_errcode(g->conn.db) ? sqlite3_errmsg(g->conn.db)
                                                          : sqlite3_errstr(code));
    if (!sqlite3_get_autocommit(g->conn.db)) (void)sqlite_conn_script(&g->conn, "ROLLBACK");
    return sqlite_refuse(g->problem, STORE_UNUSABLE, "%s: migration %03d_%s was undone: %s",
                         g->path, m->number, m->name, reason);
}

static bool step_run(struct migrator *g, const struct sqlite_migration *m, bool up)
{
    char line[128];
    int code = sqlite_conn_script(&g->conn, up ? m->up : m->down);

    must(code != SQLITE_OK || !sqlite3_get_autocommit(g->conn.db)); /* it has no COMMIT */
    if (code == SQLITE_OK) code = step_record(&g->conn, m, up);
    if (code == SQLITE_OK) code = step_check(&g->conn);
    if (code == SQLITE_OK) code = sqlite_conn_script(&g->conn, "COMMIT");
    if (code != SQLITE_OK) return step_fail(g, m, code);

    snprintf(line, sizeof line, "%03d_%s: %s", m->number, m->name, up ? "applied" : "taken back");
    if (g->report) g->report(line);
    return true;
}

/* One step towards the target; `*arrived` when none is left. */
static bool step_next(struct migrator *g, bool *arrived)
{
    int64_t version;
    int code = sqlite_conn_script(&g->conn, "BEGIN IMMEDIATE");

    if (code == SQLITE_OK) code = sqlite_conn_number(&g->conn, "PRAGMA user_version", &version);
    if (code != SQLITE_OK) return sqlite_refuse_code(g->problem, g->path, &g->conn, code);

    *arrived = version == g->target;
    if (*arrived) return sqlite_conn_script(&g->conn, "ROLLBACK") == SQLITE_OK;
    if (version > sqlite_migration_count) /* another migrator was newer */
        return sqlite_refuse(g->problem, STORE_NEWER, "%s has schema version %d by now", g->path,
                             (int)version);
    if (version < g->target) return step_run(g, &sqlite_migrations[version], true);
    return step_run(g, &sqlite_migrations[version - 1], false);
}

static bool steps_run(struct migrator *g)
{
    bool arrived = false;

    while (!arrived)
        if (!step_next(g, &arrived)) return false;
    return true;
}

/* --- a new file --- */

static char *path_beside(const char *path, const char *suffix) /* owned by the caller */
{
    size_t size = strlen(path) + strlen(suffix) + 1;
    char *beside = must_alloc(size);

    snprintf(beside, size, "%s%s", path, suffix);
    return beside;
}

static void path_free(char **path)
{
    free(*path);
}

static bool fd_is_at(int fd, const char *path)
{
    struct stat open_one, there;

    return fstat(fd, &open_one) == 0 && stat(path, &there) == 0 &&
           open_one.st_dev == there.st_dev && open_one.st_ino == there.st_ino;
}

/* Locks the place where databases are built; -1 with a problem. Who had to wait
 * holds a lock on what has meanwhile become the database: that one is let go. */
static int building_lock(const char *building, struct sqlite_problem *problem)
{
    uint64_t until = mono_ms() + PATIENCE_MS;

    for (;;) {
        int fd = open(building, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0) {
            sqlite_refuse(problem, STORE_UNUSABLE, "%s: %s", building, strerror(errno));
            return -1;
        }
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fd_is_at(fd, building)) return fd;
        close(fd);
        if (mono_ms() > until) {
            sqlite_refuse(problem, STORE_UNUSABLE, "%s: another process is at work", building);
            return -1;
        }
        usleep(20 * 1000);
    }
}

static bool build(struct migrator *g, int fd)
{
    CLEANUP(path_free) char *journal = path_beside(g->path, "-journal");

    /* What an earlier attempt has left. */
    if ((unlink(journal) != 0 && errno != ENOENT) || ftruncate(fd, 0) != 0)
        return sqlite_refuse(g->problem, STORE_UNUSABLE, "%s: %s", g->path, strerror(errno));

    int code = sqlite_conn_open(&g->conn, g->path, SQLITE_MIGRATOR, PATIENCE_MS);
    if (code == SQLITE_OK) code = sqlite_conn_set_up(&g->conn);
    bool built =
        code == SQLITE_OK ? steps_run(g) : sqlite_refuse_code(g->problem, g->path, &g->conn, code);
    sqlite_conn_close(&g->conn);
    return built;
}

/* Into its place, if that is still free, and durably so. */
static bool building_move(const char *building, const char *path, struct sqlite_problem *problem)
{
    CLEANUP(path_free) char *copy = path_beside(path, "");

    if (renameat2(AT_FDCWD, building, AT_FDCWD, path, RENAME_NOREPLACE) != 0)
        return sqlite_refuse(problem, STORE_UNUSABLE, "%s: %s", path, strerror(errno));

    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool durable = fd >= 0 && fsync(fd) == 0;
    if (!durable) sqlite_refuse(problem, STORE_UNUSABLE, "%s: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
    return durable;
}

/* True also when somebody else made it meanwhile. */
static bool create(struct migrator *g, const char *path)
{
    CLEANUP(path_free) char *building = path_beside(path, ".new");
    CLEANUP(path_free) char *wal = path_beside(path, "-wal");

    if (access(wal, F_OK) == 0)
        return sqlite_refuse(g->problem, STORE_MISSING,
                             "%s is gone, but the changes in its -wal file are there: "
                             "put it back or remove both",
                             path);

    int fd = building_lock(building, g->problem);
    if (fd < 0) return false;
    g->path = building;
    bool there = access(path, F_OK) == 0;
    bool made = there || (build(g, fd) && building_move(building, path, g->problem));
    if (there || !made) unlink(building);
    close(fd);
    return made;
}

/* --- the public part --- */

bool sqlite_migrate(const char *path, int target, bool may_create, void (*report)(const char *line),
                    struct sqlite_problem *problem)
{
    struct migrator g = {
        .path = path,
        .target = target < 0 ? sqlite_migration_count : target,
        .report = report,
        .problem = problem,
    };
    int version;

    must(g.target <= sqlite_migration_count);
    bool open = sqlite_file_open(&g.conn, path, SQLITE_MIGRATOR, PATIENCE_MS, &version, problem);
    if (!open && problem->refusal == STORE_MISSING && may_create && g.target > 0) {
        *problem = (struct sqlite_problem){ .refusal = STORE_FINE };
        return create(&g, path) && sqlite_migrate(path, target, false, report, problem);
    }
    if (!open) return false;
    bool arrived = steps_run(&g);
    sqlite_conn_close(&g.conn);
    return arrived;
}

int sqlite_version_of(const char *path, struct sqlite_problem *problem)
{
    struct sqlite_conn conn;
    int version;

    if (!sqlite_file_open(&conn, path, SQLITE_MIGRATOR, PATIENCE_MS, &version, problem)) return -1;
    sqlite_conn_close(&conn);
    return version;
}
