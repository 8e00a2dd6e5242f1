/* The graph's bookkeeping and the shape rules of the builders: what is refused, and in which words. */
#include "ops/ops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define SHAPE(...)                                                      \
    (sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]) { \
        __VA_ARGS__                                                     \
    }

static struct sb_tensor *input(struct sb_graph *graph, const char *name, size_t rank, const int64_t *shape) {
    return sb_input(graph, name, SB_FLOAT32, (int)rank, shape);
}

static void assert_fails_with(struct sb_graph *graph, const char *words) {
    struct simba_error error = {0};
    assert_false(sb_graph_ok(graph, &error));
    assert_int_equal(error.code, SIMBA_ERROR_ARGUMENT);
    if (!strstr(error.message, words)) fail_msg("\"%s\" does not say \"%s\"", error.message, words);
    sb_graph_finish(graph);
}

static void names_carry_the_scope(void **state) {
    (void)state;
    struct sb_graph graph;
    sb_graph_init(&graph, false);
    struct sb_tensor *x = input(&graph, "x", SHAPE(2, 3));
    size_t outer = sb_scope_enter(&graph, "block%d.%d", 1, 0);
    size_t inner = sb_scope_enter(&graph, "attn");
    struct sb_tensor *y = sb_op_activation(&graph, "act", x, SB_ACTIVATION_RELU, 0);
    sb_scope_leave(&graph, inner);
    sb_scope_leave(&graph, outer);
    assert_string_equal(y->name, "block1.0.attn.act");
    assert_ptr_equal(sb_find_tensor(&graph, "block1.0.attn.act"), y);
    assert_ptr_equal(y->producer, graph.nodes[0]);
    assert_string_equal(graph.scope, "");
    sb_graph_finish(&graph);
}

static void views_have_addresses(void **state) {
    (void)state;
    struct sb_graph graph;
    sb_graph_init(&graph, false);
    struct sb_tensor *x = input(&graph, "x", SHAPE(2, 3, 8));
    struct sb_tensor *parts[3];
    sb_op_split(&graph, x, 3, (int64_t[]){1, 5, 2}, parts);
    assert_true(sb_graph_ok(&graph, NULL));
    assert_ptr_equal(sb_storage(parts[2]), x);
    assert_int_equal(sb_address(parts[2]), 6 * 4);
    assert_int_equal(sb_bytes(parts[2]), (5 * 8 + 2) * 4);
    assert_false(sb_is_dense(parts[1]));
    assert_true(sb_is_dense(sb_op_reshape(&graph, x, 2, (int64_t[]){6, 8})));
    /* A view of a view refers to the storage. */
    struct sb_tensor *inner = sb_view_columns(&graph, parts[1], 2, 3);
    assert_ptr_equal(inner->base, x);
    assert_int_equal(inner->base_offset, 3);
    sb_graph_finish(&graph);
}

static void shared_tensors_are_one(void **state) {
    (void)state;
    struct sb_graph graph;
    sb_graph_init(&graph, true);
    struct sb_tensor *w = sb_shared(&graph, "w", SB_SPACE_PARAMETER, 512, SHAPE(4, 4), true);
    assert_ptr_equal(w, sb_shared(&graph, "w", SB_SPACE_PARAMETER, 512, SHAPE(4, 4), true));
    assert_ptr_not_equal(w, sb_shared(&graph, "w", SB_SPACE_GRADIENT, 512, SHAPE(4, 4), false));
    sb_graph_finish(&graph);
}

static void errors_stick(void **state) {
    (void)state;
    struct sb_graph graph;
    sb_graph_init(&graph, false);
    struct sb_tensor *x = input(&graph, "x", SHAPE(2, 3));
    struct sb_tensor *gamma = input(&graph, "gamma", SHAPE(4));
    struct sb_tensor *y = sb_op_layer_norm(&graph, "norm", x, gamma, gamma, 1e-5f);
    assert_null(y);
    y = sb_op_activation(&graph, "act", y, SB_ACTIVATION_GELU, 0);
    assert_null(y);
    assert_null(sb_op_token_mean(&graph, "mean", y));
    assert_fails_with(&graph, "Node norm (layer_norm): its gamma must have the shape [3]; gamma has [4].");
}

