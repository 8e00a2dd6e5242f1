#include "train/config.h"

#include "base/file.h"
#include "base/json_keys.h"
#include "base/memory.h"
#include "data/pipeline.h"

#include <cJSON.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INTEGER SB_JSON_INTEGER
#define REAL SB_JSON_REAL
#define PAIR SB_JSON_PAIR
#define SWITCH SB_JSON_SWITCH
#define CHOICE SB_JSON_CHOICE
#define TEXT SB_JSON_TEXT
#define ENDS SB_JSON_OTHER /* int64_t[3]: see read_ends */
/* What a key is about, when it is not about every task. */
enum task { EVERY_TASK, IMAGES, SERIES };

struct field {
    const char *section;
    struct sb_json_key key;
    const char *former; /* CHOICE: what the first one was called once, as old checkpoints have it */
    enum task task;
};

static const char *const formats[] = {"auto", "folder", "idx", "cifar10", "cifar100", "list", NULL};
static const char *const label_crops[] = {"geometric", "as_published", NULL};
static const char *const crops[] = {"pad", "random_resized", NULL};
static const char *const crop_interpolations[] = {"bilinear", "bicubic", "random", NULL};
static const char *const erasing_modes[] = {"pixel", "constant", "random", NULL};
static const char *const mix_modes[] = {"batch", "pair", "element", NULL};
static const char *const paddings[] = {"zeros", "reflect", NULL};
static const char *const schedules[] = {"cosine", "constant", "published", "exponential", NULL};
static const char *const precisions[] = {"fp32", "bf16", "fp16", NULL}; /* enum sb_precision */

static const char *const features[] = {"M", "S", "MS", NULL};                              /* enum sb_features */
static const char *const splits[] = {"ratios", "ett_hour", "ett_minute", "borders", NULL}; /* enum sb_split_kind */
static const char *const headers[] = {"auto", "present", "absent", NULL};                  /* enum sb_header */
static const char *const missing[] = {"refuse", "interpolate", NULL};                      /* enum sb_missing */
static const char *const date_orders[] = {"auto", "day_first", "month_first", NULL};       /* enum sb_date_order */
static const char *const gap_rules[] = {"refuse", "allow", "any_order", NULL};             /* enum sb_date_rule */
static const char *const losses[] = {"mse", "mae", "huber", NULL};                         /* enum sb_forecast_loss */

