/* Line by line; a line is cut into a name and a value by functions that take
 * what they know from the front of the rest. */
#include "app/dotenv.h"

#include "base/attr.h"

struct reader {
    struct arena *arena;
    struct dotenv *out;
    unsigned line;
};

static void complain(struct reader *r, struct str what)
{
    if (r->out->error_count < DOTENV_ERRORS_MAX)
        r->out->errors[r->out->error_count++] = (struct dotenv_error){ r->line, what };
}

static bool is_name_char(char c, bool first)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           (!first && c >= '0' && c <= '9');
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct str take_name(struct str *rest)
{
    size_t len = 0;

    while (len < rest->len && is_name_char(rest->at[len], len == 0)) len++;
    struct str name = str_upto(*rest, len);
    *rest = str_trim(str_from(*rest, len));
    return name;
}

/* Behind a value in quotes there is nothing, or a comment. */
static bool is_end(struct str rest)
{
    struct str trimmed = str_trim(rest);
    return trimmed.len == 0 || (is_blank(rest.at[0]) && trimmed.at[0] == '#');
}

static struct str bare_value(struct str rest)
{
    for (size_t i = 0; i < rest.len; i++)
        if (rest.at[i] == '#' && (i == 0 || is_blank(rest.at[i - 1])))
            return str_trim(str_upto(rest, i));
    return rest;
}

static bool single_quoted(struct reader *r, struct str rest, struct str *value)
{
    ptrdiff_t end = str_find(rest, '\'');

    if (end < 0 || !is_end(str_from(rest, (size_t)end + 1))) {
        complain(r, end < 0 ? STR("a quote (') is not closed")
                            : STR("something follows the closing quote"));
        return false;
    }
    *value = arena_copy(r->arena, str_upto(rest, (size_t)end));
    return true;
}

/* What `\c` stands for; 0: there is no such escape. */
static char unescaped(char c)
{
    switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case '\\':
    case '"':
    case '$': return c;
    default: return 0;
    }
}

static bool double_quoted(struct reader *r, struct str rest, struct str *value)
{
    char *at = arena_alloc(r->arena, rest.len + 1, 1);
    size_t i = 0, len = 0;

    for (; i < rest.len && rest.at[i] != '"'; i++) {
        char c = rest.at[i];
        if (c == '\\' && i + 1 < rest.len) {
            c = unescaped(rest.at[++i]);
            if (!c) {
                complain(r, STR("an unknown escape; there are \\n \\r \\t \\\" \\\\ \\$"));
                return false;
            }
        }
        at[len++] = c;
    }
    if (i == rest.len || !is_end(str_from(rest, i + 1))) {
        complain(r, i == rest.len ? STR("a quote (\") is not closed")
                                  : STR("something follows the closing quote"));
        return false;
    }
    *value = str_span(at, len);
    return true;
}

static bool take_value(struct reader *r, struct str rest, struct str *value)
{
    if (rest.len && rest.at[0] == '\'') return single_quoted(r, str_from(rest, 1), value);
    if (rest.len && rest.at[0] == '"') return double_quoted(r, str_from(rest, 1), value);
    *value = arena_copy(r->arena, bare_value(rest));
    return true;
}

static void add_entry(struct reader *r, struct str name, struct str value)
{
    struct dotenv *out = r->out;

    for (size_t i = 0; i < out->count; i++)
        if (str_eq(out->entries[i].name, name)) {
            complain(r, arena_fmt(r->arena, STR_FMT " was given before, in line %u", STR_ARG(name),
                                  out->entries[i].line));
            return;
        }
    if (out->count == DOTENV_ENTRIES_MAX) {
        complain(r, STR("more names than can be read"));
        return;
    }
    out->entries[out->count++] =
        (struct dotenv_entry){ arena_copy(r->arena, name), value, r->line };
}

static bool has_control(struct str line)
{
    for (size_t i = 0; i < line.len; i++)
        if (((unsigned char)line.at[i] < ' ' && line.at[i] != '\t') || line.at[i] == 0x7f)
            return true;
    return false;
}

static void read_line(struct reader *r, struct str line)
{
    struct str value, rest = str_trim(line);

    if (rest.len == 0 || rest.at[0] == '#') return;
    if (has_control(rest)) {
        complain(r, STR("a control character"));
        return;
    }
    if (str_starts(rest, STR("export")) && rest.len > 6 && is_blank(rest.at[6]))
        rest = str_trim(str_from(rest, 6));
    struct str name = take_name(&rest);
    if (name.len == 0 || rest.len == 0 || rest.at[0] != '=') {
        complain(r, STR("not of the form NAME=value"));
        return;
    }
    if (take_value(r, str_trim(str_from(rest, 1)), &value)) add_entry(r, name, value);
}

void dotenv_read(struct arena *a, struct str text, struct dotenv *out)
{
    struct reader r = { .arena = a, .out = out };

    out->count = out->error_count = 0;
    if (str_starts(text, STR("\xef\xbb\xbf"))) text = str_from(text, 3); /* byte order mark */
    while (text.at) {
        struct str line = str_cut(&text, '\n');
        r.line++;
        if (str_ends(line, STR("\r"))) line.len--;
        read_line(&r, line);
    }
}
