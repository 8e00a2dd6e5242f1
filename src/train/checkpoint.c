#include "train/checkpoint.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What stands behind the weights in a checkpoint. */
struct extra {
    const char *prefix; /* of the names */
    bool trainable;     /* of trainable parameters only */
    float *space;       /* NULL: not there */
};
enum { EXTRAS = 3 };
static const char average_prefix[] = "ema/";

static void list_extras(struct sb_checkpoint_spaces spaces, struct extra extras[EXTRAS]) {
    extras[0] = (struct extra){"optimizer/exp_avg/", true, spaces.moment1};
    extras[1] = (struct extra){"optimizer/exp_avg_sq/", true, spaces.moment2};
    extras[2] = (struct extra){average_prefix, false, spaces.average};
}

/* The weights' entries and what stands behind them, whose names are formatted into `pool`. NULL: failed. */
static struct sb_safetensors_entry *declare(const struct sb_parameter_list *list, struct sb_checkpoint_spaces spaces,
                                            struct sb_pool *pool, int *count, struct simba_error *error) {
    struct sb_safetensors_entry *weights = NULL, *entries = NULL;
    if (!sb_weights_entries(list, spaces.parameters, &weights, count, error)) return NULL;
    entries = realloc(weights, ((size_t)*count + EXTRAS * (size_t)list->count) * sizeof *entries);
    if (!entries) {
        free(weights);
        sb_fail(error, SIMBA_ERROR_MEMORY, "Out of memory writing a checkpoint.");
        return NULL;
    }
    struct extra extras[EXTRAS];
    list_extras(spaces, extras);
    for (int k = 0; k < EXTRAS; k++)
        for (int i = 0; extras[k].space && i < list->count; i++) {
            const struct sb_parameter *parameter = &list->entries[i];
            if (extras[k].trainable && !parameter->trainable) continue;
            const char *name = sb_pool_format(pool, error, "%s%s", extras[k].prefix, parameter->name);
            if (!name) {
                free(entries);
                return NULL;
            }
            entries[(*count)++] =
                (struct sb_safetensors_entry){.name = name,
                                              .type = SB_STORED_F32,
                                              .rank = parameter->rank,
                                              .shape = parameter->shape,
                                              .bytes = (const char *)extras[k].space + parameter->offset};
        }
    return entries;
}

enum { NOTES = SB_WEIGHTS_NOTES + 17, NOTE_LENGTH = 40 };

static const char *best_key(const char *figure) {
    return strcmp(figure, "mse") ? "simba.best_top1" : "simba.best_mse";
}

/* Of a run with loss scaling. */
static const char *const scaling_keys[] = {"simba.loss_scale", "simba.loss_scale_good_steps", "simba.steps_taken",
                                           "simba.steps_skipped", "simba.steps_without_loss"};

static int write_scaling(struct sb_safetensors_note notes[NOTES], int count, char texts[NOTES][NOTE_LENGTH],
                         const struct sb_training_state *state) {
    const double values[] = {(double)state->scaling.scale, (double)state->scaling.good, (double)state->scaling.taken,
                             (double)state->scaling.skipped, (double)state->no_losses};
    for (int i = 0; i < 5 && state->scaling.scale > 0; i++) {
        snprintf(texts[count], NOTE_LENGTH, "%a", values[i]);
        notes[count] = (struct sb_safetensors_note){scaling_keys[i], texts[count]};
        count++;
    }
    return count;
}

