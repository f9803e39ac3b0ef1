/* The embedded store as the rest of the program sees it: opening and closing,
 * and the three calls of struct store_ops. The work is done by the threads in
 * sqlite_writer.c and sqlite_reader.c, which get it through sqlite_lane.c. */
#include "sqlite_threads.h"

#include "base/must.h"

#include <signal.h>
#include <stdlib.h>

/* Address space, not memory: only what is touched is. */
#define THREAD_STACK ((size_t)512 << 10)

/* Larger files are not read from end to end at each start: damage in them
 * shows when a page is used. */
#define CHECK_BYTES_MAX ((int64_t)4 << 20)

static struct sqlite_store store;
static struct {
    uv_thread_t writer, readers[SQLITE_READERS_MAX];
    unsigned running; /* readers */
} threads;

enum err sqlite_error(int code)
{
    switch (code) {
    case SQLITE_OK: return OK;
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
    case SQLITE_CONSTRAINT_FOREIGNKEY: return E_CONFLICT;
    default: return E_STORE_DOWN;
    }
}

bool sqlite_own_fault(int code)
{
    switch (code & 0xff) {
    case SQLITE_ERROR:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
    case SQLITE_RANGE: return true;
    default: return false;
    }
}

static enum err on_read(struct ctx *ctx, struct db_query *queries, size_t count)
{
    return sqlite_lane_ask(&store.reads, ctx, queries, count);
}

static enum err on_write(struct ctx *ctx, struct db_query *queries, size_t count)
{
    return sqlite_lane_ask(&store.writes, ctx, queries, count);
}

/* Writes the first page as it is: it has to get to the disk like any other. */
static enum err on_probe(struct ctx *ctx)
{
    static const struct db_stmt touch = { "probe", "PRAGMA application_id = 1347638350", "", "" };
    _Static_assert(SQLITE_APPLICATION_ID == 1347638350, "as above");
    struct db_query q = { .stmt = &touch };

    return on_write(ctx, &q, 1);
}

/* Readers first: the last connection to close is the writer's, which then
 * folds the WAL into the file. */
static void on_close(void)
{
    sqlite_lane_end(&store.reads);
    while (threads.running) must(uv_thread_join(&threads.readers[--threads.running]) == 0);
    sqlite_lane_end(&store.writes);
    must(uv_thread_join(&threads.writer) == 0);
    sqlite_lane_done(&store.reads);
    sqlite_lane_done(&store.writes);
    free(store.file.path);
}

static const struct store_ops ops = {
    .name = "sqlite",
    .read = on_read,
    .write = on_write,
    .probe = on_probe,
    .close = on_close,
};

static bool thread_start(uv_thread_t *thread, void (*run)(void *arg))
{
    uv_thread_options_t options = { .flags = UV_THREAD_HAS_STACK_SIZE, .stack_size = THREAD_STACK };

    return uv_thread_create_ex(thread, &options, run, &store) == 0;
}

/* Signals are the loop's business: the threads inherit a full mask. */
static void threads_start(void)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = thread_start(&threads.writer, sqlite_writer_run);
    for (unsigned i = 0; i < store.readers; i++)
        started = started && thread_start(&threads.readers[i], sqlite_reader_run);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    must(started); /* */
    threads.running = store.readers;
}

static bool file_serves(const char *path, int version, struct sqlite_problem *problem)
{
    struct sqlite_conn *conn = &store.writer.conn;

    if (version < sqlite_migration_count)
        return sqlite_refuse(problem, STORE_BEHIND,
                             "%s has schema version %d, this program needs %d: "
                             "run postern migrate up",
                             path, version, sqlite_migration_count);

    int code = sqlite_file_check(conn, CHECK_BYTES_MAX);
    if (code == SQLITE_OK) code = sqlite_conn_says(conn, "PRAGMA journal_mode = WAL", "wal");
    return code == SQLITE_OK || sqlite_refuse_code(problem, path, conn, code);
}

static bool writer_open(const char *path, struct sqlite_problem *problem)
{
    struct sqlite_conn *conn = &store.writer.conn;
    int version;

    if (!sqlite_file_open(conn, path, SQLITE_WRITER, SQLITE_PATIENCE_MS, &version, problem))
        return false;
    if (file_serves(path, version, problem)) return true;
    sqlite_conn_close(conn);
    return false;
}

bool sqlite_open(const char *path, unsigned readers, struct sqlite_problem *problem)
{
    struct stat st;

    must(readers >= 1 && readers <= SQLITE_READERS_MAX);
    store = (struct sqlite_store){ .readers = readers };
    sqlite_link_init(&store.writer, &store.file, "writer", SQLITE_WRITER);
    if (!writer_open(path, problem)) return false;
    if (stat(path, &st) != 0) {
        sqlite_conn_close(&store.writer.conn);
        return sqlite_refuse(problem, STORE_MISSING, "%s does not exist", path);
    }
    store.file.path = strdup(path);
    must(store.file.path != NULL);
    store.file.device = st.st_dev;
    store.file.inode = st.st_ino;

    sqlite_lane_init(&store.writes, "store.write");
    sqlite_lane_init(&store.reads, "store.read");
    threads_start();
    store_use(&ops);
    return true;
}

struct sqlite_figures sqlite_figures(void)
{
    return (struct sqlite_figures){
        .batches = store.batches,
        .commits = store.commits,
        .rollbacks = store.rollbacks,
        .reads = store.answered_reads,
    };
}
