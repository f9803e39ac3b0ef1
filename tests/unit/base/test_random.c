#include "base/random.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static bool all_zero(const uint8_t *at, size_t len)
{
    while (len && !*at) at++, len--;
    return len == 0;
}

Test(random, fills_every_size_with_something_new)
{
    static uint8_t a[3000], b[3000];

    for (size_t len = 16; len <= sizeof a; len += 29) {
        memset(a, 0, sizeof a);
        random_bytes(a, len);
        random_bytes(b, len);
        cr_assert(memcmp(a, b, len) != 0);
        cr_assert_not(all_zero(a + len - 16, 16));
        cr_assert(all_zero(a + len, sizeof a - len));
    }
}

Test(random, stays_below_the_bound)
{
    unsigned count[3] = { 0 };

    for (int i = 0; i < 30000; i++) count[random_below(3)]++;
    for (int i = 0; i < 3; i++) cr_expect(count[i] > 9000 && count[i] < 11000, "%u", count[i]);
    cr_expect(random_below(1) == 0);
    cr_expect(random_below(UINT64_MAX) < UINT64_MAX);
}

static unsigned calls;

/* Zeros the first time it fills a buffer of ours, ones afterwards. */
static ssize_t zeros_then_ones(void *out, size_t len, unsigned flags)
{
    cr_assert(flags == 0);
    memset(out, calls++ < 4 ? 0 : 0xff, len);
    return (ssize_t)len;
}

Test(random, skips_the_values_that_would_not_be_fair)
{
    random_source = zeros_then_ones;
    /* 2^64 mod 7 is 2, so 0 and 1 are skipped; 2^64 - 1 mod 7 is 1. */
    cr_expect(random_below(7) == 1);
}

Test(random, a_forked_child_does_not_repeat_its_parent)
{
    uint64_t ours, theirs;
    int pipes[2];

    random_bytes(&ours, sizeof ours);
    cr_assert(pipe(pipes) == 0);
    pid_t child = fork();
    if (child == 0) {
        random_bytes(&theirs, sizeof theirs);
        _exit(write(pipes[1], &theirs, sizeof theirs) != sizeof theirs);
    }
    random_bytes(&ours, sizeof ours);
    cr_assert(read(pipes[0], &theirs, sizeof theirs) == sizeof theirs);
    waitpid(child, NULL, 0);
    cr_expect(ours != theirs);
}

static void *draw(void *out)
{
    random_bytes(out, sizeof(uint64_t));
    return NULL;
}

Test(random, threads_do_not_repeat_each_other)
{
    uint64_t drawn[9];
    pthread_t threads[8];

    for (int i = 0; i < 8; i++) pthread_create(&threads[i], NULL, draw, &drawn[i]);
    draw(&drawn[8]);
    for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 9; i++)
        for (int j = 0; j < i; j++) cr_expect(drawn[i] != drawn[j]);
}

static ssize_t fails(void *out, size_t len, unsigned flags)
{
    (void)out, (void)len, (void)flags;
    errno = ENOSYS;
    return -1;
}

static ssize_t comes_short(void *out, size_t len, unsigned flags)
{
    (void)flags;
    memset(out, 0x5a, len / 2);
    return (ssize_t)(len / 2);
}

static ssize_t interrupted_once(void *out, size_t len, unsigned flags)
{
    (void)flags;
    if (calls++ == 0) {
        errno = EINTR;
        return -1;
    }
    memset(out, 0x5a, len);
    return (ssize_t)len;
}

/* Exit status of a child that wants `len` bytes from such a kernel; what it
 * says goes to `said`. */
static int status_with(ssize_t (*source)(void *, size_t, unsigned), size_t len, char said[256])
{
    static uint8_t bytes[4096];
    int pipes[2], status;

    cr_assert(pipe(pipes) == 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(pipes[1], STDERR_FILENO);
        random_source = source;
        random_bytes(bytes, len);
        _exit(0);
    }
    close(pipes[1]);
    ssize_t got = read(pipes[0], said, 255);
    said[got > 0 ? got : 0] = '\0';
    close(pipes[0]);
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* */
Test(random, a_kernel_that_fails_ends_the_process_with_one_line)
{
    char said[256];

    cr_expect(status_with(fails, 8, said) == 70);
    cr_expect(strstr(said, "postern: the system gives no random bytes") == said);
    cr_expect(strchr(said, '\n') == said + strlen(said) - 1);
    cr_expect(status_with(fails, 4096, said) == 70);
    cr_expect(status_with(comes_short, 8, said) == 70);
    cr_expect(status_with(comes_short, 4096, said) == 70);
}

Test(random, a_signal_is_no_failure)
{
    char said[256];

    cr_expect(status_with(interrupted_once, 8, said) == 0);
    cr_expect_str_empty(said);
}