static void linear_checks_its_operands(void **state) {
    (void)state;
    struct sb_graph graph;
    sb_graph_init(&graph, false);
    struct sb_tensor *x = input(&graph, "x", SHAPE(2, 5, 8)), *w = input(&graph, "w", SHAPE(16, 8));
    struct sb_tensor *y =
        sb_op_linear(&graph, (struct sb_linear_parameters){.name = "fc", .a = x, .b = w, .transpose_b = true});
    assert_int_equal(y->shape[2], 16);
    struct sb_tensor *grouped = input(&graph, "g", SHAPE(4, 2, 3));
    y = sb_op_linear(&graph, (struct sb_linear_parameters){.name = "fc", .a = x, .b = grouped, .groups = 4});
    assert_int_equal(y->shape[2], 12);
    assert_null(sb_op_linear(&graph, (struct sb_linear_parameters){.name = "fc2", .a = x, .b = w}));
    assert_fails_with(&graph, "Node fc2 (linear): its b must have the shape [8, 8]; w has [16, 8].");
}

static void pitched_inputs_are_refused(void **state) {
    (void)state;
    struct sb_graph graph;
    sb_graph_init(&graph, false);
    struct sb_tensor *parts[2];
    sb_op_split(&graph, input(&graph, "x", SHAPE(2, 5, 8)), 2, (int64_t[]){4, 4}, parts);
    assert_null(sb_op_spectrum(&graph, "fft", parts[1], NULL));
    assert_fails_with(&graph, "must be dense, and x/part1 has rows of 4 elements 8 apart.");
}

static void impossible_sizes_are_refused(void **state) {
    (void)state;
    struct sb_graph graph;
    sb_graph_init(&graph, false);
    struct sb_tensor *x = input(&graph, "x", SHAPE(1, 2, 2, 3)), *w = input(&graph, "w", SHAPE(4, 3, 5, 5));
    assert_null(sb_op_conv2d(&graph, (struct sb_conv2d_parameters){.name = "conv", .x = x, .weight = w}));
    assert_fails_with(&graph, "a 5 x 5 filter with stride 1 and padding 0 does not fit an image of 2 x 2.");

    sb_graph_init(&graph, false);
    assert_null(input(&graph, "x", SHAPE(1, 0)));
    assert_fails_with(&graph, "axis 1 has the impossible size 0");

    sb_graph_init(&graph, false);
    assert_null(sb_op_spectrum(&graph, "fft", input(&graph, "x", SHAPE(1, 7, 6)), NULL));
    assert_fails_with(&graph, "must divide into 4 blocks; there are 6 of them.");

    sb_graph_init(&graph, false);
    struct sb_tensor *parts[2];
    sb_op_split(&graph, input(&graph, "x", SHAPE(3, 6)), 2, (int64_t[]){2, 3}, parts);
    assert_null(parts[0]);
    assert_fails_with(&graph, "must cover the 6 columns of x");

    sb_graph_init(&graph, false);
    x = input(&graph, "x", SHAPE(2, 3));
    assert_null(sb_op_permute(&graph, "t", x, (int[]){1, 1}, NULL));
    assert_fails_with(&graph, "Node t (permute): axis 1 of the result names axis 1");

    sb_graph_init(&graph, false);
    x = input(&graph, "x", SHAPE(2, 9, 3));
    assert_null(sb_op_slice_tokens(&graph, "head", x, 8, 2));
    assert_fails_with(&graph, "tokens 8 to 9 are not among the 9 of x.");
}

static void a_view_does_not_lose_a_gradient(void **state) {
    (void)state;
    struct sb_graph graph;
    sb_graph_init(&graph, true);
    struct sb_tensor *x = input(&graph, "x", SHAPE(2, 4));
    sb_require_gradient(x);
    assert_null(sb_view_columns(&graph, x, 0, 2));
    assert_fails_with(&graph, "sb_op_split");
}

