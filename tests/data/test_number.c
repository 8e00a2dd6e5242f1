/* Against the C library: its conversions are exact, and another road to the same numbers. */
#include "temporary.h"

#include "base/random.h"
#include "io/number.h"

#include <locale.h>
#include <math.h>

static void check_number(const char *text) {
    double value = 0.0;
    const double expected = strtod(text, NULL);
    const enum sb_number kind = sb_number_read(text, '.', &value);
    if (kind != (isinf(expected) ? SB_NUMBER_INFINITE : SB_NUMBER_FINITE) ||
        memcmp(&value, &expected, sizeof value) != 0)
        fail_msg("%s: expected %a, found %a (kind %d)", text, expected, value, (int)kind);
}

static void chosen(void **state) {
    (void)state;
    static const char *const texts[] = {"0",
                                        "-0",
                                        "+0.0",
                                        "1",
                                        "-1",
                                        ".5",
                                        "5.",
                                        "-.25",
                                        "00012",
                                        "1e5",
                                        "1E+5",
                                        "2.5e-3",
                                        "0.1",
                                        "0.30531",
                                        "5.827000141143799",
                                        "1.5989999771118164",
                                        "30.5310001373291",
                                        "27.78700065612793",
                                        "9007199254740993",
                                        "9007199254740992.5",
                                        "9007199254740993e-5",
                                        "18446744073709551615",
                                        "9999999999999999999",
                                        "99999999999999999999",
                                        "0.9999999999999999999",
                                        "1234567890123456789e-19",
                                        "1e22",
                                        "1e23",
                                        "8.5e22",
                                        "9007199254740991e22",
                                        "1e-22",
                                        "1e-23",
                                        "4.9e-324",
                                        "2.4703282292062327e-324",
                                        "2.4703282292062328e-324",
                                        "2.2250738585072011e-308",
                                        "1.7976931348623157e308",
                                        "1.7976931348623159e308",
                                        "1e309",
                                        "-1e400",
                                        "1e-400",
                                        "0e999999999999",
                                        "1e99999999999",
                                        "6.02214076e23",
                                        "0.000000000000000000000000000001",
                                        "1.00000000000000011102230246251565",
                                        "1.00000000000000011102230246251566",
                                        "1.00000000000000033306690738754696",
                                        "0.500000000000000166533453693773481063544750213623046875"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) check_number(texts[i]);
}

/* Halves between two neighbours in as few digits as possible, where rounding goes wrong first. */
static void halfway(void **state) {
    (void)state;
    struct sb_random random = sb_random_start(1, SB_STREAM_TEST, 0);
    for (int i = 0; i < 200000; i++) {
        /* 54 bits, of which a double holds 53; divided by 2^k they have k digits behind the point. */
        const uint64_t bits = ((uint64_t)sb_random_bits(&random) << 32 | sb_random_bits(&random)) >> 10;
        const int shift = (int)sb_random_below(&random, 8);
        const uint64_t whole = bits >> shift;
        uint64_t part = bits & ((UINT64_C(1) << shift) - 1);
        for (int digit = 0; digit < shift; digit++) part *= 10;
        char text[64];
        snprintf(text, sizeof text, "%llu.%0*llu", (unsigned long long)whole, shift,
                 (unsigned long long)(part >> shift));
        check_number(text);
    }
}

static void random_numbers(void **state) {
    (void)state;
    struct sb_random random = sb_random_start(2, SB_STREAM_TEST, 0);
    for (int i = 0; i < 300000; i++) {
        char text[64];
        int length = 0;
        if (sb_random_below(&random, 2)) text[length++] = '-';
        const int before = (int)sb_random_below(&random, 12), behind = 1 + (int)sb_random_below(&random, 20);
        for (int digit = 0; digit < before; digit++) text[length++] = (char)('0' + sb_random_below(&random, 10));
        text[length++] = '.';
        for (int digit = 0; digit < behind; digit++) text[length++] = (char)('0' + sb_random_below(&random, 10));
        text[length] = '\0';
        if (sb_random_below(&random, 4) == 0)
            snprintf(text + length, sizeof text - (size_t)length, "e%d", (int)sb_random_below(&random, 80) - 40);
        check_number(text);
    }
}

