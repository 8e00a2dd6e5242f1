/* Making label maps with a trained model. */
#include "api/api.h"
#include "base/file.h"
#include "data/loader.h"
#include "model/weights.h"
#include "train/checkpoint.h"
#include "train/inference.h"

#include <cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct labeller {
    const struct simba_label_options *options;
    struct sb_model_config config; /* with token labels, whether the model has them or not */
    struct sb_parameter_list list;
    struct sb_inference inference;
    struct sb_memory *memory;
    struct sb_dataset *dataset;
    struct simba_labelling result;
    struct sb_label_map map; /* of one image */
};

/* The weights; a model without an auxiliary head lends its class head. */
static bool load(struct labeller *labeller, const struct sb_safetensors *file, float *space,
                 struct simba_error *error) {
    char fresh[512];
    if (!sb_weights_begin_with(file, &labeller->list, space, fresh, sizeof fresh, error)) return false;
    if (!fresh[0]) return true;
    static const char *const heads[2][2] = {{"head.weight", "aux_head.weight"}, {"head.bias", "aux_head.bias"}};
    if (strcmp(fresh, "aux_head.weight, aux_head.bias") != 0)
        return sb_fail(error, SIMBA_ERROR_FORMAT, "%s: these weights do not fit their own architecture: %s.",
                       file->path, fresh);
    for (int i = 0; i < 2; i++) {
        const struct sb_parameter *from = sb_parameter_find(&labeller->list, heads[i][0]);
        const struct sb_parameter *to = sb_parameter_find(&labeller->list, heads[i][1]);
        memcpy((char *)space + to->offset, (const char *)space + from->offset, (size_t)from->elements * sizeof(float));
    }
    return true;
}

/* The forward graph with every token's logits as a result. */
static bool compile(struct labeller *labeller, struct simba_error *error) {
    const struct simba_label_options *options = labeller->options;
    struct sb_device *device = options->device->device;
    struct sb_safetensors *file = sb_weights_open(options->weights, NULL, NULL, error);
    float *space = NULL;
    bool fine = file && sb_weights_config(file, &labeller->config, error);
    fine = fine && api_is_for(&labeller->config, options->weights, false, error);
    if (fine) labeller->config.token_labels = true;
    fine = fine && sb_model_parameters(&labeller->config, &labeller->list, error) &&
           sb_inference_plan_tokens(&labeller->inference, &labeller->config, &labeller->list,
                                    options->batch ? options->batch : 16, error);
    if (fine) fine = (space = sb_allocate(labeller->list.total_bytes, 1, error));
    fine = fine && load(labeller, file, space, error) &&
           sb_memory_create(device, labeller->list.total_bytes, "parameters", &labeller->memory, error) &&
           sb_memory_write(labeller->memory, 0, space, labeller->list.total_bytes, error) &&
           sb_inference_compile(&labeller->inference, &labeller->config, device, labeller->memory, error) &&
           sb_inference_prepare(&labeller->inference, error);
    free(space);
    sb_safetensors_close(file);
    return fine;
}

/* ---- what the maps are called */

struct key {
    const char *text; /* in a pool */
    int64_t image;
};

static int compare_keys(const void *left, const void *right) {
    const struct key *a = left, *b = right;
    const int order = strcmp(a->text, b->text);
    return order ? order : (a->image > b->image) - (a->image < b->image);
}

/* Would the map of this key be written outside of the output directory? */
static bool leads_out(const char *key) {
    for (const char *at = key; (at = strstr(at, "..")); at++)
        if ((at == key || at[-1] == '/') && (at[2] == '/' || !at[2])) return true;
    return false;
}

/* The name of an image's file; whether it can be read is found out later. */
static void name_file(const struct sb_dataset *dataset, int64_t image, char name[static 256]) {
    struct sb_sample sample = {.index = image};
    struct sb_scratch scratch = {0};
    struct simba_error ignored;
    dataset->open(dataset, &sample, &scratch, &ignored);
    snprintf(name, 256, "%.255s", sample.name);
    sb_scratch_finish(&scratch);
}

