/* Loading or building a model, and looking inside. */
#include "api/model.h"

#include "base/json.h"
#include "train/checkpoint.h"

#include <cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The architecture: of the configuration when there is one, else of the weights. */
static bool read_architecture(struct simba_model *model, const struct simba_model_options *options,
                              const struct sb_safetensors *file, struct simba_error *error) {
    if (!options->configuration && options->override_count)
        return sb_fail(error, SIMBA_ERROR_ARGUMENT,
                       "\"%s\" changes a configuration, and none is named: the architecture is what the weights say.",
                       options->overrides[0]);
    if (!options->configuration) return sb_weights_config(file, &model->config, error);
    return api_read_model(options->configuration, options->overrides, options->override_count, &model->config, error);
}

static bool read_record(struct simba_model *model, const struct sb_safetensors *file, struct simba_error *error) {
    struct sb_checkpoint_record record;
    bool found = false;
    if (!sb_checkpoint_record(file, &record, &found, error)) return false;
    if (!found) return true;
    model->state = record.state;
    model->trained = true;
    snprintf(model->data, sizeof model->data, "%s", record.data);
    snprintf(model->version, sizeof model->version, "%s", record.version);
    model->configuration = strdup(record.configuration);
    model->labels = record.labels ? cJSON_Parse(record.labels) : NULL;
    if (!model->configuration) return sb_fail(error, SIMBA_ERROR_MEMORY, "Out of memory reading %s.", file->path);
    if (model->config.architecture == SB_ARCHITECTURE_VISION) return true;
    char name[512];
    snprintf(name, sizeof name, "%.400s, metadata \"simba.channels\"", file->path);
    if (!sb_channels_read(name, record.channels ? record.channels : "{}", &model->channels, error)) return false;
    return model->channels.count == model->config.channels ||
           sb_fail(error, SIMBA_ERROR_FORMAT, "%s: expected %lld channels, found %d.", name,
                   (long long)model->config.channels, model->channels.count);
}

static bool write_configuration(struct simba_model *model, struct simba_error *error) {
    if (model->configuration) return true;
    char *text = sb_model_config_write(&model->config, error);
    const size_t size = text ? strlen(text) + 16 : 0;
    model->configuration = text ? sb_allocate(size, 1, error) : NULL;
    if (model->configuration) snprintf(model->configuration, size, "{\"model\": %s}", text);
    free(text);
    return model->configuration;
}

static bool compile(struct simba_model *model, struct simba_error *error) {
    const size_t bytes = model->list.total_bytes;
    const struct sb_device_description *description = sb_device_describe(model->device);
    const size_t needed = bytes + model->inference.plan.activation_bytes;
    if (description->memory_bytes && needed > description->memory_bytes)
        return sb_fail(error, SIMBA_ERROR_MEMORY,
                       "The model needs %.1f MiB on the device at a batch of %lld, and %s has %.1f MiB. Use a smaller "
                       "batch or a larger device.",
                       (double)needed / 0x1p20, (long long)model->inference.batch, description->name,
                       (double)description->memory_bytes / 0x1p20);
    return sb_memory_create(model->device, bytes, "parameters", &model->memory, error) &&
           sb_memory_write(model->memory, 0, model->parameters, bytes, error) &&
           sb_inference_compile(&model->inference, &model->config, model->device, model->memory, error) &&
           sb_inference_prepare(&model->inference, error);
}

/* Without data a configuration may leave open how many channels a series has; a model cannot. */
static bool know_channels(const struct simba_model *model, const struct simba_model_options *options,
                          struct simba_error *error) {
    return model->config.architecture == SB_ARCHITECTURE_VISION || model->config.channels ||
           sb_fail(error, SIMBA_ERROR_CONFIG,
                   "%s: $.model.channels is missing, and without data nothing else tells how many there are (--set "
                   "model.channels=7).",
                   options->configuration ? options->configuration : options->weights);
}

