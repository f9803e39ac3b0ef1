#include "run/fiber.h"

#include <execinfo.h>
#include <fcntl.h>
#include <fenv.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "floor.h"
#include "run/timer.h"

static void count_up(void *arg)
{
    ++*(int *)arg;
}

/* A fiber that waits once and keeps the answer. */
struct sleeper {
    struct wait wait;
    uint64_t deadline;
    enum err answer;
    uint64_t woke_ms;
    bool ended;
};

static void sleeper_run(void *arg)
{
    struct sleeper *s = arg;

    s->answer = await(&s->wait, s->deadline);
    s->woke_ms = mono_ms();
    s->ended = true;
}

static struct fiber *sleeper_start(struct sleeper *s, uint64_t deadline)
{
    *s = (struct sleeper){ .deadline = deadline };
    wait_init(&s->wait, "test.sleeper");
    return fiber_start("sleeper", sleeper_run, s);
}

/* --- stacks and switching --- */

FLOOR_TEST(fiber, start_runs_it_from_the_next_turn_on)
{
    int ran = 0;

    cr_assert(fiber_start("counter", count_up, &ran) != NULL);
    cr_assert_eq(ran, 0);
    cr_assert_eq(fiber_count(), 1);
    turn();
    cr_assert_eq(ran, 1);
    cr_assert_eq(fiber_count(), 0);
}

struct mixer {
    struct wait *mine, *theirs;
    uint64_t seed, sum;
    int rounding;
    double third; /* as it is rounded */
    bool rounding_kept;
};

/* SSE has a rounding mode of its own, which fegetround does not look at. */
static double third(void)
{
    volatile double one = 1, three = 3;
    return one / three;
}

/* More values are alive across the wait than there are registers. */
static __attribute__((__noinline__)) void mixer_run(void *arg)
{
    struct mixer *m = arg;
    uint64_t a = m->seed, b = a * 3, c = a * 5, d = a * 7, e = a * 11, f = a * 13, g = a * 17;
    double x = (double)a, y = x * 1.5, z = x * 2.5;

    m->rounding_kept = true;
    fesetround(m->rounding);
    m->third = third();
    for (int i = 0; i < 1000; i++) {
        wake(m->theirs, OK);
        if (await(m->mine, NO_DEADLINE) != OK) return;
        wait_init(m->mine, "test.mixer");
        if (fegetround() != m->rounding || third() != m->third) m->rounding_kept = false;
        a += g, b ^= a, c += b, d ^= c, e += d, f ^= e, g += f;
        x += 1, y += x, z += y;
    }
    wake(m->theirs, OK);
    m->sum = a + b + c + d + e + f + g + (uint64_t)(x + y + z);
}

static uint64_t mixer_sum(uint64_t seed)
{
    uint64_t a = seed, b = a * 3, c = a * 5, d = a * 7, e = a * 11, f = a * 13, g = a * 17;
    double x = (double)a, y = x * 1.5, z = x * 2.5;

    for (int i = 0; i < 1000; i++) {
        a += g, b ^= a, c += b, d ^= c, e += d, f ^= e, g += f;
        x += 1, y += x, z += y;
    }
    return a + b + c + d + e + f + g + (uint64_t)(x + y + z);
}

FLOOR_TEST(fiber, a_switch_keeps_registers_and_floating_state)
{
    struct wait waits[2];
    wait_init(&waits[0], "test.mixer");
    wait_init(&waits[1], "test.mixer");
    struct mixer one = { .mine = &waits[0], .theirs = &waits[1], .seed = 2, .rounding = FE_UPWARD };
    struct mixer two = {
        .mine = &waits[1], .theirs = &waits[0], .seed = 12, .rounding = FE_DOWNWARD
    };

    fiber_start("one", mixer_run, &one);
    fiber_start("two", mixer_run, &two);
    run_all();
    cr_assert_eq(one.sum, mixer_sum(2));
    cr_assert_eq(two.sum, mixer_sum(12));
    cr_assert(one.rounding_kept);
    cr_assert(two.rounding_kept);
    cr_assert_neq(one.third, two.third);
    cr_assert_eq(fegetround(), FE_TONEAREST);
}

