/* Training: from a JSON configuration to checkpoints.
 *
 * The output directory holds last.safetensors and best.safetensors (parameters, optimiser, step and configuration in
 * one file, replaced atomically; with "train.ema" the best one holds the moving average of the weights alone),
 * configuration.json and, to look at, results.csv (one row per epoch), results.png, confusion_matrix.png and .csv (of
 * the best evaluation), samples.png (the first batch after augmentation) and TensorBoard event files. */
#ifndef SIMBA_TRAIN_H
#define SIMBA_TRAIN_H

#include "simba/device.h"
#include "simba/profile.h"

#ifdef __cplusplus
extern "C" {
#endif

struct simba_trainer;

enum simba_event {
    SIMBA_EVENT_STEP,       /* an optimiser step has finished */
    SIMBA_EVENT_EVALUATING, /* some of the evaluation samples are done */
    SIMBA_EVENT_EPOCH,      /* an epoch is finished and, where due, evaluated */
    SIMBA_EVENT_CHECKPOINT, /* a checkpoint was written */
    SIMBA_EVENT_PROFILE     /* the steps that were to be profiled are done */
};

/* Where the training stands. Fields that an event does not name keep the last known value. */
struct simba_progress {
    enum simba_event event;
    int64_t step, steps; /* finished optimiser steps, and how many there will be */
    int64_t epoch;       /* the current one, from 0 */
    int64_t epochs;
    int64_t epoch_step, epoch_steps; /* finished steps within the epoch, of how many */
    double loss;                     /* of the step; mean over its samples */
    double epoch_loss;               /* mean over the epoch so far */
    double learning_rate;            /* of the step */
    double gradient_norm;            /* global L2 norm before clipping */
    double loss_scale;               /* fp16: of the step, by which its loss was multiplied; 0: none */
    int64_t skipped_steps;           /* fp16: steps since the beginning whose gradient was not finite, left out */
    bool series;                     /* the model forecasts, else it classifies: which figures below are there */
    const char *sample_kind;         /* what a batch is made of: "images", or "windows" of a series */
    double samples_per_second;       /* since this run started, without its first step and without evaluation */
    double eta_seconds;              /* until the last step, at the mean speed of this run; negative: not known yet */
    double waited_share;             /* share of the time spent waiting for the data loader, 0..1 */
    int broken_images;               /* different training images that could not be read in this run */
    bool evaluated;                  /* the epoch was evaluated; what follows is of that evaluation */
    double evaluation_loss;
    double top1, top5; /* classification: shares, 0..1 */
    double mse, mae;   /* forecasting: mean squared and absolute error of normalised values */
    bool averaged;     /* so was the moving average of the weights ("train.ema") */
    double ema_loss, ema_top1, ema_top5, ema_mse, ema_mae;
    bool improved;              /* a new best: the largest top1, the smallest mse; of the average, if any */
    double best_top1, best_mse; /* negative: never evaluated */
    int64_t samples_evaluated, samples_left; /* SIMBA_EVENT_EVALUATING */
    const char *path;                        /* SIMBA_EVENT_CHECKPOINT: the file; valid during the call */
    const struct simba_profile *profile;     /* SIMBA_EVENT_PROFILE; valid as long as the trainer */
};

struct simba_trainer_options {
    struct simba_device *device;  /* must outlive the trainer; NULL: plan only, the trainer cannot step */
    const char *configuration;    /* JSON file; NULL with `resume`: output/configuration.json */
    const char *const *overrides; /* "train.epochs=3": applied before the configuration is read */
    int override_count;
    const char *output; /* directory, made when missing; NULL: the configuration's "output" */
    /* After a warm-up of at most three steps, time every operation of so many steps; 0: none. The steps meanwhile are a
     * little slower and their results the same, bit for bit. A device without time stamps makes the first step fail. */
    int profile_steps;
    bool resume; /* go on from output/last.safetensors; without it an output directory with a run is an error */
    void (*progress)(void *user, const struct simba_progress *progress); /* from the thread that steps; NULL: none */
    void *user;
    struct simba_log log; /* function NULL: the device's */
};

/* What a run needs, before it starts. Bytes are of device memory. */
struct simba_training_plan {
    char model[64];            /* "SiMBA s, mlp mixer" */
    int64_t parameters;        /* numbers, without running statistics */
    int64_t trained;           /* of them; the others are frozen ("train.frozen_stages") */
    uint64_t parameter_bytes;  /* parameters and running statistics */
    uint64_t optimiser_bytes;  /* gradients, accumulators and moments */
    uint64_t average_bytes;    /* moving average of the weights */
    uint64_t activation_bytes; /* of a training step */
    uint64_t evaluation_bytes; /* intermediate values of evaluation */
    uint64_t total_bytes;      /* all of the above */
    double step_flops;         /* multiplications and additions of one optimiser step */
    bool series;               /* it forecasts; else it classifies images */
    const char *sample_kind;   /* "images" or "windows" */
    int64_t samples, evaluation_samples;
    int classes;             /* 0: none */
    int batch, accumulation; /* samples at once; batches per optimiser step */
    int64_t epochs, epoch_steps, steps;
    int repeats;         /* draws of each image in an epoch ("data.repeated_augmentation"); that many fewer images */
    int64_t first_step;  /* 0, or where a resumed run goes on; beyond `steps` when those were made fewer since */
    int64_t evaluations; /* from there to the end, unless "train.patience" ends it earlier */
    int64_t seed;
    char data[256]; /* what it is trained on */
    char output[4096];
};

/* Reads and checks everything (configuration, data set, output directory, memory) and plans the run. Neither writes
 * files nor takes device memory yet; the first step does. */
SIMBA_API struct simba_trainer *simba_trainer_create(const struct simba_trainer_options *options,
                                                     struct simba_error *error);
/* Does not save. NULL is fine. */
SIMBA_API void simba_trainer_destroy(struct simba_trainer *trainer);

SIMBA_API void simba_trainer_plan(const struct simba_trainer *trainer, struct simba_training_plan *plan);

struct simba_training_speed {
    double step_seconds;       /* of an optimiser step, its median */
    double training_seconds;   /* of an epoch's steps */
    double evaluation_seconds; /* of one evaluation */
};

/* Takes the device memory of the run, makes a few steps on empty batches and says how long an epoch will take, as far
 * as the device is concerned: the data loader may be slower. Writes no file. Afterwards the trainer can only be
 * destroyed.
 */
SIMBA_API bool simba_trainer_measure(struct simba_trainer *trainer, struct simba_training_speed *speed,
                                     struct simba_error *error);

/* The configuration as it will be used, all defaults written out, as JSON. Valid as long as the trainer. */
SIMBA_API const char *simba_trainer_configuration(const struct simba_trainer *trainer);

/* One optimiser step, with the evaluation and checkpoints that are due after it. *finished: that was the last one, and
 * everything is written. The loss is read while the next step computes, so the progress call of a step comes during
 * the next one, or before an evaluation or a checkpoint. */
SIMBA_API bool simba_trainer_step(struct simba_trainer *trainer, bool *finished, struct simba_error *error);

/* Steps until the end. After simba_trainer_stop it finishes the step, writes last.safetensors and returns false with
 * SIMBA_ERROR_INTERRUPTED. A loss that is not finite ends it with SIMBA_ERROR_NUMERIC, naming the step and the first
 * operation that produced such a value; the last checkpoint stays as it was. With the precision fp16 such a step is
 * left out and the loss scale halves, and the run ends after ten of them in a row at the smallest scale. */
SIMBA_API bool simba_trainer_run(struct simba_trainer *trainer, struct simba_error *error);

/* Asks a running simba_trainer_run to stop. From any thread, and from a signal handler. */
SIMBA_API void simba_trainer_stop(struct simba_trainer *trainer);

/* Writes a checkpoint of the current state; NULL `path`: last.safetensors in the output directory. */
SIMBA_API bool simba_trainer_save(struct simba_trainer *trainer, const char *path, struct simba_error *error);

#ifdef __cplusplus
}
#endif
#endif
