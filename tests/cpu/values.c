/* The reference against values that follow from a formula by hand: what finite differences cannot see, because a
 * mistake made forwards and backwards alike has consistent gradients. */
#include "backend/backend.h"
#include "ops/ops.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SHAPE(...)      \
    (const int64_t[]) { \
        __VA_ARGS__     \
    }
#define VALUES(...)   \
    (const float[]) { \
        __VA_ARGS__   \
    }

struct bench {
    struct sb_graph graph;
    struct sb_device *device;
    struct sb_program *program;
    struct sb_plan plan;
    const struct sb_tensor *inputs[8];
    const void *values[8];
    int count;
};

static void start(struct bench *bench) {
    memset(bench, 0, sizeof(*bench));
    sb_graph_init(&bench->graph, false);
}

static struct sb_tensor *input(struct bench *bench, const char *name, int rank, const int64_t *shape,
                               const float *values) {
    struct sb_tensor *tensor = sb_input(&bench->graph, name, SB_FLOAT32, rank, shape);
    bench->inputs[bench->count] = tensor;
    bench->values[bench->count++] = values;
    return tensor;
}

static void run(struct bench *bench) {
    struct simba_error error = {0};
    size_t end = 0;
    if (!sb_graph_ok(&bench->graph, &error)) fail_msg("%s", error.message);
    for (int i = 0; i < bench->graph.tensor_count; i++) {
        struct sb_tensor *tensor = bench->graph.tensors[i];
        if (tensor->base) continue;
        tensor->offset = (int64_t)end;
        end += (sb_bytes(tensor) + 15) / 16 * 16;
    }
    bench->plan.activation_bytes = end;
    struct sb_program_parameters parameters = {.graph = &bench->graph, .plan = &bench->plan};
    assert_true(sb_device_open(&(struct sb_device_parameters){.choice = "cpu"}, &bench->device, &error));
    if (!sb_program_create(bench->device, &parameters, &bench->program, &error)) fail_msg("%s", error.message);
    for (int i = 0; i < bench->count; i++)
        memcpy(sb_program_host(bench->program, 0, bench->inputs[i]), bench->values[i],
               (size_t)sb_elements(bench->inputs[i]) * sizeof(float));
    assert_true(sb_program_submit(bench->program, 0, ~0u, &error));
}

static void expect(struct bench *bench, const struct sb_tensor *tensor, const float *values) {
    struct simba_error error;
    float *got = calloc((size_t)sb_elements(tensor), sizeof(float));
    assert_non_null(got);
    assert_true(sb_program_read(bench->program, tensor, got, &error));
    for (int64_t i = 0; i < sb_elements(tensor); i++)
        if (!(fabsf(got[i] - values[i]) <= 1e-6f * fmaxf(1, fabsf(values[i]))))
            fail_msg("%s[%lld] is %.9g, expected %.9g", tensor->name, (long long)i, got[i], values[i]);
    free(got);
}

static void finish(struct bench *bench) {
    sb_program_destroy(bench->program);
    sb_device_close(bench->device);
    sb_graph_finish(&bench->graph);
}

static void linear_follows_its_formula(void **state) {
    (void)state;
    struct bench bench;
    start(&bench);
    struct sb_linear_parameters p = {.name = "y", .activation = SB_ACTIVATION_RELU};
    p.a = input(&bench, "a", 3, SHAPE(2, 1, 2), VALUES(1, 2, 3, -4));
    p.b = input(&bench, "b", 2, SHAPE(2, 3), VALUES(1, 0, -1, 2, 1, 0));
    p.bias = input(&bench, "bias", 1, SHAPE(3), VALUES(0.5f, 0, 1));
    p.residual = input(&bench, "residual", 3, SHAPE(2, 1, 3), VALUES(10, 20, 30, 40, 50, 60));
    p.row_scale = input(&bench, "row_scale", 1, SHAPE(2), VALUES(2, -1));
    struct sb_tensor *y = sb_op_linear(&bench.graph, p);
    run(&bench);
    /* a b + bias: (5.5, 2, 0), (-4.5, -4, -2) */
    expect(&bench, y, VALUES(21, 24, 30, 40, 50, 60));
    finish(&bench);
}

