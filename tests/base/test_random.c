#include "temporary.h"

#include "base/random.h"

#include <math.h>

/* The known answers that are published with Random123 (kat_vectors, "philox4x32 10"). */
static void known_answers(void **state) {
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], words[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t words[4];
        sb_philox(cases[i].key, cases[i].counter, words);
        for (int j = 0; j < 4; j++) assert_int_equal(words[j], cases[i].words[j]);
    }
}

static void reads_the_stream_in_order(void **state) {
    (void)state;
    uint64_t seed = 0x123456789abcdef0u, index = 0xfedcba9800000007u;
    struct sb_random random = sb_random_start(seed, SB_STREAM_TEST, index);
    for (uint32_t position = 0; position < 3; position++) {
        uint32_t key[2] = {0x9abcdef0u, 0x12345678u}, words[4];
        uint32_t counter[4] = {position, SB_STREAM_TEST, 7, 0xfedcba98u};
        sb_philox(key, counter, words);
        for (int j = 0; j < 4; j++) assert_int_equal(sb_random_bits(&random), words[j]);
    }
}

static void uniform_stays_below_one(void **state) {
    (void)state;
    struct sb_random random = sb_random_start(1, SB_STREAM_TEST, 0);
    double sum = 0.0;
    for (int i = 0; i < 100000; i++) {
        float number = sb_random_uniform(&random);
        assert_true(number >= 0.0f && number < 1.0f);
        sum += number;
    }
    assert_true(fabs(sum / 100000 - 0.5) < 0.005);
}

static void below_is_even(void **state) {
    (void)state;
    struct sb_random random = sb_random_start(2, SB_STREAM_TEST, 0);
    int counts[7] = {0};
    for (int i = 0; i < 70000; i++) {
        uint32_t number = sb_random_below(&random, 7);
        assert_true(number < 7);
        counts[number]++;
    }
    for (int i = 0; i < 7; i++) assert_true(counts[i] >= 9500 && counts[i] <= 10500);
    for (int i = 0; i < 100; i++) assert_int_equal(sb_random_below(&random, 1), 0);
    /* A bound just above 2^31 rejects almost every second draw. */
    for (int i = 0; i < 1000; i++) assert_true(sb_random_below(&random, 0x80000001u) < 0x80000001u);
}

static void normal_has_its_moments(void **state) {
    (void)state;
    struct sb_random random = sb_random_start(3, SB_STREAM_TEST, 0);
    double sum = 0.0, squares = 0.0, fourth = 0.0;
    int count = 200000;
    for (int i = 0; i < count; i++) {
        double number = sb_random_normal(&random);
        assert_true(isfinite(number));
        sum += number;
        squares += number * number;
        fourth += number * number * number * number;
    }
    assert_true(fabs(sum / count) < 0.01);
    assert_true(fabs(squares / count - 1.0) < 0.02);
    assert_true(fabs(fourth / count - 3.0) < 0.15);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),           cmocka_unit_test(reads_the_stream_in_order),
        cmocka_unit_test(uniform_stays_below_one), cmocka_unit_test(below_is_even),
        cmocka_unit_test(normal_has_its_moments),
    };
    return cmocka_run_group_tests_name("base random", tests, NULL, NULL);
}
