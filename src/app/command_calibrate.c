/* command_calibrate.c - which argon2 parameters this machine can afford.
 *
 * From the least that OWASP recommends upwards, each step costlier than the one
 * before, until a hash takes longer than a login may. The strongest that fits
 * is the advice; what it means for logins a second and for memory is beside it.
 */
#include "app/command_line.h"
#include "app/cores.h"
#include "base/json.h"

#include <math.h>

enum { ROUNDS = 5, TARGET_MS = 100 };

static const struct argon2_params steps[] = {
    { 19456, 2, 1 },  { 32768, 2, 1 },  { 47104, 2, 1 },  { 65536, 2, 1 },
    { 65536, 3, 1 },  { 131072, 2, 1 }, { 131072, 3, 1 }, { 196608, 3, 1 },
    { 262144, 3, 1 }, { 262144, 5, 1 }, { 262144, 8, 1 },
};

struct measured {
    double ms[COUNT(steps)];
    size_t count; /* steps that were tried; the last may be beyond the target */
    size_t best;  /* the first when none fits */
    bool fits;
};

static struct measured measure(double target_ms)
{
    struct measured m = { 0 };

    while (m.count < COUNT(steps)) {
        double ms = m.ms[m.count] = password_measure(steps[m.count], ROUNDS);
        m.count++;
        if (ms > target_ms) break;
        m.best = m.count - 1;
        m.fits = true;
    }
    return m;
}

static void print_text(const struct measured *m, int64_t target_ms)
{
    unsigned cores = cores_available();
    const struct argon2_params *best = &steps[m->best];

    printf("%10s %7s %9s %10s %10s\n", "memory KiB", "passes", "ms", "logins/s", "MiB");
    for (size_t i = 0; i < m->count; i++)
        printf("%10u %7u %9.1f %10.1f %10u\n", steps[i].memory_kib, steps[i].time_cost, m->ms[i],
               1000 / m->ms[i] * cores, steps[i].memory_kib / 1024 * cores);
    printf("on %u core%s, %s kernel\n\n", cores, cores == 1 ? "" : "s", password_kernel());
    if (m->fits)
        printf("# the strongest within %d ms\n", (int)target_ms);
    else
        printf("# the least there should be; none is within %d ms\n", (int)target_ms);
    printf("ARGON2_MEMORY_KIB=%u\nARGON2_TIME_COST=%u\nARGON2_PARALLELISM=%u\n", best->memory_kib,
           best->time_cost, best->parallelism);
}

static void print_json(const struct measured *m)
{
    struct buf out;

    buf_init(&out, 4096);
    json_begin(&out);
    json_put_int(&out, "memory_kib", steps[m->best].memory_kib);
    json_put_int(&out, "time_cost", steps[m->best].time_cost);
    json_put_int(&out, "parallelism", steps[m->best].parallelism);
    json_put_int(&out, "microseconds", (int64_t)(m->ms[m->best] * 1000));
    json_put_bool(&out, "within_target", m->fits);
    json_put_int(&out, "cores", cores_available());
    json_put_text(&out, "kernel", str_of(password_kernel()));
    json_end(&out);
    command_print_json(&out);
}

int command_calibrate(int argc, char **argv)
{
    int64_t target_ms = TARGET_MS;
    bool json = false;
    const struct option_row options[] = {
        { "target-ms", OPTION_NUMBER, &target_ms, 1, 10000 },
        { "output", OPTION_OUTPUT, &json },
        { 0 },
    };

    if (!command_read("calibrate", argc, argv, options)) return EXIT_USAGE;
    struct measured m = measure((double)target_ms);
    if (isinf(m.ms[m.best])) return command_failed("there is not enough memory for a single hash");
    if (json)
        print_json(&m);
    else
        print_text(&m, target_ms);
    return EXIT_DONE;
}
