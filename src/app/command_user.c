/* People, as their administrator sees them. The work is done on the store, so
 * a running server need not be asked; it hears of it through the change feed. */
#include "app/command_line.h"
#include "app/service.h"
#include "base/clock.h"
#include "core/account.h"
#include "core/name.h"
#include "core/policy.h"

enum { COLUMNS = 5, PAGE = 100, PAGE_MAX = 1000, ADDRESS_ARENA_MAX = 64 << 10 };

struct user_task {
    struct str who; /* e-mail address or id, as typed */
    struct str role, first_name, last_name;
    struct str password_file;
    bool password_stdin, generate;
    struct secret_input input;
    struct secret password; /* in `input`, or generated in the arena */
    struct str after;
    int64_t limit;
    bool disable, json;
};

static const struct secret no_secret = { { NULL, 0 } };

/* --- who -------------------------------------------------------------------- */

/* Before anything is opened or asked for: is it an address, or, with `id_too`,
 * an id? If not, it is said. */
static bool names_somebody(const char *what, struct str who, bool id_too)
{
    CLEANUP(arena_done) struct arena arena;
    struct ctx ctx;
    struct address address;
    struct uuid id;

    arena_init(&arena, ADDRESS_ARENA_MAX);
    ctx_init(&ctx, &arena, 0);
    if ((id_too && uuid_parse(who, &id)) || address_read(&ctx, who, &address) == OK) return true;
    command_misused(what, "'%s' is %s", who.at,
                    id_too ? "neither an e-mail address nor an id" : "not an e-mail address");
    return false;
}

/* An exit status: DONE when there is somebody. */
SUSPENDS static int find(struct ctx *ctx, struct str who, struct account *out)
{
    struct address address;
    struct uuid id;
    enum err e;

    if (uuid_parse(who, &id)) {
        e = account_by_id(ctx, id, out);
    } else {
        e = address_read(ctx, who, &address);
        if (e == OK) e = account_by_email(ctx, address.canonical, out);
    }
    if (e == E_NOT_FOUND) return command_failed("there is no account '%s'", who.at);
    return e == OK ? EXIT_DONE : command_error(ctx, e);
}

/* --- showing ---------------------------------------------------------------- */

static void put_account(struct buf *out, const struct account *a, struct secret password)
{
    json_begin(out);
    json_put_uuid(out, "id", a->id);
    json_put_text(out, "email", a->email_typed);
    json_put_bool(out, "email_verified", a->email_verified);
    json_put_text(out, "first_name", a->first_name);
    json_put_text(out, "last_name", a->last_name);
    json_put_text(out, "role", a->role);
    json_put_bool(out, "is_active", !a->disabled);
    json_put_time(out, "created_at", a->created_at);
    json_put_time(out, "updated_at", a->updated_at);
    json_put_time(out, "password_changed_at", a->password_changed_at);
    if (password.text.at) json_put_text(out, "password", password.text);
    json_end(out);
}

static void print_account_json(const struct account *a, struct secret password)
{
    struct buf out;

    buf_init(&out, 64 * 1024);
    put_account(&out, a, password);
    command_print_json(&out);
}

static struct str time_cell(struct arena *a, int64_t ms)
{
    char text[RFC3339_LEN + 1];
    return arena_copy(a, rfc3339(text, ms));
}

static struct str id_cell(struct arena *a, struct uuid id)
{
    char text[UUID_LEN + 1];
    return arena_copy(a, uuid_text(text, id));
}

static struct str state_cell(const struct account *a)
{
    return a->disabled ? STR("disabled") : STR("active");
}

static void print_account(struct arena *arena, const struct account *a)
{
    /* clang-format off */
    const struct str cells[] = {
        STR("id"), id_cell(arena, a->id),
        STR("e-mail"), a->email_typed,
        STR("verified"), a->email_verified ? STR("yes") : STR("no"),
        STR("first name"), a->first_name,
        STR("last name"), a->last_name,
        STR("role"), a->role,
        STR("state"), state_cell(a),
        STR("created"), time_cell(arena, a->created_at),
        STR("changed"), time_cell(arena, a->updated_at),
        STR("password set"), time_cell(arena, a->password_changed_at),
    };
    /* clang-format on */
    command_print_table(cells, 2, COUNT(cells) / 2);
}

