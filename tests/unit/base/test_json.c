#include "base/json.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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
      .max = 20 },
    { "password", JSON_SECRET, .offset = offsetof(struct form, password), .max = 16 },
    { "age", JSON_INT, .offset = offsetof(struct form, age), .min = -5, .max = 200 },
    { "keep", JSON_BOOL, .offset = offsetof(struct form, keep) },
    { "scopes", JSON_TEXTS, .offset = offsetof(struct form, scopes), .max = 8 },
    { "nick", JSON_TEXT, .nullable = true, .offset = offsetof(struct form, nick), .min = 2 },
};

static const struct json_schema schema = { "Form", fields, COUNT(fields), sizeof(struct form) };

static struct arena arena;
static struct details details;
static struct form form;

static enum err read_form(struct str text)
{
    arena_reset(&arena);
    arena.ceiling = 16 << 20;
    details.count = 0;
    return json_object(&arena, text, &schema, &form, &details);
}

static void expect_refused(struct str text, enum err e, const char *field, const char *code)
{
    enum err got = read_form(text);

    cr_assert(got == e, "" STR_FMT ": %d", STR_ARG(str_upto(text, 80)), (int)got);
    cr_assert(details.count > 0);
    cr_expect(str_eq(details.at[0].field, str_of(field)), STR_FMT, STR_ARG(details.at[0].field));
    cr_expect_str_eq(details.at[0].code, code);
    cr_expect(details.at[0].message.len > 0);
}

/* `{"email":"a@b","age":` value `}` */
static struct str with_age(const char *value)
{
    static char text[256];
    int len = snprintf(text, sizeof text, "{\"email\":\"a@b\",\"age\":%s}", value);
    return str_span(text, (size_t)len);
}

Test(json, reads_what_the_schema_lists)
{
    cr_assert(read_form(STR(" {\"scopes\":[\"a\",\"\\u00e9\"],\"keep\":false,\"age\":-5,"
                            "\"password\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\ud83d\\ude00\","
                            "\"email\":\"a@b\"}\r\n\t ")) == OK);
    cr_expect(str_eq(form.email, STR("a@b")) && form.email.at[3] == '\0');
    cr_expect(str_eq(form.password.text, STR("\"\\/\b\f\n\r\t\xf0\x9f\x98\x80")));
    cr_expect(form.age.set && form.age.value == -5);
    cr_expect(form.keep.set && !form.keep.value);
    cr_expect(form.scopes.count == 2 && str_eq(form.scopes.at[1], STR("\xc3\xa9")));
    cr_expect(form.nick.at == NULL);
    cr_expect(details.count == 0);
}

Test(json, what_is_absent_reads_as_absent)
{
    memset(&form, 0xff, sizeof form);
    cr_assert(read_form(STR("{\"email\":\"a@b\"}")) == OK);
    cr_expect(form.password.text.at == NULL && form.nick.at == NULL && form.scopes.at == NULL);
    cr_expect(!form.age.set && !form.keep.set && form.scopes.count == 0);
}

Test(json, null_only_where_it_means_something)
{
    cr_assert(read_form(STR("{\"email\":\"a@b\",\"nick\":null}")) == OK);
    cr_expect(form.nick.at && form.nick.len == 0);
    expect_refused(STR("{\"email\":null}"), E_BAD_REQUEST, "email", "wrong_type");
    expect_refused(STR("{\"email\":\"a@b\",\"age\":null}"), E_BAD_REQUEST, "age", "wrong_type");
}