static void transposed_and_grouped_weights_are_the_same_matrix(void **state) {
    (void)state;
    struct bench bench;
    start(&bench);
    struct sb_tensor *a = input(&bench, "a", 2, SHAPE(1, 4), VALUES(1, 2, 3, 4));
    struct sb_tensor *b = input(&bench, "b", 3, SHAPE(2, 2, 1), VALUES(1, 10, 100, 1000));
    struct sb_tensor *c = input(&bench, "c", 3, SHAPE(2, 1, 2), VALUES(1, 10, 100, 1000));
    struct sb_tensor *y =
        sb_op_linear(&bench.graph, (struct sb_linear_parameters){.name = "y", .a = a, .b = b, .groups = 2});
    struct sb_tensor *t = sb_op_linear(
        &bench.graph, (struct sb_linear_parameters){.name = "t", .a = a, .b = c, .groups = 2, .transpose_b = true});
    run(&bench);
    expect(&bench, y, VALUES(21, 4300));
    expect(&bench, t, VALUES(21, 4300));
    finish(&bench);
}

/* A filter with a single one moves the image: rows and columns, and the direction, cannot be mistaken. */
static void convolutions_are_oriented_as_in_pytorch(void **state) {
    (void)state;
    struct bench bench;
    start(&bench);
    struct sb_tensor *x = input(&bench, "x", 4, SHAPE(1, 2, 3, 1), VALUES(1, 2, 3, 4, 5, 6));
    struct sb_tensor *weight = input(&bench, "weight", 4, SHAPE(1, 1, 3, 3), VALUES(0, 0, 0, 0, 0, 1, 0, 0, 0));
    struct sb_tensor *y =
        sb_op_conv2d(&bench.graph, (struct sb_conv2d_parameters){.name = "y", .x = x, .weight = weight, .padding = 1});
    struct sb_tensor *strided = sb_op_conv2d(
        &bench.graph, (struct sb_conv2d_parameters){.name = "s", .x = x, .weight = weight, .padding = 1, .stride = 2});
    struct sb_tensor *depthwise =
        sb_op_depthwise_conv2d(&bench.graph, (struct sb_depthwise_parameters){.name = "d", .x = x, .weight = weight});
    struct sb_tensor *tokens = input(&bench, "tokens", 3, SHAPE(1, 4, 1), VALUES(1, 2, 3, 4));
    struct sb_tensor *taps = input(&bench, "taps", 3, SHAPE(1, 1, 3), VALUES(100, 10, 1));
    struct sb_tensor *causal = sb_op_causal_conv1d(
        &bench.graph, (struct sb_causal_conv1d_parameters){.name = "c", .x = tokens, .weight = taps});
    run(&bench);
    expect(&bench, y, VALUES(2, 3, 0, 5, 6, 0));
    expect(&bench, strided, VALUES(2, 0));
    expect(&bench, depthwise, VALUES(2, 3, 0, 5, 6, 0));
    expect(&bench, causal, VALUES(1, 12, 123, 234));
    finish(&bench);
}

static void normalisations_have_the_variances_they_should(void **state) {
    (void)state;
    struct bench bench;
    start(&bench);
    struct sb_tensor *x = input(&bench, "x", 2, SHAPE(2, 2), VALUES(1, 5, 3, 3));
    struct sb_tensor *gamma = input(&bench, "gamma", 1, SHAPE(2), VALUES(2, 1));
    struct sb_tensor *beta = input(&bench, "beta", 1, SHAPE(2), VALUES(0, 1));
    struct sb_tensor *mean = input(&bench, "mean", 1, SHAPE(2), VALUES(0, 0));
    struct sb_tensor *var = input(&bench, "var", 1, SHAPE(2), VALUES(1, 1));
    struct sb_tensor *rows = sb_op_layer_norm(&bench.graph, "rows", x, gamma, beta, 0);
    struct sb_tensor *batch = sb_op_batch_norm(&bench.graph, (struct sb_batch_norm_parameters){.name = "batch",
                                                                                               .x = x,
                                                                                               .gamma = gamma,
                                                                                               .beta = beta,
                                                                                               .running_mean = mean,
                                                                                               .running_var = var,
                                                                                               .momentum = 0.1f,
                                                                                               .training = true});
    /* The second row is constant: with epsilon 0 its deviation is 0 / 0, so only the first is looked at. */
    struct sb_tensor *first = sb_view_reshape(&bench.graph, rows, 3, SHAPE(1, 2, 2));
    struct sb_tensor *row = sb_op_slice_tokens(&bench.graph, "row", first, 0, 1);
    run(&bench);
    expect(&bench, row, VALUES(-2, 2));
    expect(&bench, batch, VALUES(-2, 2, 2, 0));
    expect(&bench, mean, VALUES(0.2f, 0.4f)); /* 0.1 times the means 2 and 4 */
    expect(&bench, var, VALUES(1.1f, 1.1f));  /* 0.9 + 0.1 times the unbiased variance 2 */
    finish(&bench);
}