SUSPENDS static int show_work(struct ctx *ctx, void *arg)
{
    struct user_task *t = arg;
    struct account who;
    int status = find(ctx, t->who, &who);

    if (status != EXIT_DONE) return status;
    if (t->json)
        print_account_json(&who, no_secret);
    else
        print_account(ctx->arena, &who);
    return EXIT_DONE;
}

static int user_show(int argc, char **argv)
{
    struct user_task t = { 0 };
    const struct option_row options[] = {
        { "USER", OPTION_WORD, &t.who },
        { "output", OPTION_OUTPUT, &t.json },
        { 0 },
    };

    if (!command_read("user show", argc, argv, options)) return EXIT_USAGE;
    if (!names_somebody("user show", t.who, true)) return EXIT_USAGE;
    return service_command(show_work, &t);
}

/* --- listing ---------------------------------------------------------------- */

static void print_page_json(const struct account *people, size_t count, bool more)
{
    struct buf out;

    buf_init(&out, 16 << 20);
    json_begin(&out);
    json_key(&out, "users");
    json_begin_array(&out);
    for (size_t i = 0; i < count; i++) put_account(&out, &people[i], no_secret);
    json_end_array(&out);
    if (more) {
        json_put_uuid(&out, "next_after", people[count - 1].id);
    } else {
        json_key(&out, "next_after");
        json_null(&out);
    }
    json_end(&out);
    command_print_json(&out);
}

static void print_page(struct arena *a, const struct account *people, size_t count, bool more)
{
    struct str *cells = ARENA_ARRAY(a, struct str, (count + 1) * COLUMNS), *at = cells;

    *at++ = STR("ID");
    *at++ = STR("E-MAIL");
    *at++ = STR("ROLE");
    *at++ = STR("STATE");
    *at++ = STR("CREATED");
    for (size_t i = 0; i < count; i++) {
        *at++ = id_cell(a, people[i].id);
        *at++ = people[i].email_typed;
        *at++ = people[i].role;
        *at++ = state_cell(&people[i]);
        *at++ = time_cell(a, people[i].created_at);
    }
    command_print_table(cells, COLUMNS, count + 1);
    if (more) command_say("there are more: --after " STR_FMT, STR_ARG(at[-COLUMNS]));
}

/* One more than the page is read, to know whether there are more. */
SUSPENDS static int list_work(struct ctx *ctx, void *arg)
{
    struct user_task *t = arg;
    struct account *people;
    struct uuid after = { 0 };
    size_t count;

    if (t->after.at) (void)uuid_parse(t->after, &after);
    enum err e = account_list(ctx, after, (unsigned)t->limit + 1, &people, &count);
    if (e != OK) return command_error(ctx, e);
    bool more = count > (size_t)t->limit;
    if (more) count--;
    if (t->json)
        print_page_json(people, count, more);
    else
        print_page(ctx->arena, people, count, more);
    return EXIT_DONE;
}

static int user_list(int argc, char **argv)
{
    struct user_task t = { .limit = PAGE };
    struct uuid id;
    const struct option_row options[] = {
        { "limit", OPTION_NUMBER, &t.limit, 1, PAGE_MAX },
        { "after", OPTION_TEXT, &t.after },
        { "output", OPTION_OUTPUT, &t.json },
        { 0 },
    };

    if (!command_read("user list", argc, argv, options)) return EXIT_USAGE;
    if (t.after.at && !uuid_parse(t.after, &id))
        return command_misused("user list", "--after takes an id, not '%s'", t.after.at);
    return service_command(list_work, &t);
}

/* --- passwords -------------------------------------------------------------- */

/* The rows that say where a password comes from, and the one for the output. */
/* clang-format off */
#define PASSWORD_OPTIONS(t)                                                                        \
    { "password-file", OPTION_TEXT, &(t)->password_file },                                         \
    { "password-stdin", OPTION_FLAG, &(t)->password_stdin },                                       \
    { "generate", OPTION_FLAG, &(t)->generate },                                                   \
    { "output", OPTION_OUTPUT, &(t)->json }
/* clang-format on */

