/* What every engine behind driver/store.h must do. Only engine_run knows which
 * one it is; the tables are thing, pair and part of the fixture. */
#include "run/torture.h"
#include "sqlite_fixture.h"

static void engine_run(void (*body)(void *arg))
{
    fixture_place();
    fixture_run(body, NULL);
    fixture_remove();
}

#define CONTRACT(name)                  \
    static void name##_body(void *arg); \
    Test(store_contract, name)          \
    {                                   \
        engine_run(name##_body);        \
    }                                   \
    static void name##_body(void *arg __attribute__((unused)))

static const struct db_stmt insert = {
    "insert", "INSERT INTO thing (id, name, body, owner) VALUES ($1, $2, $3, $4)", "itbu", ""
};
static const struct db_stmt find = { "find",
                                     "SELECT id, name, body, owner FROM thing WHERE id = $1", "i",
                                     "itbu" };
static const struct db_stmt count_things = { "count", "SELECT count(*) FROM thing", "", "i" };
static const struct db_stmt add_part = { "add_part", "INSERT INTO part (id, thing) VALUES ($1, $2)",
                                         "ii", "" };
static const struct db_stmt bump = { "bump", "UPDATE pair SET n = n + 1 WHERE id = $1", "i", "" };
static const struct db_stmt look = { "look", "SELECT n FROM pair WHERE id = $1", "i", "i" };

static enum err thing_add(struct ctx *ctx, int64_t id, const char *name)
{
    struct db_query q = QUERY(&insert, db_int(id), db_text(str_of(name)), db_null(), db_null());

    return store_write(ctx, &q, 1);
}

static int64_t things(struct ctx *ctx)
{
    struct db_query q = { .stmt = &count_things };

    cr_assert(store_read(ctx, &q, 1) == OK);
    return db_get_int(&q, 0, 0);
}

/* Runs `count` fibers and waits for all of them. */
struct crowd {
    void (*run)(struct crowd *c, unsigned i);
    unsigned left, next;
    struct wait all;
    unsigned answers[ERR_COUNT];
};

static void crowd_member(void *arg)
{
    struct crowd *c = arg;

    c->run(c, c->next++);
    if (--c->left == 0) wake(&c->all, OK);
}

static void crowd_run(struct crowd *c, unsigned count)
{
    c->left = count;
    wait_init(&c->all, "crowd");
    for (unsigned i = 0; i < count; i++) must(fiber_start("crowd", crowd_member, c));
    cr_assert(await(&c->all, UNTIL_DONE) == OK);
}

/* --- values --- */

CONTRACT(values_come_back_as_they_went)
{
    static const char bytes[] = { 0, 'a', (char)0xff, 0, 'b' };
    struct uuid owner = uuid_new();
    WORK(w, 5000);

    struct db_query in = QUERY(&insert, db_int(INT64_MIN), db_text(STR("")),
                               db_blob(str_span(bytes, sizeof bytes)), db_uuid(owner));
    cr_assert(store_write(&w.ctx, &in, 1) == OK);
    cr_assert(in.changed == 1 && in.rows == 0);

    struct db_query out = QUERY(&find, db_int(INT64_MIN));
    cr_assert(store_read(&w.ctx, &out, 1) == OK);
    cr_assert(out.rows == 1 && out.changed == 0);
    cr_assert(db_get_int(&out, 0, 0) == INT64_MIN);
    cr_assert(db_get_text(&out, 0, 1).at && db_get_text(&out, 0, 1).len == 0);
    cr_assert(str_eq(db_get_text(&out, 0, 2), str_span(bytes, sizeof bytes)));
    cr_assert(uuid_eq(db_get_uuid(&out, 0, 3), owner));
}

CONTRACT(null_is_not_empty)
{
    WORK(w, 5000);
    struct db_query in[2] = {
        QUERY(&insert, db_int(1), db_text(STR_NONE), db_blob(STR_NONE), db_null()),
        QUERY(&insert, db_int(2), db_text(STR("x")), db_blob(STR("")), db_null()),
    };
    struct db_query out[2] = { QUERY(&find, db_int(1)), QUERY(&find, db_int(2)) };

    cr_assert(store_write(&w.ctx, in, 2) == OK);
    cr_assert(store_read(&w.ctx, out, 2) == OK);
    cr_assert(db_is_null(&out[0], 0, 1) && db_is_null(&out[0], 0, 2) && db_is_null(&out[0], 0, 3));
    cr_assert(!db_get_text(&out[0], 0, 1).at && uuid_is_nil(db_get_uuid(&out[0], 0, 3)));
    cr_assert(!db_is_null(&out[1], 0, 2) && db_get_text(&out[1], 0, 2).len == 0);
}

CONTRACT(parameters_go_by_number_not_by_place)
{
    static const struct db_stmt backwards = { "backwards", "SELECT $3 + 0, $1 || $1, $2 + 0", "tii",
                                              "iti" };
    WORK(w, 5000);
    struct db_query q = QUERY(&backwards, db_text(STR("ab")), db_int(2), db_int(3));

    cr_assert(store_read(&w.ctx, &q, 1) == OK);
    cr_assert(db_get_int(&q, 0, 0) == 3 && db_get_int(&q, 0, 2) == 2);
    cr_assert(str_eq(db_get_text(&q, 0, 1), STR("abab")));
}

CONTRACT(rows_come_in_order_and_returning_answers)
{
    static const struct db_stmt all = { "all", "SELECT id, name FROM thing ORDER BY id", "", "it" };
    static const struct db_stmt drop = { "drop", "DELETE FROM thing WHERE id > $1 RETURNING id",
                                         "i", "i" };
    WORK(w, 5000);

    for (int i = 0; i < 300; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        cr_assert(thing_add(&w.ctx, 1000 + i, name) == OK);
    }
    struct db_query q = { .stmt = &all };
    cr_assert(store_read(&w.ctx, &q, 1) == OK);
    cr_assert(q.rows == 300);
    for (size_t i = 0; i < q.rows; i++) cr_assert(db_get_int(&q, i, 0) == 1000 + (int64_t)i);
    cr_assert(str_eq(db_get_text(&q, 299, 1), STR("n299")));

    struct db_query gone = QUERY(&drop, db_int(1199));
    cr_assert(store_write(&w.ctx, &gone, 1) == OK);
    cr_assert(gone.rows == 100 && gone.changed == 100);
    cr_assert(things(&w.ctx) == 200);
}

CONTRACT(changed_counts_what_a_condition_let_through)
{
    static const struct db_stmt spend = { "spend", "UPDATE pair SET n = 1 WHERE id = $1 AND n = 0",
                                          "i", "" };
    WORK(w, 5000);

    for (int64_t expected = 1; expected >= 0; expected--) {
        struct db_query q = QUERY(&spend, db_int(1));
        cr_assert(store_write(&w.ctx, &q, 1) == OK);
        cr_assert(q.changed == expected);
    }
}

/* --- batches --- */

CONTRACT(a_batch_stands_or_falls_together)
{
    WORK(w, 5000);
    struct db_query twice[2] = {
        QUERY(&insert, db_int(1), db_text(STR("same")), db_null(), db_null()),
        QUERY(&insert, db_int(2), db_text(STR("same")), db_null(), db_null()),
    };

    cr_assert(store_write(&w.ctx, twice, 2) == E_CONFLICT);
    cr_assert(things(&w.ctx) == 0);
    cr_assert(twice[0].changed == 0);
}

CONTRACT(a_later_query_of_a_batch_sees_the_data_of_an_earlier_one)
{
    WORK(w, 5000);
    struct db_query q[2] = {
        QUERY(&insert, db_int(1), db_text(STR("a")), db_null(), db_null()),
        QUERY(&find, db_int(1)),
    };

    cr_assert(store_write(&w.ctx, q, 2) == OK);
    cr_assert(q[1].rows == 1 && q[1].changed == 0);
}

/* */
CONTRACT(conflicts_are_said_and_change_nothing)
{
    WORK(w, 5000);
    struct db_query orphan = QUERY(&add_part, db_int(1), db_int(99));

    cr_assert(thing_add(&w.ctx, 1, "a") == OK);
    cr_assert(thing_add(&w.ctx, 1, "b") == E_CONFLICT);
    cr_assert(thing_add(&w.ctx, 2, "a") == E_CONFLICT);
    cr_assert(store_write(&w.ctx, &orphan, 1) == E_CONFLICT);
    cr_assert(things(&w.ctx) == 1);
}

static void same_name(struct crowd *c, unsigned i)
{
    char name[16];
    WORK(w, 5000);

    snprintf(name, sizeof name, "n%u", i / 2); /* two of each */
    c->answers[thing_add(&w.ctx, 100 + i, name)]++;
}

CONTRACT(a_conflict_leaves_the_neighbours_alone)
{
    struct crowd c = { .run = same_name };
    WORK(w, 5000);

    crowd_run(&c, 100);
    cr_assert(c.answers[OK] == 50 && c.answers[E_CONFLICT] == 50);
    cr_assert(things(&w.ctx) == 50);
}

/* */
CONTRACT(a_mistake_is_no_conflict_and_no_crash)
{
    static const struct db_stmt no_table = { "no_table", "SELECT a FROM nowhere", "", "i" };
    static const struct db_stmt no_column = { "no_column",
                                              "UPDATE thing SET colour = 1 WHERE id = $1", "i",
                                              "" };
    static const struct db_stmt wrong_type = { "wrong_type", "SELECT name FROM thing WHERE id = $1",
                                               "i", "i" };
    static const struct db_stmt wrong_size = { "wrong_size", "SELECT body FROM thing WHERE id = $1",
                                               "i", "u" };
    WORK(w, 5000);
    struct db_query forbidden =
        QUERY(&insert, db_int(-13), db_text(STR("x")), db_null(), db_null());
    struct db_query fine =
        QUERY(&insert, db_int(1), db_text(STR("a")), db_blob(STR("short")), db_null());

    cr_assert(store_write(&w.ctx, &forbidden, 1) == E_STORE_DOWN); /* CHECK */
    cr_assert(store_write(&w.ctx, &fine, 1) == OK);

    const struct db_stmt *wrong[] = { &wrong_type, &wrong_size };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct db_query q = QUERY(wrong[i], db_int(1));
        cr_assert(store_read(&w.ctx, &q, 1) == E_STORE_DOWN);
        cr_assert(q.rows == 0);
    }
    struct db_query q = { .stmt = &no_table };
    cr_assert(store_read(&w.ctx, &q, 1) == E_STORE_DOWN);
    struct db_query p = QUERY(&no_column, db_int(1));
    cr_assert(store_write(&w.ctx, &p, 1) == E_STORE_DOWN);
    cr_assert(things(&w.ctx) == 1);
}

