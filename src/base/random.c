/* Each thread has a small buffer that is filled by one getrandom and served
 * from its end, what was served being wiped. A forked child must not give out
 * the bytes its parent still holds: the handler of pthread_atfork runs in the
 * child on the only thread there is, so wiping that thread's buffer is enough. */
#include "base/random.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>
#include <unistd.h>

/* What getrandom gives whole, whatever signals arrive (getrandom(2)). */
enum { WHOLE = 256 };

static _Thread_local struct {
    size_t left;
    uint8_t bytes[4 * WHOLE];
} pool;

ssize_t (*random_source)(void *out, size_t len, unsigned flags) = getrandom;

_Noreturn static void no_randomness(const char *why)
{
    dprintf(STDERR_FILENO, "postern: the system gives no random bytes: %s\n", why);
    _exit(EX_SOFTWARE);
}

static void ask_kernel(uint8_t *out, size_t len)
{
    while (len) {
        size_t part = len < WHOLE ? len : WHOLE;
        ssize_t got = random_source(out, part, 0);

        if (got < 0 && errno == EINTR) continue;
        if (got < 0) no_randomness(strerror(errno));
        if ((size_t)got != part) no_randomness("fewer than were asked for");
        out += part;
        len -= part;
    }
}

static void pool_drop(void)
{
    explicit_bzero(&pool, sizeof pool);
}

static void watch_forks(void)
{
    int failed = pthread_atfork(NULL, NULL, pool_drop);
    if (failed) no_randomness(strerror(failed));
}

void random_bytes(void *out, size_t len)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    if (len > sizeof pool.bytes / 4) {
        ask_kernel(out, len);
        return;
    }
    if (pool.left < len) {
        pthread_once(&once, watch_forks);
        ask_kernel(pool.bytes, sizeof pool.bytes);
        pool.left = sizeof pool.bytes;
    }
    pool.left -= len;
    memcpy(out, pool.bytes + pool.left, len);
    explicit_bzero(pool.bytes + pool.left, len);
}

uint64_t random_below(uint64_t bound)
{
    uint64_t unfair = -bound % bound; /* 2^64 mod bound: the lowest so many are skipped */
    uint64_t n;

    do random_bytes(&n, sizeof n);
    while (n < unfair);
    return n % bound;
}
