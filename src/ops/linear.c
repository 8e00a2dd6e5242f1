#include "ops/build.h"

static bool saves_argument(enum sb_activation_kind kind) {
    return kind == SB_ACTIVATION_GELU || kind == SB_ACTIVATION_SILU;
}

struct sb_tensor *sb_op_linear(struct sb_graph *graph, struct sb_linear_parameters p) {
    struct sb_node *node = sb_begin(graph, SB_OP_LINEAR, p.name);
    if (!sb_take(graph, node, SB_LINEAR_A, "a", p.a, SB_ALLOW_PITCH) ||
        !sb_take(graph, node, SB_LINEAR_B, "b", p.b, 0) ||
        !sb_take(graph, node, SB_LINEAR_BIAS, "bias", p.bias, SB_ALLOW_ABSENT) ||
        !sb_take(graph, node, SB_LINEAR_RESIDUAL, "residual", p.residual, SB_ALLOW_ABSENT | SB_ALLOW_PITCH) ||
        !sb_take(graph, node, SB_LINEAR_ROW_SCALE, "row_scale", p.row_scale, SB_ALLOW_ABSENT))
        return NULL;
    int64_t groups = p.groups ? p.groups : 1;
    node->attributes.linear = (struct sb_linear_attributes){
        .groups = groups, .transpose_b = p.transpose_b, .activation = p.activation, .threshold = p.threshold};
    if (!sb_check(graph, node, sb_columns(p.a) % groups == 0, "the %lld columns of %s do not divide into %lld groups.",
                  (long long)sb_columns(p.a), p.a->name, (long long)groups))
        return NULL;
    int rank = groups == 1 && p.b->rank == 2 ? 2 : 3;
    if (!sb_check_rank(graph, node, "b", p.b, rank)) return NULL;
    int64_t inner = sb_columns(p.a) / groups;
    int64_t columns = p.b->shape[rank - (p.transpose_b ? 2 : 1)];
    int64_t expected[3] = {groups, p.transpose_b ? columns : inner, p.transpose_b ? inner : columns};
    if (!sb_check_shape(graph, node, "b", p.b, rank, expected + 3 - rank) ||
        !sb_check_vector(graph, node, "bias", p.bias, groups * columns) ||
        !sb_check_vector(graph, node, "row_scale", p.row_scale, p.a->shape[0]))
        return NULL;
    int64_t shape[SB_MAX_RANK];
    for (int i = 0; i < p.a->rank; i++) shape[i] = p.a->shape[i];
    shape[p.a->rank - 1] = groups * columns;
    if (!sb_check_shape(graph, node, "residual", p.residual, p.a->rank, shape)) return NULL;
    /* The gradients of ReLU and soft shrink look at the activation's result, which a residual would hide. */
    bool remembers = p.activation == SB_ACTIVATION_NONE || saves_argument(p.activation);
    if (!sb_check(graph, node, remembers || !p.residual || !graph->training,
                  "ReLU and soft shrink cannot be combined with a residual in a graph that trains."))
        return NULL;
    struct sb_tensor *y = sb_give(graph, node, SB_LINEAR_Y, NULL, p.into, SB_ALLOW_PITCH, p.a->rank, shape);
    if (sb_saves(graph, y) && saves_argument(p.activation))
        sb_give(graph, node, SB_LINEAR_SAVED, "saved", NULL, 0, p.a->rank, shape);
    return y;
}

