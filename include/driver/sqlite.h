/* sqlite.h - the embedded store: one file, WAL, synchronous=FULL.
 *
 * One writer thread commits everything that queued while the last commit ran
 * (a savepoint for each batch, one fsync for many); reader threads answer
 * beside it. The loop never touches the file. Disk full and I/O errors answer
 * E_STORE_DOWN, roll back, and heal by themselves.
 *
 * Refuses to open what is not a postern database (application_id), newer than
 * this binary knows, or corrupt; never creates over something that was there.
 */
#ifndef DRIVER_SQLITE_H
#define DRIVER_SQLITE_H

#include "driver/store.h"

/* The words of <sqlite3.h> begin with SQLITE_, so these do not. */
enum sqlite_refusal {
    STORE_FINE,
    STORE_MISSING, /* no file, and `create` was false */
    STORE_FOREIGN, /* a file that is not ours */
    STORE_NEWER,   /* its schema is newer than this binary */
    STORE_BEHIND,  /* its schema is older: migrate first */
    STORE_CORRUPT,
    STORE_UNUSABLE, /* permissions, locks, I/O */
};

struct sqlite_problem {
    enum sqlite_refusal refusal;
    char text[256]; /* for the operator; names the file */
};

/* Opens and makes it the store in force (store_use). Blocks; after loop_init,
 * before the loop runs, and once for each loop_init. `readers`: reader threads,
 * 1 to 8. */
bool sqlite_open(const char *path, unsigned readers, struct sqlite_problem *problem);

/* Migrations, compiled in from migrations/sqlite; all block, none needs the
 * loop. Each migration is one transaction, guarded against a second migrator
 * and resumable; it contains no COMMIT, and no DEFERRABLE key (that would fail
 * in the commit many share). A new file is built at PATH.new and moved to its
 * place when it is complete. `report` gets a line per step. */
struct sqlite_migration {
    int number;
    const char *name, *up, *down; /* SQL */
};
extern const struct sqlite_migration sqlite_migrations[];
extern const int sqlite_migration_count;

bool sqlite_migrate(const char *path, int target /* -1: newest */, bool create,
                    void (*report)(const char *line), struct sqlite_problem *problem);
/* Version in force, or -1 with a problem. */
int sqlite_version_of(const char *path, struct sqlite_problem *problem);

/* For the bench and `durable operations per fsync`: batches that were stored,
 * commits that wrote (an fsync each), batches that were undone, batches read. */
struct sqlite_figures {
    uint64_t batches, commits, rollbacks, reads;
};
struct sqlite_figures sqlite_figures(void);

#endif
