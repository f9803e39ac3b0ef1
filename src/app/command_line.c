/* Arguments are read by getopt_long, which finds what is an option and what a
 * word; everything it would say is said here, with the word that was probably
 * meant. */
#include "app/command_line.h"

#include "base/must.h"
#include "base/near.h"
#include "driver/unicode.h"

#include <getopt.h>
#include <stdarg.h>

enum {
    OPTIONS_MAX = 16,
    OPTION_BASE = 256, /* getopt's value of row i is OPTION_BASE + i: no letter is that large */
    COLUMNS_MAX = 8,
};

/* --- messages --------------------------------------------------------------- */

static void say(const char *fmt, va_list args)
{
    fputs("postern: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
}

void command_say(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say(fmt, args);
    va_end(args);
}

int command_failed(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say(fmt, args);
    va_end(args);
    return EXIT_FAILED;
}

int command_error(const struct ctx *ctx, enum err e)
{
    command_say("%s", err_info(e)->text);
    for (unsigned i = 0; i < ctx->details.count; i++)
        fprintf(stderr, "  " STR_FMT ": " STR_FMT "\n", STR_ARG(ctx->details.at[i].field),
                STR_ARG(ctx->details.at[i].message));
    return EXIT_FAILED;
}

int command_misused(const char *what, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say(fmt, args);
    va_end(args);
    fprintf(stderr, "See: postern %.*s --help\n", (int)strcspn(what, " "), what);
    return EXIT_USAGE;
}

/* --- arguments -------------------------------------------------------------- */

static bool is_word(const struct option_row *row)
{
    return row->type == OPTION_WORD || row->type == OPTION_EXTRA;
}

/* `typed`: "--lmit" or "--lmit=3". */
static void unknown_option(const char *what, struct str typed, const struct option_row *options)
{
    struct str rest = typed, given = str_cut(&rest, '=');
    struct near near = { .wrong = str_from(given, 2) };

    for (const struct option_row *row = options; row->name; row++)
        if (!is_word(row)) near_offer(&near, str_of(row->name));
    if (near.best.at)
        command_misused(what, "%s has no option " STR_FMT "; did you mean --" STR_FMT "?", what,
                        STR_ARG(given), STR_ARG(near.best));
    else
        command_misused(what, "%s has no option " STR_FMT, what, STR_ARG(given));
}

static bool read_number(const char *what, const struct option_row *row, struct str value)
{
    int64_t n;

    if (!str_i64(value, &n) || n < row->min || n > row->max) {
        command_misused(what, "--%s takes a whole number from %lld to %lld, not '" STR_FMT "'",
                        row->name, (long long)row->min, (long long)row->max, STR_ARG(value));
        return false;
    }
    *(int64_t *)row->to = n;
    return true;
}

static bool read_output(const char *what, const struct option_row *row, struct str value)
{
    bool json = str_eq(value, STR("json"));

    if (!json && !str_eq(value, STR("text"))) {
        command_misused(what, "--%s takes json or text, not '" STR_FMT "'", row->name,
                        STR_ARG(value));
        return false;
    }
    *(bool *)row->to = json;
    return true;
}

static bool read_option(const char *what, const struct option_row *row, struct str value)
{
    switch (row->type) {
    case OPTION_FLAG: *(bool *)row->to = true; return true;
    case OPTION_NUMBER: return read_number(what, row, value);
    case OPTION_OUTPUT: return read_output(what, row, value);
    default: *(struct str *)row->to = value; return true;
    }
}

/* getopt did not know it, or knows it and misses or dislikes its value. */
static void refuse_option(const char *what, bool misses_value, char **argv,
                          const struct option_row *options)
{
    if (optopt >= OPTION_BASE)
        command_misused(what, "--%s %s", options[optopt - OPTION_BASE].name,
                        misses_value ? "needs a value" : "takes no value");
    else if (optopt)
        command_misused(what, "%s has no option -%c; a word that begins with - goes behind --",
                        what, optopt);
    else
        unknown_option(what, str_of(argv[optind - 1]), options);
}

static bool read_words(const char *what, char **argv, const struct option_row *options)
{
    for (const struct option_row *row = options; row->name; row++) {
        if (!is_word(row)) continue;
        if (argv[optind]) {
            *(struct str *)row->to = str_of(argv[optind++]);
        } else if (row->type == OPTION_WORD) {
            command_misused(what, "%s needs %s", what, row->name);
            return false;
        }
    }
    if (argv[optind]) {
        command_misused(what, "%s does not take the word '%s'", what, argv[optind]);
        return false;
    }
    return true;
}

bool command_read(const char *what, int argc, char **argv, const struct option_row *options)
{
    struct option known[OPTIONS_MAX + 1] = { 0 };
    unsigned count = 0;
    int found;

    for (int i = 0; options[i].name; i++) {
        if (is_word(&options[i])) continue;
        must(count < OPTIONS_MAX);
        known[count++] = (struct option){
            .name = options[i].name,
            .has_arg = options[i].type == OPTION_FLAG ? no_argument : required_argument,
            .val = OPTION_BASE + i,
        };
    }

    optind = 0; /* glibc: begin anew */
    opterr = 0;
    while ((found = getopt_long(argc, argv, ":", known, NULL)) != -1) {
        if (found == '?' || found == ':') {
            refuse_option(what, found == ':', argv, options);
            return false;
        }
        if (!read_option(what, &options[found - OPTION_BASE], str_of(optarg))) return false;
    }
    return read_words(what, argv, options);
}

/* "list, show or create" */
static struct buf name_actions(const struct command_action *actions)
{
    struct buf names;

    buf_init(&names, 1024);
    for (const struct command_action *a = actions; a->name; a++) {
        if (a > actions) buf_add(&names, a[1].name ? STR(", ") : STR(" or "));
        buf_add(&names, str_of(a->name));
    }
    return names;
}

int command_act(int argc, char **argv, const struct command_action *actions)
{
    const char *command = argv[0], *word = argc > 1 ? argv[1] : "";
    CLEANUP(buf_done) struct buf names = name_actions(actions);
    struct near near = { .wrong = str_of(word) };

    for (const struct command_action *a = actions; a->name; a++) {
        if (strcmp(a->name, word) == 0) return a->run(argc - 1, argv + 1);
        near_offer(&near, str_of(a->name));
    }
    if (!*word || *word == '-')
        return command_misused(command, "after '%s' comes what is to be done: " STR_FMT, command,
                               STR_ARG(buf_str(&names)));
    if (near.best.at)
        return command_misused(command, "%s does not know '%s'; did you mean '" STR_FMT "'?",
                               command, word, STR_ARG(near.best));
    return command_misused(command, "%s does not know '%s', but " STR_FMT, command, word,
                           STR_ARG(buf_str(&names)));
}

/* --- output ----------------------------------------------------------------- */

void command_print_json(struct buf *json)
{
    must(!json->full);
    fwrite(json->at, 1, json->len, stdout);
    fputc('\n', stdout);
    buf_done(json);
}

static size_t cell_width(struct str cell)
{
    if (!cell.at) return 1;
    return unicode_is_printable(cell) ? utf8_length(cell) : cell.len;
}

void command_put_text(FILE *out, struct str text)
{
    if (!text.at) text = STR("-");
    if (unicode_is_printable(text)) {
        fwrite(text.at, 1, text.len, out);
        return;
    }
    for (size_t i = 0; i < text.len; i++)
        fputc(text.at[i] >= ' ' && text.at[i] < 0x7f ? text.at[i] : '?', out);
}

void command_print_table(const struct str *cells, unsigned columns, size_t rows)
{
    size_t width[COLUMNS_MAX] = { 0 };

    must(columns <= COLUMNS_MAX);
    for (size_t i = 0; i < rows * columns; i++) {
        size_t w = cell_width(cells[i]);
        if (w > width[i % columns]) width[i % columns] = w;
    }
    for (size_t i = 0; i < rows * columns; i++) {
        size_t c = i % columns;
        command_put_text(stdout, cells[i]);
        if (c + 1 == columns)
            fputc('\n', stdout);
        else
            printf("%*s", (int)(width[c] - cell_width(cells[i]) + 2), "");
    }
}