/* u = 1, delta = log 2, a = -1: h = h / 2 + log 2, so h_t = 2 log 2 (1 - 2^-t). */
static void scan_is_a_geometric_series(void **state) {
    (void)state;
    struct bench bench;
    start(&bench);
    const float log2 = 0.6931471805599453f;
    struct sb_scan_parameters p = {.name = "y"};
    p.u = input(&bench, "u", 3, SHAPE(1, 3, 1), VALUES(1, 1, 1));
    p.delta = input(&bench, "delta", 3, SHAPE(1, 3, 1), VALUES(log2, log2, log2));
    p.a = input(&bench, "a", 2, SHAPE(1, 1), VALUES(-1));
    p.b = input(&bench, "b", 3, SHAPE(1, 3, 1), VALUES(1, 1, 1));
    p.c = input(&bench, "c", 3, SHAPE(1, 3, 1), VALUES(1, 2, -1));
    p.d = input(&bench, "d", 1, SHAPE(1), VALUES(10));
    struct sb_tensor *y = sb_op_selective_scan(&bench.graph, p);
    run(&bench);
    expect(&bench, y, VALUES(10 + log2, 10 + 3 * log2, 10 - 1.75f * log2));
    finish(&bench);
}

/* x = 1 at token 1 of block 1: the phase turns by -2 pi f / 3 along tokens and by -i along blocks, norm 1 / sqrt(12).
 */
static void spectrum_of_an_impulse_is_its_phases(void **state) {
    (void)state;
    struct bench bench;
    start(&bench);
    float expected[24];
    for (int f = 0; f < 3; f++)
        for (int k = 0; k < 4; k++) {
            double angle = -2 * 3.14159265358979323846 * (f / 3.0 + k / 4.0);
            expected[f * 8 + 2 * k] = (float)(cos(angle) / sqrt(12));
            expected[f * 8 + 2 * k + 1] = (float)(sin(angle) / sqrt(12));
        }
    const float *values = VALUES(0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0);
    struct sb_tensor *x = input(&bench, "x", 3, SHAPE(1, 3, 4), values);
    struct sb_tensor *z = sb_op_spectrum(&bench.graph, "z", x, NULL);
    struct sb_tensor *back = sb_op_synthesis(&bench.graph, "back", z, x, NULL);
    run(&bench);
    expect(&bench, z, expected);
    expect(&bench, back, VALUES(0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0));
    finish(&bench);
}

static void complex_matrix_multiplies_complex_rows(void **state) {
    (void)state;
    struct bench bench;
    start(&bench);
    struct sb_tensor *weight = input(&bench, "weight", 4, SHAPE(2, 1, 1, 1), VALUES(3, 4)); /* 3 + 4 i */
    struct sb_tensor *row = input(&bench, "row", 2, SHAPE(1, 2), VALUES(1, 2));             /* 1 + 2 i */
    struct sb_tensor *matrix = sb_op_complex_matrix(&bench.graph, "matrix", weight);
    struct sb_tensor *y = sb_op_linear(&bench.graph, (struct sb_linear_parameters){.name = "y", .a = row, .b = matrix});
    run(&bench);
    expect(&bench, y, VALUES(-5, 10));
    finish(&bench);
}

static void losses_and_reductions_have_known_values(void **state) {
    (void)state;
    struct bench bench;
    start(&bench);
    struct sb_tensor *logits = input(&bench, "logits", 2, SHAPE(2, 4), VALUES(80, 80, 80, 80, -80, -80, -80, -80));
    struct sb_tensor *target = input(&bench, "target", 2, SHAPE(2, 4), VALUES(1, 0, 0, 0, 0.5f, 0.5f, 0, 0));
    struct sb_tensor *loss = sb_op_cross_entropy(&bench.graph, "loss", logits, target, 0, 0.5f);
    struct sb_tensor *x = input(&bench, "x", 3, SHAPE(1, 3, 2), VALUES(1, 6, 4, 2, 4, 1));
    struct sb_tensor *mean = sb_op_token_mean(&bench.graph, "mean", x);
    struct sb_tensor *largest = sb_op_token_max(&bench.graph, "largest", x);
    run(&bench);
    expect(&bench, loss, VALUES(0.5f * logf(4)));
    expect(&bench, mean, VALUES(3, 3));
    expect(&bench, largest, VALUES(4, 6));
    int32_t index[2];
    struct simba_error error;
    assert_true(sb_program_read(bench.program, bench.graph.nodes[2]->outputs[1], index, &error));
    assert_int_equal(index[0], 1); /* the first of two equal ones */
    assert_int_equal(index[1], 0);
    finish(&bench);
}

