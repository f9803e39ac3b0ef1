/* fiber.c - stacks, the list of those that are ready, and waiting.
 *
 * A fiber sits on a mapping of its own: a guard nobody may touch, then the
 * stack. When its function returns it goes back to the pool, still inside
 * fiber_main, and takes the next function from there: nothing is set up twice.
 *
 * The ready list is drained in rounds. Fibers woken by a round run in the next
 * one; after DRAIN_ROUNDS the loop gets its turn, and an idle handle keeps it
 * from sleeping while fibers are ready.
 *
 * Most waits end long before their deadline, and the waits of a request share
 * one. So a fiber's timer is not stopped when a wait ends: if it fires early
 * it starts again for what is left. A wait costs no timer operation then.
 */
#include "run/fiber.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "run/loop.h"
#include "run/torture.h"
#include "switch.h"
#include "watchers.h"

#if defined(WATCH_ASAN) || defined(WATCH_TSAN)
#define STACK_SIZE ((size_t)256 << 10)
#else
#define STACK_SIZE ((size_t)64 << 10)
#endif
#define GUARD_SIZE ((size_t)64 << 10)

#define DRAIN_ROUNDS 4
#define POOL_WARM 256 /* free stacks that keep their memory */
#define LABEL_MAX 64  /* a request id, SPEC 1 */
#define SLOW_REPORT_MS 1000

struct fiber {
    struct context context;
    struct watched watched;
    char *mapping; /* owned: guard, then stack */

    const char *name;
    void (*run)(void *arg);
    void *arg;
    bool ended;
    unsigned round; /* of torture */

    struct wait *wait; /* NULL: not waiting */
    uint64_t deadline; /* of this wait */
    uint64_t until;    /* its patience, at most the deadline */
    enum err late;     /* what it answers when `until` has come */
    enum err answer;   /* what it was resumed with */
    enum err failed;   /* sticky */

    uv_timer_t timer;
    uint64_t timer_due;

    const char *what; /* it waits for, or its state */
    uint64_t since_ms;
    size_t label_len;
    char label[LABEL_MAX];

    struct fiber *next;       /* in the ready list or the pool */
    struct fiber *live_next;  /* in the live table */
    struct fiber **live_link; /* what points at this one there */
};

static struct {
    uv_prepare_t prepare; /* has a reference to the loop while fibers live */
    uv_check_t check;
    uv_idle_t idle; /* active while fibers are ready */

    struct context context; /* the loop's own stack */
    struct watched watched;

    struct fiber *ready, **ready_end;
    unsigned ready_count;
    struct fiber *live;
    unsigned count, most;
    struct fiber *warm, *cold; /* free ones; the cold ones have no pages */
    unsigned warm_count;

    uint64_t slow_reported_us;
} fibers;

static struct fiber *current;

unsigned fiber_slow_ms = 5;

/* --- stacks and switching --- */

static void fiber_enter(struct fiber *f)
{
    watch_leave(&fibers.watched, &f->watched);
    context_switch(&fibers.context, &f->context);
    watch_arrive(&fibers.watched, &f->watched);
}

static void fiber_leave(struct fiber *f)
{
    watch_leave(&f->watched, &fibers.watched);
    context_switch(&f->context, &fibers.context);
    watch_arrive(&f->watched, &fibers.watched);
}

static void fiber_main(void *arg)
{
    struct fiber *f = arg;

    watch_arrive(&f->watched, &fibers.watched);
    for (;;) {
        f->run(f->arg);
        f->ended = true;
        fiber_leave(f);
    }
}

static struct fiber *fiber_new(void)
{
    struct fiber *f = must_zalloc(sizeof *f);

    f->mapping = mmap(NULL, GUARD_SIZE + STACK_SIZE, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (f->mapping == MAP_FAILED) must_have_memory(GUARD_SIZE + STACK_SIZE);

    char *stack = f->mapping + GUARD_SIZE;
    if (mprotect(stack, STACK_SIZE, PROT_READ | PROT_WRITE) != 0) must_have_memory(STACK_SIZE);
    watch_stack(&f->watched, stack, STACK_SIZE);
    context_make(&f->context, stack, STACK_SIZE, fiber_main, f);

    uv_timer_init(loop, &f->timer);
    f->timer.data = f;
    uv_unref((uv_handle_t *)&f->timer);
    return f;
}

static void on_timer_closed(uv_handle_t *timer)
{
    struct fiber *f = timer->data;

    watch_no_more(&f->watched);
    munmap(f->mapping, GUARD_SIZE + STACK_SIZE);
    free(f);
}

static void pool_free(struct fiber *f)
{
    while (f != NULL) {
        struct fiber *next = f->next;

        uv_close((uv_handle_t *)&f->timer, on_timer_closed);
        f = next;
    }
}

static struct fiber *pool_take(void)
{
    struct fiber *f = fibers.warm;

