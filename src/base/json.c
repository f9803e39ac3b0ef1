/* Reading: yyjson makes a tree in the arena, the schema takes from it what it
 * knows. Two things are settled before the parser runs, by one scan without a
 * stack: the depth, and how many values there can be, which bounds the memory
 * of the tree. Members are read through the schema only and no schema holds
 * objects inside objects, so a name that comes twice is either the schema's,
 * where it is noticed, or inside something that is refused anyway.
 *
 * Writing: whether a comma is due is seen from the last byte written, so there
 * is no state that could disagree with the text. */
#include "base/json.h"

#include "base/clock.h"
#include "base/must.h"
#include "json_tree.h"

enum {
    VALUES_MAX = 2048, /* in one text; the tree has 16 bytes for each */
    NAME_SHOWN = 64,   /* bytes of an unknown name that are shown */
    FIELDS_MAX = 64,   /* of a schema: bits of `seen` */
};

struct reader {
    struct arena *arena;
    const struct json_schema *schema;
    char *out;
    struct details *details;
    uint64_t seen; /* a bit for each field of the schema */
    bool malformed, bad_value;
};

/* --- reading ---------------------------------------------------------------- */

void details_add(struct details *d, struct str field, const char *code, struct str message)
{
    if (d->count < DETAILS_MAX) d->at[d->count++] = (struct detail){ field, code, message };
}

static void malformed(struct reader *r, struct str field, const char *code, struct str message)
{
    r->malformed = true;
    details_add(r->details, field, code, message);
}

static void bad_value(struct reader *r, const struct json_field *f, const char *code,
                      const char *rule, int64_t bound, const char *unit)
{
    r->bad_value = true;
    details_add(r->details, str_of(f->name), code,
                arena_fmt(r->arena, "must be %s %lld%s", rule, (long long)bound, unit));
}

static void wrong_type(struct reader *r, const struct json_field *f, struct str message)
{
    malformed(r, str_of(f->name), "wrong_type", message);
}

/* Is the text nested no deeper than we allow, with no more values? Quietly
 * wrong about text that is not JSON; the parser refuses that. */
static const char *scan(struct str text)
{
    unsigned depth = 0, values = 1;
    bool quoted = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (quoted) {
            if (c == '\\') i++;
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > JSON_DEPTH_MAX) return "nested too deep";
            values++;
        } else if (c == '}' || c == ']') {
            depth -= depth > 0;
        } else if (c == ',' || c == ':') {
            values++;
        }
        if (values > VALUES_MAX) return "too many values";
    }
    return NULL;
}

static void *tree_malloc(void *arena, size_t size)
{
    return arena_alloc(arena, size, _Alignof(max_align_t));
}

static void *tree_realloc(void *arena, void *old, size_t old_size, size_t size)
{
    void *at = tree_malloc(arena, size);
    return memcpy(at, old, old_size < size ? old_size : size);
}

static void tree_free(void *arena, void *at)
{
    (void)arena, (void)at;
}

/* Is there a number that 64 bits or a double cannot hold? The values of a yyjson
 * document lie behind each other, the root first. */
static bool holds_bignum(yyjson_val *root, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (yyjson_is_raw(root + i)) return true;
    return false;
}

yyjson_val *json_tree(struct arena *a, struct str text, struct str *why)
{
    yyjson_alc alc = { tree_malloc, tree_realloc, tree_free, a };
    yyjson_read_err err;
    const char *refused = scan(text);

    if (refused) {
        *why = str_of(refused);
        return NULL;
    }
    /* The text is not changed: yyjson copies it unless told YYJSON_READ_INSITU. */
    yyjson_doc *doc =
        yyjson_read_opts((char *)text.at, text.len, YYJSON_READ_BIGNUM_AS_RAW, &alc, &err);
    if (!doc) {
        *why = arena_fmt(a, "%s at byte %zu", err.msg, err.pos);
        return NULL;
    }
    yyjson_val *root = yyjson_doc_get_root(doc);
    if (holds_bignum(root, yyjson_doc_get_val_count(doc))) {
        *why = STR("a number is out of range");
        return NULL;
    }
    return root;
}

