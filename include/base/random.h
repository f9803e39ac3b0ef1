/* random.h - bytes nobody can guess, from the kernel.
 *
 * getrandom(2) in bulk; small requests are served from a buffer that is wiped
 * as it is used, is dropped in a forked child, and belongs to the loop thread.
 * If the kernel cannot answer, the process ends: never weak randomness.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *out, size_t len);
uint64_t random_below(uint64_t bound); /* uniform, bound > 0 */

#endif
