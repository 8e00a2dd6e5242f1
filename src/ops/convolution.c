#include "ops/build.h"

struct sb_tensor *sb_op_conv2d(struct sb_graph *graph, struct sb_conv2d_parameters p) {
    struct sb_node *node = sb_begin(graph, SB_OP_CONV2D, p.name);
    int64_t stride = p.stride ? p.stride : 1;
    if (!sb_take(graph, node, SB_CONV2D_X, "input", p.x, 0) ||
        !sb_take(graph, node, SB_CONV2D_WEIGHT, "weight", p.weight, 0) ||
        !sb_take(graph, node, SB_CONV2D_BIAS, "bias", p.bias, SB_ALLOW_ABSENT) ||
        !sb_check_rank(graph, node, "input", p.x, 4) ||
        !sb_check_shape(graph, node, "weight", p.weight, 4, (int64_t[]){-1, p.x->shape[3], -1, -1}) ||
        !sb_check_vector(graph, node, "bias", p.bias, p.weight->shape[0]))
        return NULL;
    int64_t kh = p.weight->shape[2], kw = p.weight->shape[3];
    int64_t height = p.x->shape[1] + 2 * p.padding - kh, width = p.x->shape[2] + 2 * p.padding - kw;
    if (!sb_check(graph, node, stride > 0 && p.padding >= 0 && height >= 0 && width >= 0,
                  "a %lld x %lld filter with stride %lld and padding %lld does not fit an image of %lld x %lld.",
                  (long long)kh, (long long)kw, (long long)stride, (long long)p.padding, (long long)p.x->shape[1],
                  (long long)p.x->shape[2]))
        return NULL;
    node->attributes.convolution = (struct sb_convolution_attributes){
        .kernel_height = kh, .kernel_width = kw, .stride = stride, .padding = p.padding};
    int64_t shape[] = {p.x->shape[0], height / stride + 1, width / stride + 1, p.weight->shape[0]};
    return sb_give(graph, node, 0, NULL, NULL, 0, 4, shape);
}

void sb_gradient_conv2d(struct sb_gradients *gradients, struct sb_node *forward) {
    struct sb_graph *graph = gradients->graph;
    struct sb_tensor *x = forward->inputs[SB_CONV2D_X], *weight = forward->inputs[SB_CONV2D_WEIGHT];
    struct sb_tensor *bias = forward->inputs[SB_CONV2D_BIAS];
    struct sb_tensor *dy = sb_gradient_arrived(gradients, forward->outputs[0]);
    if (sb_gradient_wanted(gradients, weight) || sb_gradient_wanted(gradients, bias)) {
        struct sb_node *node = sb_begin(graph, SB_OP_CONV2D_WEIGHT_GRADIENT, "weight");
        if (!sb_take(graph, node, 0, "input", x, 0) || !sb_take(graph, node, 1, "dy", dy, 0)) return;
        node->attributes = forward->attributes;
        struct sb_tensor *dweight =
            sb_give_like(graph, node, 0, NULL, sb_gradient_dense_destination(gradients, weight), 0, weight);
        if (sb_gradient_wanted(gradients, bias))
            sb_gradient_contribute(
                gradients, bias,
                sb_give_like(graph, node, 1, "bias", sb_gradient_dense_destination(gradients, bias), 0, bias));
        if (sb_gradient_wanted(gradients, weight)) sb_gradient_contribute(gradients, weight, dweight);
    }
    if (sb_gradient_wanted(gradients, x)) {
        struct sb_tensor *addend = sb_gradient_addend(gradients, x);
        struct sb_node *node = sb_begin(graph, SB_OP_CONV2D_INPUT_GRADIENT, "input");
        if (!sb_take(graph, node, 0, "dy", dy, 0) || !sb_take(graph, node, 1, "weight", weight, 0) ||
            !sb_take(graph, node, 2, "addend", addend, SB_ALLOW_ABSENT))
            return;
        node->attributes = forward->attributes;
        sb_gradient_contribute(gradients, x, sb_give_like(graph, node, 0, NULL, NULL, 0, x));
    }
}