static enum err parse(struct reader *r, struct str text, yyjson_val **root)
{
    struct str why;

    *root = json_tree(r->arena, text, &why);
    if (*root) return OK;
    details_add(r->details, STR(""), "malformed", why);
    return E_BAD_JSON;
}

static bool read_text(struct reader *r, const struct json_field *f, yyjson_val *v, struct str *out)
{
    if (!yyjson_is_str(v)) {
        wrong_type(r, f, STR("must be a text"));
        return false;
    }
    struct str s = str_span(yyjson_get_str(v), yyjson_get_len(v));
    if (str_find(s, '\0') >= 0) {
        malformed(r, str_of(f->name), "invalid_characters", STR("must not hold U+0000"));
        return false;
    }
    if ((int64_t)s.len < f->min) {
        bad_value(r, f, "too_short", "at least", f->min, " bytes long");
        return false;
    }
    if (f->max && (int64_t)s.len > f->max) {
        bad_value(r, f, "too_long", "at most", f->max, " bytes long");
        return false;
    }
    *out = s;
    return true;
}

static void read_texts(struct reader *r, const struct json_field *f, yyjson_val *v,
                       struct json_texts *out)
{
    yyjson_arr_iter iter;
    yyjson_val *item;

    if (!yyjson_arr_iter_init(v, &iter)) {
        wrong_type(r, f, STR("must be an array of texts"));
        return;
    }
    out->at = ARENA_ARRAY(r->arena, struct str, yyjson_arr_size(v));
    while ((item = yyjson_arr_iter_next(&iter)))
        if (!read_text(r, f, item, &out->at[out->count++])) return;
}

static void read_int(struct reader *r, const struct json_field *f, yyjson_val *v,
                     struct json_int *out)
{
    bool minus_zero = yyjson_is_sint(v) && yyjson_get_sint(v) == 0;

    if (!yyjson_is_int(v) || minus_zero) {
        wrong_type(r, f, STR("must be a whole number"));
        return;
    }
    if (yyjson_is_uint(v) ? yyjson_get_uint(v) > (uint64_t)JSON_INT_MAX
                          : yyjson_get_sint(v) < -JSON_INT_MAX) {
        malformed(r, str_of(f->name), "out_of_range", STR("must be less than 2^53"));
        return;
    }
    int64_t n = yyjson_get_sint(v);
    if ((f->min || f->max) && n < f->min)
        bad_value(r, f, "out_of_range", "at least", f->min, "");
    else if (f->max && n > f->max)
        bad_value(r, f, "out_of_range", "at most", f->max, "");
    else
        *out = (struct json_int){ true, n };
}

static void read_bool(struct reader *r, const struct json_field *f, yyjson_val *v,
                      struct json_bool *out)
{
    if (yyjson_is_bool(v))
        *out = (struct json_bool){ true, yyjson_get_bool(v) };
    else
        wrong_type(r, f, STR("must be true or false"));
}

static void read_null(struct reader *r, const struct json_field *f, void *out)
{
    if (!f->nullable) {
        wrong_type(r, f, STR("must not be null"));
        return;
    }
    switch (f->type) {
    case JSON_TEXT: *(struct str *)out = STR(""); break;
    case JSON_SECRET: ((struct secret *)out)->text = STR(""); break;
    case JSON_INT: ((struct json_int *)out)->set = true; break;
    case JSON_BOOL: ((struct json_bool *)out)->set = true; break;
    case JSON_TEXTS: ((struct json_texts *)out)->at = ARENA_ARRAY(r->arena, struct str, 0); break;
    }
}

static void read_field(struct reader *r, const struct json_field *f, yyjson_val *v)
{
    void *out = r->out + f->offset;

    if (yyjson_is_null(v)) {
        read_null(r, f, out);
        return;
    }
    switch (f->type) {
    case JSON_TEXT: read_text(r, f, v, out); break;
    case JSON_SECRET: read_text(r, f, v, &((struct secret *)out)->text); break;
    case JSON_INT: read_int(r, f, v, out); break;
    case JSON_BOOL: read_bool(r, f, v, out); break;
    case JSON_TEXTS: read_texts(r, f, v, out); break;
    }
}

