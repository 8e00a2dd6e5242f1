/* Running a model on images and on data sets. */
#include "api/model.h"
#include "base/clock.h"

#include "base/json.h"
#include "io/image_file.h"
#include "io/png.h"
#include "train/evaluate.h"

#include <cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Where image `index` of a set comes from: memory or a file. */
struct source {
    const struct simba_image *images;
    const char *const *paths;
};

static uint8_t convert(const uint8_t *pixel, int have, int want, int channel) {
    if (have == want) return pixel[channel];
    if (have == 1) return pixel[0];
    if (want == 3) return pixel[channel]; /* RGBA: without its opacity */
    return sb_grey(pixel);
}

/* The image as rows without gaps in the model's channels, in model->decoded. */
static bool pack(struct simba_model *model, const struct simba_image *image, int index, struct simba_error *error) {
    const int want = (int)model->config.channels, have = image->channels;
    const bool known = have == want || ((have == 1 || have == 3 || have == 4) && (want == 1 || want == 3));
    if (!image->pixels || image->width < 1 || image->height < 1 || !known)
        return sb_fail(error, SIMBA_ERROR_ARGUMENT,
                       "Image %d: expected pixels of 1, 3, 4 or exactly the model's %d channels, found %d x %d pixels "
                       "of %d channels.",
                       index, want, image->width, image->height, have);
    const size_t width = (size_t)image->width, stride = image->stride ? image->stride : width * (size_t)have;
    if (!sb_buffer_reserve(&model->decoded, width * (size_t)image->height * (size_t)want, error)) return false;
    uint8_t *to = model->decoded.bytes;
    for (int y = 0; y < image->height; y++) {
        const uint8_t *from = image->pixels + (size_t)y * stride;
        for (size_t x = 0; x < width; x++, from += have)
            for (int c = 0; c < want; c++) *to++ = convert(from, have, want, c);
    }
    return true;
}

/* Image `index`, brought to the model's size, into its place in the batch. */
static bool load(struct simba_model *model, struct source source, int index, uint8_t *pixels,
                 struct simba_error *error) {
    const struct sb_model_config *config = &model->config;
    struct sb_image image;
    if (source.paths) {
        if (config->channels != 1 && config->channels != 3)
            return sb_fail(error, SIMBA_ERROR_UNSUPPORTED, "The model wants %lld channels; an image file gives 1 or 3.",
                           (long long)config->channels);
        struct sb_image_source file;
        struct sb_region whole = {0}, inside;
        if (!sb_image_file_open(source.paths[index], &model->file, &file, error) ||
            !sb_image_file_decode(&file, (int)config->channels, whole, 0, 0, &model->decoded, &image, &inside, error))
            return false;
    } else {
        if (!pack(model, &source.images[index], index, error)) return false;
        image = (struct sb_image){model->decoded.bytes, source.images[index].width, source.images[index].height,
                                  (int)config->channels};
    }
    const struct sb_evaluation_transform transform = sb_evaluation_transform_of(config);
    return sb_transform_for_evaluation(&transform, &image, pixels, &model->scratch, error);
}

/* Logits of images `first` .. `first + count`, at most a batch; valid until the next call. */
static const float *run_batch(struct simba_model *model, struct source source, int first, int count,
                              struct simba_error *error) {
    struct sb_inference *inference = &model->inference;
    uint8_t *pixels = sb_inference_images(inference, 0);
    for (int i = 0; i < count; i++)
        if (!load(model, source, first + i, pixels + (size_t)i * (size_t)inference->image_bytes, error)) return NULL;
    return sb_inference_submit(inference, 0, error) ? sb_inference_logits(inference, 0, error) : NULL;
}

bool simba_model_logits(struct simba_model *model, const struct simba_image *images, int count, float *logits,
                        struct simba_error *error) {
    if (!api_can_run(model, false, error)) return false;
    const int batch = (int)model->inference.batch;
    const size_t classes = (size_t)model->config.classes;
    for (int first = 0; first < count; first += batch) {
        const int here = count - first < batch ? count - first : batch;
        const float *values = run_batch(model, (struct source){.images = images}, first, here, error);
        if (!values) return false;
        memcpy(logits + (size_t)first * classes, values, (size_t)here * classes * sizeof *logits);
    }
    return true;
}

/* The `top` largest logits in order, with their softmax; equal ones by class. */
static void rank(const struct simba_model *model, const float *logits, int top, struct simba_prediction *predictions) {
    const int classes = (int)model->config.classes;
    double largest = -INFINITY, sum = 0;
    for (int k = 0; k < classes; k++)
        if (logits[k] > largest) largest = logits[k];
    for (int k = 0; k < classes; k++) sum += exp(logits[k] - largest);
    int found = 0;
    for (int k = 0; k < classes; k++) {
        int at = found < top ? found : top;
        while (at > 0 && logits[k] > predictions[at - 1].logit) at--;
        if (at == top) continue;
        if (found < top) found++;
        memmove(predictions + at + 1, predictions + at, (size_t)(found - at - 1) * sizeof *predictions);
        predictions[at] = (struct simba_prediction){.class_index = k,
                                                    .label = simba_model_label(model, k),
                                                    .probability = (float)(exp(logits[k] - largest) / sum),
                                                    .logit = logits[k]};
    }
}

