/* switch.h - leaving one stack and going on on another. Private to run/fiber.
 *
 * A context is where a stack was left: its callee-saved registers and floating
 * point control words lie on that stack, `sp` points at them. Where there is
 * no assembly for the machine, ucontext does it (slowly: it makes system calls).
 */
#ifndef RUN_SWITCH_H
#define RUN_SWITCH_H

#include <stddef.h>

#if defined(__ELF__) && !defined(FIBER_UCONTEXT) && \
    ((defined(__x86_64__) && defined(__LP64__)) || (defined(__aarch64__) && defined(__LP64__)))
#define SWITCH_ASSEMBLY 1

struct context {
    void *sp;
};
#else
#include <ucontext.h>

struct context {
    ucontext_t machine;
    void (*run)(void *arg);
    void *arg;
};
#endif

/* Prepares a context that will call run(arg), which must never return, on the
 * stack of `size` bytes from `low`, both multiples of 16. */
void context_make(struct context *c, void *low, size_t size, void (*run)(void *arg), void *arg);

/* Saves the calling context in *from and goes on where *to was left. */
void context_switch(struct context *from, struct context *to);

#endif
