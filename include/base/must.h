/* must.h - what is true or the program is wrong.
 *
 * A broken invariant is not an error to be handled: must() logs one line and
 * aborts, in release builds too. must_alloc() is the same for memory: a
 * process that has run out ends at once instead of answering half-truths.
 */
#ifndef BASE_MUST_H
#define BASE_MUST_H

#include <stddef.h>

#define must(claim) ((claim) ? (void)0 : must_fail(#claim, __FILE__, __LINE__))

_Noreturn void must_fail(const char *claim, const char *file, int line);

/* "postern: out of memory (want N bytes)" on stderr, then _exit(70). */
_Noreturn void must_have_memory(size_t wanted);

/* malloc, calloc, realloc, free with that promise; never NULL. */
void *must_alloc(size_t size);
void *must_zalloc(size_t size);
void *must_realloc(void *old, size_t size);

#endif
