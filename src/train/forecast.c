#include "train/forecast.h"

#include <cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- data */

bool sb_forecast_open(struct sb_train_config *config, const char *path, const struct sb_channels *channels,
                      struct simba_log log, struct sb_series *series, struct simba_error *error) {
    const bool any = strcmp(config->date_column, "auto") == 0;
    struct sb_series_parameters parameters = {.table = {.path = path ? path : config->path,
                                                        .header = (enum sb_header)config->header,
                                                        .separator = config->separator[0],
                                                        .decimal_comma = config->decimal_comma,
                                                        .date_column = any ? NULL : config->date_column,
                                                        .date_order = (enum sb_date_order)config->date_order,
                                                        .date_rule = (enum sb_date_rule)config->gaps,
                                                        .missing = (enum sb_missing)config->missing,
                                                        .columns = (const char *const *)config->columns,
                                                        .column_count = config->column_count,
                                                        .log = log},
                                              .features = (enum sb_features)config->features,
                                              .target = config->target[0] ? config->target : NULL};
    /* Of a file without names one column is found by its place among all. */
    const bool by_place = channels && !channels->named && config->features == SB_FEATURES_S;
    if (channels && !by_place) {
        parameters.table.columns = (const char *const *)channels->names;
        parameters.table.column_count = channels->count;
    }
    if (!sb_series_read(&parameters, series, error)) return false;
    if (by_place && strcmp(series->table.names[0], channels->names[0]) != 0) {
        sb_fail(error, SIMBA_ERROR_FORMAT,
                "%s: its column \"%s\" is not the model's, \"%s\". Name a file in the form of the one that the model "
                "was trained on.",
                parameters.table.path, series->table.names[0], channels->names[0]);
        sb_series_finish(series);
        return false;
    }
    int64_t *count = &config->model.channels;
    if (!*count) *count = series->table.columns;
    if (*count == series->table.columns) return true;
    sb_fail(error, SIMBA_ERROR_CONFIG,
            "%s has %d channel%s, but $.model.channels is %lld. Set it to %d, leave it out, or name another file.",
            parameters.table.path, series->table.columns, series->table.columns == 1 ? "" : "s", (long long)*count,
            series->table.columns);
    sb_series_finish(series);
    return false;
}

bool sb_forecast_prepare(const struct sb_train_config *config, const struct sb_series *series,
                         const struct sb_channels *channels, struct simba_log log, struct sb_forecast_data *data,
                         struct simba_error *error) {
    struct sb_forecast_parameters parameters = {.series = series,
                                                .split = {.kind = (enum sb_split_kind)config->split,
                                                          .training = config->training_ratio,
                                                          .test = config->test_ratio},
                                                .look_back = config->model.forecaster.look_back,
                                                .horizon = config->model.forecaster.horizon,
                                                .scaler = channels ? &channels->scaler : NULL,
                                                .log = log};
    for (int part = 0; part < SB_PARTS; part++) parameters.split.ends[part] = config->borders[part];
    return sb_forecast_data_create(&parameters, data, error);
}

/* ---- what a model keeps of its data */

/* Hexadecimal, so that they come back exactly: a rounded scale would be another model's. */
static cJSON *write_numbers(const double *numbers, int count) {
    cJSON *array = cJSON_CreateArray();
    for (int i = 0; array && i < count; i++) {
        char text[40];
        snprintf(text, sizeof text, "%a", numbers[i]);
        if (cJSON_AddItemToArray(array, cJSON_CreateString(text))) continue;
        cJSON_Delete(array);
        return NULL;
    }
    return array;
}

char *sb_channels_write(const struct sb_forecast_data *data, struct simba_error *error) {
    cJSON *object = cJSON_CreateObject();
    const struct sb_table *table = &data->series->table;
    char *text = NULL;
    if (object && cJSON_AddBoolToObject(object, "named", table->named) &&
        cJSON_AddItemToObject(object, "names", cJSON_CreateStringArray(table->names, table->columns)) &&
        cJSON_AddItemToObject(object, "mean", write_numbers(data->scaler.mean, data->channels)) &&
        cJSON_AddItemToObject(object, "deviation", write_numbers(data->scaler.deviation, data->channels)))
        text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    if (!text) sb_fail(error, SIMBA_ERROR_MEMORY, "Out of memory writing the channels' names and scaling.");
    return text;
}

/* As above, or a plain number, as one writes it by hand. */
static bool read_number(struct sb_json json, double minimum, double maximum, double *number,
                        struct simba_error *error) {
    const char *text = cJSON_GetStringValue(json.value);
    if (!text) return sb_json_double(json, NULL, minimum, maximum, number, error);
    char *end;
    *number = strtod(text, &end);
    if (end != text && !*end && *number >= minimum && *number <= maximum) return true;
    return sb_json_fail(error, json, "expected a number from %g to %g, found \"%.40s\"", minimum, maximum, text);
}

