#include "base/buf.h"

#include <criterion/criterion.h>

Test(buf, appends_grow_it)
{
    CLEANUP(buf_done) struct buf b;

    buf_init(&b, 1 << 16);
    for (unsigned i = 0; i < 1000; i++) buf_add_u64(&b, i);
    BUF_ADD(&b, "!");
    cr_assert_eq(b.len, 10 + 180 + 2700 + 1);
    cr_assert(str_ends(buf_str(&b), STR("998999!")));
    cr_assert(!b.full);
}

Test(buf, past_the_ceiling_it_is_full_and_drops)
{
    CLEANUP(buf_done) struct buf b;

    buf_init(&b, 5);
    BUF_ADD(&b, "abc");
    BUF_ADD(&b, "defg");
    cr_assert(b.full);
    cr_assert(str_eq(buf_str(&b), STR("abc")));
    BUF_ADD(&b, "d"); /* once full, always: no hole in the middle */
    cr_assert(str_eq(buf_str(&b), STR("abc")));
    buf_clear(&b);
    BUF_ADD(&b, "12345");
    cr_assert(!b.full && b.len == 5);
}

Test(buf, formatting_and_dropping)
{
    CLEANUP(buf_done) struct buf b;

    buf_init(&b, 64);
    buf_fmt(&b, "%s=%d;", "n", 42);
    buf_drop(&b, 2);
    cr_assert(str_eq(buf_str(&b), STR("42;")));
    buf_drop(&b, 3);
    cr_assert_eq(b.len, 0);
}

Test(buf, reserved_room_is_taken_as_far_as_it_was_used)
{
    CLEANUP(buf_done) struct buf b;

    buf_init(&b, 16);
    memcpy(buf_reserve(&b, 10), "hello", 5);
    buf_took(&b, 5);
    cr_assert(str_eq(buf_str(&b), STR("hello")));
    cr_assert(buf_reserve(&b, 12) == NULL);
    cr_assert(b.full);
}
