#include "run/torture.h"

#include "floor.h"

struct steps {
    enum err answers[4];
    bool last_was_done; /* its work was complete when the wait was answered */
};

/* Three waits with a deadline and one without; all are woken with OK by the
 * next turn. */
struct step {
    struct wait wait;
    bool done;
};

static void finish(void *arg)
{
    struct step *s = arg;
    s->done = true;
    wake(&s->wait, OK);
}

static void take_steps(void *arg)
{
    struct steps *steps = arg;
    static struct step step[4];

    for (int i = 0; i < 4; i++) {
        step[i] = (struct step){ 0 };
        wait_init(&step[i].wait, "test.step");
        fiber_start("finish", finish, &step[i]);
        steps->answers[i] = await(&step[i].wait, i < 3 ? NO_DEADLINE : UNTIL_DONE);
        steps->last_was_done = step[i].done;
    }
}

static void expect_answers(const struct steps *s, enum err a, enum err b, enum err c, enum err d)
{
    cr_expect_eq(s->answers[0], a);
    cr_expect_eq(s->answers[1], b);
    cr_expect_eq(s->answers[2], c);
    cr_expect_eq(s->answers[3], d);
}

FLOOR_TEST(torture, counts_the_waits)
{
    struct steps s;

    loop_run_fiber("steps", take_steps, &s);
    cr_assert_eq(torture_count(), 4);
    expect_answers(&s, OK, OK, OK, OK);
    cr_assert_not(torture_hit());
    torture_reset();
    cr_assert_eq(torture_count(), 0);
}

FLOOR_TEST(torture, time_out_at_a_wait_sticks_to_the_later_ones)
{
    struct steps s;

    torture_fail(1, E_TIMED_OUT);
    loop_run_fiber("steps", take_steps, &s);
    cr_assert(torture_hit());
    expect_answers(&s, OK, E_TIMED_OUT, E_TIMED_OUT, OK);
    run_all();
}

FLOOR_TEST(torture, cancel_at_a_wait_sticks_to_the_later_ones)
{
    struct steps s;

    torture_fail(0, E_CANCELED);
    loop_run_fiber("steps", take_steps, &s);
    expect_answers(&s, E_CANCELED, E_CANCELED, E_CANCELED, OK);
    run_all();
}

FLOOR_TEST(torture, failure_of_a_part_hits_one_wait_only)
{
    for (unsigned k = 0; k < 4; k++) {
        struct steps s;

        torture_fail(k, E_STORE_DOWN);
        loop_run_fiber("steps", take_steps, &s);
        cr_assert(torture_hit());
        for (unsigned i = 0; i < 4; i++) {
            cr_assert_eq(s.answers[i], i == k ? E_STORE_DOWN : OK, "wait %u of %u", i, k);
        }
    }
}

FLOOR_TEST(torture, wait_until_done_is_completed_before_it_fails)
{
    enum err errors[] = { E_TIMED_OUT, E_CANCELED, E_STORE_DOWN };

    for (unsigned i = 0; i < COUNT(errors); i++) {
        struct steps s;

        torture_fail(3, errors[i]);
        loop_run_fiber("steps", take_steps, &s);
        expect_answers(&s, OK, OK, OK, errors[i]);
        cr_assert(s.last_was_done);
    }
}

FLOOR_TEST(torture, wait_beyond_the_last_is_not_hit)
{
    struct steps s;

    torture_fail(4, E_TIMED_OUT);
    loop_run_fiber("steps", take_steps, &s);
    expect_answers(&s, OK, OK, OK, OK);
    cr_assert_not(torture_hit());
}

static void wait_many_times(void *arg)
{
    bool *stop = arg;
    while (!*stop && fiber_sleep(0, NO_DEADLINE) == OK) continue;
    cr_expect(*stop, "the background was disturbed");
}

FLOOR_TEST(torture, what_ran_before_is_left_alone)
{
    bool stop = false;
    struct steps s;

    fiber_start("background", wait_many_times, &stop);
    turn();
    torture_fail(2, E_CANCELED);
    loop_run_fiber("steps", take_steps, &s);
    cr_assert(torture_hit());
    cr_assert_eq(torture_count(), 4);
    expect_answers(&s, OK, OK, E_CANCELED, OK);
    stop = true;
    run_all();
}

/* --- shuffling --- */

static char order[8];

static void sign(void *arg)
{
    order[strlen(order)] = *(const char *)arg;
}

static const char *order_of(uint64_t seed)
{
    static const char names[] = "abcdef";

    memset(order, 0, sizeof order);
    torture_shuffle(seed);
    for (int i = 0; i < 6; i++) fiber_start("sign", sign, (void *)&names[i]);
    run_all();
    torture_shuffle(0);
    return order;
}

FLOOR_TEST(torture, without_a_seed_the_order_is_that_of_the_wakes)
{
    cr_assert_str_eq(order_of(0), "abcdef");
}

FLOOR_TEST(torture, same_seed_gives_the_same_order)
{
    char first[8];

    for (uint64_t seed = 1; seed < 50; seed++) {
        strcpy(first, order_of(seed));
        cr_assert_eq(strlen(first), 6, "everybody runs");
        cr_assert_str_eq(order_of(seed), first);
    }
}

FLOOR_TEST(torture, seeds_bring_everybody_first_and_last)
{
    bool first[6] = { false }, last[6] = { false };

    for (uint64_t seed = 1; seed < 500; seed++) {
        const char *got = order_of(seed);
        first[got[0] - 'a'] = true;
        last[got[5] - 'a'] = true;
    }
    for (int i = 0; i < 6; i++) {
        cr_assert(first[i], "%c never came first", 'a' + i);
        cr_assert(last[i], "%c never came last", 'a' + i);
    }
}
