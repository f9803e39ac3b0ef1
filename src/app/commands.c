/* The table of commands, each with its help, and the way into it. */
#include "app/command.h"

#include "app/command_line.h"
#include "base/near.h"

#include <errno.h>

/* Help is laid out by hand. */
/* clang-format off */
#define OUTPUT_HELP "  --output json|text   how data is printed (text)\n"
#define PASSWORD_HELP                                                         \
    "  --password-file FILE the password is the one line of FILE\n"           \
    "  --password-stdin     the password is the one line of standard input\n" \
    "  --generate           postern makes one and prints it, this once\n"

const struct command commands[] = {
    {
        .name = "serve",
        .summary = "run the service (a first start makes all it needs)",
        .run = command_serve,
        .help =
            "usage: postern serve\n"
            "\n"
            "Serves the JSON API over HTTP until SIGTERM or SIGINT. The first start in an\n"
            "empty directory makes the data directory, the database, the keys and an\n"
            "administrator, whose password is shown once. What can be set: postern config.\n"
            "\n"
            "  SIGTERM, SIGINT      finish what is in flight, then end\n"
            "  SIGHUP               read the configuration again, reopen the log\n"
            "  SIGUSR1              write what is being waited for to the log\n"
            "\n"
            "example: PORT=8080 DATA_DIR=/var/lib/postern postern serve\n",
    },
    {
        .name = "migrate",
        .summary = "look at the database schema and move it: status, up, down",
        .run = command_migrate,
        .help =
            "usage: postern migrate status [--output json|text]\n"
            "       postern migrate up [--to N]\n"
            "       postern migrate down [--to N] [--yes]\n"
            "\n"
            "serve brings the schema up by itself; up is for those who do it beforehand.\n"
            "down takes one step back, or those down to N, and the data in it away.\n"
            "\n"
            "  --to N               stop at schema N\n"
            "  --yes                do not ask before going down\n"
            OUTPUT_HELP
            "\n"
            "example: postern migrate status\n",
    },
    {
        .name = "config",
        .summary = "print the effective configuration, secrets masked, or check it",
        .run = command_config,
        .help =
            "usage: postern config [--check] [--output json|text]\n"
            "\n"
            "Prints what serve would use: the environment, .env in this directory, the files\n"
            "that X_FILE names for a secret X, and the defaults. All that is wrong is told at\n"
            "once, and the exit status is 1.\n"
            "\n"
            "  --check              print nothing, only say whether it can be used\n"
            OUTPUT_HELP
            "\n"
            "example: postern config --check && systemctl reload postern\n",
    },
    {
        .name = "health",
        .summary = "ask a running server whether it is well, for container checks",
        .run = command_health,
        .help =
            "usage: postern health [live|ready|startup] [--url URL] [--timeout SECONDS]\n"
            "\n"
            "Exit status 0 when the server answers 200, else 1.\n"
            "\n"
            "  live                 the process turns\n"
            "  ready                it can serve: database, migrations, not stopping (default)\n"
            "  startup              the start is over\n"
            "  --url URL            http://HOST[:PORT], or with a path to ask for just that;\n"
            "                       by default where this configuration's server listens\n"
            "  --timeout SECONDS    for all of it, 1 to 300 (3)\n"
            OUTPUT_HELP
            "\n"
            "example: HEALTHCHECK CMD [\"postern\", \"health\", \"live\"]\n",
    },
    {
        .name = "user",
        .summary = "people: list, show, create, disable, enable, delete ...",
        .run = command_user,
        .help =
            "usage: postern user list [--limit N] [--after ID]\n"
            "       postern user show USER\n"
            "       postern user create EMAIL [--role ROLE] [--first-name X] [--last-name Y]\n"
            "       postern user disable USER\n"
            "       postern user enable USER\n"
            "       postern user set-password USER\n"
            "       postern user set-role USER ROLE\n"
            "       postern user delete USER [--yes]\n"
            "\n"
            "USER is an e-mail address or an id. ROLE is user, reviewer, admin or superuser.\n"
            "create prints the id of the account. Disabling and a new password end all\n"
            "sessions. A server that runs on the same database follows within a second.\n"
            "\n"
            "For create and set-password, which else ask on the terminal:\n"
            PASSWORD_HELP
            "For list:\n"
            "  --limit N            how many, 1 to 1000 (100)\n"
            "  --after ID           those behind that account, in order of creation\n"
            "For delete:\n"
            "  --yes                do not ask\n"
            "For list, show, create and set-password:\n"
            OUTPUT_HELP
            "\n"
            "example: postern user create ada@example.org --role admin --generate\n",
    },
    {
        .name = "key",
        .summary = "the keys that sign access tokens: list, generate, rotate, retire",
        .run = command_key,
        .help =
            "usage: postern key list\n"
            "       postern key generate [--alg ALG]\n"
            "       postern key rotate [--alg ALG]\n"
            "       postern key retire KID [--force]\n"
            "\n"
            "generate makes the next key and publishes it; rotate makes the next key (or a new\n"
            "one) the one that signs, and lets the old one verify what it signed; retire ends\n"
            "a key at once, and every access token it signed. To rotate without a refused\n"
            "token, generate 70 minutes before: whoever checks has read the key by then.\n"
            "\n"
            "  --alg ALG            RS256, PS256, ES256 or EdDSA (that of JWT_ALGORITHM)\n"
            "  --force              retire the key that signs too; a new one takes over\n"
            "  --output json|text   how data is printed (text); not for retire\n"
            "\n"
            "example: postern key rotate --alg ES256\n",
    },
    {
        .name = "calibrate",
        .summary = "find the argon2 parameters that suit this machine",
        .run = command_calibrate,
        .help =
            "usage: postern calibrate [--target-ms N] [--output json|text]\n"
            "\n"
            "Hashes with stronger and stronger parameters and prints the strongest that takes\n"
            "no longer than N milliseconds, as lines for .env. Run it when nothing else runs.\n"
            "\n"
            "  --target-ms N        what a login may take, 1 to 10000 (100)\n"
            OUTPUT_HELP
            "\n"
            "example: postern calibrate --target-ms 50\n",
    },
    {
        .name = "version",
        .summary = "print the version and what it is made of",
        .run = command_version,
        .help =
            "usage: postern version [--output json|text]\n"
            "\n"
            OUTPUT_HELP
            "\n"
            "example: postern version --output json\n",
    },
    { 0 },
};
/* clang-format on */

