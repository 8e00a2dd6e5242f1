#include "train/evaluate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sb_metrics_add(struct sb_metrics *metrics, const float *logits, int64_t classes, int32_t label) {
    double largest = -INFINITY, sum = 0;
    int64_t above = 0, answer = 0; /* above: classes that come before the right one */
    for (int64_t k = 0; k < classes; k++) {
        if (logits[k] > largest) largest = logits[k], answer = k;
        /* Written so that a logit that is no number never counts as right. */
        if (k != label && !(logits[k] < logits[label] || (logits[k] == logits[label] && k > label))) above++;
    }
    for (int64_t k = 0; k < classes; k++) sum += exp(logits[k] - largest);
    metrics->loss_sum += largest + log(sum) - logits[label];
    if (metrics->confusion) metrics->confusion[(int64_t)label * classes + answer]++;
    metrics->top1 += above < 1;
    metrics->top5 += above < 5;
    metrics->images++;
}

/* What was submitted in a slot: images whose classes are still needed when the logits arrive. */
struct flight {
    int count;
    int32_t *labels; /* [batch] */
};

static bool harvest(struct sb_inference *inference, int slot, struct flight *flight, struct sb_metrics *metrics,
                    struct simba_error *error) {
    if (!flight->count) return true;
    const float *logits = sb_inference_logits(inference, slot, error);
    if (!logits) return false;
    for (int i = 0; i < flight->count; i++)
        if (flight->labels[i] >= 0)
            sb_metrics_add(metrics, logits + i * inference->classes, inference->classes, flight->labels[i]);
        else
            metrics->broken++;
    flight->count = 0;
    return true;
}

struct sb_evaluation_transform sb_evaluation_transform_of(const struct sb_model_config *model) {
    return (struct sb_evaluation_transform){.height = (int)model->height,
                                            .width = (int)model->width,
                                            .crop_fraction = model->crop_fraction,
                                            .filter = (enum sb_filter)model->interpolation};
}

bool sb_evaluate(struct sb_inference *inference, const struct sb_evaluation_parameters *parameters,
                 struct sb_metrics *metrics, struct simba_error *error) {
    *metrics = (struct sb_metrics){.confusion = parameters->confusion};
    const struct sb_pipeline pipeline = {.evaluation = sb_evaluation_transform_of(parameters->model)};
    const struct sb_loader_parameters loading = {.dataset = parameters->dataset,
                                                 .pipeline = &pipeline,
                                                 .broken_images = parameters->broken_images,
                                                 .mark_broken = true,
                                                 .log = parameters->log,
                                                 .batch = (int)inference->batch,
                                                 .threads = parameters->threads,
                                                 .epochs = 1};
    int32_t *labels = sb_allocate((size_t)inference->batch * SB_SLOTS, sizeof *labels, error);
    struct sb_loader *loader = labels ? sb_loader_create(&loading, error) : NULL;
    bool fine = loader;
    struct flight flights[SB_SLOTS] = {0};
    for (int slot = 0; labels && slot < SB_SLOTS; slot++) flights[slot].labels = labels + slot * inference->batch;
    int slot = 0;
    while (fine) {
        struct sb_batch batch;
        fine = sb_loader_next(loader, &batch, error) && harvest(inference, slot, &flights[slot], metrics, error);
        if (!fine || !batch.count) break;
        memcpy(sb_inference_images(inference, slot), batch.pixels, (size_t)(inference->batch * inference->image_bytes));
        memcpy(flights[slot].labels, batch.labels, (size_t)batch.count * sizeof *labels);
        flights[slot].count = batch.count;
        fine = sb_inference_submit(inference, slot, error);
        slot = (slot + 1) % SB_SLOTS;
        if (parameters->progress)
            parameters->progress(parameters->user, metrics->images + metrics->broken, parameters->dataset->count);
    }
    /* Also after a failure: nothing may be running when the caller goes on. */
    for (int i = 0; i < SB_SLOTS; i++) {
        const int other = (slot + i) % SB_SLOTS;
        if (!harvest(inference, other, &flights[other], metrics, fine ? error : NULL)) fine = false;
    }
    if (fine && metrics->images == 0)
        fine = sb_fail(error, SIMBA_ERROR_FORMAT,
                       "Not one of the %lld images to evaluate on can be read; the warnings say why.",
                       (long long)parameters->dataset->count);
    if (fine && parameters->progress)
        parameters->progress(parameters->user, metrics->images + metrics->broken, parameters->dataset->count);
    sb_loader_destroy(loader);
    free(labels);
    return fine;
}

struct sb_dataset *sb_open_data(const struct sb_train_config *config, bool training, const char *const *class_names,
                                int classes, struct simba_error *error) {
    char path[2 * SB_CONFIG_TEXT + 2];
    enum sb_dataset_format format = (enum sb_dataset_format)config->format;
    if (format == SB_DATASET_AUTO && sb_is_idx_directory(config->path)) format = SB_DATASET_IDX;
    if (format == SB_DATASET_AUTO) format = sb_cifar_directory(config->path);
    if (format == SB_DATASET_IDX || format == SB_DATASET_CIFAR10 || format == SB_DATASET_CIFAR100)
        snprintf(path, sizeof path, "%s", config->path);
    else
        snprintf(path, sizeof path, "%s/%s", config->path, training ? config->train : config->evaluation);
    if (!class_names && (config->label_count || format == SB_DATASET_IDX)) {
        class_names = (const char *const *)config->labels;
        classes = (int)config->model.classes;
    }
    const struct sb_dataset_parameters parameters = {.format = format,
                                                     .path = path,
                                                     .training = training,
                                                     .channels = (int)config->model.channels,
                                                     .class_names = class_names,
                                                     .classes = classes};
    struct sb_dataset *dataset = sb_dataset_open(&parameters, error);
    if (!dataset && error && error->code == SIMBA_ERROR_FILE)
        sb_fail_within(error, "The data set of $.data.path cannot be opened%s. ",
                       strstr(config->path, "fashion-mnist") ? " (Debian's package dataset-fashion-mnist has it)" : "");
    if (dataset && dataset->classes != config->model.classes) {
        sb_fail(error, SIMBA_ERROR_CONFIG,
                "%s has %d classes, but $.model.classes is %lld. Set $.model.classes to %d, or name another data set.",
                path, dataset->classes, (long long)config->model.classes, dataset->classes);
        sb_dataset_destroy(dataset);
        dataset = NULL;
    }
    return dataset;
}
