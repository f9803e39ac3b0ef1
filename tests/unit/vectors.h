/* vectors.h - bytes as vectors write them, and files of vectors beside the
 * project. */
#ifndef TESTS_VECTORS_H
#define TESTS_VECTORS_H

#include "base/arena.h"
#include "base/codec.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static struct arena vectors_arena = { .ceiling = 64 << 20 };

/* Hex digits as bytes; spaces are skipped. */
[[maybe_unused]] static struct str hex(const char *text)
{
    char *digits = arena_alloc(&vectors_arena, strlen(text) + 1, 1), *at = digits;
    size_t len;

    for (; *text; text++)
        if (*text != ' ') *at++ = *text;

    size_t cap = (size_t)(at - digits) / 2;
    char *out = arena_alloc(&vectors_arena, cap + 1, 1);

    cr_assert(hex_decode(str_span(digits, (size_t)(at - digits)), out, cap, &len), "not hex");
    return str_span(out, len);
}

[[maybe_unused]] static bool bytes_eq(const void *at, size_t len, struct str expected)
{
    return str_eq(str_span(at, len), expected);
}

[[maybe_unused]] static struct str read_whole(FILE *file)
{
    cr_assert(fseek(file, 0, SEEK_END) == 0);
    long size = ftell(file);
    char *text = arena_alloc(&vectors_arena, (size_t)size + 1, 1);

    rewind(file);
    cr_assert(fread(text, 1, (size_t)size, file) == (size_t)size);
    fclose(file);
    return str_span(text, (size_t)size);
}

/* A file of tests/vectors. */
[[maybe_unused]] static struct str own_vectors(const char *name)
{
    char path[512];

    snprintf(path, sizeof path, "%s/tests/vectors/%s", POSTERN_SOURCE, name);
    FILE *file = fopen(path, "rb");

    cr_assert(file, "cannot read %s", path);
    return read_whole(file);
}

/* A file of the foreign vectors beside the project; absent: skips the test. */
[[maybe_unused]] static struct str foreign_vectors(const char *name)
{
    const char *folder = getenv("POSTERN_VECTORS");
    char path[512];

    snprintf(path, sizeof path, "%s/%s", folder ? folder : POSTERN_SOURCE "/../shared/vectors",
             name);
    FILE *file = fopen(path, "rb");

    if (!file) cr_skip("skipped: no foreign vectors");
    return read_whole(file);
}

#endif
