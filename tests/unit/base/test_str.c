#include "base/str.h"

#include <criterion/criterion.h>

Test(str, cutting_takes_the_head_and_leaves_the_rest)
{
    struct str s = STR("a,,b");

    cr_assert(str_eq(str_cut(&s, ','), STR("a")));
    cr_assert(str_eq(str_cut(&s, ','), STR("")));
    cr_assert(s.at != NULL);
    cr_assert(str_eq(str_cut(&s, ','), STR("b")));
    cr_assert(s.at == NULL);
}

Test(str, a_separator_at_the_end_leaves_an_empty_rest_that_is_there)
{
    struct str s = STR("a,");

    (void)str_cut(&s, ',');
    cr_assert(s.at != NULL && s.len == 0);
}

Test(str, numbers_are_decimal_and_in_range)
{
    uint64_t u;
    int64_t i;

    cr_assert(str_u64(STR("0"), &u) && u == 0);
    cr_assert(str_u64(STR("18446744073709551615"), &u) && u == UINT64_MAX);
    cr_assert(str_i64(STR("-9223372036854775808"), &i) && i == INT64_MIN);
    cr_assert(str_i64(STR("9223372036854775807"), &i) && i == INT64_MAX);
}

Test(str, what_is_no_number_is_refused)
{
    static const char *const bad[] = { "",
                                       "+1",
                                       "-",
                                       "01",
                                       "00",
                                       "1 ",
                                       " 1",
                                       "1a",
                                       "0x1",
                                       "18446744073709551616",
                                       "99999999999999999999" };
    uint64_t u;
    int64_t i;

    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
        cr_assert(!str_u64(str_of(bad[k]), &u), "%s", bad[k]);
    cr_assert(!str_i64(STR("-0"), &i));
    cr_assert(!str_i64(STR("9223372036854775808"), &i));
    cr_assert(!str_i64(STR("-9223372036854775809"), &i));
}

Test(str, case_is_ignored_for_ascii_letters_only)
{
    cr_assert(str_eq_nocase(STR("Content-TYPE"), STR("content-type")));
    cr_assert(!str_eq_nocase(STR("["), STR("{")));
    cr_assert(!str_eq_nocase(STR("\xc4"), STR("\xe4")));
}

Test(str, secrets_compare_by_every_byte)
{
    cr_assert(str_eq_secret(STR("abc"), STR("abc")));
    cr_assert(!str_eq_secret(STR("abc"), STR("abd")));
    cr_assert(!str_eq_secret(STR("abc"), STR("ab")));
    cr_assert(!str_eq_secret(STR(""), STR("a")));
    cr_assert(str_eq_secret(STR(""), STR("")));
}

Test(str, slices_are_clamped)
{
    cr_assert(str_eq(str_from(STR("abc"), 5), STR("")));
    cr_assert(str_eq(str_upto(STR("abc"), 5), STR("abc")));
    cr_assert(str_eq(str_trim(STR(" \ta b ")), STR("a b")));
}
