/* A model ready to classify or to forecast: the inference graph at one batch size, compiled for a device. Shares the
 * parameter space with whoever owns it (a trainer that evaluates, a loaded model). */
#ifndef SB_TRAIN_INFERENCE_H
#define SB_TRAIN_INFERENCE_H

#include "backend/backend.h"
#include "model/model.h"
#include "ops/ops.h"

struct sb_inference {
    struct sb_graph graph;
    struct sb_plan plan;
    struct sb_model_graph model;           /* images */
    struct sb_forecaster_graph forecaster; /* series */
    struct sb_program *program;
    int64_t batch;                /* images or windows */
    int64_t image_bytes, classes; /* image_bytes: of one image, uint8 [height, width, channels] */
};

/* Graph and memory plan only. Finish it also after a failure. */
bool sb_inference_plan(struct sb_inference *inference, const struct sb_model_config *config,
                       const struct sb_parameter_list *list, int64_t batch, struct simba_error *error);
/* The same for a model with token labels, with the logits of its tokens as a result beside those of the image. */
bool sb_inference_plan_tokens(struct sb_inference *inference, const struct sb_model_config *config,
                              const struct sb_parameter_list *list, int64_t batch, struct simba_error *error);
/* Compiles the planned graph. */
bool sb_inference_compile(struct sb_inference *inference, const struct sb_model_config *config,
                          struct sb_device *device, struct sb_memory *parameters, struct simba_error *error);
void sb_inference_finish(struct sb_inference *inference);

/* Computes what depends on the parameters only. Before the first batch, and after the parameters have changed. */
bool sb_inference_prepare(struct sb_inference *inference, struct simba_error *error);
/* Where the images of a slot go: uint8 [batch, height, width, channels]. Unused places at the end may hold anything. */
uint8_t *sb_inference_images(struct sb_inference *inference, int slot);
bool sb_inference_submit(struct sb_inference *inference, int slot, struct simba_error *error);
/* Waits for the slot: logits [batch, classes], valid until its next submit. NULL with *error set on failure. */
const float *sb_inference_logits(struct sb_inference *inference, int slot, struct simba_error *error);

/* The same of a model for series: where the windows of a slot go, float [batch, look_back, channels], and its forecasts
 * [batch, horizon, channels]. */
float *sb_inference_windows(struct sb_inference *inference, int slot);
const float *sb_inference_forecasts(struct sb_inference *inference, int slot, struct simba_error *error);

/* Likewise the tokens' logits [batch, tokens, classes], of a graph that was planned for them. */
const float *sb_inference_tokens(struct sb_inference *inference, int slot, struct simba_error *error);

/* Writes mean and deviation of the channels into both slots. */
void sb_write_image_constants(struct sb_program *program, const struct sb_tensor *constants,
                              const struct sb_model_config *config);

#endif
