/* torture.c - what each wait and each wake asks before going on.
 *
 * Rounds are numbered, and a fiber remembers the one it was started in, so
 * that what runs in the background does not disturb the count.
 */
#include "run/torture.h"

static struct {
    unsigned round, waits;
    unsigned target; /* this wait of the round ... */
    enum err error;  /* ... answers this; OK: none does */
    bool hit;
    uint64_t shuffle; /* state of the generator; 0: off */
} torture;

void torture_reset(void)
{
    torture_fail(0, OK);
    torture.shuffle = 0;
}

void torture_fail(unsigned k, enum err e)
{
    torture.round++;
    torture.waits = 0;
    torture.target = k;
    torture.error = e;
    torture.hit = false;
}

unsigned torture_count(void)
{
    return torture.waits;
}

bool torture_hit(void)
{
    return torture.hit;
}

void torture_shuffle(uint64_t seed)
{
    torture.shuffle = seed;
}

unsigned torture_round(void)
{
    return torture.round;
}

enum err torture_wait(unsigned round)
{
    if (round != torture.round) return OK;
    if (torture.waits++ != torture.target || torture.error == OK) return OK;
    torture.hit = true;
    return torture.error;
}

unsigned torture_place(unsigned ready)
{
    if (torture.shuffle == 0) return ready;

    /* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift
     * generators, scrambled". The same everywhere, never 0. */
    torture.shuffle ^= torture.shuffle >> 12;
    torture.shuffle ^= torture.shuffle << 25;
    torture.shuffle ^= torture.shuffle >> 27;
    return (unsigned)((torture.shuffle * 0x2545f4914f6cdd1d >> 33) % (ready + 1));
}
