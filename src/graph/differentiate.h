/* Reverse-mode automatic differentiation: appends the backward nodes to a training graph. */
#ifndef SB_GRAPH_DIFFERENTIATE_H
#define SB_GRAPH_DIFFERENTIATE_H

#include "graph/graph.h"

/* What the gradient rules of src/ops work with. */
struct sb_gradients {
    struct sb_graph *graph;
    struct sb_tensor **of;          /* by tensor: the gradient collected so far, or NULL */
    struct sb_tensor **destination; /* by tensor: where its gradient must end up; NULL: anywhere, or not made yet */
    bool *claimed;                  /* by tensor: a rule was told to write to the destination */
    struct sb_tensor **whole; /* by node, for a split: the gradient of its input, of which the parts are columns */
    int tensor_count;         /* tensors that existed when differentiation began */
};

/* Appends the backward nodes of everything that leads from tensors that need gradients to `loss`. `seed` is the
 * gradient of `loss` (same shape); NULL: 1, for a scalar. A parameter's gradient is written into SB_SPACE_GRADIENT at
 * the parameter's offset. Afterwards sb_gradient_of() finds the gradient of any tensor by its name: it is the tensor
 * named "grad/NAME". Order of summation is the reverse order of the nodes: fixed, so results repeat bit for bit. */
bool sb_differentiate(struct sb_graph *graph, struct sb_tensor *loss, struct sb_tensor *seed,
                      struct simba_error *error);
/* Several roots at once (outputs with a cotangent each). */
bool sb_differentiate_all(struct sb_graph *graph, struct sb_tensor *const *roots, struct sb_tensor *const *seeds,
                          int count, struct simba_error *error);
struct sb_tensor *sb_gradient_of(const struct sb_graph *graph, const struct sb_tensor *tensor);

/* For gradient rules. A rule is called once for a node some output of which has a gradient.
 *   arrived:     the gradient of an output (NULL: that output has no influence on the loss);
 *   wanted:      whether an input needs a gradient at all;
 *   addend:      what has been collected for the input so far, to be passed as the `addend` of the gradient operation
 *                where it has one; NULL when nothing was. Having called it, the rule owns the sum;
 *   destination: where the contribution should be written, NULL for "make a fresh tensor": the gradient space for a
 *                parameter's first contribution, a pitched view of the parent's gradient for an output of a split;
 *                given out once. dense_destination: the same for operations that cannot write rows with a pitch;
 *   contribute:  hands in a contribution; when others exist that were not taken by `addend`, an addition is appended,
 *                and when it was not written to the destination, a copy;
 *   whole:       for the rule of a split: the tensor of which the destinations of the parts are columns;
 *   fresh:       an activation for the rule's own use. */
struct sb_tensor *sb_gradient_arrived(struct sb_gradients *gradients, const struct sb_tensor *output);
bool sb_gradient_wanted(struct sb_gradients *gradients, const struct sb_tensor *input);
struct sb_tensor *sb_gradient_addend(struct sb_gradients *gradients, struct sb_tensor *input);
struct sb_tensor *sb_gradient_destination(struct sb_gradients *gradients, struct sb_tensor *input);
struct sb_tensor *sb_gradient_dense_destination(struct sb_gradients *gradients, struct sb_tensor *input);
void sb_gradient_contribute(struct sb_gradients *gradients, struct sb_tensor *input, struct sb_tensor *contribution);
struct sb_tensor *sb_gradient_whole(struct sb_gradients *gradients, const struct sb_node *split);
struct sb_tensor *sb_gradient_fresh(struct sb_gradients *gradients, const char *name, int rank, const int64_t *shape);

#endif
