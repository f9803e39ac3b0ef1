/* json.h - JSON in by schema, JSON out by appending.
 *
 * In: json_object reads one object into a C struct as a table of fields says.
 * The text must be one strict RFC 8259 object in UTF-8: no duplicate names at
 * any depth, depth at most 32, no number that would be rounded, no lone
 * surrogate, no byte order mark. Names the schema does not know are refused.
 *
 * Out: json_* append to a buf; commas and escapes take care of themselves.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/uuid.h"

#define JSON_DEPTH_MAX 32

/* What is wrong with a request, member by member; `details` of the answer. */
struct detail {
    struct str field; /* "email"; "" for the whole body */
    const char *code; /* stable: "missing", "unknown", "wrong_type", "too_long" ... */
    struct str message;
};

#define DETAILS_MAX 16
struct details {
    struct detail at[DETAILS_MAX];
    unsigned count; /* further ones are dropped */
};

void details_add(struct details *d, struct str field, const char *code, struct str message);

enum json_type {
    JSON_TEXT,   /* struct str; absent: STR_NONE */
    JSON_SECRET, /* struct secret; like text, never logged, never echoed */
    JSON_INT,    /* struct json_int */
    JSON_BOOL,   /* struct json_bool */
    JSON_TEXTS,  /* struct json_texts: array of strings */
};

struct json_int {
    bool set;
    int64_t value;
};
struct json_bool {
    bool set;
    bool value;
};
struct json_texts {
    struct str *at; /* in the arena; NULL when absent */
    size_t count;
};

struct json_field {
    const char *name;
    enum json_type type;
    bool required;
    bool nullable;    /* null is accepted and means: set to nothing (text: "") */
    size_t offset;    /* of the member in the C struct */
    int64_t min, max; /* length in bytes, or value; max 0: no upper bound */
    const char *help; /* for the API document */
};

struct json_schema {
    const char *name; /* "LoginRequest" */
    const struct json_field *fields;
    size_t count;
    size_t size; /* of the C struct */
};

/* Fills *out (schema->size bytes, zeroed first; strings in the arena, a NUL
 * behind each, none inside).
 * E_BAD_JSON: not well-formed JSON, or deeper or of more values than we read.
 * E_BAD_REQUEST: not an object; a member that is unknown, missing, there twice
 * or of the wrong type (whole numbers: within 2^53, without fraction, exponent
 * or minus zero). E_BAD_VALUE: length or value out of the schema's bounds.
 * All with details. At most some 5 * text.len + 128 KiB of the arena. */
enum err json_object(struct arena *a, struct str text, const struct json_schema *schema, void *out,
                     struct details *details);

/* Writing. Names and literals are trusted; texts are escaped, and bytes that
 * are not UTF-8 become U+FFFD. */
void json_begin(struct buf *b);                 /* { */
void json_end(struct buf *b);                   /* } */
void json_key(struct buf *b, const char *name); /* "name":   */
void json_begin_array(struct buf *b);           /* [ */
void json_end_array(struct buf *b);             /* ] */
void json_text(struct buf *b, struct str s);    /* a value: "..." or null if absent */
void json_int(struct buf *b, int64_t n);
void json_bool(struct buf *b, bool v);
void json_null(struct buf *b);
void json_raw(struct buf *b, struct str json); /* a value written before */
void json_put_text(struct buf *b, const char *name, struct str s);
void json_put_int(struct buf *b, const char *name, int64_t n);
void json_put_bool(struct buf *b, const char *name, bool v);
void json_put_uuid(struct buf *b, const char *name, struct uuid u);
void json_put_time(struct buf *b, const char *name, int64_t ms); /* RFC 3339 */

/* Writes `s` as the inside of a JSON string into at most `room` bytes; answers
 * how many. *taken: bytes of `s` that are in it; the next character had no room. */
size_t json_escape(char *out, size_t room, struct str s, size_t *taken);

#endif
