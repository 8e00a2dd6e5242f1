/* Measuring, on the reference and on versions of it that are wrong in one respect each. */
#include "bench/bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sb_device *device; /* of the reference; tests exchange its backend */
static struct sb_backend changed;
static int reads;

static bool read_scaled(struct sb_program *program, const struct sb_tensor *tensor, void *dense,
                        struct simba_error *error) {
    if (!sb_backend_cpu.program_read(program, tensor, dense, error)) return false;
    for (int64_t i = 0; tensor->dtype == SB_FLOAT32 && i < sb_elements(tensor); i++) ((float *)dense)[i] *= 1.0001f;
    return true;
}

/* Another last bit each time. */
static bool read_shaken(struct sb_program *program, const struct sb_tensor *tensor, void *dense,
                        struct simba_error *error) {
    if (!sb_backend_cpu.program_read(program, tensor, dense, error)) return false;
    if (reads++ % 2) ((float *)dense)[0] = nextafterf(((float *)dense)[0], INFINITY);
    return true;
}

static bool no_times(struct sb_program *program, int slot, double *seconds, struct simba_error *error) {
    (void)program;
    (void)slot;
    (void)seconds;
    return sb_fail(error, SIMBA_ERROR_UNSUPPORTED, "No time stamps.");
}

static bool slow_times(struct sb_program *program, int slot, double *seconds, struct simba_error *error) {
    if (!sb_backend_cpu.program_times(program, slot, seconds, error)) return false;
    for (int i = 0; i < program->graph->node_count; i++) seconds[i] *= 1000;
    return true;
}

static bool lost(struct sb_program *program, int slot, unsigned phases, struct simba_error *error) {
    (void)program;
    (void)slot;
    (void)phases;
    return sb_fail(error, SIMBA_ERROR_DEVICE, "The device is lost.");
}

/* Measures; the report is the caller's. */
static bool measure(struct simba_bench *bench, const struct simba_bench_options *options, struct simba_error *error) {
    const struct simba_device_info info = {.name = "reference"};
    return sb_bench_run(bench, device, &info, options, error);
}

static struct simba_bench_row measure_one(const char *name, const char *shape, double reference_seconds,
                                          struct simba_bench **bench) {
    struct simba_error error = {0};
    const struct simba_bench_options options = {.choice = {.names = &name, .name_count = 1, .shape = shape},
                                                .seconds = 0.01,
                                                .reference_seconds = reference_seconds};
    *bench = simba_bench_create(&error);
    assert_non_null(*bench);
    if (!measure(*bench, &options, &error)) fail_msg("%s", error.message);
    assert_int_equal((*bench)->devices[0].count, 1);
    return (*bench)->devices[0].rows[0];
}

static int reset(void **state) {
    (void)state;
    changed = sb_backend_cpu;
    device->backend = &changed;
    reads = 0;
    return 0;
}

static const char scan_shape[] = "batch=6 tokens=20 channels=8 states=4";

static void a_row_is_complete(void **state) {
    (void)state;
    struct simba_bench *bench;
    const struct simba_bench_row row = measure_one("scan/forward", scan_shape, 0, &bench);
    assert_string_equal(row.kind, "kernel");
    assert_string_equal(row.shape, scan_shape);
    assert_string_equal(row.clock, "host");
    assert_true(row.runs >= 3);
    assert_true(row.minimum > 0 && row.minimum <= row.median && row.median <= row.p95 && row.p95 < 1);
    assert_float_equal(row.flops, 6.0 * 6 * 20 * 8 * 4, 0);
    assert_float_equal(row.specials, 6.0 * 20 * 8 * (4 + 2), 0);
    assert_float_equal(row.error, 0, 0);
    assert_true(row.tolerance > 0);
    assert_null(row.unsupported);
    assert_int_equal(simba_bench_summary(bench).unverified, 0);
    simba_bench_destroy(bench);
}

