/* The keys of a (perhaps running) installation: what is changed here is a row
 * of the change feed, and every process follows within a second. */
#include "app/command_line.h"
#include "app/service.h"
#include "base/clock.h"
#include "core/keyring.h"

enum {
    COLUMNS = 6,
    /* How long those who check our tokens may go without looking at the JWKS:
     * twice its max-age and an hour (SPEC 3). */
    PUBLISHED_FIRST_MS = (2 * 300 + 3600) * 1000,
};

struct key_task {
    struct str alg_text; /* absent: the configured one */
    enum alg alg;
    struct str kid;
    bool force, json;
};

/* --alg, or what the configuration says; only inside service_command, which
 * has read it. */
static bool alg_choose(struct key_task *t)
{
    t->alg = config.jwt_algorithm;
    if (t->alg_text.at) (void)alg_parse(t->alg_text, &t->alg);
    if (t->alg == ALG_HS256) {
        command_say("HS256 signs with JWT_SECRET_KEY and has no keys of its own; say --alg");
        return false;
    }
    if (signer_supports(t->alg)) return true;
    command_say("this postern, built on %s, has no %s", signer_backend(), alg_name(t->alg));
    return false;
}

/* --- list ------------------------------------------------------------------- */

static struct str time_cell(struct arena *a, int64_t ms)
{
    char text[RFC3339_LEN + 1];

    return ms ? arena_copy(a, rfc3339(text, ms)) : STR_NONE;
}

static void put_time(struct buf *out, const char *name, int64_t ms)
{
    if (ms) {
        json_put_time(out, name, ms);
    } else {
        json_key(out, name);
        json_null(out);
    }
}

static void print_keys_json(const struct key_info *keys, size_t count)
{
    struct buf out;

    buf_init(&out, 16 << 20);
    json_begin(&out);
    json_key(&out, "keys");
    json_begin_array(&out);
    for (size_t i = 0; i < count; i++) {
        json_begin(&out);
        json_put_text(&out, "kid", keys[i].kid);
        json_put_text(&out, "alg", keys[i].alg);
        json_put_text(&out, "state", keys[i].state);
        put_time(&out, "created_at", keys[i].created_at);
        put_time(&out, "activated_at", keys[i].activated_at);
        put_time(&out, "retiring_at", keys[i].retiring_at);
        json_end(&out);
    }
    json_end_array(&out);
    json_end(&out);
    command_print_json(&out);
}

static void print_keys(struct arena *a, const struct key_info *keys, size_t count)
{
    struct str *cells = ARENA_ARRAY(a, struct str, (count + 1) * COLUMNS), *at = cells;

    *at++ = STR("KID");
    *at++ = STR("ALG");
    *at++ = STR("STATE");
    *at++ = STR("CREATED");
    *at++ = STR("ACTIVATED");
    *at++ = STR("RETIRING");
    for (size_t i = 0; i < count; i++) {
        *at++ = keys[i].kid;
        *at++ = keys[i].alg;
        *at++ = keys[i].state;
        *at++ = time_cell(a, keys[i].created_at);
        *at++ = time_cell(a, keys[i].activated_at);
        *at++ = time_cell(a, keys[i].retiring_at);
    }
    command_print_table(cells, COLUMNS, count + 1);
}

SUSPENDS static int list_work(struct ctx *ctx, void *arg)
{
    struct key_task *t = arg;
    struct key_info *keys;
    size_t count;
    enum err e = keyring_list(ctx, &keys, &count);

    if (e != OK) return command_error(ctx, e);
    if (t->json)
        print_keys_json(keys, count);
    else
        print_keys(ctx->arena, keys, count);
    return EXIT_DONE;
}

static int key_list(int argc, char **argv)
{
    struct key_task t = { 0 };
    const struct option_row options[] = { { "output", OPTION_OUTPUT, &t.json }, { 0 } };

    if (!command_read("key list", argc, argv, options)) return EXIT_USAGE;
    return service_command(list_work, &t);
}

/* --- generate, rotate ------------------------------------------------------- */

