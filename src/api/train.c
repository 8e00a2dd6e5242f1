#include "api/api.h"

#include "base/json.h"
#include "train/trainer.h"

#include <stdio.h>

struct simba_trainer *simba_trainer_create(const struct simba_trainer_options *options, struct simba_error *error) {
    char kept[4096];
    const char *configuration = options->configuration;
    if (!configuration) {
        if (!options->resume || !options->output) {
            sb_fail(error, SIMBA_ERROR_ARGUMENT, "There is neither a configuration nor a run to resume.");
            return NULL;
        }
        snprintf(kept, sizeof kept, "%s/configuration.json", options->output);
        configuration = kept;
    }
    struct sb_json_document *document =
        api_read_configuration(configuration, options->overrides, options->override_count, error);
    struct simba_trainer *trainer =
        document ? sb_trainer_create(options, document, options->device ? options->device->device : NULL, error) : NULL;
    sb_json_destroy(document);
    return trainer;
}