/* Two channels of four values: 1 3 5 7 with mean 4 and variance 5, and a constant one, which becomes zeros. */
static void patches_are_cut_and_normalised(void **state) {
    (void)state;
    struct bench bench;
    start(&bench);
    const float deviation = sqrtf(5 + 1e-5f), constant = sqrtf(1e-5f), a = 1 / deviation;
    struct sb_tensor *x = input(&bench, "x", 3, SHAPE(1, 4, 2), VALUES(1, 8, 3, 8, 5, 8, 7, 8)), *statistics, *none;
    struct sb_series_patches_parameters p = {
        .name = "plain", .x = x, .patch = 3, .stride = 2, .padding = 2, .statistics = &none};
    struct sb_tensor *plain = sb_op_series_patches(&bench.graph, p);
    p.mix_channels = true;
    struct sb_tensor *mixed = sb_op_series_patches(&bench.graph, p);
    struct sb_tensor *rows = sb_op_series_patches(
        &bench.graph, (struct sb_series_patches_parameters){
                          .name = "rows", .x = x, .normalise = SB_NORMALISE_INSTANCE, .statistics = &statistics});
    struct sb_tensor *back = sb_op_series_forecast(&bench.graph, "back", rows, statistics);
    struct sb_tensor *levels,
        *level = sb_op_series_patches(
            &bench.graph, (struct sb_series_patches_parameters){
                              .name = "level", .x = x, .normalise = SB_NORMALISE_MEAN, .statistics = &levels});
    run(&bench);
    expect(&bench, level, VALUES(-3, -1, 1, 3, 0, 0, 0, 0));
    expect(&bench, levels, VALUES(4, 1, 8, 1));
    /* The last value stands for what is behind it; the seventh value would begin no whole patch. */
    expect(&bench, plain, VALUES(1, 3, 5, 5, 7, 7, 8, 8, 8, 8, 8, 8));
    expect(&bench, mixed, VALUES(1, 3, 5, 8, 8, 8, 5, 7, 7, 8, 8, 8));
    expect(&bench, rows, VALUES(-3 * a, -a, a, 3 * a, 0, 0, 0, 0));
    expect(&bench, none, VALUES(0, 1, 0, 1));
    expect(&bench, statistics, VALUES(4, deviation, 8, constant));
    expect(&bench, back, VALUES(1, 8, 3, 8, 5, 8, 7, 8));
    finish(&bench);
}

static void forecast_losses_have_known_values(void **state) {
    (void)state;
    struct bench bench;
    start(&bench);
    struct sb_forecast_loss_parameters p = {.name = "squared"};
    p.prediction = input(&bench, "prediction", 3, SHAPE(1, 2, 2), VALUES(1, 2, 3, -1));
    p.target = input(&bench, "target", 3, SHAPE(1, 2, 2), VALUES(1, 2.5f, 0, 1)); /* errors 0, -0.5, 3, -2 */
    struct sb_tensor *squared = sb_op_forecast_loss(&bench.graph, p);
    p.kind = SB_FORECAST_LOSS_ABSOLUTE;
    struct sb_tensor *absolute = sb_op_forecast_loss(&bench.graph, p);
    p.first_channel = 1;
    p.weight = 3;
    struct sb_tensor *last = sb_op_forecast_loss(&bench.graph, p);
    struct sb_tensor *huber = sb_op_forecast_loss(
        &bench.graph,
        (struct sb_forecast_loss_parameters){
            .name = "huber", .prediction = p.prediction, .target = p.target, .kind = SB_FORECAST_LOSS_HUBER});
    run(&bench);
    expect(&bench, squared, VALUES(13.25f / 4));
    expect(&bench, absolute, VALUES(5.5f / 4));
    expect(&bench, last, VALUES(3 * 2.5f / 2));
    expect(&bench, huber, VALUES((0.125f + 2.5f + 1.5f) / 4));
    finish(&bench);
}