#define AT(member) offsetof(struct sb_train_config, member)
static const struct field fields[] = {
    {"data", {"path", TEXT, AT(path), 0, SB_CONFIG_TEXT}},
    {"data", {"train", TEXT, AT(train), 0, SB_CONFIG_TEXT}, .task = IMAGES},
    {"data", {"evaluation", TEXT, AT(evaluation), 0, SB_CONFIG_TEXT}, .task = IMAGES},
    {"data", {"threads", INTEGER, AT(threads), 1, 256}, .task = IMAGES},
    {"data", {"format", CHOICE, AT(format), .choices = formats}, .task = IMAGES},
    {"data", {"label_maps", TEXT, AT(label_maps), 0, SB_CONFIG_TEXT}, .task = IMAGES},
    {"data", {"label_crop", CHOICE, AT(label_crop), .choices = label_crops}, .task = IMAGES},
    {"data", {"broken_images", INTEGER, AT(broken_images), 0, 10000}, .task = IMAGES},
    {"data", {"repeated_augmentation", INTEGER, AT(repeated_augmentation), 1, 64}, .task = IMAGES},
    {"data", {"features", CHOICE, AT(features), .choices = features}, .task = SERIES},
    {"data", {"target", TEXT, AT(target), 0, SB_CONFIG_TEXT}, .task = SERIES},
    {"data", {"split", CHOICE, AT(split), .choices = splits}, .task = SERIES},
    {"data", {"training_ratio", REAL, AT(training_ratio), 0.01, 1}, .task = SERIES},
    {"data", {"test_ratio", REAL, AT(test_ratio), 0, 0.99}, .task = SERIES},
    {"data", {"borders", ENDS, AT(borders)}, .task = SERIES},
    {"data", {"header", CHOICE, AT(header), .choices = headers}, .task = SERIES},
    {"data", {"date_column", TEXT, AT(date_column), 0, SB_CONFIG_TEXT}, .task = SERIES},
    {"data", {"date_order", CHOICE, AT(date_order), .choices = date_orders}, .task = SERIES},
    {"data", {"gaps", CHOICE, AT(gaps), .choices = gap_rules}, .task = SERIES},
    {"data", {"missing", CHOICE, AT(missing), .choices = missing}, .task = SERIES},
    {"data", {"separator", TEXT, AT(separator), 0, SB_CONFIG_TEXT}, .task = SERIES},
    {"data", {"decimal_comma", SWITCH, AT(decimal_comma)}, .task = SERIES},
    {"augmentation", {"crop", CHOICE, AT(crop), .choices = crops}, .task = IMAGES},
    {"augmentation", {"crop_padding", INTEGER, AT(crop_padding), 0, 1024}, .task = IMAGES},
    {"augmentation", {"padding", CHOICE, AT(padding), .choices = paddings}, .task = IMAGES},
    {"augmentation", {"scale", PAIR, AT(scale), 1e-6, 1}, .task = IMAGES},
    {"augmentation", {"ratio", PAIR, AT(ratio), 0.01, 100}, .task = IMAGES},
    {"augmentation", {"interpolation", CHOICE, AT(crop_interpolation), .choices = crop_interpolations}, .task = IMAGES},
    {"augmentation", {"flip", REAL, AT(flip), 0, 1}, .task = IMAGES},
    {"augmentation", {"randaugment", TEXT, AT(randaugment), 0, SB_CONFIG_TEXT}, .task = IMAGES},
    {"augmentation", {"colour_jitter", REAL, AT(colour_jitter), 0, 10}, .task = IMAGES},
    {"augmentation", {"random_erasing", REAL, AT(random_erasing), 0, 1}, .task = IMAGES},
    {"augmentation", {"random_erasing_mode", CHOICE, AT(erasing_mode), .choices = erasing_modes}, .task = IMAGES},
    {"augmentation", {"random_erasing_count", INTEGER, AT(erasing_boxes), 1, 16}, .task = IMAGES},
    {"augmentation", {"mixup", REAL, AT(mixup), 0, 100}, .task = IMAGES},
    {"augmentation", {"cutmix", REAL, AT(cutmix), 0, 100}, .task = IMAGES},
    {"augmentation", {"mix_probability", REAL, AT(mix_probability), 0, 1}, .task = IMAGES},
    {"augmentation", {"mix_switch_probability", REAL, AT(mix_switch_probability), 0, 1}, .task = IMAGES},
    {"augmentation", {"mix_mode", CHOICE, AT(mix_mode), .choices = mix_modes}, .task = IMAGES},
    {"train", {"loss", CHOICE, AT(loss), .choices = losses}, .task = SERIES},
    {"train", {"huber_delta", REAL, AT(huber_delta), 1e-6, 1e6}, .task = SERIES},
    {"train", {"epochs", INTEGER, AT(epochs), 1, 1000000}},
    {"train", {"batch_size", INTEGER, AT(batch_size), 1, 65536}},
    {"train", {"accumulation", INTEGER, AT(accumulation), 1, 65536}},
    {"train", {"schedule", CHOICE, AT(schedule), .choices = schedules}},
    {"train", {"learning_rate", REAL, AT(learning_rate), 0, 1e30}},
    {"train", {"learning_rate_batch", INTEGER, AT(learning_rate_batch), 0, 1000000}},
    {"train", {"minimum_learning_rate", REAL, AT(minimum_learning_rate), 0, 1e30}},
    {"train", {"warmup_learning_rate", REAL, AT(warmup_learning_rate), 0, 1e30}},
    {"train", {"warmup_epochs", REAL, AT(warmup_epochs), 0, 1e6}},
    {"train", {"tail_epochs", INTEGER, AT(tail_epochs), 0, 1000000}},
    {"train", {"decay_factor", REAL, AT(decay_factor), 0.001, 1}},
    {"train", {"hold_epochs", INTEGER, AT(hold_epochs), 0, 1000000}},
    {"train", {"layer_decay", REAL, AT(layer_decay), 0.01, 1}},
    {"train", {"frozen_stages", INTEGER, AT(frozen_stages), 0, SB_MAX_STAGES}, .task = IMAGES},
    {"train", {"ema", REAL, AT(ema), 0, 0.9999999}},
    {"train", {"weight_decay", REAL, AT(weight_decay), 0, 1e3}},
    {"train", {"beta1", REAL, AT(beta1), 0, 0.999999}},
    {"train", {"beta2", REAL, AT(beta2), 0, 0.999999999}},
    {"train", {"epsilon", REAL, AT(epsilon), 1e-20, 1}},
    {"train", {"clip_norm", REAL, AT(clip_norm), 0, 1e9}},
    {"train", {"label_smoothing", REAL, AT(label_smoothing), 0, 0.999}, .task = IMAGES},
    {"train", {"token_label_weight", REAL, AT(token_label_weight), 0, 1000}, .task = IMAGES},
    /* JSON numbers are written with 15 digits */
    {"train", {"seed", INTEGER, AT(seed), 0, 999999999999999}},
    {"train", {"initial_weights", TEXT, AT(initial_weights), 0, SB_CONFIG_TEXT}},
    {"train", {"patience", INTEGER, AT(patience), 0, 1000000}},
    {"train", {"precision", CHOICE, AT(precision), .choices = precisions}, .former = "float32"},
    {"train", {"loss_scale", REAL, AT(loss_scale), SB_SMALLEST_LOSS_SCALE, 0x1p100}},
    {"train", {"loss_scale_interval", INTEGER, AT(loss_scale_interval), 1, 1000000}},
    {"train", {"evaluate_every", INTEGER, AT(evaluate_every), 1, 1000000}},
    {"train", {"evaluation_batch", INTEGER, AT(evaluation_batch), 1, 65536}},
    {"train", {"checkpoint_every", INTEGER, AT(checkpoint_every), 0, 1e15}},
};
static const struct sb_json_key output = {"output", TEXT, AT(output), 0, SB_CONFIG_TEXT};
static const double DECAY_FACTOR = 0.5;     /* where none is given */
enum { SPLIT_BORDERS = 3, FEATURES_M = 0 }; /* places in the lists above */
enum { FIELDS = sizeof fields / sizeof fields[0] };
static const char *const sections[] = {"data", "augmentation", "train"};
enum { SECTIONS = sizeof sections / sizeof sections[0] };
/* "$schema" is how a file tells an editor where its schema lies. */
static const char *const whole[] = {"$schema", "model", "data", "augmentation", "train", "output", NULL};

