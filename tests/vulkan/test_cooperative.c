/* Which products run on cooperative matrices: those of fp16 alone, in both directions, where the device has them and no
 * mask hides them. That they are right is for the kernel check and for test_precision.c to say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "check.h"
#include "graph/differentiate.h"
#include "ops/ops.h"

struct count {
    int products, cooperative;
};

static void count_kernel(void *user, const struct sb_dispatch *dispatch) {
    struct count *count = user;
    if (strstr(dispatch->kernel, "product")) count->products++;
    if (!strcmp(dispatch->kernel, "cooperative_product")) count->cooperative++;
    print_message("%s %s\n", dispatch->kernel, dispatch->constants);
}

/* Counts the kernels of one product [rows, depth] x [depth, 24] with its gradients: three products. */
static struct count count_kernels(enum sb_precision precision, int64_t rows, int64_t depth, bool bias) {
    struct sb_graph graph;
    struct sb_plan plan;
    struct sb_program *program;
    struct count count = {0, 0};
    sb_graph_init(&graph, true);
    graph.precision = precision;
    struct sb_tensor *a = sb_input(&graph, "a", SB_FLOAT32, 2, (const int64_t[]){rows, depth});
    struct sb_tensor *b = sb_input(&graph, "b", SB_FLOAT32, 2, (const int64_t[]){depth, 24});
    sb_require_gradient(a);
    sb_require_gradient(b);
    struct sb_tensor *y =
        sb_op_linear(&graph, (struct sb_linear_parameters){
                                 .name = "product",
                                 .a = a,
                                 .b = b,
                                 .bias = bias ? sb_input(&graph, "bias", SB_FLOAT32, 1, (const int64_t[]){24}) : NULL});
    struct sb_tensor *dy = sb_input(&graph, "dy", SB_FLOAT32, 2, (const int64_t[]){rows, 24});
    CHECK(sb_differentiate(&graph, y, dy, &error));
    sb_mark_output(y);
    sb_mark_output(sb_gradient_of(&graph, a));
    sb_mark_output(sb_gradient_of(&graph, b));
    CHECK(sb_graph_ok(&graph, &error));
    CHECK(sb_plan_memory(&graph, (struct sb_plan_parameters){0}, &plan, &error));
    CHECK(sb_program_create(
        device, &(struct sb_program_parameters){.graph = &graph, .plan = &plan, .profile = true, .name = "products"},
        &program, &error));
    for (int i = 0; i < graph.node_count; i++)
        CHECK(sb_program_dispatches(program, 0, i, count_kernel, &count, &error));
    sb_program_destroy(program);
    sb_graph_finish(&graph);
    return count;
}

/* Opens the test's device with these features off; panels, which software devices prefer, among them. */
static bool reopen(const char *disable) {
    struct sb_device_parameters parameters = wished_device();
    parameters.disable = disable;
    device = open_device(&parameters);
    return strstr(sb_device_describe(device)->features, "cooperative matrices ") &&
           !strstr(sb_device_describe(device)->features, "without cooperative");
}

static void test_products(void **state) {
    (void)state;
    const bool has = reopen("subgroup");
    struct count count = count_kernels(SB_PRECISION_FP16, 40, 56, true);
    print_message("%s\n", sb_device_describe(device)->features);
    assert_true(count.products == 3 && count.cooperative == (has ? 3 : 0));
    count = count_kernels(SB_PRECISION_FP32, 40, 56, true);
    assert_true(count.products == 3 && count.cooperative == 0);
    count = count_kernels(SB_PRECISION_BF16, 40, 56, true);
    assert_true(count.products == 3 && count.cooperative == 0);
    /* So long a sum must be split, which an epilogue rules out; the gradients have none. */
    count = count_kernels(SB_PRECISION_FP16, 40, 5000, true);
    assert_true(count.products == 3 && count.cooperative == (has ? 2 : 0));
    count = count_kernels(SB_PRECISION_FP16, 40, 5000, false);
    assert_true(count.products == 3 && count.cooperative == (has ? 3 : 0));
    assert_int_equal(close_device(device), 0);
    if (!has) skip();
}

static void test_mask(void **state) {
    (void)state;
    static const char *const masks[] = {"subgroup,coopmat", "subgroup,fp16"};
    for (int i = 0; i < 2; i++) {
        assert_false(reopen(masks[i]));
        const struct count count = count_kernels(SB_PRECISION_FP16, 40, 56, true);
        assert_true(count.products == 3 && count.cooperative == 0);
        assert_int_equal(close_device(device), 0);
    }
}

int main(void) {
    const struct sb_device_parameters parameters = wished_device();
    close_device(open_device(&parameters)); /* skipped without a device */
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_products), cmocka_unit_test(test_mask)};
    return cmocka_run_group_tests_name("cooperative", tests, NULL, NULL);
}
