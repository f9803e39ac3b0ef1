#include "app/service.h"

#include "app/config.h"
#include "app/route.h"
#include "base/codec.h"
#include "base/config.h"
#include "base/random.h"
#include "core/account.h"
#include "core/change.h"
#include "core/keyring.h"
#include "core/policy.h"
#include "core/session.h"
#include "core/tenant.h"
#include "core/token.h"
#include "driver/crypto.h"
#include "driver/password.h"
#include "driver/sqlite.h"
#include "run/gate.h"
#include "run/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READERS = 2, MASTER_KEY_BYTES = 32, WAITERS_PER_LANE = 16, NAMES_AND_FILES = 2 };
enum { COMMAND_FIBERS = 64, COMMAND_MS = 3600 * 1000, ARENA_MAX = 64 << 20 };
enum { ADMIN_PASSWORD_BYTES = 15 }; /* 20 characters */

#define MASTER_KEY_FILE "master.key"

static void complain(const char *fmt, ...) PRINTF(1, 2);
static void complain(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    fputs("postern: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
}

/* File names are few and live as long as the process. */
static const char *path_of(struct str dir, const char *name)
{
    static struct arena names = { .ceiling = 64 << 10 };
    return arena_fmt(&names, STR_FMT "%s%s", STR_ARG(dir), name[0] ? "/" : "", name).at;
}

static bool sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0) close(fd);
    return synced;
}

/* Whole or not at all: a key that was half written would lock everything. */
static bool key_create(struct str dir, const char *path)
{
    const char *draft = path_of(dir, MASTER_KEY_FILE ".new");
    uint8_t key[MASTER_KEY_BYTES];
    char text[BASE64_LEN(MASTER_KEY_BYTES) + 1];

    random_bytes(key, sizeof key);
    size_t len = base64url_encode(text, str_span(key, sizeof key));
    text[len++] = '\n';
    unlink(draft);
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool done = fd >= 0 && write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
    if (fd >= 0) close(fd);
    done = done && link(draft, path) == 0 && sync_dir(path_of(dir, ""));
    unlink(draft);
    wipe(key, sizeof key);
    wipe(text, sizeof text);
    return done;
}

static bool key_read(const char *path)
{
    char text[256];
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool fine = false;

    if (fd < 0 || fstat(fd, &st) != 0) {
        complain("%s cannot be read: %s", path, strerror(errno));
    } else if (st.st_mode & 077) {
        complain("%s can be read by others (mode %03o); run: chmod 600 %s", path, st.st_mode & 0777,
                 path);
    } else {
        ssize_t len = read(fd, text, sizeof text);
        struct str key = str_span(text, len > 0 ? (size_t)len : 0);
        while (key.len && (key.at[key.len - 1] == '\n' || key.at[key.len - 1] == '\r')) key.len--;
        fine = key.len >= MASTER_KEY_BYTES && key.len < sizeof text;
        if (fine)
            master_derive(key);
        else
            complain("%s is not a master key: at least 32 characters in one line", path);
        wipe(text, sizeof text);
    }
    if (fd >= 0) close(fd);
    return fine;
}

bool service_configure(void)
{
    struct config_report report;
    bool fine = config_load(&report);

    config_report_print(&report, stderr);
    return fine;
}

static bool data_dir_make(const char *dir)
{
    struct stat st;

    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        complain("the data directory %s cannot be made: %s (DATA_DIR)", dir, strerror(errno));
        return false;
    }
    if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode)) {
        complain("%s is not a directory (DATA_DIR)", dir);
        return false;
    }
    return true;
}

static bool key_make(const char *path)
{
    const char *database = path_of(config.database_path, "");

    if (access(path, F_OK) == 0) return true;
    if (access(database, F_OK) == 0) {
        complain("there is a database (%s) but no %s; restore the key that belongs to it,"
                 " or set MASTER_KEY",
                 database, path);
        return false;
    }
    if (!key_create(config.data_dir, path)) {
        complain("%s cannot be written: %s", path, strerror(errno));
        return false;
    }
    return true;
}

/* Two processes may start at once: one makes the key, the other waits for it. */
static bool key_make_alone(const char *path)
{
    const char *dir = path_of(config.data_dir, "");
    int lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool made = false;

    if (lock >= 0 && flock(lock, LOCK_EX) == 0)
        made = key_make(path);
    else
        complain("%s cannot be locked: %s (DATA_DIR)", dir, strerror(errno));
    if (lock >= 0) close(lock);
    return made;
}

bool service_data_dir(bool create)
{
    const char *path = path_of(config.data_dir, MASTER_KEY_FILE);

    if (create && !data_dir_make(path_of(config.data_dir, ""))) return false;
    if (config.master_key.text.len) {
        master_derive(config.master_key.text);
        return true;
    }
    if (create && !key_make_alone(path)) return false;
    return key_read(path);
}

struct migration {
    const char *path;
    bool done;
    struct sqlite_problem problem;
};

static void report_step(const char *line)
{
    log_info(LOG_NONE, "store.migrated", KV("step", line));
}

static void migrate_work(void *arg)
{
    struct migration *m = arg;
    m->done = sqlite_migrate(m->path, -1, true, report_step, &m->problem);
}

