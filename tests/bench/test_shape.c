/* Lists and ranges of shapes, and percentiles. */
#include "bench/bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct simba_bench_parameter parameters[] = {{"batch", ""}, {"tokens", ""}, {0}};
static const char *const shapes[] = {"batch=1 tokens=49", "batch=1 tokens=196", NULL};
static const struct simba_bench_entry entry = {.name = "some/thing", .parameters = parameters, .shapes = shapes};

/* The shapes of the entry for a text, as one text. */
static void expect(const char *text, const char *expected) {
    struct sb_bench_axes axes;
    struct sb_bench_shape *list;
    struct simba_error error;
    int count;
    char all[1024] = "", one[128];
    assert_true(sb_bench_axes_read(text, &axes, &error));
    assert_true(sb_bench_shapes(&entry, &axes, &list, &count, &error));
    for (int i = 0; i < count; i++) {
        strcat(all, i ? ", " : "");
        strcat(all, sb_bench_shape_text(&entry, &list[i], one, sizeof one));
    }
    assert_string_equal(all, expected);
    free(list);
    sb_bench_axes_finish(&axes);
}

static void lists_and_ranges(void **state) {
    (void)state;
    expect(NULL, "batch=1 tokens=49, batch=1 tokens=196");
    expect("", "batch=1 tokens=49, batch=1 tokens=196");
    expect("batch=4", "batch=4 tokens=49, batch=4 tokens=196");
    expect("tokens=7,8", "batch=1 tokens=7, batch=1 tokens=8"); /* each once, from two usual shapes */
    expect("  tokens=7\tbatch=1..8 ", "batch=1 tokens=7, batch=2 tokens=7, batch=4 tokens=7, batch=8 tokens=7");
    expect("tokens=7 batch=1..6", "batch=1 tokens=7, batch=2 tokens=7, batch=4 tokens=7, batch=6 tokens=7");
    expect("tokens=7 batch=3..3", "batch=3 tokens=7");
    expect("tokens=7 batch=1..8+3", "batch=1 tokens=7, batch=4 tokens=7, batch=7 tokens=7");
    expect("tokens=7 batch=2,10..12+1,5",
           "batch=2 tokens=7, batch=10 tokens=7, batch=11 tokens=7, batch=12 tokens=7, batch=5 tokens=7");
    expect("tokens=2..3+1 batch=5,6", "batch=5 tokens=2, batch=6 tokens=2, batch=5 tokens=3, batch=6 tokens=3");
    expect("channels=3 batch=2", "batch=2 tokens=49, batch=2 tokens=196"); /* of another entry */
}

static void mistakes_are_named(void **state) {
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"tokens", "\"tokens\" was found"},
        {"=3", "\"=3\" was found"},
        {"tokens=", "behind \"tokens=\""},
        {"tokens=0", "\"0\" was found"},
        {"tokens=-3", "\"-3\" was found"},
        {"tokens=4x", "\"4x\" was found"},
        {"tokens=4,", "\"\" was found"},
        {"tokens=8..4", "\"8..4\" was found"},
        {"tokens=4..", "\"4..\" was found"},
        {"tokens=4..8+0", "\"4..8+0\" was found"},
        {"tokens=4..8*2", "\"4..8*2\" was found"},
        {"tokens=4...8", "\"4...8\" was found"},
        {"tokens=99999999999999999999", "was found"},
        {"tokens=3 batch=1 tokens=4", "tokens is there twice"},
        {"tokens=1..100000+1", "more than 1024 values"},
        {"tokens=1 ..8", "\"..8\" was found"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sb_bench_axes axes;
        struct simba_error error = {0};
        assert_false(sb_bench_axes_read(cases[i].text, &axes, &error));
        assert_int_equal(error.code, SIMBA_ERROR_ARGUMENT);
        if (!strstr(error.message, cases[i].part)) fail_msg("%s: %s", cases[i].text, error.message);
        sb_bench_axes_finish(&axes);
    }
}