static bool create(struct simba_model *model, const struct simba_model_options *options, struct simba_error *error) {
    struct sb_safetensors *file = NULL;
    if (!options->weights && !options->configuration)
        return sb_fail(error, SIMBA_ERROR_ARGUMENT, "A model needs weights, a configuration, or both.");
    if (options->weights && !(file = sb_weights_open(options->weights, NULL, NULL, error))) return false;
    if (options->weights) model->path = strdup(options->weights);
    bool fine =
        read_architecture(model, options, file, error) && know_channels(model, options, error) &&
        sb_model_parameters(&model->config, &model->list, error) &&
        sb_inference_plan(&model->inference, &model->config, &model->list, options->batch ? options->batch : 1, error);
    model->parameters = fine ? sb_allocate(model->list.total_bytes, 1, error) : NULL;
    fine = model->parameters;
    if (fine && file)
        fine = sb_weights_load(file, &model->list, model->parameters, error) && read_record(model, file, error);
    else if (fine)
        fine = sb_model_initialise(&model->config, &model->list, options->seed, model->parameters, error);
    model->from_file = file;
    sb_safetensors_close(file);
    return fine && write_configuration(model, error) && (!model->device || compile(model, error));
}

struct simba_model *simba_model_create(struct simba_device *device, const struct simba_model_options *options,
                                       struct simba_error *error) {
    static const struct simba_model_options defaults = {0};
    struct simba_model *model = sb_allocate(1, sizeof *model, error);
    if (!model) return NULL;
    model->device = device ? device->device : NULL;
    if (create(model, options ? options : &defaults, error)) return model;
    simba_model_destroy(model);
    return NULL;
}

bool api_can_run(const struct simba_model *model, bool series, struct simba_error *error) {
    if (!model->device)
        return sb_fail(error, SIMBA_ERROR_ARGUMENT, "The model was made without a device: it can only be inspected.");
    return api_is_for(&model->config, model->path, series, error);
}

bool api_is_for(const struct sb_model_config *config, const char *path, bool series, struct simba_error *error) {
    if (series == (config->architecture != SB_ARCHITECTURE_VISION)) return true;
    return sb_fail(error, SIMBA_ERROR_ARGUMENT, "%s is a model for %s.", path ? path : "This",
                   series ? "images: it can classify (simba predict), but not forecast"
                          : "series: it can forecast (simba forecast), but not classify");
}

/* Of what is recorded, only how data are read may be different for other data: the rest made the model, as did the
 * choice of its channels. */
static bool is_about_reading(const char *override) {
    static const char *const others[] = {"path", "columns", "features", "target"};
    if (strncmp(override, "data.", 5) != 0) return false;
    const char *key = override + 5;
    const size_t length = strcspn(key, ".=");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strlen(others[i]) == length && strncmp(key, others[i], length) == 0) return false;
    return true;
}

static bool override_data(struct sb_json_document *document, const char *const *overrides, int count,
                          struct simba_error *error) {
    for (int i = 0; i < count; i++) {
        if (!is_about_reading(overrides[i]))
            return sb_fail(error, SIMBA_ERROR_ARGUMENT,
                           "\"%s\" cannot be changed for a trained model; only how its data are read and split can: "
                           "data.KEY=VALUE, but not its path, columns, features and target.",
                           overrides[i]);
        if (!sb_json_set(document, overrides[i], error)) return false;
    }
    return true;
}

/* The weights of a model of series may fit several look-backs; its data are cut as the record says. */
static bool check_record(const struct simba_model *model, const struct sb_train_config *config,
                         struct simba_error *error) {
    const struct sb_model_config *ours = &model->config, *its = &config->model;
    if (ours->architecture == SB_ARCHITECTURE_VISION) return true;
    const struct {
        const char *key;
        long long ours, its;
    } numbers[] = {{"look_back", ours->forecaster.look_back, its->forecaster.look_back},
                   {"horizon", ours->forecaster.horizon, its->forecaster.horizon},
                   {"channels", ours->channels, its->channels}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i].ours != numbers[i].its)
            return sb_fail(error, SIMBA_ERROR_CONFIG,
                           "%s was trained with a %s of %lld, but the configuration that was named for it says %lld "
                           "($.model.%s). Name the one of its training, or none: the weights say what it is.",
                           model->path, numbers[i].key, numbers[i].its, numbers[i].ours, numbers[i].key);
    return true;
}

/* The configuration of its training, with the overrides; sb_train_config_finish it. */
static bool training_configuration(const struct simba_model *model, const char *const *overrides, int override_count,
                                   struct sb_train_config *config, struct simba_error *error) {
    if (!model->trained)
        return sb_fail(error, SIMBA_ERROR_ARGUMENT, "%s holds no record of a training, which says what its data are.",
                       model->path ? model->path : "The model");
    struct sb_json_document *document = sb_json_read_text("the training record", model->configuration, error);
    const bool fine = document && override_data(document, overrides, override_count, error) &&
                      sb_train_config_read(sb_json_root(document), config, error);
    sb_json_destroy(document);
    if (!fine || check_record(model, config, error)) return fine;
    sb_train_config_finish(config);
    return false;
}

