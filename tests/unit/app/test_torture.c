/* Wait torture (DESIGN 2): every route is run with its first, second ... wait
 * failing in each way a wait can fail. Whatever fails, the answer is one of the
 * few that say so, nothing stays taken, and no denial becomes a permission (U12). */
#include "app/route.h"
#include "base/config.h"
#include "base/must.h"
#include "core/keyring.h"
#include "core/session.h"
#include "core/tenant.h"
#include "core/token.h"
#include "driver/crypto.h"
#include "driver/password.h"
#include "driver/sqlite.h"
#include "ops/health.h"
#include "run/loop.h"
#include "run/torture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define EMAIL "torture@example.com"
#define PASSWORD "kettle orbit violin 93"

static char folder[64], path[96];

/* A request as the server would hand it over, and the answer to it. */
struct ask {
    const char *method, *path, *body;
    struct str bearer;
    struct arena arena;
    struct request rq;
    enum err answer;
};

/* What the tests ask with. */
static struct str access_token, refresh_token;
static struct arena tokens_arena;

static enum http_method method_of(const char *name)
{
    if (strcmp(name, "POST") == 0) return HTTP_M_POST;
    if (strcmp(name, "PATCH") == 0) return HTTP_M_PATCH;
    if (strcmp(name, "DELETE") == 0) return HTTP_M_DELETE;
    return HTTP_M_GET;
}

static void ask_run(void *arg)
{
    struct ask *ask = arg;
    struct request *rq = &ask->rq;
    struct http_header *headers = ARENA_ARRAY(&ask->arena, struct http_header, 2);

    ctx_init(&rq->ctx, &ask->arena, 60000);
    buf_init(&rq->reply.body, 1 << 20);
    rq->method = method_of(ask->method);
    rq->path = str_of(ask->path);
    rq->host = STR("localhost");
    rq->headers = headers;
    if (ask->body) {
        headers[rq->header_count++] =
            (struct http_header){ STR("Content-Type"), STR("application/json") };
        rq->body = str_of(ask->body);
    }
    if (ask->bearer.at)
        headers[rq->header_count++] =
            (struct http_header){ STR("Authorization"),
                                  arena_fmt(&ask->arena, "Bearer " STR_FMT, STR_ARG(ask->bearer)) };
    struct http_plan plan = route_plan(rq);
    ask->answer = plan.handle ? plan.handle(rq) : plan.refuse;
}

static void ask_begin(struct ask *ask, const char *method, const char *where, const char *body,
                      struct str bearer)
{
    *ask = (struct ask){ .method = method, .path = where, .body = body, .bearer = bearer };
    arena_init(&ask->arena, 4 << 20);
    loop_run_fiber("ask", ask_run, ask);
}

static void ask_end(struct ask *ask)
{
    buf_done(&ask->rq.reply.body);
    arena_done(&ask->arena);
}

/* The member of the answer's data, copied. */
static struct str member(const struct ask *ask, const char *name)
{
    char wanted[64];
    struct str json = buf_str(&ask->rq.reply.body);
    int len = snprintf(wanted, sizeof wanted, "\"%s\":\"", name);
    const char *at = memmem(json.at, json.len, wanted, (size_t)len);

    cr_assert(at, "no %s in " STR_FMT, name, STR_ARG(json));
    struct str rest = str_from(json, (size_t)(at - json.at + len));
    return arena_copy(&tokens_arena, str_cut(&rest, '"'));
}

static enum err ask_once(const char *method, const char *where, const char *body, struct str bearer)
{
    struct ask ask;

    ask_begin(&ask, method, where, body, bearer);
    ask_end(&ask);
    return ask.answer;
}

static void log_in(void)
{
    struct ask ask;

    ask_begin(&ask, "POST", "/api/v1/auth/login",
              "{\"email\":\"" EMAIL "\",\"password\":\"" PASSWORD "\"}", STR_NONE);
    cr_assert(ask.answer == OK);
    access_token = member(&ask, "access_token");
    refresh_token = member(&ask, "refresh_token");
    ask_end(&ask);
}

