/* postern serve: brings the parts up, serves, and takes them down in order.
 *
 * The server listens first, so that liveness is answered while the database is
 * migrated; every other request is refused until the start is over.
 */
#include "app/command.h"
#include "app/command_line.h"
#include "app/config.h"
#include "app/route.h"
#include "app/service.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/must.h"
#include "core/account.h"
#include "core/sweep.h"
#include "driver/crypto.h"
#include "driver/password.h"
#include "driver/signer.h"
#include "ops/health.h"
#include "run/gate.h"
#include "run/loop.h"
#include "run/timer.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REQUESTS_MAX = 4096, OWN_FIBERS = 64, NAMES_AND_FILES = 2 };
enum { START_MS = 600 * 1000, DRAIN_MS = 25 * 1000, LAST_TURN_MS = 2, ARENA_MAX = 16 << 20 };

static struct {
    uint64_t began_ms;
    bool failed; /* exit status 1 */
    bool stopping;
    struct timer drain_deadline, last_turns;
    uv_signal_t signals[5];
} serve;

static void say_addresses(void)
{
    char url[64];
    bool v6 = str_find(config.host, ':') >= 0;
    int len = snprintf(url, sizeof url, "http://%s" STR_FMT "%s:%d", v6 ? "[" : "",
                       STR_ARG(config.host), v6 ? "]" : "", http_port());

    if (len >= (int)sizeof url) return;
    printf("postern " POSTERN_VERSION " is ready at %s\n"
           "  JSON API   %s/api/v1\n"
           "  keys       %s/.well-known/jwks.json\n"
           "  health     %s/health/ready\n",
           url, url, url, url);
}

/* Shown once, on a terminal or to whoever develops; a production log must not
 * keep it, so there the operator says it (ADMIN_PASSWORD) or makes the account. */
SUSPENDS static enum err first_admin(struct ctx *ctx)
{
    struct str email;
    struct secret password;
    bool unseen = config.environment == PRODUCTION && !isatty(STDOUT_FILENO);
    bool any;

    TRY(account_any(ctx, &any));
    if (any) return OK;
    if (unseen && !config.admin_password.text.len) {
        log_warn(ctx, "admin.not_made",
                 KV("remedy", "set ADMIN_PASSWORD_FILE, or: postern user create --role superuser"));
        return OK;
    }
    TRY(service_first_admin(ctx, &email, &password));
    if (password.text.at)
        printf("\n  The administrator, shown this once:\n"
               "    e-mail     " STR_FMT "\n"
               "    password   " STR_FMT "\n\n",
               STR_ARG(email), STR_ARG(password.text));
    return OK;
}

static const int caught[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2 };

/* What comes from now on must not end a stop that is already under way. */
static void release_signals(void)
{
    for (unsigned i = 0; i < COUNT(caught); i++) {
        uv_close((uv_handle_t *)&serve.signals[i], NULL); /* restores the default ... */
        signal(caught[i], SIG_IGN);
    }
}

/* The last fibers are core's own, which wait for the store: it goes after them. */
static void on_last_turns(struct timer *t)
{
    if (fiber_count() > 0) return;
    sweep_stop();
    timer_close(t, NULL);
    release_signals();
    service_close();
    loop_stop();
}

static void on_drained(void)
{
    log_info(LOG_NONE, "serve.drained");
    timer_close(&serve.drain_deadline, NULL);
    timer_init(&serve.last_turns, on_last_turns);
    timer_start(&serve.last_turns, 0, LAST_TURN_MS);
}

static void on_drain_deadline(struct timer *t)
{
    (void)t;
    log_warn(LOG_NONE, "serve.drain_cut", KV("requests", http_requests()));
    http_abort();
}

static void stop(const char *why)
{
    if (serve.stopping) return;
    serve.stopping = true;
    log_info(LOG_NONE, "serve.stopping", KV("why", why));
    timer_start(&serve.drain_deadline, DRAIN_MS, 0);
    http_drain(on_drained);
}

SUSPENDS static bool bring_up(struct ctx *ctx)
{
    if (!service_open(ctx, true)) return false;
    sweep_start();
    if (serve.stopping) return true;
    enum err e = first_admin(ctx);
    if (e == OK) return true;
    struct str why = ctx->details.count ? ctx->details.at[0].message : str_of(err_info(e)->text);
    fprintf(stderr,
            "postern: the administrator cannot be made (ADMIN_EMAIL, ADMIN_PASSWORD): " STR_FMT
            "\n",
            STR_ARG(why));
    return false;
}

