/* torture.h - fails a chosen wait, so that tests can try every one of them.
 *
 * A round begins with torture_reset or torture_fail and looks only at fibers
 * started in it. torture_count counts their waits; torture_fail makes wait k
 * (from 0) answer `e`. E_TIMED_OUT and E_CANCELED come at once and stick, as
 * at a deadline; any other error, and whatever a wait with UNTIL_DONE is to
 * answer, comes when the wait is complete, as if the part had failed late.
 *
 * torture_shuffle reorders the ready list by a seed: races become replayable.
 */
#ifndef RUN_TORTURE_H
#define RUN_TORTURE_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

void torture_reset(void); /* all off, count 0 */
void torture_fail(unsigned k, enum err e);
unsigned torture_count(void);        /* waits in this round */
bool torture_hit(void);              /* wait k was reached */
void torture_shuffle(uint64_t seed); /* 0: off */

/* What run/fiber asks. */
unsigned torture_round(void);           /* given to each fiber at its start */
enum err torture_wait(unsigned round);  /* counts a wait; OK: leave it alone */
unsigned torture_place(unsigned ready); /* where in the list the next one goes */

#endif