/* Each image has a map of its own, below the output directory. A list may have the same image several times. */
static bool check_keys(const struct labeller *labeller, struct simba_error *error) {
    const struct sb_dataset *dataset = labeller->dataset;
    struct sb_pool pool = {0};
    struct key *keys = sb_allocate((size_t)dataset->count, sizeof *keys, error);
    char text[4096], names[2][256];
    bool fine = keys;
    for (int64_t i = 0; fine && i < dataset->count; i++) {
        dataset->key(dataset, i, text, sizeof text);
        keys[i] = (struct key){sb_pool_format(&pool, error, "%s", text), i};
        fine = keys[i].text;
        if (!fine || !leads_out(text)) continue;
        name_file(dataset, i, names[0]);
        fine = sb_fail(error, SIMBA_ERROR_FILE,
                       "%s: its label map would lie outside of %s, as label maps are called like their images. Name "
                       "the image in the list without \"..\".",
                       names[0], labeller->options->output);
    }
    if (fine) qsort(keys, (size_t)dataset->count, sizeof *keys, compare_keys);
    for (int64_t i = 1; fine && i < dataset->count; i++) {
        if (strcmp(keys[i - 1].text, keys[i].text) != 0) continue;
        for (int k = 0; k < 2; k++) name_file(dataset, keys[i - 1 + k].image, names[k]);
        if (strcmp(names[0], names[1]) == 0) continue;
        fine = sb_fail(error, SIMBA_ERROR_FILE,
                       "%s and %s would have one label map, as it is called like its image up to the first dot. Rename "
                       "one of them.",
                       names[0], names[1]);
    }
    free(keys);
    sb_pool_finish(&pool);
    return fine;
}

static bool path_of(const struct labeller *labeller, int64_t image, char path[static 4096], struct simba_error *error) {
    char key[4096];
    labeller->dataset->key(labeller->dataset, image, key, sizeof key);
    const int length = snprintf(path, 4096, "%s/%s.pt", labeller->options->output, key);
    return (length > 0 && length < 4096) ||
           sb_fail(error, SIMBA_ERROR_FILE, "The path of the label map of \"%.80s\" is too long.", key);
}

/* ---- labelling */

/* The `top` largest of each token's logits [tokens, classes], in order; equal ones by class. */
static bool write_map(struct labeller *labeller, const float *logits, const char *path, struct simba_error *error) {
    struct sb_label_map *map = &labeller->map;
    const int classes = (int)labeller->config.classes, places = map->height * map->width;
    for (int place = 0; place < places; place++) {
        const float *row = logits + (size_t)place * (size_t)classes;
        int found = 0;
        for (int k = 0; k < classes; k++) {
            int at = found < map->top ? found : map->top;
            while (at > 0 && row[k] > map->scores[(at - 1) * places + place]) at--;
            if (at == map->top) continue;
            if (found < map->top) found++;
            for (int i = found - 1; i > at; i--) {
                map->scores[i * places + place] = map->scores[(i - 1) * places + place];
                map->classes[i * places + place] = map->classes[(i - 1) * places + place];
            }
            map->scores[at * places + place] = row[k];
            map->classes[at * places + place] = k;
        }
    }
    char directory[4096];
    snprintf(directory, sizeof directory, "%s", path);
    *strrchr(directory, '/') = '\0';
    return sb_make_directories(directory, error) && sb_label_map_write(path, map, error);
}

