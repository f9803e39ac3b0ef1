/* Statements are prepared once per connection and found by the address of
 * their struct db_stmt. SQLite numbers "$1" by where it first stands in the
 * text, so the number behind each name is looked up when it is prepared.
 *
 * Rows gather in a vector of the connection's and are copied once into the
 * arena; texts go there at once. */
#include "sqlite_conn.h"

#include "base/log.h"
#include "base/must.h"

#include <stdio.h>
#include <stdlib.h>

enum { PARAMS_MAX = 32, PREPARED_FIRST = 64, CELLS_FIRST = 64 };

/* Kilobytes of page cache. The memory is taken as pages are read. */
enum { WRITER_CACHE_KIB = 2000, READER_CACHE_KIB = 1000 };

struct sqlite_prepared {
    const struct db_stmt *key;  /* NULL: free */
    sqlite3_stmt *stmt;         /* owned */
    uint8_t number[PARAMS_MAX]; /* SQLite's, of $1, $2 ... */
};

/* DESIGN 5: a failed allocation ends the process. */
static int checked(int code)
{
    if (code == SQLITE_NOMEM || code == SQLITE_IOERR_NOMEM) must_have_memory(0);
    return code;
}

static enum db_type letter_type(char letter)
{
    switch (letter) {
    case 'i': return DB_INT;
    case 't': return DB_TEXT;
    case 'b': return DB_BLOB;
    default: must(letter == 'u'); return DB_UUID;
    }
}

/* --- prepared statements --- */

static struct sqlite_prepared *prepared_slot(struct sqlite_prepared *table, size_t cap,
                                             const struct db_stmt *key)
{
    size_t at = (size_t)((uint64_t)(uintptr_t)key * 0x9E3779B97F4A7C15u >> 32);

    while (table[at & (cap - 1)].key && table[at & (cap - 1)].key != key) at++;
    return &table[at & (cap - 1)];
}

static void prepared_grow(struct sqlite_conn *c)
{
    size_t cap = c->prepared_cap ? c->prepared_cap * 2 : PREPARED_FIRST;
    struct sqlite_prepared *table = must_zalloc(cap * sizeof *table);

    for (size_t i = 0; i < c->prepared_cap; i++) {
        const struct sqlite_prepared *p = &c->prepared[i];
        if (p->key) *prepared_slot(table, cap, p->key) = *p;
    }
    free(c->prepared);
    c->prepared = table;
    c->prepared_cap = cap;
}

/* A statement that does not agree with its letters is a mistake in the
 * program; one that does not agree with the schema is not. */
static void prepared_check(const struct sqlite_conn *c, struct sqlite_prepared *p, const char *tail)
{
    size_t params = strlen(p->key->params);

    must(tail[strspn(tail, " \n;")] == '\0');
    must(params <= PARAMS_MAX && (size_t)sqlite3_bind_parameter_count(p->stmt) == params);
    must((size_t)sqlite3_column_count(p->stmt) == strlen(p->key->columns));
    must(c->role != SQLITE_READER || sqlite3_stmt_readonly(p->stmt));
    for (size_t i = 0; i < params; i++) {
        char name[16];
        snprintf(name, sizeof name, "$%zu", i + 1);
        int number = sqlite3_bind_parameter_index(p->stmt, name);
        must(number > 0);
        p->number[i] = (uint8_t)number;
    }
}

static int prepared_get(struct sqlite_conn *c, const struct db_stmt *key,
                        struct sqlite_prepared **out)
{
    if (2 * (c->prepared_count + 1) > c->prepared_cap) prepared_grow(c);

    struct sqlite_prepared *p = prepared_slot(c->prepared, c->prepared_cap, key);
    *out = p;
    if (p->key) return SQLITE_OK;

    const char *tail;
    int code = checked(
        sqlite3_prepare_v3(c->db, key->sql, -1, SQLITE_PREPARE_PERSISTENT, &p->stmt, &tail));
    if (code != SQLITE_OK) return code;
    p->key = key;
    c->prepared_count++;
    prepared_check(c, p, tail);
    return SQLITE_OK;
}

/* --- parameters in, rows out --- */

