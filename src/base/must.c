/* Ends the process with one line. Nothing here may allocate. */
#include "base/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { EXIT_SOFTWARE = 70 }; /* sysexits.h */

static void say(const char *line, int len)
{
    ssize_t ignored = write(STDERR_FILENO, line, (size_t)len);
    (void)ignored;
}

void must_fail(const char *claim, const char *file, int line)
{
    char text[256];
    int len =
        snprintf(text, sizeof text, "postern: broken invariant at %s:%d: %s\n", file, line, claim);
    say(text, len < (int)sizeof text ? len : (int)sizeof text - 1);
    abort();
}

void must_have_memory(size_t wanted)
{
    char text[96];
    int len = snprintf(text, sizeof text, "postern: out of memory (wanted %zu bytes)\n", wanted);
    say(text, len);
    _exit(EXIT_SOFTWARE);
}

void *must_alloc(size_t size)
{
    void *at = malloc(size);
    if (!at) must_have_memory(size);
    return at;
}

void *must_zalloc(size_t size)
{
    void *at = calloc(1, size);
    if (!at) must_have_memory(size);
    return at;
}

void *must_realloc(void *old, size_t size)
{
    void *at = realloc(old, size);
    if (!at) must_have_memory(size);
    return at;
}
