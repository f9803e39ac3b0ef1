/* fault_vfs.h - a disk that fails when it is told to.
 *
 * A shim around SQLite's default VFS. It counts the calls of the chosen kinds
 * and lets the n-th fail, once or from then on, or ends the process there:
 * as kill -9 would, or as a power cut that takes along whatever was written
 * and not yet synced.
 */
#ifndef FAULT_VFS_H
#define FAULT_VFS_H

#include <stdbool.h>

enum fault_kind {
    FAULT_READ = 1,
    FAULT_WRITE = 2,
    FAULT_SYNC = 4,
    FAULT_TRUNCATE = 8,
    FAULT_LOCK = 16, /* of the file and of the WAL index */
    FAULT_OPEN = 32,
};

enum fault_action {
    FAULT_NOTHING, /* just count */
    FAULT_FAIL,    /* SQLITE_IOERR_... */
    FAULT_FULL,    /* SQLITE_FULL */
    FAULT_KILL,
    FAULT_POWER,
};

#define FAULT_EXIT 66 /* exit status of a process that was ended */

void fault_install(void);
/* From now on: counts from zero. `nth` from 1. */
void fault_plan(unsigned kinds, enum fault_action action, unsigned nth, bool forever);
unsigned fault_calls(void);

#endif