/* With less time for the reference only a part of the samples is computed by it, in sums over them, too. */
static void a_part_verifies_all(void **state) {
    (void)state;
    static const char *const names[] = {"scan/backward",      "conv1d/backward",        "einfft/backward",
                                        "depthwise/backward", "linear/weight_gradient", "layer_norm/backward"};
    static const char *const shapes[] = {scan_shape,
                                         "batch=6 tokens=20 channels=8 taps=4",
                                         "batch=6 tokens=12 channels=8",
                                         "batch=6 side=5 channels=8 kernel=3",
                                         "batch=6 tokens=12 depth=16 width=8",
                                         "batch=6 tokens=20 channels=16"};
    for (int i = 0; i < 6; i++) {
        struct simba_bench *bench;
        const struct simba_bench_row whole = measure_one(names[i], shapes[i], 100, &bench);
        assert_null(whole.note);
        simba_bench_destroy(bench);
        /* By halving the time until a part is enough. */
        bool parted = false;
        for (double seconds = 1e-2; !parted && seconds > 1e-9; seconds /= 2) {
            const struct simba_bench_row part = measure_one(names[i], shapes[i], seconds, &bench);
            parted = part.note && strstr(part.note, "repeat those of batch=");
            if (parted && !(part.error < 3e-7)) fail_msg("%s: error %g", names[i], part.error);
            simba_bench_destroy(bench);
        }
        assert_true(parted);
    }
}

static void what_cannot_be_verified_says_so(void **state) {
    (void)state;
    struct simba_bench *bench;
    const struct simba_bench_row row = measure_one("scan/forward", scan_shape, 1e-9, &bench);
    assert_true(isnan(row.error));
    assert_non_null(strstr(row.note, "not verified"));
    assert_true(row.runs >= 3);
    assert_int_equal(simba_bench_summary(bench).unverified, 1);
    simba_bench_destroy(bench);
}

static void a_wrong_kernel_is_not_timed(void **state) {
    (void)state;
    struct simba_bench *bench;
    changed.program_read = read_scaled;
    struct simba_bench_row row = measure_one("layer_norm/forward", "batch=2 tokens=3 channels=8", 0, &bench);
    assert_int_equal(row.runs, 0);
    assert_true(row.error > 9e-5 && row.error < 1.1e-4);
    assert_non_null(strstr(row.note, "WRONG"));
    assert_int_equal(simba_bench_summary(bench).wrong, 1);
    simba_bench_destroy(bench);
    /* The gradient of a mean over 43,008 elements: its values are far below the tolerance. */
    row = measure_one("series/loss_backward", "batch=32 horizon=96 channels=14", 0, &bench);
    assert_int_equal(row.runs, 0);
    assert_true(row.error > 9e-5 && row.error < 1.1e-4);
    simba_bench_destroy(bench);
}

static void distances_are_relative(void **state) {
    (void)state;
    const float none[] = {0, 0}, tiny[] = {3e-20f, 4e-20f}, off[] = {3e-20f, 4.0005e-20f}, broken[] = {NAN, 0};
    assert_float_equal(sb_bench_distance(none, 2, none, 2, 1), 0, 0);
    assert_float_equal(sb_bench_distance(tiny, 2, tiny, 2, 1), 0, 0);
    assert_float_equal(sb_bench_distance(off, 2, tiny, 2, 1), 1e-4, 1e-6);
    assert_true(isinf(sb_bench_distance(tiny, 2, none, 2, 1))); /* there is nothing to measure it by */
    assert_true(isinf(sb_bench_distance(broken, 2, tiny, 2, 1)));
}

static void a_kernel_that_does_not_repeat_is_not_timed(void **state) {
    (void)state;
    struct simba_bench *bench;
    changed.program_read = read_shaken;
    const struct simba_bench_row row = measure_one("layer_norm/forward", "batch=2 tokens=3 channels=8", 0, &bench);
    assert_int_equal(row.runs, 0);
    assert_non_null(strstr(row.note, "other bits"));
    assert_int_equal(simba_bench_summary(bench).wrong, 1);
    simba_bench_destroy(bench);
}

static void clocks_are_chosen(void **state) {
    (void)state;
    struct simba_bench *bench;
    changed.program_times = no_times;
    struct simba_bench_row row = measure_one("layer_norm/forward", "batch=2 tokens=3 channels=8", 0, &bench);
    assert_true(row.runs >= 3 && row.median > 0);
    assert_string_equal(row.clock, "host");
    assert_non_null(strstr(row.note, "no time stamps"));
    simba_bench_destroy(bench);
    changed.program_times = slow_times;
    row = measure_one("layer_norm/forward", "batch=2 tokens=200 channels=64", 0, &bench);
    assert_string_equal(row.clock, "host");
    assert_non_null(strstr(row.note, "not used"));
    assert_true(row.median < 1);
    simba_bench_destroy(bench);
}

