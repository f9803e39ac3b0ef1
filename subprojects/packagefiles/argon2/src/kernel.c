/* The one function of opt.c that matters, four times; see ../meson.build. */
#include <stddef.h>
#include <string.h>

#include "argon2_kernel.h"
#include "core.h"

#ifdef ARGON2_KERNELS_X86

#define VARIANT(name) void fill_segment_##name(const argon2_instance_t *, argon2_position_t);
VARIANT(sse2)
VARIANT(ssse3)
VARIANT(avx2)
VARIANT(avx512)

static const struct kernel {
    const char *name;
    void (*fill)(const argon2_instance_t *, argon2_position_t);
} kernels[] = {    /* best first */
    { "avx512", fill_segment_avx512 },
    { "avx2", fill_segment_avx2 },
    { "ssse3", fill_segment_ssse3 },
    { "sse2", fill_segment_sse2 },
};

static const struct kernel *kernel;

static int runs_here(const struct kernel *k)
{
    __builtin_cpu_init();
    switch (k - kernels) {
    case 0: return __builtin_cpu_supports("avx512f") != 0;
    case 1: return __builtin_cpu_supports("avx2") != 0;
    case 2: return __builtin_cpu_supports("ssse3") != 0;
    default: return 1;
    }
}

__attribute__((constructor)) static void kernel_pick(void)
{
    if (kernel) return;
    kernel = kernels;
    while (!runs_here(kernel)) kernel++;
}

void fill_segment(const argon2_instance_t *instance, argon2_position_t position)
{
    kernel->fill(instance, position);
}

const char *argon2_kernel(void)
{
    kernel_pick();
    return kernel->name;
}

int argon2_kernel_force(const char *name)
{
    for (size_t i = 0; i < sizeof kernels / sizeof kernels[0]; i++) {
        if (strcmp(kernels[i].name, name) != 0) continue;
        if (!runs_here(&kernels[i])) return -1;
        kernel = &kernels[i];
        return 0;
    }
    return -1;
}

#else

const char *argon2_kernel(void)
{
    return "ref";
}

int argon2_kernel_force(const char *name)
{
    return strcmp(name, "ref") == 0 ? 0 : -1;
}

#endif
