/* The "model" object of the architectures "series" and "dlinear"; config.c calls these. */
#ifndef SB_MODEL_FORECASTER_CONFIG_H
#define SB_MODEL_FORECASTER_CONFIG_H

#include "model/model.h"

struct cJSON;

/* config->architecture is known; fills in the rest, with defaults. */
bool sb_forecaster_config_read(struct sb_json json, struct sb_model_config *config, struct simba_error *error);
/* False: out of memory. */
bool sb_forecaster_config_write(struct cJSON *object, const struct sb_model_config *config);

#endif
