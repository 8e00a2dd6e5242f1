/* What precision means: a product in 16 bits is, bit for bit, the product of factors that were rounded before; bias,
 * its gradient and every other operation do not notice. */
#include "backend/backend.h"
#include "base/half.h"
#include "cases.h"
#include "families.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef float (*rounding)(float);

struct subject {
    const struct check_family *family;
    int64_t sizes[CHECK_SIZES];
    int precision;             /* which of the sizes it is */
    const char *factors[3];    /* the inputs that are multiplied, the gradient of the result among them */
    const char *products[4];   /* "": the result; else the input whose gradient is meant */
    const char *bystanders[4]; /* likewise, where nothing may be rounded */
};

enum { SEED = 11 };
static struct sb_device *device;

static void must(bool done, const struct simba_error *error) {
    if (!done) fail_msg("%s", error->message);
}

static bool is_factor(const struct subject *subject, const char *name) {
    for (int i = 0; i < 3; i++)
        if (subject->factors[i] && !strcmp(subject->factors[i], name)) return true;
    return false;
}

/* The values of a result, to be freed. `round` NULL: the inputs as they are drawn. */
static float *compute(const struct subject *subject, enum sb_precision precision, rounding round, const char *result,
                      size_t *bytes) {
    struct simba_error error;
    struct check check;
    struct sb_program *program;
    struct sb_plan plan;
    int64_t sizes[CHECK_SIZES];
    memcpy(sizes, subject->sizes, sizeof sizes);
    sizes[subject->precision] = (int64_t)precision;
    must(check_case(&check, subject->family, SEED, 0, sizes, 0, &error), &error);
    must(sb_plan_memory(&check.graph, (struct sb_plan_parameters){.keep_all = true}, &plan, &error), &error);
    const struct sb_program_parameters parameters = {.graph = &check.graph, .plan = &plan, .name = "factors"};
    must(sb_program_create(device, &parameters, &program, &error), &error);
    for (int i = 0; i < check.input_count; i++) {
        const struct sb_tensor *tensor = check.inputs[i].tensor;
        float *values = check.inputs[i].values;
        for (int64_t k = 0; round && is_factor(subject, tensor->name) && k < sb_elements(tensor); k++)
            values[k] = round(values[k]);
        memcpy(sb_program_host(program, 0, tensor), values, (size_t)sb_elements(tensor) * sizeof *values);
    }
    must(sb_program_submit(program, 0, ~0u, &error) && sb_program_wait(program, 0, &error), &error);
    char name[64];
    snprintf(name, sizeof name, "grad/%s", result);
    const struct sb_tensor *tensor = result[0] ? sb_find_tensor(&check.graph, name) : check.roots[0];
    assert_non_null(tensor);
    *bytes = (size_t)sb_elements(tensor) * sizeof(float);
    float *values = malloc(*bytes);
    assert_non_null(values);
    must(sb_program_read(program, tensor, values, &error), &error);
    sb_program_destroy(program);
    check_finish(&check);
    return values;
}

static bool same(const struct subject *subject, const char *result, enum sb_precision precision, rounding round) {
    size_t bytes;
    float *got = compute(subject, precision, NULL, result, &bytes);
    float *wanted = compute(subject, SB_PRECISION_FP32, round, result, &bytes);
    const bool equal = memcmp(got, wanted, bytes) == 0;
    free(got);
    free(wanted);
    return equal;
}

static void rounds_factors(void **state) {
    const struct subject *subject = *state;
    static const struct {
        enum sb_precision precision;
        rounding round;
    } types[] = {{SB_PRECISION_BF16, sb_round_to_bfloat}, {SB_PRECISION_FP16, sb_round_to_half}};
    for (int t = 0; t < 2; t++)
        for (int i = 0; i < 4; i++) {
            const char *product = subject->products[i], *bystander = subject->bystanders[i];
            if (product && !same(subject, product, types[t].precision, types[t].round))
                fail_msg("\"%s\" is not the product of rounded factors", product);
            if (product && same(subject, product, types[t].precision, NULL))
                fail_msg("\"%s\" is not rounded at all", product);
            if (bystander && !same(subject, bystander, types[t].precision, NULL))
                fail_msg("\"%s\" is rounded", bystander);
        }
}

static void build_conv1d(struct check *check, const int64_t *sizes) {
    check->graph.precision = (enum sb_precision)sizes[CHECK_SIZES - 1];
    check_causal_conv1d.build(check, sizes);
}

int main(void) {
    static const struct check_family conv1d = {.name = "causal_conv1d", .build = build_conv1d};
    static const struct subject subjects[] = {
        {&check_linear, {2, 5, 9, 7, 1, SB_ACTIVATION_NONE, 1}, 7, {"a", "b", "seed0"}, {"", "a", "b"}, {"bias"}},
        {&check_linear, {1, 6, 4, 5, 2, SB_ACTIVATION_NONE, 9}, 7, {"a", "b", "seed0"}, {"", "a", "b"}, {"bias"}},
        {&check_conv2d, {2, 6, 5, 3, 4, 3, 2, 1, 1}, 9, {"x", "weight", "seed0"}, {"", "x", "weight"}, {"bias"}},
        {&check_depthwise_conv2d,
         {2, 5, 4, 3, 0, 3, 0, 0, 1},
         9,
         {"x", "weight", "seed0"},
         {"", "x", "weight"},
         {"bias"}},
        {&conv1d, {2, 6, 3, 4, 1}, CHECK_SIZES - 1, {NULL}, {NULL}, {"", "x", "weight", "bias"}},
    };
    enum { COUNT = sizeof subjects / sizeof subjects[0] };
    struct CMUnitTest tests[COUNT];
    for (int i = 0; i < COUNT; i++)
        tests[i] = (struct CMUnitTest){.name = subjects[i].family->name,
                                       .test_func = rounds_factors,
                                       .initial_state = (void *)(uintptr_t)&subjects[i]};
    struct simba_error error;
    if (!sb_device_open(&(struct sb_device_parameters){.choice = "cpu"}, &device, &error)) {
        printf("%s\n", error.message);
        return 1;
    }
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sb_device_close(device);
    return failed;
}
