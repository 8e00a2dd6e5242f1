#include "ops/build.h"

struct sb_tensor *sb_op_layer_norm(struct sb_graph *graph, const char *name, struct sb_tensor *x,
                                   struct sb_tensor *gamma, struct sb_tensor *beta, float epsilon) {
    struct sb_node *node = sb_begin(graph, SB_OP_LAYER_NORM, name);
    if (!sb_take(graph, node, 0, "input", x, 0) || !sb_take(graph, node, 1, "gamma", gamma, 0) ||
        !sb_take(graph, node, 2, "beta", beta, 0) || !sb_check_vector(graph, node, "gamma", gamma, sb_columns(x)) ||
        !sb_check_vector(graph, node, "beta", beta, sb_columns(x)))
        return NULL;
    node->attributes.norm = (struct sb_norm_attributes){.epsilon = epsilon};
    struct sb_tensor *y = sb_give_like(graph, node, 0, NULL, NULL, 0, x);
    sb_give(graph, node, 1, "stats", NULL, 0, 2, (int64_t[]){sb_rows(x), 2});
    return y;
}

/* The three outputs that both normalisations' gradients have, handed in. */
static void contribute(struct sb_gradients *gradients, struct sb_node *node, struct sb_tensor *x,
                       struct sb_tensor *gamma, struct sb_tensor *beta) {
    struct sb_graph *graph = gradients->graph;
    struct sb_tensor *dx = sb_give_like(graph, node, 0, "input", NULL, 0, x);
    struct sb_tensor *dgamma =
        sb_give_like(graph, node, 1, "gamma", sb_gradient_dense_destination(gradients, gamma), 0, gamma);
    struct sb_tensor *dbeta =
        sb_give_like(graph, node, 2, "beta", sb_gradient_dense_destination(gradients, beta), 0, beta);
    if (sb_gradient_wanted(gradients, x)) sb_gradient_contribute(gradients, x, dx);
    if (sb_gradient_wanted(gradients, gamma)) sb_gradient_contribute(gradients, gamma, dgamma);
    if (sb_gradient_wanted(gradients, beta)) sb_gradient_contribute(gradients, beta, dbeta);
}

void sb_gradient_layer_norm(struct sb_gradients *gradients, struct sb_node *forward) {
    struct sb_graph *graph = gradients->graph;
    struct sb_tensor *x = forward->inputs[0], *gamma = forward->inputs[1];
    struct sb_tensor *addend = sb_gradient_wanted(gradients, x) ? sb_gradient_addend(gradients, x) : NULL;
    struct sb_node *node = sb_begin(graph, SB_OP_LAYER_NORM_GRADIENT, "gradient");
    if (!sb_take(graph, node, 0, "dy", sb_gradient_arrived(gradients, forward->outputs[0]), 0) ||
        !sb_take(graph, node, 1, "input", x, 0) || !sb_take(graph, node, 2, "gamma", gamma, 0) ||
        !sb_take(graph, node, 3, "stats", forward->outputs[1], 0) ||
        !sb_take(graph, node, 4, "addend", addend, SB_ALLOW_ABSENT))
        return;
    node->attributes = forward->attributes;
    contribute(gradients, node, x, gamma, forward->inputs[2]);
}

struct sb_tensor *sb_op_batch_norm(struct sb_graph *graph, struct sb_batch_norm_parameters p) {
    struct sb_node *node = sb_begin(graph, SB_OP_BATCH_NORM, p.name);
    if (!sb_take(graph, node, SB_BATCH_NORM_X, "input", p.x, 0) ||
        !sb_take(graph, node, SB_BATCH_NORM_GAMMA, "gamma", p.gamma, 0) ||
        !sb_take(graph, node, SB_BATCH_NORM_BETA, "beta", p.beta, 0) ||
        !sb_take(graph, node, SB_BATCH_NORM_RUNNING_MEAN, "running mean", p.running_mean, 0) ||
        !sb_take(graph, node, SB_BATCH_NORM_RUNNING_VAR, "running variance", p.running_var, 0))
        return NULL;
    int64_t channels = sb_columns(p.x);
    if (!sb_check_vector(graph, node, "gamma", p.gamma, channels) ||
        !sb_check_vector(graph, node, "beta", p.beta, channels) ||
        !sb_check_vector(graph, node, "running mean", p.running_mean, channels) ||
        !sb_check_vector(graph, node, "running variance", p.running_var, channels))
        return NULL;
    node->attributes.norm = (struct sb_norm_attributes){
        .epsilon = p.epsilon, .momentum = p.momentum, .training = p.training, .relu = p.relu};
    struct sb_tensor *y = sb_give_like(graph, node, 0, NULL, NULL, 0, p.x);
    sb_give(graph, node, 1, "stats", NULL, 0, 2, (int64_t[]){2, channels});
    return y;
}

void sb_gradient_batch_norm(struct sb_gradients *gradients, struct sb_node *forward) {
    struct sb_graph *graph = gradients->graph;
    struct sb_tensor *x = forward->inputs[SB_BATCH_NORM_X], *gamma = forward->inputs[SB_BATCH_NORM_GAMMA];
    struct sb_node *node = sb_begin(graph, SB_OP_BATCH_NORM_GRADIENT, "gradient");
    if (!sb_take(graph, node, 0, "dy", sb_gradient_arrived(gradients, forward->outputs[0]), 0) ||
        !sb_take(graph, node, 1, "input", x, 0) || !sb_take(graph, node, 2, "gamma", gamma, 0) ||
        !sb_take(graph, node, 3, "stats", forward->outputs[1], 0) ||
        !sb_take(graph, node, 4, "y", forward->attributes.norm.relu ? forward->outputs[0] : NULL, SB_ALLOW_ABSENT))
        return;
    node->attributes = forward->attributes;
    contribute(gradients, node, x, gamma, forward->inputs[SB_BATCH_NORM_BETA]);
}
