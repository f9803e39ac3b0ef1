/* A chain of malloc'ed blocks, newest first; each new one is twice the size of
 * the last, up to 64 KiB, or as large as what is asked for. The first block
 * survives a reset, so a connection's requests reuse the same memory. */
#include "base/arena.h"
#include "base/must.h"

#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_FIRST = 2048, BLOCK_LARGEST = 65536 };

struct arena_block {
    struct arena_block *older;
    size_t size; /* of bytes[] */
    _Alignas(max_align_t) char bytes[];
};

void arena_init(struct arena *a, size_t ceiling)
{
    *a = (struct arena){ .ceiling = ceiling };
}

static void block_add(struct arena *a, size_t least)
{
    size_t size = a->block ? a->block->size * 2 : BLOCK_FIRST;

    if (size > BLOCK_LARGEST) size = BLOCK_LARGEST;
    if (size < least) size = least;
    if (a->total + size > a->ceiling) size = least;
    must(least <= a->ceiling && a->total <= a->ceiling - least);

    struct arena_block *b = must_alloc(sizeof *b + size);
    b->older = a->block;
    b->size = size;
    a->block = b;
    a->at = b->bytes;
    a->end = b->bytes + size;
    a->total += size;
}

void *arena_alloc(struct arena *a, size_t size, size_t align)
{
    must(size <= a->ceiling);
    size_t pad = a->at ? -(uintptr_t)a->at & (align - 1) : 0;

    if (!a->at || (size_t)(a->end - a->at) < pad + size) {
        block_add(a, size + align);
        pad = -(uintptr_t)a->at & (align - 1);
    }
    char *at = a->at + pad;
    a->at = at + size;
    return memset(at, 0, size);
}

struct str arena_copy(struct arena *a, struct str s)
{
    if (!s.at) return STR_NONE;
    char *at = arena_alloc(a, s.len + 1, 1);
    if (s.len) memcpy(at, s.at, s.len);
    return str_span(at, s.len);
}

struct str arena_vfmt(struct arena *a, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    must(len >= 0);

    char *at = arena_alloc(a, (size_t)len + 1, 1);
    vsnprintf(at, (size_t)len + 1, fmt, args);
    return str_span(at, (size_t)len);
}

struct str arena_fmt(struct arena *a, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str s = arena_vfmt(a, fmt, args);
    va_end(args);
    return s;
}

static void block_free(struct arena_block *b)
{
    explicit_bzero(b->bytes, b->size);
    free(b);
}

void arena_reset(struct arena *a)
{
    struct arena_block *first = a->block;

    if (!first) return;
    if (!first->older) { /* the usual case: only what was used needs a wipe */
        explicit_bzero(first->bytes, (size_t)(a->at - first->bytes));
        a->at = first->bytes;
        return;
    }
    while (first->older) {
        struct arena_block *older = first->older;
        block_free(first);
        first = older;
    }
    explicit_bzero(first->bytes, first->size);
    a->block = first;
    a->at = first->bytes;
    a->end = first->bytes + first->size;
    a->total = first->size;
}

void arena_done(struct arena *a)
{
    while (a->block) {
        struct arena_block *older = a->block->older;
        block_free(a->block);
        a->block = older;
    }
    arena_init(a, a->ceiling);
}
