/* What is behind struct simba_model. */
#ifndef SB_API_MODEL_H
#define SB_API_MODEL_H

#include "api/api.h"
#include "base/memory.h"
#include "train/checkpoint.h"
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
    struct cJSON *labels; /* list of names, or NULL */
};

#endif
