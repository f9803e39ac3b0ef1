#include "driver/password.h"

#include "base/clock.h"
#include "base/random.h"
#include "run/loop.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define PASSWORD ((struct secret){ STR("correct horse battery staple") })
#define WRONG ((struct secret){ STR("correct horse battery stapler") })
#define NOTHING ((struct secret){ STR_NONE })

/* Small enough for sanitizers, large enough to be seen in the clock. */
static const struct argon2_params small = { 8192, 1, 1 };

static struct arena arena;
static struct ctx ctx;

static void begin(struct argon2_params params, unsigned lanes, unsigned queue_max)
{
    gate_pool_size(lanes);
    loop_init();
    fiber_init(256);
    arena_init(&arena, 64 << 20);
    ctx_init(&ctx, &arena, 60000);
    cr_assert(password_start(params, lanes, queue_max) == OK);
}

static void end(void)
{
    password_stop();
    fiber_done();
    loop_done();
    arena_done(&arena);
}

static void on_fiber(void (*run)(void *arg))
{
    loop_run_fiber("test", run, NULL);
}

static enum err check(const char *phc, struct secret password, bool *upgrade)
{
    return password_check(&ctx, (struct secret){ str_of(phc) }, password, upgrade);
}

/* Exact, unlike the counters of /proc/self/statm. */
static size_t resident_kib(void)
{
    FILE *f = fopen("/proc/self/smaps_rollup", "re");
    char line[256];
    size_t kib = 0;

    cr_assert(f);
    while (kib == 0 && fgets(line, sizeof line, f)) sscanf(line, "Rss: %zu kB", &kib);
    fclose(f);
    return kib;
}

static size_t mapped_kib(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    size_t pages = 0;

    cr_assert(f && fscanf(f, "%zu", &pages) == 1);
    fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE) / 1024;
}

/* --- one at a time ----------------------------------------------------------- */

static void hash_and_check(void *arg)
{
    struct secret phc, second;
    bool upgrade = true;

    (void)arg;
    cr_assert(password_hash(&ctx, PASSWORD, &phc) == OK);
    cr_assert(str_starts(phc.text, STR("$argon2id$v=19$m=8192,t=1,p=1$")));
    cr_assert(phc.text.len <= PHC_MAX);
    cr_assert(password_check(&ctx, phc, PASSWORD, &upgrade) == OK);
    cr_assert(!upgrade);
    cr_assert(password_check(&ctx, phc, WRONG, &upgrade) == E_BAD_CREDENTIAL);
    cr_assert(password_hash(&ctx, PASSWORD, &second) == OK);
    cr_assert(!str_eq(phc.text, second.text), "two hashes must not share a salt");
}

Test(password, a_hash_matches_its_password_and_no_other)
{
    begin(small, 1, 4);
    on_fiber(hash_and_check);
    end();
}

/* */
static void long_passwords(void *arg)
{
    const size_t differs_at[] = { 71, 72, 127, 128, 1000, 1023 };
    char text[PASSWORD_BYTES_MAX] = { 0 };
    struct secret password = { str_span(text, sizeof text) }, phc;
    bool upgrade;

    (void)arg;
    memset(text, 'x', sizeof text);
    cr_assert(password_hash(&ctx, password, &phc) == OK);
    cr_assert(password_check(&ctx, phc, password, &upgrade) == OK);
    for (size_t i = 0; i < COUNT(differs_at); i++) {
        text[differs_at[i]] = 'y';
        cr_assert(password_check(&ctx, phc, password, &upgrade) == E_BAD_CREDENTIAL);
        text[differs_at[i]] = 'x';
    }
    password.text.len--;
    cr_assert(password_check(&ctx, phc, password, &upgrade) == E_BAD_CREDENTIAL);
}

Test(password, every_byte_counts) /* */
{
    begin(small, 1, 4);
    on_fiber(long_passwords);
    end();
}

/* Made once with libsodium 1.0.18 (crypto_pwhash) and with OpenSSL 4.0 (the
 * Argon2id of Python's cryptography 48). */
