#include "app/command.h"
#include "app/command_line.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>

/* What a command line is read into. */
struct given {
    bool yes, json;
    struct str role, who, more;
    int64_t limit;
};

static bool read_line(struct given *g, char **argv)
{
    int argc = 0;
    const struct option_row options[] = {
        { "yes", OPTION_FLAG, &g->yes },
        { "role", OPTION_TEXT, &g->role },
        { "WHO", OPTION_WORD, &g->who },
        { "limit", OPTION_NUMBER, &g->limit, 1, 1000 },
        { "output", OPTION_OUTPUT, &g->json },
        { "MORE", OPTION_EXTRA, &g->more },
        { 0 },
    };

    while (argv[argc]) argc++;
    return command_read("user show", argc, argv, options);
}

#define READ(g, ...) read_line((g), (char *[]){ (char[]){ "show" }, __VA_ARGS__, NULL })

/* Does `text` stand in what went to stderr? */
static bool told(const char *text)
{
    char all[4096];
    FILE *f = cr_get_redirected_stderr();

    fflush(stderr);
    size_t len = fread(all, 1, sizeof all - 1, f);
    all[len] = '\0';
    return strstr(all, text) != NULL;
}

Test(command_line, reads_options_and_words_in_any_order)
{
    struct given g = { .limit = 100 };

    cr_assert(READ(&g, "--limit", "7", "ada", "--yes", "--role=admin", "x", "--output", "json"));
    cr_assert_eq(g.limit, 7);
    cr_assert(str_eq(g.who, STR("ada")));
    cr_assert(str_eq(g.more, STR("x")));
    cr_assert(str_eq(g.role, STR("admin")));
    cr_assert(g.yes && g.json);
}

Test(command_line, leaves_alone_what_is_not_given)
{
    struct given g = { .limit = 100, .role = STR("user") };

    cr_assert(READ(&g, "ada"));
    cr_assert_eq(g.limit, 100);
    cr_assert(str_eq(g.role, STR("user")));
    cr_assert(!g.yes && !g.json && !g.more.at);
}

Test(command_line, can_be_read_twice_in_one_process)
{
    struct given first = { 0 }, second = { 0 };

    cr_assert(READ(&first, "--yes", "ada"));
    cr_assert(READ(&second, "bob"));
    cr_assert(str_eq(second.who, STR("bob")) && !second.yes);
}

Test(command_line, takes_words_that_begin_with_a_dash_behind_two_dashes)
{
    struct given g = { 0 };

    cr_assert(READ(&g, "--yes", "--", "-ada"));
    cr_assert(str_eq(g.who, STR("-ada")));
}

Test(command_line, names_the_option_that_was_meant, .init = cr_redirect_stderr)
{
    struct given g = { 0 };

    cr_assert_not(READ(&g, "ada", "--lmit=3"));
    cr_assert(told("user show has no option --lmit; did you mean --limit?"));
}

Test(command_line, offers_no_option_that_is_far, .init = cr_redirect_stderr)
{
    struct given g = { 0 };

    cr_assert_not(READ(&g, "ada", "--password"));
    cr_assert(told("user show has no option --password\nSee: postern user --help\n"));
}

Test(command_line, says_how_a_short_option_may_be_a_word, .init = cr_redirect_stderr)
{
    struct given g = { 0 };

    cr_assert_not(READ(&g, "-x"));
    cr_assert(told("no option -x; a word that begins with - goes behind --"));
}

Test(command_line, misses_the_value_of_an_option, .init = cr_redirect_stderr)
{
    struct given g = { 0 };

    cr_assert_not(READ(&g, "ada", "--limit"));
    cr_assert(told("--limit needs a value"));
}

Test(command_line, refuses_a_value_for_a_flag, .init = cr_redirect_stderr)
{
    struct given g = { 0 };

    cr_assert_not(READ(&g, "ada", "--yes=no"));
    cr_assert(told("--yes takes no value"));
}

Test(command_line, refuses_numbers_out_of_bounds, .init = cr_redirect_stderr)
{
    static char *const wrong[] = { "0", "1001", "-1", "1e3", "", " 1", "99999999999999999999" };
    struct given g = { .limit = 5 };

    for (unsigned i = 0; i < COUNT(wrong); i++)
        cr_assert_not(READ(&g, "ada", "--limit", wrong[i]), "%s", wrong[i]);
    cr_assert_eq(g.limit, 5);
    cr_assert(READ(&g, "ada", "--limit", "1000"));
    cr_assert(told("--limit takes a whole number from 1 to 1000, not '0'"));
}

Test(command_line, refuses_an_output_it_does_not_know, .init = cr_redirect_stderr)
{
    struct given g = { 0 };

    cr_assert_not(READ(&g, "ada", "--output", "xml"));
    cr_assert(told("--output takes json or text, not 'xml'"));
}

Test(command_line, misses_a_word, .init = cr_redirect_stderr)
{
    struct given g = { 0 };

    cr_assert_not(READ(&g, "--yes"));
    cr_assert(told("user show needs WHO"));
}

Test(command_line, refuses_a_word_too_many, .init = cr_redirect_stderr)
{
    struct given g = { 0 };

    cr_assert_not(READ(&g, "ada", "bob", "eve"));
    cr_assert(told("user show does not take the word 'eve'"));
}

