/* A thread that reads. The jobs it takes together share one transaction, that
 * is one snapshot, begun after the last of them was asked: each sees whatever
 * had been acknowledged by then, and the file is locked once for all of them. */
#include "sqlite_threads.h"

/* A slow query holds up at most these. */
enum { SHARE_MAX = 8 };

static const struct db_stmt begin = { "read.begin", "BEGIN", "", "" };
static const struct db_stmt commit = { "read.commit", "COMMIT", "", "" };

/* The code that says something about the connection, not about a statement. */
static int jobs_run(struct sqlite_conn *conn, struct sqlite_job *jobs)
{
    bool several = jobs->next || jobs->count > 1;
    int trouble = several ? sqlite_conn_do(conn, &begin) : SQLITE_OK;

    for (struct sqlite_job *job = jobs; job; job = job->next) {
        int code = trouble;
        if (code == SQLITE_OK) code = sqlite_conn_batch(conn, job->ctx, job->queries, job->count);
        if (code != SQLITE_OK && !sqlite_own_fault(code)) trouble = code;
        job->result = sqlite_error(code);
    }
    if (!sqlite3_get_autocommit(conn->db)) {
        int code = sqlite_conn_do(conn, &commit);
        if (trouble == SQLITE_OK) trouble = code;
    }
    return trouble;
}

static void share_run(struct sqlite_store *store, struct sqlite_link *link, struct sqlite_job *jobs)
{
    unsigned count = 0;

    if (sqlite_link_ready(link) != SQLITE_OK) {
        sqlite_lane_refuse(&store->reads, jobs, E_STORE_DOWN);
        return;
    }
    for (struct sqlite_job *job = jobs; job; job = job->next) count++;
    int code = jobs_run(&link->conn, jobs);
    if (code == SQLITE_OK)
        sqlite_link_well(link);
    else
        sqlite_link_trouble(link, code);
    atomic_fetch_add(&store->answered_reads, count);
    sqlite_lane_answer(&store->reads, jobs);
}

void sqlite_reader_run(void *arg)
{
    struct sqlite_store *store = arg;
    struct sqlite_link link;

    sqlite_link_init(&link, &store->file, "reader", SQLITE_READER);
    while (sqlite_lane_wait(&store->reads)) {
        struct sqlite_job *jobs = sqlite_lane_take(&store->reads, store->readers, SHARE_MAX);
        if (jobs) share_run(store, &link, jobs);
    }
    sqlite_conn_close(&link.conn);
}
