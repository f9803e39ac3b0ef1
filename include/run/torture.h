/* torture.h - fails a chosen wait, so that tests can try every one of them.
 *
 * torture_count counts the waits of what is run; torture_fail makes wait k
 * (from 0) of the fibers started after it answer `e`. Waits with UNTIL_DONE
 * are completed first and then answer `e`, as if the part had failed late.
 * torture_shuffle reorders the ready list by a seed: races become replayable.
 */
#ifndef RUN_TORTURE_H
#define RUN_TORTURE_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

void torture_fail(unsigned k, enum err e);
void torture_shuffle(uint64_t seed); /* 0: off */
unsigned torture_count(void);        /* waits since torture_reset */
bool torture_hit(void);              /* wait k was reached */
void torture_reset(void);            /* all off, count 0 */

#endif