int sb_train_config_keys(const char *section, const char **keys) {
    int count = 0;
    if (!section[0])
        for (; whole[count]; count++) keys[count] = whole[count];
    for (int i = 0; i < FIELDS; i++)
        if (!strcmp(fields[i].section, section)) keys[count++] = fields[i].key.name;
    if (!strcmp(section, "data")) keys[count++] = "labels", keys[count++] = "columns";
    keys[count] = NULL;
    return count;
}

static void set_defaults(struct sb_train_config *config) {
    *config = (struct sb_train_config){.model = sb_model_config_default(),
                                       .threads = 2,
                                       .broken_images = 10,
                                       .repeated_augmentation = 1,
                                       .scale = {0.08, 1},
                                       .ratio = {3.0 / 4, 4.0 / 3},
                                       .crop_interpolation = SB_CROP_BICUBIC,
                                       .erasing_boxes = 1,
                                       .mix_probability = 1,
                                       .mix_switch_probability = 0.5,
                                       .epochs = 310,
                                       .batch_size = 64,
                                       .accumulation = 1,
                                       .learning_rate = 1e-3,
                                       .minimum_learning_rate = 1e-5,
                                       .warmup_learning_rate = 1e-6,
                                       .warmup_epochs = 0,
                                       .decay_factor = DECAY_FACTOR,
                                       .layer_decay = 1,
                                       .weight_decay = 0.05,
                                       .beta1 = 0.9,
                                       .beta2 = 0.999,
                                       .epsilon = 1e-8,
                                       .label_smoothing = 0.1,
                                       .token_label_weight = 0.5,
                                       .seed = 1,
                                       .loss_scale = 65536,
                                       .loss_scale_interval = 2000,
                                       .evaluate_every = 1,
                                       .evaluation_batch = 64};
    strcpy(config->train, "train");
    strcpy(config->evaluation, "val");
}

