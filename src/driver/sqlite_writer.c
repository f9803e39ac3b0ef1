/* The one thread that writes. It begins a transaction, takes everything that
 * has queued by then, gives each batch a savepoint, commits, and answers all of
 * them together: one fsync for many. Nothing is answered before COMMIT has
 * returned, and when it fails everybody hears so, even those who had been told
 * no: their conflict may have been with a neighbour that is not there now.
 *
 * The write lock is taken before the jobs are, so that those who wait for
 * another process's lock can still leave at their deadline.
 *
 * The WAL is copied back by this thread too, after the answers: a little
 * whenever WAL_PAGES have come together. While a reader holds on to an old
 * snapshot this cannot finish and the WAL grows; beyond WAL_LARGE_PAGES we
 * insist a moment longer and give the space back, and the operator is told at
 * every doubling from WAL_ALARM_PAGES on. */
#include "sqlite_threads.h"

#include "base/log.h"

enum {
    WAL_PAGES = 1000,        /* 4 MiB */
    WAL_LARGE_PAGES = 8000,  /* 32 MiB */
    WAL_ALARM_PAGES = 16384, /* 64 MiB */
    WAL_PATIENCE_MS = 20,    /* for readers to leave */
};

struct writer {
    struct sqlite_store *store;
    struct sqlite_link *link;
    int wal_pages;     /* after the last commit */
    int checkpoint_at; /* pages */
    int alarm_at;      /* pages */
    bool wrote;        /* the last commit changed the file */
};

static const struct db_stmt begin = { "begin", "BEGIN IMMEDIATE", "", "" };
static const struct db_stmt commit = { "commit", "COMMIT", "", "" };
static const struct db_stmt rollback = { "rollback", "ROLLBACK", "", "" };
static const struct db_stmt savepoint = { "savepoint", "SAVEPOINT batch", "", "" };
static const struct db_stmt undo = { "undo", "ROLLBACK TO batch", "", "" };
static const struct db_stmt release = { "release", "RELEASE batch", "", "" };

static int on_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
    struct writer *w = arg;

    (void)db, (void)name;
    if (pages < w->wal_pages) { /* it has started over */
        w->checkpoint_at = WAL_PAGES;
        w->alarm_at = WAL_ALARM_PAGES;
    }
    w->wal_pages = pages;
    w->wrote = true;
    return SQLITE_OK;
}

static int batch_run(struct writer *w, struct sqlite_job *job)
{
    struct sqlite_conn *conn = &w->link->conn;
    int code = sqlite_conn_do(conn, &savepoint);

    if (code != SQLITE_OK) return code;
    code = sqlite_conn_batch(conn, job->ctx, job->queries, job->count);
    job->result = sqlite_error(code);
    if (code != SQLITE_OK) {
        if (!sqlite_own_fault(code) || sqlite3_get_autocommit(conn->db)) return code;
        atomic_fetch_add(&w->store->rollbacks, 1);
        code = sqlite_conn_do(conn, &undo);
    }
    return code == SQLITE_OK ? sqlite_conn_do(conn, &release) : code;
}

static void group_fail(struct writer *w, struct sqlite_job *jobs, int code)
{
    struct sqlite_conn *conn = &w->link->conn;

    if (conn->db && !sqlite3_get_autocommit(conn->db)) {
        int undone = sqlite_conn_do(conn, &rollback);
        if (undone != SQLITE_OK) code = undone;
    }
    sqlite_link_trouble(w->link, code);
    for (struct sqlite_job *job = jobs; job; job = job->next)
        atomic_fetch_add(&w->store->rollbacks, 1);
}

static int group_commit(struct writer *w)
{
    w->wrote = false;
    int code = sqlite_conn_do(&w->link->conn, &commit);
    if (code != SQLITE_OK) return code;
    if (w->wrote) atomic_fetch_add(&w->store->commits, 1);
    /* what went into a file that nobody will find again is not stored. */
    return sqlite_file_in_place(&w->store->file) ? SQLITE_OK : SQLITE_READONLY_DBMOVED;
}

static void group_run(struct writer *w)
{
    struct sqlite_lane *lane = &w->store->writes;

    sqlite3_wal_hook(w->link->conn.db, on_wal, w);
    int code = sqlite_conn_do(&w->link->conn, &begin);
    struct sqlite_job *jobs = sqlite_lane_take(lane, 1, SQLITE_LANE_MAX);

    for (struct sqlite_job *job = jobs; job && code == SQLITE_OK; job = job->next)
        code = batch_run(w, job);
    if (code == SQLITE_OK) code = group_commit(w);
    if (code != SQLITE_OK) {
        group_fail(w, jobs, code);
        sqlite_lane_refuse(lane, jobs, E_STORE_DOWN);
        return;
    }
    sqlite_link_well(w->link);
    for (struct sqlite_job *job = jobs; job; job = job->next)
        if (job->result == OK) atomic_fetch_add(&w->store->batches, 1);
    sqlite_lane_answer(lane, jobs);
}

static void wal_tidy(struct writer *w)
{
    sqlite3 *db = w->link->conn.db;

    if (!db || w->wal_pages < w->checkpoint_at) return;
    bool large = w->wal_pages >= WAL_LARGE_PAGES;
    if (large) sqlite3_busy_timeout(db, WAL_PATIENCE_MS);
    int code =
        sqlite3_wal_checkpoint_v2(db, NULL,
                                  large ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE,
                                  NULL, NULL);
    if (large) sqlite3_busy_timeout(db, SQLITE_PATIENCE_MS);
    w->checkpoint_at = w->wal_pages + WAL_PAGES;

    if (code != SQLITE_OK && code != SQLITE_BUSY)
        log_warn(LOG_NONE, "store.checkpoint_failed", KV("reason", sqlite3_errstr(code)),
                 KV("code", code));
    if (w->wal_pages < w->alarm_at || (large && code == SQLITE_OK)) return;
    w->alarm_at = w->wal_pages * 2;
    log_warn(LOG_NONE, "store.wal_large", KV("pages", w->wal_pages),
             KV("file", w->store->file.path));
}

void sqlite_writer_run(void *arg)
{
    struct sqlite_store *store = arg;
    struct writer w = {
        .store = store,
        .link = &store->writer,
        .checkpoint_at = WAL_PAGES,
        .alarm_at = WAL_ALARM_PAGES,
    };

    while (sqlite_lane_wait(&store->writes)) {
        if (sqlite_link_ready(w.link) == SQLITE_OK) {
            group_run(&w);
            wal_tidy(&w);
        } else {
            sqlite_lane_refuse(&store->writes, sqlite_lane_take(&store->writes, 1, SQLITE_LANE_MAX),
                               E_STORE_DOWN);
        }
    }
    sqlite_conn_close(&w.link->conn);
}
