#include "app/dotenv.h"

#include "base/attr.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct arena arena;
static struct dotenv file;

static void read_file(struct str text)
{
    arena_done(&arena);
    arena_init(&arena, 1 << 20);
    dotenv_read(&arena, text, &file);
}

static void expect_value(const char *name, struct str value)
{
    for (size_t i = 0; i < file.count; i++)
        if (str_eq(file.entries[i].name, str_of(name))) {
            cr_expect(str_eq(file.entries[i].value, value), "%s is " STR_FMT, name,
                      STR_ARG(file.entries[i].value));
            return;
        }
    cr_expect_fail("%s is not there", name);
}

Test(dotenv, reads_every_form_the_header_shows)
{
    read_file(STR("# a comment\n"
                  "\n"
                  "export PORT=8000            # a comment\n"
                  "  HOST = 127.0.0.1\t# blanks\n"
                  "SINGLE='as it stands: $HOME \\n # and \"all\"'\n"
                  "DOUBLE=\"a\\n\\r\\t\\\"\\\\\\$ $HOME # b\"   # c\n"
                  "EMPTY=\n"
                  "QUOTED_EMPTY=\"\"\n"
                  "HASH=a#b\n"
                  "ONLY_COMMENT=#x\n"
                  "exported=1\n"
                  "EQUALS=a=b=='c'\n"
                  "LAST=end of file"));
    cr_expect(file.error_count == 0);
    cr_expect(file.count == 11);
    expect_value("PORT", STR("8000"));
    expect_value("HOST", STR("127.0.0.1"));
    expect_value("SINGLE", STR("as it stands: $HOME \\n # and \"all\""));
    expect_value("DOUBLE", STR("a\n\r\t\"\\$ $HOME # b"));
    expect_value("EMPTY", STR(""));
    expect_value("QUOTED_EMPTY", STR(""));
    expect_value("HASH", STR("a#b"));
    expect_value("ONLY_COMMENT", STR(""));
    expect_value("exported", STR("1"));
    expect_value("EQUALS", STR("a=b=='c'"));
    expect_value("LAST", STR("end of file"));
    cr_expect(file.entries[1].line == 4);
}

Test(dotenv, takes_what_other_editors_write)
{
    read_file(STR("\xef\xbb\xbfPORT=1\r\nHOST=\"x\"\r\n\r\n"));
    cr_expect(file.error_count == 0 && file.count == 2);
    expect_value("PORT", STR("1"));
    expect_value("HOST", STR("x"));
}

Test(dotenv, names_the_line_of_whatever_is_broken)
{
    static const struct str broken[] = {
        STR_INIT("PORT"),      STR_INIT("=1"),     STR_INIT("1PORT=1"),      STR_INIT("PO RT=1"),
        STR_INIT("PO-RT=1"),   STR_INIT("A='x"),   STR_INIT("A=\"x"),        STR_INIT("A=\"x\\\""),
        STR_INIT("A=\"\\x\""), STR_INIT("A='x'y"), STR_INIT("A=\"x\" y"),    STR_INIT("A='x'#y"),
        STR_INIT("A=\x01"),    STR_INIT("A=x\0y"), STR_INIT("A=x\x7f"),      STR_INIT("export"),
        STR_INIT("export =1"), STR_INIT("A=x\ry"), STR_INIT("export A B=1"), STR_INIT("\xc3\x84=1"),
    };
    char text[64];

    for (size_t i = 0; i < COUNT(broken); i++) {
        memcpy(text, "OK=1\n\n", 6);
        memcpy(text + 6, broken[i].at, broken[i].len);
        memcpy(text + 6 + broken[i].len, "\nTOO=1", 6);
        read_file(str_span(text, 12 + broken[i].len));
        cr_assert(file.error_count == 1, "row %zu", i);
        cr_expect(file.errors[0].line == 3, "row %zu", i);
        cr_expect(file.count == 2, "row %zu", i);
    }
}

Test(dotenv, a_name_that_comes_twice_is_an_error_with_both_lines)
{
    read_file(STR("A=1\nB=2\nexport A=1\n"));
    cr_assert(file.error_count == 1);
    cr_expect(file.errors[0].line == 3);
    cr_expect(str_eq(file.errors[0].what, STR("A was given before, in line 1")));
}

Test(dotenv, shows_nothing_of_a_broken_line)
{
    read_file(STR("MASTER_KEY=\"hunter2hunter2\nhunter2hunter2\n"));
    cr_assert(file.error_count == 2);
    for (size_t i = 0; i < 2; i++) {
        struct str what = file.errors[i].what;
        cr_expect_not(memmem(what.at, what.len, "hunter", 6));
    }
}

Test(dotenv, bounds_what_it_keeps)
{
    static char many[300 * 8], broken[40 * 2];

    for (int i = 0; i < 300; i++) snprintf(many + 6 * i, 8, "A%03d=\n", i);
    read_file(str_span(many, 6 * 300));
    cr_expect(file.count == DOTENV_ENTRIES_MAX && file.error_count == DOTENV_ERRORS_MAX);
    for (int i = 0; i < 40; i++) memcpy(broken + 2 * i, "x\n", 2);
    read_file(str_span(broken, sizeof broken));
    cr_expect(file.count == 0 && file.error_count == DOTENV_ERRORS_MAX);
}
