/* buf.h - bytes that grow, up to a ceiling stated when the buffer is made.
 *
 * Appending past the ceiling sets `full` and drops the bytes: look at it once,
 * when everything has been appended.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/attr.h"
#include "base/str.h"

struct buf {
    char *at; /* owned, malloc */
    size_t len, cap, ceiling;
    bool full;
};

void buf_init(struct buf *b, size_t ceiling); /* allocates nothing yet */
void buf_done(struct buf *b);                 /* wipes and frees; CLEANUP-able */
void buf_clear(struct buf *b);                /* keeps the memory, clears `full` */
void buf_add(struct buf *b, struct str s);
void buf_add_char(struct buf *b, char c);
void buf_add_u64(struct buf *b, uint64_t n);
void buf_fmt(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
char *buf_reserve(struct buf *b, size_t more); /* room for `more`; NULL when full */
void buf_took(struct buf *b, size_t used);     /* of what was reserved */
void buf_drop(struct buf *b, size_t n);        /* forgets the first n bytes */
struct str buf_str(const struct buf *b);       /* borrowed until the next change */

#define BUF_ADD(b, literal) buf_add((b), STR(literal))

#endif
