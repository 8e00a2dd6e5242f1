#include "idx_files.h"

#include "base/file.h"
#include "io/idx.h"

static void plain_and_compressed(void **state) {
    (void)state;
    struct simba_error error = {0};
    uint8_t bytes[2 * 3 * 4];
    for (int i = 0; i < 24; i++) bytes[i] = (uint8_t)(i * 11);
    for (int compressed = 0; compressed < 2; compressed++) {
        struct sb_idx idx;
        put_idx(temporary("x"), 3, (uint32_t[]){2, 3, 4}, bytes, 24, compressed);
        if (!sb_idx_read(temporary("x"), &idx, &error)) fail_msg("%s", error.message);
        assert_int_equal(idx.rank, 3);
        assert_true(idx.shape[0] == 2 && idx.shape[1] == 3 && idx.shape[2] == 4);
        assert_int_equal(idx.size, 24);
        assert_memory_equal(idx.bytes, bytes, 24);
        sb_idx_finish(&idx);
    }
}

static void malformed(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct sb_idx idx;
    const char *path = temporary("bad");
    static const struct {
        uint8_t bytes[24];
        size_t size;
        const char *part;
    } cases[] = {
        {{0}, 0, "ends early"},
        {{0, 0, 8}, 3, "ends early"},
        {{1, 0, 8, 1, 0, 0, 0, 0}, 8, "not an IDX file: it begins with the bytes 01 00"},
        {"PNG, or what not", 16, "not an IDX file"},
        {{0, 0, 13, 1, 0, 0, 0, 1, 0, 0, 0, 0}, 12, "type 0x0d"},
        {{0, 0, 8, 0}, 4, "0 dimensions"},
        {{0, 0, 8, 5, 0, 0, 0, 1}, 8, "5 dimensions"},
        {{0, 0, 8, 2, 0, 0, 0, 2, 0, 0}, 10, "ends early"},
        {{0, 0, 8, 1, 0, 0, 0, 5, 1, 2, 3, 4}, 12, "ends early"},
        {{0, 0, 8, 1, 0, 0, 0, 5, 1, 2, 3, 4, 5, 6}, 14, "bytes follow behind the 5"},
        {{0, 0, 8, 1, 255, 255, 255, 255, 1}, 9, "more than the file can hold"},
        {{0, 0, 8, 4, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255},
         20,
         "more than the file can hold"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_file(path, cases[i].bytes, cases[i].size);
        if (sb_idx_read(path, &idx, &error)) fail_msg("case %zu was accepted", i);
        assert_null(idx.bytes);
        if (!strstr(error.message, cases[i].part) || !strstr(error.message, path))
            fail_msg("case %zu: expected \"%s\", found \"%s\"", i, cases[i].part, error.message);
    }
    assert_false(sb_idx_read(temporary("absent"), &idx, &error));
    check_error(&error, SIMBA_ERROR_FILE, "No such file");
    assert_false(sb_idx_read(temporary_directory, &idx, &error));
    check_error(&error, SIMBA_ERROR_FILE, "Is a directory");
}

static void damaged_compression(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct sb_idx idx;
    uint8_t pixels[500];
    for (int i = 0; i < 500; i++) pixels[i] = (uint8_t)(i * i);
    put_idx(temporary("good.gz"), 1, (uint32_t[]){500}, pixels, 500, true);
    uint8_t *bytes;
    size_t size;
    assert_true(sb_read_file(temporary("good.gz"), 0, &bytes, &size, &error));
    for (size_t length = 0; length < size; length++) {
        put_file(temporary("cut.gz"), bytes, length);
        if (sb_idx_read(temporary("cut.gz"), &idx, &error)) fail_msg("a prefix of %zu bytes was accepted", length);
        check_error(&error, SIMBA_ERROR_FORMAT, temporary("cut.gz"));
    }
    for (size_t at = 0; at < size; at++) {
        uint8_t kept = bytes[at];
        bytes[at] ^= (uint8_t)(1 << at % 8);
        put_file(temporary("changed.gz"), bytes, size);
        if (sb_idx_read(temporary("changed.gz"), &idx, &error)) {
            assert_memory_equal(idx.bytes, pixels, 500); /* gzip's own header has fields that do not matter */
            sb_idx_finish(&idx);
        } else
            assert_true(strstr(error.message, temporary("changed.gz")) != NULL);
        bytes[at] = kept;
    }
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_and_compressed),
        cmocka_unit_test(malformed),
        cmocka_unit_test(damaged_compression),
    };
    return cmocka_run_group_tests_name("data idx", tests, make_temporary, remove_temporary);
}
