#include "ops/build.h"

#include <math.h>

struct sb_tensor *sb_op_spectrum(struct sb_graph *graph, const char *name, struct sb_tensor *x,
                                 struct sb_tensor *row_scale) {
    struct sb_node *node = sb_begin(graph, SB_OP_SPECTRUM, name);
    if (!sb_take(graph, node, 0, "input", x, 0) || !sb_take(graph, node, 1, "row_scale", row_scale, SB_ALLOW_ABSENT) ||
        !sb_check_rank(graph, node, "input", x, 3) ||
        !sb_check(graph, node, x->shape[2] % 4 == 0,
                  "the channels of %s must divide into 4 blocks; there are %lld of them.", x->name,
                  (long long)x->shape[2]) ||
        !sb_check_vector(graph, node, "row_scale", row_scale, x->shape[0]))
        return NULL;
    return sb_give(graph, node, 0, NULL, NULL, 0, 3, (int64_t[]){x->shape[0], x->shape[1], 2 * x->shape[2]});
}

struct sb_tensor *sb_op_synthesis(struct sb_graph *graph, const char *name, struct sb_tensor *z,
                                  struct sb_tensor *residual, struct sb_tensor *row_scale) {
    struct sb_node *node = sb_begin(graph, SB_OP_SYNTHESIS, name);
    if (!sb_take(graph, node, 0, "spectrum", z, 0) || !sb_take(graph, node, 1, "residual", residual, SB_ALLOW_ABSENT) ||
        !sb_take(graph, node, 2, "row_scale", row_scale, SB_ALLOW_ABSENT) ||
        !sb_check_rank(graph, node, "spectrum", z, 3) ||
        !sb_check(graph, node, z->shape[2] % 8 == 0,
                  "the columns of the spectrum %s must be 4 groups of real and imaginary parts; there are %lld.",
                  z->name, (long long)z->shape[2]))
        return NULL;
    int64_t shape[] = {z->shape[0], z->shape[1], z->shape[2] / 2};
    if (!sb_check_shape(graph, node, "residual", residual, 3, shape) ||
        !sb_check_vector(graph, node, "row_scale", row_scale, z->shape[0]))
        return NULL;
    return sb_give(graph, node, 0, NULL, NULL, 0, 3, shape);
}

void sb_gradient_spectrum(struct sb_gradients *gradients, struct sb_node *node) {
    struct sb_tensor *x = node->inputs[0];
    struct sb_tensor *addend = sb_gradient_addend(gradients, x);
    struct sb_tensor *dz = sb_gradient_arrived(gradients, node->outputs[0]);
    sb_gradient_contribute(gradients, x, sb_op_synthesis(gradients->graph, "input", dz, addend, node->inputs[1]));
}

void sb_gradient_synthesis(struct sb_gradients *gradients, struct sb_node *node) {
    struct sb_tensor *z = node->inputs[0], *residual = node->inputs[1];
    struct sb_tensor *dy = sb_gradient_arrived(gradients, node->outputs[0]);
    if (sb_gradient_wanted(gradients, residual)) sb_gradient_contribute(gradients, residual, dy);
    if (sb_gradient_wanted(gradients, z))
        sb_gradient_contribute(gradients, z, sb_op_spectrum(gradients->graph, "spectrum", dy, node->inputs[2]));
}

struct sb_tensor *sb_op_complex_matrix(struct sb_graph *graph, const char *name, struct sb_tensor *weight) {
    struct sb_node *node = sb_begin(graph, SB_OP_COMPLEX_MATRIX, name);
    if (!sb_take(graph, node, 0, "weight", weight, 0) ||
        !sb_check_shape(graph, node, "weight", weight, 4, (int64_t[]){2, -1, -1, -1}))
        return NULL;
    return sb_give(graph, node, 0, NULL, NULL, 0, 3,
                   (int64_t[]){weight->shape[1], 2 * weight->shape[2], 2 * weight->shape[3]});
}

void sb_gradient_complex_matrix(struct sb_gradients *gradients, struct sb_node *forward) {
    struct sb_graph *graph = gradients->graph;
    struct sb_tensor *weight = forward->inputs[0];
    struct sb_node *node = sb_begin(graph, SB_OP_COMPLEX_MATRIX_GRADIENT, "weight");
    if (!sb_take(graph, node, 0, "dmatrix", sb_gradient_arrived(gradients, forward->outputs[0]), 0)) return;
    sb_gradient_contribute(
        gradients, weight,
        sb_give_like(graph, node, 0, NULL, sb_gradient_dense_destination(gradients, weight), 0, weight));
}

/* 5 n log2 n for a complex transform over n tokens, half of it for a real one, and the butterflies over 4 blocks. */
void sb_cost_transform(const struct sb_node *node, struct sb_cost *cost) {
    const struct sb_tensor *real = node->op == SB_OP_SPECTRUM ? node->inputs[0] : node->outputs[0];
    double tokens = (double)real->shape[1];
    *cost = (struct sb_cost){.flops = sb_count(real) * (2.5 * log2(tokens) + 4), .bytes = sb_traffic(node)};
}