/* The notes behind the first `count`; returns how many there are then. `texts` holds the numbers. */
static int write_notes(struct sb_safetensors_note notes[NOTES], int count, char texts[NOTES][NOTE_LENGTH],
                       const struct sb_checkpoint_record *record) {
    const struct {
        const char *key;
        int64_t value;
    } integers[] = {{"simba.step", record->state.step},
                    {"simba.epoch", record->state.epoch},
                    {"simba.epoch_step", record->state.epoch_step},
                    {"simba.epoch_steps", record->epoch_steps},
                    {"simba.best_epoch", record->state.best_epoch}};
    /* Hexadecimal, so that they come back exactly. */
    const struct {
        const char *key;
        double value;
    } reals[] = {{"simba.loss_sum", record->state.loss_sum}, {best_key(record->best_figure), record->state.best}};
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
        snprintf(texts[count], NOTE_LENGTH, "%" PRId64, integers[i].value);
        notes[count] = (struct sb_safetensors_note){integers[i].key, texts[count]};
        count++;
    }
    for (size_t i = 0; i < sizeof reals / sizeof reals[0]; i++) {
        snprintf(texts[count], NOTE_LENGTH, "%a", reals[i].value);
        notes[count] = (struct sb_safetensors_note){reals[i].key, texts[count]};
        count++;
    }
    count = write_scaling(notes, count, texts, &record->state);
    notes[count++] = (struct sb_safetensors_note){"simba.version", record->version};
    notes[count++] = (struct sb_safetensors_note){"simba.data", record->data};
    notes[count++] = (struct sb_safetensors_note){"simba.configuration", record->configuration};
    if (record->labels) notes[count++] = (struct sb_safetensors_note){"simba.labels", record->labels};
    if (record->channels) notes[count++] = (struct sb_safetensors_note){"simba.channels", record->channels};
    return count;
}

bool sb_checkpoint_write(const char *path, const struct sb_model_config *config, const struct sb_parameter_list *list,
                         struct sb_checkpoint_spaces spaces, const struct sb_checkpoint_record *record,
                         struct simba_error *error) {
    struct sb_pool pool = {0};
    struct sb_safetensors_note notes[NOTES];
    char texts[NOTES][NOTE_LENGTH], *model = NULL;
    int count = 0;
    struct sb_safetensors_entry *entries = declare(list, spaces, &pool, &count, error);
    bool fine = entries && sb_weights_notes(config, notes, &model, error);
    if (fine) {
        const int note_count = write_notes(notes, SB_WEIGHTS_NOTES, texts, record);
        fine = sb_safetensors_write(path, entries, count, notes, note_count, error);
    }
    free(model);
    free(entries);
    sb_pool_finish(&pool);
    return fine;
}

static bool read_note(const struct sb_safetensors *file, const char *key, bool real, void *value,
                      struct simba_error *error) {
    const char *text = sb_safetensors_note(file, key);
    char *end = NULL;
    if (text && real) *(double *)value = strtod(text, &end);
    if (text && !real) *(int64_t *)value = strtoll(text, &end, 10);
    if (end && end != text && !*end) return true;
    return sb_fail(error, SIMBA_ERROR_FORMAT, "%s: the metadata entry %s is %s: this is no checkpoint of simba train.",
                   file->path, key, text ? "not a number" : "missing");
}

static bool bad_note(const struct sb_safetensors *file, const char *key, const char *expected,
                     struct simba_error *error) {
    return sb_fail(
        error, SIMBA_ERROR_FORMAT,
        "%s: the metadata entry %s is %.40s; expected %s. The file is damaged: go on from another checkpoint.",
        file->path, key, sb_safetensors_note(file, key), expected);
}

static const int64_t most_steps = (int64_t)1 << 53; /* what doubles count exactly */

static bool read_count(const struct sb_safetensors *file, const char *key, int64_t smallest, int64_t *value,
                       struct simba_error *error) {
    if (!read_note(file, key, false, value, error)) return false;
    if (*value >= smallest && *value <= most_steps) return true;
    return bad_note(file, key, smallest ? "a count from 1 to 2^53" : "a count from 0 to 2^53", error);
}

/* The counters decide which samples come next, so they must fit each other whoever wrote the file. */
static bool check_state(const struct sb_safetensors *file, const struct sb_checkpoint_record *record,
                        struct simba_error *error) {
    const struct sb_training_state *state = &record->state;
    if (state->step / record->epoch_steps != state->epoch || state->step % record->epoch_steps != state->epoch_step)
        return sb_fail(
            error, SIMBA_ERROR_FORMAT,
            "%s: the metadata say step %lld, which is not %lld epochs of %lld steps and %lld steps more. The "
            "file is damaged: go on from another checkpoint.",
            file->path, (long long)state->step, (long long)state->epoch, (long long)record->epoch_steps,
            (long long)state->epoch_step);
    if (state->best_epoch > state->epoch)
        return bad_note(file, "simba.best_epoch", "no more epochs than are finished", error);
    if (state->no_losses > state->epoch_step)
        return bad_note(file, scaling_keys[4], "no more steps than the epoch has had", error);
    return isfinite(state->loss_sum) || bad_note(file, "simba.loss_sum", "a finite number", error);
}