static bool classify(struct simba_model *model, struct source source, int count, int top,
                     struct simba_prediction *predictions, struct simba_error *error) {
    if (!api_can_run(model, false, error)) return false;
    if (count < 0 || top < 1 || top > model->config.classes)
        return sb_fail(error, SIMBA_ERROR_ARGUMENT, "The %d most probable of %lld classes were asked for.", top,
                       (long long)model->config.classes);
    const int batch = (int)model->inference.batch;
    for (int first = 0; first < count; first += batch) {
        const int here = count - first < batch ? count - first : batch;
        const float *logits = run_batch(model, source, first, here, error);
        if (!logits) return false;
        for (int i = 0; i < here; i++)
            rank(model, logits + (size_t)i * (size_t)model->config.classes, top,
                 predictions + (size_t)(first + i) * (size_t)top);
    }
    return true;
}

bool simba_model_classify(struct simba_model *model, const struct simba_image *images, int count, int top,
                          struct simba_prediction *predictions, struct simba_error *error) {
    return classify(model, (struct source){.images = images}, count, top, predictions, error);
}

bool simba_model_classify_files(struct simba_model *model, const char *const *paths, int count, int top,
                                struct simba_prediction *predictions, struct simba_error *error) {
    return classify(model, (struct source){.paths = paths}, count, top, predictions, error);
}

/* ---- evaluation */

/* The classes' names as the model knows them, or NULL; free() the list. */
static const char **label_list(const struct simba_model *model, struct simba_error *error) {
    const int count = cJSON_GetArraySize(model->labels);
    const char **names = sb_allocate((size_t)count + 1, sizeof *names, error);
    for (int i = 0; names && i < count; i++) {
        names[i] = simba_model_label(model, i);
        if (!names[i]) names[i] = "";
    }
    return names;
}

static bool is_directory(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* The directory of a whole data set, as "data.path" names it, has its evaluation images in "val". */
static bool is_whole_set(const struct simba_model *model, const char *path, const char *const *names, char *evaluation,
                         size_t size) {
    const int length = snprintf(evaluation, size, "%s/val", path);
    for (int i = 0; names && i < model->config.classes; i++)
        if (strcmp(names[i], "val") == 0) return false;
    return length > 0 && (size_t)length < size && is_directory(evaluation);
}

/* The evaluation data: a directory, or what a configuration (a file, or the training record) says. */
static struct sb_dataset *open_data(struct simba_model *model, const char *path, const char *const *names,
                                    struct simba_error *error) {
    const struct sb_model_config *config = &model->config;
    if (path && is_directory(path)) {
        char evaluation[4096];
        const bool whole = is_whole_set(model, path, names, evaluation, sizeof evaluation);
        const struct sb_dataset_parameters parameters = {.path = whole ? evaluation : path,
                                                         .channels = (int)config->channels,
                                                         .class_names = names,
                                                         .classes = (int)config->classes};
        return sb_dataset_open(&parameters, error);
    }
    if (!path && !model->trained) {
        sb_fail(error, SIMBA_ERROR_ARGUMENT,
                "The weights do not say on which data they were trained; name a data set (--data).");
        return NULL;
    }
    struct sb_json_document *document =
        path ? sb_json_read_file(path, error) : sb_json_read_text("the training record", model->configuration, error);
    struct sb_train_config training;
    struct sb_dataset *dataset = NULL;
    if (document && sb_train_config_read(sb_json_root(document), &training, error)) {
        training.model = *config;
        dataset = sb_open_data(&training, false, names, (int)config->classes, error);
        sb_train_config_finish(&training);
    }
    sb_json_destroy(document);
    return dataset;
}

bool simba_model_evaluate(struct simba_model *model, const struct simba_evaluate_options *options,
                          struct simba_evaluation *result, struct simba_error *error) {
    static const struct simba_evaluate_options defaults = {0};
    if (!options) options = &defaults;
    if (!api_can_run(model, false, error)) return false;
    const char **names = NULL;
    if (cJSON_GetArraySize(model->labels) == model->config.classes && !(names = label_list(model, error))) return false;
    struct sb_dataset *dataset = open_data(model, options->data, names, error);
    free(names);
    if (!dataset) return false;
    const struct sb_evaluation_parameters parameters = {.dataset = dataset,
                                                        .model = &model->config,
                                                        .broken_images = 10,
                                                        .log = model->device->log,
                                                        .progress = options->progress,
                                                        .user = options->user};
    struct sb_metrics metrics;
    const double begin = sb_now();
    const bool fine = sb_evaluate(&model->inference, &parameters, &metrics, error);
    sb_dataset_destroy(dataset);
    if (!fine) return false;
    const double images = (double)metrics.images;
    *result = (struct simba_evaluation){.images = metrics.images,
                                        .broken_images = metrics.broken,
                                        .loss = metrics.loss_sum / images,
                                        .top1 = (double)metrics.top1 / images,
                                        .top5 = (double)metrics.top5 / images,
                                        .seconds = sb_now() - begin};
    return true;
}