static void a_lost_device_ends_it(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct simba_bench *bench = simba_bench_create(&error);
    const char *name = "layer_norm/*";
    const struct simba_bench_options options = {.choice = {.names = &name, .name_count = 1}, .seconds = 0.01};
    changed.program_submit = lost;
    assert_false(measure(bench, &options, &error));
    assert_int_equal(error.code, SIMBA_ERROR_DEVICE);
    assert_non_null(strstr(error.message, "layer_norm/forward"));
    simba_bench_destroy(bench);
}

static bool stop_at_once(void *user, const struct simba_bench_progress *progress) {
    ++*(int *)user;
    return progress->done > 0;
}

static void it_can_be_stopped_before_the_first_row(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct simba_bench *bench = simba_bench_create(&error);
    const char *name = "layer_norm/*";
    int calls = 0;
    const struct simba_bench_options options = {
        .choice = {.names = &name, .name_count = 1}, .seconds = 0.01, .progress = stop_at_once, .user = &calls};
    assert_false(measure(bench, &options, &error));
    assert_int_equal(error.code, SIMBA_ERROR_INTERRUPTED);
    assert_non_null(strstr(error.message, "stopped after 0 of"));
    assert_int_equal(calls, 1);
    assert_int_equal(simba_bench_summary(bench).rows, 0);
    simba_bench_destroy(bench);
}

static const char *kernel_name;
static int dispatches;

static bool account(struct sb_program *program, int slot, int node,
                    void (*visit)(void *user, const struct sb_dispatch *dispatch), void *user,
                    struct simba_error *error) {
    (void)program;
    (void)slot;
    (void)node;
    (void)error;
    char constants[32];
    for (int i = 0; i < dispatches; i++) {
        snprintf(constants, sizeof constants, "NUMBER=%d", i);
        visit(user, &(struct sb_dispatch){.kernel = kernel_name, .constants = constants, .seconds = NAN});
    }
    return true;
}

/* Copying is for free, and matrix units are ten times as fast as multiply-add. */
static bool ceilings(struct sb_device *of, enum sb_ceiling_kind kind, struct sb_ceiling *ceiling,
                     struct simba_error *error) {
    (void)of;
    (void)error;
    *ceiling = (struct sb_ceiling){.per_second = kind == SB_CEILING_MATRIX         ? 1e10
                                                 : kind == SB_CEILING_MULTIPLY_ADD ? 1e9
                                                                                   : 1e15};
    return true;
}

/* 16-bit factors alone do not bring a product on the matrix units: the kernel that ran does. */
static void the_ceiling_is_that_of_what_ran(void **state) {
    (void)state;
    static const char *const kernels[] = {"matrix_product", "cooperative_product"};
    static const char *const bounds[] = {"multiply-add", "matrix units"};
    const char *name = "linear/forward";
    changed.program_dispatches = account;
    changed.ceiling = ceilings;
    dispatches = 1;
    for (int i = 0; i < 2; i++) {
        struct simba_error error = {0};
        struct simba_bench *bench = simba_bench_create(&error);
        const struct simba_bench_options options = {.choice = {.names = &name,
                                                               .name_count = 1,
                                                               .shape = "batch=1 tokens=8 depth=16 width=16",
                                                               .precision = "fp16"},
                                                    .seconds = 0.01};
        kernel_name = kernels[i];
        if (!measure(bench, &options, &error)) fail_msg("%s", error.message);
        const struct simba_bench_row *row = &bench->devices[0].rows[0];
        assert_string_equal(row->bound_by, bounds[i]);
        assert_float_equal(row->ceiling_share * row->median * (i ? 1e10 : 1e9), row->flops, 1e-6 * row->flops);
        simba_bench_destroy(bench);
    }
}

/* The list of kernels that ran is whole or ends in dots. */
static void a_long_variant_is_cut_visibly(void **state) {
    (void)state;
    kernel_name = "some_kernel";
    changed.program_dispatches = account;
    for (int i = 0; i < 2; i++) {
        struct simba_bench *bench;
        dispatches = i ? 100 : 3;
        const struct simba_bench_row row = measure_one("layer_norm/forward", "batch=2 tokens=3 channels=8", 0, &bench);
        const size_t length = strlen(row.variant);
        if (i)
            assert_true(length == 1023 && strcmp(row.variant + length - 3, "...") == 0);
        else
            assert_string_equal(row.variant, "some_kernel(NUMBER=0) + some_kernel(NUMBER=1) + some_kernel(NUMBER=2)");
        simba_bench_destroy(bench);
    }
}