Test(json, members_of_the_wrong_type_are_named)
{
    expect_refused(STR("{\"email\":1}"), E_BAD_REQUEST, "email", "wrong_type");
    expect_refused(STR("{\"email\":[\"a@b\"]}"), E_BAD_REQUEST, "email", "wrong_type");
    expect_refused(STR("{\"email\":\"a@b\",\"keep\":1}"), E_BAD_REQUEST, "keep", "wrong_type");
    expect_refused(STR("{\"email\":\"a@b\",\"keep\":\"true\"}"), E_BAD_REQUEST, "keep",
                   "wrong_type");
    expect_refused(STR("{\"email\":\"a@b\",\"scopes\":\"a\"}"), E_BAD_REQUEST, "scopes",
                   "wrong_type");
    expect_refused(STR("{\"email\":\"a@b\",\"scopes\":[\"a\",7]}"), E_BAD_REQUEST, "scopes",
                   "wrong_type");
    expect_refused(with_age("\"7\""), E_BAD_REQUEST, "age", "wrong_type");
    expect_refused(STR("{}"), E_BAD_REQUEST, "email", "missing");
}

Test(json, lengths_and_values_out_of_bounds_are_another_error)
{
    expect_refused(STR("{\"email\":\"a\"}"), E_BAD_VALUE, "email", "too_short");
    expect_refused(STR("{\"email\":\"aaaaaaaaaaaaaaaaaaaaa\"}"), E_BAD_VALUE, "email", "too_long");
    expect_refused(STR("{\"email\":\"a@b\",\"scopes\":[\"123456789\"]}"), E_BAD_VALUE, "scopes",
                   "too_long");
    expect_refused(with_age("-6"), E_BAD_VALUE, "age", "out_of_range");
    expect_refused(with_age("201"), E_BAD_VALUE, "age", "out_of_range");
    cr_expect(read_form(with_age("200")) == OK && read_form(with_age("0")) == OK);
    /* What is malformed comes first. */
    expect_refused(STR("{\"email\":\"a\",\"x\":1}"), E_BAD_REQUEST, "email", "too_short");
    cr_expect(details.count == 2);
}

/* J-006 */
Test(json, names_are_exact_and_unknown_ones_refused)
{
    expect_refused(STR("{\"Email\":\"a@b\"}"), E_BAD_REQUEST, "Email", "unknown");
    expect_refused(STR("{\"EMAIL\":\"a@b\"}"), E_BAD_REQUEST, "EMAIL", "unknown");
    expect_refused(STR("{\"email \":\"a@b\"}"), E_BAD_REQUEST, "email ", "unknown");
    cr_expect(read_form(STR("{\"email\\u0000\":\"a@b\"}")) == E_BAD_REQUEST);
    cr_expect(str_eq(details.at[0].field, STR("email\0")));
    expect_refused(STR("{\"\":\"a@b\"}"), E_BAD_REQUEST, "", "unknown");
    cr_expect(read_form(STR("{\"\\u0065mail\":\"a@b\"}")) == OK, "an escape is the letter");
}

Test(json, an_unknown_name_is_shown_in_part_without_cutting_a_character)
{
    expect_refused(STR("{\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\xc3\xa9"
                       "yyyyyyyyyyyyyyyyyy\":1}"),
                   E_BAD_REQUEST, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                   "unknown");
}

Test(json, a_name_given_twice_is_refused_however_it_is_written)
{
    expect_refused(STR("{\"email\":\"a@b\",\"email\":\"a@b\"}"), E_BAD_REQUEST, "email",
                   "duplicate");
    expect_refused(STR("{\"email\":\"a@b\",\"\\u0065mail\":\"c@d\"}"), E_BAD_REQUEST, "email",
                   "duplicate");
    cr_expect(read_form(STR("{\"email\":\"a@b\",\"x\":{\"a\":1,\"\\u0061\":2}}")) == E_BAD_REQUEST);
    cr_expect(read_form(STR("{\"email\":\"a@b\",\"scopes\":[{\"a\":1,\"a\":2}]}")) ==
              E_BAD_REQUEST);
}

Test(json, no_text_holds_a_nul)
{
    expect_refused(STR("{\"email\":\"a\\u0000b\"}"), E_BAD_REQUEST, "email", "invalid_characters");
    expect_refused(STR("{\"email\":\"a@b\",\"password\":\"p\\u0000\"}"), E_BAD_REQUEST, "password",
                   "invalid_characters");
    expect_refused(STR("{\"email\":\"a@b\",\"scopes\":[\"\\u0000\"]}"), E_BAD_REQUEST, "scopes",
                   "invalid_characters");
    expect_refused(STR("{\"email\":\"a\0b\"}"), E_BAD_JSON, "", "malformed");
}