static void parameters_alone_are_prepared(void **state) {
    (void)state;
    struct sb_graph graph;
    sb_graph_init(&graph, false);
    struct sb_tensor *w = sb_shared(&graph, "w", SB_SPACE_PARAMETER, 0, SHAPE(2, 4, 8, 8), true);
    struct sb_tensor *m = sb_op_complex_matrix(&graph, "matrix", w);
    struct sb_tensor *t = sb_op_permute(&graph, "turn", m, (int[]){0, 2, 1}, NULL);
    struct sb_tensor *x = input(&graph, "x", SHAPE(1, 3, 64));
    struct sb_tensor *y =
        sb_op_linear(&graph, (struct sb_linear_parameters){.name = "mix", .a = x, .b = t, .groups = 4});
    assert_int_equal(m->producer->phase, SB_PHASE_PREPARE);
    assert_int_equal(t->producer->phase, SB_PHASE_PREPARE);
    assert_int_equal(y->producer->phase, SB_PHASE_COMPUTE);
    sb_graph_finish(&graph);

    sb_graph_init(&graph, true);
    w = sb_shared(&graph, "w", SB_SPACE_PARAMETER, 0, SHAPE(2, 4, 8, 8), true);
    assert_int_equal(sb_op_complex_matrix(&graph, "matrix", w)->producer->phase, SB_PHASE_COMPUTE);
    sb_graph_finish(&graph);
}

static void every_operation_is_in_the_table(void **state) {
    (void)state;
    for (int op = 0; op < SB_OP_COUNT; op++) {
        assert_non_null(sb_op_info((enum sb_op)op)->name);
        assert_non_null(sb_op_info((enum sb_op)op)->cost);
    }
}

/* And in training only for what a gradient may be asked of: what is frozen saves nothing. */
static void saved_tensors_are_for_training(void **state) {
    (void)state;
    enum { INFERENCE, TRAINING, FROZEN, KINDS };
    for (int kind = 0; kind < KINDS; kind++) {
        struct sb_graph graph;
        sb_graph_init(&graph, kind != INFERENCE);
        struct sb_tensor *u = input(&graph, "u", SHAPE(2, 70, 6)), *a = input(&graph, "a", SHAPE(6, 4));
        struct sb_tensor *b = input(&graph, "b", SHAPE(2, 70, 4));
        if (kind == TRAINING) sb_require_gradient(a);
        struct sb_tensor *y = sb_op_selective_scan(
            &graph, (struct sb_scan_parameters){.name = "scan", .u = u, .delta = u, .a = a, .b = b, .c = b, .z = u});
        struct sb_tensor *states = y->producer->outputs[SB_SCAN_STATES];
        if (kind == TRAINING) {
            int64_t chunk = y->producer->attributes.scan.chunk;
            assert_int_equal(states->shape[1], (70 + chunk - 1) / chunk - 1);
            assert_non_null(y->producer->outputs[SB_SCAN_UNGATED]);
        } else {
            assert_null(states);
            assert_null(y->producer->outputs[SB_SCAN_UNGATED]);
        }
        struct sb_cost cost;
        sb_op_info(SB_OP_SELECTIVE_SCAN)->cost(y->producer, &cost);
        assert_true(cost.flops >= 2.0 * 70 * 6 * 4 * 6 && cost.bytes > 0);
        sb_graph_finish(&graph);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_carry_the_scope),          cmocka_unit_test(views_have_addresses),
        cmocka_unit_test(shared_tensors_are_one),         cmocka_unit_test(errors_stick),
        cmocka_unit_test(linear_checks_its_operands),     cmocka_unit_test(pitched_inputs_are_refused),
        cmocka_unit_test(impossible_sizes_are_refused),   cmocka_unit_test(a_view_does_not_lose_a_gradient),
        cmocka_unit_test(parameters_alone_are_prepared),  cmocka_unit_test(every_operation_is_in_the_table),
        cmocka_unit_test(saved_tensors_are_for_training),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
