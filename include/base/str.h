/* str.h - text by value: a pointer and a length.
 *
 * A str borrows its bytes; who owns them is said where it is made. It need not
 * end in NUL and may hold any byte. `at` is NULL only for "absent" (an optional
 * member that was not sent), which is different from empty.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *at;
    size_t len;
};

/* A password, a key, a PHC string: printed as "***" wherever it goes. */
struct secret {
    struct str text;
};

/* A token: printed as its first 10 characters and "...". */
struct token {
    struct str text;
};

#define STR(literal) ((struct str){ "" literal, sizeof(literal) - 1 })
#define STR_INIT(literal)               \
    {                                   \
        "" literal, sizeof(literal) - 1 \
    } /* for static tables */
#define STR_NONE ((struct str){ NULL, 0 })
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).len, (s).at ? (s).at : ""

struct str str_of(const char *cstring); /* borrows; NULL gives STR_NONE */
struct str str_span(const void *at, size_t len);
bool str_eq(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b); /* ASCII only */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
ptrdiff_t str_find(struct str s, char c);        /* index, or -1 */
struct str str_from(struct str s, size_t start); /* the rest; clamps */
struct str str_upto(struct str s, size_t end);   /* the head; clamps */
struct str str_trim(struct str s);               /* spaces and tabs */

/* Cuts `s` at the first `c`: the part before it is the answer, `*s` becomes
 * the part behind it. Without a `c` all of it is the answer and `*s` absent. */
struct str str_cut(struct str *s, char c);

/* A decimal integer, nothing else around it, no sign for unsigned, no
 * leading zeros beyond "0"; false when malformed or out of range. */
bool str_u64(struct str s, uint64_t *out);
bool str_i64(struct str s, int64_t *out);

/* Equal? In time that depends on the lengths only. For anything secret. */
bool str_eq_secret(struct str a, struct str b);

#endif
