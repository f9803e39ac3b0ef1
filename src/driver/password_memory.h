/* password_memory.h - the memory one argon2 hash fills. */
#ifndef DRIVER_PASSWORD_MEMORY_H
#define DRIVER_PASSWORD_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memory {
    uint8_t *at; /* NULL: nothing is mapped */
    size_t size; /* a multiple of 2 MiB */
    bool dirty;  /* something was written; set by who writes */
};

bool memory_map(struct memory *m, size_t least); /* false: not to be had */
void memory_release(struct memory *m);           /* wipes, hands the pages back, stays mapped */
void memory_unmap(struct memory *m);             /* wipes and unmaps */

#endif