/* The values outlive the statement's run: they are bound, not copied. */
static int value_bind(sqlite3_stmt *stmt, int number, const struct db_value *v)
{
    switch (v->type) {
    case DB_INT: return sqlite3_bind_int64(stmt, number, v->number);
    case DB_TEXT:
        return sqlite3_bind_text64(stmt, number, v->text.at, v->text.len, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case DB_BLOB: return sqlite3_bind_blob64(stmt, number, v->text.at, v->text.len, SQLITE_STATIC);
    case DB_UUID:
        return sqlite3_bind_blob(stmt, number, v->uuid.bytes, sizeof v->uuid.bytes, SQLITE_STATIC);
    default: return sqlite3_bind_null(stmt, number);
    }
}

static int params_bind(const struct sqlite_prepared *p, const struct db_value *params)
{
    for (size_t i = 0; p->key->params[i]; i++) {
        must(params[i].type == DB_NULL || params[i].type == letter_type(p->key->params[i]));
        int code = checked(value_bind(p->stmt, p->number[i], &params[i]));
        if (code != SQLITE_OK) return code;
    }
    return SQLITE_OK;
}

/* An answer that is too large for the arena fails; it does not end the process. */
static bool arena_fits(const struct arena *a, size_t size)
{
    size_t with_padding = size + sizeof(max_align_t) + 1;

    return with_padding <= (size_t)(a->end - a->at) || with_padding <= a->ceiling - a->total;
}

static bool cell_read(sqlite3_stmt *stmt, int column, enum db_type want, struct arena *arena,
                      struct db_value *out)
{
    int type = sqlite3_column_type(stmt, column);

    *out = db_null();
    if (type == SQLITE_NULL) return true;
    if (want == DB_INT) {
        *out = db_int(sqlite3_column_int64(stmt, column));
        return type == SQLITE_INTEGER;
    }
    if (type != (want == DB_TEXT ? SQLITE_TEXT : SQLITE_BLOB)) return false;

    const void *at = type == SQLITE_TEXT ? (const void *)sqlite3_column_text(stmt, column)
                                         : sqlite3_column_blob(stmt, column);
    size_t len = (size_t)sqlite3_column_bytes(stmt, column);
    if (!at && len) must_have_memory(len);
    if (want == DB_UUID) {
        out->type = DB_UUID;
        if (len == sizeof out->uuid.bytes) memcpy(out->uuid.bytes, at, len);
        return len == sizeof out->uuid.bytes;
    }
    if (!arena_fits(arena, len)) return false;
    out->type = want;
    out->text = arena_copy(arena, len ? str_span(at, len) : STR(""));
    return true;
}

static struct db_value *cells_room(struct sqlite_conn *c, size_t more)
{
    if (c->cells_count + more > c->cells_cap) {
        size_t cap = c->cells_cap ? c->cells_cap * 2 : CELLS_FIRST;
        if (cap < c->cells_count + more) cap = c->cells_count + more;
        c->cells = must_realloc(c->cells, cap * sizeof *c->cells);
        c->cells_cap = cap;
    }
    return c->cells + c->cells_count;
}

static int row_read(struct sqlite_conn *c, struct ctx *ctx, const struct sqlite_prepared *p)
{
    const char *letters = p->key->columns;
    size_t columns = strlen(letters);
    struct db_value *cells = cells_room(c, columns);

    for (size_t i = 0; i < columns; i++) {
        if (cell_read(p->stmt, (int)i, letter_type(letters[i]), ctx->arena, &cells[i])) continue;
        log_error(ctx, "store.bad_row", KV("statement", p->key->name), KV("column", i + 1));
        return SQLITE_MISMATCH;
    }
    c->cells_count += columns;
    return SQLITE_OK;
}

static int rows_take(struct sqlite_conn *c, struct ctx *ctx, struct db_query *q)
{
    size_t size = c->cells_count * sizeof *q->cells;

    if (!size) return SQLITE_OK;
    if (!arena_fits(ctx->arena, size)) {
        log_error(ctx, "store.bad_row", KV("statement", q->stmt->name), KV("rows", q->rows));
        return SQLITE_MISMATCH;
    }
    q->cells = ARENA_ARRAY(ctx->arena, struct db_value, c->cells_count);
    memcpy(q->cells, c->cells, size);
    return SQLITE_OK;
}

static int prepared_run(struct sqlite_conn *c, struct ctx *ctx, struct sqlite_prepared *p,
                        struct db_query *q)
{
    int code = params_bind(p, q->params);

    c->cells_count = 0;
    while (code == SQLITE_OK && (code = checked(sqlite3_step(p->stmt))) == SQLITE_ROW) {
        code = row_read(c, ctx, p);
        q->rows++;
    }
    if (code == SQLITE_DONE) {
        q->changed = sqlite3_stmt_readonly(p->stmt) ? 0 : sqlite3_changes64(c->db);
        code = rows_take(c, ctx, q);
    }
    sqlite3_reset(p->stmt);
    sqlite3_clear_bindings(p->stmt);
    return code;
}

/* --- what the rest of the driver calls --- */

void sqlite_batch_clear(struct db_query *queries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        queries[i].cells = NULL;
        queries[i].rows = 0;
        queries[i].changed = 0;
    }
}

