/* The training graph: forward, loss, backward, gradient accumulation and optimiser, compiled for a device. */
#ifndef SB_TRAIN_LEARNER_H
#define SB_TRAIN_LEARNER_H

#include "backend/backend.h"
#include "model/model.h"
#include "ops/ops.h"
#include "train/config.h"

struct sb_learner {
    struct sb_graph graph;
    struct sb_plan plan;
    struct sb_model_graph model;           /* images */
    struct sb_forecaster_graph forecaster; /* series */
    struct sb_tensor *truth;               /* float [batch, horizon, channels], series */
    struct sb_tensor *labels;        /* int32 [batch]; with Mixup, CutMix or token labels float [batch, classes] */
    struct sb_tensor *token_targets; /* float [batch, tokens, classes], with token labels */
    struct sb_tensor *loss;          /* [1], of a micro-batch */
    struct sb_tensor *norm;          /* [1], of the gradient, before clipping; in fp16 struct sb_scaled_step */
    struct sb_tensor *step;          /* struct sb_step_numbers */
    int forward_nodes;               /* the first nodes of the graph; those behind them are of the backward pass */
    bool profile;                    /* compile it with time stamps; set after planning */
    struct sb_program *program;
};

/* Graph and memory plan only; what the configuration freezes is frozen in the list. Finish it also after a failure. */
bool sb_learner_plan(struct sb_learner *learner, const struct sb_train_config *config,
                     const struct sb_parameter_list *list, struct simba_error *error);
/* Compiles it. `spaces` as in sb_program_parameters: PARAMETER, GRADIENT, MOMENT1, MOMENT2, and ACCUMULATOR when
 * config->accumulation is above 1, AVERAGE with config->ema, SCALING (struct sb_loss_scaling) in fp16. */
bool sb_learner_compile(struct sb_learner *learner, const struct sb_train_config *config, struct sb_device *device,
                        struct sb_memory *const spaces[SB_SPACE_COUNT], struct simba_error *error);
void sb_learner_finish(struct sb_learner *learner);

/* The numbers of micro-batch `micro_batch` of optimiser step `step` (from 0). */
struct sb_step_numbers sb_learner_numbers(const struct sb_train_config *config, const struct sb_schedule *schedule,
                                          int64_t step, int64_t micro_batch);

/* Writes the inputs of micro-batch `micro_batch` of step `step` into the slot: images, labels, what augmentation draws
 * for the whole batch, and the step's numbers. */
struct sb_batch;
void sb_learner_fill(struct sb_learner *learner, const struct sb_train_config *config, int slot,
                     const struct sb_batch *batch, int64_t step, const struct sb_step_numbers *numbers);

/* Likewise of a model for series: `count` (the batch size) windows of the training part. */
struct sb_forecast_data;
void sb_learner_fill_windows(struct sb_learner *learner, int slot, const struct sb_forecast_data *data,
                             const int64_t *windows, int count, const struct sb_step_numbers *numbers);

/* Computes the slot's batch again, node by node, and writes the name of the first node with a result that is not
 * finite into `name`; empty when every one is finite now. Slow. Changes running statistics. */
bool sb_learner_find_non_finite(struct sb_learner *learner, int slot, char *name, size_t size,
                                struct simba_error *error);

#endif
