/* config.h - reads what the operator has said (SPEC 1.2).
 *
 * From the environment, from `.env` in the working directory where the
 * environment says nothing, and for secrets from the file that X_FILE names. A
 * value that is empty is not set. Everything is checked, and everything that is
 * wrong is reported at once.
 */
#ifndef APP_CONFIG_H
#define APP_CONFIG_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/config.h"

#include <stdio.h>

struct config_line {
    struct config_line *next;
    bool error;      /* else a warning */
    struct str text; /* "PORT: \"x\" is not a whole number from 0 to 65535 (.env line 3)" */
};

struct config_report {
    struct arena arena;
    struct config_line *first, *last;
    unsigned count, errors;
};

/* Fills `config`, or reports errors and leaves it as it was; texts of an
 * earlier config_load are gone then. The report is the caller's, to be given
 * to one of the functions below. */
bool config_load(struct config_report *report);

/* Looks again, for SIGHUP: takes over what can change while running
 * (LOG_LEVEL) and reports what else has changed. False: the configuration is
 * broken now; the old one stays as it is. */
bool config_reload(struct config_report *report);

void config_report_print(struct config_report *report, FILE *out); /* and frees it */
void config_report_log(struct config_report *report);              /* and frees it */
void config_report_done(struct config_report *report);             /* frees it */

/* What is in force, option by option, with where it comes from; secrets are
 * masked. As one JSON object, or a line each. */
void config_print(struct buf *out, bool json);

#endif
