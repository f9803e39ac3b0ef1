/* store.h - the database, as core sees it: SQLite today, PostgreSQL beside it.
 *
 * core owns the SQL and writes it once, in the words both engines share:
 * parameters are $1, $2 ..., times are integers (wall_ms), RETURNING and ON
 * CONFLICT are fine, statements that change data cannot stand inside WITH.
 * A statement is a static struct; a driver prepares it once per connection.
 *
 * A batch is an array of queries that stands or falls together (SQLite: one
 * savepoint of the writer's current transaction; PostgreSQL: one Sync). All of
 * it is sent at once: a later query cannot see an earlier one's rows except by
 * looking at the data. Nothing is held while a fiber does something else.
 *
 * Rows are copied into ctx->arena. OK from store_write means durable.
 * E_CONFLICT: a unique constraint or a foreign key said no, nothing was
 * changed. E_STORE_DOWN: busy, full, broken or gone, or the statement does not
 * agree with the schema (logged); nothing was changed as far as is known.
 * E_TIMED_OUT, E_CANCELED: it had not begun. E_OVERLOADED: too many wait.
 * Every call can wait.
 */
#ifndef DRIVER_STORE_H
#define DRIVER_STORE_H

#include "run/ctx.h"
#include "run/fiber.h"

enum db_type { DB_NULL, DB_INT, DB_TEXT, DB_BLOB, DB_UUID };

struct db_value {
    enum db_type type;
    union {
        int64_t number;
        struct str text; /* TEXT, BLOB */
        struct uuid uuid;
    };
};

static inline struct db_value db_null(void)
{
    return (struct db_value){ .type = DB_NULL };
}
static inline struct db_value db_int(int64_t n)
{
    return (struct db_value){ .type = DB_INT, .number = n };
}
static inline struct db_value db_text(struct str s) /* absent becomes NULL */
{
    return s.at ? (struct db_value){ .type = DB_TEXT, .text = s } : db_null();
}
static inline struct db_value db_blob(struct str s)
{
    return s.at ? (struct db_value){ .type = DB_BLOB, .text = s } : db_null();
}
static inline struct db_value db_uuid(struct uuid u)
{
    return (struct db_value){ .type = DB_UUID, .uuid = u };
}

struct db_stmt {
    const char *name; /* "session.rotate": for logs and metrics */
    const char *sql;
    const char *params;  /* a letter each: i int, t text, b blob, u uuid */
    const char *columns; /* of the rows it answers, likewise; "" for none */
};

struct db_query {
    const struct db_stmt *stmt;
    const struct db_value *params; /* as many as the statement names */
    /* the answer */
    struct db_value *cells; /* row by row, columns of stmt->columns */
    size_t rows;
    int64_t changed; /* rows inserted, updated or deleted */
};

/* Row r, column c of an answered query. NULL cells: type DB_NULL. */
const struct db_value *db_cell(const struct db_query *q, size_t r, size_t c);
int64_t db_get_int(const struct db_query *q, size_t r, size_t c);      /* NULL: 0 */
struct str db_get_text(const struct db_query *q, size_t r, size_t c);  /* NULL: absent */
struct uuid db_get_uuid(const struct db_query *q, size_t r, size_t c); /* NULL: nil */
bool db_is_null(const struct db_query *q, size_t r, size_t c);

SUSPENDS enum err store_read(struct ctx *ctx, struct db_query *queries, size_t count);
SUSPENDS enum err store_write(struct ctx *ctx, struct db_query *queries, size_t count);

/* One query, for the many places that have just one: QUERY(&stmt, db_uuid(id), ...). */
#define QUERY(statement, ...) \
    ((struct db_query){ .stmt = (statement), .params = (const struct db_value[]){ __VA_ARGS__ } })

/* Is it usable now? For readiness: a write that changes nothing, at most
 * `ctx->deadline`. E_STORE_DOWN says no. */
SUSPENDS enum err store_probe(struct ctx *ctx);

/* What an engine brings; one of them is in force. */
struct store_ops {
    const char *name; /* "sqlite" */
    SUSPENDS enum err (*read)(struct ctx *ctx, struct db_query *queries, size_t count);
    SUSPENDS enum err (*write)(struct ctx *ctx, struct db_query *queries, size_t count);
    SUSPENDS enum err (*probe)(struct ctx *ctx);
    void (*close)(void); /* finishes what was queued; loop thread, no fibers left */
};
void store_use(const struct store_ops *ops);
const char *store_name(void);
void store_close(void);

#endif
