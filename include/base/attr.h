/* attr.h - words the compiler understands and the reader wants. */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#define PRINTF(at, first) __attribute__((__format__(__printf__, at, first)))

/* This function may put the calling fiber to sleep: afterwards, anything
 * shared may have changed. Expands to nothing; it warns the reader. */
#define SUSPENDS

/* Runs `f(&variable)` when the variable leaves its scope. */
#define CLEANUP(f) __attribute__((cleanup(f)))

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