struct sb_tensor *sb_op_depthwise_conv2d(struct sb_graph *graph, struct sb_depthwise_parameters p) {
    struct sb_node *node = sb_begin(graph, SB_OP_DEPTHWISE_CONV2D, p.name);
    if (!sb_take(graph, node, 0, "input", p.x, 0) || !sb_take(graph, node, 1, "weight", p.weight, 0) ||
        !sb_take(graph, node, 2, "bias", p.bias, SB_ALLOW_ABSENT) || !sb_check_rank(graph, node, "input", p.x, 4) ||
        !sb_check_shape(graph, node, "weight", p.weight, 4, (int64_t[]){p.x->shape[3], 1, -1, -1}) ||
        !sb_check_vector(graph, node, "bias", p.bias, p.x->shape[3]))
        return NULL;
    int64_t size = p.weight->shape[2];
    if (!sb_check(graph, node, size % 2 == 1 && p.weight->shape[3] == size,
                  "its filter must be square with an odd side; %s is %lld x %lld.", p.weight->name, (long long)size,
                  (long long)p.weight->shape[3]) ||
        !sb_check(graph, node, p.activation == SB_ACTIVATION_NONE || p.activation == SB_ACTIVATION_GELU,
                  "only GELU may follow a depth-wise convolution."))
        return NULL;
    node->attributes.convolution = (struct sb_convolution_attributes){
        .kernel_height = size, .kernel_width = size, .stride = 1, .padding = size / 2, .activation = p.activation};
    struct sb_tensor *y = sb_give_like(graph, node, 0, NULL, NULL, 0, p.x);
    if (sb_saves(graph, y) && p.activation != SB_ACTIVATION_NONE) sb_give_like(graph, node, 1, "saved", NULL, 0, p.x);
    return y;
}

void sb_gradient_depthwise_conv2d(struct sb_gradients *gradients, struct sb_node *forward) {
    struct sb_graph *graph = gradients->graph;
    struct sb_tensor *x = forward->inputs[0], *weight = forward->inputs[1], *bias = forward->inputs[2];
    struct sb_tensor *dp = sb_gradient_arrived(gradients, forward->outputs[0]);
    if (forward->attributes.convolution.activation != SB_ACTIVATION_NONE)
        dp = sb_op_activation_gradient(graph, dp, forward->outputs[1], forward->attributes.convolution.activation);
    struct sb_node *node = sb_begin(graph, SB_OP_DEPTHWISE_CONV2D_GRADIENT, "gradient");
    if (!sb_take(graph, node, 0, "dp", dp, 0) || !sb_take(graph, node, 1, "input", x, 0) ||
        !sb_take(graph, node, 2, "weight", weight, 0))
        return;
    node->attributes = forward->attributes;
    struct sb_tensor *dx = NULL, *dbias = NULL;
    if (sb_gradient_wanted(gradients, x)) dx = sb_give_like(graph, node, 0, "input", NULL, 0, x);
    struct sb_tensor *dweight =
        sb_give_like(graph, node, 1, "weight", sb_gradient_dense_destination(gradients, weight), 0, weight);
    if (sb_gradient_wanted(gradients, bias))
        dbias = sb_give_like(graph, node, 2, "bias", sb_gradient_dense_destination(gradients, bias), 0, bias);
    if (dx) sb_gradient_contribute(gradients, x, dx);
    if (sb_gradient_wanted(gradients, weight)) sb_gradient_contribute(gradients, weight, dweight);
    if (dbias) sb_gradient_contribute(gradients, bias, dbias);
}

