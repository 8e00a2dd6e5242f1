/* Training on images with classes: data sets, the loader, what is written into a batch's slot, accuracy. */
#include "data/sampler.h"
#include "train/evaluate.h"
#include "train/task.h"

#include <cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct classification {
    struct sb_task_base base;
    const struct sb_train_config *config;
    struct simba_log log;
    struct sb_dataset *training_data, *evaluation_data;
    struct sb_loader *loader;
    struct sb_batch batch; /* taken by `next` */
    const struct sb_watch *watch;
    bool drawn;          /* the first batch, for people */
    uint32_t *confusion; /* [classes, classes], of the last evaluation */
};

static struct classification *own(struct sb_task *task) {
    return (struct classification *)task;
}

static void destroy(struct sb_task *task) {
    struct classification *self = own(task);
    if (!self) return;
    sb_loader_destroy(self->loader);
    sb_dataset_destroy(self->training_data);
    sb_dataset_destroy(self->evaluation_data);
    free(self->confusion);
    free(self->base.labels);
    free(self);
}

static char *names_as_json(const struct sb_dataset *dataset, struct simba_error *error) {
    cJSON *list = cJSON_CreateStringArray(dataset->class_names, dataset->classes);
    char *text = list ? cJSON_PrintUnformatted(list) : NULL;
    if (!text) sb_fail(error, SIMBA_ERROR_MEMORY, "Out of memory writing the names of the classes.");
    cJSON_Delete(list);
    return text;
}

static bool open_data(struct classification *self, struct sb_train_config *config, struct simba_error *error) {
    self->training_data = sb_open_data(config, true, NULL, 0, error);
    if (!self->training_data) return false;
    const struct sb_dataset *data = self->training_data;
    self->evaluation_data = sb_open_data(config, false, data->class_names, data->classes, error);
    if (!self->evaluation_data) return false;
    self->base.description = data->description;
    self->base.samples = data->count;
    if (config->repeated_augmentation > 1) self->base.epoch_samples = sb_repeated_samples(data->count);
    self->base.evaluation_samples = self->evaluation_data->count;
    self->base.classes = data->classes;
    self->base.labels = names_as_json(data, error);
    const size_t classes = (size_t)data->classes;
    self->confusion = sb_allocate(classes * classes, sizeof *self->confusion, error);
    return self->base.labels && self->confusion;
}

static struct sb_task *open(struct sb_train_config *config, struct simba_log log, struct simba_error *error) {
    struct classification *self = sb_allocate(1, sizeof *self, error);
    if (!self) return NULL;
    self->base.type = &sb_task_classification;
    self->config = config;
    self->log = log;
    if (open_data(self, config, error)) return (struct sb_task *)self;
    destroy((struct sb_task *)self);
    return NULL;
}

static struct sb_pipeline training_pipeline(const struct sb_train_config *config) {
    struct sb_pipeline pipeline = {.evaluation = sb_evaluation_transform_of(&config->model),
                                   .augment = true,
                                   .crop = (enum sb_crop)config->crop,
                                   .padding = (int)config->crop_padding,
                                   .reflect = config->padding == 1,
                                   .scale = {config->scale[0], config->scale[1]},
                                   .ratio = {config->ratio[0], config->ratio[1]},
                                   .filter = (enum sb_crop_filter)config->crop_interpolation,
                                   .flip = config->flip,
                                   .colour_jitter = config->colour_jitter,
                                   .crop_last = config->model.token_labels};
    sb_randaugment_parse(config->randaugment, "", &pipeline.randaugment, NULL); /* checked when it was read */
    for (int c = 0; c < config->model.channels && c < 3; c++)
        pipeline.randaugment.fill[c] = (uint8_t)lroundf(255 * config->model.mean[c]);
    return pipeline;
}