/* On a pool thread: liveness is answered meanwhile. */
SUSPENDS static bool migrate(struct ctx *ctx, const char *path)
{
    static struct gate gate;
    CLEANUP(gate_leave) struct gate_pass pass = { 0 };
    struct migration m = { .path = path };

    gate_init(&gate, "migrate", 1, 1, COMMAND_MS);
    if (gate_enter(&gate, ctx, &pass) != OK || gate_work(&pass, migrate_work, &m) != OK)
        return false;
    if (!m.done) complain("%s", m.problem.text);
    return m.done;
}

static bool lanes_are_up;

SUSPENDS static bool start_core(struct ctx *ctx, bool create)
{
    struct argon2_params params = { (uint32_t)config.argon2_memory_kib,
                                    (uint32_t)config.argon2_time_cost,
                                    (uint32_t)config.argon2_parallelism };
    unsigned lanes = (unsigned)config.argon2_concurrency;

    if (password_start(params, lanes, lanes * WAITERS_PER_LANE) != OK) {
        complain("argon2 cannot have %u times %d KiB (ARGON2_CONCURRENCY, ARGON2_MEMORY_KIB)",
                 lanes, config.argon2_memory_kib);
        return false;
    }
    lanes_are_up = true;
    session_start(&(struct session_rules){ .idle_ms = config.refresh_idle_ms,
                                           .absolute_ms = config.refresh_absolute_ms,
                                           .grace_ms = config.refresh_grace_ms });
    token_start(&(struct token_rules){ .issuer = config.public_url,
                                       .audience = config.public_url,
                                       .ttl_s = config.access_token_ttl_s,
                                       .lanes = lanes });
    enum err e = create ? change_start(ctx) : OK; /* before what is kept is read */
    if (e == OK) e = keyring_check_master(ctx);
    if (e == E_BAD_CREDENTIAL) {
        complain("the master key is not the one this database was made with"
                 " (MASTER_KEY, or " MASTER_KEY_FILE " in DATA_DIR)");
        return false;
    }
    if (e == OK) e = keyring_start(ctx, config.jwt_algorithm, config.jwt_secret_key, create);
    if (e == OK && create && !keyring_active()) e = E_NOT_FOUND;
    if (e != OK) complain("the signing keys cannot be loaded: %s", err_info(e)->text);
    return e == OK;
}

SUSPENDS bool service_open(struct ctx *ctx, bool create)
{
    const char *path = path_of(config.database_path, "");
    struct sqlite_problem problem;

    ctx->tenant = default_tenant;
    if (create && !migrate(ctx, path)) return false;
    if (!sqlite_open(path, READERS, &problem)) {
        complain("%s", problem.text);
        return false;
    }
    return start_core(ctx, create);
}

void service_close(void)
{
    change_stop();
    token_stop();
    keyring_stop();
    if (lanes_are_up) password_stop();
    lanes_are_up = false;
    store_close();
}

struct task {
    int (*work)(struct ctx *, void *);
    void *arg;
    int status;
};

static void run_task(void *arg)
{
    struct task *task = arg;
    CLEANUP(arena_done) struct arena arena;
    struct ctx ctx;

    arena_init(&arena, ARENA_MAX);
    ctx_init(&ctx, &arena, COMMAND_MS);
    if (service_open(&ctx, false)) task->status = task->work(&ctx, task->arg);
}

int service_command(int (*work)(struct ctx *ctx, void *arg), void *arg)
{
    struct task task = { work, arg, 1 };

    if (!service_configure()) return 1;
    log_set_level(LOG_WARNING);
    crypto_start();
    if (!service_data_dir(false)) return 1;
    gate_pool_size(2 * (unsigned)config.argon2_concurrency + NAMES_AND_FILES);
    loop_init();
    fiber_init(COMMAND_FIBERS);
    loop_run_fiber("command", run_task, &task);
    while (fiber_count() > 0) uv_run(loop, UV_RUN_ONCE); /* what the task set going */
    service_close();
    fiber_done();
    loop_done();
    return task.status;
}

SUSPENDS enum err service_first_admin(struct ctx *ctx, struct str *email, struct secret *shown)
{
    struct account_new new = { .role = STR("superuser") };
    struct secret password;
    struct account who;

    *email = STR_NONE;
    *shown = (struct secret){ STR_NONE };
    TRY(address_read(ctx, config.admin_email, &new.email));
    if (config.admin_password.text.len) {
        TRY(policy_check(ctx, "password", config.admin_password, new.email.canonical, &password));
    } else {
        uint8_t bytes[ADMIN_PASSWORD_BYTES];
        random_bytes(bytes, sizeof bytes);
        password.text = base64url(ctx->arena, str_span(bytes, sizeof bytes));
        wipe(bytes, sizeof bytes);
        *shown = password;
    }
    TRY(password_hash(ctx, password, &new.password_hash));
    enum err e = account_create(ctx, &new, &who);
    if (e == E_USER_EXISTS) { /* another process was first */
        *shown = (struct secret){ STR_NONE };
        return OK;
    }
    TRY(e);
    log_info(ctx, "admin.made", KV("account", who.id));
    *email = who.email_typed;
    return OK;
}
