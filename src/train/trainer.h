/* The training run behind simba/train.h: setup.c creates, plans and starts it, trainer.c steps. */
#ifndef SB_TRAIN_TRAINER_H
#define SB_TRAIN_TRAINER_H

#include "backend/backend.h"
#include "simba/train.h"
#include "train/checkpoint.h"
#include "train/inference.h"
#include "train/learner.h"
#include "train/profile.h"
#include "train/task.h"
#include "train/watch.h"

#include <stdatomic.h>

/* A micro-batch that was submitted and not yet waited for. */
struct trainer_flight {
    bool flying;
    bool last; /* of its optimiser step */
    int64_t step;
    double learning_rate;
    int profiled; /* index in the profile; -1: in none */
};

struct simba_trainer {
    struct sb_device *device; /* NULL: plan only */
    struct simba_log log;
    void (*progress_function)(void *user, const struct simba_progress *progress);
    void *user;

    struct sb_train_config config;
    char *configuration; /* as JSON, all defaults written out */
    char last[SB_CONFIG_TEXT + 32], best[SB_CONFIG_TEXT + 32], results[SB_CONFIG_TEXT + 32]; /* in the output */
    struct sb_parameter_list list;
    struct sb_learner learner;
    struct sb_inference evaluation;
    struct sb_schedule schedule;
    struct simba_training_plan plan;
    struct sb_task *task;
    struct sb_training_state state;
    bool resumed; /* from a checkpoint; else at the beginning */

    /* From the first step on. */
    bool started, failed;
    struct sb_memory *spaces[SB_SPACE_COUNT];
    struct sb_checkpoint_spaces host; /* for reading and writing checkpoints */
    struct trainer_flight flights[SB_SLOTS];
    int64_t submitted; /* micro-batches of this process; the next one's slot is submitted % SB_SLOTS */
    double step_loss;  /* sum over the micro-batches of the step that is being waited for */
    int hopeless;      /* fp16: steps left out in a row, all of them at the smallest loss scale */
    struct simba_progress progress;
    struct sb_watch watch;
    struct simba_profile profile;
    int profile_steps; /* wanted; 0: none, or none any more */
    struct {
        double begin;  /* when the first step had finished; 0: not yet */
        double paused; /* seconds since then spent evaluating and saving */
        double waited; /* what the task had waited at `begin` */
        double epoch_begin;
        int64_t first_step; /* step at `begin` */
    } clock;
    atomic_int stop; /* lock-free, so that a signal handler may set it */
};

/* setup.c; simba_trainer_create with the device unwrapped. */
struct simba_trainer *sb_trainer_create(const struct simba_trainer_options *options, struct sb_json_document *document,
                                        struct sb_device *device, struct simba_error *error);
/* Takes memory, compiles, fills the parameters, makes the output directory, starts the loader. */
bool sb_trainer_start(struct simba_trainer *trainer, struct simba_error *error);
/* Takes the best evaluation so far over into the progress. */
void sb_trainer_report_best(struct simba_trainer *trainer);

#endif
