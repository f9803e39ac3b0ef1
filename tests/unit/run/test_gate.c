#include "run/gate.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "floor.h"

static struct gate gate;
static char order[64]; /* names of those who came in */

/* Comes in, stays until told to go, leaves. */
struct visitor {
    struct ctx ctx;
    struct wait go;
    char name;
    enum err answer;
    unsigned slot;
    bool inside, ended;
};

static void visit(void *arg)
{
    struct visitor *v = arg;
    CLEANUP(gate_leave) struct gate_pass pass = { 0 };

    v->answer = gate_enter(&gate, &v->ctx, &pass);
    if (v->answer == OK) {
        order[strlen(order)] = v->name;
        v->slot = pass.slot;
        v->inside = true;
        cr_expect_eq(await(&v->go, UNTIL_DONE), OK);
        v->inside = false;
    }
    v->ended = true;
}

static struct fiber *visitor_start(struct visitor *v, char name, uint64_t timeout_ms)
{
    *v = (struct visitor){ .name = name };
    ctx_init(&v->ctx, NULL, timeout_ms);
    wait_init(&v->go, "test.go");
    struct fiber *f = fiber_start("visitor", visit, v);
    turn();
    return f;
}

static void visitor_go(struct visitor *v)
{
    wake(&v->go, OK);
    turn();
    turn();
}

static void expect_empty(void)
{
    cr_expect_eq(gate.inside, 0);
    cr_expect_eq(gate.queued, 0);
    cr_expect(gate.first == NULL && gate.last == NULL);
    for (unsigned i = 0; i < GATE_WIDTH_MAX; i++) cr_expect_not(gate.slot_used[i]);
}

FLOOR_TEST(gate, refuses_at_once_who_would_wait_longer_than_is_worth_it)
{
    struct visitor v[5];

    gate_init(&gate, "test.gate", 1, 10, 100);
    visitor_start(&v[0], 'a', 60000);
    gate.slot_since_us[0] -= 40000; /* it has been inside for 40 ms */
    visitor_go(&v[0]);
    cr_assert_geq(gate.pass_us, 40000);

    visitor_start(&v[1], 'b', 60000); /* inside */
    visitor_start(&v[2], 'c', 60000); /* nobody before it */
    visitor_start(&v[3], 'd', 60000); /* 40 ms before it: still within half of 100 */
    visitor_start(&v[4], 'e', 60000); /* 80 ms */
    cr_assert_eq(gate.queued, 2);
    cr_assert(v[4].ended && v[4].answer == E_OVERLOADED);
    cr_assert_eq(gate.refused, 1);
    for (int i = 1; i < 4; i++) visitor_go(&v[i]);
    expect_empty();
}

FLOOR_TEST(gate, lets_as_many_in_as_it_is_wide_each_with_a_slot_of_his_own)
{
    struct visitor v[3];

    gate_init(&gate, "test.gate", 2, 10, 60000);
    for (int i = 0; i < 3; i++) visitor_start(&v[i], (char)('a' + i), 60000);
    cr_assert(v[0].inside && v[1].inside && !v[2].inside);
    cr_assert_neq(v[0].slot, v[1].slot);
    cr_assert_lt(v[0].slot, 2);
    cr_assert_lt(v[1].slot, 2);
    cr_assert_eq(gate.inside, 2);
    cr_assert_eq(gate.queued, 1);

    visitor_go(&v[0]);
    cr_assert(v[2].inside);
    cr_assert_eq(v[2].slot, v[0].slot, "the one that became free");
    visitor_go(&v[1]);
    visitor_go(&v[2]);
    cr_assert_eq(gate.entered, 3);
    expect_empty();
}

FLOOR_TEST(gate, waiters_come_in_in_the_order_they_came)
{
    struct visitor v[6];

    gate_init(&gate, "test.gate", 1, 10, 60000);
    for (int i = 0; i < 6; i++) visitor_start(&v[i], (char)('a' + i), 60000);
    for (int i = 0; i < 6; i++) visitor_go(&v[i]);
    cr_assert_str_eq(order, "abcdef");
    expect_empty();
}

FLOOR_TEST(gate, newcomer_does_not_overtake_the_queue)
{
    struct visitor v[3];

    gate_init(&gate, "test.gate", 1, 10, 60000);
    visitor_start(&v[0], 'a', 60000);
    visitor_start(&v[1], 'b', 60000);
    wake(&v[0].go, OK); /* leaves in the turn in which c comes */
    visitor_start(&v[2], 'c', 60000);
    turn();
    visitor_go(&v[1]);
    visitor_go(&v[2]);
    cr_assert_str_eq(order, "abc");
    expect_empty();
}

FLOOR_TEST(gate, queue_that_is_full_refuses_at_once)
{
    struct visitor v[4];

    gate_init(&gate, "test.gate", 1, 2, 60000);
    for (int i = 0; i < 4; i++) visitor_start(&v[i], (char)('a' + i), 60000);
    cr_assert(v[3].ended);
    cr_assert_eq(v[3].answer, E_OVERLOADED);
    cr_assert_eq(gate.refused, 1);
    for (int i = 0; i < 3; i++) visitor_go(&v[i]);
    cr_assert_str_eq(order, "abc");
    expect_empty();
}

