/* The configuration of a training run: strict JSON with the objects "model" (src/model), "data", "augmentation" and
 * "train", and "output". One table describes every key; reading, writing and the check of assets/simba.schema.json go
 * by it. Relative paths are relative to the working directory. */
#ifndef SB_TRAIN_CONFIG_H
#define SB_TRAIN_CONFIG_H

#include "base/json.h"
#include "model/model.h"
#include "train/schedule.h"

enum { SB_CONFIG_TEXT = 1024 };

struct sb_train_config {
    struct sb_model_config model;

    /* data: a directory with IDX or CIFAR files, or one with an image folder or a list for training and one for
     * evaluation */
    int format; /* enum sb_dataset_format */
    char path[SB_CONFIG_TEXT];
    char train[SB_CONFIG_TEXT], evaluation[SB_CONFIG_TEXT]; /* the image folders or lists in it */
    char **labels; /* names of the classes in their order, or NULL: whatever the data set says */
    int label_count;
    int64_t threads;                 /* of the loader */
    char label_maps[SB_CONFIG_TEXT]; /* directory; token labels only */
    int label_crop;                  /* 0: geometrically right, 1: as published */
    int64_t broken_images;           /* unreadable ones that are borne with */
    int64_t repeated_augmentation;   /* draws of each image that an epoch has (data/sampler.h); 1: off */

    /* data for models of series (data/series.h, io/table.h): `path` is a text file */
    int features; /* enum sb_features */
    char target[SB_CONFIG_TEXT];
    int split; /* enum sb_split_kind */
    double training_ratio, test_ratio;
    int64_t borders[3];
    int header;     /* enum sb_header */
    char **columns; /* names of those that are channels, or NULL: all */
    int column_count;
    char separator[SB_CONFIG_TEXT];   /* "": found by itself */
    char date_column[SB_CONFIG_TEXT]; /* "auto": found by itself; "": none */
    int date_order;                   /* enum sb_date_order */
    int gaps;                         /* enum sb_date_rule */
    int missing;                      /* enum sb_missing */
    bool decimal_comma;

    /* augmentation of the training images (data/pipeline.h) */
    int crop;             /* enum sb_crop */
    int64_t crop_padding; /* pixels put around the image, out of which the model's size is then cut at random */
    int padding;          /* 0: zeros, 1: the image mirrored */
    double scale[2], ratio[2];
    int crop_interpolation; /* enum sb_crop_filter */
    double flip;            /* probability of exchanging left and right */
    char randaugment[SB_CONFIG_TEXT];
    double colour_jitter;
    double random_erasing; /* data/mixing.h, from here on */
    int erasing_mode;      /* enum sb_erasing */
    int64_t erasing_boxes;
    double mixup, cutmix, mix_probability, mix_switch_probability;
    int mix_mode; /* enum sb_mix_mode */

    /* train */
    int64_t epochs, batch_size, accumulation; /* images per micro-batch; micro-batches per optimiser step */
    int schedule;                             /* enum sb_schedule_kind */
    int64_t learning_rate_batch;              /* images for which learning_rate is meant; 0: it is taken as it is */
    double learning_rate, minimum_learning_rate, warmup_learning_rate, warmup_epochs;
    int64_t tail_epochs;
    double decay_factor; /* of the exponential schedule */
    int64_t hold_epochs;
    double layer_decay;    /* learning rate of each layer over that of the next one (train/optimiser.h); 1: off */
    int64_t frozen_stages; /* the stem and so many stages keep their weights */
    double ema;            /* decay of the moving average of the weights; 0: none */
    double weight_decay, beta1, beta2, epsilon;
    double clip_norm; /* 0: no clipping */
    int loss;         /* models of series: enum sb_forecast_loss */
    double huber_delta;
    double label_smoothing;
    double token_label_weight; /* of the loss of the tokens beside that of the class */
    int64_t seed;
    char initial_weights[SB_CONFIG_TEXT]; /* a file to begin with, but for heads of another size; "": fresh weights */
    int64_t patience;                     /* epochs without a better evaluation after which it ends; 0: never */
    int precision;                        /* enum sb_precision, of training; evaluation is in fp32 */
    double loss_scale;                    /* fp16: the first one */
    int64_t loss_scale_interval;          /* fp16: steps without an overflow before it is doubled */
    int64_t evaluate_every;               /* epochs */
    int64_t evaluation_batch;             /* images */
    int64_t checkpoint_every; /* optimiser steps between two writes of `last`; 0: at the end of each epoch only */

    char output[SB_CONFIG_TEXT];
};

/* Reads and checks the whole document. On failure nothing needs to be finished. */
bool sb_train_config_read(struct sb_json root, struct sb_train_config *config, struct simba_error *error);
/* $.train.precision alone (FP32 where it is missing), of a document whose other parts need not be complete. */
bool sb_train_config_precision(struct sb_json root, enum sb_precision *precision, struct simba_error *error);
void sb_train_config_finish(struct sb_train_config *config);

/* The highest learning rate of the schedule: learning_rate, in proportion to the images of a step when
 * learning_rate_batch says so. The minimum and the one at which the warm-up begins are not scaled, as published. */
double sb_train_config_peak(const struct sb_train_config *config);
/* The whole schedule of a run with so many optimiser steps in an epoch. */
struct sb_schedule sb_train_config_schedule(const struct sb_train_config *config, int64_t epoch_steps);

/* All keys with their values, as JSON; the caller frees. Reading it gives the same configuration. */
char *sb_train_config_write(const struct sb_train_config *config, struct simba_error *error);

/* The keys that section "data", "augmentation" or "train" knows, or those of the whole ("" ), NULL-terminated into
 * `keys` (room for 64). Returns how many. */
int sb_train_config_keys(const char *section, const char **keys);

#endif