/* The caller's frame is still wanted, or this might become a loop. */
static __attribute__((__noinline__)) unsigned descend(volatile char *above, unsigned bytes)
{
    volatile char page[1024];

    page[0] = page[sizeof page - 1] = 1;
    *above = 2;
    if (bytes < sizeof page) return 1;
    return descend(page, bytes - (unsigned)sizeof page) + (page[0] == 2);
}

static void use_48_kib(void *arg)
{
    volatile char top;

    *(unsigned *)arg = descend(&top, 48 << 10);
}

FLOOR_TEST(fiber, stack_is_deep_enough_for_48_kib_of_frames)
{
    unsigned deep = 0;

    loop_run_fiber("deep", use_48_kib, &deep);
    cr_assert_eq(deep, 49);
}

#ifndef WITH_ASAN /* which reports the overflow itself */
static void use_too_much(void *arg)
{
    volatile char top;

    *(unsigned *)arg = descend(&top, 100 << 10);
}

FLOOR_TEST(fiber, guard_catches_a_stack_that_overflows, .signal = SIGSEGV)
{
    unsigned deep = 0;

    loop_run_fiber("too deep", use_too_much, &deep);
    cr_assert_fail("it went on: %u", deep);
}

static long resident_kib(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long total, resident;

    cr_assert(file != NULL && fscanf(file, "%ld %ld", &total, &resident) == 2);
    fclose(file);
    return resident * (getpagesize() / 1024);
}

FLOOR_TEST(fiber, surplus_stacks_give_their_memory_back)
{
    static unsigned deep[2000];

    long before = resident_kib();
    for (int i = 0; i < 2000; i++) fiber_start("deep", use_48_kib, &deep[i]);
    run_all();
    cr_assert_eq(deep[1999], 49);
    /* 2000 * 48 KiB without that; 256 stay as they are, 4 KiB of the others. */
    cr_assert_lt(resident_kib() - before, 30 << 10);

    /* And those that gave it back work again. */
    for (int i = 0; i < 2000; i++) fiber_start("deep", use_48_kib, &deep[i]);
    run_all();
    cr_assert_eq(fiber_count(), 0);
}
#endif

static void take_backtrace(void *arg)
{
    void *frames[64];

    *(int *)arg = backtrace(frames, COUNT(frames));
}

FLOOR_TEST(fiber, backtrace_ends_where_the_stack_begins)
{
    int frames = 0;

    loop_run_fiber("backtrace", take_backtrace, &frames);
    cr_assert_gt(frames, 2);
    cr_assert_lt(frames, 10);
}

FLOOR_TEST(fiber, ten_thousand_wait_at_once)
{
    static struct sleeper sleepers[10000];

    for (unsigned i = 0; i < COUNT(sleepers); i++) sleeper_start(&sleepers[i], UNTIL_DONE);
    turn();
    cr_assert_eq(fiber_count(), COUNT(sleepers));
    for (unsigned i = 0; i < COUNT(sleepers); i++) wake(&sleepers[i].wait, OK);
    run_all();
    for (unsigned i = 0; i < COUNT(sleepers); i++) cr_assert(sleepers[i].ended);
}

FLOOR_TEST(fiber, start_refuses_more_than_the_most)
{
    int ran = 0;

    for (unsigned i = 0; i < FIBERS_MOST; i++) {
        cr_assert(fiber_start("counter", count_up, &ran) != NULL);
    }
    cr_assert(fiber_start("counter", count_up, &ran) == NULL);
    run_all();
    cr_assert(fiber_start("counter", count_up, &ran) != NULL);
    run_all();
    cr_assert_eq(ran, FIBERS_MOST + 1);
}

static void see_self(void *arg)
{
    *(struct fiber **)arg = fiber_self();
}

FLOOR_TEST(fiber, self_is_the_running_one_and_nobody_on_the_loop)
{
    struct fiber *seen = NULL;

    struct fiber *f = fiber_start("self", see_self, &seen);
    run_all();
    cr_assert(seen == f);
    cr_assert(fiber_self() == NULL);
}

FLOOR_TEST(fiber, done_refuses_to_leave_one_behind, .signal = SIGABRT)
{
    struct sleeper s;

    sleeper_start(&s, UNTIL_DONE);
    turn();
    fiber_done();
}

/* --- waiting and waking --- */