static void refused_then_sleep(void *arg)
{
    struct ctx *ctx = arg;
    CLEANUP(gate_leave) struct gate_pass pass = { 0 };
    uint64_t begun = mono_ms();

    cr_expect_eq(gate_enter(&gate, ctx, &pass), E_OVERLOADED);
    cr_expect_geq(mono_ms() - begun, 20);
    cr_expect(pass.gate == NULL);
    cr_expect_eq(fiber_sleep(1, ctx->deadline), OK, "the fiber can go on waiting");
}

FLOOR_TEST(gate, waiter_is_refused_when_his_patience_ends, .timeout = 20)
{
    struct visitor v;
    struct ctx ctx;

    gate_init(&gate, "test.gate", 1, 10, 20);
    visitor_start(&v, 'a', 60000);
    ctx_init(&ctx, NULL, 60000);
    loop_run_fiber("refused", refused_then_sleep, &ctx);
    cr_assert_eq(gate.refused, 1);
    cr_assert_eq(gate.queued, 0);
    visitor_go(&v);
    expect_empty();
}

FLOOR_TEST(gate, waiter_times_out_at_the_deadline_of_his_work, .timeout = 20)
{
    struct visitor in, late;

    gate_init(&gate, "test.gate", 1, 10, 60000);
    visitor_start(&in, 'a', 60000);
    visitor_start(&late, 'b', 20);
    while (!late.ended) uv_run(loop, UV_RUN_ONCE);
    cr_assert_eq(late.answer, E_TIMED_OUT);
    cr_assert_geq(mono_ms(), late.ctx.deadline);
    cr_assert_eq(gate.refused, 0);
    visitor_go(&in);
    expect_empty();
}

FLOOR_TEST(gate, work_that_is_late_or_abandoned_does_not_come_in)
{
    struct visitor v = { 0 };

    gate_init(&gate, "test.gate", 1, 10, 60000);
    ctx_init(&v.ctx, NULL, 0);
    fiber_start("visitor", visit, &v);
    run_all();
    cr_assert_eq(v.answer, E_TIMED_OUT);

    ctx_init(&v.ctx, NULL, 60000);
    v.ctx.abandoned = true;
    fiber_start("visitor", visit, &v);
    run_all();
    cr_assert_eq(v.answer, E_CANCELED);
    expect_empty();
}

FLOOR_TEST(gate, abandoned_waiter_is_dropped_when_his_turn_comes)
{
    struct visitor v[4];

    gate_init(&gate, "test.gate", 1, 10, 60000);
    for (int i = 0; i < 4; i++) visitor_start(&v[i], (char)('a' + i), 60000);
    v[1].ctx.abandoned = v[2].ctx.abandoned = true;
    visitor_go(&v[0]);
    cr_assert_eq(v[1].answer, E_CANCELED);
    cr_assert_eq(v[2].answer, E_CANCELED);
    cr_assert(v[3].inside);
    visitor_go(&v[3]);
    cr_assert_str_eq(order, "ad");
    expect_empty();
}

FLOOR_TEST(gate, cancelled_waiter_leaves_the_queue_in_order)
{
    struct visitor v[5];
    struct fiber *f[5];

    gate_init(&gate, "test.gate", 1, 10, 60000);
    for (int i = 0; i < 5; i++) f[i] = visitor_start(&v[i], (char)('a' + i), 60000);
    fiber_cancel(f[2]); /* in the middle */
    fiber_cancel(f[1]); /* the first */
    fiber_cancel(f[4]); /* the last */
    turn();
    cr_assert_eq(gate.queued, 1);
    cr_assert_eq(v[1].answer, E_CANCELED);
    visitor_go(&v[0]);
    visitor_go(&v[3]);
    cr_assert_str_eq(order, "ad");
    expect_empty();
}

static void leave_twice(void *arg)
{
    struct ctx *ctx = arg;
    struct gate_pass pass = { 0 };

    gate_leave(&pass); /* not inside: nothing */
    cr_expect_eq(gate_enter(&gate, ctx, &pass), OK);
    gate_leave(&pass);
    cr_expect_eq(gate.inside, 0);
    gate_leave(&pass);
    cr_expect_eq(gate.inside, 0);
}

FLOOR_TEST(gate, leaving_twice_does_no_harm)
{
    struct ctx ctx;

    gate_init(&gate, "test.gate", 1, 10, 60000);
    ctx_init(&ctx, NULL, 60000);
    loop_run_fiber("leaver", leave_twice, &ctx);
    expect_empty();
}

/* --- work on the pool --- */

struct inquiry {
    pthread_t thread;
    int nice;
};

static void inquire(void *arg)
{
    struct inquiry *q = arg;

    q->thread = pthread_self();
    q->nice = getpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid));
    uv_sleep(30);
}

