/* The C reference: one function per operation, plain and readable, double accumulation. The judge of every kernel. */
#ifndef SB_CPU_REFERENCE_H
#define SB_CPU_REFERENCE_H

#include "base/half.h"
#include "graph/graph.h"

/* A tensor's memory as the reference sees it: rows of `columns` values, `pitch` apart. */
struct cpu_span {
    void *data; /* NULL: the tensor is absent */
    const struct sb_tensor *tensor;
};

struct cpu_arguments {
    const struct sb_node *node;
    struct cpu_span in[SB_MAX_INPUTS], out[SB_MAX_OUTPUTS];
    struct simba_error *error;
};

/* False with *error set only for what a reference can fail at (no memory). */
typedef bool (*cpu_function)(struct cpu_arguments *arguments);
extern const cpu_function cpu_functions[SB_OP_COUNT]; /* functions.c; NULL: a view */

/* Row `row` (all axes but the last, counted together) of a float tensor. */
static inline float *cpu_row(const struct cpu_span *span, int64_t row) {
    return (float *)span->data + row * span->tensor->pitch;
}

/* A factor of the node's products, rounded as its precision says. */
static inline double cpu_factor(const struct cpu_arguments *arguments, float x) {
    switch (arguments->node->precision) {
    case SB_PRECISION_BF16:
        return sb_round_to_bfloat(x);
    case SB_PRECISION_FP16:
        return sb_round_to_half(x);
    case SB_PRECISION_FP32:
        break;
    }
    return x;
}

static inline int64_t cpu_axis(const struct cpu_span *span, int axis) {
    return span->tensor->shape[axis];
}

/* elementwise.c: an activation, and its slope from what is saved: the argument, or for ReLU and soft shrink the
 * result. */
double cpu_activation(enum sb_activation_kind kind, double threshold, double x);
double cpu_activation_slope(enum sb_activation_kind kind, double saved);
double cpu_sigmoid(double x);

#endif
