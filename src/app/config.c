/* Every option gets its text (environment, then `.env`, then the default), the
 * table reads it, the rules look at all of them together, and only a
 * configuration without errors comes into force. */
#include "app/config.h"

#include "app/dotenv.h"
#include "base/json.h"
#include "base/must.h"
#include "config_options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    TEXTS_MAX = 1 << 20, /* of a configuration, in bytes */
    REPORT_MAX = 1 << 20,
    LINES_MAX = 200,
    LINE_BYTES_MAX = 512,
    VALUE_MAX = 8192,
    SHOWN = 60, /* bytes of a wrong value */
};

/* The configuration in force and where it comes from. */
static struct {
    struct arena arena;
    struct setting settings[OPTIONS];
} current;

/* --- the report ------------------------------------------------------------- */

static void report_add(struct config_report *r, bool error, const char *fmt, va_list args)
{
    char text[LINE_BYTES_MAX];

    r->errors += error;
    if (r->count++ >= LINES_MAX) return;
    vsnprintf(text, sizeof text, fmt, args);
    for (char *at = text; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f) *at = '?'; /* of a name or a path */

    struct config_line *line = ARENA_NEW(&r->arena, struct config_line);
    line->error = error;
    line->text = arena_copy(&r->arena, str_of(text));
    if (r->last)
        r->last->next = line;
    else
        r->first = line;
    r->last = line;
}

void report_error(struct config_report *report, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    report_add(report, true, fmt, args);
    va_end(args);
}

void report_warning(struct config_report *report, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    report_add(report, false, fmt, args);
    va_end(args);
}

static struct str source_text(struct arena *a, const struct setting *s)
{
    switch (s->source) {
    case FROM_ENVIRONMENT: return STR("environment");
    case FROM_DOTENV: return arena_fmt(a, ".env line %u", s->line);
    case FROM_FILE: return arena_fmt(a, "file " STR_FMT, STR_ARG(s->path));
    case FROM_DEFAULT: break;
    }
    return s->text.at ? STR("default") : STR("not set");
}

void option_complain(struct loading *l, const struct option *o, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    struct str what = arena_vfmt(l->arena, fmt, args);
    va_end(args);
    const struct setting *s = &l->settings[o - options];
    if (s->source == FROM_DEFAULT)
        report_error(l->report, "%s: " STR_FMT, o->name, STR_ARG(what));
    else
        report_error(l->report, "%s: " STR_FMT " (" STR_FMT ")", o->name, STR_ARG(what),
                     STR_ARG(source_text(l->arena, s)));
}

struct str shown(struct loading *l, struct str text)
{
    char *at = arena_alloc(l->arena, 6 * SHOWN + 8, 1);
    size_t taken, len = 0;

    at[len++] = '"';
    len += json_escape(at + len, 6 * SHOWN, str_upto(text, SHOWN), &taken);
    if (text.len > SHOWN) {
        memcpy(at + len, "…", strlen("…"));
        len += strlen("…");
    }
    at[len++] = '"';
    return str_span(at, len);
}

/* --- files ------------------------------------------------------------------ */

/* The whole of a regular file, and its mode. False with the reason in *why. */
static bool read_file(struct arena *a, const char *path, size_t most, struct str *text,
                      mode_t *mode, const char **why)
{
    struct stat st;
    size_t len = 0;
    ssize_t got = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) {
        *why = strerror(errno);
        return false;
    }
    char *at = arena_alloc(a, most + 1, 1);
    if (fstat(fd, &st) != 0)
        *why = strerror(errno);
    else if (!S_ISREG(st.st_mode))
        *why = "not a regular file";
    else
        *why = NULL;
    while (!*why && got > 0 && len <= most) {
        got = read(fd, at + len, most + 1 - len);
        if (got < 0)
            *why = strerror(errno);
        else
            len += (size_t)got;
    }
    close(fd);
    if (!*why && len > most) *why = "too large";
    *text = str_span(at, len);
    *mode = *why ? 0 : st.st_mode;
    return !*why;
}

static void read_dotenv(struct loading *l, struct dotenv *out)
{
    struct str text;
    const char *why;
    mode_t mode;

    if (access(".env", F_OK) != 0 && errno == ENOENT) return;
    if (!read_file(l->arena, ".env", DOTENV_BYTES_MAX, &text, &mode, &why)) {
        report_error(l->report, ".env: cannot be read: %s", why);
        return;
    }
    dotenv_read(l->arena, text, out);
    for (size_t i = 0; i < out->error_count; i++)
        report_error(l->report, ".env line %u: " STR_FMT, out->errors[i].line,
                     STR_ARG(out->errors[i].what));
    for (size_t i = 0; i < out->count; i++) {
        const struct option *o = option_find(out->entries[i].name);
        if (o && o->secret && mode & 007)
            report_warning(l->report, ".env holds %s and others can read it; run: chmod 600 .env",
                           o->name);
    }
}

static void read_secret_file(struct loading *l, const struct option *o, struct setting *s)
{
    const char *path = arena_copy(l->arena, s->text).at, *why;
    struct str text;
    mode_t mode;

    s->text = STR_NONE;
    if (!read_file(l->arena, path, VALUE_MAX, &text, &mode, &why)) {
        report_error(l->report, "%s_FILE: %s cannot be read: %s", o->name, path, why);
        return;
    }
    s->source = FROM_FILE;
    s->path = str_of(path);
    if (str_ends(text, STR("\n"))) text.len--;
    if (str_ends(text, STR("\r"))) text.len--;
    if (mode & 007)
        report_error(l->report, "%s_FILE: everybody can read %s (mode %03o); run: chmod o= %s",
                     o->name, path, (unsigned)mode & 0777, path);
    else if (text.len == 0)
        report_error(l->report, "%s_FILE: %s is empty", o->name, path);
    else
        s->text = text;
}