static bool begin(struct sb_task *task, int64_t epoch, int64_t batch, const struct sb_watch *watch,
                  struct simba_error *error) {
    struct classification *self = own(task);
    const struct sb_train_config *config = self->config;
    const struct sb_pipeline pipeline = training_pipeline(config);
    const struct sb_token_targets targets = {.directory = config->label_maps,
                                             .classes = (int)config->model.classes,
                                             .height = (int)(config->model.height >> (config->model.stages + 1)),
                                             .width = (int)(config->model.width >> (config->model.stages + 1)),
                                             .smoothing = config->label_smoothing,
                                             .as_published = config->label_crop == 1};
    const struct sb_loader_parameters loading = {.dataset = self->training_data,
                                                 .pipeline = &pipeline,
                                                 .token_targets = config->model.token_labels ? &targets : NULL,
                                                 .broken_images = (int)config->broken_images,
                                                 .log = self->log,
                                                 .batch = (int)config->batch_size,
                                                 .shuffle = true,
                                                 .drop_last = true,
                                                 .repeats = (int)config->repeated_augmentation,
                                                 .ranks = (int)config->accumulation,
                                                 .seed = (uint64_t)config->seed,
                                                 .threads = (int)config->threads,
                                                 .first_epoch = epoch,
                                                 .first_batch = batch,
                                                 .epochs = config->epochs};
    self->watch = watch;
    self->loader = sb_loader_create(&loading, error);
    return self->loader;
}

static bool next(struct sb_task *task, int64_t epoch, int64_t used, struct simba_error *error) {
    struct classification *self = own(task);
    struct sb_batch *batch = &self->batch;
    do {
        if (!sb_loader_next(self->loader, batch, error)) return false;
    } while (batch->count && batch->index >= used);
    if (batch->count == self->config->batch_size && batch->epoch == epoch) return true;
    return sb_fail(error, SIMBA_ERROR_INTERNAL,
                   "The loader gave %d images of epoch %lld instead of %lld of epoch %lld.", batch->count,
                   (long long)batch->epoch, (long long)self->config->batch_size, (long long)epoch);
}

static bool fill(struct sb_task *task, struct sb_learner *learner, int slot, int64_t step,
                 const struct sb_step_numbers *numbers, struct simba_error *error) {
    struct classification *self = own(task);
    const struct sb_model_config *model = &self->config->model;
    if (!self->drawn && !sb_watch_samples(self->watch, &self->batch, (int)model->height, (int)model->width,
                                          (int)model->channels, self->training_data->class_names, error))
        return false;
    self->drawn = true;
    sb_learner_fill(learner, self->config, slot, &self->batch, step, numbers);
    return true;
}

static bool evaluate(struct sb_task *task, struct sb_inference *inference,
                     void (*progress)(void *user, int64_t done, int64_t total), void *user,
                     struct sb_evaluation *evaluation, struct simba_error *error) {
    struct classification *self = own(task);
    const struct sb_evaluation_parameters parameters = {.dataset = self->evaluation_data,
                                                        .model = &self->config->model,
                                                        .broken_images = (int)self->config->broken_images,
                                                        .log = self->log,
                                                        .confusion = self->confusion,
                                                        .threads = (int)self->config->threads,
                                                        .progress = progress,
                                                        .user = user};
    struct sb_metrics metrics;
    const size_t classes = (size_t)self->base.classes;
    memset(self->confusion, 0, classes * classes * sizeof *self->confusion);
    if (!sb_evaluate(inference, &parameters, &metrics, error)) return false;
    const double images = (double)metrics.images;
    *evaluation = (struct sb_evaluation){.samples = metrics.images,
                                         .loss = metrics.loss_sum / images,
                                         .figures = {(double)metrics.top1 / images, (double)metrics.top5 / images}};
    return true;
}

static bool show_best(struct sb_task *task, const struct sb_watch *watch, struct simba_error *error) {
    const struct classification *self = own(task);
    return sb_watch_confusion(watch, self->confusion, self->base.classes, self->training_data->class_names, error);
}

static double waited(const struct sb_task *task) {
    return sb_loader_waited(((const struct classification *)task)->loader);
}

static int broken(const struct sb_task *task) {
    return sb_loader_broken(((const struct classification *)task)->loader);
}

const struct sb_task_type sb_task_classification = {.samples = "images",
                                                    .figures = {"top1", "top5"},
                                                    .shares = true,
                                                    .figures_title = "right answers, %",
                                                    .open = open,
                                                    .destroy = destroy,
                                                    .begin = begin,
                                                    .next = next,
                                                    .fill = fill,
                                                    .evaluate = evaluate,
                                                    .show_best = show_best,
                                                    .waited = waited,
                                                    .broken = broken};
