/* The shaders' rounding of factors against the host's, bit for bit: one times every number of a type, what lies next to
 * it, the middle to its neighbour and what lies next to that; by each of the kernels that multiply. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/half.h"
#include "bits.h"
#include "check.h"
#include "ops/ops.h"

#include <math.h>

/* A column of numbers, and room for the others of a width that suits the kernel. */
enum { STEPS = 6, NUMBERS = 65536 * STEPS };

/* `lost` bits of a float are below the type's; of a half only where it is no subnormal number, so those come from their
 * values. Subnormal floats are left out: a device may multiply them as zeros. */
static void make_numbers(enum sb_precision precision, float *numbers) {
    for (uint32_t code = 0; code < 65536; code++) {
        const bool half = precision == SB_PRECISION_FP16;
        const float value = half ? sb_float_from_half((uint16_t)code) : from_bits(code << 16);
        const float next = half ? sb_float_from_half((uint16_t)(code + 1)) : from_bits((code + 1) << 16);
        const float largest = half ? 65520 : from_bits(0x7f7f8000);
        const bool last = isfinite(value) && !isfinite(next);
        const float middle = last ? copysignf(largest, value) : (float)(((double)value + (double)next) / 2);
        const float candidates[STEPS] = {value,  nextafterf(value, 0),  nextafterf(value, 2 * value),
                                         middle, nextafterf(middle, 0), nextafterf(middle, 2 * middle)};
        for (int i = 0; i < STEPS; i++) numbers[code * STEPS + i] = candidates[i];
    }
}

static bool is_subnormal(float value) {
    return value != 0 && fabsf(value) < 0x1p-126f;
}

struct product {
    struct sb_graph graph;
    struct sb_tensor *numbers, *ones, *y;
    int64_t width; /* of a row of numbers, of which the first counts; the others are zeros */
};

static void expect_rounded(enum sb_precision precision, const struct product *product, const float *numbers) {
    struct sb_plan plan;
    struct sb_program *program = NULL;
    struct sb_graph graph = product->graph;
    CHECK(sb_graph_ok(&graph, &error));
    sb_mark_output(product->y);
    CHECK(sb_plan_memory(&graph, (struct sb_plan_parameters){0}, &plan, &error));
    const struct sb_program_parameters parameters = {.graph = &graph, .plan = &plan, .name = "precision"};
    CHECK(sb_program_create(device, &parameters, &program, &error));
    float *left = sb_program_host(program, 0, product->numbers), *right = sb_program_host(program, 0, product->ones);
    memset(left, 0, (size_t)sb_elements(product->numbers) * sizeof *left);
    memset(right, 0, (size_t)sb_elements(product->ones) * sizeof *right);
    const int64_t count = sb_elements(product->numbers) / product->width;
    for (int64_t i = 0; i < count; i++) left[i * product->width] = numbers[i];
    right[0] = 1;
    CHECK(sb_program_submit(program, 0, ~0u, &error) && sb_program_wait(program, 0, &error));
    const float *y = sb_program_host(program, 0, product->y);
    const int64_t columns = sb_columns(product->y);
    int64_t checked = 0;
    for (int64_t i = 0; i < count; i++) {
        const float got = y[i * columns];
        const float wanted =
            precision == SB_PRECISION_FP16 ? sb_round_to_half(numbers[i]) : sb_round_to_bfloat(numbers[i]);
        if (is_subnormal(numbers[i]) || is_subnormal(wanted)) continue;
        checked++;
        /* Infinity times the zeros beside the one is no number. */
        if (isinf(wanted) ? isfinite(got) : isnan(wanted) ? !isnan(got) : got != wanted)
            fail_msg("%a (%08x) becomes %a instead of %a", numbers[i], bits_of(numbers[i]), got, wanted);
    }
    assert_true(checked > count / 2);
    sb_program_destroy(program);
}

static void start(struct product *product, enum sb_precision precision, int64_t width) {
    *product = (struct product){.width = width};
    sb_graph_init(&product->graph, false);
    product->graph.precision = precision;
}

/* Width 1: the kernel for any device; 4: where there is one, that for texels. */
static void linear(struct product *product, enum sb_precision precision, int64_t width) {
    start(product, precision, width);
    product->numbers = sb_input(&product->graph, "numbers", SB_FLOAT32, 2, (const int64_t[]){NUMBERS, width});
    product->ones = sb_input(&product->graph, "ones", SB_FLOAT32, 2, (const int64_t[]){width, width});
    product->y =
        sb_op_linear(&product->graph, (struct sb_linear_parameters){.a = product->numbers, .b = product->ones});
}

static void conv2d(struct product *product, enum sb_precision precision, int64_t width) {
    start(product, precision, width);
    product->numbers =
        sb_input(&product->graph, "numbers", SB_FLOAT32, 4, (const int64_t[]){1, STEPS * 256, 256, width});
    product->ones = sb_input(&product->graph, "ones", SB_FLOAT32, 4, (const int64_t[]){width, width, 1, 1});
    product->y =
        sb_op_conv2d(&product->graph, (struct sb_conv2d_parameters){.x = product->numbers, .weight = product->ones});
}

static void depthwise(struct product *product, enum sb_precision precision, int64_t width) {
    start(product, precision, width);
    product->numbers =
        sb_input(&product->graph, "numbers", SB_FLOAT32, 4, (const int64_t[]){1, STEPS * 256, 256, width});
    product->ones = sb_input(&product->graph, "ones", SB_FLOAT32, 4, (const int64_t[]){width, 1, 1, 1});
    product->y = sb_op_depthwise_conv2d(
        &product->graph, (struct sb_depthwise_parameters){.x = product->numbers, .weight = product->ones});
}

static void rounds(void **state) {
    void (*const *build)(struct product *, enum sb_precision, int64_t) = *state;
    float *numbers = malloc(NUMBERS * sizeof *numbers);
    assert_non_null(numbers);
    for (int precision = SB_PRECISION_BF16; precision <= SB_PRECISION_FP16; precision++) {
        make_numbers((enum sb_precision)precision, numbers);
        for (int64_t width = 1; width <= 4; width += 3) {
            struct product product;
            (*build)(&product, (enum sb_precision)precision, width);
            expect_rounded((enum sb_precision)precision, &product, numbers);
            sb_graph_finish(&product.graph);
        }
    }
    free(numbers);
}

int main(void) {
    const struct sb_device_parameters parameters = wished_device();
    device = open_device(&parameters);
    static void (*const builders[])(struct product *, enum sb_precision, int64_t) = {linear, conv2d, depthwise};
    const struct CMUnitTest tests[] = {
        {"linear", rounds, NULL, NULL, (void *)(uintptr_t)&builders[0]},
        {"conv2d", rounds, NULL, NULL, (void *)(uintptr_t)&builders[1]},
        {"depthwise", rounds, NULL, NULL, (void *)(uintptr_t)&builders[2]},
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return close_device(device) + failed ? 1 : 0;
}