static void refused(void **state) {
    (void)state;
    static const char *const texts[] = {"",    "-",    ".",   "-.", "e5",  "1e",  "1e+",  "1,5",  "1.5.2", "0x10",
                                        "1 2", "1.5f", "nan", "NA", "--1", "+-1", "1e5x", "infx", "١",     "1_000"};
    double value;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (sb_number_read(texts[i], '.', &value) != SB_NUMBER_NONE)
            fail_msg("\"%s\" was taken for a number", texts[i]);
    static const char *const infinite[] = {"inf", "-Infinity", "+INF", "1e400"};
    for (size_t i = 0; i < sizeof infinite / sizeof *infinite; i++)
        assert_int_equal(sb_number_read(infinite[i], '.', &value), SB_NUMBER_INFINITE);
    char *digits = malloc(SB_NUMBER_LONGEST + 2);
    assert_non_null(digits);
    memset(digits, '7', SB_NUMBER_LONGEST + 1);
    digits[1] = '.';
    digits[SB_NUMBER_LONGEST] = '\0';
    check_number(digits);
    digits[SB_NUMBER_LONGEST] = '7';
    digits[SB_NUMBER_LONGEST + 1] = '\0';
    assert_int_equal(sb_number_read(digits, '.', &value), SB_NUMBER_NONE);
    free(digits);
}

static void comma(void **state) {
    (void)state;
    double value;
    assert_int_equal(sb_number_read("-1,25", ',', &value), SB_NUMBER_FINITE);
    assert_true(value == -1.25);
    assert_int_equal(sb_number_read("1,00000000000000011102230246251566", ',', &value), SB_NUMBER_FINITE);
    assert_true(value == 1.0000000000000002);
    assert_int_equal(sb_number_read("1.25", ',', &value), SB_NUMBER_NONE);
}

static void printed(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0.1, "0.1"},
                 {-2.0, "-2"},
                 {1.0 / 3.0, "0.3333333333333333"},
                 {0.1 + 0.2, "0.30000000000000004"},
                 {1e300, "1e+300"},
                 {5e-324, "4.94065645841247e-324"},
                 {30.5310001373291, "30.5310001373291"}};
    char text[SB_NUMBER_TEXT];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sb_number_print(cases[i].value, text);
        assert_string_equal(text, cases[i].text);
    }
    struct sb_random random = sb_random_start(3, SB_STREAM_TEST, 0);
    for (int i = 0; i < 100000; i++) {
        const uint64_t bits = (uint64_t)sb_random_bits(&random) << 32 | sb_random_bits(&random);
        double value, back;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) continue;
        sb_number_print(value, text);
        assert_int_equal(sb_number_read(text, '.', &back), SB_NUMBER_FINITE);
        assert_true(memcmp(&back, &value, sizeof value) == 0);
    }
}

static void other_locale(void **state) {
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "de_DE", "fr_FR.UTF-8", "fr_FR"};
    const char *found = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names && !found; i++) found = setlocale(LC_ALL, names[i]);
    if (!found) {
        print_message("no locale with a decimal comma is installed\n");
        skip();
    }
    double value = 0.0;
    char text[SB_NUMBER_TEXT];
    assert_true(strtod("0,5", NULL) == 0.5);
    assert_int_equal(sb_number_read("0.50000000000000001e200", '.', &value), SB_NUMBER_FINITE);
    assert_true(value == 0.5e200);
    sb_number_print(0.25, text);
    assert_string_equal(text, "0.25");
    setlocale(LC_ALL, "C");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(chosen),         cmocka_unit_test(halfway),
                                       cmocka_unit_test(random_numbers), cmocka_unit_test(refused),
                                       cmocka_unit_test(comma),          cmocka_unit_test(printed),
                                       cmocka_unit_test(other_locale)};
    return cmocka_run_group_tests_name("data number", tests, NULL, NULL);
}
