/* Whether two training runs left the same. */
#ifndef SB_TESTS_TRAIN_RUNS_H
#define SB_TESTS_TRAIN_RUNS_H

#include "../temporary.h"

#include <errno.h>

static inline char *read_whole(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (!file) fail_msg("%s: %s", path, strerror(errno));
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*size + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

/* Parameters, moments and metadata: the files are the same, byte for byte. */
static inline void assert_same_files(const char *left, const char *right, const char *name) {
    char paths[2][2048];
    snprintf(paths[0], sizeof paths[0], "%s/%s", left, name);
    snprintf(paths[1], sizeof paths[1], "%s/%s", right, name);
    size_t sizes[2];
    char *bytes[2] = {read_whole(paths[0], &sizes[0]), read_whole(paths[1], &sizes[1])};
    if (sizes[0] != sizes[1] || memcmp(bytes[0], bytes[1], sizes[0])) fail_msg("%s differs", name);
    free(bytes[0]);
    free(bytes[1]);
}

/* Cuts out the three columns that tell of time: samples per second, share of waiting, seconds. */
static inline void leave_out_times(char *row) {
    char *first = row, *end;
    for (int k = 0; k < 7; k++) {
        first = strchr(first, ',');
        assert_non_null(first++);
    }
    end = first;
    for (int k = 0; k < 3; k++) {
        end = strchr(end, ',');
        assert_non_null(end++);
    }
    memmove(first, end, strlen(end) + 1);
}

/* Rows without their times. */
static inline void assert_same_results(const char *left, const char *right) {
    char paths[2][2048], lines[2][512];
    snprintf(paths[0], sizeof paths[0], "%s/results.csv", left);
    snprintf(paths[1], sizeof paths[1], "%s/results.csv", right);
    FILE *files[2] = {fopen(paths[0], "r"), fopen(paths[1], "r")};
    assert_true(files[0] && files[1]);
    while (true) {
        const char *got[2];
        for (int i = 0; i < 2; i++) {
            got[i] = fgets(lines[i], sizeof lines[i], files[i]);
            if (got[i]) leave_out_times(lines[i]);
        }
        assert_int_equal(!got[0], !got[1]);
        if (!got[0]) break;
        assert_string_equal(lines[0], lines[1]);
    }
    fclose(files[0]);
    fclose(files[1]);
}

#endif
