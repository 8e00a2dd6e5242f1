/* Models: loading or building one, classifying images, measuring accuracy, looking inside. Models of series forecast
 * instead: simba/forecast.h.
 *
 * A weights file is one safetensors file with the published parameter names. Files that `simba train` wrote say in
 * their metadata which architecture they hold; for others (saved from PyTorch) name a configuration. */
#ifndef SIMBA_MODEL_H
#define SIMBA_MODEL_H

#include "simba/device.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct simba_model;

struct simba_model_options {
    const char *weights;       /* safetensors or PyTorch file; NULL: fresh weights for `configuration`, from `seed` */
    const char *configuration; /* JSON file whose "model" object says the architecture; NULL: as the weights say */
    const char *const *overrides; /* "model.mixer=einfft": applied to the configuration before it is read */
    int override_count;
    uint64_t seed; /* of fresh weights */
    int batch;     /* images or windows computed at once; larger sets are cut. 0: 1 */
};

/* `device` NULL: the model can be inspected, but not run. The device must outlive the model. */
SIMBA_API struct simba_model *simba_model_create(struct simba_device *device, const struct simba_model_options *options,
                                                 struct simba_error *error);
SIMBA_API void simba_model_destroy(struct simba_model *model); /* NULL is fine */

/* The parameters (and running statistics) alone, by their published names: what PyTorch can load. */
SIMBA_API bool simba_model_save(const struct simba_model *model, const char *path, struct simba_error *error);

/* ---- classification */

struct simba_image {
    const uint8_t *pixels; /* rows from the top, channels interleaved, 0..255 */
    int width, height;     /* of any size: scaled to the model's where it differs */
    int channels;          /* 1 (grey), 3 (RGB), 4 (RGBA), or exactly the model's */
    size_t stride;         /* bytes from one row to the next; 0: width * channels */
};

struct simba_prediction {
    int class_index;
    const char *label; /* name of the class, valid as long as the model; NULL: the model knows no names */
    float probability; /* 0..1 (softmax) */
    float logit;
};

/* The `top` most probable classes of each image, most probable first: predictions[i * top + k]. `top` is at most the
 * number of classes; ties go to the lower index. */
SIMBA_API bool simba_model_classify(struct simba_model *model, const struct simba_image *images, int count, int top,
                                    struct simba_prediction *predictions, struct simba_error *error);
/* Likewise for PNG files. */
SIMBA_API bool simba_model_classify_files(struct simba_model *model, const char *const *paths, int count, int top,
                                          struct simba_prediction *predictions, struct simba_error *error);
/* All logits: logits[i * classes + k]. */
SIMBA_API bool simba_model_logits(struct simba_model *model, const struct simba_image *images, int count, float *logits,
                                  struct simba_error *error);

/* ---- evaluation */

struct simba_evaluate_options {
    const char *data; /* directory of class directories (or of a whole data set: its "val"), or a JSON
                         configuration with a "data" object; NULL: the
                         evaluation data that the model was trained with */
    void (*progress)(void *user, int64_t done, int64_t total); /* images; NULL: silence */
    void *user;
};

struct simba_evaluation {
    int64_t images;        /* those that could be read: what the figures below are about */
    int64_t broken_images; /* could not be read, were logged and left out */
    double loss;           /* mean cross-entropy, natural logarithm */
    double top1, top5;     /* shares, 0..1; top5 is 1 with five classes or fewer */
    double seconds;
};

/* `options` NULL: all defaults. */
SIMBA_API bool simba_model_evaluate(struct simba_model *model, const struct simba_evaluate_options *options,
                                    struct simba_evaluation *result, struct simba_error *error);

/* ---- looking inside */

struct simba_model_info {
    char model[64];         /* "SiMBA s, mlp mixer" */
    bool series;            /* it forecasts (simba/forecast.h); else it classifies images */
    int look_back, horizon; /* of one that forecasts: rows it sees, and rows it forecasts at once */
    char size[16];          /* "s", "b", "l" or "custom" */
    char mixer[16];         /* "mlp" or "einfft" */
    char origin[16];        /* "trained": has a training record; "weights"; "fresh" */
    int stages, classes, channels, height, width;
    bool token_labels;
    int parameter_tensors;     /* entries of the state dictionary, running statistics included */
    int64_t parameters;        /* trainable numbers, as the paper counts them */
    uint64_t parameter_bytes;  /* device memory of the parameters */
    uint64_t activation_bytes; /* device memory of the intermediate values at the model's batch */
    int batch;                 /* for which activation_bytes, flops and bytes are */
    double flops;              /* multiplications and additions of one forward pass */
    double bytes;              /* read and written at least, one forward pass */

    /* The training record; zero or empty when origin is not "trained". */
    int64_t step, epoch;  /* finished optimiser steps and epochs */
    double best_top1;     /* best accuracy on the evaluation data so far, 0..1; negative: never evaluated */
    double best_mse;      /* of a model of series: smallest mean squared error on the validation part */
    int evaluation_batch; /* samples that the training evaluated at once */
    char data[256];       /* what it was trained on */
    char version[32];     /* of the library that wrote it */
};

SIMBA_API void simba_model_inspect(const struct simba_model *model, struct simba_model_info *info);

/* Name of a class, or NULL. Valid as long as the model. */
SIMBA_API const char *simba_model_label(const struct simba_model *model, int class_index);

/* The whole configuration as JSON: as it was trained, or {"model": ...}. Valid as long as the model. */
SIMBA_API const char *simba_model_configuration(const struct simba_model *model);

struct simba_parameter_info {
    const char *name; /* published: "block1.0.attn.mamba.A_log"; valid as long as the model */
    int rank;
    int64_t shape[5];
    bool trainable; /* false: running statistics */
    bool decay;     /* takes part in weight decay */
};
/* 0 <= index < info.parameter_tensors, in the published order. */
SIMBA_API bool simba_model_parameter(const struct simba_model *model, int index, struct simba_parameter_info *info,
                                     struct simba_error *error);

#ifdef __cplusplus
}
#endif
#endif