/* What a row alone cannot do is said in the row. */
static void impossible_shapes_are_rows(void **state) {
    (void)state;
    struct simba_bench *bench;
    struct simba_bench_row row = measure_one("einfft/forward", "batch=1 tokens=4 channels=6", 0, &bench);
    assert_non_null(strstr(row.unsupported, "4 blocks"));
    assert_int_equal(row.runs, 0);
    assert_int_equal(simba_bench_summary(bench).unsupported, 1);
    simba_bench_destroy(bench);
    row = measure_one("einfft/vkfft", "batch=1 tokens=4 channels=8", 0, &bench);
    assert_non_null(strstr(row.unsupported, "no VkFFT"));
    simba_bench_destroy(bench);
    row = measure_one("ceiling/copy", NULL, 0, &bench);
    assert_true(row.unsupported && row.unsupported[0]);
    simba_bench_destroy(bench);
}

static void models_are_verified(void **state) {
    (void)state;
    static const char *const names[] = {"model/series_etth1/inference", "model/series_etth1/training"};
    for (int i = 0; i < 2; i++) {
        struct simba_bench *bench;
        const struct simba_bench_row row = measure_one(names[i], "batch=1 channels=2", 60, &bench);
        assert_float_equal(row.error, 0, 0);
        assert_true(row.runs >= 3);
        assert_non_null(strstr(row.note, "windows/s"));
        simba_bench_destroy(bench);
    }
}

static void mistakes_are_named(void **state) {
    (void)state;
    static const struct {
        const char *name, *shape, *precision, *part;
    } cases[] = {{"scan/forwards", NULL, NULL, "(did you mean \"scan/forward\"?)"},
                 {"nothing*", NULL, NULL, "No benchmark is called \"nothing*\""},
                 {"scan/*", "token=3", NULL, "(did you mean \"tokens\"?)"},
                 {"scan/*", "side=3", NULL, "has a parameter \"side\""},
                 {"scan/*", "tokens=x", NULL, "\"x\" was found"},
                 {"scan/*", "", NULL, "NAME=VALUES was expected"},
                 {"scan/*", " \t", NULL, "and nothing was found"},
                 {"scan/*", NULL, "fp8", "\"fp8\" was found"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct simba_error error = {0};
        struct simba_bench *bench = simba_bench_create(&error);
        const struct simba_bench_options options = {
            .choice = {
                .names = &cases[i].name, .name_count = 1, .shape = cases[i].shape, .precision = cases[i].precision}};
        assert_false(measure(bench, &options, &error));
        assert_int_equal(error.code, SIMBA_ERROR_ARGUMENT);
        if (!strstr(error.message, cases[i].part)) fail_msg("%s", error.message);
        simba_bench_destroy(bench);
    }
}

int main(void) {
    struct simba_error error = {0};
    if (!sb_device_open(&(struct sb_device_parameters){.choice = "cpu"}, &device, &error)) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_row_is_complete, reset),
        cmocka_unit_test_setup(a_part_verifies_all, reset),
        cmocka_unit_test_setup(what_cannot_be_verified_says_so, reset),
        cmocka_unit_test_setup(a_wrong_kernel_is_not_timed, reset),
        cmocka_unit_test(distances_are_relative),
        cmocka_unit_test_setup(a_kernel_that_does_not_repeat_is_not_timed, reset),
        cmocka_unit_test_setup(clocks_are_chosen, reset),
        cmocka_unit_test_setup(a_lost_device_ends_it, reset),
        cmocka_unit_test_setup(it_can_be_stopped_before_the_first_row, reset),
        cmocka_unit_test_setup(the_ceiling_is_that_of_what_ran, reset),
        cmocka_unit_test_setup(a_long_variant_is_cut_visibly, reset),
        cmocka_unit_test_setup(impossible_shapes_are_rows, reset),
        cmocka_unit_test_setup(models_are_verified, reset),
        cmocka_unit_test_setup(mistakes_are_named, reset),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    device->backend = &sb_backend_cpu;
    sb_device_close(device);
    return failed;
}