/* Before the store is opened: a person may take their time. */
static bool obtain_password(struct user_task *t)
{
    bool done = true;

    if (t->password_file.at)
        done = secret_from_file(t->password_file, &t->input);
    else if (t->password_stdin)
        done = secret_from_stdin(&t->input);
    else if (!t->generate)
        done = secret_from_prompt("Password", &t->input);
    t->password = t->input.secret;
    return done;
}

/* Obtains the password, does the work, forgets the password. */
static int work_with_password(const char *what, struct user_task *t,
                              int (*work)(struct ctx *ctx, void *arg))
{
    int status = EXIT_FAILED;

    if ((t->password_file.at != NULL) + t->password_stdin + t->generate > 1)
        return command_misused(what, "say one of --password-file, --password-stdin, --generate");
    if (obtain_password(t)) status = service_command(work, t);
    secret_input_done(&t->input);
    return status;
}

SUSPENDS static enum err hash_password(struct ctx *ctx, struct user_task *t, struct str email,
                                       struct secret *hash)
{
    struct secret normalized;

    if (t->generate) TRY(secret_generate(ctx, email, &t->password));
    TRY(policy_check(ctx, "password", t->password, email, &normalized));
    return password_hash(ctx, normalized, hash);
}

/* What was generated is shown this once. */
static struct secret to_show(const struct user_task *t)
{
    return t->generate ? t->password : no_secret;
}

SUSPENDS static int set_password_work(struct ctx *ctx, void *arg)
{
    struct user_task *t = arg;
    struct account who;
    struct secret hash;
    int status = find(ctx, t->who, &who);

    if (status != EXIT_DONE) return status;
    enum err e = hash_password(ctx, t, who.email, &hash);
    if (e == OK) e = account_set_password(ctx, &who, hash, (struct uuid){ 0 });
    if (e == OK) e = account_by_id(ctx, who.id, &who);
    if (e != OK) return command_error(ctx, e);
    command_say("the password is set; all sessions of " STR_FMT " have ended",
                STR_ARG(who.email_typed));
    if (t->json)
        print_account_json(&who, to_show(t));
    else if (t->generate)
        printf(STR_FMT "\n", STR_ARG(t->password.text));
    return EXIT_DONE;
}

static int user_set_password(int argc, char **argv)
{
    struct user_task t = { 0 };
    const struct option_row options[] = {
        { "USER", OPTION_WORD, &t.who },
        PASSWORD_OPTIONS(&t),
        { 0 },
    };

    if (!command_read("user set-password", argc, argv, options)) return EXIT_USAGE;
    if (!names_somebody("user set-password", t.who, true)) return EXIT_USAGE;
    return work_with_password("user set-password", &t, set_password_work);
}

/* --- creating --------------------------------------------------------------- */

SUSPENDS static enum err create_account(struct ctx *ctx, struct user_task *t, struct account *made)
{
    struct account_new new = { .role = t->role };

    TRY(address_read(ctx, t->who, &new.email));
    TRY(name_read(ctx, "first_name", t->first_name, &new.first_name));
    TRY(name_read(ctx, "last_name", t->last_name, &new.last_name));
    TRY(hash_password(ctx, t, new.email.canonical, &new.password_hash));
    return account_create(ctx, &new, made);
}

SUSPENDS static int create_work(struct ctx *ctx, void *arg)
{
    struct user_task *t = arg;
    struct account made;
    char id[UUID_LEN + 1];

    enum err e = create_account(ctx, t, &made);
    if (e != OK) return command_error(ctx, e);
    if (t->json) {
        print_account_json(&made, to_show(t));
    } else {
        printf(STR_FMT "\n", STR_ARG(uuid_text(id, made.id)));
        if (t->generate) printf(STR_FMT "\n", STR_ARG(t->password.text));
    }
    return EXIT_DONE;
}

static int unknown_role(const char *what, struct str role)
{
    return command_misused(what, "a role is user, reviewer, admin or superuser, not '%s'", role.at);
}