static void print_kid(const struct key_task *t)
{
    struct buf out;

    if (!t->json) {
        printf(STR_FMT "\n", STR_ARG(t->kid));
        return;
    }
    buf_init(&out, 1024);
    json_begin(&out);
    json_put_text(&out, "kid", t->kid);
    json_put_text(&out, "alg", str_of(alg_name(t->alg)));
    json_end(&out);
    command_print_json(&out);
}

SUSPENDS static int generate_work(struct ctx *ctx, void *arg)
{
    struct key_task *t = arg;

    if (!alg_choose(t)) return EXIT_FAILED;
    enum err e = keyring_generate(ctx, t->alg, &t->kid);
    if (e == E_CONFLICT)
        return command_failed("there is a next key for %s already, or too many keys; see: postern"
                              " key list",
                              alg_name(t->alg));
    if (e != OK) return command_error(ctx, e);
    print_kid(t);
    return EXIT_DONE;
}

/* A key that was not published long enough is unknown to those who check. */
SUSPENDS static void warn_if_young(struct ctx *ctx, const struct key_task *t)
{
    struct key_info *keys;
    size_t count;

    if (keyring_list(ctx, &keys, &count) != OK) return;
    for (size_t i = 0; i < count; i++)
        if (str_eq(keys[i].kid, t->kid) && wall_ms() - keys[i].created_at < PUBLISHED_FIRST_MS)
            command_say("note: this key is new; whoever keeps an older JWKS refuses its tokens"
                        " until it is read again (within 10 minutes)\n"
                        "next time: postern key generate, and 70 minutes later postern key rotate");
}

SUSPENDS static int rotate_work(struct ctx *ctx, void *arg)
{
    struct key_task *t = arg;

    if (!alg_choose(t)) return EXIT_FAILED;
    enum err e = keyring_rotate(ctx, t->alg, &t->kid);
    if (e == E_CONFLICT)
        return command_failed("somebody else is rotating, or there are too many keys; see: postern"
                              " key list");
    if (e != OK) return command_error(ctx, e);
    print_kid(t);
    warn_if_young(ctx, t);
    return EXIT_DONE;
}

static int make(const char *what, int (*work)(struct ctx *, void *), int argc, char **argv)
{
    struct key_task t = { 0 };
    enum alg alg;
    const struct option_row options[] = {
        { "alg", OPTION_TEXT, &t.alg_text },
        { "output", OPTION_OUTPUT, &t.json },
        { 0 },
    };

    if (!command_read(what, argc, argv, options)) return EXIT_USAGE;
    if (t.alg_text.at && !alg_parse(t.alg_text, &alg))
        return command_misused(what, "--alg takes RS256, PS256, ES256 or EdDSA, not '%s'",
                               t.alg_text.at);
    return service_command(work, &t);
}

static int key_generate(int argc, char **argv)
{
    return make("key generate", generate_work, argc, argv);
}

static int key_rotate(int argc, char **argv)
{
    return make("key rotate", rotate_work, argc, argv);
}

/* --- retire ----------------------------------------------------------------- */

SUSPENDS static int retire_work(struct ctx *ctx, void *arg)
{
    struct key_task *t = arg;
    enum err e = keyring_retire(ctx, t->kid, t->force);

    if (e == E_NOT_FOUND)
        return command_failed("there is no key '%s' that could be retired; see: postern key list",
                              t->kid.at);
    if (e == E_CONFLICT)
        return command_failed("the key signs: first postern key rotate, or say --force and every"
                              " access token it signed is refused at once");
    return e == OK ? EXIT_DONE : command_error(ctx, e);
}

static int key_retire(int argc, char **argv)
{
    struct key_task t = { 0 };
    const struct option_row options[] = {
        { "KID", OPTION_WORD, &t.kid },
        { "force", OPTION_FLAG, &t.force },
        { 0 },
    };

    if (!command_read("key retire", argc, argv, options)) return EXIT_USAGE;
    return service_command(retire_work, &t);
}

int command_key(int argc, char **argv)
{
    static const struct command_action actions[] = {
        { "list", key_list },
        { "generate", key_generate },
        { "rotate", key_rotate },
        { "retire", key_retire },
        { 0 },
    };
    return command_act(argc, argv, actions);
}
