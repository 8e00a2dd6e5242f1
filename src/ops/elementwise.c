#include "ops/build.h"

static bool by_argument(enum sb_activation_kind kind) {
    return kind == SB_ACTIVATION_GELU || kind == SB_ACTIVATION_SILU;
}

struct sb_tensor *sb_op_activation(struct sb_graph *graph, const char *name, struct sb_tensor *x,
                                   enum sb_activation_kind kind, float threshold) {
    struct sb_node *node = sb_begin(graph, SB_OP_ACTIVATION, name);
    if (!sb_take(graph, node, 0, "input", x, 0)) return NULL;
    node->attributes.activation = (struct sb_activation_attributes){.kind = kind, .threshold = threshold};
    return sb_give_like(graph, node, 0, NULL, NULL, 0, x);
}

struct sb_tensor *sb_op_activation_gradient(struct sb_graph *graph, struct sb_tensor *dy, struct sb_tensor *saved,
                                            enum sb_activation_kind kind) {
    struct sb_node *node = sb_begin(graph, SB_OP_ACTIVATION_GRADIENT, "activation");
    if (!sb_take(graph, node, 0, "dy", dy, 0) || !sb_take(graph, node, 1, "saved", saved, 0) ||
        !sb_check_same(graph, node, "saved", saved, "dy", dy))
        return NULL;
    node->attributes.activation = (struct sb_activation_attributes){.kind = kind};
    return sb_give_like(graph, node, 0, NULL, NULL, 0, dy);
}

void sb_gradient_activation(struct sb_gradients *gradients, struct sb_node *node) {
    enum sb_activation_kind kind = node->attributes.activation.kind;
    struct sb_tensor *x = node->inputs[0], *dy = sb_gradient_arrived(gradients, node->outputs[0]);
    if (kind != SB_ACTIVATION_NONE)
        dy = sb_op_activation_gradient(gradients->graph, dy, by_argument(kind) ? x : node->outputs[0], kind);
    sb_gradient_contribute(gradients, x, dy);
}

struct sb_tensor *sb_op_add(struct sb_graph *graph, const char *name, struct sb_tensor *a, struct sb_tensor *b,
                            float value, struct sb_tensor *into) {
    struct sb_node *node = sb_begin(graph, SB_OP_ADD, name);
    if (!sb_take(graph, node, 0, "a", a, SB_ALLOW_PITCH) || !sb_take(graph, node, 1, "b", b, SB_ALLOW_PITCH) ||
        !sb_check_same(graph, node, "b", b, "a", a))
        return NULL;
    node->attributes.scale = (struct sb_scale_attributes){.value = value};
    return sb_give_like(graph, node, 0, NULL, into, SB_ALLOW_PITCH, a);
}

void sb_gradient_add(struct sb_gradients *gradients, struct sb_node *node) {
    struct sb_graph *graph = gradients->graph;
    struct sb_tensor *a = node->inputs[0], *b = node->inputs[1];
    struct sb_tensor *dy = sb_gradient_arrived(gradients, node->outputs[0]);
    float value = node->attributes.scale.value;
    if (sb_gradient_wanted(gradients, a)) sb_gradient_contribute(gradients, a, dy);
    if (!sb_gradient_wanted(gradients, b)) return;
    if (value == 1.0f) {
        sb_gradient_contribute(gradients, b, dy);
        return;
    }
    /* value * dy, onto what is there; without that as dy + (value - 1) dy, exact for halves and for -1. */
    struct sb_tensor *addend = sb_gradient_addend(gradients, b);
    struct sb_tensor *into = sb_gradient_destination(gradients, b);
    sb_gradient_contribute(gradients, b,
                           sb_op_add(graph, "b", addend ? addend : dy, dy, addend ? value : value - 1.0f, into));
}

struct sb_tensor *sb_op_multiply(struct sb_graph *graph, const char *name, struct sb_tensor *a, struct sb_tensor *b,
                                 struct sb_tensor *into) {
    struct sb_node *node = sb_begin(graph, SB_OP_MULTIPLY, name);
    if (!sb_take(graph, node, 0, "a", a, 0) || !sb_take(graph, node, 1, "b", b, 0) ||
        !sb_check_same(graph, node, "b", b, "a", a))
        return NULL;
    return sb_give_like(graph, node, 0, NULL, into, 0, a);
}

