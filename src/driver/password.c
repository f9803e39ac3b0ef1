/* password.c - argon2id jobs in a lane, each slot with memory of its own.
 *
 * libargon2 allocates through a callback without an argument, so the memory a
 * job may use is lent to its thread in a thread-local. Its own clearing is
 * switched off, because it would wipe all of the memory after every hash; what
 * it leaves on the stack is wiped here after every hash, and the memory of a
 * slot when it has not been used for a minute.
 *
 * A slot's memory is written by pool threads only: by the job that holds the
 * slot, or by the one that wipes it. The slot's lock keeps the two apart.
 */
#include "driver/password.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "base/random.h"
#include "password_memory.h"
#include "run/loop.h"
#include "run/timer.h"

#include <argon2.h>
#include <argon2_kernel.h>
#include <math.h>
#include <pthread.h>

enum { SALT_LEN = 16, HASH_LEN = 32, QUEUE_MS = 500 };

struct slot {
    pthread_mutex_t lock; /* held while `memory` is used */
    struct memory memory;
    uint64_t used_ms; /* mono_ms, loop thread; 0: nothing to hand back */
    uv_work_t wipe;
    bool wiping; /* loop thread */
};

struct job {
    struct slot *slot;
    const struct phc *phc;
    struct str password;
    uint8_t hash[64]; /* phc->hash_len of it */
    bool no_memory;
};

static struct slot slots[GATE_WIDTH_MAX] = {
    [0 ... GATE_WIDTH_MAX - 1] = { .lock = PTHREAD_MUTEX_INITIALIZER },
};
static struct gate gate;
static struct timer idle;
static bool idle_runs;
static struct argon2_params params; /* in force */
static struct phc decoy;

static _Thread_local struct memory *lent; /* to the hash this thread computes */

uint64_t password_idle_ms = 60000;

static int lend(uint8_t **at, size_t size)
{
    *at = lent->size >= size ? lent->at : NULL;
    lent->dirty = true;
    return ARGON2_OK;
}

static void give_back(uint8_t *at, size_t size)
{
    (void)at;
    (void)size;
}

/* libargon2's frames held the password and its first, fast hash. */
__attribute__((noinline)) static void stack_wipe(unsigned frames)
{
    char frame[2048];

    explicit_bzero(frame, sizeof frame);
    if (frames > 1) stack_wipe(frames - 1);
    __asm__ volatile("" ::: "memory"); /* so that the call is not a jump */
}

/* threads = 1 whatever the parallelism: the other cores have logins of their own. */
static void argon2id(struct memory *memory, const struct phc *phc, struct str password,
                     uint8_t *hash)
{
    argon2_context c = {
        .out = hash,
        .outlen = (uint32_t)phc->hash_len,
        .pwd = (uint8_t *)(uintptr_t)password.at,
        .pwdlen = (uint32_t)password.len,
        .salt = (uint8_t *)(uintptr_t)phc->salt,
        .saltlen = (uint32_t)phc->salt_len,
        .t_cost = phc->params.time_cost,
        .m_cost = phc->params.memory_kib,
        .lanes = phc->params.parallelism,
        .threads = 1,
        .version = ARGON2_VERSION_13,
        .allocate_cbk = lend,
        .free_cbk = give_back,
        .flags = ARGON2_DEFAULT_FLAGS,
    };

    lent = memory;
    must(argon2_ctx(&c, Argon2_id) == ARGON2_OK);
    lent = NULL;
    stack_wipe(8);
}

static size_t memory_for(struct argon2_params p)
{
    return (size_t)p.memory_kib * 1024;
}

/* A stored hash that wants more than the slot has gets a mapping of its own. */
static void job_in_large_memory(struct job *job)
{
    struct memory large = { 0 };

    if (!memory_map(&large, memory_for(job->phc->params))) {
        job->no_memory = true;
        return;
    }
    argon2id(&large, job->phc, job->password, job->hash);
    memory_unmap(&large);
}

static void job_work(void *arg)
{
    struct job *job = arg;
    struct memory *own = &job->slot->memory;

    if (memory_for(job->phc->params) > own->size) {
        job_in_large_memory(job);
        return;
    }
    pthread_mutex_lock(&job->slot->lock);
    argon2id(own, job->phc, job->password, job->hash);
    pthread_mutex_unlock(&job->slot->lock);
}

static void wipe_work(uv_work_t *work)
{
    struct slot *s = work->data;

    pthread_mutex_lock(&s->lock);
    memory_release(&s->memory);
    pthread_mutex_unlock(&s->lock);
}

static void on_wiped(uv_work_t *work, int status)
{
    struct slot *s = work->data;

    (void)status;
    s->wiping = false;
}

static void slot_wipe(struct slot *s)
{
    s->used_ms = 0;
    s->wiping = true;
    s->wipe.data = s;
    must(uv_queue_work(loop, &s->wipe, wipe_work, on_wiped) == 0);
}

static void on_idle(struct timer *t)
{
    uint64_t now = mono_ms();
    bool warm = false;

    for (struct slot *s = slots; s < slots + gate.width; s++) {
        if (s->used_ms == 0) continue;
        if (s->wiping || now - s->used_ms < password_idle_ms)
            warm = true;
        else
            slot_wipe(s);
    }
    idle_runs = warm;
    if (!warm) timer_stop(t);
}

