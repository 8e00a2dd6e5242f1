/* What differentiation appends: which nodes, written where. Whether the numbers are right is tested with the
 * reference backend. */
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

/* Parameters one after the other. */
static struct sb_tensor *parameter(struct sb_graph *graph, const char *name, size_t rank, const int64_t *shape) {
    return sb_shared(graph, name, SB_SPACE_PARAMETER, 4096 * (int64_t)graph->tensor_count, (int)rank, shape, true);
}

static int count_nodes(const struct sb_graph *graph, enum sb_op op) {
    int count = 0;
    for (int i = 0; i < graph->node_count; i++) count += graph->nodes[i]->op == op;
    return count;
}

static const struct sb_node *find_node(const struct sb_graph *graph, enum sb_op op) {
    for (int i = 0; i < graph->node_count; i++)
        if (graph->nodes[i]->op == op) return graph->nodes[i];
    return NULL;
}

static void differentiate(struct sb_graph *graph, struct sb_tensor *root) {
    struct simba_error error = {0};
    struct sb_tensor *seed = root ? sb_input(graph, "seed", SB_FLOAT32, root->rank, root->shape) : NULL;
    if (!sb_differentiate(graph, root, seed, &error)) fail_msg("%s", error.message);
}

static void a_linear_layer(void **state) {
    (void)state;
    struct sb_graph graph;
    sb_graph_init(&graph, true);
    struct sb_tensor *x = input(&graph, "x", SHAPE(2, 5, 8));
    struct sb_tensor *w = parameter(&graph, "w", SHAPE(3, 8)), *bias = parameter(&graph, "bias", SHAPE(3));
    struct sb_tensor *y = sb_op_linear(
        &graph, (struct sb_linear_parameters){.name = "fc", .a = x, .b = w, .bias = bias, .transpose_b = true});
    differentiate(&graph, y);
    /* Nobody wants the gradient of x, and both others are written where they belong, by one node. */
    assert_int_equal(count_nodes(&graph, SB_OP_LINEAR), 1);
    assert_int_equal(graph.node_count, 2);
    assert_null(sb_gradient_of(&graph, x));
    struct sb_tensor *dw = sb_gradient_of(&graph, w), *dbias = sb_gradient_of(&graph, bias);
    assert_int_equal(dw->space, SB_SPACE_GRADIENT);
    assert_int_equal(dw->offset, w->offset);
    assert_int_equal(dbias->space, SB_SPACE_GRADIENT);
    assert_int_equal(dbias->offset, bias->offset);
    assert_ptr_equal(dw->producer, graph.nodes[1]);
    assert_ptr_equal(dbias->producer, graph.nodes[1]);
    /* The seed is the gradient of y, though an input keeps its own name. */
    assert_ptr_equal(sb_storage(sb_gradient_of(&graph, y)), sb_find_tensor(&graph, "seed"));
    sb_graph_finish(&graph);
}

static void drop_path_scales_once(void **state) {
    (void)state;
    struct sb_graph graph;
    sb_graph_init(&graph, true);
    struct sb_tensor *x = input(&graph, "x", SHAPE(2, 5, 8)), *w = parameter(&graph, "w", SHAPE(8, 8));
    sb_require_gradient(x);
    struct sb_tensor *scale = sb_op_drop_path_scale(&graph, "drop", 2, 0.5f, 0);
    struct sb_tensor *y =
        sb_op_linear(&graph, (struct sb_linear_parameters){
                                 .name = "fc", .a = x, .b = w, .residual = x, .row_scale = scale, .transpose_b = true});
    differentiate(&graph, y);
    assert_int_equal(count_nodes(&graph, SB_OP_SCALE_ROWS), 1);
    assert_int_equal(count_nodes(&graph, SB_OP_ADD), 0);
    /* The residual's gradient is the addend of the input's: dX = dP B + dY. */
    struct sb_tensor *dx = sb_gradient_of(&graph, x);
    assert_int_equal(dx->producer->op, SB_OP_LINEAR);
    assert_ptr_equal(dx->producer->inputs[SB_LINEAR_RESIDUAL], sb_find_tensor(&graph, "seed"));
    assert_ptr_equal(dx->producer->inputs[SB_LINEAR_B], w);
    assert_false(dx->producer->attributes.linear.transpose_b);
    sb_graph_finish(&graph);
}

