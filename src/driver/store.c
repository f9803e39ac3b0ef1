/* The engine in force, and how an answered query is read. */
#include "driver/store.h"

#include "base/must.h"

static const struct store_ops *engine;

void store_use(const struct store_ops *ops)
{
    engine = ops;
}

const char *store_name(void)
{
    return engine ? engine->name : "none";
}

enum err store_read(struct ctx *ctx, struct db_query *queries, size_t count)
{
    must(engine);
    return engine->read(ctx, queries, count);
}

enum err store_write(struct ctx *ctx, struct db_query *queries, size_t count)
{
    must(engine);
    return engine->write(ctx, queries, count);
}

enum err store_probe(struct ctx *ctx)
{
    must(engine);
    return engine->probe(ctx);
}

void store_close(void)
{
    if (!engine) return;
    engine->close();
    engine = NULL;
}

const struct db_value *db_cell(const struct db_query *q, size_t r, size_t c)
{
    size_t columns = strlen(q->stmt->columns);

    must(r < q->rows && c < columns);
    return &q->cells[r * columns + c];
}

bool db_is_null(const struct db_query *q, size_t r, size_t c)
{
    return db_cell(q, r, c)->type == DB_NULL;
}

int64_t db_get_int(const struct db_query *q, size_t r, size_t c)
{
    const struct db_value *v = db_cell(q, r, c);

    must(v->type == DB_INT || v->type == DB_NULL);
    return v->type == DB_INT ? v->number : 0;
}

struct str db_get_text(const struct db_query *q, size_t r, size_t c)
{
    const struct db_value *v = db_cell(q, r, c);

    must(v->type == DB_TEXT || v->type == DB_BLOB || v->type == DB_NULL);
    return v->type == DB_NULL ? STR_NONE : v->text;
}

struct uuid db_get_uuid(const struct db_query *q, size_t r, size_t c)
{
    const struct db_value *v = db_cell(q, r, c);

    must(v->type == DB_UUID || v->type == DB_NULL);
    return v->type == DB_UUID ? v->uuid : (struct uuid){ 0 };
}
