#include "data/sampler.h"
#include "data/series.h"

#include <stdlib.h>
#include <string.h>

bool sb_forecast_data_create(const struct sb_forecast_parameters *parameters, struct sb_forecast_data *data,
                             struct simba_error *error) {
    const struct sb_series *series = parameters->series;
    const struct sb_table *table = &series->table;
    *data = (struct sb_forecast_data){.series = series,
                                      .look_back = parameters->look_back,
                                      .horizon = parameters->horizon,
                                      .channels = table->columns,
                                      .first_target = series->first_target,
                                      .targets = series->targets};
    if (!sb_split_rows(&parameters->split, table->path, table->rows, data->look_back, data->horizon, data->parts,
                       error))
        return false;
    for (int part = 0; part < SB_PARTS; part++)
        data->windows[part] = sb_window_count(data->parts[part], data->look_back, data->horizon);
    const bool has_scaler = parameters->scaler ? sb_scaler_copy(parameters->scaler, &data->scaler, error)
                                               : sb_scaler_fit(series, data->parts[SB_PART_TRAINING], &parameters->log,
                                                               &data->scaler, error);
    if (has_scaler) data->scaled = sb_allocate((size_t)(table->rows * table->columns), sizeof *data->scaled, error);
    if (data->scaled && sb_scaler_apply(&data->scaler, series, (struct sb_rows){0, table->rows}, data->scaled, error))
        return true;
    sb_forecast_data_finish(data);
    return false;
}

void sb_forecast_data_finish(struct sb_forecast_data *data) {
    sb_scaler_finish(&data->scaler);
    free(data->scaled);
    *data = (struct sb_forecast_data){0};
}

const float *sb_window(const struct sb_forecast_data *data, enum sb_part part, int64_t window) {
    return data->scaled + (data->parts[part].begin + window) * data->channels;
}

/* The truth of channels first_target ... first_target + targets - 1. */
static void gather(const struct sb_forecast_data *data, enum sb_part part, const int64_t *windows, int count,
                   int first_target, int targets, float *input, float *truth) {
    const size_t before = (size_t)(data->look_back * data->channels);
    for (int i = 0; i < count; i++) {
        const float *row = sb_window(data, part, windows[i]);
        if (input) {
            memcpy(input, row, before * sizeof *input);
            input += before;
        }
        if (!truth) continue;
        row += before + (size_t)first_target;
        for (int64_t step = 0; step < data->horizon; step++, row += data->channels, truth += targets)
            memcpy(truth, row, (size_t)targets * sizeof *truth);
    }
}

void sb_windows_gather(const struct sb_forecast_data *data, enum sb_part part, const int64_t *windows, int count,
                       float *input, float *truth) {
    gather(data, part, windows, count, data->first_target, data->targets, input, truth);
}

void sb_windows_gather_all(const struct sb_forecast_data *data, enum sb_part part, const int64_t *windows, int count,
                           float *input, float *truth) {
    gather(data, part, windows, count, 0, data->channels, input, truth);
}

bool sb_window_sampler_create(int64_t count, int batch, bool shuffle, uint64_t seed, struct sb_window_sampler *sampler,
                              struct simba_error *error) {
    *sampler =
        (struct sb_window_sampler){.count = count, .batch = batch, .shuffle = shuffle, .seed = seed, .epoch = -1};
    sampler->order = sb_allocate((size_t)count, sizeof *sampler->order, error);
    return sampler->order != NULL;
}

void sb_window_sampler_finish(struct sb_window_sampler *sampler) {
    free(sampler->order);
    *sampler = (struct sb_window_sampler){0};
}

int sb_window_sampler_batch(struct sb_window_sampler *sampler, int64_t epoch, int64_t index, const int64_t **windows) {
    if (epoch != sampler->epoch) sb_epoch_order(sampler->seed, epoch, sampler->shuffle, sampler->count, sampler->order);
    sampler->epoch = epoch;
    const int64_t first = index * sampler->batch, rest = sampler->count - first;
    *windows = sampler->order + first;
    return rest < sampler->batch ? (int)rest : sampler->batch;
}
