#include "base/buf.h"
#include "base/must.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUF_FIRST = 256 };

void buf_init(struct buf *b, size_t ceiling)
{
    *b = (struct buf){ .ceiling = ceiling };
}

void buf_done(struct buf *b)
{
    if (b->at) explicit_bzero(b->at, b->cap);
    free(b->at);
    buf_init(b, b->ceiling);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->full = false;
}

/* Moves by hand instead of realloc, which would leave a copy behind. */
static void grow(struct buf *b, size_t least)
{
    size_t cap = b->cap ? b->cap : BUF_FIRST;

    while (cap < least) cap *= 2;
    if (cap > b->ceiling) cap = b->ceiling;

    char *at = must_alloc(cap);
    if (b->len) memcpy(at, b->at, b->len);
    if (b->at) explicit_bzero(b->at, b->cap);
    free(b->at);
    b->at = at;
    b->cap = cap;
}

char *buf_reserve(struct buf *b, size_t more)
{
    if (b->full || more > b->ceiling - b->len) {
        b->full = true;
        return NULL;
    }
    if (more > b->cap - b->len || !b->at) grow(b, b->len + more);
    return b->at + b->len;
}

void buf_took(struct buf *b, size_t used)
{
    must(used <= b->cap - b->len);
    b->len += used;
}

void buf_add(struct buf *b, struct str s)
{
    if (s.len == 0) return;
    char *at = buf_reserve(b, s.len);
    if (!at) return;
    memcpy(at, s.at, s.len);
    b->len += s.len;
}

void buf_add_char(struct buf *b, char c)
{
    buf_add(b, str_span(&c, 1));
}

void buf_add_u64(struct buf *b, uint64_t n)
{
    char digits[20];
    size_t at = sizeof digits;

    do digits[--at] = (char)('0' + n % 10);
    while (n /= 10);
    buf_add(b, str_span(digits + at, sizeof digits - at));
}

void buf_fmt(struct buf *b, const char *fmt, ...)
{
    va_list args, again;

    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    must(len >= 0);
    char *at = buf_reserve(b, (size_t)len + 1);
    if (at) {
        vsnprintf(at, (size_t)len + 1, fmt, args);
        b->len += (size_t)len;
    }
    va_end(args);
}

void buf_drop(struct buf *b, size_t n)
{
    must(n <= b->len);
    b->len -= n;
    if (b->len) memmove(b->at, b->at + n, b->len);
}

struct str buf_str(const struct buf *b)
{
    return str_span(b->at ? b->at : "", b->len);
}
