#include "data/file_dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool sb_file_dataset_add(struct sb_file_dataset *dataset, const char *path, int32_t label, struct simba_error *error) {
    if (dataset->base.count == dataset->capacity) {
        int64_t capacity = dataset->capacity ? dataset->capacity * 2 : 1024;
        struct sb_file_entry *larger = realloc(dataset->entries, (size_t)capacity * sizeof *larger);
        if (!larger) return sb_fail(error, SIMBA_ERROR_MEMORY, "The host has no memory for the list of images.");
        dataset->entries = larger;
        dataset->capacity = capacity;
    }
    dataset->entries[dataset->base.count++] = (struct sb_file_entry){path, label};
    return true;
}

static bool open_sample(const struct sb_dataset *base, struct sb_sample *sample, struct sb_scratch *scratch,
                        struct simba_error *error) {
    const struct sb_file_entry *entry = &((const struct sb_file_dataset *)base)->entries[sample->index];
    const size_t length = strlen(entry->path), room = sizeof sample->name;
    sample->label = entry->label;
    /* The end of a long path tells more than its beginning. */
    snprintf(sample->name, room, "%s%s", length < room ? "" : "...",
             length < room ? entry->path : entry->path + length - room + 4);
    if (!sb_image_file_open(entry->path, &scratch->file, &sample->source, error)) return false;
    sample->width = sample->source.width;
    sample->height = sample->source.height;
    return true;
}

static bool decode_sample(const struct sb_dataset *base, const struct sb_sample *sample, struct sb_region region,
                          int target_width, int target_height, struct sb_scratch *scratch, struct sb_image *image,
                          struct sb_region *inside, struct simba_error *error) {
    return sb_image_file_decode(&sample->source, base->channels, region, target_width, target_height, &scratch->image,
                                image, inside, error);
}

static void write_key(const struct sb_dataset *base, int64_t index, char *key, size_t size) {
    const struct sb_file_dataset *dataset = (const struct sb_file_dataset *)base;
    const char *path = dataset->entries[index].path;
    const size_t root = dataset->root ? strlen(dataset->root) : 0;
    /* A list may name images that lie elsewhere: they keep their whole path. */
    snprintf(key, size, "%s", root && strncmp(path, dataset->root, root) == 0 ? path + root : path);
    char *name = strrchr(key, '/');
    char *ending = strchr(name ? name : key, '.');
    if (ending) *ending = '\0';
}

static void destroy(struct sb_dataset *base) {
    struct sb_file_dataset *dataset = (struct sb_file_dataset *)base;
    sb_pool_finish(&dataset->pool);
    free(dataset->entries);
    free(dataset);
}

struct sb_file_dataset *sb_file_dataset_create(const struct sb_dataset_parameters *parameters,
                                               struct simba_error *error) {
    if (parameters->channels != 1 && parameters->channels != 3) {
        sb_fail(error, SIMBA_ERROR_CONFIG, "%s: image files are read with 1 or 3 channels; %d are configured.",
                parameters->path, parameters->channels);
        return NULL;
    }
    struct sb_file_dataset *dataset = sb_allocate(1, sizeof *dataset, error);
    if (!dataset) return NULL;
    dataset->base.channels = parameters->channels;
    dataset->base.open = open_sample;
    dataset->base.decode = decode_sample;
    dataset->base.key = write_key;
    dataset->base.destroy = destroy;
    return dataset;
}
