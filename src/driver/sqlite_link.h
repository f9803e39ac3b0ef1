/* sqlite_link.h - a thread's connection that comes back by itself; private to
 * the embedded store.
 *
 * After an I/O error the connection is closed and opened again, at growing
 * intervals while that fails. Meanwhile callers hear at once that the store is
 * down. Each trouble is logged when it begins and when it is over.
 */
#ifndef DRIVER_SQLITE_LINK_H
#define DRIVER_SQLITE_LINK_H

#include "sqlite_conn.h"

#include <stdatomic.h>
#include <sys/stat.h>

/* What all threads know of the file. */
struct sqlite_file {
    char *path; /* owned */
    dev_t device;
    ino_t inode;         /* as it was opened at the start */
    atomic_bool suspect; /* somebody met a damaged page */
};

struct sqlite_link {
    struct sqlite_conn conn;
    struct sqlite_file *file;
    const char *who;   /* "writer": for the log */
    int trouble;       /* SQLITE_OK: none */
    uint64_t retry_ms; /* mono_ms: not opened again before */
    uint64_t wait_ms;
};

/* How long SQLite tries for a lock that another process holds. */
#define SQLITE_PATIENCE_MS 1000

void sqlite_link_init(struct sqlite_link *l, struct sqlite_file *file, const char *who,
                      enum sqlite_role role);
/* SQLITE_OK: there is a connection. */
int sqlite_link_ready(struct sqlite_link *l);
/* No transaction is open, or the connection goes. */
void sqlite_link_trouble(struct sqlite_link *l, int code);
void sqlite_link_well(struct sqlite_link *l);

/* Is the path still the file we have open? One stat. */
bool sqlite_file_in_place(const struct sqlite_file *file);

#endif
