/* A directory that a test may fill, and what tests need around cmocka. */
#ifndef TESTS_TEMPORARY_H
#define TESTS_TEMPORARY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/status.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char temporary_directory[256];

/* TEMPORARY/NAME, in one of eight buffers that take turns. */
static inline const char *temporary(const char *name) {
    static char paths[8][1024];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", temporary_directory, name);
    return path;
}

static inline int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place) {
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

/* For cmocka's setup and teardown. */
static inline int make_temporary(void **state) {
    const char *root = getenv("TMPDIR");
    (void)state;
    snprintf(temporary_directory, sizeof temporary_directory, "%s/simba-test-XXXXXX", root && *root ? root : "/tmp");
    return mkdtemp(temporary_directory) ? 0 : -1;
}

static inline int remove_temporary(void **state) {
    (void)state;
    return nftw(temporary_directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void put_file(const char *path, const void *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static inline void put_text(const char *path, const char *text) {
    put_file(path, text, strlen(text));
}

/* FNV-1a of 64 bits, as the scripts have it that make the expected hashes of pixels. */
static inline uint64_t hash_of(const uint8_t *bytes, int count) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (int i = 0; i < count; i++) hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}

/* The error's code and that its message has a part in it. */
static inline void check_error(const struct simba_error *error, enum simba_code code, const char *part) {
    if (error->code != code || !strstr(error->message, part))
        fail_msg("expected code %d and \"%s\", found code %d and \"%s\"", (int)code, part, (int)error->code,
                 error->message);
}

#endif