bool api_open_series(const struct simba_model *model, const char *path, const char *const *overrides,
                     int override_count, struct sb_train_config *config, struct sb_series *series,
                     struct simba_error *error) {
    if (!training_configuration(model, overrides, override_count, config, error)) return false;
    if (sb_forecast_open(config, path, &model->channels, model->device->log, series, error)) return true;
    sb_train_config_finish(config);
    return false;
}

void simba_model_destroy(struct simba_model *model) {
    if (!model) return;
    sb_inference_finish(&model->inference);
    sb_memory_destroy(model->memory);
    sb_parameter_list_finish(&model->list);
    cJSON_Delete(model->labels);
    sb_channels_finish(&model->channels);
    free(model->path);
    free(model->scratch.bytes);
    free(model->file.bytes);
    free(model->decoded.bytes);
    free(model->parameters);
    free(model->configuration);
    free(model);
}

bool simba_model_save(const struct simba_model *model, const char *path, struct simba_error *error) {
    return sb_weights_save(path, &model->config, &model->list, model->parameters, error);
}

static int evaluation_batch(const struct simba_model *model) {
    struct sb_train_config config;
    if (!model->trained || !training_configuration(model, NULL, 0, &config, NULL)) return 0;
    const int batch = (int)config.evaluation_batch;
    sb_train_config_finish(&config);
    return batch;
}

void simba_model_inspect(const struct simba_model *model, struct simba_model_info *info) {
    const struct sb_model_config *config = &model->config;
    const struct sb_cost cost = sb_graph_cost(&model->inference.graph);
    const bool vision = config->architecture == SB_ARCHITECTURE_VISION, series = !vision;
    const bool has_best = model->state.best_epoch > 0;
    *info = (struct simba_model_info){.series = series,
                                      .look_back = (int)config->forecaster.look_back,
                                      .horizon = (int)config->forecaster.horizon,
                                      .stages = config->stages,
                                      .classes = (int)config->classes,
                                      .channels = (int)config->channels,
                                      .height = (int)config->height,
                                      .width = (int)config->width,
                                      .token_labels = config->token_labels,
                                      .parameter_tensors = model->list.count,
                                      .parameters = model->list.trainable_elements,
                                      .parameter_bytes = model->list.total_bytes,
                                      .activation_bytes = model->inference.plan.activation_bytes,
                                      .batch = (int)model->inference.batch,
                                      .flops = cost.flops,
                                      .bytes = cost.bytes,
                                      .step = model->state.step,
                                      .epoch = model->state.epoch,
                                      .evaluation_batch = evaluation_batch(model),
                                      .best_top1 = vision && has_best ? model->state.best : -1,
                                      .best_mse = series && has_best ? model->state.best : -1};
    sb_model_config_describe(config, info->model);
    snprintf(info->size, sizeof info->size, "%s", config->size);
    snprintf(info->mixer, sizeof info->mixer, "%s", config->mixer == SB_MIXER_EINFFT ? "einfft" : "mlp");
    snprintf(info->origin, sizeof info->origin, "%s",
             model->trained     ? "trained"
             : model->from_file ? "weights"
                                : "fresh");
    snprintf(info->data, sizeof info->data, "%s", model->data);
    snprintf(info->version, sizeof info->version, "%s", model->version);
}

const char *simba_model_label(const struct simba_model *model, int class_index) {
    return cJSON_GetStringValue(cJSON_GetArrayItem(model->labels, class_index));
}

const char *simba_model_configuration(const struct simba_model *model) {
    return model->configuration;
}

bool simba_model_parameter(const struct simba_model *model, int index, struct simba_parameter_info *info,
                           struct simba_error *error) {
    if (index < 0 || index >= model->list.count)
        return sb_fail(error, SIMBA_ERROR_ARGUMENT, "Tensor %d is out of range: the model has %d.", index,
                       model->list.count);
    const struct sb_parameter *parameter = &model->list.entries[index];
    *info = (struct simba_parameter_info){
        .name = parameter->name, .rank = parameter->rank, .trainable = parameter->trainable, .decay = parameter->decay};
    for (int axis = 0; axis < parameter->rank; axis++) info->shape[axis] = parameter->shape[axis];
    return true;
}
