/* Whose file is it? Nothing is written before that is known, and an open
 * never creates: a database that has gone must be noticed, not replaced by an
 * empty one. SQLite's errors become sentences an operator can act on.
 *
 * The file is never opened here besides SQLite: closing any descriptor of it
 * would drop all POSIX locks this process holds on it. */
#include "sqlite_conn.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>

bool sqlite_refuse(struct sqlite_problem *problem, enum sqlite_refusal refusal, const char *fmt,
                   ...)
{
    va_list args;

    problem->refusal = refusal;
    va_start(args, fmt);
    vsnprintf(problem->text, sizeof problem->text, fmt, args);
    va_end(args);
    return false;
}

bool sqlite_refuse_code(struct sqlite_problem *problem, const char *path,
                        const struct sqlite_conn *c, int code)
{
    int cause = c->db ? sqlite3_system_errno(c->db) : 0;

    switch (code & 0xff) {
    case SQLITE_NOTADB:
        return sqlite_refuse(problem, STORE_FOREIGN,
                             "%s is not a postern database, or its first page is damaged", path);
    case SQLITE_CORRUPT:
        return sqlite_refuse(problem, STORE_CORRUPT, "%s is damaged: restore it from a backup",
                             path);
    case SQLITE_BUSY:
        return sqlite_refuse(problem, STORE_UNUSABLE, "%s is locked by another process", path);
    case SQLITE_FULL: return sqlite_refuse(problem, STORE_UNUSABLE, "%s: the disk is full", path);
    case SQLITE_READONLY:
        return sqlite_refuse(problem, STORE_UNUSABLE,
                             "%s or its directory cannot be written by this user", path);
    default:
        return sqlite_refuse(problem, STORE_UNUSABLE, "%s: %s%s%s", path, sqlite3_errstr(code),
                             cause ? ": " : "", cause ? strerror(cause) : "");
    }
}

/* The index of a WAL is shared memory, which no network file system has. */
static bool on_network(const char *path)
{
    struct statfs fs;

    if (statfs(path, &fs) != 0) return false;
    switch ((unsigned long)fs.f_type & 0xffffffff) {
    case 0x6969:     /* NFS */
    case 0x517b:     /* SMB */
    case 0xfe534d42: /* SMB2 */
    case 0xff534d42: /* CIFS */ return true;
    default: return false;
    }
}

static bool path_look(const char *path, struct sqlite_problem *problem)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        if (errno == ENOENT)
            return sqlite_refuse(problem, STORE_MISSING, "%s does not exist", path);
        return sqlite_refuse(problem, STORE_UNUSABLE, "%s: %s", path, strerror(errno));
    }
    if (!S_ISREG(st.st_mode))
        return sqlite_refuse(problem, STORE_FOREIGN, "%s is not a regular file", path);
    if (st.st_size == 0)
        return sqlite_refuse(problem, STORE_FOREIGN,
                             "%s is empty: restore it from a backup, or remove it", path);
    if (on_network(path))
        return sqlite_refuse(problem, STORE_UNUSABLE,
                             "%s is on a network file system, where SQLite is not safe", path);
    return true;
}

static bool identity_look(struct sqlite_conn *c, const char *path, int *version,
                          struct sqlite_problem *problem)
{
    int64_t id, number;
    int code = sqlite_conn_number(c, "PRAGMA application_id", &id);

    if (code == SQLITE_OK) code = sqlite_conn_number(c, "PRAGMA user_version", &number);
    if (code != SQLITE_OK) return sqlite_refuse_code(problem, path, c, code);
    if (id != SQLITE_APPLICATION_ID)
        return sqlite_refuse(problem, STORE_FOREIGN, "%s is a database of another program", path);
    if (number < 0)
        return sqlite_refuse(problem, STORE_CORRUPT, "%s has the impossible version %d", path,
                             (int)number);
    if (number > sqlite_migration_count)
        return sqlite_refuse(problem, STORE_NEWER,
                             "%s has schema version %d, this program knows %d: use a newer one",
                             path, (int)number, sqlite_migration_count);
    if (sqlite3_db_readonly(c->db, "main"))
        return sqlite_refuse_code(problem, path, c, SQLITE_READONLY);
    *version = (int)number;
    return true;
}

bool sqlite_file_open(struct sqlite_conn *c, const char *path, enum sqlite_role role,
                      int patience_ms, int *version, struct sqlite_problem *problem)
{
    *c = (struct sqlite_conn){ .role = role };
    *problem = (struct sqlite_problem){ .refusal = STORE_FINE };
    if (!path_look(path, problem)) return false;

    int code = sqlite_conn_open(c, path, role, patience_ms);
    if (code != SQLITE_OK) {
        sqlite_refuse_code(problem, path, c, code);
    } else if (identity_look(c, path, version, problem)) {
        code = sqlite_conn_set_up(c);
        if (code == SQLITE_OK) return true;
        sqlite_refuse_code(problem, path, c, code);
    }
    sqlite_conn_close(c);
    return false;
}

int sqlite_file_check(struct sqlite_conn *c, int64_t bytes_max)
{
    int64_t pages, page_size, tables;
    int code = sqlite_conn_number(c, "PRAGMA page_count", &pages);

    if (code == SQLITE_OK) code = sqlite_conn_number(c, "PRAGMA page_size", &page_size);
    if (code == SQLITE_OK && pages > bytes_max / page_size)
        return sqlite_conn_number(c, "SELECT count(*) FROM sqlite_schema", &tables);
    if (code == SQLITE_OK) code = sqlite_conn_says(c, "PRAGMA quick_check(1)", "ok");
    return code == SQLITE_MISMATCH ? SQLITE_CORRUPT : code;
}
