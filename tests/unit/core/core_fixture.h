/* core_fixture.h - a store with the program's own schema, keys, and one person
 * in it, and work on fibers.
 */
#ifndef CORE_FIXTURE_H
#define CORE_FIXTURE_H

#include "base/clock.h"
#include "base/must.h"
#include "core/account.h"
#include "core/keyring.h"
#include "core/session.h"
#include "core/tenant.h"
#include "core/token.h"
#include "driver/crypto.h"
#include "driver/sqlite.h"
#include "run/loop.h"
#include "run/torture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { IDLE_MS = 86400000, GRACE_MS = 30000 };

static char core_dir[64], core_path[80];
static struct arena core_arena; /* of the test */
static struct account person;

/* A context of its own for each piece of work: a failed wait spoils its fiber. */
static inline void core_ctx(struct ctx *ctx)
{
    ctx_init(ctx, &core_arena, 60000);
    ctx->tenant = default_tenant;
    ctx->address = STR("192.0.2.1");
    ctx->agent = STR("owner/1.0");
}

static inline void core_begin(void *arg)
{
    struct ctx ctx;
    struct account_new new = { .role = STR("user"), .password_hash = { STR("$none") } };

    (void)arg;
    core_ctx(&ctx);
    must(keyring_start(&ctx, ALG_ES256, (struct secret){ STR_NONE }, true) == OK);
    must(address_read(&ctx, STR("person@example.com"), &new.email) == OK);
    must(account_create(&ctx, &new, &person) == OK);
}

static inline void core_up(void)
{
    const char *tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    struct sqlite_problem problem;

    log_set_level(LOG_CRITICAL);
    snprintf(core_dir, sizeof core_dir, "%s/postern-XXXXXX", tmp);
    must(mkdtemp(core_dir));
    snprintf(core_path, sizeof core_path, "%s/test.db", core_dir);
    arena_init(&core_arena, 64 << 20);
    crypto_start();
    master_derive(STR("a master key for nothing but tests"));
    loop_init();
    fiber_init(64);
    must(sqlite_migrate(core_path, -1, true, NULL, &problem));
    must(sqlite_open(core_path, 2, &problem));
    session_start(&(struct session_rules){ IDLE_MS, 10 * (int64_t)IDLE_MS, GRACE_MS });
    token_start(&(struct token_rules){ STR("http://test"), STR("http://test"), 600 });
    loop_run_fiber("begin", core_begin, NULL);
}

static inline void core_down(void)
{
    char command[96];

    torture_reset();
    while (fiber_count() > 0)
        uv_run(loop, UV_RUN_ONCE); /* a reading of the feed may be under way */
    token_stop();
    keyring_stop();
    store_close();
    fiber_done();
    loop_done();
    arena_done(&core_arena);
    snprintf(command, sizeof command, "rm -rf '%s'", core_dir);
    must(system(command) == 0);
}

/* A test whose body runs on a fiber, with everything up around it. */
#define CORE_TEST(suite, name)                       \
    static void suite##_##name(void *arg);           \
    Test(suite, name, .timeout = 60)                 \
    {                                                \
        core_up();                                   \
        loop_run_fiber(#name, suite##_##name, NULL); \
        core_down();                                 \
    }                                                \
    static void suite##_##name(void *arg __attribute__((unused)))

#endif