static enum task task_of(const struct sb_train_config *config) {
    return config->model.architecture == SB_ARCHITECTURE_VISION ? IMAGES : SERIES;
}

static bool about(const struct field *field, const struct sb_train_config *config) {
    return field->task == EVERY_TASK || field->task == task_of(config);
}

/* Once the architecture is known: models for series are small and learn in few epochs. */
static void set_task_defaults(struct sb_train_config *config) {
    if (task_of(config) == IMAGES) return;
    strcpy(config->date_column, "auto");
    config->training_ratio = 0.7;
    config->test_ratio = 0.2;
    config->huber_delta = 1;
    config->epochs = 20;
    config->batch_size = 32;
    config->evaluation_batch = 32;
}

/* A key of the other task would have no effect. */
static bool foreign(struct sb_json member, enum task task, const struct sb_train_config *config,
                    struct simba_error *error) {
    static const char *const models[] = {[IMAGES] = "images", [SERIES] = "series"};
    return sb_fail(error, SIMBA_ERROR_CONFIG,
                   "%s: %s belongs to models for %s; $.model.architecture says that this one is for %s. Leave it out.",
                   member.file, member.path, models[task], models[task_of(config)]);
}

static bool refuse_foreign(struct sb_json section, const struct field *field, const struct sb_train_config *config,
                           struct simba_error *error) {
    struct sb_json member;
    if (about(field, config)) return true;
    if (!sb_json_member(section, field->key.name, &member, error)) return false;
    return !member.value || foreign(member, field->task, config, error);
}

/* Three whole numbers, none below the one before it. */
static bool read_ends(struct sb_json section, const struct sb_json_key *key, int64_t ends[3],
                      struct simba_error *error) {
    struct sb_json array;
    if (!sb_json_member(section, key->name, &array, error)) return false;
    if (!array.value) return true;
    const bool three = sb_json_is_array(array) && sb_json_count(array) == 3;
    for (int i = 0; three && i < 3; i++)
        if (!sb_json_int(sb_json_element(array, i), NULL, i ? ends[i - 1] : 1, INT64_C(1) << 52, &ends[i], error))
            return false;
    return three || sb_fail(error, SIMBA_ERROR_CONFIG,
                            "%s: %s: expected the rows behind the training, the validation and the test part: three "
                            "whole numbers.",
                            array.file, array.path);
}

static bool is_former(struct sb_json section, const struct field *field, int *choice) {
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(section.value, field->key.name));
    if (!field->former || !text || strcmp(text, field->former)) return false;
    *choice = 0;
    return true;
}

static bool read_field(struct sb_json section, const struct field *field, void *config, struct simba_error *error) {
    void *target = (char *)config + field->key.offset;
    if (field->key.type == ENDS) return read_ends(section, &field->key, target, error);
    return is_former(section, field, target) || sb_json_read_key(section, &field->key, config, error);
}

