/* What is behind struct simba_model. */
#ifndef SB_API_MODEL_H
#define SB_API_MODEL_H

#include "api/api.h"
#include "base/memory.h"
#include "train/checkpoint.h"
#include "train/forecast.h"
#include "train/inference.h"

struct cJSON;

struct simba_model {
    struct sb_device *device; /* NULL: to look at only */
    struct sb_model_config config;
    struct sb_parameter_list list;
    float *parameters; /* host image of the parameter space */
    struct sb_memory *memory;
    struct sb_inference inference;
    struct sb_buffer file, decoded, scratch; /* of images */

    bool from_file, trained;
    struct sb_training_state state; /* the training record */
    char data[256], version[32];
    char *configuration;
    struct cJSON *labels;        /* list of names, or NULL */
    struct sb_channels channels; /* of a trained model for series; else of no names */
    char *path;                  /* of its file, or NULL */
};

/* Fails when there is no device, or when the model is not for `series`, or (not) for images. */
bool api_can_run(const struct simba_model *model, bool series, struct simba_error *error);
/* Reads a series as the model's training did, with other values for keys that say how data are read ("data.gaps=allow")
 * if there are overrides; `path` NULL: the training's own file. On success finish both *config and *series, on failure
 * neither. */
bool api_open_series(const struct simba_model *model, const char *path, const char *const *overrides,
                     int override_count, struct sb_train_config *config, struct sb_series *series,
                     struct simba_error *error);

#endif
