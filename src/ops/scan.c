#include "ops/build.h"

/* Tokens between two saved states: the backward pass repeats this many steps from each. A shorter chunk saves more
 * states ([E, N] each, where a token has E values), a longer one needs more memory in the backward kernel. */
enum { CHUNK = 16 };

struct sb_tensor *sb_op_selective_scan(struct sb_graph *graph, struct sb_scan_parameters p) {
    struct sb_node *node = sb_begin(graph, SB_OP_SELECTIVE_SCAN, p.name);
    if (!sb_take(graph, node, SB_SCAN_U, "u", p.u, 0) || !sb_take(graph, node, SB_SCAN_DELTA, "delta", p.delta, 0) ||
        !sb_take(graph, node, SB_SCAN_A, "a", p.a, 0) || !sb_take(graph, node, SB_SCAN_B, "b", p.b, SB_ALLOW_PITCH) ||
        !sb_take(graph, node, SB_SCAN_C, "c", p.c, SB_ALLOW_PITCH) ||
        !sb_take(graph, node, SB_SCAN_D, "d", p.d, SB_ALLOW_ABSENT) ||
        !sb_take(graph, node, SB_SCAN_Z, "z", p.z, SB_ALLOW_ABSENT | SB_ALLOW_PITCH) ||
        !sb_take(graph, node, SB_SCAN_BIAS, "bias", p.bias, SB_ALLOW_ABSENT) ||
        !sb_check_rank(graph, node, "u", p.u, 3) || !sb_check_rank(graph, node, "a", p.a, 2))
        return NULL;
    int64_t batch = p.u->shape[0], length = p.u->shape[1], channels = p.u->shape[2], states = p.a->shape[1];
    int64_t row[] = {batch, length, states};
    if (!sb_check_same(graph, node, "delta", p.delta, "u", p.u) ||
        !sb_check_shape(graph, node, "a", p.a, 2, (int64_t[]){channels, states}) ||
        !sb_check_shape(graph, node, "b", p.b, 3, row) || !sb_check_shape(graph, node, "c", p.c, 3, row) ||
        !sb_check_vector(graph, node, "d", p.d, channels) || !sb_check_same(graph, node, "z", p.z, "u", p.u) ||
        !sb_check_vector(graph, node, "bias", p.bias, channels))
        return NULL;
    int64_t chunk = length < CHUNK ? length : CHUNK;
    node->attributes.scan = (struct sb_scan_attributes){.softplus = p.softplus, .chunk = chunk};
    struct sb_tensor *y = sb_give_like(graph, node, SB_SCAN_Y, NULL, NULL, 0, p.u);
    if (sb_saves(graph, y)) {
        if (p.z) sb_give_like(graph, node, SB_SCAN_UNGATED, "ungated", NULL, 0, p.u);
        if (length > chunk)
            sb_give(graph, node, SB_SCAN_STATES, "states", NULL, 0, 4,
                    (int64_t[]){batch, (length + chunk - 1) / chunk - 1, channels, states});
    }
    return y;
}

void sb_gradient_selective_scan(struct sb_gradients *gradients, struct sb_node *forward) {
    struct sb_graph *graph = gradients->graph;
    struct sb_node *node = sb_begin(graph, SB_OP_SELECTIVE_SCAN_GRADIENT, "gradient");
    static const char *const roles[] = {"u", "delta", "a", "b", "c", "d", "z", "bias"};
    if (!sb_take(graph, node, SB_SCAN_GRADIENT_DY, "dy", sb_gradient_arrived(gradients, forward->outputs[SB_SCAN_Y]),
                 0))
        return;
    for (int i = SB_SCAN_U; i <= SB_SCAN_BIAS; i++)
        if (!sb_take(graph, node, SB_SCAN_GRADIENT_U + i, roles[i], forward->inputs[i],
                     SB_ALLOW_PITCH | SB_ALLOW_ABSENT))
            return;
    if (!sb_take(graph, node, SB_SCAN_GRADIENT_UNGATED, "ungated", forward->outputs[SB_SCAN_UNGATED],
                 SB_ALLOW_ABSENT) ||
        !sb_take(graph, node, SB_SCAN_GRADIENT_STATES, "states", forward->outputs[SB_SCAN_STATES], SB_ALLOW_ABSENT))
        return;
    node->attributes = forward->attributes;
    /* Outputs stand in the order of the forward inputs; db, dc and dz may be columns of a wider tensor. */
    struct sb_tensor *results[SB_SCAN_BIAS + 1] = {NULL};
    for (int i = SB_SCAN_U; i <= SB_SCAN_BIAS; i++) {
        struct sb_tensor *input = forward->inputs[i];
        if (!input) continue;
        bool pitched = i == SB_SCAN_B || i == SB_SCAN_C || i == SB_SCAN_Z;
        struct sb_tensor *into =
            pitched ? sb_gradient_destination(gradients, input) : sb_gradient_dense_destination(gradients, input);
        results[i] =
            sb_give_like(graph, node, SB_SCAN_GRADIENT_DU + i, roles[i], into, pitched ? SB_ALLOW_PITCH : 0, input);
    }
    for (int i = SB_SCAN_U; i <= SB_SCAN_BIAS; i++)
        if (sb_gradient_wanted(gradients, forward->inputs[i]))
            sb_gradient_contribute(gradients, forward->inputs[i], results[i]);
}

/* For each token, channel and state: h = exp(d A) h + (d u) B and y += C h. */
void sb_cost_selective_scan(const struct sb_node *node, struct sb_cost *cost) {
    double tokens = sb_count(node->inputs[SB_SCAN_U]), states = (double)node->inputs[SB_SCAN_A]->shape[1];
    *cost = (struct sb_cost){.flops = 6 * tokens * states, .special = tokens * (states + 2), .bytes = sb_traffic(node)};
}

/* The states again, then for each of them the gradients of h, A, B, C, delta and u. */
void sb_cost_selective_scan_gradient(const struct sb_node *node, struct sb_cost *cost) {
    double tokens = sb_count(node->inputs[SB_SCAN_GRADIENT_U]);
    double states = (double)node->inputs[SB_SCAN_GRADIENT_A]->shape[1];
    *cost =
        (struct sb_cost){.flops = 20 * tokens * states, .special = tokens * (states + 2), .bytes = sb_traffic(node)};
}
