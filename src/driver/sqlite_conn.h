/* sqlite_conn.h - one connection to the file; private to the embedded store.
 *
 * A connection belongs to one thread at a time. Its functions answer SQLite's
 * extended result codes: what they mean for a caller of the store is decided
 * one storey up. Running out of memory ends the process.
 */
#ifndef DRIVER_SQLITE_CONN_H
#define DRIVER_SQLITE_CONN_H

#include "driver/sqlite.h"

#include <sqlite3.h>

#define SQLITE_APPLICATION_ID 0x5053544E /* "PSTN" */

enum sqlite_role { SQLITE_READER, SQLITE_WRITER, SQLITE_MIGRATOR };

struct sqlite_prepared;

struct sqlite_conn {
    sqlite3 *db; /* owned; NULL while closed */
    enum sqlite_role role;
    struct sqlite_prepared *prepared; /* owned; open hash by address of a db_stmt */
    size_t prepared_count, prepared_cap;
    struct db_value *cells; /* owned; rows of the running statement */
    size_t cells_count, cells_cap;
};

/* Opens the file, which must be there. Reads nothing of it yet. */
int sqlite_conn_open(struct sqlite_conn *c, const char *path, enum sqlite_role role,
                     int patience_ms);
/* Settings that read the file: durability, foreign keys, ceilings. */
int sqlite_conn_set_up(struct sqlite_conn *c);
void sqlite_conn_close(struct sqlite_conn *c);

/* Several statements of fixed SQL, without parameters or answers. */
int sqlite_conn_script(struct sqlite_conn *c, const char *sql);
/* One number out of the file: "PRAGMA user_version". */
int sqlite_conn_number(struct sqlite_conn *c, const char *sql, int64_t *out);
/* Does the statement answer this word? SQLITE_MISMATCH: another. */
int sqlite_conn_says(struct sqlite_conn *c, const char *sql, const char *word);
/* A statement without parameters or answers, kept prepared. */
int sqlite_conn_do(struct sqlite_conn *c, const struct db_stmt *stmt);
/* The queries of a batch in order, answers into ctx->arena. Stops at the first
 * that fails, and then none has an answer. SQLITE_MISMATCH: a row is not what
 * its statement promised. */
int sqlite_conn_batch(struct sqlite_conn *c, struct ctx *ctx, struct db_query *queries,
                      size_t count);
void sqlite_batch_clear(struct db_query *queries, size_t count); /* no answers */

/* sqlite_file.c: the checks before a file is believed in. */

/* Fills the problem (refusal, text naming `path`); answers false. */
bool sqlite_refuse(struct sqlite_problem *problem, enum sqlite_refusal refusal, const char *fmt,
                   ...) PRINTF(3, 4);
/* The same for a result code. */
bool sqlite_refuse_code(struct sqlite_problem *problem, const char *path,
                        const struct sqlite_conn *c, int code);
/* Opens an existing file after looking that it is ours and not newer; its
 * version goes to `version`. False: a problem, and `c` is closed. */
bool sqlite_file_open(struct sqlite_conn *c, const char *path, enum sqlite_role role,
                      int patience_ms, int *version, struct sqlite_problem *problem);
/* Looks for damaged pages if the file has at most so many bytes; a larger one
 * is opened and its schema read. SQLITE_OK, or SQLITE_CORRUPT. */
int sqlite_file_check(struct sqlite_conn *c, int64_t bytes_max);

#endif