static bool read_channels(struct sb_json root, struct sb_channels *channels, struct simba_error *error) {
    struct sb_json names, mean, deviation;
    if (!sb_json_bool(root, "named", &channels->named, error) || !sb_json_member(root, "names", &names, error) ||
        !sb_json_member(root, "mean", &mean, error) || !sb_json_member(root, "deviation", &deviation, error))
        return false;
    const bool arrays = names.value && mean.value && deviation.value && sb_json_is_array(names) &&
                        sb_json_is_array(mean) && sb_json_is_array(deviation);
    const int count = arrays ? sb_json_count(names) : 0;
    if (!count || sb_json_count(mean) != count || sb_json_count(deviation) != count)
        return sb_json_fail(error, root, "expected \"names\", \"mean\" and \"deviation\", one of each for a channel");
    channels->names = sb_allocate((size_t)count, sizeof *channels->names, error);
    if (!channels->names || !sb_scaler_create(count, &channels->scaler, error)) return false;
    for (int i = 0; i < count; i++) {
        const char *name = NULL;
        if (!sb_json_string(sb_json_element(names, i), NULL, &name, error) ||
            !read_number(sb_json_element(mean, i), -1e300, 1e300, &channels->scaler.mean[i], error) ||
            !read_number(sb_json_element(deviation, i), 1e-300, 1e300, &channels->scaler.deviation[i], error))
            return false;
        channels->names[i] = strdup(name);
        if (!channels->names[i])
            return sb_fail(error, SIMBA_ERROR_MEMORY, "Out of memory reading the channels' names.");
        channels->count++;
    }
    return true;
}

bool sb_channels_read(const char *file, const char *text, struct sb_channels *channels, struct simba_error *error) {
    *channels = (struct sb_channels){0};
    struct sb_json_document *document = sb_json_read_text(file, text, error);
    const bool fine = document && read_channels(sb_json_root(document), channels, error);
    sb_json_destroy(document);
    if (!fine) sb_channels_finish(channels);
    return fine;
}

void sb_channels_finish(struct sb_channels *channels) {
    for (int i = 0; i < channels->count; i++) free(channels->names[i]);
    free(channels->names);
    sb_scaler_finish(&channels->scaler);
    *channels = (struct sb_channels){0};
}

static bool near(double left, double right) {
    return fabs(left - right) <= 1e-12 * (fabs(left) + fabs(right));
}

bool sb_channels_equal(const struct sb_channels *left, const struct sb_channels *right) {
    bool equal = left->count == right->count;
    for (int i = 0; equal && i < left->count; i++)
        equal = !strcmp(left->names[i], right->names[i]) && near(left->scaler.mean[i], right->scaler.mean[i]) &&
                near(left->scaler.deviation[i], right->scaler.deviation[i]);
    return equal;
}

/* ---- forecasts of a part */

/* What was submitted in a slot: the truth is still needed when the forecasts arrive. */
struct flight {
    int64_t first;
    int count;
    float *truth; /* [batch, horizon, targets] */
};

/* The targets' columns of forecasts [rows, channels], moved to the front: [rows, targets]. */
static const float *take_targets(const struct sb_forecast_data *data, const float *forecast, int64_t rows, float *out) {
    if (data->targets == data->channels) return forecast;
    for (int64_t row = 0; row < rows; row++)
        memcpy(out + row * data->targets, forecast + row * data->channels + data->first_target,
               (size_t)data->targets * sizeof *out);
    return out;
}

static bool harvest(struct sb_inference *inference, const struct sb_forecast_run *run, int slot, struct flight *flight,
                    float *scratch, struct simba_error *error) {
    if (!flight->count) return true;
    const int64_t rows = flight->count * run->data->horizon;
    const float *forecast = sb_inference_forecasts(inference, slot, error);
    if (!forecast) return false;
    forecast = take_targets(run->data, forecast, rows, scratch);
    sb_forecast_metrics_add(run->metrics, flight->count, forecast, flight->truth);
    if (run->each) run->each(run->user, flight->first, flight->count, forecast, flight->truth);
    flight->count = 0;
    if (run->progress) run->progress(run->user, run->metrics->windows, run->data->windows[run->part]);
    return true;
}

bool sb_forecast_part(struct sb_inference *inference, const struct sb_forecast_run *run, struct simba_error *error) {
    const struct sb_forecast_data *data = run->data;
    const int64_t windows = data->windows[run->part], batch = inference->batch;
    const size_t block = (size_t)(batch * data->horizon * data->targets);
    float *memory = sb_allocate((SB_SLOTS + 1) * block, sizeof *memory, error);
    int64_t *numbers = memory ? sb_allocate((size_t)batch, sizeof *numbers, error) : NULL;
    bool fine = numbers;
    struct flight flights[SB_SLOTS] = {0};
    for (int slot = 0; fine && slot < SB_SLOTS; slot++) flights[slot].truth = memory + (size_t)slot * block;
    float *scratch = fine ? memory + SB_SLOTS * block : NULL;
    int slot = 0;
    for (int64_t first = 0; fine && first < windows; first += batch) {
        struct flight *flight = &flights[slot];
        fine = harvest(inference, run, slot, flight, scratch, error);
        if (!fine) break;
        flight->first = first;
        flight->count = (int)(windows - first < batch ? windows - first : batch);
        for (int i = 0; i < flight->count; i++) numbers[i] = first + i;
        sb_windows_gather(data, run->part, numbers, flight->count, sb_inference_windows(inference, slot),
                          flight->truth);
        fine = sb_inference_submit(inference, slot, error);
        slot = (slot + 1) % SB_SLOTS;
    }
    /* Also after a failure: nothing may be running when the caller goes on. */
    for (int i = 0; i < SB_SLOTS; i++) {
        const int other = (slot + i) % SB_SLOTS;
        if (!harvest(inference, run, other, &flights[other], scratch, fine ? error : NULL)) fine = false;
    }
    free(numbers);
    free(memory);
    return fine;
}