static void start(void *arg)
{
    (void)arg;
    CLEANUP(arena_done) struct arena arena;
    struct ctx ctx;

    arena_init(&arena, ARENA_MAX);
    ctx_init(&ctx, &arena, START_MS);
    unsigned slow_ms = fiber_slow_ms;
    fiber_slow_ms = 0; /* nobody waits yet */
    bool up = bring_up(&ctx);
    fiber_slow_ms = slow_ms;
    if (!up) {
        serve.failed = true;
        stop("start failed");
        return;
    }
    if (serve.stopping) return;
    health_started();
    say_addresses();
    fflush(stdout);
    log_info(&ctx, "serve.ready", KV("version", POSTERN_VERSION), KV("port", http_port()),
             KV("ms", mono_ms() - serve.began_ms), KV("argon2", password_kernel()),
             KV("signer", signer_backend()));
}

static void reload(void)
{
    struct config_report report;

    config_reload(&report);
    config_report_log(&report);
    log_reopen();
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)handle;
    switch (number) {
    case SIGTERM: stop("SIGTERM"); break;
    case SIGINT:
        if (serve.stopping)
            http_abort(); /* a second Ctrl-C means now */
        else
            stop("SIGINT");
        break;
    case SIGHUP: reload(); break;
    case SIGUSR1: fiber_log_all(); break;
    default: break; /* SIGUSR2 is kept for the change of binaries */
    }
}

static void catch_signals(void)
{
    signal(SIGPIPE, SIG_IGN);
    for (unsigned i = 0; i < COUNT(caught); i++) {
        must(uv_signal_init(loop, &serve.signals[i]) == 0);
        must(uv_signal_start(&serve.signals[i], on_signal, caught[i]) == 0);
    }
}

/* Keys and passwords are in this memory: no core dumps, no debugger of another
 * user, no new privileges, nothing readable by others in what is made. */
static void harden(void)
{
    umask(077);
    setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (geteuid() == 0 && config.environment == PRODUCTION)
        log_warn(LOG_NONE, "serve.root", KV("remedy", "run as a user of its own"));
}

static bool listen_first(void)
{
    static char host[256];
    struct http_config http = {
        .host = host,
        .port = config.port,
        .requests_max = REQUESTS_MAX,
        .hsts = str_starts(config.public_url, STR("https://")),
        .plan = route_plan,
    };

    snprintf(host, sizeof host, STR_FMT, STR_ARG(config.host));
    route_start(config.public_url, config.allowed_hosts);
    enum err e = http_listen(&http);
    if (e != OK)
        fprintf(stderr,
                "postern: cannot listen on %s port %d: in use, not allowed, or not an"
                " address of this machine (HOST, PORT)\n",
                host, config.port);
    return e == OK;
}

static bool open_log(void)
{
    struct str name = config.log_file;
    static char path[PATH_MAX];

    if (name.len == 0) return log_open(NULL) == OK;
    if (name.len < sizeof path) {
        memcpy(path, name.at, name.len);
        path[name.len] = '\0';
        if (log_open(path) == OK) return true;
    }
    fprintf(stderr, "postern: " STR_FMT " cannot be opened (LOG_FILE)\n", STR_ARG(name));
    return false;
}

int command_serve(int argc, char **argv)
{
    static const struct option_row no_options[] = { { 0 } };

    if (!command_read("serve", argc, argv, no_options)) return EXIT_USAGE;
    serve.began_ms = mono_ms();
    if (!service_configure()) return EXIT_FAILED;
    log_set_format(config.log_json);
    log_set_level(config.log_level);
    if (!open_log()) return EXIT_FAILED;
    harden();
    crypto_start();
    if (!service_data_dir(true)) return EXIT_FAILED;

    gate_pool_size(2 * (unsigned)config.argon2_concurrency + NAMES_AND_FILES);
    loop_init();
    fiber_init(REQUESTS_MAX + OWN_FIBERS);
    if (!listen_first()) return EXIT_FAILED;
    log_start();
    catch_signals();
    timer_init(&serve.drain_deadline, on_drain_deadline);
    must(fiber_start("start", start, NULL));
    loop_run();

    fiber_done();
    loop_done();
    log_info(LOG_NONE, "serve.stopped");
    log_stop();
    return serve.failed ? EXIT_FAILED : EXIT_DONE;
}
