#include "base/arena.h"

#include <criterion/criterion.h>
#include <signal.h>

Test(arena, memory_is_zeroed_and_aligned)
{
    CLEANUP(arena_done) struct arena a;

    arena_init(&a, 1 << 20);
    for (size_t align = 1; align <= 16; align *= 2) {
        unsigned char *at = arena_alloc(&a, 33, align);
        cr_assert_eq((uintptr_t)at % align, 0);
        for (unsigned i = 0; i < 33; i++) cr_assert_eq(at[i], 0);
        memset(at, 0xff, 33);
    }
}

Test(arena, a_reset_wipes_and_reuses_the_first_block)
{
    CLEANUP(arena_done) struct arena a;

    arena_init(&a, 1 << 20);
    struct str secret = arena_copy(&a, STR("hunter2"));
    arena_reset(&a);
    for (size_t i = 0; i < secret.len; i++) cr_assert_eq(secret.at[i], 0);
    cr_assert_eq((const void *)arena_alloc(&a, 1, 1), secret.at);
}

Test(arena, a_reset_gives_back_what_was_large)
{
    CLEANUP(arena_done) struct arena a;

    arena_init(&a, 1 << 20);
    for (unsigned i = 0; i < 50; i++) arena_alloc(&a, 10000, 1);
    size_t large = a.total;
    arena_reset(&a);
    cr_assert_lt(a.total, large);
    cr_assert_gt(a.total, 0);
}

Test(arena, text_is_followed_by_nul)
{
    CLEANUP(arena_done) struct arena a;

    arena_init(&a, 1 << 20);
    cr_assert_str_eq(arena_copy(&a, str_span("abcdef", 3)).at, "abc");
    cr_assert_str_eq(arena_fmt(&a, "%d-%s", 7, "x").at, "7-x");
    cr_assert(arena_copy(&a, STR_NONE).at == NULL);
}

Test(arena, going_past_the_ceiling_ends_the_process, .signal = SIGABRT)
{
    struct arena a;

    arena_init(&a, 4096);
    for (unsigned i = 0; i < 5; i++) arena_alloc(&a, 1000, 1);
}