static int acted;

static int act_one(int argc, char **argv)
{
    cr_assert_eq(argc, 2);
    cr_assert_str_eq(argv[0], "list");
    acted++;
    return EXIT_DONE;
}

static int act(char **argv)
{
    static const struct command_action actions[] = {
        { "list", act_one },
        { "create", act_one },
        { "delete", act_one },
        { 0 },
    };
    int argc = 0;

    while (argv[argc]) argc++;
    return command_act(argc, argv, actions);
}

#define ACT(...) act((char *[]){ (char[]){ "user" }, __VA_ARGS__ __VA_OPT__(, ) NULL })

Test(command_act, runs_the_action_with_what_follows)
{
    cr_assert_eq(ACT("list", "x"), EXIT_DONE);
    cr_assert_eq(acted, 1);
}

Test(command_act, names_the_action_that_was_meant, .init = cr_redirect_stderr)
{
    cr_assert_eq(ACT("lsit"), EXIT_USAGE);
    cr_assert(told("user does not know 'lsit'; did you mean 'list'?"));
    cr_assert_eq(acted, 0);
}

Test(command_act, lists_its_actions_when_none_is_near, .init = cr_redirect_stderr)
{
    cr_assert_eq(ACT("frobnicate"), EXIT_USAGE);
    cr_assert(told("user does not know 'frobnicate', but list, create or delete"));
}

Test(command_act, lists_its_actions_when_none_is_said, .init = cr_redirect_stderr)
{
    cr_assert_eq(ACT(), EXIT_USAGE);
    cr_assert(told("after 'user' comes what is to be done: list, create or delete"));
}

Test(command_act, wants_the_action_before_options, .init = cr_redirect_stderr)
{
    cr_assert_eq(ACT("--output", "json"), EXIT_USAGE);
    cr_assert(told("after 'user' comes what is to be done"));
}

Test(command_table, aligns_columns_by_characters_and_hides_what_moves_the_cursor,
     .init = cr_redirect_stdout)
{
    const struct str cells[] = {
        STR("NAME"),
        STR("ROLE"),
        STR("h\xc3\xa9l\xc3\xa8ne"),
        STR("user"),
        STR("\x1b[2Jx"),
        STR_NONE,
        STR("a\xe2\x80\xae"
            "b"),
        STR("admin"),
    };

    command_print_table(cells, 2, 4);
    fflush(stdout);
    cr_assert_stdout_eq_str("NAME    ROLE\n"
                            "h\xc3\xa9l\xc3\xa8ne  user\n"
                            "?[2Jx   -\n"
                            "a???b   admin\n");
}

Test(commands, each_has_a_summary_and_a_help_with_usage_and_example)
{
    unsigned count = 0;

    for (const struct command *c = commands; c->name; c++, count++) {
        char usage[64];
        snprintf(usage, sizeof usage, "usage: postern %s", c->name);
        cr_assert(strncmp(c->help, usage, strlen(usage)) == 0, "%s", c->name);
        cr_assert_not_null(strstr(c->help, "\nexample: "), "%s", c->name);
        cr_assert(strlen(c->summary) <= 66, "%s", c->name);
        cr_assert_eq(c->help[strlen(c->help) - 1], '\n', "%s", c->name);
    }
    cr_assert_eq(count, 8);
}

static int run(char **argv)
{
    int argc = 0;

    while (argv[argc]) argc++;
    return command_main(argc, argv);
}

#define RUN(...) run((char *[]){ (char[]){ "postern" }, __VA_ARGS__ __VA_OPT__(, ) NULL })

Test(command_main, prints_the_help_of_a_command_wherever_it_is_asked, .init = cr_redirect_stdout)
{
    cr_assert_eq(RUN("help", "user"), EXIT_DONE);
    cr_assert_eq(RUN("user", "--help"), EXIT_DONE);
    cr_assert_eq(RUN("user", "create", "x", "-h"), EXIT_DONE);
    fflush(stdout);

    char all[16384];
    size_t len = fread(all, 1, sizeof all - 1, cr_get_redirected_stdout());
    all[len] = '\0';
    unsigned times = 0;
    for (const char *at = all; (at = strstr(at, "usage: postern user list")); at++) times++;
    cr_assert_eq(times, 3);
}

Test(command_main, shows_the_way_when_nothing_is_asked, .init = cr_redirect_stderr)
{
    cr_assert_eq(RUN(), EXIT_USAGE);
    cr_assert(told("usage: postern COMMAND"));
}

Test(command_main, names_the_command_that_was_meant, .init = cr_redirect_stderr)
{
    cr_assert_eq(RUN("sevre"), EXIT_USAGE);
    cr_assert(told("there is no command 'sevre'; did you mean 'serve'?"));
}

Test(command_main, names_the_option_that_was_meant, .init = cr_redirect_stderr)
{
    cr_assert_eq(RUN("--verson"), EXIT_USAGE);
    cr_assert(told("there is no option '--verson'; did you mean '--version'?"));
}

Test(command_main, offers_nothing_that_is_far, .init = cr_redirect_stderr)
{
    cr_assert_eq(RUN("frobnicate"), EXIT_USAGE);
    cr_assert(told("there is no command 'frobnicate'\n"));
}