static bool add_label(struct sb_train_config *config, const char *text, struct simba_error *error) {
    config->labels[config->label_count] = strdup(text);
    if (config->labels[config->label_count]) return config->label_count++, true;
    return sb_fail(error, SIMBA_ERROR_MEMORY, "Out of memory reading the class names.");
}

static bool wrong_count(struct sb_json labels, int count, const struct sb_train_config *config,
                        struct simba_error *error) {
    return sb_fail(error, SIMBA_ERROR_CONFIG,
                   "%s: %s: %d class names, but $.model.classes is %lld. Give one name per class, in the order of the "
                   "labels' numbers.",
                   labels.file, labels.path, count, (long long)config->model.classes);
}

/* The lines of a text file, one for each class; empty ones do not count. */
static bool read_label_file(struct sb_json labels, const char *path, struct sb_train_config *config,
                            struct simba_error *error) {
    uint8_t *bytes;
    size_t size;
    if (!sb_read_file(path, 16 << 20, &bytes, &size, error))
        return sb_fail_within(error, "%s: %s: ", labels.file, labels.path);
    bool fine = true;
    int count = 0;
    char *rest = NULL;
    for (char *line = strtok_r((char *)bytes, "\r\n", &rest); fine && line; line = strtok_r(NULL, "\r\n", &rest))
        if (count++ < config->model.classes) fine = add_label(config, line, error);
    free(bytes);
    return fine && (count == config->model.classes || wrong_count(labels, count, config, error));
}

static bool read_labels(struct sb_json data, struct sb_train_config *config, struct simba_error *error) {
    struct sb_json labels;
    if (!sb_json_member(data, "labels", &labels, error)) return false;
    if (!labels.value || cJSON_IsNull(labels.value)) return true;
    if (task_of(config) != IMAGES) return foreign(labels, IMAGES, config, error);
    config->labels = sb_allocate((size_t)config->model.classes, sizeof *config->labels, error);
    if (!config->labels) return false;
    if (cJSON_IsString(labels.value)) return read_label_file(labels, cJSON_GetStringValue(labels.value), config, error);
    if (!sb_json_is_array(labels))
        return sb_fail(error, SIMBA_ERROR_CONFIG, "%s: %s: expected a list of class names, or the path of a text file.",
                       labels.file, labels.path);
    int count = sb_json_count(labels);
    if (count != config->model.classes) return wrong_count(labels, count, config, error);
    for (int i = 0; i < count; i++) {
        const char *text = NULL;
        if (!sb_json_string(sb_json_element(labels, i), NULL, &text, error) || !add_label(config, text, error))
            return false;
    }
    return true;
}

/* The columns of a series that are its channels. */
static bool read_columns(struct sb_json data, struct sb_train_config *config, struct simba_error *error) {
    struct sb_json columns;
    if (!sb_json_member(data, "columns", &columns, error)) return false;
    if (!columns.value) return true;
    if (task_of(config) != SERIES) return foreign(columns, SERIES, config, error);
    const int count = sb_json_is_array(columns) ? sb_json_count(columns) : 0;
    if (!count)
        return sb_fail(error, SIMBA_ERROR_CONFIG, "%s: %s: expected a list of names of columns.", columns.file,
                       columns.path);
    config->columns = sb_allocate((size_t)count, sizeof *config->columns, error);
    if (!config->columns) return false;
    for (int i = 0; i < count; i++) {
        const char *text = NULL;
        if (!sb_json_string(sb_json_element(columns, i), NULL, &text, error)) return false;
        config->columns[i] = strdup(text);
        if (!config->columns[i]) return sb_fail(error, SIMBA_ERROR_MEMORY, "Out of memory reading %s.", columns.path);
        config->column_count++;
    }
    return true;
}

double sb_train_config_peak(const struct sb_train_config *config) {
    if (!config->learning_rate_batch) return config->learning_rate;
    return config->learning_rate * (double)(config->batch_size * config->accumulation) /
           (double)config->learning_rate_batch;
}