static void sequences_are_averaged_reversed_and_shifted(void **state) {
    (void)state;
    struct bench bench;
    start(&bench);
    struct sb_tensor *x = input(&bench, "x", 2, SHAPE(2, 4), VALUES(3, 6, 0, 9, 1, 1, 1, 1)), *remainder;
    struct sb_tensor *trend = sb_op_moving_average(&bench.graph, "trend", x, 3, &remainder);
    struct sb_tensor *y = input(&bench, "y", 3, SHAPE(2, 3, 2), VALUES(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12));
    struct sb_tensor *reversed = sb_op_reverse_tokens(&bench.graph, "reversed", y);
    struct sb_tensor *places = input(&bench, "places", 2, SHAPE(3, 2), VALUES(0, 10, 20, 30, 40, 50));
    struct sb_tensor *shifted = sb_op_add_row(&bench.graph, "shifted", y, places);
    run(&bench);
    expect(&bench, trend, VALUES(4, 3, 5, 6, 1, 1, 1, 1));
    expect(&bench, remainder, VALUES(-1, 3, -5, 3, 0, 0, 0, 0));
    expect(&bench, reversed, VALUES(5, 6, 3, 4, 1, 2, 11, 12, 9, 10, 7, 8));
    expect(&bench, shifted, VALUES(1, 12, 23, 34, 45, 56, 7, 18, 29, 40, 51, 62));
    finish(&bench);
}

/* The values of a dropout over ones for `samples` of them. */
static void drop_ones(int64_t samples, uint32_t micro_batch, uint32_t branch, float *values) {
    enum { COUNT = 999 };
    struct bench bench;
    start(&bench);
    float *ones = calloc((size_t)samples * COUNT, sizeof(float));
    assert_non_null(ones);
    for (int64_t i = 0; i < samples * COUNT; i++) ones[i] = 1;
    struct sb_tensor *x = input(&bench, "x", 2, SHAPE(samples, COUNT), ones);
    struct sb_tensor *y = sb_op_dropout(&bench.graph, "y", x, 0.25f, branch);
    const struct sb_step_numbers step = {.seed = {5, 6}, .step = {7}, .micro_batch = micro_batch};
    bench.inputs[bench.count] = sb_step_input(&bench.graph);
    bench.values[bench.count++] = &step;
    run(&bench);
    struct simba_error error;
    assert_true(sb_program_read(bench.program, y, values, &error));
    finish(&bench);
    free(ones);
}

static void dropout_does_not_depend_on_the_cut_into_micro_batches(void **state) {
    (void)state;
    enum { COUNT = 999 };
    static float whole[4 * COUNT], parts[4 * COUNT], other[4 * COUNT];
    drop_ones(4, 0, 3, whole);
    for (uint32_t part = 0; part < 2; part++) drop_ones(2, part, 3, parts + 2 * COUNT * part);
    drop_ones(4, 0, 4, other);
    assert_memory_equal(whole, parts, sizeof whole);
    int kept = 0, same = 0;
    for (int i = 0; i < 4 * COUNT; i++) {
        assert_true(whole[i] == 0 || whole[i] == 1 / 0.75f);
        kept += whole[i] != 0;
        same += whole[i] == other[i];
    }
    /* Five deviations: sqrt(3996 * 3/4 * 1/4) is 27, and two independent draws agree with probability 5/8. */
    assert_true(kept >= 2997 - 137 && kept <= 2997 + 137);
    assert_true(same >= 2498 - 153 && same <= 2498 + 153);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_follows_its_formula),
        cmocka_unit_test(transposed_and_grouped_weights_are_the_same_matrix),
        cmocka_unit_test(convolutions_are_oriented_as_in_pytorch),
        cmocka_unit_test(normalisations_have_the_variances_they_should),
        cmocka_unit_test(scan_is_a_geometric_series),
        cmocka_unit_test(spectrum_of_an_impulse_is_its_phases),
        cmocka_unit_test(complex_matrix_multiplies_complex_rows),
        cmocka_unit_test(losses_and_reductions_have_known_values),
        cmocka_unit_test(patches_are_cut_and_normalised),
        cmocka_unit_test(forecast_losses_have_known_values),
        cmocka_unit_test(sequences_are_averaged_reversed_and_shifted),
        cmocka_unit_test(dropout_does_not_depend_on_the_cut_into_micro_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