/* At most NAME_SHOWN bytes of it, no character cut in two. */
static struct str shown(struct str name)
{
    size_t len = NAME_SHOWN;

    if (name.len <= len) return name;
    while (len && ((unsigned char)name.at[len] & 0xc0) == 0x80) len--;
    return str_upto(name, len);
}

static void read_member(struct reader *r, yyjson_val *key, yyjson_val *value)
{
    struct str name = str_span(yyjson_get_str(key), yyjson_get_len(key));

    for (size_t i = 0; i < r->schema->count; i++) {
        const struct json_field *f = &r->schema->fields[i];
        if (!str_eq(name, str_of(f->name))) continue;
        if (r->seen & UINT64_C(1) << i) {
            malformed(r, name, "duplicate", STR("is given twice"));
            return;
        }
        r->seen |= UINT64_C(1) << i;
        read_field(r, f, value);
        return;
    }
    malformed(r, shown(name), "unknown", STR("is not known here"));
}

static void read_members(struct reader *r, yyjson_val *root)
{
    yyjson_obj_iter iter;
    yyjson_val *key;

    if (!yyjson_obj_iter_init(root, &iter)) {
        malformed(r, STR(""), "wrong_type", STR("must be one JSON object"));
        return;
    }
    while ((key = yyjson_obj_iter_next(&iter))) read_member(r, key, yyjson_obj_iter_get_val(key));
    for (size_t i = 0; i < r->schema->count; i++) {
        const struct json_field *f = &r->schema->fields[i];
        if (f->required && !(r->seen & UINT64_C(1) << i))
            malformed(r, str_of(f->name), "missing", STR("is required"));
    }
}

enum err json_object(struct arena *a, struct str text, const struct json_schema *schema, void *out,
                     struct details *details)
{
    struct reader r = { .arena = a, .schema = schema, .out = out, .details = details };
    yyjson_val *root;

    must(schema->count <= FIELDS_MAX);
    memset(out, 0, schema->size);
    TRY(parse(&r, text, &root));
    read_members(&r, root);
    if (r.malformed) return E_BAD_REQUEST;
    return r.bad_value ? E_BAD_VALUE : OK;
}

/* --- writing ---------------------------------------------------------------- */

/* A byte that stands for itself inside a string. DEL need not be escaped, but
 * what we write also goes to terminals. */
static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Are all eight bytes plain? May say no when they are, never the reverse: the
 * subtractions set the high bit of every byte that is too small or equal, and
 * perhaps that of its upper neighbour. */
static bool is_plain8(const char *at)
{
    uint64_t w;

    memcpy(&w, at, sizeof w);
    uint64_t quote = w ^ EACH('"'), backslash = w ^ EACH('\\'), del = w ^ EACH(0x7f);
    uint64_t bad = (w - EACH(0x20)) | (quote - EACH(1)) | (backslash - EACH(1)) | (del - EACH(1));
    return ((bad | w) & EACH(0x80)) == 0;
}

/* How long is the UTF-8 character at `p`; 0: it is none (RFC 3629 4). */
static size_t utf8_len(const uint8_t *p, size_t left)
{
    uint8_t a = p[0];
    size_t len = a < 0xc2 ? 0 : a < 0xe0 ? 2 : a < 0xf0 ? 3 : a < 0xf5 ? 4 : 0;

    if (len == 0 || left < len) return 0;
    uint8_t low = a == 0xe0 ? 0xa0 : a == 0xf0 ? 0x90 : 0x80;  /* no overlong form */
    uint8_t high = a == 0xed ? 0x9f : a == 0xf4 ? 0x8f : 0xbf; /* no surrogate, no > U+10FFFF */
    if (p[1] < low || p[1] > high) return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    return len;
}

