/* What the builders of src/ops share: attaching inputs and outputs to a node with the checks that every operation
 * makes, in words that name the node, the role and the shapes. All of it is silent once the graph has failed. */
#ifndef SB_OPS_BUILD_H
#define SB_OPS_BUILD_H

#include "ops/ops.h"

/* What an input or output may be beyond present, dense and float32. */
enum sb_allowance { SB_ALLOW_PITCH = 1, SB_ALLOW_ABSENT = 2, SB_ALLOW_ANY_TYPE = 4 };

/* A node of the operation. `name` NULL: the operation's own name. */
struct sb_node *sb_begin(struct sb_graph *graph, enum sb_op op, const char *name);

/* Attaches an input. False when the graph has failed, also by this very check; true also for an absent input that is
 * allowed to be absent. */
bool sb_take(struct sb_graph *graph, struct sb_node *node, int input, const char *role, struct sb_tensor *tensor,
             unsigned allowance);

/* Fails the graph unless the tensor has the shape; an absent tensor passes. A negative size stands for any. */
bool sb_check_shape(struct sb_graph *graph, const struct sb_node *node, const char *role,
                    const struct sb_tensor *tensor, int rank, const int64_t *shape);
bool sb_check_vector(struct sb_graph *graph, const struct sb_node *node, const char *role,
                     const struct sb_tensor *tensor, int64_t size);
bool sb_check_rank(struct sb_graph *graph, const struct sb_node *node, const char *role, const struct sb_tensor *tensor,
                   int rank);
bool sb_check_same(struct sb_graph *graph, const struct sb_node *node, const char *role, const struct sb_tensor *tensor,
                   const char *other_role, const struct sb_tensor *other);
bool sb_check(struct sb_graph *graph, const struct sb_node *node, bool condition, const char *format, ...)
    SB_PRINTF(4, 5);

/* Gives the node an output: `into` after a check of its shape and layout, or a fresh tensor, named as the node
 * (role NULL) or "NODE/role". */
struct sb_tensor *sb_give(struct sb_graph *graph, struct sb_node *node, int output, const char *role,
                          struct sb_tensor *into, unsigned allowance, int rank, const int64_t *shape);
struct sb_tensor *sb_give_like(struct sb_graph *graph, struct sb_node *node, int output, const char *role,
                               struct sb_tensor *into, unsigned allowance, const struct sb_tensor *like);

/* Whether a node with the output y has to keep what its gradient will need: not in what is frozen, for instance. */
static inline bool sb_saves(const struct sb_graph *graph, const struct sb_tensor *y) {
    return graph->training && y && y->needs_gradient;
}

/* Sizes of all inputs and outputs in bytes: the least an operation has to move. */
double sb_traffic(const struct sb_node *node);
double sb_count(const struct sb_tensor *tensor); /* elements; 0 for NULL */

/* ---- the rows of the table in info.c, each beside its operation */
void sb_cost_traffic(const struct sb_node *node, struct sb_cost *cost);     /* nothing but bytes */
void sb_cost_elementwise(const struct sb_node *node, struct sb_cost *cost); /* a handful of operations an element */
void sb_cost_view(const struct sb_node *node, struct sb_cost *cost);
void sb_cost_linear(const struct sb_node *node, struct sb_cost *cost);
void sb_cost_linear_weight_gradient(const struct sb_node *node, struct sb_cost *cost);
void sb_cost_convolution(const struct sb_node *node, struct sb_cost *cost);
void sb_cost_selective_scan(const struct sb_node *node, struct sb_cost *cost);
void sb_cost_selective_scan_gradient(const struct sb_node *node, struct sb_cost *cost);
void sb_cost_transform(const struct sb_node *node, struct sb_cost *cost);
void sb_cost_activation(const struct sb_node *node, struct sb_cost *cost);
void sb_cost_cross_entropy(const struct sb_node *node, struct sb_cost *cost);
void sb_cost_moving_average(const struct sb_node *node, struct sb_cost *cost);

void sb_gradient_reshape(struct sb_gradients *gradients, struct sb_node *node);
void sb_gradient_split(struct sb_gradients *gradients, struct sb_node *node);
void sb_gradient_linear(struct sb_gradients *gradients, struct sb_node *node);
void sb_gradient_conv2d(struct sb_gradients *gradients, struct sb_node *node);
void sb_gradient_depthwise_conv2d(struct sb_gradients *gradients, struct sb_node *node);
void sb_gradient_causal_conv1d(struct sb_gradients *gradients, struct sb_node *node);
void sb_gradient_layer_norm(struct sb_gradients *gradients, struct sb_node *node);
void sb_gradient_batch_norm(struct sb_gradients *gradients, struct sb_node *node);
void sb_gradient_selective_scan(struct sb_gradients *gradients, struct sb_node *node);
void sb_gradient_spectrum(struct sb_gradients *gradients, struct sb_node *node);
void sb_gradient_synthesis(struct sb_gradients *gradients, struct sb_node *node);
void sb_gradient_complex_matrix(struct sb_gradients *gradients, struct sb_node *node);
void sb_gradient_activation(struct sb_gradients *gradients, struct sb_node *node);
void sb_gradient_add(struct sb_gradients *gradients, struct sb_node *node);
void sb_gradient_multiply(struct sb_gradients *gradients, struct sb_node *node);
void sb_gradient_negative_exp(struct sb_gradients *gradients, struct sb_node *node);
void sb_gradient_scale_rows(struct sb_gradients *gradients, struct sb_node *node);
void sb_gradient_add_row(struct sb_gradients *gradients, struct sb_node *node);
void sb_gradient_dropout(struct sb_gradients *gradients, struct sb_node *node);
void sb_gradient_copy(struct sb_gradients *gradients, struct sb_node *node);
void sb_gradient_permute(struct sb_gradients *gradients, struct sb_node *node);
void sb_gradient_slice_tokens(struct sb_gradients *gradients, struct sb_node *node);
void sb_gradient_concat_tokens(struct sb_gradients *gradients, struct sb_node *node);
void sb_gradient_reverse_tokens(struct sb_gradients *gradients, struct sb_node *node);
void sb_gradient_mix_box(struct sb_gradients *gradients, struct sb_node *node);
void sb_gradient_token_mean(struct sb_gradients *gradients, struct sb_node *node);
void sb_gradient_token_max(struct sb_gradients *gradients, struct sb_node *node);
void sb_gradient_cross_entropy(struct sb_gradients *gradients, struct sb_node *node);
void sb_gradient_series_forecast(struct sb_gradients *gradients, struct sb_node *node);
void sb_gradient_forecast_loss(struct sb_gradients *gradients, struct sb_node *node);

#endif