struct sb_schedule sb_train_config_schedule(const struct sb_train_config *config, int64_t epoch_steps) {
    return (struct sb_schedule){.kind = (enum sb_schedule_kind)config->schedule,
                                .peak = sb_train_config_peak(config),
                                .minimum = config->minimum_learning_rate,
                                .warmup_start = config->warmup_learning_rate,
                                .epoch_steps = epoch_steps,
                                .epochs = config->epochs,
                                .warmup_epochs = config->warmup_epochs,
                                .tail_epochs = config->tail_epochs,
                                .decay = config->decay_factor,
                                .hold_epochs = config->hold_epochs};
}

static bool check_token_labels(const char *file, const struct sb_train_config *config, struct simba_error *error) {
    if (config->model.token_labels != (config->label_maps[0] != '\0'))
        return sb_fail(
            error, SIMBA_ERROR_CONFIG,
            "%s: $.model.token_labels is %s and $.data.label_maps %s: training with token labels needs both, "
            "another one none. (\"simba label\" makes label maps with a trained model.)",
            file, config->model.token_labels ? "true" : "false", config->label_maps[0] ? "is given" : "is missing");
    if (!config->model.token_labels) return true;
    if (config->crop != SB_CROP_RANDOM_RESIZED)
        return sb_fail(error, SIMBA_ERROR_CONFIG,
                       "%s: $.augmentation.crop must be \"random_resized\" with token labels, as published.", file);
    if (config->mixup > 0 || config->cutmix > 0)
        return sb_fail(error, SIMBA_ERROR_CONFIG,
                       "%s: $.augmentation.mixup and $.augmentation.cutmix cannot be used with token labels, which mix "
                       "tokens instead (MixToken).",
                       file);
    return true;
}

static bool check_images(const char *file, const struct sb_train_config *config, struct simba_error *error) {
    if (config->frozen_stages > config->model.stages)
        return sb_fail(
            error, SIMBA_ERROR_CONFIG,
            "%s: $.train.frozen_stages is %lld, but the model has only %d stages. Behind them the class block "
            "and the heads are always trained.",
            file, (long long)config->frozen_stages, config->model.stages);
    struct sb_randaugment randaugment;
    char where[SB_CONFIG_TEXT];
    snprintf(where, sizeof where, "%s: $.augmentation.randaugment", file);
    if (!sb_randaugment_parse(config->randaugment, where, &randaugment, error)) return false;
    if (randaugment.operations && config->colour_jitter > 0)
        return sb_fail(
            error, SIMBA_ERROR_CONFIG,
            "%s: $.augmentation.colour_jitter has no effect beside $.augmentation.randaugment, which changes "
            "colours itself. Leave one of them out.",
            file);
    if ((randaugment.operations || config->colour_jitter > 0) && config->model.channels != 1 &&
        config->model.channels != 3)
        return sb_fail(error, SIMBA_ERROR_CONFIG,
                       "%s: $.augmentation.randaugment and $.augmentation.colour_jitter work on 1 or 3 channels; "
                       "$.model.channels is %lld.",
                       file, (long long)config->model.channels);
    if ((config->mixup > 0 || config->cutmix > 0) && config->batch_size % 2)
        return sb_fail(error, SIMBA_ERROR_CONFIG,
                       "%s: $.train.batch_size is %lld; $.augmentation.mixup and $.augmentation.cutmix mix each image "
                       "with its counterpart in the reversed batch and need an even number.",
                       file, (long long)config->batch_size);
    return check_token_labels(file, config, error);
}

