/* password_memory.c - huge pages for argon2.
 *
 * argon2 jumps about in its memory, so that small pages cost it a miss in the
 * TLB for every block: with 2 MiB pages, kept from hash to hash, the same
 * kernel is up to twice as fast. Transparent huge pages want an aligned range
 * and, in the usual mode, being asked for.
 */
#include "password_memory.h"

#include "base/must.h"

#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

static uint8_t *map_aligned(size_t size)
{
    uint8_t *raw =
        mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (raw == MAP_FAILED) return NULL;

    size_t before = -(uintptr_t)raw & (HUGE_PAGE - 1);
    if (before > 0) must(munmap(raw, before) == 0);
    if (before < HUGE_PAGE) must(munmap(raw + before + size, HUGE_PAGE - before) == 0);
    return raw + before;
}

bool memory_map(struct memory *m, size_t least)
{
    size_t size = (least + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
    uint8_t *at = map_aligned(size);
    if (!at) return false;

    /* Advice: a kernel that does not know it works all the same. */
    (void)madvise(at, size, MADV_HUGEPAGE);
    (void)madvise(at, size, MADV_DONTDUMP);
    *m = (struct memory){ .at = at, .size = size };
    return true;
}

void memory_release(struct memory *m)
{
    if (!m->dirty) return;
    explicit_bzero(m->at, m->size);
    must(madvise(m->at, m->size, MADV_DONTNEED) == 0);
    m->dirty = false;
}

void memory_unmap(struct memory *m)
{
    if (!m->at) return;
    memory_release(m);
    must(munmap(m->at, m->size) == 0);
    *m = (struct memory){ 0 };
}
