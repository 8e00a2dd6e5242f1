#include "ops/build.h"

#include <stdio.h>
#include <string.h>

struct sb_tensor *sb_op_reshape(struct sb_graph *graph, struct sb_tensor *x, int rank, const int64_t *shape) {
    struct sb_node *node = sb_begin(graph, SB_OP_RESHAPE, "reshape");
    if (!sb_take(graph, node, 0, "input", x, SB_ALLOW_ANY_TYPE)) return NULL;
    int64_t elements = 1;
    for (int i = 0; i < rank; i++) elements *= shape[i];
    if (!sb_check(graph, node, elements == sb_elements(x), "%s has %lld elements, the new shape has %lld.", x->name,
                  (long long)sb_elements(x), (long long)elements))
        return NULL;
    char name[512];
    snprintf(name, sizeof name, "%s/reshape", x->name);
    struct sb_tensor *y = sb_view(graph, name, x, rank, shape, 0, shape[rank - 1]);
    sb_produce(graph, node, 0, y);
    return y;
}

void sb_gradient_reshape(struct sb_gradients *gradients, struct sb_node *node) {
    struct sb_tensor *x = node->inputs[0];
    struct sb_tensor *dy = sb_gradient_arrived(gradients, node->outputs[0]);
    sb_gradient_contribute(gradients, x, sb_view_reshape(gradients->graph, dy, x->rank, x->shape));
}

void sb_op_split(struct sb_graph *graph, struct sb_tensor *x, int count, const int64_t *counts,
                 struct sb_tensor **parts) {
    for (int i = 0; i < count; i++) parts[i] = NULL;
    struct sb_node *node = sb_begin(graph, SB_OP_SPLIT, "split");
    if (!sb_take(graph, node, 0, "input", x, SB_ALLOW_ANY_TYPE)) return;
    int64_t total = 0;
    for (int i = 0; i < count; i++) total += counts[i] < 1 ? INT32_MIN : counts[i];
    if (!sb_check(graph, node, count <= SB_MAX_OUTPUTS && total == sb_columns(x),
                  "the %d parts must cover the %lld columns of %s (at most %d parts of at least one column).", count,
                  (long long)sb_columns(x), x->name, SB_MAX_OUTPUTS))
        return;
    int64_t first = 0, shape[SB_MAX_RANK];
    memcpy(shape, x->shape, sizeof shape);
    for (int i = 0; i < count; first += counts[i++]) {
        char name[512];
        snprintf(name, sizeof name, "%s/part%d", x->name, i);
        shape[x->rank - 1] = counts[i];
        parts[i] = sb_view(graph, name, x, x->rank, shape, first, x->pitch);
        sb_produce(graph, node, i, parts[i]);
    }
}

void sb_gradient_split(struct sb_gradients *gradients, struct sb_node *node) {
    /* The parts' gradients were written into the columns of one tensor; what nobody wrote is zero. */
    for (int i = 0; i < SB_MAX_OUTPUTS && node->outputs[i]; i++) {
        if (sb_gradient_arrived(gradients, node->outputs[i])) continue;
        struct sb_tensor *destination = sb_gradient_destination(gradients, node->outputs[i]);
        sb_gradient_contribute(gradients, node->outputs[i], sb_op_fill(gradients->graph, "unused", destination, 0.0f));
    }
    sb_gradient_contribute(gradients, node->inputs[0], sb_gradient_whole(gradients, node));
}
