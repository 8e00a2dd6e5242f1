#include "ops/build.h"

void sb_op_accumulate(struct sb_graph *graph, struct sb_tensor *gradient, struct sb_tensor *accumulator, float scale) {
    struct sb_node *node = sb_begin(graph, SB_OP_ACCUMULATE, NULL);
    if (!sb_take(graph, node, 0, "gradient", gradient, 0) || !sb_take(graph, node, 1, "accumulator", accumulator, 0) ||
        !sb_take(graph, node, 2, "step", sb_step_input(graph), SB_ALLOW_ANY_TYPE) ||
        !sb_check_same(graph, node, "accumulator", accumulator, "gradient", gradient))
        return;
    node->attributes.accumulate = (struct sb_accumulate_attributes){.scale = scale};
    sb_give_like(graph, node, 0, NULL, accumulator, 0, accumulator);
}

struct sb_tensor *sb_op_gradient_norm(struct sb_graph *graph, struct sb_tensor *gradient) {
    struct sb_node *node = sb_begin(graph, SB_OP_GRADIENT_NORM, NULL);
    if (!sb_take(graph, node, 0, "gradient", gradient, 0)) return NULL;
    return sb_give(graph, node, 0, NULL, NULL, 0, 1, (int64_t[]){1});
}

enum { STATE_FLOATS = sizeof(struct sb_loss_scaling) / 4, SCALED_FLOATS = sizeof(struct sb_scaled_step) / 4 };

struct sb_tensor *sb_op_loss_scaling(struct sb_graph *graph, struct sb_loss_scaling_parameters p) {
    struct sb_node *node = sb_begin(graph, SB_OP_LOSS_SCALING, NULL);
    if (!sb_take(graph, node, 0, "norm", p.norm, 0) || !sb_take(graph, node, 1, "loss", p.loss, SB_ALLOW_ABSENT) ||
        !sb_take(graph, node, 2, "state", p.state, 0) || !sb_check_vector(graph, node, "norm", p.norm, 1) ||
        !sb_check_vector(graph, node, "loss", p.loss, 1) ||
        !sb_check_vector(graph, node, "state", p.state, STATE_FLOATS))
        return NULL;
    node->attributes.loss_scaling =
        (struct sb_loss_scaling_attributes){.beta1 = p.beta1, .beta2 = p.beta2, .interval = p.interval};
    sb_give_like(graph, node, 0, NULL, p.state, 0, p.state);
    return sb_give(graph, node, 1, "scaled", NULL, 0, 1, (int64_t[]){SCALED_FLOATS});
}

void sb_op_adamw(struct sb_graph *graph, struct sb_adamw_parameters p) {
    struct sb_node *node = sb_begin(graph, SB_OP_ADAMW, p.name);
    if (!sb_take(graph, node, 0, "parameter", p.parameter, 0) || !sb_take(graph, node, 1, "gradient", p.gradient, 0) ||
        !sb_take(graph, node, 2, "first moment", p.moment1, 0) ||
        !sb_take(graph, node, 3, "second moment", p.moment2, 0) ||
        !sb_take(graph, node, 4, "step", sb_step_input(graph), SB_ALLOW_ANY_TYPE) ||
        !sb_take(graph, node, 5, "norm", p.norm, p.scaled ? SB_ALLOW_ABSENT : 0) ||
        !sb_take(graph, node, 6, "loss", p.loss, SB_ALLOW_ABSENT) ||
        !sb_take(graph, node, 7, "scaled step", p.scaled, SB_ALLOW_ABSENT) ||
        !sb_check(graph, node, !p.scaled || (!p.norm && !p.loss), "norm and loss belong to its scaled step.") ||
        !sb_check_vector(graph, node, "scaled step", p.scaled, SCALED_FLOATS) ||
        !sb_check_same(graph, node, "gradient", p.gradient, "parameter", p.parameter) ||
        !sb_check_same(graph, node, "first moment", p.moment1, "parameter", p.parameter) ||
        !sb_check_same(graph, node, "second moment", p.moment2, "parameter", p.parameter) ||
        !sb_check_vector(graph, node, "norm", p.norm, 1) || !sb_check_vector(graph, node, "loss", p.loss, 1))
        return;
    node->attributes.adamw = (struct sb_adamw_attributes){.beta1 = p.beta1,
                                                          .beta2 = p.beta2,
                                                          .epsilon = p.epsilon,
                                                          .rate_factor = p.rate_factor > 0 ? p.rate_factor : 1,
                                                          .weight_decay = p.weight_decay,
                                                          .clip_norm = p.clip_norm,
                                                          .first = sb_address(p.parameter) / 4,
                                                          .count = sb_elements(p.parameter)};
    sb_give_like(graph, node, 0, NULL, p.parameter, 0, p.parameter);
    sb_give_like(graph, node, 1, NULL, p.moment1, 0, p.moment1);
    sb_give_like(graph, node, 2, NULL, p.moment2, 0, p.moment2);
}

void sb_op_average(struct sb_graph *graph, struct sb_average_parameters p) {
    struct sb_node *node = sb_begin(graph, SB_OP_AVERAGE, NULL);
    if (!sb_take(graph, node, 0, "value", p.value, 0) || !sb_take(graph, node, 1, "average", p.average, 0) ||
        !sb_take(graph, node, 2, "norm", p.norm, 0) || !sb_take(graph, node, 3, "loss", p.loss, SB_ALLOW_ABSENT) ||
        !sb_check_same(graph, node, "average", p.average, "value", p.value) ||
        !sb_check_vector(graph, node, "norm", p.norm, 1) || !sb_check_vector(graph, node, "loss", p.loss, 1))
        return;
    node->attributes.average = (struct sb_average_attributes){.share = (float)(1 - p.decay)};
    sb_give_like(graph, node, 0, NULL, p.average, 0, p.average);
}