static void slot_touch(struct slot *s)
{
    s->used_ms = mono_ms();
    if (idle_runs) return;
    timer_start(&idle, password_idle_ms / 4 + 1, password_idle_ms / 4 + 1);
    idle_runs = true;
}

SUSPENDS static enum err job_run(struct ctx *ctx, struct job *job)
{
    CLEANUP(gate_leave) struct gate_pass pass = { 0 };

    must(job->password.len <= PASSWORD_BYTES_MAX);
    TRY(gate_enter(&gate, ctx, &pass));
    job->slot = &slots[pass.slot];
    slot_touch(job->slot);
    TRY(gate_work(&pass, job_work, job));
    if (job->no_memory) {
        log_error(ctx, "password.no_memory", KV("kib", (int)job->phc->params.memory_kib));
        return E_OVERLOADED;
    }
    return ctx->abandoned ? E_CANCELED : OK;
}

SUSPENDS enum err password_hash(struct ctx *ctx, struct secret password, struct secret *phc)
{
    struct phc made = { .params = params, .salt_len = SALT_LEN, .hash_len = HASH_LEN };
    struct job job = { .phc = &made, .password = password.text };

    random_bytes(made.salt, SALT_LEN);
    TRY(job_run(ctx, &job));
    memcpy(made.hash, job.hash, HASH_LEN);
    phc->text = phc_format(ctx->arena, &made);
    return OK;
}

static bool stored_read(struct ctx *ctx, struct secret phc, struct phc *out)
{
    if (!phc.text.at) return false;
    if (phc_parse(phc.text, out) == OK) return true;
    log_error(ctx, "password.bad_hash", KV("bytes", phc.text.len));
    return false;
}

static bool in_force(const struct phc *phc)
{
    return phc->params.memory_kib == params.memory_kib &&
           phc->params.time_cost == params.time_cost &&
           phc->params.parallelism == params.parallelism && phc->salt_len == SALT_LEN &&
           phc->hash_len == HASH_LEN;
}

SUSPENDS enum err password_check(struct ctx *ctx, struct secret phc, struct secret password,
                                 bool *upgrade)
{
    struct phc stored = decoy;
    bool known = stored_read(ctx, phc, &stored);
    struct job job = { .phc = &stored, .password = password.text };

    *upgrade = false;
    TRY(job_run(ctx, &job));
    bool same =
        str_eq_secret(str_span(job.hash, stored.hash_len), str_span(stored.hash, stored.hash_len));
    if (!known || !same) return E_BAD_CREDENTIAL;
    *upgrade = !in_force(&stored);
    return OK;
}

/* Its hash is of nothing: no password matches it. */
static void decoy_make(void)
{
    decoy = (struct phc){ .params = params, .salt_len = SALT_LEN, .hash_len = HASH_LEN };
    random_bytes(decoy.salt, SALT_LEN);
    random_bytes(decoy.hash, HASH_LEN);
}

static bool slots_map(unsigned lanes)
{
    for (unsigned i = 0; i < lanes; i++)
        if (!memory_map(&slots[i].memory, memory_for(params))) return false;
    return true;
}

static void slots_unmap(void)
{
    for (struct slot *s = slots; s < slots + GATE_WIDTH_MAX; s++) {
        pthread_mutex_lock(&s->lock);
        memory_unmap(&s->memory);
        pthread_mutex_unlock(&s->lock);
        s->used_ms = 0;
    }
}

enum err password_start(struct argon2_params wanted, unsigned lanes, unsigned queue_max)
{
    must(lanes >= 1 && lanes <= GATE_WIDTH_MAX);
    if (!argon2_params_allowed(wanted)) return E_BAD_VALUE;
    params = wanted;
    if (!slots_map(lanes)) {
        log_error(LOG_NONE, "password.no_memory", KV("kib", (int)wanted.memory_kib),
                  KV("lanes", (int)lanes));
        slots_unmap();
        return E_OVERLOADED;
    }
    FLAG_clear_internal_memory = 0;
    gate_init(&gate, "password", lanes, queue_max, QUEUE_MS);
    timer_init(&idle, on_idle);
    decoy_make();
    log_info(LOG_NONE, "password.ready", KV("kernel", password_kernel()), KV("lanes", (int)lanes),
             KV("memory_kib", (int)wanted.memory_kib), KV("time_cost", (int)wanted.time_cost),
             KV("parallelism", (int)wanted.parallelism));
    return OK;
}

void password_stop(void)
{
    must(gate.inside == 0);
    timer_close(&idle, NULL);
    idle_runs = false;
    slots_unmap();
}

struct gate *password_gate(void)
{
    return &gate;
}

const char *password_kernel(void)
{
    return argon2_kernel();
}

double password_measure(struct argon2_params p, unsigned rounds)
{
    struct phc phc = { .params = p, .salt_len = SALT_LEN, .hash_len = HASH_LEN };
    struct memory memory = { 0 };

    must(rounds > 0 && argon2_params_allowed(p));
    if (!memory_map(&memory, memory_for(p))) return INFINITY;
    FLAG_clear_internal_memory = 0;
    argon2id(&memory, &phc, STR("a password"), phc.hash); /* touches the memory */
    uint64_t start = mono_us();
    for (unsigned i = 0; i < rounds; i++) argon2id(&memory, &phc, STR("a password"), phc.hash);
    uint64_t took = mono_us() - start;
    memory_unmap(&memory);
    return (double)took / 1000 / rounds;
}
