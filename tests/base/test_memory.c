#include "temporary.h"

#include "base/memory.h"

static void zeroed_and_checked(void **state) {
    (void)state;
    struct simba_error error = {0};
    uint8_t *bytes = sb_allocate(100, 3, &error);
    assert_non_null(bytes);
    for (int i = 0; i < 300; i++) assert_int_equal(bytes[i], 0);
    free(bytes);
    void *nothing = sb_allocate(0, 8, &error);
    assert_non_null(nothing);
    free(nothing);
}

static void overflow_is_an_error(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct sb_pool pool = {0};
    volatile size_t half = SIZE_MAX / 2 + 2;
    assert_null(sb_allocate(half, 2, &error));
    check_error(&error, SIMBA_ERROR_MEMORY, "no memory");
    assert_null(sb_pool_allocate(&pool, half, &error));
    assert_null(sb_pool_allocate(&pool, half, NULL));
    sb_pool_finish(&pool);
}

static void pool_keeps_everything(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct sb_pool pool = {0};
    enum { COUNT = 2000 };
    uint8_t *pieces[COUNT];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < COUNT; i++) {
            size_t size = (size_t)(i * 37 % 5000);
            pieces[i] = sb_pool_allocate(&pool, size, &error);
            assert_non_null(pieces[i]);
            assert_int_equal((uintptr_t)pieces[i] % 16, 0);
            for (size_t j = 0; j < size; j++) assert_int_equal(pieces[i][j], 0);
            memset(pieces[i], i & 255, size);
        }
        for (int i = 0; i < COUNT; i++)
            for (size_t j = 0; j < (size_t)(i * 37 % 5000); j++) assert_int_equal(pieces[i][j], i & 255);
        assert_non_null(sb_pool_allocate(&pool, (size_t)5 << 20, &error));
        assert_string_equal(sb_pool_format(&pool, &error, "%s.%d", "block", 7), "block.7");
        sb_pool_finish(&pool);
        assert_null(pool.blocks);
    }
}

static void buffer_grows_only(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct sb_buffer buffer = {0};
    assert_true(sb_buffer_reserve(&buffer, 0, &error));
    assert_non_null(buffer.bytes);
    assert_true(sb_buffer_reserve(&buffer, 1000, &error));
    uint8_t *kept = buffer.bytes;
    assert_true(sb_buffer_reserve(&buffer, 10, &error));
    assert_ptr_equal(buffer.bytes, kept);
    assert_int_equal(buffer.size, 1000);
    free(buffer.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeroed_and_checked),
        cmocka_unit_test(overflow_is_an_error),
        cmocka_unit_test(pool_keeps_everything),
        cmocka_unit_test(buffer_grows_only),
    };
    return cmocka_run_group_tests_name("base memory", tests, NULL, NULL);
}