/* J-012 */
Test(json, only_whole_numbers_that_nobody_rounds_are_integers)
{
    static const char *const bad[] = { "1.0", "1e2", "1E0", "-0", "-0.0", "0.5", "1e-1" };
    static const char *const rounded[] = { "9007199254740992",    "9007199254740993",
                                           "-9007199254740992",   "9223372036854775807",
                                           "9223372036854775808", "-9223372036854775808",
                                           "18446744073709551615" };
    static const char *const too_big[] = { "18446744073709551616", "-9223372036854775809", "1e400",
                                           "-1e400", "123456789012345678901234567890" };

    for (size_t i = 0; i < COUNT(bad); i++)
        expect_refused(with_age(bad[i]), E_BAD_REQUEST, "age", "wrong_type");
    for (size_t i = 0; i < COUNT(rounded); i++)
        expect_refused(with_age(rounded[i]), E_BAD_REQUEST, "age", "out_of_range");
    for (size_t i = 0; i < COUNT(too_big); i++)
        expect_refused(with_age(too_big[i]), E_BAD_JSON, "", "malformed");
}

/* J-012 */
Test(json, a_number_of_100_000_digits_is_refused)
{
    static char text[100064];
    size_t len = (size_t)sprintf(text, "{\"email\":\"a@b\",\"age\":");

    memset(text + len, '7', 100000);
    strcpy(text + len + 100000, "}");
    expect_refused(str_of(text), E_BAD_JSON, "", "malformed");
}

Test(json, an_integer_without_bounds_takes_all_that_are_exact)
{
    static const struct json_field free_field = { "age", JSON_INT,
                                                  .offset = offsetof(struct form, age) };
    static const struct json_schema free_schema = { "Free", &free_field, 1, sizeof(struct form) };

    arena_init(&arena, 65536);
    cr_expect(json_object(&arena, STR("{\"age\":9007199254740991}"), &free_schema, &form,
                          &details) == OK);
    cr_expect(form.age.value == INT64_C(9007199254740991));
    cr_expect(json_object(&arena, STR("{\"age\":-9007199254740991}"), &free_schema, &form,
                          &details) == OK);
    cr_expect(form.age.value == INT64_C(-9007199254740991));
}

/* J-013 */
Test(json, nothing_but_one_value_in_the_text)
{
    static const struct str bad[] = {
        STR_INIT("{}{}"),
        STR_INIT("{}x"),
        STR_INIT("{}\0"),
        STR_INIT("{},"),
        STR_INIT("{/**/}"),
        STR_INIT("{}//"),
        STR_INIT("{\"email\":\"a@b\",}"),
        STR_INIT("{\"email\":\"a@b\"\"age\":1}"),
        STR_INIT("{'email':'a@b'}"),
        STR_INIT("{email:\"a@b\"}"),
        STR_INIT("{\"email\":\"a\nb\"}"),
        STR_INIT("{\"email\":\"a@b\",\"age\":01}"),
        STR_INIT("{\"email\":\"a@b\",\"age\":+1}"),
        STR_INIT("{\"email\":\"a@b\",\"age\":NaN}"),
        STR_INIT("{\"email\":\"a@b\",\"age\":Infinity}"),
        STR_INIT("\xef\xbb\xbf{\"email\":\"a@b\"}"),
        STR_INIT("{\"email\":\"\\ud800\"}"),
        STR_INIT("{\"email\":\"\\udc00\\ud800\"}"),
        STR_INIT("{\"email\":\"\xed\xa0\x80\"}"),
        STR_INIT("{\"email\":\"\xc0\xaf\"}"),
        STR_INIT("{\"email\":\"\xff\"}"),
        STR_INIT("{\"email\":\"\xf4\x90\x80\x80\"}"),
        STR_INIT(""),
        STR_INIT(" "),
        STR_INIT("{"),
    };

    for (size_t i = 0; i < COUNT(bad); i++) expect_refused(bad[i], E_BAD_JSON, "", "malformed");
    cr_expect(read_form(STR_NONE) == E_BAD_JSON);
}

