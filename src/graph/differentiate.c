#include "graph/differentiate.h"

#include "ops/ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_known(const struct sb_gradients *gradients, const struct sb_tensor *tensor) {
    return tensor && tensor->index < gradients->tensor_count;
}

struct sb_tensor *sb_gradient_arrived(struct sb_gradients *gradients, const struct sb_tensor *output) {
    return is_known(gradients, output) ? gradients->of[output->index] : NULL;
}

bool sb_gradient_wanted(struct sb_gradients *gradients, const struct sb_tensor *input) {
    return is_known(gradients, input) && input->needs_gradient;
}

struct sb_tensor *sb_gradient_addend(struct sb_gradients *gradients, struct sb_tensor *input) {
    struct sb_tensor *sum = sb_gradient_arrived(gradients, input);
    if (!sum || !sb_is_dense(sum)) return NULL;
    gradients->of[input->index] = NULL;
    gradients->claimed[input->index] = false;
    return sum;
}

struct sb_tensor *sb_gradient_whole(struct sb_gradients *gradients, const struct sb_node *split) {
    struct sb_tensor **whole = &gradients->whole[split->index];
    const struct sb_tensor *x = split->inputs[0];
    if (!*whole) *whole = sb_gradient_fresh(gradients, "whole", x->rank, x->shape);
    return *whole;
}

/* The place where the gradient of a tensor has to end up; NULL: anywhere. */
static struct sb_tensor *find_destination(struct sb_gradients *gradients, struct sb_tensor *tensor) {
    struct sb_graph *graph = gradients->graph;
    struct sb_tensor **destination = &gradients->destination[tensor->index];
    if (*destination || !tensor->needs_gradient) return *destination;
    if (tensor->space == SB_SPACE_PARAMETER && !tensor->base) {
        char name[512];
        snprintf(name, sizeof name, "grad/%s", tensor->name);
        *destination = sb_shared(graph, name, SB_SPACE_GRADIENT, tensor->offset, tensor->rank, tensor->shape, false);
    } else if (tensor->producer && tensor->producer->op == SB_OP_SPLIT) {
        struct sb_tensor *whole = sb_gradient_whole(gradients, tensor->producer);
        /* The parts cover the columns in order. */
        int64_t first = 0;
        for (int i = 0; tensor->producer->outputs[i] != tensor; i++) first += sb_columns(tensor->producer->outputs[i]);
        *destination = sb_view_columns(graph, whole, first, sb_columns(tensor));
    }
    return *destination;
}

struct sb_tensor *sb_gradient_destination(struct sb_gradients *gradients, struct sb_tensor *input) {
    if (!sb_gradient_wanted(gradients, input)) return NULL;
    if (gradients->of[input->index] || gradients->claimed[input->index]) return NULL;
    struct sb_tensor *destination = find_destination(gradients, input);
    gradients->claimed[input->index] = destination;
    return destination;
}

struct sb_tensor *sb_gradient_dense_destination(struct sb_gradients *gradients, struct sb_tensor *input) {
    struct sb_tensor *destination = sb_gradient_destination(gradients, input);
    if (!destination || sb_is_dense(destination)) return destination;
    gradients->claimed[input->index] = false;
    return NULL;
}

struct sb_tensor *sb_gradient_fresh(struct sb_gradients *gradients, const char *name, int rank, const int64_t *shape) {
    struct sb_graph *graph = gradients->graph;
    char full[512];
    snprintf(full, sizeof full, "%s/%s", graph->scope, name);
    return sb_activation(graph, full, SB_FLOAT32, rank, shape);
}

static bool same_shape(const struct sb_tensor *a, const struct sb_tensor *b) {
    return a->rank == b->rank && memcmp(a->shape, b->shape, (size_t)a->rank * sizeof *a->shape) == 0;
}

void sb_gradient_contribute(struct sb_gradients *gradients, struct sb_tensor *input, struct sb_tensor *contribution) {
    struct sb_graph *graph = gradients->graph;
    if (graph->failed || !contribution || !sb_gradient_wanted(gradients, input)) return;
    if (!same_shape(input, contribution)) {
        sb_graph_fail(graph, "A gradient of %s, %s, has another shape than the tensor itself.", input->name,
                      contribution->name);
        return;
    }
    struct sb_tensor **sum = &gradients->of[input->index];
    struct sb_tensor *destination = find_destination(gradients, input);
    if (*sum)
        *sum = sb_op_add(graph, "sum", *sum, contribution, 1.0f, destination);
    else if (destination && contribution != destination)
        *sum = sb_op_copy(graph, "copy", contribution, destination);
    else if (!destination && !sb_is_dense(contribution))
        *sum = sb_op_copy(graph, "copy", contribution, NULL);
    else
        *sum = contribution;
}

