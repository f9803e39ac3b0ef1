/* switch.c - how a new stack looks before it first runs.
 *
 * The frame is what context_switch (switch.S) would have left there, so that
 * entering a stack for the first time is no special case.
 */
#include "switch.h"

#include <stdint.h>

#ifdef SWITCH_ASSEMBLY

void context_entry(void); /* switch.S */

#ifdef __x86_64__

struct frame {
    uint32_t mxcsr;
    uint16_t x87_control, unused;
    void *r15, *r14;
    void *r13; /* context_entry: arg */
    void (*r12)(void *arg);
    void *rbx, *rbp;
    void (*back)(void);
};

static void frame_fill(struct frame *f, void (*run)(void *arg), void *arg)
{
    /* The state a process starts with: all exceptions masked, to nearest. */
    *f = (struct frame){
        .mxcsr = 0x1f80, .x87_control = 0x037f, .r12 = run, .r13 = arg, .back = context_entry
    };
}

#else /* aarch64 */

struct frame {
    void *x29;
    void (*x30)(void);
    void (*x19)(void *arg);
    void *x20; /* context_entry: arg */
    void *x21_to_x28[8];
    double d8_to_d15[8];
    uint64_t fpcr, unused;
};

static void frame_fill(struct frame *f, void (*run)(void *arg), void *arg)
{
    *f = (struct frame){ .x30 = context_entry, .x19 = run, .x20 = arg };
}

#endif

_Static_assert(sizeof(struct frame) % 16 == 0, "the stack stays aligned");

void context_make(struct context *c, void *low, size_t size, void (*run)(void *arg), void *arg)
{
    struct frame *f = (struct frame *)((char *)low + size) - 1;

    frame_fill(f, run, arg);
    c->sp = f;
}

#else /* ucontext */

static struct context *entered;

static void entry(void)
{
    entered->run(entered->arg);
}

void context_make(struct context *c, void *low, size_t size, void (*run)(void *arg), void *arg)
{
    getcontext(&c->machine);
    c->machine.uc_stack.ss_sp = low;
    c->machine.uc_stack.ss_size = size;
    c->machine.uc_link = NULL;
    c->run = run;
    c->arg = arg;
    makecontext(&c->machine, entry, 0);
}

void context_switch(struct context *from, struct context *to)
{
    entered = to;
    swapcontext(&from->machine, &to->machine);
}

#endif