static void foreign_hashes(void *arg)
{
    static const struct {
        const char *phc, *password;
    } made[] = {
        { "$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$"
          "gYJZtjEAJqjg26xdLmknq8/bB7MiWPrE9hsYuA+SkIU",
          "correct horse battery staple" },
        { "$argon2id$v=19$m=8192,t=3,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"
          "uDHMFkKmtu+1WAzI3cCaI5glGM89tpQ3z+rChNuUeUU",
          "p\xc3\xa4ssw\xc3\xb6rd" },
        { "$argon2id$v=19$m=1024,t=1,p=4$AAECAwQFBgc$dPd6C+4Dsr7KA6JwAOQDYg",
          "correct horse battery staple" },
        { "$argon2id$v=19$m=4096,t=4,p=3$c29tZXNhbHRzb21lc2FsdHNvbWVzYWx0c29tZXNhbHRzb21lc2FsdHN"
          "vbWVzYWx0c29tZXNhbHRzb21lc2FsdA$a6jrft6eE0GS9wl4lyaaILISEKBpWn1mITDKkptOhKUIbo9DW0QPPT"
          "EPPuBEy25kT6E1p7/FK4+OijuI/Rx5cg",
          "password" },
        { "$argon2id$v=19$m=8,t=1,p=1$/////////////////////w$"
          "SxJkqX1hBhTeGuXklcgT5XGuqVYKPdbPQCNjT/Hz7VM",
          "" },
    };

    (void)arg;
    for (size_t i = 0; i < COUNT(made); i++) {
        bool upgrade = false;
        cr_assert(check(made[i].phc, (struct secret){ str_of(made[i].password) }, &upgrade) == OK,
                  "%s", made[i].phc);
        cr_assert(upgrade, "%s", made[i].phc);
        cr_assert(check(made[i].phc, WRONG, &upgrade) == E_BAD_CREDENTIAL, "%s", made[i].phc);
        cr_assert(!upgrade, "%s", made[i].phc);
    }
}

Test(password, hashes_of_other_implementations_match_and_want_an_upgrade)
{
    begin(small, 1, 4);
    on_fiber(foreign_hashes);
    end();
}

