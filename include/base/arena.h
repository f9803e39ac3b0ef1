/* arena.h - memory that lives as long as one request.
 *
 * Nothing is freed singly. arena_reset wipes and recycles all of it, so
 * secrets need no care of their own. Running out of memory, or going past the
 * ceiling, ends the process: every input is bounded before it gets here.
 *
 * One thread at a time: a worker thread may allocate from a fiber's arena only
 * while that fiber waits for it (UNTIL_DONE).
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/attr.h"
#include "base/str.h"

#include <stdarg.h>

struct arena_block;

struct arena {
    struct arena_block *block; /* newest; owned */
    char *at, *end;            /* free part of it */
    size_t total, ceiling;     /* bytes in blocks; most there may be */
};

void arena_init(struct arena *a, size_t ceiling);
void *arena_alloc(struct arena *a, size_t size, size_t align); /* never NULL; zeroed */
struct str arena_copy(struct arena *a, struct str s);          /* NUL follows it */
struct str arena_fmt(struct arena *a, const char *fmt, ...) PRINTF(2, 3);
struct str arena_vfmt(struct arena *a, const char *fmt, va_list args);
void arena_reset(struct arena *a); /* wipes; keeps the first block for reuse */
void arena_done(struct arena *a);  /* wipes and frees all; CLEANUP-able */

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type), _Alignof(type)))
#define ARENA_ARRAY(a, type, n) \
    ((type *)arena_alloc((a), sizeof(type) * (size_t)(n), _Alignof(type)))

#endif