/* --- finding the texts ------------------------------------------------------ */

static struct setting find(const struct dotenv *file, const char *name)
{
    struct str text = str_of(getenv(name));

    if (text.len) return (struct setting){ .text = text, .source = FROM_ENVIRONMENT };
    for (size_t i = 0; i < file->count; i++)
        if (str_eq(file->entries[i].name, str_of(name)) && file->entries[i].value.len)
            return (struct setting){ .text = file->entries[i].value,
                                     .source = FROM_DOTENV,
                                     .line = file->entries[i].line };
    return (struct setting){ 0 };
}

/* X and X_FILE in one place contradict each other; else the environment wins. */
static struct setting find_either(struct loading *l, const struct dotenv *file,
                                  const struct option *o)
{
    struct setting plain = find(file, o->name);

    if (!o->file) return plain;
    struct setting named = find(file, arena_fmt(l->arena, "%s_FILE", o->name).at);
    if (plain.text.at && named.text.at && plain.source == named.source)
        report_error(l->report, "%s: %s_FILE is set too; set one of them", o->name, o->name);
    if (!named.text.at || (plain.text.at && plain.source == FROM_ENVIRONMENT)) return plain;
    read_secret_file(l, o, &named);
    return named;
}

static struct str default_text(struct loading *l, const struct option *o)
{
    return o->make ? o->make(l) : str_of(o->standard);
}

static void read_option(struct loading *l, const struct dotenv *file, const struct option *o)
{
    struct setting *s = &l->settings[o - options];
    unsigned errors = l->report->errors;

    *s = find_either(l, file, o);
    if (s->text.len > VALUE_MAX)
        option_complain(l, o, "is longer than %d bytes", VALUE_MAX);
    else if (s->text.at)
        o->read(l, o, s->text = arena_copy(l->arena, s->text));
    if (s->text.at && l->report->errors == errors) return;

    /* Also for what was refused, so that the rules do not complain of it again. */
    struct str text = default_text(l, o);
    if (!s->text.at) s->text = text;
    if (text.at) o->read(l, o, text);
}

static struct loading *load(struct arena *a, struct config_report *report)
{
    struct loading *l = ARENA_NEW(a, struct loading);
    struct dotenv *file = ARENA_NEW(a, struct dotenv);

    *report = (struct config_report){ 0 };
    arena_init(&report->arena, REPORT_MAX);
    l->arena = a;
    l->report = report;
    read_dotenv(l, file);
    for (const struct option *o = options; o->name; o++) read_option(l, file, o);
    options_check(l);
    names_check(l, file);
    return l;
}

/* --- for everybody ---------------------------------------------------------- */

bool config_load(struct config_report *report)
{
    struct arena arena;

    arena_init(&arena, TEXTS_MAX);
    const struct loading *l = load(&arena, report);
    if (report->errors) {
        arena_done(&arena);
        return false;
    }
    config = l->readings.config;
    memcpy(current.settings, l->settings, sizeof current.settings);
    arena_done(&current.arena);
    current.arena = arena;
    return true;
}

bool config_reload(struct config_report *report)
{
    CLEANUP(arena_done) struct arena arena;

    arena_init(&arena, TEXTS_MAX);
    const struct loading *l = load(&arena, report);
    if (report->errors) return false;
    for (size_t i = 0; i < OPTIONS; i++) {
        struct setting *old = &current.settings[i];
        const struct setting *fresh = &l->settings[i];
        if (str_eq(old->text, fresh->text)) continue;
        if (options[i].reloadable) /* a choice: its text is a word of the table */
            *old = *fresh;
        else if (old->source != FROM_DEFAULT || fresh->source != FROM_DEFAULT)
            report_warning(report, "%s has changed; that counts from the next start on",
                           options[i].name);
    }
    config.log_level = l->readings.config.log_level;
    log_set_level(config.log_level);
    return true;
}

void config_report_done(struct config_report *report)
{
    arena_done(&report->arena);
    *report = (struct config_report){ 0 };
}

void config_report_print(struct config_report *report, FILE *out)
{
    for (const struct config_line *line = report->first; line; line = line->next)
        fprintf(out, "postern: %s: " STR_FMT "\n", line->error ? "error" : "warning",
                STR_ARG(line->text));
    if (report->count > LINES_MAX)
        fprintf(out, "postern: and %u more\n", report->count - LINES_MAX);
    config_report_done(report);
}

void config_report_log(struct config_report *report)
{
    for (const struct config_line *line = report->first; line; line = line->next) {
        if (line->error)
            log_error(LOG_NONE, "config.error", KV("problem", line->text));
        else
            log_warn(LOG_NONE, "config.warning", KV("problem", line->text));
    }
    config_report_done(report);
}

void config_print(struct buf *out, bool json)
{
    CLEANUP(arena_done) struct arena a;

    arena_init(&a, TEXTS_MAX);
    if (json) json_begin(out);
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct setting *s = &current.settings[i];
        struct str value = options[i].secret && s->text.at ? STR("***") : s->text;
        struct str source = source_text(&a, s);
        if (json) {
            json_key(out, options[i].name);
            json_begin(out);
            json_put_text(out, "value", value);
            json_put_text(out, "source", source);
            json_end(out);
        } else {
            buf_fmt(out, "%s=" STR_FMT "  # " STR_FMT "\n", options[i].name, STR_ARG(value),
                    STR_ARG(source));
        }
    }
    if (json) json_end(out);
}