/* CPU time of this process, which other processes disturb less than the clock. */
static uint64_t cpu_us(void)
{
    struct rusage used;

    cr_assert(getrusage(RUSAGE_SELF, &used) == 0);
    return (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static void check_cost(struct secret phc, uint64_t *least_us)
{
    uint64_t start = cpu_us();
    bool upgrade;

    cr_assert(password_check(&ctx, phc, WRONG, &upgrade) == E_BAD_CREDENTIAL);
    uint64_t took = cpu_us() - start;
    if (took < *least_us) *least_us = took;
}

static void unknown_account(void *arg)
{
    enum { ROUNDS = 8 };
    uint64_t known = UINT64_MAX, unknown = UINT64_MAX, broken = UINT64_MAX, entered;
    struct secret phc;

    (void)arg;
    cr_assert(password_hash(&ctx, PASSWORD, &phc) == OK);
    entered = password_gate()->entered;
    for (unsigned i = 0; i < ROUNDS; i++) {
        check_cost(phc, &known);
        check_cost(NOTHING, &unknown);
        check_cost((struct secret){ STR("$argon2id$") }, &broken);
    }
    cr_assert(password_gate()->entered == entered + 3 * ROUNDS, "each passes the lane once");
    cr_assert(unknown > known / 2 && unknown < known * 2, "%lu against %lu us", unknown, known);
    cr_assert(broken > known / 2 && broken < known * 2, "%lu against %lu us", broken, known);
}

Test(password, an_unknown_account_costs_the_same_work) /* */
{
    begin(small, 1, 4);
    on_fiber(unknown_account);
    end();
}

/* */
static void hostile_hashes(void *arg)
{
    static const char *const hashes[] = {
        "",
        "$argon2id$v=19$m=8192,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$gYJZtjEAJqjg26xdL",
        "$argon3$v=19$m=8192,t=1,p=1$AAECAwQFBgc$dPd6C+4Dsr7KA6JwAOQDYg",
        "$argon2id$v=19$m=4294967296,t=1,p=1$AAECAwQFBgc$dPd6C+4Dsr7KA6JwAOQDYg",
        "$argon2id$v=19$m=4294967295,t=1,p=1$AAECAwQFBgc$dPd6C+4Dsr7KA6JwAOQDYg",
        "$argon2id$v=19$m=1024,t=0,p=1$AAECAwQFBgc$dPd6C+4Dsr7KA6JwAOQDYg",
        "$argon2id$v=19$m=1024,t=4294967295,p=1$AAECAwQFBgc$dPd6C+4Dsr7KA6JwAOQDYg",
        "$argon2id$v=19$m=134217728,t=1,p=16777216$AAECAwQFBgc$dPd6C+4Dsr7KA6JwAOQDYg",
        "$argon2id$v=19$m=1024,t=1,p=4$$dPd6C+4Dsr7KA6JwAOQDYg",
    };
    size_t before = mapped_kib();
    bool upgrade;

    (void)arg;
    for (size_t i = 0; i < COUNT(hashes); i++)
        cr_assert(check(hashes[i], PASSWORD, &upgrade) == E_BAD_CREDENTIAL, "%s", hashes[i]);
    cr_assert(mapped_kib() < before + (256 << 10), "nothing was allocated for them");
}

Test(password, a_hostile_hash_matches_nothing_and_costs_nothing) /* */
{
    begin(small, 1, 4);
    on_fiber(hostile_hashes);
    end();
}

/* --- memory ------------------------------------------------------------------ */

/* Wants 128 MiB, which the slot does not have. */
#define LARGE "$argon2id$v=19$m=131072,t=1,p=1$AAECAwQFBgc$dPd6C+4Dsr7KA6JwAOQDYg"

static void address_space_limit(size_t more_kib)
{
    struct rlimit limit;

    cr_assert(getrlimit(RLIMIT_AS, &limit) == 0);
    limit.rlim_cur = more_kib ? (mapped_kib() + more_kib) << 10 : limit.rlim_max;
    cr_assert(setrlimit(RLIMIT_AS, &limit) == 0);
}

static void short_of_memory(void *arg)
{
    struct secret phc;
    bool upgrade;

    (void)arg;
    cr_assert(password_hash(&ctx, PASSWORD, &phc) == OK);
    address_space_limit(64 << 10);
    cr_assert(check(LARGE, PASSWORD, &upgrade) == E_OVERLOADED);
    cr_assert(password_check(&ctx, phc, PASSWORD, &upgrade) == OK, "its own memory is mapped");
    address_space_limit(0);
    cr_assert(check(LARGE, PASSWORD, &upgrade) == E_BAD_CREDENTIAL);
}

Test(password, memory_that_is_not_to_be_had_is_no_wrong_password) /* */
{
    begin(small, 1, 4);
    on_fiber(short_of_memory);
    end();
}

Test(password, does_not_start_without_its_memory)
{
    loop_init();
    address_space_limit(64 << 10);
    cr_assert(password_start((struct argon2_params){ 131072, 1, 1 }, 1, 4) == E_OVERLOADED);
    address_space_limit(0);
    cr_assert(password_start((struct argon2_params){ ARGON2_MEMORY_KIB_MAX + 1, 1, 1 }, 1, 4) ==
              E_BAD_VALUE);
    cr_assert(password_start((struct argon2_params){ 131072, 1, 1 }, 1, 4) == OK);
    password_stop();
    loop_done();
}

enum { WARM_KIB = 32 << 10 };

static void wait_until_resident_below(size_t kib)
{
    uint64_t patience = mono_ms() + 20 * password_idle_ms;

    while (resident_kib() >= kib && mono_ms() < patience)
        cr_assert(fiber_sleep(password_idle_ms / 20, UNTIL_DONE) == OK);
}

static void idle_minute(void *arg)
{
    const size_t before = resident_kib(), cold = before + WARM_KIB / 10,
                 warm = before + WARM_KIB * 9 / 10;
    struct secret phc;
    bool upgrade;

    (void)arg;
    cr_assert(password_hash(&ctx, PASSWORD, &phc) == OK);
    cr_assert(resident_kib() > warm, "touched at the first use");
    cr_assert(fiber_sleep(password_idle_ms / 5, UNTIL_DONE) == OK);
    cr_assert(resident_kib() > warm, "kept between two uses");
    wait_until_resident_below(cold);
    cr_assert(resident_kib() < cold, "handed back");

    cr_assert(password_check(&ctx, phc, PASSWORD, &upgrade) == OK);
    cr_assert(resident_kib() > warm);
    wait_until_resident_below(cold);
    cr_assert(resident_kib() < cold, "handed back again");
}

Test(password, memory_goes_back_after_a_minute_of_idleness)
{
    password_idle_ms = 1000;
    begin((struct argon2_params){ WARM_KIB, 1, 1 }, 1, 4);
    on_fiber(idle_minute);
    end();
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#if !defined(__has_feature)
#define LOOKS_INTO_ITSELF 1
#elif !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
#define LOOKS_INTO_ITSELF 1
#endif
#endif

#ifdef LOOKS_INTO_ITSELF

enum { SECRET_LEN = 32, MASK = 0x5A };

/* How often the text whose bytes are masked in `masked` is in writable memory. */
static unsigned copies_in(const uint8_t *at, const uint8_t *end,
                          const volatile uint8_t masked[SECRET_LEN])
{
    unsigned found = 0;

    for (; at + SECRET_LEN <= end; at++) {
        unsigned i = 0;
        while (i < SECRET_LEN && at[i] == (masked[i] ^ MASK)) i++;
        found += i == SECRET_LEN;
    }
    return found;
}

static unsigned copies_in_memory(const volatile uint8_t masked[SECRET_LEN])
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];
    unsigned found = 0;

    while (fgets(line, sizeof line, maps)) {
        unsigned long from, to;
        char mode[5];
        if (sscanf(line, "%lx-%lx %4s", &from, &to, mode) != 3) continue;
        if (mode[0] == 'r' && mode[1] == 'w' && !strstr(line, "[v"))
            found += copies_in((uint8_t *)from, (uint8_t *)to, masked);
    }
    fclose(maps);
    return found;
}

static void leave_no_copy(void *arg)
{
    uint8_t *typed = arena_alloc(&arena, SECRET_LEN, 1);
    volatile uint8_t masked[SECRET_LEN];
    struct secret phc;

    (void)arg;
    random_bytes(typed, SECRET_LEN);
    for (unsigned i = 0; i < SECRET_LEN; i++) masked[i] = typed[i] ^ MASK;
    cr_assert(password_hash(&ctx, (struct secret){ str_span(typed, SECRET_LEN) }, &phc) == OK);
    cr_assert(copies_in_memory(masked) == 1, "the caller's own and no other");
}

Test(password, no_copy_of_a_password_stays_behind)
{
    begin(small, 1, 4);
    on_fiber(leave_no_copy);
    end();
}

#endif

/* --- many at a time ---------------------------------------------------------- */

enum { CROWD = 20, LANES = 2, QUEUE = 4 };

static struct {
    unsigned done, fine, refused, fine_before_refused, most_inside;
} crowd;

static void one_of_many(void *arg)
{
    struct arena own;
    struct ctx mine;
    struct secret phc;

    (void)arg;
    arena_init(&own, 1 << 20);
    ctx_init(&mine, &own, 60000);
    enum err e = password_hash(&mine, PASSWORD, &phc);
    cr_assert(e == OK || e == E_OVERLOADED);
    if (password_gate()->inside > crowd.most_inside) crowd.most_inside = password_gate()->inside;
    crowd.done++;
    crowd.fine += e == OK;
    crowd.refused += e == E_OVERLOADED;
    if (e == E_OVERLOADED) crowd.fine_before_refused += crowd.fine;
    arena_done(&own);
}

static void stampede(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < CROWD; i++) cr_assert(fiber_start("login", one_of_many, NULL));
    while (crowd.done < CROWD) {
        cr_assert(password_gate()->inside <= LANES);
        cr_assert(password_gate()->queued <= QUEUE);
        cr_assert(fiber_sleep(1, UNTIL_DONE) == OK);
    }
}

