/* The feed is read every half second for as long as the process runs. When the
 * store cannot be read the caches stop being believed after a second and every
 * check goes to the store itself, which then says so: fail closed. Numbers
 * follow each other without a gap, so a gap means that rows were swept which
 * this process had not read: it had stood still, or could not read, for long. */
#include "core/change.h"

#include "base/clock.h"
#include "base/must.h"
#include "run/timer.h"

enum { READ_EVERY_MS = 500, FRESH_MS = 1000, READ_MOST = 1000, KEEP_MS = 3600 * 1000 };

static const char *const kind_words[] = { "session", "account", "keys" };

static void (*listeners[CHANGE_LISTENERS])(enum change_kind, struct uuid, struct uuid);
static int64_t last_seq;
static uint64_t epoch, read_at_ms; /* mono_ms: what was so then is known */
static struct timer ticker;
static bool started, reading;

static const struct db_stmt insert = {
    "change.insert", "INSERT INTO change (tenant_id, kind, subject, at) VALUES ($1, $2, $3, $4)",
    "utui", ""
};
static const struct db_stmt newest = { "change.newest", "SELECT max(seq) FROM change", "", "i" };
static const struct db_stmt newer = {
    "change.newer",
    "SELECT seq, tenant_id, kind, subject FROM change WHERE seq > $1 ORDER BY seq LIMIT $2", "ii",
    "iutu"
};
/* The newest row stays, so that the feed never seems to start again. */
static const struct db_stmt sweep = {
    "change.sweep",
    "DELETE FROM change WHERE seq IN (SELECT seq FROM change WHERE at < $1 ORDER BY at LIMIT $2)"
    " AND seq < (SELECT max(seq) FROM change)",
    "ii", ""
};

struct db_query change_query(struct db_value params[4], const struct ctx *ctx,
                             enum change_kind kind, struct uuid subject)
{
    params[0] = db_uuid(ctx->tenant);
    params[1] = db_text(str_of(kind_words[kind]));
    params[2] = db_uuid(subject);
    params[3] = db_int(wall_ms());
    return (struct db_query){ .stmt = &insert, .params = params };
}

void change_tell(enum change_kind kind, struct uuid tenant, struct uuid subject)
{
    epoch++;
    for (unsigned i = 0; i < CHANGE_LISTENERS && listeners[i]; i++)
        listeners[i](kind, tenant, subject);
}

void change_listen(void (*hear)(enum change_kind kind, struct uuid tenant, struct uuid subject))
{
    for (unsigned i = 0; i < CHANGE_LISTENERS; i++)
        if (!listeners[i] || listeners[i] == hear) {
            listeners[i] = hear;
            return;
        }
    must(!"room for another listener");
}

uint64_t change_epoch(void)
{
    return epoch;
}

bool change_is_fresh(void)
{
    return mono_ms() - read_at_ms < FRESH_MS;
}

static void tell_row(const struct db_query *q, size_t row)
{
    struct str word = db_get_text(q, row, 2);
    int64_t seq = db_get_int(q, row, 0);

    if (seq != last_seq + 1) {
        log_warn(LOG_NONE, "change.missed", KV("seen", last_seq), KV("next", seq));
        change_tell(CHANGE_ANY, UUID_NIL, UUID_NIL);
    }
    last_seq = seq;
    for (enum change_kind kind = CHANGE_SESSION; kind <= CHANGE_KEYS; kind++)
        if (str_eq(word, str_of(kind_words[kind])))
            change_tell(kind, db_get_uuid(q, row, 1), db_get_uuid(q, row, 3));
}

SUSPENDS static enum err read_newer(struct ctx *ctx)
{
    size_t rows;
    uint64_t asked_ms;

    do {
        struct db_query q = QUERY(&newer, db_int(last_seq), db_int(READ_MOST));
        arena_reset(ctx->arena);
        asked_ms = mono_ms();
        TRY(store_read(ctx, &q, 1));
        rows = q.rows;
        for (size_t i = 0; i < rows; i++) tell_row(&q, i);
    } while (rows == READ_MOST);
    read_at_ms = asked_ms;
    return OK;
}

/* One fiber a reading, because a wait that has timed out spoils its fiber. A
 * store that is away is reported once, and once more when it is back. */
static void read_once(void *arg)
{
    (void)arg;
    static bool away;
    CLEANUP(arena_done) struct arena arena;
    struct ctx ctx;

    arena_init(&arena, 1 << 20);
    ctx_init(&ctx, &arena, FRESH_MS);
    enum err e = read_newer(&ctx);
    if ((e != OK) != away) {
        away = e != OK;
        if (away)
            log_warn(&ctx, "change.unread", KV("error", e));
        else
            log_info(&ctx, "change.read_again", KV("seq", last_seq));
    }
    reading = false;
}

static void on_tick(struct timer *t)
{
    (void)t;
    if (!reading) reading = fiber_start("change.read", read_once, NULL) != NULL;
}

SUSPENDS enum err change_start(struct ctx *ctx)
{
    struct db_query q = QUERY(&newest, db_null());
    uint64_t asked_ms = mono_ms();

    TRY(store_read(ctx, &q, 1));
    last_seq = db_get_int(&q, 0, 0);
    read_at_ms = asked_ms;
    started = true;
    timer_init(&ticker, on_tick);
    timer_start(&ticker, READ_EVERY_MS, READ_EVERY_MS);
    return OK;
}

void change_stop(void)
{
    if (started) timer_close(&ticker, NULL);
    started = false;
}

SUSPENDS enum err change_sweep(struct ctx *ctx, unsigned limit)
{
    struct db_query q = QUERY(&sweep, db_int(wall_ms() - KEEP_MS), db_int(limit));
    return store_write(ctx, &q, 1);
}
