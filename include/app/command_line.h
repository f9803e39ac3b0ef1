/* command_line.h - what commands share: arguments, messages, output, secrets.
 *
 *     int64_t limit = 100;
 *     bool json = false;
 *     const struct option_row options[] = {
 *         { "limit", OPTION_NUMBER, &limit, 1, 1000 },
 *         { "output", OPTION_OUTPUT, &json },
 *         { 0 },
 *     };
 *     if (!command_read("user list", argc, argv, options)) return EXIT_USAGE;
 */
#ifndef APP_COMMAND_LINE_H
#define APP_COMMAND_LINE_H

#include "app/command.h"
#include "base/buf.h"
#include "driver/password.h"

#include <stdio.h>

enum option_type {
    OPTION_FLAG,   /* bool: --yes */
    OPTION_TEXT,   /* struct str: --role admin; ends in NUL */
    OPTION_NUMBER, /* int64_t, from min to max */
    OPTION_OUTPUT, /* bool, true for json: --output json|text */
    OPTION_WORD,   /* struct str: a word by its place, must be there */
    OPTION_EXTRA,  /* struct str: a word that may be missing; behind the others */
};

/* What is not given stays as it was. A row without a name ends the table. */
struct option_row {
    const char *name; /* "limit" for --limit; what a word is called: "EMAIL" */
    enum option_type type;
    void *to;
    int64_t min, max;
};

/* argv[0] is the name of the command or action. `what`: "user list", for
 * messages. False: it was asked wrongly, and has been told how. */
bool command_read(const char *what, int argc, char **argv, const struct option_row *options);

/* The second word of `postern user list`. A row without a name ends the table. */
struct command_action {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the action's name */
};
int command_act(int argc, char **argv, const struct command_action *actions);

/* One line on stderr, behind "postern: ". */
void command_say(const char *fmt, ...) PRINTF(1, 2);
int command_failed(const char *fmt, ...) PRINTF(1, 2); /* EXIT_FAILED */
/* A line for people about `e`, and one for each of ctx->details; EXIT_FAILED. */
int command_error(const struct ctx *ctx, enum err e);
/* With a pointer to the help of the first word of `what`; EXIT_USAGE. */
int command_misused(const char *what, const char *fmt, ...) PRINTF(2, 3);

/* Prints one document and a newline; releases the buffer. */
void command_print_json(struct buf *json);
/* For people: absent is "-"; text that could move the cursor or turn the line
 * round, which only a foreign hand can have stored, is shown as far as it is ASCII. */
void command_put_text(FILE *out, struct str text);
/* Columns aligned; rows * columns cells, row by row. */
void command_print_table(const struct str *cells, unsigned columns, size_t rows);

/* --- secrets ---------------------------------------------------------------- */

struct secret_input {
    char text[PASSWORD_BYTES_MAX + 3]; /* "\r\n" and one byte to see that it is too long */
    struct secret secret;              /* into `text` */
};
void secret_input_done(struct secret_input *in); /* wipes; CLEANUP-able */

/* One line without its end. False: it has been said why. */
bool secret_from_file(struct str path, struct secret_input *in);
bool secret_from_stdin(struct secret_input *in);
/* From the terminal, not echoed, asked for twice. */
bool secret_from_prompt(const char *question, struct secret_input *in);
/* One that people can copy by hand and the policy likes; in the arena. */
SUSPENDS enum err secret_generate(struct ctx *ctx, struct str email, struct secret *out);

/* "Delete ada@example.org? [y/N]" on the terminal. False without one. */
bool command_confirm(const char *fmt, ...) PRINTF(1, 2);

#endif
