/* service.h - the parts in their order: configuration, store, keys, lanes.
 *
 * `serve` and the commands that work on the data bring up the same parts by
 * the same functions; what goes wrong is said on stderr in one line each, with
 * the remedy.
 */
#ifndef APP_SERVICE_H
#define APP_SERVICE_H

#include "base/err.h"
#include "run/ctx.h"

#include <stdbool.h>

/* Reads the configuration; prints what is wrong with it. */
bool service_configure(void);

/* DATA_DIR (0700) and the master key (MASTER_KEY or DATA_DIR/master.key, 0600).
 * With `create`, what is missing is made. */
bool service_data_dir(bool create);

/* Opens the database and starts the parts of core; on a fiber. With `create`,
 * makes and migrates it. */
SUSPENDS bool service_open(struct ctx *ctx, bool create);
void service_close(void);

/* For a command that works on the data of a (perhaps running) installation:
 * configures, opens without creating, runs `work` on a fiber with an hour's
 * time, closes. The command's exit status. */
int service_command(int (*work)(struct ctx *ctx, void *arg), void *arg);

/* Makes the administrator of ADMIN_EMAIL and ADMIN_PASSWORD; a password that was
 * made here is returned to be shown once (arena), else absent. What is wrong
 * with them is in ctx->details. */
SUSPENDS enum err service_first_admin(struct ctx *ctx, struct str *email, struct secret *shown);

#endif
