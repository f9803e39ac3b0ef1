/* What is read by a schema is what the schema allows, costs memory in
 * proportion, and comes back the same when it is written and read again. Any
 * bytes at all can be written as a text. */
#include "base/json.h"
#include "base/json_view.h"
#include "base/must.h"

enum { ARENA_MAX = 64 << 20, BUF_MAX = 64 << 20 };

struct form {
    struct str email;
    struct secret password;
    struct json_int age;
    struct json_bool keep;
    struct json_texts scopes;
    struct str nick;
};

static const struct json_field fields[] = {
    { "email", JSON_TEXT, .required = true, .offset = offsetof(struct form, email), .min = 3,
      .max = 254 },
    { "password", JSON_SECRET, .offset = offsetof(struct form, password), .max = 1024 },
    { "age", JSON_INT, .offset = offsetof(struct form, age), .min = -5, .max = 200 },
    { "keep", JSON_BOOL, .offset = offsetof(struct form, keep) },
    { "scopes", JSON_TEXTS, .offset = offsetof(struct form, scopes), .min = 1, .max = 64 },
    { "nick", JSON_TEXT, .nullable = true, .offset = offsetof(struct form, nick), .max = 64 },
};

static const struct json_schema form_schema = { "Form", fields, COUNT(fields),
                                                sizeof(struct form) };

struct text {
    struct str text;
};

static const struct json_field text_field = { "text", JSON_TEXT };
static const struct json_schema text_schema = { "Text", &text_field, 1, sizeof(struct text) };

static bool same(struct str a, struct str b)
{
    return str_eq(a, b) && !a.at == !b.at;
}

static void check_text(struct str s, size_t max)
{
    must(s.len <= max && (!s.at || s.at[s.len] == '\0') && str_find(s, '\0') < 0);
}

static void check_bounds(const struct form *f)
{
    check_text(f->email, 254);
    check_text(f->password.text, 1024);
    check_text(f->nick, 64);
    must(f->email.len >= 3);
    must(!f->age.set || (f->age.value >= -5 && f->age.value <= 200));
    for (size_t i = 0; i < f->scopes.count; i++) check_text(f->scopes.at[i], 64);
}

static void write_form(struct buf *b, const struct form *f)
{
    json_begin(b);
    json_put_text(b, "email", f->email);
    if (f->password.text.at) json_put_text(b, "password", f->password.text);
    if (f->age.set) json_put_int(b, "age", f->age.value);
    if (f->keep.set) json_put_bool(b, "keep", f->keep.value);
    if (f->scopes.at) {
        json_key(b, "scopes");
        json_begin_array(b);
        for (size_t i = 0; i < f->scopes.count; i++) json_text(b, f->scopes.at[i]);
        json_end_array(b);
    }
    if (f->nick.at) json_put_text(b, "nick", f->nick);
    json_end(b);
}

static void check_same(const struct form *a, const struct form *b)
{
    must(same(a->email, b->email) && same(a->password.text, b->password.text));
    must(same(a->nick, b->nick));
    must(a->age.set == b->age.set && a->age.value == b->age.value);
    must(a->keep.set == b->keep.set && a->keep.value == b->keep.value);
    must(a->scopes.count == b->scopes.count && !a->scopes.at == !b->scopes.at);
    for (size_t i = 0; i < a->scopes.count; i++) must(same(a->scopes.at[i], b->scopes.at[i]));
}

static void check_form(struct arena *a, struct buf *b, struct str text)
{
    struct details details = { .count = 0 };
    struct json_view view;
    struct form form, again;
    enum err e = json_object(a, text, &form_schema, &form, &details);

    must(a->total <= 5 * text.len + 128 * 1024);
    must(e == OK || e == E_BAD_JSON || e == E_BAD_REQUEST || e == E_BAD_VALUE);
    must((e == OK) == (details.count == 0));
    if (e != OK) return;
    check_bounds(&form);
    must(json_view_read(a, text, &view) == OK);
    write_form(b, &form);
    must(json_object(a, buf_str(b), &form_schema, &again, &details) == OK);
    check_same(&form, &again);
}

static void check_escapes(struct arena *a, struct buf *b, struct str bytes)
{
    struct details details = { .count = 0 };
    struct text text;

    json_begin(b);
    json_put_text(b, "text", bytes);
    json_end(b);
    for (size_t i = 0; i < b->len; i++) must((unsigned char)b->at[i] >= ' ' && b->at[i] != 0x7f);
    enum err e = json_object(a, buf_str(b), &text_schema, &text, &details);
    must(e == (str_find(bytes, '\0') < 0 ? OK : E_BAD_REQUEST));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_done) struct arena arena;
    CLEANUP(buf_done) struct buf buf;

    arena_init(&arena, ARENA_MAX);
    buf_init(&buf, BUF_MAX);
    check_form(&arena, &buf, str_span(data, size));
    buf_clear(&buf);
    check_escapes(&arena, &buf, str_span(size ? (const char *)data : "", size));
    return 0;
}
