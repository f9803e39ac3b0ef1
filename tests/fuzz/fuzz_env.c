/* What is read from a `.env` keeps to its bounds, and comes back the same when
 * each value is written in double quotes and read again. */
#include "app/dotenv.h"
#include "base/buf.h"
#include "base/must.h"

enum { ARENA_MAX = 64 << 20, BUF_MAX = 64 << 20 };

static void write_entry(struct buf *b, const struct dotenv_entry *e)
{
    static const char letters[] = {
        ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't', ['"'] = '"', ['$'] = '$', ['\\'] = '\\'
    };

    BUF_ADD(b, "export ");
    buf_add(b, e->name);
    BUF_ADD(b, "=\"");
    for (size_t i = 0; i < e->value.len; i++) {
        unsigned char c = (unsigned char)e->value.at[i];
        bool escaped = c < sizeof letters && letters[c];
        if (escaped) buf_add_char(b, '\\');
        buf_add_char(b, escaped ? letters[c] : (char)c);
    }
    BUF_ADD(b, "\" # comment\n");
}

static void check_bounds(const struct dotenv *file, struct str text)
{
    unsigned lines = 1;

    for (size_t i = 0; i < text.len; i++) lines += text.at[i] == '\n';
    must(file->count <= DOTENV_ENTRIES_MAX && file->error_count <= DOTENV_ERRORS_MAX);
    for (size_t i = 0; i < file->count; i++) {
        const struct dotenv_entry *e = &file->entries[i];
        must(e->name.len > 0 && e->value.at && e->value.len < text.len);
        must(e->line >= 1 && e->line <= lines && str_find(e->value, '\0') < 0);
        for (size_t k = 0; k < i; k++) must(!str_eq(e->name, file->entries[k].name));
    }
    for (size_t i = 0; i < file->error_count; i++)
        must(file->errors[i].line >= 1 && file->errors[i].line <= lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dotenv file, again;
    CLEANUP(arena_done) struct arena arena;
    CLEANUP(buf_done) struct buf buf;

    if (size > DOTENV_BYTES_MAX) return 0;
    arena_init(&arena, ARENA_MAX);
    buf_init(&buf, BUF_MAX);
    dotenv_read(&arena, str_span(data, size), &file);
    check_bounds(&file, str_span(data, size));

    for (size_t i = 0; i < file.count; i++) write_entry(&buf, &file.entries[i]);
    dotenv_read(&arena, buf_str(&buf), &again);
    must(again.count == file.count && again.error_count == 0);
    for (size_t i = 0; i < file.count; i++)
        must(str_eq(again.entries[i].name, file.entries[i].name) &&
             str_eq(again.entries[i].value, file.entries[i].value));
    return 0;
}
