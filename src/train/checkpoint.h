/* Checkpoints: one safetensors file with the parameters as a weights file has them (model/weights.h), the optimiser's
 * moments behind them ("optimizer/exp_avg/NAME", "optimizer/exp_avg_sq/NAME"), the moving average of the parameters
 * ("ema/NAME") and everything else in the metadata, so that a run goes on exactly and so that any reader of safetensors
 * (PyTorch's) finds the weights. Random numbers need no state: they are counted by seed, step and position
 * (base/random.h). */
#ifndef SB_TRAIN_CHECKPOINT_H
#define SB_TRAIN_CHECKPOINT_H

#include "model/weights.h"
#include "ops/ops.h"

/* Where a training stands. All counts are of finished things. */
struct sb_training_state {
    int64_t step, epoch;
    int64_t epoch_step;             /* steps of the current epoch */
    double loss_sum;                /* of their losses */
    int64_t no_losses;              /* fp16: those of them whose loss was not finite and is left out of the sum */
    struct sb_loss_scaling scaling; /* fp16; a scale of 0: there is none */
    double best;                    /* the figure of the best evaluation by which it was chosen */
    int64_t best_epoch;             /* epochs that were finished with it; 0: never evaluated */
};

/* What is stored beside the parameters. Texts belong to whoever fills them in. */
struct sb_checkpoint_record {
    struct sb_training_state state;
    int64_t epoch_steps;       /* optimiser steps of an epoch */
    const char *best_figure;   /* what state.best is: "top1" or "mse" */
    const char *configuration; /* JSON */
    const char *labels;        /* JSON list of class names, or NULL */
    const char *channels;      /* JSON object of a series' channels (train/forecast.h), or NULL */
    const char *data;          /* what it was trained on */
    const char *version;       /* of simba; on reading: that wrote it */
};

/* Host images of the spaces: `parameters` and `average` (NULL: there is none) total_bytes, the moments trainable_bytes
 * each. Without moments (NULL) a file is written that only holds the parameters. */
struct sb_checkpoint_spaces {
    float *parameters, *average, *moment1, *moment2;
};

/* Atomic. */
bool sb_checkpoint_write(const char *path, const struct sb_model_config *config, const struct sb_parameter_list *list,
                         struct sb_checkpoint_spaces spaces, const struct sb_checkpoint_record *record,
                         struct simba_error *error);

/* The record of an open file; its texts live as long as the file. *found is false for a file without one. Counters
 * that no training can have reached are an error (SIMBA_ERROR_FORMAT). */
bool sb_checkpoint_record(const struct sb_safetensors *file, struct sb_checkpoint_record *record, bool *found,
                          struct simba_error *error);

/* Whether a moving average is in the file. */
bool sb_checkpoint_has_average(const struct sb_safetensors *file);

/* Fills the spaces from an open file; as sb_weights_load, and the moments and, unless it is NULL, the average as well.
 */
bool sb_checkpoint_load(const struct sb_safetensors *file, const struct sb_parameter_list *list,
                        struct sb_checkpoint_spaces spaces, struct simba_error *error);

#endif