FLOOR_TEST(fiber, await_answers_what_it_was_woken_with)
{
    struct sleeper s;

    sleeper_start(&s, UNTIL_DONE);
    turn();
    cr_assert_not(s.ended);
    wake(&s.wait, E_STORE_DOWN);
    cr_assert_not(s.ended, "wake must not run the fiber itself");
    turn();
    cr_assert(s.ended);
    cr_assert_eq(s.answer, E_STORE_DOWN);
}

FLOOR_TEST(fiber, wake_before_await_is_kept)
{
    struct sleeper s;

    sleeper_start(&s, UNTIL_DONE);
    wake(&s.wait, E_CONFLICT);
    turn();
    cr_assert(s.ended);
    cr_assert_eq(s.answer, E_CONFLICT);
}

FLOOR_TEST(fiber, first_wake_counts)
{
    struct sleeper before, between;

    sleeper_start(&before, UNTIL_DONE);
    sleeper_start(&between, UNTIL_DONE);
    wake(&before.wait, E_CONFLICT);
    wake(&before.wait, OK);
    turn();
    wake(&between.wait, E_NOT_FOUND);
    wake(&between.wait, OK);
    turn();
    wake(&between.wait, OK); /* long over: no effect */
    turn();
    cr_assert_eq(before.answer, E_CONFLICT);
    cr_assert_eq(between.answer, E_NOT_FOUND);
}

FLOOR_TEST(fiber, await_off_a_fiber_is_a_mistake, .signal = SIGABRT)
{
    struct wait w;

    wait_init(&w, "test");
    cr_assert_eq(await(&w, UNTIL_DONE), OK);
}

static void share(void *arg)
{
    cr_expect_eq(await(arg, UNTIL_DONE), OK);
}

FLOOR_TEST(fiber, two_cannot_wait_for_one_thing, .signal = SIGABRT)
{
    struct wait w;

    wait_init(&w, "test");
    fiber_start("one", share, &w);
    fiber_start("two", share, &w);
    turn();
}

struct recorder {
    struct wait wait;
    char name;
    char *log; /* where all of them write */
};

static void recorder_run(void *arg)
{
    struct recorder *r = arg;

    if (await(&r->wait, NO_DEADLINE) != OK) return;
    r->log[strlen(r->log)] = r->name;
}

FLOOR_TEST(fiber, those_woken_run_in_the_order_of_their_wakes)
{
    char log[8] = "";
    struct recorder r[4];

    for (int i = 0; i < 4; i++) {
        r[i] = (struct recorder){ .name = (char)('a' + i), .log = log };
        wait_init(&r[i].wait, "test.recorder");
        fiber_start("recorder", recorder_run, &r[i]);
    }
    turn();
    wake(&r[2].wait, OK);
    wake(&r[0].wait, OK);
    wake(&r[3].wait, OK);
    wake(&r[1].wait, OK);
    turn();
    cr_assert_str_eq(log, "cadb");
}

static unsigned flushes;

static void count_flush(struct loop_flush *self)
{
    (void)self;
    flushes++;
}

struct relay {
    struct wait wait;
    struct relay *next;
    unsigned flushes_seen;
};

static void relay_run(void *arg)
{
    struct relay *r = arg;

    if (await(&r->wait, NO_DEADLINE) != OK) return;
    if (r->next != NULL) wake(&r->next->wait, OK);
    r->flushes_seen = flushes;
}

FLOOR_TEST(fiber, one_woken_by_another_runs_before_the_flush)
{
    struct relay r[3] = { { .next = &r[1] }, { .next = &r[2] }, { .next = NULL } };
    struct loop_flush flush = { .flush = count_flush };

    for (int i = 0; i < 3; i++) {
        wait_init(&r[i].wait, "test.relay");
        fiber_start("relay", relay_run, &r[i]);
    }
    turn();
    loop_on_flush(&flush);
    wake(&r[0].wait, OK);
    run_all();
    for (int i = 0; i < 3; i++) cr_assert_eq(r[i].flushes_seen, 0, "fiber %d", i);
}

struct rally {
    struct wait *mine, *theirs;
    const bool *stop;
};

static void rally_run(void *arg)
{
    struct rally *r = arg;

    while (!*r->stop) {
        wake(r->theirs, OK);
        if (await(r->mine, NO_DEADLINE) != OK) return;
        wait_init(r->mine, "test.rally");
    }
    wake(r->theirs, OK);
}

