/* A full disk and a lock held too long pass without our doing, so the
 * connection stays. Anything else may have left it in a state nobody has
 * tested: it is closed and a new one is made.
 *
 * A file that was replaced, or in which a damaged page was met, is not written
 * until it is back or has been checked from end to end. */
#include "sqlite_link.h"

#include "base/clock.h"
#include "base/log.h"

enum { WAIT_FIRST_MS = 50, WAIT_MOST_MS = 5000 };

void sqlite_link_init(struct sqlite_link *l, struct sqlite_file *file, const char *who,
                      enum sqlite_role role)
{
    *l = (struct sqlite_link){ .file = file, .who = who, .conn.role = role };
}

bool sqlite_file_in_place(const struct sqlite_file *file)
{
    struct stat st;

    return stat(file->path, &st) == 0 && st.st_dev == file->device && st.st_ino == file->inode;
}

static bool unusable(int code)
{
    switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_READONLY: return true;
    default: return false;
    }
}

static bool passes_by_itself(int code)
{
    switch (code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return true;
    default: return false;
    }
}

static void trouble_log(const struct sqlite_link *l, int code)
{
    const char *event = unusable(code) ? "store.unusable" : "store.down";
    const char *reason =
        code == SQLITE_READONLY_DBMOVED ? "the file was removed or replaced" : sqlite3_errstr(code);
    int cause = l->conn.db ? sqlite3_system_errno(l->conn.db) : 0;

    log_error(LOG_NONE, event, KV("file", l->file->path), KV("thread", l->who),
              KV("reason", reason), KV("code", code), KV("errno", cause));
}

void sqlite_link_trouble(struct sqlite_link *l, int code)
{
    if ((code & 0xff) != (l->trouble & 0xff)) trouble_log(l, code);
    l->trouble = code;
    if ((code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB)
        atomic_store(&l->file->suspect, true);
    if (l->conn.db && passes_by_itself(code) && sqlite3_get_autocommit(l->conn.db)) return;

    sqlite_conn_close(&l->conn);
    l->wait_ms = l->wait_ms ? l->wait_ms * 2 : WAIT_FIRST_MS;
    if (l->wait_ms > WAIT_MOST_MS) l->wait_ms = WAIT_MOST_MS;
    l->retry_ms = mono_ms() + l->wait_ms;
}

void sqlite_link_well(struct sqlite_link *l)
{
    if (l->trouble == SQLITE_OK) return;
    log_info(LOG_NONE, "store.up", KV("file", l->file->path), KV("thread", l->who));
    l->trouble = SQLITE_OK;
    l->wait_ms = 0;
}

static int refusal_code(enum sqlite_refusal refusal)
{
    switch (refusal) {
    case STORE_MISSING: return SQLITE_READONLY_DBMOVED;
    case STORE_FOREIGN:
    case STORE_NEWER: return SQLITE_NOTADB;
    case STORE_CORRUPT: return SQLITE_CORRUPT;
    default: return SQLITE_IOERR;
    }
}

static int link_open(struct sqlite_link *l)
{
    struct sqlite_problem problem;
    int version;

    if (!sqlite_file_in_place(l->file)) return SQLITE_READONLY_DBMOVED;
    if (!sqlite_file_open(&l->conn, l->file->path, l->conn.role, SQLITE_PATIENCE_MS, &version,
                          &problem))
        return refusal_code(problem.refusal);
    if (l->conn.role == SQLITE_READER || !atomic_load(&l->file->suspect)) return SQLITE_OK;

    int code = sqlite_file_check(&l->conn, INT64_MAX);
    if (code == SQLITE_OK) atomic_store(&l->file->suspect, false);
    return code;
}

int sqlite_link_ready(struct sqlite_link *l)
{
    bool doubtful = l->conn.role == SQLITE_WRITER && atomic_load(&l->file->suspect);

    if (l->conn.db && doubtful) sqlite_link_trouble(l, SQLITE_CORRUPT);
    if (l->conn.db) return SQLITE_OK;
    if (mono_ms() < l->retry_ms) return l->trouble;

    int code = link_open(l);
    if (code != SQLITE_OK) sqlite_link_trouble(l, code);
    return code;
}
