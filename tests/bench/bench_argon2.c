/* bench_argon2.c - one argon2id hash at m=19456, t=2, p=1, in milliseconds.
 *
 * Every kernel as packaged (malloc for each hash, wiped after it) and in the
 * driver's huge pages, beside the distribution's library if there is one.
 * Medians of interleaved rounds, so that whatever else the machine does hits
 * all of them alike. Then hashes a second on all cores, as the lane runs them.
 */
#include "base/clock.h"
#include "base/must.h"
#include "driver/password.h"

#include <argon2.h>
#include <argon2_kernel.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MEMORY_KIB = 19456, TIME_COST = 2, ROUNDS = 15, CORE_ROUNDS = 60, CORES_MAX = 128 };

static typeof(argon2id_hash_raw) *packaged; /* NULL: not installed */

struct variant {
    const char *kernel; /* NULL: the distribution's */
    bool pages;
    double ms[ROUNDS];
};

static struct variant variants[] = {
    { .kernel = NULL },
    { .kernel = "ref" },
    { .kernel = "ref", .pages = true },
    { .kernel = "sse2" },
    { .kernel = "sse2", .pages = true },
    { .kernel = "ssse3" },
    { .kernel = "ssse3", .pages = true },
    { .kernel = "avx2" },
    { .kernel = "avx2", .pages = true },
    { .kernel = "avx512" },
    { .kernel = "avx512", .pages = true },
};

static const struct argon2_params params = { MEMORY_KIB, TIME_COST, 1 };

static double as_packaged_ms(typeof(argon2id_hash_raw) *hash)
{
    uint8_t out[32];

    FLAG_clear_internal_memory = 1;
    uint64_t start = mono_us();
    must(hash(TIME_COST, MEMORY_KIB, 1, "a password", 10, "0123456789abcdef", 16, out,
              sizeof out) == ARGON2_OK);
    return (double)(mono_us() - start) / 1000;
}

static bool runs_here(const struct variant *v)
{
    return v->kernel ? argon2_kernel_force(v->kernel) == 0 : packaged != NULL;
}

static double once_ms(const struct variant *v)
{
    if (!v->kernel) return as_packaged_ms(packaged);
    return v->pages ? password_measure(params, 1) : as_packaged_ms(argon2id_hash_raw);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(struct variant *v)
{
    qsort(v->ms, ROUNDS, sizeof v->ms[0], by_size);
    return v->ms[ROUNDS / 2];
}

static void bench_variants(void)
{
    for (unsigned round = 0; round < ROUNDS; round++)
        for (struct variant *v = variants; v < variants + COUNT(variants); v++)
            if (runs_here(v)) v->ms[round] = once_ms(v);

    double theirs = packaged ? median(&variants[0]) : 0;
    printf("%-28s %8s %22s\n", "argon2id m=19456 t=2 p=1", "ms", "times the packaged one");
    for (struct variant *v = variants; v < variants + COUNT(variants); v++) {
        char name[32];
        if (!runs_here(v)) continue;
        snprintf(name, sizeof name, "%s%s", v->kernel ? v->kernel : "libargon2.so.1",
                 v->pages ? ", huge pages kept" : "");
        printf("%-28s %8.2f", name, median(v));
        if (packaged) printf(" %22.2f", theirs / median(v));
        printf("\n");
    }
}

static void *core_run(void *arg)
{
    double *ms = arg;

    *ms = password_measure(params, CORE_ROUNDS);
    return NULL;
}

static void bench_cores(const char *kernel)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    pthread_t threads[CORES_MAX];
    double ms[CORES_MAX], per_s = 0;

    if (cores > CORES_MAX) cores = CORES_MAX;
    must(argon2_kernel_force(kernel) == 0);
    for (long i = 0; i < cores; i++) must(pthread_create(&threads[i], NULL, core_run, &ms[i]) == 0);
    for (long i = 0; i < cores; i++) {
        must(pthread_join(threads[i], NULL) == 0);
        per_s += 1000 / ms[i];
    }
    printf("%s, huge pages kept, %ld cores: %.1f hashes/s\n", kernel, cores, per_s);
}

int main(int argc, char **argv)
{
    const char *best = argon2_kernel();
    bool cores_only = argc > 1 && strcmp(argv[1], "cores") == 0;
    void *library = dlopen("libargon2.so.1", RTLD_NOW | RTLD_LOCAL);

    if (library) packaged = (typeof(packaged))dlsym(library, "argon2id_hash_raw");
    if (!cores_only) bench_variants();
    bench_cores(best);
}