static size_t put_escape(char out[6], uint8_t c)
{
    static const char digits[] = "0123456789abcdef";
    static const char letters[] = { ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                    ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\' };

    if (c < sizeof letters && letters[c]) {
        out[0] = '\\';
        out[1] = letters[c];
        return 2;
    }
    memcpy(out, "\\u00", 4);
    out[4] = digits[c >> 4];
    out[5] = digits[c & 15];
    return 6;
}

/* One character that is not plain; *used says how many bytes of `in` it took. */
static size_t put_special(char out[6], const uint8_t *in, size_t left, size_t *used)
{
    *used = 1;
    if (in[0] < 0x80) return put_escape(out, in[0]);
    size_t len = utf8_len(in, left);
    if (len == 0) {
        memcpy(out, "\xef\xbf\xbd", 3); /* U+FFFD */
        return 3;
    }
    *used = len;
    if (in[0] == 0xc2 && in[1] < 0xa0) return put_escape(out, in[1]); /* U+0080 to U+009F */
    memcpy(out, in, len);
    return len;
}

static size_t plain_run(const char *at, size_t len)
{
    size_t i = 0;

    while (len - i >= 8 && is_plain8(at + i)) i += 8;
    while (i < len && is_plain((uint8_t)at[i])) i++;
    return i;
}

size_t json_escape(char *out, size_t room, struct str s, size_t *taken)
{
    size_t n = 0, i = 0, used;

    while (i < s.len) {
        size_t most = s.len - i < room - n ? s.len - i : room - n;
        size_t run = plain_run(s.at + i, most);
        memcpy(out + n, s.at + i, run);
        n += run;
        i += run;
        if (run == most) break;

        char special[6];
        size_t len = put_special(special, (const uint8_t *)s.at + i, s.len - i, &used);
        if (len > room - n) break;
        memcpy(out + n, special, len);
        n += len;
        i += used;
    }
    *taken = i;
    return n;
}

/* A comma is due behind a value, which ends in one of these. */
static void comma(struct buf *b)
{
    char last = b->len ? b->at[b->len - 1] : ' ';

    if (last == '"' || last == '}' || last == ']' || (last >= '0' && last <= '9') ||
        (last >= 'a' && last <= 'z'))
        buf_add_char(b, ',');
}

static void value(struct buf *b, struct str literal)
{
    comma(b);
    buf_add(b, literal);
}

void json_begin(struct buf *b)
{
    value(b, STR("{"));
}

void json_end(struct buf *b)
{
    BUF_ADD(b, "}");
}

void json_begin_array(struct buf *b)
{
    value(b, STR("["));
}

void json_end_array(struct buf *b)
{
    BUF_ADD(b, "]");
}

void json_key(struct buf *b, const char *name)
{
    size_t len = strlen(name);

    comma(b);
    char *at = buf_reserve(b, len + 3);
    if (!at) return;
    at[0] = '"';
    memcpy(at + 1, name, len);
    memcpy(at + 1 + len, "\":", 2);
    buf_took(b, len + 3);
}

void json_text(struct buf *b, struct str s)
{
    if (!s.at) {
        json_null(b);
        return;
    }
    value(b, STR("\""));
    while (s.len) {
        size_t taken, room = s.len < 6 ? 6 : s.len; /* 6: the longest escape */
        char *at = buf_reserve(b, room);
        if (!at) return;
        buf_took(b, json_escape(at, room, s, &taken));
        s = str_from(s, taken);
    }
    BUF_ADD(b, "\"");
}

void json_int(struct buf *b, int64_t n)
{
    comma(b);
    if (n < 0) BUF_ADD(b, "-");
    buf_add_u64(b, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

void json_bool(struct buf *b, bool v)
{
    value(b, v ? STR("true") : STR("false"));
}

void json_null(struct buf *b)
{
    value(b, STR("null"));
}

void json_raw(struct buf *b, struct str json)
{
    value(b, json);
}

void json_put_text(struct buf *b, const char *name, struct str s)
{
    json_key(b, name);
    json_text(b, s);
}

void json_put_int(struct buf *b, const char *name, int64_t n)
{
    json_key(b, name);
    json_int(b, n);
}

void json_put_bool(struct buf *b, const char *name, bool v)
{
    json_key(b, name);
    json_bool(b, v);
}

void json_put_uuid(struct buf *b, const char *name, struct uuid u)
{
    char text[UUID_LEN + 1];
    json_put_text(b, name, uuid_text(text, u));
}

void json_put_time(struct buf *b, const char *name, int64_t ms)
{
    char text[RFC3339_LEN + 1];
    json_put_text(b, name, rfc3339(text, ms));
}