static void activations_remember_what_they_need(void **state) {
    (void)state;
    for (int kind = SB_ACTIVATION_RELU; kind <= SB_ACTIVATION_SOFT_SHRINK; kind++) {
        struct sb_graph graph;
        sb_graph_init(&graph, true);
        struct sb_tensor *x = input(&graph, "x", SHAPE(2, 8)), *w = parameter(&graph, "w", SHAPE(8, 8));
        struct sb_tensor *y = sb_op_linear(
            &graph, (struct sb_linear_parameters){
                        .name = "fc", .a = x, .b = w, .activation = (enum sb_activation_kind)kind, .threshold = 0.1f});
        differentiate(&graph, y);
        const struct sb_node *gradient = find_node(&graph, SB_OP_ACTIVATION_GRADIENT);
        bool argument = kind == SB_ACTIVATION_GELU || kind == SB_ACTIVATION_SILU;
        assert_ptr_equal(gradient->inputs[1], argument ? y->producer->outputs[SB_LINEAR_SAVED] : y);
        sb_graph_finish(&graph);
    }
}

static void a_weight_used_twice(void **state) {
    (void)state;
    struct sb_graph graph;
    sb_graph_init(&graph, true);
    struct sb_tensor *x = input(&graph, "x", SHAPE(6, 8));
    struct sb_tensor *w = parameter(&graph, "w", SHAPE(8, 8)), *bias = parameter(&graph, "bias", SHAPE(8));
    struct sb_linear_parameters layer = {.name = "fc", .a = x, .b = w, .bias = bias};
    layer.a = sb_op_linear(&graph, layer);
    differentiate(&graph, sb_op_linear(&graph, layer));
    /* The second use adds to what the first has written: by the addend for the weight, by an addition for the bias. */
    int found = 0;
    for (int i = 0; i < graph.node_count; i++) {
        const struct sb_node *node = graph.nodes[i];
        if (node->op != SB_OP_LINEAR_WEIGHT_GRADIENT) continue;
        struct sb_tensor *dw = node->outputs[SB_WEIGHT_GRADIENT_DB];
        assert_int_equal(dw->space, SB_SPACE_GRADIENT);
        assert_ptr_equal(node->inputs[SB_WEIGHT_GRADIENT_ADDEND], found ? dw : NULL);
        found++;
    }
    assert_int_equal(found, 2);
    const struct sb_node *sum = find_node(&graph, SB_OP_ADD);
    assert_ptr_equal(sum->inputs[0], sum->outputs[0]);
    assert_ptr_equal(sum->outputs[0], sb_gradient_of(&graph, bias));
    assert_int_equal(sum->outputs[0]->space, SB_SPACE_GRADIENT);
    sb_graph_finish(&graph);
}

static void a_residual_joins_in_the_norm(void **state) {
    (void)state;
    struct sb_graph graph;
    sb_graph_init(&graph, true);
    struct sb_tensor *x = input(&graph, "x", SHAPE(2, 3, 8));
    sb_require_gradient(x);
    struct sb_tensor *gamma = parameter(&graph, "gamma", SHAPE(8)), *beta = parameter(&graph, "beta", SHAPE(8));
    struct sb_tensor *n = sb_op_layer_norm(&graph, "norm", x, gamma, beta, 1e-6f);
    struct sb_tensor *y = sb_op_synthesis(&graph, "ifft", sb_op_spectrum(&graph, "fft", n, NULL), x, NULL);
    differentiate(&graph, y);
    const struct sb_node *norm = find_node(&graph, SB_OP_LAYER_NORM_GRADIENT);
    assert_ptr_equal(norm->inputs[4], sb_find_tensor(&graph, "seed"));
    assert_ptr_equal(sb_gradient_of(&graph, x), norm->outputs[0]);
    assert_int_equal(count_nodes(&graph, SB_OP_ADD), 0);
    assert_int_equal(count_nodes(&graph, SB_OP_SPECTRUM), 2);
    assert_int_equal(count_nodes(&graph, SB_OP_SYNTHESIS), 2);
    sb_graph_finish(&graph);
}

