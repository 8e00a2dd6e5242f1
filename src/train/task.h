/* What a run trains: the side of the trainer that knows images, or windows of a series. The trainer itself (trainer.c)
 * knows steps, accumulation, the optimiser, checkpoints, and when to evaluate. */
#ifndef SB_TRAIN_TASK_H
#define SB_TRAIN_TASK_H

#include "train/config.h"
#include "train/inference.h"
#include "train/learner.h"
#include "train/watch.h"

struct sb_evaluation {
    int64_t samples; /* those that the figures are about */
    double loss;
    double figures[2]; /* as sb_task_type.figures names them */
};

struct sb_task; /* begins with struct sb_task_base */

struct sb_task_type {
    const char *samples;       /* what a batch is made of: "images" */
    const char *figures[2];    /* columns of results.csv: "top1", "top5" */
    bool shares;               /* the figures are shares, drawn as per cent; the larger the better, else the smaller */
    const char *figures_title; /* of their curves */

    /* Opens the data and checks that they fit the configuration, in which it writes down what the data alone can tell
     * (config outlives the task). */
    struct sb_task *(*open)(struct sb_train_config *config, struct simba_log log, struct simba_error *error);
    void (*destroy)(struct sb_task *task);
    /* Training batches from here on; once, before the first `next`. `watch` may be drawn on. */
    bool (*begin)(struct sb_task *task, int64_t epoch, int64_t batch, const struct sb_watch *watch,
                  struct simba_error *error);
    /* Takes the next batch of the epoch, of which `used` batches are used at all; may wait for it. */
    bool (*next)(struct sb_task *task, int64_t epoch, int64_t used, struct simba_error *error);
    /* Writes the batch taken into the slot, as micro-batch numbers->micro_batch of optimiser step `step`. */
    bool (*fill)(struct sb_task *task, struct sb_learner *learner, int slot, int64_t step,
                 const struct sb_step_numbers *numbers, struct simba_error *error);
    /* The whole evaluation data; `inference` is prepared. `progress` gets samples done, and all. */
    bool (*evaluate)(struct sb_task *task, struct sb_inference *inference,
                     void (*progress)(void *user, int64_t done, int64_t total), void *user,
                     struct sb_evaluation *evaluation, struct simba_error *error);
    /* Writes what people look at about the last evaluation, which was the best so far; NULL: nothing. */
    bool (*show_best)(struct sb_task *task, const struct sb_watch *watch, struct simba_error *error);
    double (*waited)(const struct sb_task *task); /* seconds that `next` has waited since `begin` */
    int (*broken)(const struct sb_task *task);    /* training samples that could not be read */
};

struct sb_task_base {
    const struct sb_task_type *type;
    const char *description; /* of the training data */
    int64_t samples, evaluation_samples;
    int64_t epoch_samples; /* draws of samples in an epoch; 0: each once */
    int classes;           /* 0: none */
    char *labels;          /* JSON list of the classes' names; NULL: none */
    char *channels;        /* JSON object of the channels of a series (train/forecast.h); NULL: none */
};

static inline const struct sb_task_base *sb_task(const struct sb_task *task) {
    return (const struct sb_task_base *)task;
}

extern const struct sb_task_type sb_task_classification, sb_task_forecasting;

#endif
