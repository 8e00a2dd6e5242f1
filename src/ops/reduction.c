#include "ops/build.h"

#include <stdio.h>

struct sb_tensor *sb_op_token_mean(struct sb_graph *graph, const char *name, struct sb_tensor *x) {
    struct sb_node *node = sb_begin(graph, SB_OP_TOKEN_MEAN, name);
    if (!sb_take(graph, node, 0, "input", x, 0) || !sb_check_rank(graph, node, "input", x, 3)) return NULL;
    return sb_give(graph, node, 0, NULL, NULL, 0, 3, (int64_t[]){x->shape[0], 1, x->shape[2]});
}

void sb_gradient_token_mean(struct sb_gradients *gradients, struct sb_node *forward) {
    struct sb_graph *graph = gradients->graph;
    struct sb_tensor *x = forward->inputs[0];
    struct sb_node *node = sb_begin(graph, SB_OP_TOKEN_MEAN_GRADIENT, "input");
    if (!sb_take(graph, node, 0, "dy", sb_gradient_arrived(gradients, forward->outputs[0]), 0)) return;
    sb_gradient_contribute(gradients, x, sb_give_like(graph, node, 0, NULL, NULL, 0, x));
}

struct sb_tensor *sb_op_token_max(struct sb_graph *graph, const char *name, struct sb_tensor *x) {
    struct sb_node *node = sb_begin(graph, SB_OP_TOKEN_MAX, name);
    if (!sb_take(graph, node, 0, "input", x, 0) || !sb_check_rank(graph, node, "input", x, 3)) return NULL;
    int64_t shape[] = {x->shape[0], x->shape[2]};
    struct sb_tensor *y = sb_give(graph, node, 0, NULL, NULL, 0, 2, shape);
    char index[512];
    snprintf(index, sizeof index, "%s/index", node->name);
    sb_produce(graph, node, 1, sb_activation(graph, index, SB_INT32, 2, shape));
    return y;
}

void sb_gradient_token_max(struct sb_gradients *gradients, struct sb_node *forward) {
    struct sb_graph *graph = gradients->graph;
    struct sb_tensor *x = forward->inputs[0];
    struct sb_node *node = sb_begin(graph, SB_OP_TOKEN_MAX_GRADIENT, "input");
    if (!sb_take(graph, node, 0, "dy", sb_gradient_arrived(gradients, forward->outputs[0]), 0) ||
        !sb_take(graph, node, 1, "index", forward->outputs[1], SB_ALLOW_ANY_TYPE))
        return;
    sb_gradient_contribute(gradients, x, sb_give_like(graph, node, 0, NULL, NULL, 0, x));
}