Test(json, a_value_that_is_no_object_is_a_bad_request)
{
    static const struct str values[] = { STR_INIT("[]"), STR_INIT("1"), STR_INIT("\"a\""),
                                         STR_INIT("null"), STR_INIT("true") };

    for (size_t i = 0; i < COUNT(values); i++)
        expect_refused(values[i], E_BAD_REQUEST, "", "wrong_type");
}

/* `pattern` that many times, then `inner`, then what closes it. */
static struct str nested(const char *open, const char *inner, const char *close, size_t depth)
{
    size_t len = depth * (strlen(open) + strlen(close)) + strlen(inner);
    char *text = arena_alloc(&arena, len + 1, 1), *at = text;

    for (size_t i = 0; i < depth; i++) at = stpcpy(at, open);
    at = stpcpy(at, inner);
    for (size_t i = 0; i < depth; i++) at = stpcpy(at, close);
    return str_span(text, len);
}

/* J-004 */
Test(json, depth_ends_at_32)
{
    static const struct {
        const char *open, *inner, *close;
    } shapes[] = { { "[", "", "]" }, { "{\"a\":", "1", "}" }, { "[{\"\\\\\\\"[\":", "1", "}]" } };
    static const size_t too_deep[] = { 33, 500, 100000 };

    arena_init(&arena, 16 << 20);
    for (size_t i = 0; i < COUNT(shapes); i++) {
        size_t levels = i == 2 ? 2 : 1;
        struct arena text = arena;
        arena_init(&arena, 16 << 20);
        for (size_t k = 0; k < COUNT(too_deep); k++) {
            struct str deep = nested(shapes[i].open, shapes[i].inner, shapes[i].close,
                                     (too_deep[k] + levels - 1) / levels);
            struct arena other;
            arena_init(&other, 1 << 20);
            details.count = 0;
            cr_expect(json_object(&other, deep, &schema, &form, &details) == E_BAD_JSON);
            cr_expect(str_eq(details.at[0].message, STR("nested too deep")));
            arena_done(&other);
        }
        struct str fits = nested(shapes[i].open, shapes[i].inner, shapes[i].close, 32 / levels);
        details.count = 0;
        cr_expect(json_object(&text, fits, &schema, &form, &details) == E_BAD_REQUEST);
        arena_done(&arena);
        arena = text;
    }
}

Test(json, brackets_inside_a_text_are_no_depth)
{
    cr_expect(
        read_form(STR("{\"email\":\"a@b\",\"nick\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\""
                      "{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{\"}")) == OK);
}

/* J-010: what a body of 64 KiB can make us allocate. */
Test(json, memory_stays_in_proportion_to_the_text)
{
    static char text[65536];

    memset(text, '1', sizeof text);
    for (size_t i = 1; i < sizeof text - 1; i += 2) text[i] = ',';
    memcpy(text, "[", 1);
    text[sizeof text - 1] = ']';
    cr_expect(read_form(str_span(text, sizeof text)) == E_BAD_JSON);
    cr_expect(str_eq(details.at[0].message, STR("too many values")));

    /* As many values as there may be, in a text as long as it may be. */
    memset(text, ' ', sizeof text);
    for (size_t i = 0; i < 2040; i++) memcpy(text + 1 + 2 * i, "1,", 2);
    memcpy(text, "[", 1);
    memcpy(text + sizeof text - 2, "1]", 2);
    cr_expect(read_form(str_span(text, sizeof text)) == E_BAD_REQUEST);
    cr_expect(arena.total <= 5 * sizeof text + 128 * 1024, "%zu", arena.total);
}

Test(json, more_details_than_there_is_room_for_are_dropped)
{
    CLEANUP(buf_done) struct buf b;

    buf_init(&b, 4096);
    json_begin(&b);
    for (int i = 0; i < 40; i++) json_put_int(&b, (char[]){ 'a', (char)('a' + i % 26), 0 }, i);
    json_end(&b);
    cr_expect(read_form(buf_str(&b)) == E_BAD_REQUEST);
    cr_expect(details.count == DETAILS_MAX);
}