/* Values that are there twice are one, and what would be too many is refused before it is made. */
static void many_values(void **state) {
    (void)state;
    static char text[9000];
    size_t at = 0;
    for (int axis = 0; axis < 2; axis++) {
        at += (size_t)snprintf(text + at, sizeof text - at, axis ? " tokens=1" : "batch=1");
        for (int i = 0; i < 2000; i++) at += (size_t)snprintf(text + at, sizeof text - at, ",1");
    }
    expect(text, "batch=1 tokens=1");
    expect("tokens=7 batch=4,1..4,4", "batch=4 tokens=7, batch=1 tokens=7, batch=2 tokens=7");
    struct sb_bench_axes axes;
    struct sb_bench_shape *list;
    struct simba_error error = {0};
    int count;
    assert_true(sb_bench_axes_read("batch=1..64+1 tokens=1..64+1", &axes, &error));
    assert_true(sb_bench_shapes(&entry, &axes, &list, &count, &error));
    assert_int_equal(count, 4096);
    free(list);
    sb_bench_axes_finish(&axes);
    static const char *const too_many[] = {"batch=1..1024+1 tokens=1..1024+1", "batch=1..65+1 tokens=1..64+1"};
    for (int i = 0; i < 2; i++) {
        assert_true(sb_bench_axes_read(too_many[i], &axes, &error));
        assert_false(sb_bench_shapes(&entry, &axes, &list, &count, &error));
        assert_non_null(strstr(error.message, "some/thing would have more than 4096 combinations"));
        assert_null(list);
        sb_bench_axes_finish(&axes);
    }
}

/* Every entry of the catalogue has the shapes of its parameters, and a name of its own. */
static void the_catalogue_is_complete(void **state) {
    (void)state;
    const struct simba_bench_entry *one, *other;
    struct simba_error error;
    int kernels = 0;
    for (int i = 0; (one = simba_bench_entry(i)); i++) {
        struct sb_bench_axes none = {0};
        struct sb_bench_shape *list;
        int count;
        if (!sb_bench_shapes(one, &none, &list, &count, &error)) fail_msg("%s", error.message);
        assert_true(count >= 1);
        free(list);
        assert_true(one->summary[0] && one->formula[0] && one->bytes[0] && one->flops[0]);
        for (int k = 0; k < i; k++) {
            other = simba_bench_entry(k);
            assert_string_not_equal(one->name, other->name);
        }
        const struct sb_bench_kernel *kernel = sb_bench_kernel_of(one);
        assert_int_equal(kernel != NULL, strcmp(one->kind, "kernel") == 0);
        kernels += kernel != NULL;
        if (kernel && kernel->outer) assert_true(sb_bench_parameter(one, kernel->outer) >= 0);
    }
    assert_true(kernels >= 35);
    assert_null(simba_bench_entry(-1));
}

static void percentiles(void **state) {
    (void)state;
    double one[] = {3}, even[] = {4, 1, 3, 2}, many[101];
    struct sb_bench_statistics statistics = sb_bench_statistics(one, 1);
    assert_float_equal(statistics.median, 3, 0);
    assert_float_equal(statistics.p95, 3, 0);
    statistics = sb_bench_statistics(even, 4);
    assert_float_equal(statistics.median, 2.5, 1e-12);
    assert_float_equal(statistics.minimum, 1, 0);
    assert_float_equal(statistics.p95, 3.85, 1e-12);
    for (int i = 0; i <= 100; i++) many[i] = 100 - i;
    statistics = sb_bench_statistics(many, 101);
    assert_float_equal(statistics.median, 50, 1e-12);
    assert_float_equal(statistics.minimum, 0, 0);
    assert_float_equal(statistics.p95, 95, 1e-12);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(lists_and_ranges), cmocka_unit_test(mistakes_are_named),
                                       cmocka_unit_test(many_values), cmocka_unit_test(the_catalogue_is_complete),
                                       cmocka_unit_test(percentiles)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
