/* The optimiser's part of a training graph. */
#ifndef SB_TRAIN_OPTIMISER_H
#define SB_TRAIN_OPTIMISER_H

#include "model/model.h"
#include "ops/ops.h"

/* A range of the parameter space whose parameters have one learning rate and one weight decay: an AdamW node. */
struct sb_optimiser_group {
    size_t first, end; /* bytes */
    bool decay;
    double rate_factor; /* of the learning rate */
};

/* The groups of the published recipe, which follow timm 0.4.5: weight decay on matrices and kernels only. With
 * `layer_decay` below 1 each layer (model.h) has its own, and its learning rate is layer_decay times the next one's,
 * the heads' being the whole one (Clark et al., 2020; BEiT's factors). Weight decay is in proportion to it, as in
 * torch.optim.AdamW. In the order of their ranges; the caller frees *groups. */
bool sb_optimiser_groups(const struct sb_parameter_list *list, double layer_decay, struct sb_optimiser_group **groups,
                         int *count, struct simba_error *error);

struct sb_optimiser {
    enum sb_space gradient;   /* SB_SPACE_GRADIENT, or SB_SPACE_ACCUMULATOR */
    struct sb_tensor *loss;   /* [1], of the last micro-batch: not finite, the step changes nothing; NULL: no matter */
    int64_t scaling_interval; /* the gradient is one of the scaled loss (LOSS_SCALING of ops.h); 0: it is not */
    double beta1, beta2;
    float epsilon, weight_decay, clip_norm; /* clip_norm 0: no clipping */
    double layer_decay;                     /* 0: 1 */
    double ema;                             /* decay of the average of all state entries; 0: no average */
};

/* Floats of [first, end) bytes of a shared space as one row. */
struct sb_tensor *sb_space_range(struct sb_graph *graph, const char *name, enum sb_space space, size_t first,
                                 size_t end);

/* Appends, in the UPDATE phase, the gradient's norm over all trainable parameters, AdamW on the groups, and the moving
 * average of all weights and running statistics (timm's ModelEma: it begins with the first weights and has no warm-up).
 * Returns the norm [1], or with loss scaling the struct sb_scaled_step, which begins with it. */
struct sb_tensor *sb_append_optimiser(struct sb_graph *graph, const struct sb_parameter_list *list,
                                      const struct sb_optimiser *optimiser);

#endif