void sb_gradient_multiply(struct sb_gradients *gradients, struct sb_node *node) {
    struct sb_graph *graph = gradients->graph;
    struct sb_tensor *a = node->inputs[0], *b = node->inputs[1];
    struct sb_tensor *dy = sb_gradient_arrived(gradients, node->outputs[0]);
    if (sb_gradient_wanted(gradients, a))
        sb_gradient_contribute(gradients, a,
                               sb_op_multiply(graph, "a", dy, b, sb_gradient_dense_destination(gradients, a)));
    if (sb_gradient_wanted(gradients, b))
        sb_gradient_contribute(gradients, b,
                               sb_op_multiply(graph, "b", dy, a, sb_gradient_dense_destination(gradients, b)));
}

struct sb_tensor *sb_op_negative_exp(struct sb_graph *graph, const char *name, struct sb_tensor *x) {
    struct sb_node *node = sb_begin(graph, SB_OP_NEGATIVE_EXP, name);
    if (!sb_take(graph, node, 0, "input", x, 0)) return NULL;
    return sb_give_like(graph, node, 0, NULL, NULL, 0, x);
}

void sb_gradient_negative_exp(struct sb_gradients *gradients, struct sb_node *node) {
    /* y = -exp(x) is its own derivative. */
    struct sb_tensor *x = node->inputs[0], *dy = sb_gradient_arrived(gradients, node->outputs[0]);
    struct sb_tensor *into = sb_gradient_dense_destination(gradients, x);
    sb_gradient_contribute(gradients, x, sb_op_multiply(gradients->graph, "input", dy, node->outputs[0], into));
}

struct sb_tensor *sb_op_scale_rows(struct sb_graph *graph, const char *name, struct sb_tensor *x,
                                   struct sb_tensor *scale) {
    struct sb_node *node = sb_begin(graph, SB_OP_SCALE_ROWS, name);
    if (!sb_take(graph, node, 0, "input", x, 0) || !sb_take(graph, node, 1, "scale", scale, 0) ||
        !sb_check_vector(graph, node, "scale", scale, x->shape[0]))
        return NULL;
    return sb_give_like(graph, node, 0, NULL, NULL, 0, x);
}

void sb_gradient_scale_rows(struct sb_gradients *gradients, struct sb_node *node) {
    struct sb_tensor *dy = sb_gradient_arrived(gradients, node->outputs[0]);
    sb_gradient_contribute(gradients, node->inputs[0],
                           sb_op_scale_rows(gradients->graph, "input", dy, node->inputs[1]));
}

struct sb_tensor *sb_op_add_row(struct sb_graph *graph, const char *name, struct sb_tensor *x, struct sb_tensor *row) {
    struct sb_node *node = sb_begin(graph, SB_OP_ADD_ROW, name);
    if (!sb_take(graph, node, 0, "input", x, 0) || !sb_take(graph, node, 1, "row", row, 0)) return NULL;
    int64_t last[SB_MAX_RANK];
    const int before = x->rank - row->rank;
    for (int i = 0; i < row->rank; i++) last[i] = before >= 0 ? x->shape[before + i] : -1;
    if (!sb_check(graph, node, before >= 0, "its row %s has more axes than its input %s.", row->name, x->name) ||
        !sb_check_shape(graph, node, "row", row, row->rank, last))
        return NULL;
    return sb_give_like(graph, node, 0, NULL, NULL, 0, x);
}

void sb_gradient_add_row(struct sb_gradients *gradients, struct sb_node *forward) {
    struct sb_graph *graph = gradients->graph;
    struct sb_tensor *row = forward->inputs[1], *dy = sb_gradient_arrived(gradients, forward->outputs[0]);
    if (sb_gradient_wanted(gradients, row)) {
        struct sb_node *node = sb_begin(graph, SB_OP_ADD_ROW_GRADIENT, "row");
        if (!sb_take(graph, node, 0, "dy", dy, 0)) return;
        struct sb_tensor *into = sb_gradient_dense_destination(gradients, row);
        sb_gradient_contribute(gradients, row, sb_give_like(graph, node, 0, NULL, into, 0, row));
    }
    sb_gradient_contribute(gradients, forward->inputs[0], dy);
}

