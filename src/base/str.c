#include "base/str.h"

#include <strings.h>

struct str str_of(const char *cstring)
{
    return cstring ? (struct str){ cstring, strlen(cstring) } : STR_NONE;
}

struct str str_span(const void *at, size_t len)
{
    return (struct str){ at, len };
}

bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* Not strncasecmp: that one follows the locale. */
static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.at[i]) != lower(b.at[i])) return false;
    return true;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq(str_upto(s, prefix.len), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_eq(str_from(s, s.len - suffix.len), suffix);
}

ptrdiff_t str_find(struct str s, char c)
{
    const char *hit = s.len ? memchr(s.at, c, s.len) : NULL;
    return hit ? hit - s.at : -1;
}

struct str str_from(struct str s, size_t start)
{
    if (start > s.len) start = s.len;
    return (struct str){ s.at ? s.at + start : NULL, s.len - start };
}

struct str str_upto(struct str s, size_t end)
{
    return (struct str){ s.at, end < s.len ? end : s.len };
}

struct str str_trim(struct str s)
{
    while (s.len && (*s.at == ' ' || *s.at == '\t')) s = str_from(s, 1);
    while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t')) s.len--;
    return s;
}

struct str str_cut(struct str *s, char c)
{
    ptrdiff_t at = str_find(*s, c);
    struct str head = *s;

    if (at < 0) {
        *s = STR_NONE;
        return head;
    }
    *s = str_from(head, (size_t)at + 1);
    return str_upto(head, (size_t)at);
}

bool str_u64(struct str s, uint64_t *out)
{
    uint64_t n = 0;

    if (s.len == 0 || s.len > 20 || (s.len > 1 && s.at[0] == '0')) return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9') return false;
        if (__builtin_mul_overflow(n, 10, &n)) return false;
        if (__builtin_add_overflow(n, (uint64_t)(s.at[i] - '0'), &n)) return false;
    }
    *out = n;
    return true;
}

bool str_i64(struct str s, int64_t *out)
{
    bool negative = s.len > 0 && s.at[0] == '-';
    uint64_t n;

    if (!str_u64(negative ? str_from(s, 1) : s, &n)) return false;
    if (negative) {
        if (n == 0 || n > (uint64_t)INT64_MAX + 1) return false; /* "-0" is not a number */
        *out = (int64_t)(0 - n);
    } else {
        if (n > INT64_MAX) return false;
        *out = (int64_t)n;
    }
    return true;
}

bool str_eq_secret(struct str a, struct str b)
{
    volatile unsigned char differs = a.len != b.len;
    size_t len = a.len < b.len ? a.len : b.len;

    for (size_t i = 0; i < len; i++)
        differs = differs | (unsigned char)((unsigned char)a.at[i] ^ (unsigned char)b.at[i]);
    return differs == 0;
}