static bool is(const char *word, const char *name)
{
    return strcmp(word, name) == 0;
}

static void print_overview(FILE *out)
{
    fputs("postern " POSTERN_VERSION ", an identity and authentication service\n"
          "\n"
          "usage: postern COMMAND [...]\n"
          "\n",
          out);
    for (const struct command *c = commands; c->name; c++)
        fprintf(out, "  %-10s %s\n", c->name, c->summary);
    fputs("\n"
          "More: postern help COMMAND\n"
          "To begin: postern serve\n",
          out);
}

static const struct command *find(const char *name)
{
    for (const struct command *c = commands; c->name; c++)
        if (is(name, c->name)) return c;
    return NULL;
}

static int unknown(const char *word)
{
    struct near near = { .wrong = str_of(word) };

    for (const struct command *c = commands; c->name; c++) near_offer(&near, str_of(c->name));
    near_offer(&near, STR("help"));
    near_offer(&near, STR("--help"));
    near_offer(&near, STR("--version"));
    if (near.best.at)
        command_say("there is no %s '%s'; did you mean '" STR_FMT "'?",
                    *word == '-' ? "option" : "command", word, STR_ARG(near.best));
    else
        command_say("there is no %s '%s'", *word == '-' ? "option" : "command", word);
    fputs("See: postern --help\n", stderr);
    return EXIT_USAGE;
}

static int help(const char *word)
{
    if (!word) {
        print_overview(stdout);
        return EXIT_DONE;
    }
    const struct command *c = find(word);
    if (!c) return unknown(word);
    fputs(c->help, stdout);
    return EXIT_DONE;
}

/* Wherever it stands, but not behind "--". */
static bool asks_for_help(char **argv)
{
    for (; *argv && !is(*argv, "--"); argv++)
        if (is(*argv, "--help") || is(*argv, "-h")) return true;
    return false;
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        print_overview(stderr);
        return EXIT_USAGE;
    }
    if (is(argv[1], "--help") || is(argv[1], "-h")) return help(NULL);
    if (is(argv[1], "help")) return help(argv[2]);
    if (is(argv[1], "--version")) {
        puts("postern " POSTERN_VERSION);
        return EXIT_DONE;
    }
    const struct command *c = find(argv[1]);
    if (!c) return unknown(argv[1]);
    if (asks_for_help(argv + 2)) return help(c->name);
    return c->run(argc - 1, argv + 1);
}

int command_main(int argc, char **argv)
{
    int status = dispatch(argc, argv);

    /* A full disk or a reader that went must not look like success. */
    if (fflush(stdout) != 0 || ferror(stdout)) {
        command_say("the output cannot be written: %s", strerror(errno));
        if (status == EXIT_DONE) status = EXIT_FAILED;
    }
    return status;
}
