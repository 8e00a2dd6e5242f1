/* Weights from one file format to the other. */
#include "api/api.h"
#include "io/torch_file.h"
#include "model/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum format { UNKNOWN, SAFETENSORS, PYTORCH };

static enum format format_of(const char *path) {
    const char *ending = strrchr(path, '.');
    if (!ending || strchr(ending, '/')) return UNKNOWN;
    if (strcasecmp(ending, ".safetensors") == 0) return SAFETENSORS;
    return strcasecmp(ending, ".pth") == 0 || strcasecmp(ending, ".pt") == 0 || strcasecmp(ending, ".tar") == 0
               ? PYTORCH
               : UNKNOWN;
}

static bool write_torch(const char *path, const struct sb_parameter_list *list, const float *space, int *count,
                        struct simba_error *error) {
    struct sb_safetensors_entry *entries;
    if (!sb_weights_entries(list, space, &entries, count, error)) return false;
    const bool fine = sb_torch_write(path, entries, *count, error);
    free(entries);
    return fine;
}

bool simba_convert(const struct simba_convert_options *options, struct simba_conversion *result,
                   struct simba_error *error) {
    const enum format format = options->output ? format_of(options->output) : UNKNOWN;
    if (format == UNKNOWN || !options->input)
        return sb_fail(error, SIMBA_ERROR_ARGUMENT,
                       "%s: expected the name of a file that ends in .safetensors, .pth, .pt or .tar.",
                       options->output ? options->output : "The output");
    struct simba_conversion conversion = {.tensors = 0};
    struct sb_parameter_list list = {.count = 0};
    struct sb_model_config config;
    float *space = NULL;
    struct sb_safetensors *file = sb_weights_open(options->input, options->key, conversion.ignored, error);
    bool fine = file && (options->configuration ? api_read_model(options->configuration, NULL, 0, &config, error)
                                                : sb_weights_config(file, &config, error));
    fine = fine && sb_model_parameters(&config, &list, error);
    if (fine) fine = (space = sb_allocate(list.total_bytes, 1, error));
    fine = fine && sb_weights_load(file, &list, space, error);
    if (fine) {
        conversion.tensors = list.count;
        conversion.parameters = list.trainable_elements;
        conversion.classes = (int)config.classes;
        conversion.token_labels = config.token_labels;
        snprintf(conversion.size, sizeof conversion.size, "%s", config.size);
        snprintf(conversion.mixer, sizeof conversion.mixer, "%s", config.mixer == SB_MIXER_EINFFT ? "einfft" : "mlp");
        int count;
        fine = format == SAFETENSORS ? sb_weights_save(options->output, &config, &list, space, error)
                                     : write_torch(options->output, &list, space, &count, error);
    }
    free(space);
    sb_parameter_list_finish(&list);
    sb_safetensors_close(file);
    if (fine && result) *result = conversion;
    return fine;
}