static void a_split_collects_its_parts(void **state) {
    (void)state;
    struct sb_graph graph;
    sb_graph_init(&graph, true);
    struct sb_tensor *x = input(&graph, "x", SHAPE(2, 9, 4)), *w = parameter(&graph, "w", SHAPE(4, 12));
    struct sb_tensor *xz = sb_op_linear(&graph, (struct sb_linear_parameters){.name = "in", .a = x, .b = w});
    struct sb_tensor *parts[3];
    sb_op_split(&graph, xz, 3, (int64_t[]){6, 4, 2}, parts);
    struct sb_tensor *filter = parameter(&graph, "filter", SHAPE(6, 1, 4)), *v = parameter(&graph, "v", SHAPE(6, 4));
    struct sb_tensor *u = sb_op_causal_conv1d(
        &graph, (struct sb_causal_conv1d_parameters){
                    .name = "conv", .x = parts[0], .weight = filter, .activation = SB_ACTIVATION_SILU});
    /* u goes through a linear layer onto the second part; the third part leads nowhere. */
    differentiate(&graph, sb_op_linear(&graph, (struct sb_linear_parameters){
                                                   .name = "out", .a = u, .b = v, .residual = parts[1]}));
    struct sb_tensor *whole = sb_gradient_of(&graph, xz);
    assert_true(sb_is_dense(whole));
    const int64_t first[] = {0, 6, 10};
    const enum sb_op writer[] = {SB_OP_CAUSAL_CONV1D_GRADIENT, SB_OP_COPY, SB_OP_FILL};
    for (int i = 0; i < 3; i++) {
        struct sb_tensor *part = sb_gradient_of(&graph, parts[i]);
        assert_ptr_equal(part->base, whole);
        assert_int_equal(part->base_offset, first[i]);
        assert_int_equal(part->pitch, 12);
        assert_int_equal(part->producer->op, writer[i]);
    }
    assert_ptr_equal(sb_gradient_of(&graph, w)->producer->inputs[SB_WEIGHT_GRADIENT_DY], whole);
    sb_graph_finish(&graph);
}

static void a_part_used_twice(void **state) {
    (void)state;
    struct sb_graph graph;
    sb_graph_init(&graph, true);
    struct sb_tensor *x = input(&graph, "x", SHAPE(4, 6)), *parts[2];
    sb_require_gradient(x);
    sb_op_split(&graph, x, 2, (int64_t[]){3, 3}, parts);
    struct sb_tensor *w = parameter(&graph, "w", SHAPE(3, 3));
    struct sb_tensor *y = sb_op_linear(&graph, (struct sb_linear_parameters){.name = "a", .a = parts[0], .b = w});
    y = sb_op_linear(&graph, (struct sb_linear_parameters){.name = "b", .a = parts[0], .b = w, .residual = y});
    differentiate(&graph, y);
    const struct sb_node *sum = find_node(&graph, SB_OP_ADD);
    assert_non_null(sum);
    assert_ptr_equal(sum->outputs[0], sum->inputs[0]);
    assert_ptr_equal(sb_storage(sum->outputs[0]), sb_gradient_of(&graph, x));
    sb_graph_finish(&graph);
}

static void gradients_shared_by_both_sides_have_both_names(void **state) {
    (void)state;
    struct sb_graph graph;
    sb_graph_init(&graph, true);
    struct sb_tensor *a = input(&graph, "a", SHAPE(4)), *b = input(&graph, "b", SHAPE(4));
    sb_require_gradient(a);
    sb_require_gradient(b);
    struct sb_tensor *half = sb_op_add(&graph, "half", a, b, 0.5f, NULL);
    struct sb_tensor *y = sb_op_add(&graph, "y", half, b, 1.0f, NULL);
    differentiate(&graph, y);
    assert_ptr_equal(sb_storage(sb_gradient_of(&graph, a)), sb_storage(sb_gradient_of(&graph, half)));
    /* b was met by the sum first, so its second contribution found an addend. */
    const struct sb_node *node = sb_gradient_of(&graph, b)->producer;
    assert_int_equal(node->op, SB_OP_ADD);
    assert_float_equal(node->attributes.scale.value, 0.5f, 0);
    sb_graph_finish(&graph);
}

static void the_same_tensor_on_both_sides(void **state) {
    (void)state;
    struct sb_graph graph;
    sb_graph_init(&graph, true);
    struct sb_tensor *w = parameter(&graph, "w", SHAPE(4));
    differentiate(&graph, sb_op_multiply(&graph, "square", w, w, NULL));
    struct sb_tensor *dw = sb_gradient_of(&graph, w);
    assert_int_equal(dw->producer->op, SB_OP_ADD);
    assert_int_equal(dw->space, SB_SPACE_GRADIENT);
    /* b and c of a scan may be one tensor: only one of them may be written to the destination. */
    struct sb_tensor *u = input(&graph, "u", SHAPE(1, 5, 4)), *a = input(&graph, "a", SHAPE(4, 3));
    struct sb_tensor *bc = parameter(&graph, "bc", SHAPE(1, 5, 3));
    differentiate(
        &graph, sb_op_selective_scan(
                    &graph, (struct sb_scan_parameters){.name = "scan", .u = u, .delta = u, .a = a, .b = bc, .c = bc}));
    const struct sb_node *scan = find_node(&graph, SB_OP_SELECTIVE_SCAN_GRADIENT);
    assert_ptr_not_equal(scan->outputs[SB_SCAN_GRADIENT_DB], scan->outputs[SB_SCAN_GRADIENT_DC]);
    assert_int_equal(sb_gradient_of(&graph, bc)->producer->op, SB_OP_ADD);
    sb_graph_finish(&graph);
}