/* --- the foreign suite ------------------------------------------------------- */

static const char *vectors_dir(void)
{
    static char path[4096];
    const char *given = getenv("POSTERN_VECTORS");
    size_t root = strlen(__FILE__) - strlen("tests/unit/base/test_json.c");

    if (given)
        snprintf(path, sizeof path, "%s/json", given);
    else
        snprintf(path, sizeof path, "%.*s../shared/vectors/json", (int)root, __FILE__);
    return path;
}

static enum err verdict_on(const char *name)
{
    static char text[300000];
    static char path[5000];

    snprintf(path, sizeof path, "%s/%s", vectors_dir(), name);
    FILE *f = fopen(path, "r");
    cr_assert(f, "%s", path);
    size_t len = fread(text, 1, sizeof text, f);
    fclose(f);
    return read_form(str_span(text, len));
}

/* Every file whose name starts with `kind`; how many there were. */
static unsigned expect_all(const char *kind, enum err e)
{
    DIR *dir = opendir(vectors_dir());
    struct dirent *entry;
    unsigned count = 0;

    if (!dir) cr_skip_test("skipped: no foreign vectors");
    while ((entry = readdir(dir))) {
        if (strncmp(entry->d_name, kind, 2) != 0) continue;
        count++;
        cr_expect(verdict_on(entry->d_name) == e, "%s", entry->d_name);
    }
    closedir(dir);
    return count;
}

/* J-001 */
Test(json_vectors, what_must_be_refused_is_invalid_json)
{
    cr_expect(expect_all("n_", E_BAD_JSON) == 188);
}

/* J-002: well-formed, but none is a form of ours. */
Test(json_vectors, what_must_be_accepted_is_a_bad_request_at_most)
{
    cr_expect(expect_all("y_", E_BAD_REQUEST) == 95);
}

/* J-003 */
Test(json_vectors, what_is_left_to_us_stays_as_it_is_pinned)
{
    static const struct {
        const char *name;
        enum err verdict;
    } pinned[] = {
#define accepted E_BAD_REQUEST /* well-formed */
#define refused E_BAD_JSON
#include "json_verdicts.txt"
#undef accepted
#undef refused
    };

    if (access(vectors_dir(), R_OK) != 0) cr_skip_test("skipped: no foreign vectors");
    cr_expect(COUNT(pinned) == 35);
    for (size_t i = 0; i < COUNT(pinned); i++)
        cr_expect(verdict_on(pinned[i].name) == pinned[i].verdict, "%s", pinned[i].name);
}

/* --- writing ----------------------------------------------------------------- */

static struct buf out;

static void expect_out(const char *json)
{
    cr_expect(str_eq(buf_str(&out), str_of(json)), STR_FMT, STR_ARG(buf_str(&out)));
    buf_clear(&out);
}

Test(json_writer, commas_take_care_of_themselves)
{
    struct uuid u = { { 1, 2 } };

    buf_init(&out, 4096);
    json_begin(&out);
    json_put_text(&out, "a", STR("x,{["));
    json_put_text(&out, "none", STR_NONE);
    json_put_int(&out, "n", -7);
    json_put_bool(&out, "t", true);
    json_key(&out, "o");
    json_begin(&out);
    json_end(&out);
    json_key(&out, "l");
    json_begin_array(&out);
    json_int(&out, 1);
    json_text(&out, STR(""));
    json_begin_array(&out);
    json_end_array(&out);
    json_begin(&out);
    json_put_uuid(&out, "u", u);
    json_put_time(&out, "at", 0);
    json_end(&out);
    json_bool(&out, false);
    json_null(&out);
    json_raw(&out, STR("{\"r\":1E5}"));
    json_int(&out, INT64_MIN);
    json_int(&out, INT64_MAX);
    json_end_array(&out);
    json_put_int(&out, "z", 0);
    json_end(&out);
    expect_out(
        "{\"a\":\"x,{[\",\"none\":null,\"n\":-7,\"t\":true,\"o\":{},\"l\":[1,\"\",[],"
        "{\"u\":\"01020000-0000-0000-0000-000000000000\",\"at\":\"1970-01-01T00:00:00.000Z\"},"
        "false,null,{\"r\":1E5},-9223372036854775808,9223372036854775807],\"z\":0}");
    buf_done(&out);
}