/* */
CONTRACT(an_answer_too_large_for_the_arena_is_an_error)
{
    static char large[100000];
    CLEANUP(arena_done) struct arena small;
    struct ctx ctx;
    WORK(w, 5000);
    struct db_query in = QUERY(&insert, db_int(1), db_text(STR("a")),
                               db_blob(str_span(large, sizeof large)), db_null());

    cr_assert(store_write(&w.ctx, &in, 1) == OK);
    arena_init(&small, sizeof large);
    ctx_init(&ctx, &small, 5000);
    struct db_query out = QUERY(&find, db_int(1));
    cr_assert(store_read(&ctx, &out, 1) == E_STORE_DOWN);
    cr_assert(store_read(&w.ctx, &out, 1) == OK && out.rows == 1);
}

/* --- who sees what --- */

static void write_then_look(struct crowd *c, unsigned i)
{
    char name[16];
    WORK(w, 5000);

    for (int64_t round = 0; round < 20; round++) {
        snprintf(name, sizeof name, "%u.%d", i, (int)round);
        int64_t id = 1000 * (int64_t)(i + 1) + round;
        cr_assert(thing_add(&w.ctx, id, name) == OK);
        struct db_query q = QUERY(&find, db_int(id));
        cr_assert(store_read(&w.ctx, &q, 1) == OK);
        c->answers[OK] += q.rows == 1;
    }
}