struct sb_tensor *sb_op_causal_conv1d(struct sb_graph *graph, struct sb_causal_conv1d_parameters p) {
    struct sb_node *node = sb_begin(graph, SB_OP_CAUSAL_CONV1D, p.name);
    if (!sb_take(graph, node, 0, "input", p.x, SB_ALLOW_PITCH) || !sb_take(graph, node, 1, "weight", p.weight, 0) ||
        !sb_take(graph, node, 2, "bias", p.bias, SB_ALLOW_ABSENT) || !sb_check_rank(graph, node, "input", p.x, 3) ||
        !sb_check_shape(graph, node, "weight", p.weight, 3, (int64_t[]){p.x->shape[2], 1, -1}) ||
        !sb_check_vector(graph, node, "bias", p.bias, p.x->shape[2]) ||
        !sb_check(graph, node, p.activation == SB_ACTIVATION_NONE || p.activation == SB_ACTIVATION_SILU,
                  "only SiLU may follow a causal convolution."))
        return NULL;
    node->attributes.convolution = (struct sb_convolution_attributes){.kernel_height = 1,
                                                                      .kernel_width = p.weight->shape[2],
                                                                      .stride = 1,
                                                                      .padding = p.weight->shape[2] - 1,
                                                                      .activation = p.activation};
    return sb_give_like(graph, node, 0, NULL, NULL, 0, p.x);
}

void sb_gradient_causal_conv1d(struct sb_gradients *gradients, struct sb_node *forward) {
    struct sb_graph *graph = gradients->graph;
    struct sb_tensor *x = forward->inputs[0], *weight = forward->inputs[1], *bias = forward->inputs[2];
    struct sb_node *node = sb_begin(graph, SB_OP_CAUSAL_CONV1D_GRADIENT, "gradient");
    if (!sb_take(graph, node, 0, "dy", sb_gradient_arrived(gradients, forward->outputs[0]), 0) ||
        !sb_take(graph, node, 1, "input", x, SB_ALLOW_PITCH) || !sb_take(graph, node, 2, "weight", weight, 0) ||
        !sb_take(graph, node, 3, "bias", bias, SB_ALLOW_ABSENT))
        return;
    node->attributes = forward->attributes;
    struct sb_tensor *dx =
        sb_give_like(graph, node, 0, "input", sb_gradient_destination(gradients, x), SB_ALLOW_PITCH, x);
    struct sb_tensor *dweight =
        sb_give_like(graph, node, 1, "weight", sb_gradient_dense_destination(gradients, weight), 0, weight);
    struct sb_tensor *dbias = NULL;
    if (bias) dbias = sb_give_like(graph, node, 2, "bias", sb_gradient_dense_destination(gradients, bias), 0, bias);
    if (sb_gradient_wanted(gradients, x)) sb_gradient_contribute(gradients, x, dx);
    if (sb_gradient_wanted(gradients, weight)) sb_gradient_contribute(gradients, weight, dweight);
    if (sb_gradient_wanted(gradients, bias)) sb_gradient_contribute(gradients, bias, dbias);
}

/* All of the family: two operations for each filter tap that each result needs. The input gradient and the weight
 * gradient take as many as the forward pass each; the fused gradients do both. */
void sb_cost_convolution(const struct sb_node *node, struct sb_cost *cost) {
    const struct sb_convolution_attributes *attributes = &node->attributes.convolution;
    double taps = (double)(attributes->kernel_height * attributes->kernel_width), results = 0;
    switch (node->op) {
    case SB_OP_CONV2D:
        results = sb_count(node->outputs[0]) * (double)node->inputs[SB_CONV2D_WEIGHT]->shape[1];
        break;
    case SB_OP_CONV2D_INPUT_GRADIENT:
        results = sb_count(node->inputs[0]) * (double)node->inputs[1]->shape[1];
        break;
    case SB_OP_CONV2D_WEIGHT_GRADIENT:
        results = sb_count(node->inputs[1]) * (double)node->outputs[0]->shape[1];
        break;
    case SB_OP_DEPTHWISE_CONV2D_GRADIENT:
    case SB_OP_CAUSAL_CONV1D_GRADIENT:
        results = sb_count(node->inputs[0]) * 2;
        break;
    default:
        results = sb_count(node->outputs[0]);
    }
    *cost = (struct sb_cost){.flops = 2 * taps * results,
                             .special = attributes->activation != SB_ACTIVATION_NONE ? sb_count(node->inputs[0]) : 0,
                             .bytes = sb_traffic(node)};
}