static bool check_series(const char *file, const struct sb_train_config *config, struct simba_error *error) {
    if ((config->split == SPLIT_BORDERS) != (config->borders[2] > 0))
        return sb_fail(error, SIMBA_ERROR_CONFIG, "%s: $.data.split \"borders\" and $.data.borders need each other.",
                       file);
    if (config->training_ratio + config->test_ratio > 1)
        return sb_fail(error, SIMBA_ERROR_CONFIG,
                       "%s: $.data.training_ratio (%g) and $.data.test_ratio (%g) are more than the whole; what they "
                       "leave is the validation part.",
                       file, config->training_ratio, config->test_ratio);
    if (strlen(config->separator) > 1)
        return sb_fail(error, SIMBA_ERROR_CONFIG, "%s: $.data.separator: expected one character, found \"%s\".", file,
                       config->separator);
    if (config->target[0] && config->features == FEATURES_M)
        return sb_fail(error, SIMBA_ERROR_CONFIG,
                       "%s: $.data.target names one column, but $.data.features \"M\" forecasts all of them; say \"S\" "
                       "or \"MS\".",
                       file);
    return true;
}

/* What one key alone cannot tell. */
static bool check(struct sb_json root, const struct sb_train_config *config, struct simba_error *error) {
    const char *file = root.file;
    if (!config->path[0])
        return sb_fail(
            error, SIMBA_ERROR_CONFIG, "%s: $.data.path is missing: %s.", file,
            task_of(config) == SERIES
                ? "the text file (CSV) with the series, one row for each time and one column for each channel"
                : "the directory of the data set (the files of an IDX or CIFAR set, or \"train\" and \"val\" with one "
                  "directory of JPEG or PNG files per class)");
    if (config->warmup_epochs >= (double)config->epochs)
        return sb_fail(error, SIMBA_ERROR_CONFIG,
                       "%s: $.train.warmup_epochs is %g, but the training has only %lld epochs ($.train.epochs).", file,
                       config->warmup_epochs, (long long)config->epochs);
    if (config->tail_epochs && config->schedule != SB_SCHEDULE_PUBLISHED)
        return sb_fail(error, SIMBA_ERROR_CONFIG,
                       "%s: $.train.tail_epochs belongs to the schedule \"published\"; $.train.schedule is \"%s\".",
                       file, schedules[config->schedule]);
    if ((config->hold_epochs || config->decay_factor != DECAY_FACTOR) && config->schedule != SB_SCHEDULE_EXPONENTIAL)
        return sb_fail(error, SIMBA_ERROR_CONFIG,
                       "%s: $.train.%s belongs to the schedule \"exponential\"; $.train.schedule is \"%s\".", file,
                       config->hold_epochs ? "hold_epochs" : "decay_factor", schedules[config->schedule]);
    if (config->tail_epochs >= config->epochs)
        return sb_fail(error, SIMBA_ERROR_CONFIG,
                       "%s: $.train.tail_epochs is %lld, but the training has only %lld epochs ($.train.epochs).", file,
                       (long long)config->tail_epochs, (long long)config->epochs);
    if (config->minimum_learning_rate > sb_train_config_peak(config))
        return sb_fail(error, SIMBA_ERROR_CONFIG,
                       "%s: $.train.minimum_learning_rate (%g) is above $.train.learning_rate (%g).", file,
                       config->minimum_learning_rate, sb_train_config_peak(config));
    return task_of(config) == SERIES ? check_series(file, config, error) : check_images(file, config, error);
}

bool sb_train_config_read(struct sb_json root, struct sb_train_config *config, struct simba_error *error) {
    set_defaults(config);
    if (!sb_json_is_object(root))
        return sb_fail(error, SIMBA_ERROR_CONFIG,
                       "%s: expected a JSON object { ... } with \"model\", \"data\" and "
                       "\"train\".",
                       root.file);
    struct sb_json model;
    if (!sb_json_only(root, whole, error) || !sb_json_member(root, "model", &model, error) ||
        (model.value && !sb_model_config_read(model, &config->model, error)))
        return false;
    set_task_defaults(config);
    if (!sb_json_read_key(root, &output, config, error)) return false;
    for (int s = 0; s < SECTIONS; s++) {
        const char *known[64];
        sb_train_config_keys(sections[s], known);
        struct sb_json section;
        if (!sb_json_member(root, sections[s], &section, error)) goto failed;
        if (!section.value) continue;
        if (!sb_json_is_object(section)) {
            sb_fail(error, SIMBA_ERROR_CONFIG, "%s: %s: expected an object { ... }.", section.file, section.path);
            goto failed;
        }
        if (!sb_json_only(section, known, error)) goto failed;
        for (int i = 0; i < FIELDS; i++)
            if (!strcmp(fields[i].section, sections[s]) && (!refuse_foreign(section, &fields[i], config, error) ||
                                                            !read_field(section, &fields[i], config, error)))
                goto failed;
        if (!strcmp(sections[s], "data") &&
            (!read_labels(section, config, error) || !read_columns(section, config, error)))
            goto failed;
    }
    if (check(root, config, error)) return true;
failed:
    sb_train_config_finish(config);
    return false;
}

