/* The measures of a comparison, on numbers whose errors are known. */
#include "parity/parity.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the headers above first */
#include <cmocka.h>

static float after(float value, int places) {
    for (int i = 0; i < places; i++) value = nextafterf(value, INFINITY);
    return value;
}

static void distances(void **state) {
    (void)state;
    assert_int_equal(sb_parity_ulps(1, 1), 0);
    assert_int_equal(sb_parity_ulps(1, after(1, 1)), 1);
    assert_int_equal(sb_parity_ulps(after(1, 1), 1), 1);
    assert_int_equal(sb_parity_ulps(-1, -after(1, 5)), 5);
    assert_int_equal(sb_parity_ulps(1, 1 - FLT_EPSILON / 2), 1); /* below a power of two places are half as far */
    assert_int_equal(sb_parity_ulps(1, 2), 1 << 23);
    assert_int_equal(sb_parity_ulps(0.0f, -0.0f), 0);
    const float smallest = nextafterf(0, 1);
    assert_int_equal(sb_parity_ulps(0, smallest), 1);
    assert_int_equal(sb_parity_ulps(-smallest, smallest), 2);
    assert_int_equal(sb_parity_ulps(FLT_MAX, INFINITY), 1);
    assert_true(sb_parity_ulps(-INFINITY, INFINITY) == 2u * 0x7f800000u);
}

enum { COUNT = 1001 };

static struct simba_parity_result measure(const float *got, const float *expected, int count) {
    struct simba_parity_result result = {.case_name = "", .tensor = ""};
    sb_parity_measure(&result, got, expected, count, sb_parity_size(expected, count));
    return result;
}

static void errors_of_a_tensor(void **state) {
    (void)state;
    float got[COUNT], expected[COUNT];
    for (int i = 0; i < COUNT; i++) got[i] = expected[i] = i % 2 ? 1.5f : -1.5f;
    struct simba_parity_result result = measure(got, expected, COUNT);
    assert_true(result.relative_error == 0 && result.element_error == 0 && result.ulps.worst == 0);
    for (int i = 0; i < COUNT; i++) got[i] = expected[i] * (i < 600 ? after(1, 2) : 1);
    got[700] = 1.5f * 1.01f;
    expected[700] = 1.5f;
    result = measure(got, expected, COUNT);
    assert_int_equal(result.elements, COUNT);
    assert_int_equal(result.worst_element, 700);
    assert_true(fabs(result.element_error - 0.01) < 1e-6 && fabs(result.largest_error - 0.015) < 1e-6);
    assert_true(fabs(result.relative_error - 0.01 / sqrt(COUNT)) < 1e-6);
    assert_true(result.ulps.median == 3); /* 1.5 times two places of 1 */
    assert_true(result.ulps.worst == sb_parity_ulps(got[700], 1.5f));
    assert_true(result.got == got[700] && result.expected == 1.5f && result.non_finite == 0);
}

/* What cancelled to nearly nothing has many units in its last place, and says nothing. */
static void small_elements_have_no_ulps(void **state) {
    (void)state;
    float got[COUNT], expected[COUNT];
    for (int i = 0; i < COUNT; i++) got[i] = expected[i] = 1;
    got[5] = 1e-7f, expected[5] = -1e-7f;
    const struct simba_parity_result result = measure(got, expected, COUNT);
    assert_true(result.ulps.worst == 0 && result.largest_error > 0 && result.element_error < 1e-6);
    /* A few thousand places and more are counted in bins of 3 %. */
    for (int i = 0; i < COUNT; i++) got[i] = after(1, 5000);
    const double median = measure(got, expected, COUNT).ulps.median;
    assert_true(median <= 5000 && median > 0.97 * 5000);
}

static void not_finite(void **state) {
    (void)state;
    float got[4] = {1, NAN, INFINITY, 2}, expected[4] = {1, NAN, INFINITY, 2};
    struct simba_parity_result result = measure(got, expected, 4);
    assert_true(result.relative_error == 0 && result.non_finite == 0 && result.largest_error == 0);
    assert_true(result.both_non_finite == 2 && result.not_compared && !result.all_zero);
    struct simba_parity_summary summary = {0};
    struct sb_parity_report report = {NULL, NULL, &summary};
    result.tolerance = 1;
    sb_parity_add(&report, &result); /* neither right nor wrong */
    assert_true(!result.passed && summary.failed == 0 && summary.not_compared == 1);
    got[2] = -INFINITY;
    result = measure(got, expected, 4);
    assert_true(isinf(result.relative_error) && isinf(result.largest_error) && isinf(result.element_error));
    assert_int_equal(result.non_finite, 1);
    assert_int_equal(result.worst_element, 2);
    assert_false(result.not_compared);
    got[0] = NAN;
    result = measure(got, expected, 4);
    assert_int_equal(result.non_finite, 2);
    assert_int_equal(result.worst_element, 0);
    const float finite[2] = {1, 1}, other[2] = {1, INFINITY};
    assert_int_equal(measure(finite, other, 2).non_finite, 1);
}

static void judges_both_tolerances(void **state) {
    (void)state;
    struct simba_parity_summary summary = {0};
    struct sb_parity_report report = {NULL, NULL, &summary};
    float got[COUNT], expected[COUNT];
    for (int i = 0; i < COUNT; i++) got[i] = expected[i] = 1;
    got[17] = 1.0002f;
    struct simba_parity_result result = {.case_name = "", .tensor = "one element", .tolerance = 1e-5};
    sb_parity_measure(&result, got, expected, COUNT, 1);
    sb_parity_add(&report, &result);
    assert_true(result.passed);
    result.element_tolerance = 1e-4;
    sb_parity_add(&report, &result);
    assert_true(!result.passed && summary.failed == 1 && summary.tensors == 2 && fabs(summary.worst - 2) < 0.01);
    result.tolerance = 0; /* the same bits */
    result.element_tolerance = 0;
    sb_parity_add(&report, &result);
    assert_true(!result.passed && isinf(summary.worst));
    sb_parity_measure(&result, expected, expected, COUNT, 1);
    sb_parity_add(&report, &result);
    assert_true(result.passed && !result.all_zero);
    result.element_error = NAN; /* is within nothing */
    result.element_tolerance = 1;
    sb_parity_add(&report, &result);
    assert_true(!result.passed && summary.failed == 3);
    const float zeros[2] = {0, -0.0f};
    assert_true(measure(zeros, zeros, 2).all_zero);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(distances), cmocka_unit_test(errors_of_a_tensor),
                                       cmocka_unit_test(small_elements_have_no_ulps), cmocka_unit_test(not_finite),
                                       cmocka_unit_test(judges_both_tolerances)};
    return cmocka_run_group_tests_name("measure", tests, NULL, NULL);
}