/* The schema is not what the program thinks, or a value is not what
 * the schema allows: both are somebody's mistake, neither is a conflict. */
static bool is_mistake(int code)
{
    switch (code) {
    case SQLITE_CONSTRAINT_CHECK:
    case SQLITE_CONSTRAINT_NOTNULL:
    case SQLITE_CONSTRAINT_DATATYPE:
    case SQLITE_TOOBIG: return true;
    default: return (code & 0xff) == SQLITE_ERROR;
    }
}

int sqlite_conn_batch(struct sqlite_conn *c, struct ctx *ctx, struct db_query *queries,
                      size_t count)
{
    int code = SQLITE_OK;

    sqlite_batch_clear(queries, count);
    for (size_t i = 0; i < count && code == SQLITE_OK; i++) {
        struct sqlite_prepared *p;
        code = prepared_get(c, queries[i].stmt, &p);
        if (code == SQLITE_OK) code = prepared_run(c, ctx, p, &queries[i]);
        if (is_mistake(code))
            log_error(ctx, "store.bad_statement", KV("statement", queries[i].stmt->name),
                      KV("reason", sqlite3_errmsg(c->db)));
    }
    if (code != SQLITE_OK) sqlite_batch_clear(queries, count);
    return code;
}

int sqlite_conn_do(struct sqlite_conn *c, const struct db_stmt *stmt)
{
    struct sqlite_prepared *p;
    int code = prepared_get(c, stmt, &p);

    if (code != SQLITE_OK) return code;
    code = checked(sqlite3_step(p->stmt));
    sqlite3_reset(p->stmt);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

int sqlite_conn_script(struct sqlite_conn *c, const char *sql)
{
    return checked(sqlite3_exec(c->db, sql, NULL, NULL, NULL));
}

int sqlite_conn_number(struct sqlite_conn *c, const char *sql, int64_t *out)
{
    sqlite3_stmt *stmt;
    int code = checked(sqlite3_prepare_v2(c->db, sql, -1, &stmt, NULL));

    if (code != SQLITE_OK) return code;
    code = checked(sqlite3_step(stmt));
    if (code == SQLITE_ROW) *out = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return code == SQLITE_ROW ? SQLITE_OK : code;
}

int sqlite_conn_says(struct sqlite_conn *c, const char *sql, const char *word)
{
    sqlite3_stmt *stmt;
    int code = checked(sqlite3_prepare_v2(c->db, sql, -1, &stmt, NULL));

    if (code != SQLITE_OK) return code;
    code = checked(sqlite3_step(stmt));
    if (code == SQLITE_ROW) {
        const char *said = (const char *)sqlite3_column_text(stmt, 0);
        code = said && strcmp(said, word) == 0 ? SQLITE_OK : SQLITE_MISMATCH;
    }
    sqlite3_finalize(stmt);
    return code;
}

int sqlite_conn_open(struct sqlite_conn *c, const char *path, enum sqlite_role role,
                     int patience_ms)
{
    *c = (struct sqlite_conn){ .role = role };

    int code = checked(
        sqlite3_open_v2(path, &c->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL));
    if (code != SQLITE_OK) return code;
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_busy_timeout(c->db, patience_ms);
    sqlite3_wal_autocheckpoint(c->db, 0); /* the store's writer does it */
    return SQLITE_OK;
}

int sqlite_conn_set_up(struct sqlite_conn *c)
{
    char sql[256];

    /* A migration may rebuild a table that others refer to; what it leaves
     * behind is checked before it commits. */
    snprintf(sql, sizeof sql,
             "PRAGMA synchronous = FULL; PRAGMA foreign_keys = %s; PRAGMA temp_store = MEMORY;"
             "PRAGMA cache_spill = OFF; PRAGMA cell_size_check = ON; PRAGMA cache_size = -%d;"
             "PRAGMA query_only = %s",
             c->role == SQLITE_MIGRATOR ? "OFF" : "ON",
             c->role == SQLITE_READER ? READER_CACHE_KIB : WRITER_CACHE_KIB,
             c->role == SQLITE_READER ? "ON" : "OFF");
    return sqlite_conn_script(c, sql);
}

void sqlite_conn_close(struct sqlite_conn *c)
{
    for (size_t i = 0; i < c->prepared_cap; i++) sqlite3_finalize(c->prepared[i].stmt);
    free(c->prepared);
    free(c->cells);
    sqlite3_close(c->db);
    *c = (struct sqlite_conn){ .role = c->role };
}