static void a_convolution_stem_leaves_the_image_alone(void **state) {
    (void)state;
    struct sb_graph graph;
    sb_graph_init(&graph, true);
    struct sb_tensor *image = input(&graph, "image", SHAPE(2, 8, 8, 3)),
                     *w1 = parameter(&graph, "w1", SHAPE(4, 3, 3, 3));
    struct sb_tensor *w2 = parameter(&graph, "w2", SHAPE(4, 4, 3, 3));
    struct sb_tensor *x =
        sb_op_conv2d(&graph, (struct sb_conv2d_parameters){.name = "conv1", .x = image, .weight = w1, .padding = 1});
    x = sb_op_conv2d(&graph, (struct sb_conv2d_parameters){.name = "conv2", .x = x, .weight = w2, .stride = 2});
    differentiate(&graph, x);
    assert_int_equal(count_nodes(&graph, SB_OP_CONV2D_INPUT_GRADIENT), 1);
    assert_int_equal(count_nodes(&graph, SB_OP_CONV2D_WEIGHT_GRADIENT), 2);
    sb_graph_finish(&graph);
}

static void slices_are_padded(void **state) {
    (void)state;
    struct sb_graph graph;
    sb_graph_init(&graph, true);
    struct sb_tensor *x = input(&graph, "x", SHAPE(2, 9, 4));
    sb_require_gradient(x);
    differentiate(&graph, sb_op_slice_tokens(&graph, "middle", x, 3, 2));
    assert_int_equal(count_nodes(&graph, SB_OP_FILL), 2);
    assert_int_equal(sb_gradient_of(&graph, x)->producer->op, SB_OP_CONCAT_TOKENS);
    assert_int_equal(sb_gradient_of(&graph, x)->shape[1], 9);
    sb_graph_finish(&graph);
}

static void a_loss_seeds_itself(void **state) {
    (void)state;
    struct sb_graph graph;
    sb_graph_init(&graph, true);
    struct sb_tensor *logits = parameter(&graph, "logits", SHAPE(3, 5));
    struct sb_tensor *labels = sb_input(&graph, "labels", SB_INT32, SHAPE(3));
    struct sb_tensor *loss = sb_op_cross_entropy(&graph, "loss", logits, labels, 0.1f, 1.0f);
    struct simba_error error;
    assert_true(sb_differentiate(&graph, loss, NULL, &error));
    assert_int_equal(sb_gradient_of(&graph, loss)->producer->op, SB_OP_FILL);
    /* The gradient of the loss writes no gradient space itself. */
    assert_int_equal(sb_gradient_of(&graph, logits)->producer->op, SB_OP_COPY);
    sb_graph_finish(&graph);
}

static void what_cannot_be_differentiated(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct sb_graph graph;
    sb_graph_init(&graph, false);
    struct sb_tensor *x = parameter(&graph, "x", SHAPE(3));
    assert_false(sb_differentiate(&graph, x, NULL, &error));
    assert_non_null(strstr(error.message, "made for training"));
    sb_graph_finish(&graph);

    sb_graph_init(&graph, true);
    x = parameter(&graph, "x", SHAPE(3));
    assert_false(sb_differentiate(&graph, sb_op_negative_exp(&graph, "y", x), NULL, &error));
    assert_non_null(strstr(error.message, "y is no scalar"));
    sb_graph_finish(&graph);

    sb_graph_init(&graph, true);
    x = input(&graph, "x", SHAPE(1));
    assert_false(sb_differentiate(&graph, x, NULL, &error));
    assert_non_null(strstr(error.message, "Nothing to differentiate"));
    sb_graph_finish(&graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_linear_layer),
        cmocka_unit_test(drop_path_scales_once),
        cmocka_unit_test(activations_remember_what_they_need),
        cmocka_unit_test(a_weight_used_twice),
        cmocka_unit_test(a_residual_joins_in_the_norm),
        cmocka_unit_test(a_split_collects_its_parts),
        cmocka_unit_test(a_part_used_twice),
        cmocka_unit_test(gradients_shared_by_both_sides_have_both_names),
        cmocka_unit_test(the_same_tensor_on_both_sides),
        cmocka_unit_test(a_convolution_stem_leaves_the_image_alone),
        cmocka_unit_test(slices_are_padded),
        cmocka_unit_test(a_loss_seeds_itself),
        cmocka_unit_test(what_cannot_be_differentiated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