static bool rally_over;

static void end_rally(struct timer *t)
{
    (void)t;
    rally_over = true;
}

FLOOR_TEST(fiber, those_that_wake_each_other_for_ever_do_not_stop_the_loop, .timeout = 10)
{
    struct wait waits[2];
    wait_init(&waits[0], "test.rally");
    wait_init(&waits[1], "test.rally");
    struct rally one = { &waits[0], &waits[1], &rally_over };
    struct rally two = { &waits[1], &waits[0], &rally_over };
    static struct timer timer;

    timer_init(&timer, end_rally);
    timer_start(&timer, 20, 0);
    fiber_start("one", rally_run, &one);
    fiber_start("two", rally_run, &two);
    run_all();
    cr_assert(rally_over);
    timer_close(&timer, NULL);
}

/* --- deadlines --- */

FLOOR_TEST(fiber, await_times_out_at_its_deadline_and_not_before)
{
    struct sleeper s;
    uint64_t deadline = mono_ms() + 30;

    sleeper_start(&s, deadline);
    run_all();
    cr_assert_eq(s.answer, E_TIMED_OUT);
    cr_assert_geq(s.woke_ms, deadline);
    cr_assert_lt(s.woke_ms, deadline + 2000);
}

FLOOR_TEST(fiber, deadline_that_has_passed_answers_at_once)
{
    struct sleeper s;

    sleeper_start(&s, mono_ms() - 1);
    turn();
    cr_assert(s.ended);
    cr_assert_eq(s.answer, E_TIMED_OUT);
}

FLOOR_TEST(fiber, many_deadlines_come_in_their_order)
{
    static struct sleeper s[200];
    uint64_t now = mono_ms();

    for (unsigned i = 0; i < COUNT(s); i++) sleeper_start(&s[i], now + 10 + (i * 37) % 50);
    run_all();
    for (unsigned i = 0; i < COUNT(s); i++) {
        cr_assert_eq(s[i].answer, E_TIMED_OUT);
        cr_assert_geq(s[i].woke_ms, s[i].deadline);
        for (unsigned k = 0; k < i; k++) {
            if (s[k].deadline + 20 < s[i].deadline) cr_assert_leq(s[k].woke_ms, s[i].woke_ms);
        }
    }
}

static void time_out_then_wait(void *arg)
{
    struct wait *w = arg;
    struct wait other;

    wait_init(&other, "test.other");
    cr_expect_eq(await(&other, mono_ms() + 5), E_TIMED_OUT);
    wait_init(&other, "test.other");
    cr_expect_eq(await(&other, mono_ms() + 60000), E_TIMED_OUT, "it sticks");
    cr_expect_eq(fiber_sleep(60000, NO_DEADLINE), E_TIMED_OUT, "everywhere");
    cr_expect_eq(await(w, UNTIL_DONE), E_NOT_FOUND, "but not where only wake answers");
}

FLOOR_TEST(fiber, time_out_sticks_except_until_done, .timeout = 20)
{
    struct wait w;

    wait_init(&w, "test");
    fiber_start("sticky", time_out_then_wait, &w);
    while (w.fiber == NULL) uv_run(loop, UV_RUN_ONCE);
    wake(&w, E_NOT_FOUND);
    run_all();
}

static void wait_twice(void *arg)
{
    struct wait *w = arg;

    cr_expect_eq(await(w, mono_ms() + 5), E_TIMED_OUT);
    cr_expect(w->fiber == NULL);
    cr_expect_eq(await(w, UNTIL_DONE), E_CONFLICT);
}

FLOOR_TEST(fiber, wait_that_timed_out_can_be_waited_out)
{
    struct wait w;

    wait_init(&w, "test");
    fiber_start("twice", wait_twice, &w);
    while (w.fiber == NULL || fiber_count() == 0) turn();
    while (w.fiber != NULL) uv_run(loop, UV_RUN_ONCE); /* timed out */
    wake(&w, E_CONFLICT);                              /* perhaps before the second await */
    run_all();
}

FLOOR_TEST(fiber, wake_after_a_time_out_is_harmless)
{
    struct sleeper s;

    sleeper_start(&s, mono_ms() + 5);
    run_all();
    wake(&s.wait, OK);
    turn();
    cr_assert_eq(s.answer, E_TIMED_OUT);
}

