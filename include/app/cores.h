/* cores.h - how many processors this process may really use. */
#ifndef APP_CORES_H
#define APP_CORES_H

/* The processors it is bound to, or fewer if a cgroup (v2) grants less time;
 * at least 1. */
unsigned cores_available(void);

#endif
