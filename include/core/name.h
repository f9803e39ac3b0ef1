/* name.h - the names people give themselves. */
#ifndef CORE_NAME_H
#define CORE_NAME_H

#include "run/ctx.h"

#define NAME_MAX_LENGTH 100 /* code points */

/* NFC, printable on one line. Absent stays absent, empty stays empty.
 * E_BAD_VALUE with a detail for `field`. */
enum err name_read(struct ctx *ctx, const char *field, struct str typed, struct str *out);

#endif