static void work_beyond_the_deadline(void *arg)
{
    struct inquiry *q = arg;
    struct ctx ctx;
    CLEANUP(gate_leave) struct gate_pass pass = { 0 };

    ctx_init(&ctx, NULL, 10);
    cr_expect_eq(gate_enter(&gate, &ctx, &pass), OK);
    cr_expect_eq(gate_work(&pass, inquire, q), OK, "waited out, whatever the deadline");
    cr_expect_gt(mono_ms(), ctx.deadline);
}

FLOOR_TEST(gate, work_runs_on_a_thread_below_the_loop_and_is_waited_out)
{
    struct inquiry q = { 0 };
    int nice = getpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid));

    setenv("UV_THREADPOOL_SIZE", "1", 1);
    gate_init(&gate, "test.gate", 1, 10, 60000);
    for (int i = 0; i < 2; i++) { /* niced once, not each time */
        q = (struct inquiry){ 0 };
        loop_run_fiber("worker", work_beyond_the_deadline, &q);
        cr_assert_not(pthread_equal(q.thread, pthread_self()));
        cr_assert_eq(q.nice, nice + 5 < 19 ? nice + 5 : 19);
    }
    expect_empty();
}

static atomic_uint at_once, most_at_once;
static bool slot_busy[2];

static void busy(void *arg)
{
    bool *slot = arg;
    unsigned now = atomic_fetch_add(&at_once, 1) + 1;
    unsigned most = atomic_load(&most_at_once);

    while (now > most && !atomic_compare_exchange_weak(&most_at_once, &most, now)) continue;
    cr_expect_not(*slot, "the slot is somebody else's");
    *slot = true;
    uv_sleep(2);
    *slot = false;
    atomic_fetch_sub(&at_once, 1);
}

static void be_busy(void *arg)
{
    unsigned *done = arg;
    struct ctx ctx;
    CLEANUP(gate_leave) struct gate_pass pass = { 0 };

    ctx_init(&ctx, NULL, 60000);
    cr_expect_eq(gate_enter(&gate, &ctx, &pass), OK);
    cr_expect_eq(gate_work(&pass, busy, &slot_busy[pass.slot]), OK);
    ++*done;
}

FLOOR_TEST(gate, never_more_jobs_than_its_width, .timeout = 30)
{
    unsigned done = 0;

    gate_init(&gate, "test.gate", 2, 100, 60000);
    for (int i = 0; i < 40; i++) fiber_start("busy", be_busy, &done);
    run_all();
    cr_assert_eq(done, 40);
    cr_assert_eq(atomic_load(&most_at_once), 2);
    cr_assert_eq(gate.entered, 40);
    expect_empty();
}

static pthread_barrier_t barrier;

static void meet(void *arg)
{
    (void)arg;
    pthread_barrier_wait(&barrier);
}

static void go_and_meet(void *arg)
{
    struct ctx ctx;
    CLEANUP(gate_leave) struct gate_pass pass = { 0 };

    (void)arg;
    ctx_init(&ctx, NULL, 60000);
    cr_expect_eq(gate_enter(&gate, &ctx, &pass), OK);
    cr_expect_eq(gate_work(&pass, meet, NULL), OK);
}

FLOOR_TEST(gate, pool_has_a_thread_for_every_lane_and_some_more, .timeout = 20)
{
    gate_pool_size(6);
    cr_assert_str_eq(getenv("UV_THREADPOOL_SIZE"), "10");

    pthread_barrier_init(&barrier, NULL, 10); /* nobody passes before all are there */
    gate_init(&gate, "test.gate", 10, 0, 60000);
    for (int i = 0; i < 10; i++) fiber_start("meeting", go_and_meet, NULL);
    run_all();
    pthread_barrier_destroy(&barrier);
}

/* --- under torture --- */

static void enter_and_work(void *arg)
{
    enum err *answer = arg;
    struct inquiry q;
    struct ctx ctx;
    CLEANUP(gate_leave) struct gate_pass pass = { 0 };

    ctx_init(&ctx, NULL, 60000);
    *answer = gate_enter(&gate, &ctx, &pass);
    cr_expect_eq(pass.gate != NULL, *answer == OK, "a failure holds no slot");
    if (*answer == OK) *answer = gate_work(&pass, inquire, &q);
}

static void torture_round_with(unsigned k, enum err e, enum err *answer)
{
    struct visitor v;

    visitor_start(&v, 'a', 60000);
    torture_fail(k, e);
    fiber_start("tortured", enter_and_work, answer);
    turn();
    wake(&v.go, OK);
    run_all();
}

FLOOR_TEST(gate, waits_that_fail_leak_no_slot, .timeout = 30)
{
    enum err errors[] = { E_TIMED_OUT, E_CANCELED, E_OVERLOADED };

    gate_init(&gate, "test.gate", 1, 10, 60000);
    for (unsigned i = 0; i < COUNT(errors); i++) {
        for (unsigned k = 0; k < 2; k++) {
            enum err answer = OK;

            torture_round_with(k, errors[i], &answer);
            cr_assert(torture_hit(), "wait %u", k);
            cr_assert_eq(answer, errors[i], "wait %u", k);
            expect_empty();
        }
    }
}