Test(json_writer, what_stands_before_in_the_buffer_needs_no_comma)
{
    buf_init(&out, 4096);
    BUF_ADD(&out, "HTTP/1.1 200 OK\r\n\r\n");
    json_begin(&out);
    json_end(&out);
    expect_out("HTTP/1.1 200 OK\r\n\r\n{}");
    buf_done(&out);
}

static void expect_text(struct str in, const char *json)
{
    json_text(&out, in);
    expect_out(json);
}

Test(json_writer, escapes_what_must_not_stand_in_a_text)
{
    buf_init(&out, 4096);
    expect_text(STR("\"\\/\b\f\n\r\t"), "\"\\\"\\\\/\\b\\f\\n\\r\\t\"");
    expect_text(STR("\0\x01\x1f\x7f"), "\"\\u0000\\u0001\\u001f\\u007f\"");
    expect_text(STR("\xc2\x80\xc2\x9f\xc2\xa0"), "\"\\u0080\\u009f\xc2\xa0\"");
    expect_text(STR("plain text of some length, 100 %"), "\"plain text of some length, 100 %\"");
    expect_text(STR("h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xef\xbf\xbf"),
                "\"h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xef\xbf\xbf\"");
    buf_done(&out);
}

Test(json_writer, a_special_byte_is_seen_wherever_it_stands)
{
    static const char special[] = { '"', '\\', 0, 0x1f, 0x7f, (char)0x80, (char)0xff };
    char in[24];

    buf_init(&out, 4096);
    for (size_t k = 0; k < COUNT(special); k++)
        for (size_t at = 0; at < sizeof in; at++) {
            memset(in, '!', sizeof in);
            in[at] = special[k];
            json_text(&out, str_span(in, sizeof in));
            cr_assert(out.len > sizeof in + 2, "%d at %zu", special[k], at);
            buf_clear(&out);
        }
    buf_done(&out);
}

/* RFC 3629 4 */
Test(json_writer, bytes_that_are_not_utf_8_become_the_replacement_character)
{
    buf_init(&out, 4096);
    expect_text(STR("a\xff z"), "\"a\xef\xbf\xbd z\"");
    expect_text(STR("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
    expect_text(STR("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    expect_text(STR("\xe0\x9f\xbf"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    expect_text(STR("\xf4\x90\x80\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    expect_text(STR("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
    buf_done(&out);
}

Test(json_writer, escaping_into_little_room_stops_between_characters)
{
    static const struct str s = STR_INIT("abcdefgh\"\xe2\x82\xac\x01z");
    static const char whole[] = "abcdefgh\\\"\xe2\x82\xac\\u0001z";
    static const size_t ends[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 13, 19, 20 };
    char room[32];
    size_t taken;

    for (size_t size = 0; size <= 24; size++) {
        size_t len = json_escape(room, size, s, &taken), want = 0;
        for (size_t i = 0; i < COUNT(ends); i++)
            if (ends[i] <= size) want = i;
        cr_expect(len == ends[want], "%zu: %zu", size, len);
        cr_expect(memcmp(room, whole, len) == 0);
        cr_expect(taken == (want <= 9 ? want : want + 2), "%zu: %zu", size, taken);
    }
}

Test(json_writer, a_full_buffer_says_so)
{
    buf_init(&out, 20);
    json_begin(&out);
    json_put_text(&out, "a", STR("\x01\x01\x01\x01\x01\x01\x01\x01"));
    json_end(&out);
    cr_expect(out.full && out.len <= 20);
    buf_done(&out);
}
