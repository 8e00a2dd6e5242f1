#include "ops/build.h"

struct sb_tensor *sb_op_permute(struct sb_graph *graph, const char *name, struct sb_tensor *x, const int *axes,
                                struct sb_tensor *into) {
    struct sb_node *node = sb_begin(graph, SB_OP_PERMUTE, name);
    if (!sb_take(graph, node, 0, "input", x, 0)) return NULL;
    int64_t shape[SB_MAX_RANK];
    unsigned seen = 0;
    for (int i = 0; i < x->rank; i++) {
        if (!sb_check(graph, node, axes[i] >= 0 && axes[i] < x->rank && !(seen & 1u << axes[i]),
                      "axis %d of the result names axis %d, which %s lacks or which was taken.", i, axes[i], x->name))
            return NULL;
        seen |= 1u << axes[i];
        node->attributes.permute.axes[i] = axes[i];
        shape[i] = x->shape[axes[i]];
    }
    return sb_give(graph, node, 0, NULL, into, 0, x->rank, shape);
}

void sb_gradient_permute(struct sb_gradients *gradients, struct sb_node *node) {
    struct sb_tensor *x = node->inputs[0], *into = sb_gradient_dense_destination(gradients, x);
    int inverse[SB_MAX_RANK] = {0};
    for (int i = 0; i < x->rank; i++) inverse[node->attributes.permute.axes[i]] = i;
    struct sb_tensor *dy = sb_gradient_arrived(gradients, node->outputs[0]);
    sb_gradient_contribute(gradients, x, sb_op_permute(gradients->graph, "input", dy, inverse, into));
}

struct sb_tensor *sb_op_slice_tokens(struct sb_graph *graph, const char *name, struct sb_tensor *x, int64_t first,
                                     int64_t count) {
    struct sb_node *node = sb_begin(graph, SB_OP_SLICE_TOKENS, name);
    if (!sb_take(graph, node, 0, "input", x, 0) || !sb_check_rank(graph, node, "input", x, 3) ||
        !sb_check(graph, node, first >= 0 && count >= 1 && first + count <= x->shape[1],
                  "tokens %lld to %lld are not among the %lld of %s.", (long long)first, (long long)(first + count - 1),
                  (long long)x->shape[1], x->name))
        return NULL;
    node->attributes.slice = (struct sb_slice_attributes){.first = first, .count = count};
    return sb_give(graph, node, 0, NULL, NULL, 0, 3, (int64_t[]){x->shape[0], count, x->shape[2]});
}

void sb_gradient_slice_tokens(struct sb_gradients *gradients, struct sb_node *node) {
    struct sb_graph *graph = gradients->graph;
    struct sb_tensor *x = node->inputs[0], *dx = sb_gradient_arrived(gradients, node->outputs[0]);
    int64_t before = node->attributes.slice.first, after = x->shape[1] - before - node->attributes.slice.count;
    int64_t batch = x->shape[0], channels = x->shape[2];
    if (before > 0) {
        struct sb_tensor *zeros = sb_gradient_fresh(gradients, "before", 3, (int64_t[]){batch, before, channels});
        dx = sb_op_concat_tokens(graph, "behind", sb_op_fill(graph, "zeros_before", zeros, 0.0f), dx);
    }
    if (after > 0) {
        struct sb_tensor *zeros = sb_gradient_fresh(gradients, "after", 3, (int64_t[]){batch, after, channels});
        dx = sb_op_concat_tokens(graph, "ahead", dx, sb_op_fill(graph, "zeros_after", zeros, 0.0f));
    }
    sb_gradient_contribute(gradients, x, dx);
}

struct sb_tensor *sb_op_concat_tokens(struct sb_graph *graph, const char *name, struct sb_tensor *a,
                                      struct sb_tensor *b) {
    struct sb_node *node = sb_begin(graph, SB_OP_CONCAT_TOKENS, name);
    if (!sb_take(graph, node, 0, "a", a, 0) || !sb_take(graph, node, 1, "b", b, 0) ||
        !sb_check_rank(graph, node, "a", a, 3) ||
        !sb_check_shape(graph, node, "b", b, 3, (int64_t[]){a->shape[0], -1, a->shape[2]}))
        return NULL;
    return sb_give(graph, node, 0, NULL, NULL, 0, 3, (int64_t[]){a->shape[0], a->shape[1] + b->shape[1], a->shape[2]});
}