static void be_patient(void *arg)
{
    uint64_t *took_ms = arg;
    uint64_t begun = mono_ms();
    struct wait w;

    wait_init(&w, "test");
    cr_expect_eq(await_until(&w, begun + 20, E_OVERLOADED, begun + 60000), E_OVERLOADED);
    *took_ms = mono_ms() - begun;
    wake(&w, OK);
    cr_expect_eq(await(&w, begun + 60000), OK, "patience does not stick");
    wait_init(&w, "test");
    cr_expect_eq(await_until(&w, begun, E_OVERLOADED, begun + 60000), E_OVERLOADED, "at once");
    cr_expect_eq(await_until(&w, begun + 60000, E_OVERLOADED, mono_ms() + 5), E_TIMED_OUT,
                 "the deadline came first");
}

FLOOR_TEST(fiber, await_until_answers_late_without_sticking, .timeout = 20)
{
    uint64_t took_ms = 0;

    loop_run_fiber("patient", be_patient, &took_ms);
    cr_assert_geq(took_ms, 20);
    cr_assert_lt(took_ms, 2000);
}

static void wake_now(struct timer *t);

struct alarm {
    struct timer timer;
    struct wait wait;
};

static void wake_now(struct timer *t)
{
    wake(&((struct alarm *)t)->wait, OK);
}

/* The timer of the first wait is still running during the second. */
static void wait_short_then_long(void *arg)
{
    static struct alarm a;
    uint64_t begun = mono_ms();
    struct wait w;

    (void)arg;
    timer_init(&a.timer, wake_now);
    timer_start(&a.timer, 5, 0);
    wait_init(&a.wait, "test.alarm");
    cr_expect_eq(await(&a.wait, begun + 30), OK);
    timer_close(&a.timer, NULL);

    wait_init(&w, "test.long");
    cr_expect_eq(await(&w, begun + 80), E_TIMED_OUT);
    cr_expect_geq(mono_ms(), begun + 80);
}

static void wait_long_then_short(void *arg)
{
    static struct alarm a;
    uint64_t begun = mono_ms();
    struct wait w;

    (void)arg;
    timer_init(&a.timer, wake_now);
    timer_start(&a.timer, 5, 0);
    wait_init(&a.wait, "test.alarm");
    cr_expect_eq(await(&a.wait, begun + 60000), OK);
    timer_close(&a.timer, NULL);

    wait_init(&w, "test.short");
    uint64_t deadline = mono_ms() + 20;
    cr_expect_eq(await(&w, deadline), E_TIMED_OUT);
    cr_expect_geq(mono_ms(), deadline);
}

FLOOR_TEST(fiber, timer_of_an_earlier_wait_does_not_end_a_later_one)
{
    loop_run_fiber("short, long", wait_short_then_long, NULL);
    loop_run_fiber("short, long", wait_short_then_long, NULL); /* the same stack */
}

FLOOR_TEST(fiber, nearer_deadline_moves_the_timer, .timeout = 20)
{
    loop_run_fiber("long, short", wait_long_then_short, NULL);
}

static void sleep_a_little(void *arg)
{
    uint64_t *took_ms = arg;
    uint64_t begun = mono_ms();

    cr_expect_eq(fiber_sleep(20, NO_DEADLINE), OK);
    *took_ms = mono_ms() - begun;
    cr_expect_eq(fiber_sleep(20, mono_ms() + 60000), OK);
    cr_expect_eq(fiber_sleep(60000, mono_ms() + 10), E_TIMED_OUT);
}

FLOOR_TEST(fiber, sleep_lasts_as_long_as_asked_or_until_the_deadline, .timeout = 20)
{
    uint64_t took_ms = 0;

    loop_run_fiber("sleeper", sleep_a_little, &took_ms);
    cr_assert_geq(took_ms, 20);
}

/* --- cancelling --- */

static void cancelled_run(void *arg)
{
    struct wait *last = arg;
    struct wait w;

    wait_init(&w, "test");
    cr_expect_eq(await(&w, NO_DEADLINE), E_CANCELED);
    cr_expect_eq(fiber_sleep(60000, mono_ms() + 60000), E_CANCELED, "it sticks");
    cr_expect_eq(await(last, UNTIL_DONE), OK);
}