bool sb_train_config_precision(struct sb_json root, enum sb_precision *precision, struct simba_error *error) {
    struct sb_json train;
    int choice = SB_PRECISION_FP32;
    if (!sb_json_member(root, "train", &train, error)) return false;
    for (int i = 0; train.value && i < FIELDS; i++)
        if (fields[i].key.offset == AT(precision)) {
            struct field alone = fields[i];
            alone.key.offset = 0;
            if (!read_field(train, &alone, &choice, error)) return false;
        }
    *precision = (enum sb_precision)choice;
    return true;
}

static void free_texts(char ***texts, int *count) {
    for (int i = 0; i < *count; i++) free((*texts)[i]);
    free(*texts);
    *texts = NULL;
    *count = 0;
}

void sb_train_config_finish(struct sb_train_config *config) {
    free_texts(&config->labels, &config->label_count);
    free_texts(&config->columns, &config->column_count);
}

static bool write_ends(cJSON *section, const struct sb_json_key *key, const int64_t ends[3]) {
    if (!ends[2]) return true; /* not given */
    cJSON *array = cJSON_CreateDoubleArray((const double[]){(double)ends[0], (double)ends[1], (double)ends[2]}, 3);
    if (array && cJSON_AddItemToObject(section, key->name, array)) return true;
    cJSON_Delete(array);
    return false;
}

static bool write_field(cJSON *section, const struct field *field, const struct sb_train_config *config) {
    const void *value = (const char *)config + field->key.offset;
    return field->key.type == ENDS ? write_ends(section, &field->key, value)
                                   : sb_json_write_key(section, &field->key, config);
}

static bool write_texts(cJSON *data, const char *name, char *const *texts, int count) {
    if (!count) return true;
    cJSON *array = cJSON_AddArrayToObject(data, name);
    for (int i = 0; array && i < count; i++)
        if (!cJSON_AddItemToArray(array, cJSON_CreateString(texts[i]))) return false;
    return array;
}

char *sb_train_config_write(const struct sb_train_config *config, struct simba_error *error) {
    char *text = NULL, *model_text = sb_model_config_write(&config->model, error);
    if (!model_text) return NULL;
    cJSON *root = cJSON_CreateObject();
    bool fine = root && cJSON_AddItemToObject(root, "model", cJSON_Parse(model_text));
    for (int s = 0; fine && s < SECTIONS; s++) {
        cJSON *section = cJSON_AddObjectToObject(root, sections[s]);
        fine = section;
        for (int i = 0; fine && i < FIELDS; i++)
            if (!strcmp(fields[i].section, sections[s]) && about(&fields[i], config))
                fine = write_field(section, &fields[i], config);
        if (fine && !strcmp(sections[s], "data"))
            fine = write_texts(section, "labels", config->labels, config->label_count) &&
                   write_texts(section, "columns", config->columns, config->column_count);
    }
    if (fine && config->output[0]) fine = cJSON_AddStringToObject(root, "output", config->output);
    if (fine) text = cJSON_Print(root);
    if (!text) sb_fail(error, SIMBA_ERROR_MEMORY, "Out of memory writing the configuration.");
    cJSON_Delete(root);
    free(model_text);
    return text;
}