CONTRACT(what_was_acknowledged_is_seen_by_the_next_read)
{
    struct crowd c = { .run = write_then_look };

    crowd_run(&c, 32);
    cr_assert(c.answers[OK] == 32 * 20);
}

static void bump_or_look(struct crowd *c, unsigned i)
{
    WORK(w, 5000);

    for (int round = 0; round < 30; round++) {
        struct db_query both[2] = {
            QUERY(i % 2 ? &look : &bump, db_int(1)),
            QUERY(i % 2 ? &look : &bump, db_int(2)),
        };
        if (i % 2 == 0) {
            cr_assert(store_write(&w.ctx, both, 2) == OK);
        } else {
            cr_assert(store_read(&w.ctx, both, 2) == OK);
            c->answers[OK] += db_get_int(&both[0], 0, 0) == db_get_int(&both[1], 0, 0);
        }
    }
}

CONTRACT(a_batch_of_reads_sees_one_moment)
{
    struct crowd c = { .run = bump_or_look };

    crowd_run(&c, 20);
    cr_assert(c.answers[OK] == 10 * 30);
}

/* --- deadlines --- */

CONTRACT(a_deadline_that_has_passed_changes_nothing)
{
    WORK(late, 0);
    WORK(w, 5000);
    struct fiber *self = fiber_self();

    cr_assert(thing_add(&late.ctx, 1, "late") == E_TIMED_OUT);
    /* Sticky for this fiber: the rest of the test looks with another one. */
    cr_assert(self != NULL);
    cr_assert(thing_add(&w.ctx, 2, "also late") == E_TIMED_OUT);
    w.ctx.deadline = UNTIL_DONE;
    cr_assert(things(&w.ctx) == 0);
}