/* One batch of images; nothing is computed when all of its maps are there. */
static bool label_batch(struct labeller *labeller, const struct sb_batch *batch, struct simba_error *error) {
    struct sb_inference *inference = &labeller->inference;
    struct simba_labelling *result = &labeller->result;
    const size_t image_floats = (size_t)(labeller->map.height * labeller->map.width) * (size_t)inference->classes;
    const float *logits = NULL;
    for (int i = 0; i < batch->count; i++) {
        char path[4096];
        if (!path_of(labeller, batch->index * inference->batch + i, path, error)) return false;
        result->images++;
        if (batch->labels[i] < 0) {
            result->broken++;
            continue;
        }
        if (!labeller->options->overwrite && access(path, F_OK) == 0) {
            result->present++;
            continue;
        }
        if (!logits) {
            memcpy(sb_inference_images(inference, 0), batch->pixels,
                   (size_t)(inference->batch * inference->image_bytes));
            if (!sb_inference_submit(inference, 0, error) || !(logits = sb_inference_tokens(inference, 0, error)))
                return false;
        }
        if (!write_map(labeller, logits + image_floats * (size_t)i, path, error)) return false;
        result->written++;
    }
    return true;
}

static bool run(struct labeller *labeller, struct simba_error *error) {
    const struct simba_label_options *options = labeller->options;
    const struct sb_model_config *config = &labeller->config;
    struct sb_label_map *map = &labeller->map;
    map->top = options->top ? options->top : 5;
    if (map->top > config->classes) map->top = (int)config->classes;
    map->height = (int)labeller->inference.model.auxiliary->shape[1];
    const int side = (int)config->stages + 1;
    map->width = (int)(config->width >> side);
    if (map->width < 1 || (config->height >> side) * map->width != map->height)
        return sb_fail(error, SIMBA_ERROR_CONFIG,
                       "Label maps need images whose sides %d divides; the model's are %lld x %lld.", 1 << side,
                       (long long)config->height, (long long)config->width);
    map->height /= map->width;
    labeller->result.height = map->height;
    labeller->result.width = map->width;
    labeller->result.top = map->top;
    const size_t numbers = (size_t)map->top * (size_t)(map->height * map->width);
    map->scores = sb_allocate(numbers, sizeof *map->scores, error);
    map->classes = sb_allocate(numbers, sizeof *map->classes, error);
    const struct sb_pipeline pipeline = {.evaluation = {.height = (int)config->height,
                                                        .width = (int)config->width,
                                                        .filter = (enum sb_filter)config->interpolation,
                                                        .whole = true}};
    const struct sb_loader_parameters loading = {.dataset = labeller->dataset,
                                                 .pipeline = &pipeline,
                                                 .batch = (int)labeller->inference.batch,
                                                 .threads = options->threads,
                                                 .epochs = 1,
                                                 .broken_images = 1000,
                                                 .mark_broken = true,
                                                 .log = options->device->device->log};
    struct sb_loader *loader = map->scores && map->classes ? sb_loader_create(&loading, error) : NULL;
    bool fine = loader;
    while (fine) {
        struct sb_batch batch;
        fine = sb_loader_next(loader, &batch, error);
        if (!fine || !batch.count) break;
        fine = label_batch(labeller, &batch, error);
        if (fine && options->progress)
            options->progress(options->user, labeller->result.images, labeller->dataset->count);
    }
    sb_loader_destroy(loader);
    return fine;
}

bool simba_label(const struct simba_label_options *options, struct simba_labelling *result, struct simba_error *error) {
    struct labeller labeller = {.options = options};
    if (!options->device || !options->weights || !options->data || !options->output)
        return sb_fail(error, SIMBA_ERROR_ARGUMENT, "Label maps need a device, weights, data and an output directory.");
    bool fine = compile(&labeller, error);
    if (fine) {
        const struct sb_dataset_parameters parameters = {
            .path = options->data, .training = true, .channels = (int)labeller.config.channels};
        labeller.dataset = sb_dataset_open(&parameters, error);
        fine = labeller.dataset && check_keys(&labeller, error) && sb_make_directories(options->output, error) &&
               run(&labeller, error);
    }
    sb_inference_finish(&labeller.inference);
    sb_memory_destroy(labeller.memory);
    sb_parameter_list_finish(&labeller.list);
    sb_dataset_destroy(labeller.dataset);
    free(labeller.map.scores);
    free(labeller.map.classes);
    if (fine && result) *result = labeller.result;
    return fine;
}