static bool read_scaling(const struct sb_safetensors *file, struct sb_training_state *state,
                         struct simba_error *error) {
    if (!sb_safetensors_note(file, scaling_keys[0])) return true;
    double values[5];
    for (int i = 0; i < 5; i++) {
        if (!read_note(file, scaling_keys[i], true, &values[i], error)) return false;
        if (i == 0 && !(values[0] >= SB_SMALLEST_LOSS_SCALE && values[0] <= (double)FLT_MAX))
            return bad_note(file, scaling_keys[0], "a finite number from 1 on", error);
        if (i > 0 && !(values[i] >= 0 && values[i] <= (double)most_steps))
            return bad_note(file, scaling_keys[i], "a count from 0 to 2^53", error);
    }
    state->scaling = (struct sb_loss_scaling){
        .scale = (float)values[0], .good = (float)values[1], .taken = (float)values[2], .skipped = (float)values[3]};
    state->no_losses = (int64_t)values[4];
    return true;
}

bool sb_checkpoint_record(const struct sb_safetensors *file, struct sb_checkpoint_record *record, bool *found,
                          struct simba_error *error) {
    *record = (struct sb_checkpoint_record){.configuration = sb_safetensors_note(file, "simba.configuration"),
                                            .labels = sb_safetensors_note(file, "simba.labels"),
                                            .channels = sb_safetensors_note(file, "simba.channels"),
                                            .data = sb_safetensors_note(file, "simba.data"),
                                            .version = sb_safetensors_note(file, "simba.version")};
    *found = record->configuration != NULL;
    if (!*found) return true;
    if (!record->data) record->data = "";
    if (!record->version) record->version = "";
    record->best_figure = sb_safetensors_note(file, best_key("mse")) ? "mse" : "top1";
    return read_count(file, "simba.step", 0, &record->state.step, error) &&
           read_count(file, "simba.epoch", 0, &record->state.epoch, error) &&
           read_count(file, "simba.epoch_step", 0, &record->state.epoch_step, error) &&
           read_count(file, "simba.epoch_steps", 1, &record->epoch_steps, error) &&
           read_count(file, "simba.best_epoch", 0, &record->state.best_epoch, error) &&
           read_note(file, "simba.loss_sum", true, &record->state.loss_sum, error) &&
           read_note(file, best_key(record->best_figure), true, &record->state.best, error) &&
           read_scaling(file, &record->state, error) && check_state(file, record, error);
}

bool sb_checkpoint_has_average(const struct sb_safetensors *file) {
    for (int i = 0; i < file->count; i++)
        if (strncmp(file->tensors[i].name, average_prefix, sizeof average_prefix - 1) == 0) return true;
    return false;
}

bool sb_checkpoint_load(const struct sb_safetensors *file, const struct sb_parameter_list *list,
                        struct sb_checkpoint_spaces spaces, struct simba_error *error) {
    if (!sb_weights_load(file, list, spaces.parameters, error)) return false;
    struct extra extras[EXTRAS];
    list_extras(spaces, extras);
    for (int k = 0; k < EXTRAS; k++)
        for (int i = 0; extras[k].space && i < list->count; i++) {
            const struct sb_parameter *parameter = &list->entries[i];
            if (extras[k].trainable && !parameter->trainable) continue;
            char name[512];
            snprintf(name, sizeof name, "%s%s", extras[k].prefix, parameter->name);
            const struct sb_safetensor *tensor = sb_safetensors_find(file, name);
            if (!tensor || tensor->elements != parameter->elements)
                return sb_fail(error, SIMBA_ERROR_FORMAT,
                               "%s: %s is %s: the file holds weights, but not the whole state of a training of them to "
                               "go on from. (What was frozen, $.train.frozen_stages, has none.)",
                               file->path, name, tensor ? "of another size" : "missing");
            if (!sb_safetensors_read_floats(file, tensor, extras[k].space + (size_t)parameter->offset / sizeof(float),
                                            error))
                return false;
        }
    return true;
}