static void add_and_count_answer(struct crowd *c, unsigned i)
{
    char name[16];
    WORK(w, 20000);

    snprintf(name, sizeof name, "n%u", i);
    c->answers[thing_add(&w.ctx, 100 + i, name)]++;
}

CONTRACT(beyond_its_ceiling_it_says_so_at_once)
{
    struct crowd c = { .run = add_and_count_answer };
    WORK(w, 20000);

    crowd_run(&c, 1100);
    cr_assert(c.answers[OK] > 0 && c.answers[E_OVERLOADED] > 0);
    cr_assert(c.answers[OK] + c.answers[E_OVERLOADED] == 1100);
    cr_assert(things(&w.ctx) == c.answers[OK]);
}

static void torture_one(void *arg)
{
    enum err *answer = arg;
    WORK(w, 5000);

    *answer = thing_add(&w.ctx, 1, "a");
    torture_reset();
}

/* Whatever a wait answers, the caller hears it, and a job that was answered
 * early is not there any more when its frame is gone. */
CONTRACT(any_wait_may_fail)
{
    static const enum err errors[] = { E_TIMED_OUT, E_CANCELED, E_STORE_DOWN };
    static const struct db_stmt clear = { "clear", "DELETE FROM thing", "", "" };
    WORK(w, 20000);

    for (size_t i = 0; i < COUNT(errors); i++) {
        enum err answer = OK;
        struct db_query q = { .stmt = &clear };
        torture_fail(0, errors[i]);
        must(fiber_start("tortured", torture_one, &answer));
        cr_assert(fiber_sleep(50, w.ctx.deadline) == OK);
        cr_assert(answer == errors[i]);
        cr_assert(things(&w.ctx) == (errors[i] == E_STORE_DOWN)); /* late, so done */
        cr_assert(store_write(&w.ctx, &q, 1) == OK);
    }
}

static struct fiber *victim;

static void be_cancelled(void *arg)
{
    enum err *answer = arg;
    WORK(w, 5000);

    *answer = thing_add(&w.ctx, 1, "a");
    if (*answer == OK) *answer = thing_add(&w.ctx, 2, "b");
    victim = NULL;
}

CONTRACT(a_cancelled_fiber_hears_the_truth)
{
    WORK(w, 5000);

    for (int ms = 0; ms < 4; ms++) {
        static const struct db_stmt clear = { "clear", "DELETE FROM thing", "", "" };
        struct db_query q = { .stmt = &clear };
        enum err answer = OK;
        victim = fiber_start("victim", be_cancelled, &answer);
        if (ms) (void)!fiber_sleep((uint64_t)ms - 1, w.ctx.deadline);
        if (victim) fiber_cancel(victim);
        while (victim) cr_assert(fiber_sleep(1, w.ctx.deadline) == OK);
        int64_t there = things(&w.ctx);
        cr_assert(answer == OK ? there == 2 : answer == E_CANCELED && there < 2);
        cr_assert(store_write(&w.ctx, &q, 1) == OK);
    }
}

CONTRACT(the_probe_says_yes_and_changes_nothing)
{
    WORK(w, 5000);

    cr_assert(store_probe(&w.ctx) == OK);
    cr_assert(thing_add(&w.ctx, 1, "a") == OK);
    cr_assert(store_probe(&w.ctx) == OK);
    cr_assert(things(&w.ctx) == 1);
    cr_assert_str_eq(store_name(), "sqlite");
}
