#include "ops/build.h"

struct sb_tensor *sb_op_cross_entropy(struct sb_graph *graph, const char *name, struct sb_tensor *logits,
                                      struct sb_tensor *target, float smoothing, float weight) {
    struct sb_node *node = sb_begin(graph, SB_OP_CROSS_ENTROPY, name);
    if (!sb_take(graph, node, 0, "logits", logits, 0) || !sb_take(graph, node, 1, "target", target, SB_ALLOW_ANY_TYPE))
        return NULL;
    bool labels = target->dtype == SB_INT32;
    if (!sb_check(graph, node, labels || target->dtype == SB_FLOAT32,
                  "its target %s must be float32 distributions or int32 labels.", target->name) ||
        !sb_check(graph, node, smoothing >= 0.0f && smoothing < 1.0f && (labels || smoothing == 0.0f),
                  "a label smoothing of %g is impossible here: from 0 to below 1, with integer labels only.",
                  (double)smoothing))
        return NULL;
    /* Labels of logits that are one row per sample may be given as [B] or as [B, 1]. */
    if (labels ? !sb_check(graph, node, sb_elements(target) == sb_rows(logits),
                           "there are %lld rows of logits and %lld labels in %s.", (long long)sb_rows(logits),
                           (long long)sb_elements(target), target->name)
               : !sb_check_same(graph, node, "target", target, "logits", logits))
        return NULL;
    node->attributes.cross_entropy = (struct sb_cross_entropy_attributes){.smoothing = smoothing, .weight = weight};
    struct sb_tensor *loss = sb_give(graph, node, 0, NULL, NULL, 0, 1, (int64_t[]){1});
    sb_give(graph, node, 1, "statistics", NULL, 0, 2, (int64_t[]){sb_rows(logits), 2});
    return loss;
}

void sb_gradient_cross_entropy(struct sb_gradients *gradients, struct sb_node *forward) {
    struct sb_graph *graph = gradients->graph;
    struct sb_tensor *logits = forward->inputs[0];
    if (!sb_gradient_wanted(gradients, logits)) return;
    struct sb_node *node = sb_begin(graph, SB_OP_CROSS_ENTROPY_GRADIENT, "logits");
    if (!sb_take(graph, node, 0, "dloss", sb_gradient_arrived(gradients, forward->outputs[0]), 0) ||
        !sb_take(graph, node, 1, "logits", logits, 0) ||
        !sb_take(graph, node, 2, "target", forward->inputs[1], SB_ALLOW_ANY_TYPE) ||
        !sb_take(graph, node, 3, "statistics", forward->outputs[1], 0))
        return;
    node->attributes = forward->attributes;
    sb_gradient_contribute(gradients, logits, sb_give_like(graph, node, 0, NULL, NULL, 0, logits));
}

void sb_cost_cross_entropy(const struct sb_node *node, struct sb_cost *cost) {
    double logits = sb_count(node->op == SB_OP_CROSS_ENTROPY ? node->inputs[0] : node->inputs[1]);
    *cost = (struct sb_cost){.flops = 5 * logits, .special = logits, .bytes = sb_traffic(node)};
}