    if (f != NULL) {
        fibers.warm = f->next;
        fibers.warm_count--;
        return f;
    }
    f = fibers.cold;
    if (f == NULL) return fiber_new();
    fibers.cold = f->next;
    return f;
}

static void pool_give(struct fiber *f)
{
    if (fibers.warm_count < POOL_WARM) {
        f->next = fibers.warm;
        fibers.warm = f;
        fibers.warm_count++;
        return;
    }
    /* All but the last page, where fiber_main is. */
    madvise(f->mapping + GUARD_SIZE, STACK_SIZE - (size_t)getpagesize(), MADV_DONTNEED);
    f->next = fibers.cold;
    fibers.cold = f;
}

/* --- the ready list --- */

static void ready_add(struct fiber *f)
{
    unsigned place = torture_place(fibers.ready_count);
    struct fiber **at = fibers.ready_end;

    if (place < fibers.ready_count) {
        at = &fibers.ready;
        while (place-- > 0) at = &(*at)->next;
    }
    f->next = *at;
    *at = f;
    if (f->next == NULL) fibers.ready_end = &f->next;
    fibers.ready_count++;
    f->what = "ready";
}

static struct fiber *ready_take_all(void)
{
    struct fiber *batch = fibers.ready;

    fibers.ready = NULL;
    fibers.ready_end = &fibers.ready;
    fibers.ready_count = 0;
    return batch;
}

static void fiber_end(struct fiber *f)
{
    *f->live_link = f->live_next;
    if (f->live_next != NULL) f->live_next->live_link = f->live_link;
    fibers.count--;
    if (fibers.count == 0) uv_unref((uv_handle_t *)&fibers.prepare);
    pool_give(f);
}

static struct log_context fiber_context(const struct fiber *f)
{
    return (struct log_context){ str_span(f->label, f->label_len) };
}

static void slow_report(const struct fiber *f, uint64_t now_us, uint64_t took_us)
{
    if (now_us - fibers.slow_reported_us < SLOW_REPORT_MS * UINT64_C(1000)) return;
    fibers.slow_reported_us = now_us;

    struct log_context context = fiber_context(f);
    log_warn(&context, "fiber.slow", KV("name", f->name), KV("took_us", took_us),
             KV("then", f->ended ? "ended" : f->what));
}

/* Runs `f` until it waits or ends. Answers when that was (mono_us), which is
 * when the next slice begins: one look at the clock for each. */
static uint64_t fiber_resume(struct fiber *f, uint64_t begun_us)
{
    current = f;
    f->what = "running";
    fiber_enter(f);
    current = NULL;

    uint64_t now_us = fiber_slow_ms == 0 ? 0 : mono_us();
    bool timed = now_us != 0 && begun_us != 0; /* on for the whole slice */
    if (timed && now_us > begun_us + fiber_slow_ms * UINT64_C(1000)) {
        slow_report(f, now_us, now_us - begun_us);
    }
    if (f->ended) fiber_end(f);
    return now_us;
}

static void fibers_drain(void)
{
    must(current == NULL); /* a fiber never runs the loop */
    if (fibers.ready == NULL) return;

    uint64_t now_us = fiber_slow_ms == 0 ? 0 : mono_us();

    for (int round = 0; round < DRAIN_ROUNDS && fibers.ready != NULL; round++) {
        struct fiber *f = ready_take_all();

        while (f != NULL) {
            struct fiber *next = f->next;

            now_us = fiber_resume(f, now_us);
            f = next;
        }
    }
}

static void on_idle(uv_idle_t *idle)
{
    (void)idle; /* that it is active is enough */
}

static void on_prepare(uv_prepare_t *prepare)
{
    (void)prepare;
    fibers_drain();
    loop_flush();
    if (fibers.ready != NULL) {
        uv_idle_start(&fibers.idle, on_idle);
    } else {
        uv_idle_stop(&fibers.idle);
    }
}

static void on_check(uv_check_t *check)
{
    (void)check;
    fibers_drain();
}

/* --- waiting --- */

static void fiber_answer(struct fiber *f, enum err answer)
{
    f->wait->fiber = NULL;
    f->wait = NULL;
    f->answer = answer;
    ready_add(f);
}

static void on_timer(uv_timer_t *timer);

/* Sees to it that the timer fires at f->until or before. */
static void timer_need(struct fiber *f)
{
    if (f->until >= NO_DEADLINE) return;
    if (uv_is_active((uv_handle_t *)&f->timer) && f->timer_due <= f->until) return;
    f->timer_due = f->until;
    uv_timer_start(&f->timer, on_timer, f->until - uv_now(loop), 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct fiber *f = timer->data;

    if (f->wait == NULL) return;
    if (f->until > uv_now(loop)) {
        timer_need(f);
        return;
    }
    bool over = f->deadline <= uv_now(loop);
    if (over && f->failed == OK) f->failed = E_TIMED_OUT;
    fiber_answer(f, over ? E_TIMED_OUT : f->late);
}

static enum err sleep_on(struct wait *w, uint64_t until, enum err late, uint64_t deadline)
{
    struct fiber *f = current;
    uint64_t now = uv_now(loop);

    if (f->failed != OK && deadline != UNTIL_DONE) return f->failed;
    if (w->woken) return w->result;
    if (deadline <= now) return f->failed = E_TIMED_OUT;
    if (until <= now) return late;

    w->fiber = f;
    f->wait = w;
    f->deadline = deadline;
    f->until = until < deadline ? until : deadline;
    f->late = late;
    f->what = w->what;
    f->since_ms = now;
    timer_need(f);
    fiber_leave(f);
    return f->answer;
}

void wait_init(struct wait *w, const char *what)
{
    *w = (struct wait){ .what = what };
}

enum err await_until(struct wait *w, uint64_t until, enum err late, uint64_t deadline)
{
    must(current != NULL);  /* only fibers wait */
    must(w->fiber == NULL); /* and one of them at a time */

    enum err tortured = torture_wait(current->round);
    if (tortured == E_TIMED_OUT || tortured == E_CANCELED) {
        if (deadline != UNTIL_DONE) return current->failed = tortured;
    }

    enum err answer = sleep_on(w, until, late, deadline);
    return tortured != OK ? tortured : answer;
}

enum err await(struct wait *w, uint64_t deadline)
{
    return await_until(w, deadline, E_TIMED_OUT, deadline);
}

void wake(struct wait *w, enum err result)
{
    if (w->woken) return;
    w->woken = true;
    w->result = result;
    if (w->fiber != NULL) fiber_answer(w->fiber, result);
}

enum err fiber_sleep(uint64_t ms, uint64_t deadline)
{
    struct wait w;

    wait_init(&w, "fiber.sleep");
    return await_until(&w, mono_ms() + ms, OK, deadline);
}

/* --- fibers --- */

struct fiber *fiber_start(const char *name, void (*run)(void *arg), void *arg)
{
    if (fibers.count >= fibers.most) return NULL;

    struct fiber *f = pool_take();
    f->name = name;
    f->run = run;
    f->arg = arg;
    f->ended = false;
    f->round = torture_round();
    f->wait = NULL;
    f->failed = OK;
    f->since_ms = uv_now(loop);
    f->label_len = 0;

    f->live_next = fibers.live;
    f->live_link = &fibers.live;
    if (f->live_next != NULL) f->live_next->live_link = &f->live_next;
    fibers.live = f;
    if (fibers.count++ == 0) uv_ref((uv_handle_t *)&fibers.prepare);
    ready_add(f);
    return f;
}

void fiber_cancel(struct fiber *f)
{
    if (f->failed == OK) f->failed = E_CANCELED;
    if (f->wait != NULL && f->deadline != UNTIL_DONE) fiber_answer(f, f->failed);
}

void fiber_label(struct str id)
{
    must(current != NULL);
    struct str head = str_upto(id, LABEL_MAX);
    memcpy(current->label, head.at, head.len);
    current->label_len = head.len;
}

struct fiber *fiber_self(void)
{
    return current;
}

unsigned fiber_count(void)
{
    return fibers.count;
}

void fiber_init(unsigned most)
{
    memset(&fibers, 0, sizeof fibers);
    fibers.most = most;
    fibers.ready_end = &fibers.ready;
    watch_loop(&fibers.watched);
    if (watchers_present()) fiber_slow_ms = 0;

    uv_prepare_init(loop, &fibers.prepare);
    uv_prepare_start(&fibers.prepare, on_prepare);
    uv_unref((uv_handle_t *)&fibers.prepare);
    uv_check_init(loop, &fibers.check);
    uv_check_start(&fibers.check, on_check);
    uv_unref((uv_handle_t *)&fibers.check);
    uv_idle_init(loop, &fibers.idle);
    uv_unref((uv_handle_t *)&fibers.idle);
}

void fiber_done(void)
{
    must(fibers.count == 0);
    pool_free(fibers.warm);
    pool_free(fibers.cold);
    fibers.warm = fibers.cold = NULL;
    uv_close((uv_handle_t *)&fibers.prepare, NULL);
    uv_close((uv_handle_t *)&fibers.check, NULL);
    uv_close((uv_handle_t *)&fibers.idle, NULL);
}

void fiber_log_all(void)
{
    for (struct fiber *f = fibers.live; f != NULL; f = f->live_next) {
        struct log_context context = fiber_context(f);

        log_info(&context, "fiber.waiting", KV("name", f->name), KV("what", f->what),
                 KV("ms", uv_now(loop) - f->since_ms));
    }
}
