/* Accuracy and loss of a model over a data set. */
#ifndef SB_TRAIN_EVALUATE_H
#define SB_TRAIN_EVALUATE_H

#include "data/loader.h"
#include "train/config.h"
#include "train/inference.h"

struct sb_metrics {
    int64_t images;
    double loss_sum; /* cross-entropy, natural logarithm */
    int64_t top1, top5;
    uint32_t *confusion; /* of the caller, [classes, classes], added to: row: what it is, column: the answer; or NULL */
    int64_t broken;      /* unreadable images, counted nowhere else */
};

/* Adds one image: its logits and its class. */
void sb_metrics_add(struct sb_metrics *metrics, const float *logits, int64_t classes, int32_t label);

struct sb_evaluation_parameters {
    const struct sb_dataset *dataset; /* its labels must be below the model's classes */
    const struct sb_model_config *model;
    int threads, broken_images;
    uint32_t *confusion; /* see sb_metrics; NULL: not counted */
    struct simba_log log;
    void (*progress)(void *user, int64_t done, int64_t total); /* images; may be NULL */
    void *user;
};
/* How the model wants its images in evaluation. */
struct sb_evaluation_transform sb_evaluation_transform_of(const struct sb_model_config *model);

/* Every image once, in order. `inference` must be prepared. */
bool sb_evaluate(struct sb_inference *inference, const struct sb_evaluation_parameters *parameters,
                 struct sb_metrics *metrics, struct simba_error *error);

/* The training or the evaluation data of a configuration. `class_names` (of `classes`; NULL: the configuration's
 * labels, or whatever the data set says) fix the order of the classes. */
struct sb_dataset *sb_open_data(const struct sb_train_config *config, bool training, const char *const *class_names,
                                int classes, struct simba_error *error);

#endif