void sb_gradient_concat_tokens(struct sb_gradients *gradients, struct sb_node *node) {
    struct sb_graph *graph = gradients->graph;
    struct sb_tensor *a = node->inputs[0], *b = node->inputs[1];
    struct sb_tensor *dy = sb_gradient_arrived(gradients, node->outputs[0]);
    if (sb_gradient_wanted(gradients, a))
        sb_gradient_contribute(gradients, a, sb_op_slice_tokens(graph, "a", dy, 0, a->shape[1]));
    if (sb_gradient_wanted(gradients, b))
        sb_gradient_contribute(gradients, b, sb_op_slice_tokens(graph, "b", dy, a->shape[1], b->shape[1]));
}

struct sb_tensor *sb_op_reverse_tokens(struct sb_graph *graph, const char *name, struct sb_tensor *x) {
    struct sb_node *node = sb_begin(graph, SB_OP_REVERSE_TOKENS, name);
    if (!sb_take(graph, node, 0, "input", x, 0) || !sb_check_rank(graph, node, "input", x, 3)) return NULL;
    return sb_give_like(graph, node, 0, NULL, NULL, 0, x);
}

void sb_gradient_reverse_tokens(struct sb_gradients *gradients, struct sb_node *node) {
    struct sb_tensor *dy = sb_gradient_arrived(gradients, node->outputs[0]);
    sb_gradient_contribute(gradients, node->inputs[0], sb_op_reverse_tokens(gradients->graph, "input", dy));
}

struct sb_tensor *sb_op_mix_box(struct sb_graph *graph, const char *name, struct sb_tensor *x, struct sb_tensor *box,
                                int64_t scale) {
    struct sb_node *node = sb_begin(graph, SB_OP_MIX_BOX, name);
    if (!sb_take(graph, node, 0, "input", x, 0) || !sb_take(graph, node, 1, "box", box, SB_ALLOW_ANY_TYPE) ||
        !sb_check_rank(graph, node, "input", x, 4) || !sb_check_vector(graph, node, "box", box, 4) ||
        !sb_check(graph, node, box->dtype == SB_INT32, "its box %s must be int32.", box->name) ||
        !sb_check(graph, node, scale >= 1, "its scale is %lld, and must be at least 1.", (long long)scale))
        return NULL;
    node->attributes.mix = (struct sb_mix_attributes){.scale = scale};
    return sb_give_like(graph, node, 0, NULL, NULL, 0, x);
}

void sb_gradient_mix_box(struct sb_gradients *gradients, struct sb_node *node) {
    struct sb_tensor *dy = sb_gradient_arrived(gradients, node->outputs[0]);
    sb_gradient_contribute(gradients, node->inputs[0],
                           sb_op_mix_box(gradients->graph, "input", dy, node->inputs[1], node->attributes.mix.scale));
}

struct sb_tensor *sb_op_mix_images(struct sb_graph *graph, const char *name, struct sb_tensor *x,
                                   struct sb_tensor *erase, struct sb_tensor *mix, enum sb_erasing erasing) {
    struct sb_node *node = sb_begin(graph, SB_OP_MIX_IMAGES, name);
    if (!sb_take(graph, node, 0, "input", x, 0) || !sb_take(graph, node, 1, "erase", erase, SB_ALLOW_ABSENT) ||
        !sb_take(graph, node, 2, "mix", mix, SB_ALLOW_ABSENT) ||
        !sb_take(graph, node, 3, "step", sb_step_input(graph), SB_ALLOW_ANY_TYPE) ||
        !sb_check_rank(graph, node, "input", x, 4) ||
        (erase &&
         (!sb_check_shape(graph, node, "erase", erase, 2, (int64_t[]){x->shape[0], -1}) ||
          !sb_check(graph, node, erase->shape[1] % 4 == 0, "its boxes %s must have four sides each.", erase->name))) ||
        (mix && !sb_check_shape(graph, node, "mix", mix, 2, (int64_t[]){x->shape[0], 5})))
        return NULL;
    node->attributes.mix_images = (struct sb_mix_images_attributes){.erasing = erasing};
    return sb_give_like(graph, node, 0, NULL, NULL, 0, x);
}