static void bring_up(void *arg)
{
    (void)arg;
    CLEANUP(arena_done) struct arena arena;
    struct ctx ctx;

    arena_init(&arena, 4 << 20);
    ctx_init(&ctx, &arena, 60000);
    ctx.tenant = default_tenant;
    must(keyring_check_master(&ctx) == OK);
    must(keyring_start(&ctx, ALG_RS256, (struct secret){ STR_NONE }, true) == OK);
}

static void up(void)
{
    struct sqlite_problem problem;

    log_set_level(LOG_CRITICAL);
    config.password_min_length = 8;
    snprintf(folder, sizeof folder, "/tmp/postern-XXXXXX");
    must(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/test.db", folder);
    crypto_start();
    master_derive(STR("a master key for nothing but tests"));
    loop_init();
    fiber_init(64);
    must(sqlite_migrate(path, -1, true, NULL, &problem));
    must(sqlite_open(path, 1, &problem));
    must(password_start((struct argon2_params){ 8, 1, 1 }, 1, 4) == OK);
    session_start(&(struct session_rules){ 86400000, 864000000, 30000 });
    token_start(&(struct token_rules){ STR("http://test"), STR("http://test"), 600, .lanes = 1 });
    route_start(STR("http://test"), STR_NONE);
    loop_run_fiber("up", bring_up, NULL);
    health_started();
    arena_init(&tokens_arena, 64 << 20);
    must(ask_once("POST", "/api/v1/auth/register",
                  "{\"email\":\"" EMAIL "\",\"password\":\"" PASSWORD "\"}", STR_NONE) == OK);
    log_in();
}

static void down(void)
{
    char command[96];

    torture_reset();
    while (fiber_count() > 0) uv_run(loop, UV_RUN_ONCE);
    token_stop();
    keyring_stop();
    password_stop();
    store_close();
    fiber_done();
    loop_done();
    arena_done(&tokens_arena);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    must(system(command) == 0);
}

/* One shape of request; `text` makes the body for attempt n, so that every
 * attempt can succeed. */
struct scene {
    const char *method, *path;
    const char *(*text)(unsigned n);
    bool bearer;
    bool ends_session; /* log in again afterwards */
    enum err truth;    /* the answer when nothing fails */
};

static char body[512];

static const char *no_body(unsigned n)
{
    (void)n;
    return NULL;
}

static const char *register_body(unsigned n)
{
    snprintf(body, sizeof body, "{\"email\":\"n%u@example.com\",\"password\":\"" PASSWORD "\"}", n);
    return body;
}

static const char *login_body(unsigned n)
{
    (void)n;
    return "{\"email\":\"" EMAIL "\",\"password\":\"" PASSWORD "\"}";
}

static const char *wrong_body(unsigned n)
{
    (void)n;
    return "{\"email\":\"" EMAIL "\",\"password\":\"not " PASSWORD "\"}";
}

static const char *stranger_body(unsigned n)
{
    (void)n;
    return "{\"email\":\"nobody@example.com\",\"password\":\"" PASSWORD "\"}";
}

static const char *refresh_body(unsigned n)
{
    (void)n;
    snprintf(body, sizeof body, "{\"refresh_token\":\"" STR_FMT "\"}", STR_ARG(refresh_token));
    return body;
}

static const char *rename_body(unsigned n)
{
    snprintf(body, sizeof body, "{\"first_name\":\"N%u\"}", n);
    return body;
}

static const char *same_password_body(unsigned n)
{
    (void)n;
    return "{\"current_password\":\"" PASSWORD "\",\"new_password\":\"" PASSWORD "\"}";
}

static const char *wrong_change_body(unsigned n)
{
    (void)n;
    return "{\"current_password\":\"wrong\",\"new_password\":\"plum tractor 93 violin\"}";
}

static const struct scene scenes[] = {
    { "GET", "/health/live", no_body, false, false, OK },
    { "GET", "/.well-known/jwks.json", no_body, false, false, OK },
    { "POST", "/api/v1/auth/register", register_body, false, false, OK },
    { "POST", "/api/v1/auth/register", login_body, false, false, E_USER_EXISTS },
    { "POST", "/api/v1/auth/login", login_body, false, false, OK },
    { "POST", "/api/v1/auth/login", wrong_body, false, false, E_BAD_CREDENTIAL },
    { "POST", "/api/v1/auth/login", stranger_body, false, false, E_BAD_CREDENTIAL },
    { "POST", "/api/v1/auth/refresh", refresh_body, false, true, OK },
    { "GET", "/api/v1/users/me", no_body, true, false, OK },
    { "PATCH", "/api/v1/users/me", rename_body, true, false, OK },
    { "GET", "/api/v1/users/me/sessions", no_body, true, false, OK },
    { "DELETE", "/api/v1/users/me/sessions/01890000-0000-7000-8000-000000000000", no_body, true,
      false, E_NOT_FOUND },
    { "POST", "/api/v1/auth/password/change", same_password_body, true, false, E_WEAK_PASSWORD },
    { "POST", "/api/v1/auth/password/change", wrong_change_body, true, false, E_BAD_CREDENTIAL },
    { "POST", "/api/v1/auth/logout", no_body, true, true, OK },
    { "POST", "/api/v1/auth/logout", refresh_body, false, true, OK },
    { "POST", "/api/v1/auth/logout-all", no_body, true, true, OK },
};

/* Words that say: not now. Never one that says: no, or yes. */
static bool says_not_now(enum err e)
{
    return e == E_STORE_DOWN || e == E_OVERLOADED || e == E_TIMED_OUT || e == E_CANCELED;
}

static void nothing_is_taken(void)
{
    cr_assert_eq(fiber_count(), 0);
    cr_assert_eq(password_gate()->inside, 0);
    cr_assert_eq(password_gate()->queued, 0);
}

/* Fails wait k; false when the scene has no such wait. */
static bool fail_wait(const struct scene *s, unsigned k, enum err e, unsigned n)
{
    struct ask ask;

    token_stop(); /* forgets what was verified, so that its waits are there */
    torture_fail(k, e);
    ask_begin(&ask, s->method, s->path, s->text(n), s->bearer ? access_token : STR_NONE);
    bool hit = torture_hit();
    torture_reset();
    /* A part whose failure changes nothing may be passed over (the upgrade of
     * a hash): then the answer is the true one. */
    cr_assert(ask.answer == s->truth || (hit && says_not_now(ask.answer)),
              "%s %s: wait %u failing with %s answered %s", s->method, s->path, k,
              err_info(e)->symbol, ask.answer == OK ? "OK" : err_info(ask.answer)->symbol);
    ask_end(&ask);
    nothing_is_taken();
    if (s->ends_session) log_in();
    return hit;
}

/* U12, U5 */
Test(torture, every_wait_of_every_route_may_fail, .timeout = 300)
{
    static const enum err ways[] = { E_TIMED_OUT, E_CANCELED, E_STORE_DOWN };
    unsigned n = 0, failed = 0;

    up();
    for (size_t i = 0; i < COUNT(scenes); i++)
        for (size_t w = 0; w < COUNT(ways); w++) {
            unsigned k = 0;
            while (fail_wait(&scenes[i], k++, ways[w], n++)) failed++;
        }
    cr_assert_gt(failed, 60);
    cr_assert(ask_once("GET", "/api/v1/users/me", NULL, access_token) == OK);
    down();
}

Test(torture, a_deleted_account_stays_deleted_whatever_fails, .timeout = 60)
{
    up();
    for (unsigned k = 0;; k++) {
        torture_fail(k, E_STORE_DOWN);
        enum err e = ask_once("DELETE", "/api/v1/users/me", NULL, access_token);
        bool hit = torture_hit();
        torture_reset();
        if (e == OK || e == E_BAD_TOKEN) {
            cr_assert(ask_once("GET", "/api/v1/users/me", NULL, access_token) == E_BAD_TOKEN);
            break;
        }
        cr_assert(hit && says_not_now(e));
    }
    down();
}

Test(torture, the_order_of_completions_changes_no_answer, .timeout = 60)
{
    up();
    for (uint64_t seed = 1; seed <= 20; seed++) {
        torture_shuffle(seed);
        cr_assert(ask_once("POST", "/api/v1/auth/refresh", refresh_body(0), STR_NONE) == OK);
        cr_assert(ask_once("GET", "/api/v1/users/me", NULL, access_token) == OK);
        torture_reset();
    }
    down();
}
