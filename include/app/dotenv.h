/* dotenv.h - the lines of a `.env` file.
 *
 *     # a comment
 *     export PORT=8000            # "export" changes nothing
 *     HOST = 127.0.0.1            # blanks around "=" neither
 *     SINGLE='as it stands: $HOME \n # and "all"'
 *     DOUBLE="escapes: \n \r \t \" \\ \$; nothing is filled in for $HOME"
 *
 * A bare value ends at the end of the line or before " #". Every line that is
 * none of these is an error, and so is a name that comes twice.
 */
#ifndef APP_DOTENV_H
#define APP_DOTENV_H

#include "base/arena.h"

#define DOTENV_BYTES_MAX 65536
#define DOTENV_ENTRIES_MAX 256
#define DOTENV_ERRORS_MAX 16

struct dotenv_entry {
    struct str name, value;
    unsigned line; /* from 1 */
};

struct dotenv_error {
    unsigned line;
    struct str what; /* no part of the line: it may be a secret */
};

struct dotenv {
    struct dotenv_entry entries[DOTENV_ENTRIES_MAX];
    size_t count;
    struct dotenv_error errors[DOTENV_ERRORS_MAX];
    size_t error_count; /* further ones are dropped */
};

/* Texts go to the arena, at most as many bytes as `text` has and some for
 * messages. With errors, `entries` are those that could be read. */
void dotenv_read(struct arena *a, struct str text, struct dotenv *out);

#endif
