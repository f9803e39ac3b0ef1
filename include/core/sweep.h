/* sweep.h - removes what has expired, a bounded slice every second. */
#ifndef CORE_SWEEP_H
#define CORE_SWEEP_H

void sweep_start(void);
void sweep_stop(void);

#endif