Test(password, beyond_lanes_and_queue_the_answer_is_no_at_once) /* */
{
    begin(small, LANES, QUEUE);
    on_fiber(stampede);
    cr_assert(crowd.fine == LANES + QUEUE);
    cr_assert(crowd.refused == CROWD - LANES - QUEUE);
    cr_assert(crowd.fine_before_refused == 0, "nobody waits for a refusal");
    cr_assert(crowd.most_inside <= LANES);
    end();
}

/* two requests whose clients go: one is being hashed, one waits. */
static struct leaver {
    struct arena arena;
    struct ctx ctx;
    enum err answer;
    bool done;
} running, waiting;

static void leaver_run(void *arg)
{
    struct leaver *l = arg;
    bool upgrade;

    l->answer = password_check(&l->ctx, NOTHING, PASSWORD, &upgrade);
    l->done = true;
}

static void leaver_start(struct leaver *l)
{
    arena_init(&l->arena, 1 << 20);
    ctx_init(&l->ctx, &l->arena, 60000);
    cr_assert(fiber_start("leaver", leaver_run, l));
}

static void clients_leave(void *arg)
{
    (void)arg;
    leaver_start(&running);
    leaver_start(&waiting);
    while (password_gate()->queued == 0) cr_assert(fiber_sleep(0, UNTIL_DONE) == OK);
    running.ctx.abandoned = waiting.ctx.abandoned = true;
    while (!running.done || !waiting.done) cr_assert(fiber_sleep(1, UNTIL_DONE) == OK);
    cr_assert(running.answer == E_CANCELED);
    cr_assert(waiting.answer == E_CANCELED);
    cr_assert(password_gate()->entered == 1, "the one that waited was never hashed");
    cr_assert(password_gate()->inside == 0 && password_gate()->queued == 0);
    arena_done(&running.arena);
    arena_done(&waiting.arena);
}

Test(password, nothing_is_done_for_a_client_that_has_gone) /* */
{
    begin((struct argon2_params){ 64 << 10, 1, 1 }, 1, 4);
    on_fiber(clients_leave);
    end();
}

Test(password, measure_grows_with_the_work)
{
    double little = password_measure((struct argon2_params){ 4096, 1, 1 }, 3);
    double much = password_measure((struct argon2_params){ 4096, 8, 1 }, 3);

    cr_assert(little > 0);
    cr_assert(much > 4 * little, "%f against %f ms", much, little);
}
