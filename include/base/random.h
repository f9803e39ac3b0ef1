/* random.h - bytes nobody can guess, from the kernel.
 *
 * getrandom(2) in bulk; small requests are served from a buffer of the calling
 * thread that is wiped as it is used and dropped in a forked child. If the
 * kernel cannot answer, the process ends: never weak randomness.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

void random_bytes(void *out, size_t len);
uint64_t random_below(uint64_t bound); /* uniform, bound > 0 */

/* getrandom(2), unless a test wants it to fail. */
extern ssize_t (*random_source)(void *out, size_t len, unsigned flags);

#endif
