/* command.h - the words behind `postern`.
 *
 * A command is a row of the table in app/commands.c. Exit status: 0 done, 1 it
 * failed, 2 it was asked wrongly. Data goes to stdout, as text for people or,
 * with `--output json`, as one JSON document; everything else goes to stderr.
 * Secrets come from a prompt, a file or standard input, never from an argument.
 */
#ifndef APP_COMMAND_H
#define APP_COMMAND_H

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct command {
    const char *name;                  /* "user" */
    const char *summary;               /* one line for `postern --help` */
    const char *help;                  /* whole text of --help: usage, options, an example */
    int (*run)(int argc, char **argv); /* argv[0] is the command's name */
};

extern const struct command commands[]; /* ends with a NULL name */

/* Reads argv[1], runs it; what main() returns. --help, wherever it stands,
 * prints `help` and runs nothing. */
int command_main(int argc, char **argv);

int command_serve(int argc, char **argv);
int command_migrate(int argc, char **argv);
int command_config(int argc, char **argv);
int command_health(int argc, char **argv);
int command_user(int argc, char **argv);
int command_key(int argc, char **argv);
int command_calibrate(int argc, char **argv);
int command_version(int argc, char **argv);

#endif