struct sb_tensor *sb_op_dropout(struct sb_graph *graph, const char *name, struct sb_tensor *x, float rate,
                                uint32_t branch) {
    struct sb_node *node = sb_begin(graph, SB_OP_DROPOUT, name);
    if (!sb_take(graph, node, 0, "input", x, 0) ||
        !sb_take(graph, node, 1, "step", sb_step_input(graph), SB_ALLOW_ANY_TYPE) ||
        !sb_check(graph, node, rate >= 0.0f && rate < 1.0f, "a rate of %g is impossible: from 0 to below 1.",
                  (double)rate) ||
        !sb_check(graph, node, branch < 1u << 24, "its number %u must be below 2^24.", branch))
        return NULL;
    node->attributes.drop_path = (struct sb_drop_path_attributes){.rate = rate, .branch = branch};
    return sb_give_like(graph, node, 0, NULL, NULL, 0, x);
}

void sb_gradient_dropout(struct sb_gradients *gradients, struct sb_node *node) {
    const struct sb_drop_path_attributes *attributes = &node->attributes.drop_path;
    struct sb_tensor *dy = sb_gradient_arrived(gradients, node->outputs[0]);
    sb_gradient_contribute(gradients, node->inputs[0],
                           sb_op_dropout(gradients->graph, "input", dy, attributes->rate, attributes->branch));
}

struct sb_tensor *sb_op_fill(struct sb_graph *graph, const char *name, struct sb_tensor *into, float value) {
    struct sb_node *node = sb_begin(graph, SB_OP_FILL, name);
    if (!node || !sb_check(graph, node, into, "the tensor to be filled is missing.")) return NULL;
    node->attributes.scale = (struct sb_scale_attributes){.value = value};
    return sb_give_like(graph, node, 0, NULL, into, SB_ALLOW_PITCH, into);
}

struct sb_tensor *sb_op_copy(struct sb_graph *graph, const char *name, struct sb_tensor *x, struct sb_tensor *into) {
    struct sb_node *node = sb_begin(graph, SB_OP_COPY, name);
    if (!sb_take(graph, node, 0, "input", x, SB_ALLOW_PITCH)) return NULL;
    return sb_give_like(graph, node, 0, NULL, into, SB_ALLOW_PITCH, x);
}

void sb_gradient_copy(struct sb_gradients *gradients, struct sb_node *node) {
    sb_gradient_contribute(gradients, node->inputs[0], sb_gradient_arrived(gradients, node->outputs[0]));
}

struct sb_tensor *sb_op_normalise_image(struct sb_graph *graph, const char *name, struct sb_tensor *x,
                                        struct sb_tensor *constants) {
    struct sb_node *node = sb_begin(graph, SB_OP_NORMALISE_IMAGE, name);
    if (!sb_take(graph, node, 0, "image", x, SB_ALLOW_ANY_TYPE) ||
        !sb_take(graph, node, 1, "constants", constants, 0) || !sb_check_rank(graph, node, "image", x, 4) ||
        !sb_check(graph, node, x->dtype == SB_UINT8, "its image %s must be uint8.", x->name) ||
        !sb_check_shape(graph, node, "constants", constants, 2, (int64_t[]){2, x->shape[3]}))
        return NULL;
    return sb_give(graph, node, 0, NULL, NULL, 0, 4, x->shape);
}

void sb_cost_activation(const struct sb_node *node, struct sb_cost *cost) {
    double elements = sb_count(node->outputs[0]);
    bool special = node->op == SB_OP_NEGATIVE_EXP || by_argument(node->attributes.activation.kind);
    *cost = (struct sb_cost){.flops = 4 * elements, .special = special ? elements : 0, .bytes = sb_traffic(node)};
}
