#include "base/near.h"

#include <criterion/criterion.h>

static unsigned distance(const char *a, const char *b)
{
    return near_distance(str_of(a), str_of(b));
}

static struct str best(const char *wrong, const char *const *words)
{
    struct near near = { .wrong = str_of(wrong) };
    for (; *words; words++) near_offer(&near, str_of(*words));
    return near.best;
}

Test(near, counts_missing_extra_wrong_and_swapped_letters)
{
    cr_assert_eq(distance("serve", "serve"), 0);
    cr_assert_eq(distance("srve", "serve"), 1);
    cr_assert_eq(distance("seerve", "serve"), 1);
    cr_assert_eq(distance("derve", "serve"), 1);
    cr_assert_eq(distance("sevre", "serve"), 1);
    cr_assert_eq(distance("esvre", "serve"), 2);
    cr_assert_eq(distance("", "key"), 3);
    cr_assert_eq(distance("key", ""), 3);
    cr_assert_eq(distance("kitten", "sitting"), 3);
}

Test(near, touches_no_letter_twice)
{
    /* "ca" -> "ac" -> "abc" would be two; optimal string alignment says three. */
    cr_assert_eq(distance("ca", "abc"), 3);
}

Test(near, is_blind_for_the_case_of_ascii_letters)
{
    cr_assert_eq(distance("SERVE", "serve"), 0);
    cr_assert_eq(distance("EHlp", "help"), 1);
}

Test(near, offers_the_nearest_word_and_of_equals_the_first)
{
    static const char *const words[] = { "list", "lost", "last", "migrate", NULL };

    cr_assert(str_eq(best("migarte", words), STR("migrate")));
    cr_assert(str_eq(best("lxst", words), STR("list")));
    cr_assert(str_eq(best("last", words), STR("last")));
}

Test(near, offers_nothing_that_is_far)
{
    static const char *const words[] = { "up", "down", "status", NULL };

    cr_assert_null(best("ab", words).at);     /* two slips are the whole word */
    cr_assert_null(best("staxyz", words).at); /* three */
    cr_assert_null(best("", words).at);
    cr_assert(str_eq(best("pu", words), STR("up")));
}

Test(near, takes_words_of_any_length)
{
    char wrong[NEAR_LEN_MAX + 2];
    memset(wrong, 'x', sizeof wrong);
    wrong[sizeof wrong - 1] = '\0';
    const char *const words[] = { wrong, NULL };

    cr_assert_null(best(wrong, words).at);
    wrong[NEAR_LEN_MAX] = '\0';
    cr_assert_not_null(best(wrong, words).at);
}
