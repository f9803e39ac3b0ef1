/* argon2_kernel.h - which instruction set fills argon2's memory.
 *
 * The best one this processor has is chosen before main. Force another only
 * before the first hash; it is not guarded against running hashes.
 */
#ifndef ARGON2_KERNEL_H
#define ARGON2_KERNEL_H

const char *argon2_kernel(void);              /* "avx512", "avx2", "ssse3", "sse2" or "ref" */
int argon2_kernel_force(const char *name);    /* 0, or -1: unknown here, nothing changed */

#endif