/* The rule of one node, when its gradient has arrived and anyone wants what follows from it. */
static void apply_rule(struct sb_gradients *gradients, struct sb_node *node) {
    struct sb_graph *graph = gradients->graph;
    bool arrived = false, wanted = false;
    for (int i = 0; i < SB_MAX_OUTPUTS; i++) arrived = arrived || sb_gradient_arrived(gradients, node->outputs[i]);
    for (int i = 0; i < SB_MAX_INPUTS; i++) wanted = wanted || sb_gradient_wanted(gradients, node->inputs[i]);
    if (!arrived || !wanted) return;
    const struct sb_op_info *info = sb_op_info(node->op);
    if (!info->gradient) {
        sb_graph_fail(graph, "Node %s: the operation %s has no gradient.", node->name, info->name);
        return;
    }
    const enum sb_precision outside = graph->precision;
    size_t scope = sb_scope_enter(graph, "backward/%s", node->name);
    graph->precision = node->precision;
    info->gradient(gradients, node);
    graph->precision = outside;
    sb_scope_leave(graph, scope);
}

/* Gives each gradient its name. One tensor can be the gradient of several (both sides of an addition): the others
 * find it through a view. */
static void name_gradients(struct sb_gradients *gradients) {
    struct sb_graph *graph = gradients->graph;
    for (int i = 0; i < gradients->tensor_count && !graph->failed; i++) {
        struct sb_tensor *gradient = gradients->of[i];
        if (!gradient) continue;
        const char *name = sb_pool_format(&graph->pool, &graph->error, "grad/%s", graph->tensors[i]->name);
        if (!name) {
            graph->failed = true;
            return;
        }
        if (strcmp(gradient->name, name) == 0) continue;
        bool mine = gradient->index >= gradients->tensor_count && strncmp(gradient->name, "grad/", 5) != 0;
        if (mine)
            gradient->name = name;
        else
            sb_view(graph, name, gradient, gradient->rank, gradient->shape, 0, gradient->pitch);
    }
}

static void differentiate(struct sb_gradients *gradients, struct sb_tensor *const *roots,
                          struct sb_tensor *const *seeds, int count) {
    struct sb_graph *graph = gradients->graph;
    int node_count = graph->node_count;
    bool any = false;
    for (int i = 0; i < count && !graph->failed; i++) {
        if (!roots[i]) {
            sb_graph_fail(graph, "Tensor %d of those to be differentiated is missing.", i);
            return;
        }
        struct sb_tensor *seed = seeds ? seeds[i] : NULL;
        size_t scope = sb_scope_enter(graph, "backward/%s", roots[i]->name);
        if (!seed && sb_elements(roots[i]) == 1)
            seed =
                sb_op_fill(graph, "seed", sb_gradient_fresh(gradients, "seed", roots[i]->rank, roots[i]->shape), 1.0f);
        if (!seed)
            sb_graph_fail(graph, "%s is no scalar: its differentiation needs a seed of its shape.", roots[i]->name);
        sb_gradient_contribute(gradients, roots[i], seed);
        sb_scope_leave(graph, scope);
        any = any || roots[i]->needs_gradient;
    }
    if (!any) sb_graph_fail(graph, "Nothing to differentiate: no result depends on a tensor that needs a gradient.");
    for (int i = node_count - 1; i >= 0 && !graph->failed; i--) apply_rule(gradients, graph->nodes[i]);
    name_gradients(gradients);
}

bool sb_differentiate_all(struct sb_graph *graph, struct sb_tensor *const *roots, struct sb_tensor *const *seeds,
                          int count, struct simba_error *error) {
    if (!graph->failed && !graph->training)
        sb_graph_fail(graph, "Only a graph made for training saves what its gradients need.");
    if (graph->failed) return sb_graph_ok(graph, error);
    struct sb_gradients gradients = {.graph = graph, .tensor_count = graph->tensor_count};
    size_t tensors = (size_t)graph->tensor_count, nodes = (size_t)graph->node_count;
    gradients.of = sb_allocate(tensors, sizeof(struct sb_tensor *), error);
    gradients.destination = sb_allocate(tensors, sizeof(struct sb_tensor *), error);
    gradients.claimed = sb_allocate(tensors, sizeof(bool), error);
    gradients.whole = sb_allocate(nodes, sizeof(struct sb_tensor *), error);
    bool allocated = gradients.of && gradients.destination && gradients.claimed && gradients.whole;
    if (allocated) {
        char scope[sizeof graph->scope];
        memcpy(scope, graph->scope, sizeof scope);
        graph->scope[0] = '\0';
        graph->differentiating = true;
        differentiate(&gradients, roots, seeds, count);
        graph->differentiating = false;
        memcpy(graph->scope, scope, sizeof scope);
    }
    free(gradients.of);
    free(gradients.destination);
    free(gradients.claimed);
    free(gradients.whole);
    return allocated && sb_graph_ok(graph, error);
}

bool sb_differentiate(struct sb_graph *graph, struct sb_tensor *loss, struct sb_tensor *seed,
                      struct simba_error *error) {
    return sb_differentiate_all(graph, &loss, &seed, 1, error);
}

struct sb_tensor *sb_gradient_of(const struct sb_graph *graph, const struct sb_tensor *tensor) {
    char name[512];
    snprintf(name, sizeof name, "grad/%s", tensor->name);
    return sb_find_tensor(graph, name);
}