FLOOR_TEST(fiber, cancel_ends_every_wait_with_a_deadline, .timeout = 20)
{
    struct wait last;

    wait_init(&last, "test.last");
    struct fiber *f = fiber_start("cancelled", cancelled_run, &last);
    turn();
    fiber_cancel(f);
    turn();
    cr_assert(last.fiber == f);
    fiber_cancel(f); /* again: no effect, and none on UNTIL_DONE */
    turn();
    cr_assert(last.fiber == f);
    wake(&last, OK);
    run_all();
}

FLOOR_TEST(fiber, cancel_after_the_wake_does_not_take_the_result_away)
{
    struct sleeper s;

    struct fiber *f = sleeper_start(&s, NO_DEADLINE);
    turn();
    wake(&s.wait, E_CONFLICT);
    fiber_cancel(f);
    turn();
    cr_assert_eq(s.answer, E_CONFLICT);
}

FLOOR_TEST(fiber, stack_of_a_cancelled_one_starts_afresh)
{
    struct sleeper s;

    fiber_cancel(sleeper_start(&s, NO_DEADLINE));
    turn();
    cr_assert_eq(s.answer, E_CANCELED);

    sleeper_start(&s, NO_DEADLINE);
    turn();
    cr_assert_not(s.ended);
    wake(&s.wait, OK);
    turn();
    cr_assert_eq(s.answer, OK);
}

/* --- the table and the alarm --- */

/* What was logged meanwhile: a borrowed text. */
static const char *logged(void (*act)(void))
{
    static char text[8192];
    char path[] = "/tmp/test_fiber_XXXXXX";

    close(mkstemp(path));
    log_set_format(true);
    cr_assert_eq(log_open(path), OK);
    act();
    int fd = open(path, O_RDONLY);
    ssize_t got = read(fd, text, sizeof text - 1);
    text[got > 0 ? got : 0] = '\0';
    close(fd);
    unlink(path);
    return text;
}

static void wait_labelled(void *arg)
{
    fiber_label(STR("req-4711"));
    cr_expect_eq(await(arg, UNTIL_DONE), OK);
}

FLOOR_TEST(fiber, table_names_who_waits_for_what_and_for_whom)
{
    struct wait w;

    wait_init(&w, "test.thing");
    fiber_start("api_login", wait_labelled, &w);
    turn();
    const char *text = logged(fiber_log_all);
    cr_expect(strstr(text, "fiber.waiting"), "%s", text);
    cr_expect(strstr(text, "api_login"), "%s", text);
    cr_expect(strstr(text, "test.thing"), "%s", text);
    cr_expect(strstr(text, "req-4711"), "%s", text);
    cr_expect(strstr(text, "\"ms\":"), "%s", text);
    wake(&w, OK);
    run_all();
    cr_assert_str_empty(logged(fiber_log_all));
}

static void label_with(void *arg)
{
    struct str *id = arg;
    fiber_label(*id);
}

FLOOR_TEST(fiber, label_longer_than_a_request_id_is_cut)
{
    char long_id[300];
    memset(long_id, 'x', sizeof long_id);
    struct str id = str_span(long_id, sizeof long_id);

    loop_run_fiber("label", label_with, &id);
}

static void hog(void *arg)
{
    uint64_t until = mono_ms() + *(unsigned *)arg;
    while (mono_ms() < until) continue;
}

static void hog_three_times(void)
{
    unsigned ms = 30;

    fiber_slow_ms = 20;
    for (int i = 0; i < 3; i++) loop_run_fiber("the_hog", hog, &ms);
}

FLOOR_TEST(fiber, one_that_keeps_the_loop_is_reported_once_a_second)
{
    const char *text = logged(hog_three_times);
    const char *first = strstr(text, "fiber.slow");

    cr_assert(first != NULL, "%s", text);
    cr_assert(strstr(text, "the_hog") != NULL, "%s", text);
    cr_assert(strstr(first + 1, "fiber.slow") == NULL, "%s", text);
}

static void hog_quietly(void)
{
    unsigned ms = 30;

    fiber_slow_ms = 0;
    loop_run_fiber("the_hog", hog, &ms);
}

FLOOR_TEST(fiber, alarm_can_be_off)
{
    cr_assert_str_empty(logged(hog_quietly));
}
