/* The optimiser's part of a training graph. */
#ifndef SB_TRAIN_OPTIMISER_H
#define SB_TRAIN_OPTIMISER_H

#include "model/model.h"
#include "ops/ops.h"

struct sb_optimiser {
    enum sb_space gradient; /* SB_SPACE_GRADIENT, or SB_SPACE_ACCUMULATOR */
    struct sb_tensor *loss; /* [1]: a step whose loss is not finite changes nothing; NULL: not looked at */
    double beta1, beta2;
    float epsilon, weight_decay, clip_norm; /* clip_norm 0: no clipping */
};

/* Floats of [first, end) bytes of a shared space as one row. */
struct sb_tensor *sb_space_range(struct sb_graph *graph, const char *name, enum sb_space space, size_t first,
                                 size_t end);

/* Appends, in the UPDATE phase, the gradient's norm over all trainable parameters and AdamW on the two groups of the
 * published recipe: weight decay on matrices and kernels only. Returns the norm [1]. */
struct sb_tensor *sb_append_optimiser(struct sb_graph *graph, const struct sb_parameter_list *list,
                                      const struct sb_optimiser *optimiser);

#endif
