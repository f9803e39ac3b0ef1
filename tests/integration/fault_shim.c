/* fault_shim.c - libc with faults, to be preloaded; test_scarcity.py builds it.
 *
 * SHIM_MALLOC=N    the N-th allocation fails; SHIM_FOREVER: and every later one;
 *                  SHIM_ON_SIGNAL: counted from SIGRTMIN + 1 on
 * SHIM_RANDOM=fail getrandom answers EIO; =short: never more than 5 bytes
 * SHIM_THREADS=N   the N-th thread is not created
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static atomic_long allocations, threads;
static long fail_allocation, fail_thread;
static bool forever;
static volatile sig_atomic_t armed = 1;
static enum { RANDOM_FINE, RANDOM_FAILS, RANDOM_SHORT } randomness;

static void arm(int number)
{
    (void)number;
    armed = 1;
}

__attribute__((constructor)) static void configure(void)
{
    const char *text;

    if ((text = getenv("SHIM_MALLOC"))) fail_allocation = atol(text);
    if ((text = getenv("SHIM_THREADS"))) fail_thread = atol(text);
    if ((text = getenv("SHIM_RANDOM")))
        randomness = strcmp(text, "fail") == 0 ? RANDOM_FAILS : RANDOM_SHORT;
    forever = getenv("SHIM_FOREVER") != NULL;
    atomic_store(&allocations, 0);
    if (getenv("SHIM_ON_SIGNAL")) {
        armed = 0;
        signal(SIGRTMIN + 1, arm);
    }
}

static bool fails(void)
{
    if (fail_allocation == 0 || !armed) return false;
    long n = atomic_fetch_add(&allocations, 1) + 1;
    return n == fail_allocation || (forever && n > fail_allocation);
}

static void *refuse(void)
{
    errno = ENOMEM;
    return NULL;
}

void *malloc(size_t size)
{
    return fails() ? refuse() : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails() ? refuse() : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return fails() ? refuse() : __libc_realloc(old, size);
}

ssize_t getrandom(void *out, size_t len, unsigned flags)
{
    if (randomness == RANDOM_FAILS) {
        errno = EIO;
        return -1;
    }
    if (randomness == RANDOM_SHORT && len > 5) len = 5;
    return syscall(SYS_getrandom, out, len, flags);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    if (fail_thread && atomic_fetch_add(&threads, 1) + 1 == fail_thread) return EAGAIN;
    return real(thread, attr, start, arg);
}
