/* sqlite_threads.h - the two kinds of thread of the embedded store, and what
 * they share; private to it.
 */
#ifndef DRIVER_SQLITE_THREADS_H
#define DRIVER_SQLITE_THREADS_H

#include "sqlite_lane.h"
#include "sqlite_link.h"

#define SQLITE_READERS_MAX 8

struct sqlite_store {
    struct sqlite_file file;
    struct sqlite_lane writes, reads;
    struct sqlite_link writer; /* the writer thread's from its start on */
    unsigned readers;
    _Atomic(uint64_t) batches, commits, rollbacks, answered_reads; /* sqlite_figures */
};

/* Thread functions; `arg` is the struct sqlite_store. They end with the lane
 * and close their connection. */
void sqlite_writer_run(void *arg);
void sqlite_reader_run(void *arg);

/* What a result code means for the caller of the store. */
enum err sqlite_error(int code);
/* Did the statement fail by itself, so that its neighbours need not? */
bool sqlite_own_fault(int code);

#endif