static int user_create(int argc, char **argv)
{
    struct user_task t = { .role = STR("user") };
    const struct option_row options[] = {
        { "EMAIL", OPTION_WORD, &t.who },
        { "role", OPTION_TEXT, &t.role },
        { "first-name", OPTION_TEXT, &t.first_name },
        { "last-name", OPTION_TEXT, &t.last_name },
        PASSWORD_OPTIONS(&t),
        { 0 },
    };

    if (!command_read("user create", argc, argv, options)) return EXIT_USAGE;
    if (!names_somebody("user create", t.who, false)) return EXIT_USAGE;
    if (!account_role_known(t.role)) return unknown_role("user create", t.role);
    return work_with_password("user create", &t, create_work);
}

/* --- changing --------------------------------------------------------------- */

SUSPENDS static int disable_work(struct ctx *ctx, void *arg)
{
    struct user_task *t = arg;
    struct account who;
    int status = find(ctx, t->who, &who);

    if (status != EXIT_DONE) return status;
    enum err e = account_disable(ctx, who.id, t->disable);
    if (e != OK) return command_error(ctx, e);
    command_say(STR_FMT " is %s", STR_ARG(who.email_typed),
                t->disable ? "disabled; its sessions have ended" : "active");
    return EXIT_DONE;
}

static int set_disabled(const char *what, bool disable, int argc, char **argv)
{
    struct user_task t = { .disable = disable };
    const struct option_row options[] = { { "USER", OPTION_WORD, &t.who }, { 0 } };

    if (!command_read(what, argc, argv, options)) return EXIT_USAGE;
    if (!names_somebody(what, t.who, true)) return EXIT_USAGE;
    return service_command(disable_work, &t);
}

static int user_disable(int argc, char **argv)
{
    return set_disabled("user disable", true, argc, argv);
}

static int user_enable(int argc, char **argv)
{
    return set_disabled("user enable", false, argc, argv);
}

SUSPENDS static int set_role_work(struct ctx *ctx, void *arg)
{
    struct user_task *t = arg;
    struct account who;
    int status = find(ctx, t->who, &who);

    if (status != EXIT_DONE) return status;
    enum err e = account_set_role(ctx, who.id, t->role);
    if (e != OK) return command_error(ctx, e);
    command_say(STR_FMT " is " STR_FMT " now; was " STR_FMT, STR_ARG(who.email_typed),
                STR_ARG(t->role), STR_ARG(who.role));
    return EXIT_DONE;
}

static int user_set_role(int argc, char **argv)
{
    struct user_task t = { 0 };
    const struct option_row options[] = {
        { "USER", OPTION_WORD, &t.who },
        { "ROLE", OPTION_WORD, &t.role },
        { 0 },
    };

    if (!command_read("user set-role", argc, argv, options)) return EXIT_USAGE;
    if (!names_somebody("user set-role", t.who, true)) return EXIT_USAGE;
    if (!account_role_known(t.role)) return unknown_role("user set-role", t.role);
    return service_command(set_role_work, &t);
}

SUSPENDS static int delete_work(struct ctx *ctx, void *arg)
{
    struct user_task *t = arg;
    struct account who;
    int status = find(ctx, t->who, &who);

    if (status != EXIT_DONE) return status;
    enum err e = account_delete(ctx, who.id);
    if (e != OK) return command_error(ctx, e);
    command_say(STR_FMT " is deleted", STR_ARG(who.email_typed));
    return EXIT_DONE;
}

static int user_delete(int argc, char **argv)
{
    struct user_task t = { 0 };
    bool yes = false;
    const struct option_row options[] = {
        { "USER", OPTION_WORD, &t.who },
        { "yes", OPTION_FLAG, &yes },
        { 0 },
    };

    if (!command_read("user delete", argc, argv, options)) return EXIT_USAGE;
    if (!names_somebody("user delete", t.who, true)) return EXIT_USAGE;
    if (!yes && !command_confirm("Delete %s and all that belongs to this account?", t.who.at))
        return EXIT_FAILED;
    return service_command(delete_work, &t);
}

int command_user(int argc, char **argv)
{
    static const struct command_action actions[] = {
        { "list", user_list },
        { "show", user_show },
        { "create", user_create },
        { "disable", user_disable },
        { "enable", user_enable },
        { "set-password", user_set_password },
        { "set-role", user_set_role },
        { "delete", user_delete },
        { 0 },
    };
    return command_act(argc, argv, actions);
}