static void weight_gradient(struct sb_gradients *gradients, struct sb_node *forward, struct sb_tensor *dy) {
    struct sb_graph *graph = gradients->graph;
    struct sb_tensor *b = forward->inputs[SB_LINEAR_B], *bias = forward->inputs[SB_LINEAR_BIAS];
    struct sb_node *node = sb_begin(graph, SB_OP_LINEAR_WEIGHT_GRADIENT, "weight");
    struct sb_tensor *addend = sb_gradient_wanted(gradients, b) ? sb_gradient_addend(gradients, b) : NULL;
    if (!sb_take(graph, node, SB_WEIGHT_GRADIENT_A, "a", forward->inputs[SB_LINEAR_A], SB_ALLOW_PITCH) ||
        !sb_take(graph, node, SB_WEIGHT_GRADIENT_DY, "dy", dy, SB_ALLOW_PITCH) ||
        !sb_take(graph, node, SB_WEIGHT_GRADIENT_ADDEND, "addend", addend, SB_ALLOW_ABSENT))
        return;
    node->attributes = forward->attributes;
    struct sb_tensor *db =
        sb_give_like(graph, node, SB_WEIGHT_GRADIENT_DB, NULL, sb_gradient_dense_destination(gradients, b), 0, b);
    if (sb_gradient_wanted(gradients, bias)) {
        struct sb_tensor *dbias = sb_give_like(graph, node, SB_WEIGHT_GRADIENT_DBIAS, "bias",
                                               sb_gradient_dense_destination(gradients, bias), 0, bias);
        sb_gradient_contribute(gradients, bias, dbias);
    }
    if (sb_gradient_wanted(gradients, b)) sb_gradient_contribute(gradients, b, db);
}

void sb_gradient_linear(struct sb_gradients *gradients, struct sb_node *node) {
    struct sb_graph *graph = gradients->graph;
    const struct sb_linear_attributes *attributes = &node->attributes.linear;
    struct sb_tensor *a = node->inputs[SB_LINEAR_A], *b = node->inputs[SB_LINEAR_B];
    struct sb_tensor *dy = sb_gradient_arrived(gradients, node->outputs[SB_LINEAR_Y]);
    struct sb_tensor *residual = node->inputs[SB_LINEAR_RESIDUAL];
    bool inside = sb_gradient_wanted(gradients, a) || sb_gradient_wanted(gradients, b) ||
                  sb_gradient_wanted(gradients, node->inputs[SB_LINEAR_BIAS]);
    if (sb_gradient_wanted(gradients, residual)) sb_gradient_contribute(gradients, residual, dy);
    if (!inside) return;
    /* dy becomes the gradient of the activation's argument, once for all that follows. */
    if (node->inputs[SB_LINEAR_ROW_SCALE])
        dy = sb_op_scale_rows(graph, "row_scale", dy, node->inputs[SB_LINEAR_ROW_SCALE]);
    if (attributes->activation != SB_ACTIVATION_NONE) {
        struct sb_tensor *saved = node->outputs[saves_argument(attributes->activation) ? SB_LINEAR_SAVED : SB_LINEAR_Y];
        dy = sb_op_activation_gradient(graph, dy, saved, attributes->activation);
    }
    if (sb_gradient_wanted(gradients, b) || sb_gradient_wanted(gradients, node->inputs[SB_LINEAR_BIAS]))
        weight_gradient(gradients, node, dy);
    if (sb_gradient_wanted(gradients, a)) {
        struct sb_tensor *addend = sb_gradient_addend(gradients, a);
        struct sb_tensor *da =
            sb_op_linear(graph, (struct sb_linear_parameters){.name = "input",
                                                              .a = dy,
                                                              .b = b,
                                                              .residual = addend,
                                                              .transpose_b = !attributes->transpose_b,
                                                              .groups = attributes->groups,
                                                              .into = sb_gradient_destination(gradients, a)});
        sb_gradient_contribute(gradients, a, da);
    }
}

void sb_cost_linear(const struct sb_node *node, struct sb_cost *cost) {
    const struct sb_linear_attributes *attributes = &node->attributes.linear;
    double y = sb_count(node->outputs[SB_LINEAR_Y]);
    double inner = (double)(sb_columns(node->inputs[SB_LINEAR_A]) / attributes->groups);
    *cost = (struct sb_cost){
        .flops = 2 * y * inner, .special = saves_argument(attributes->activation) ? y : 0, .bytes = sb_traffic(node)};
}

void sb_cost_linear_weight_gradient(const struct sb_node *node, struct sb_cost *cost) {
    double rows = (double)sb_rows(node->inputs[SB_WEIGHT_GRADIENT_A]);
    *cost =
        (struct sb_cost){.flops = 2 * rows * sb_count(node->outputs[SB_WEIGHT_GRADIENT_DB]), .bytes = sb_traffic(node)};
}
