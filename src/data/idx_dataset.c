#include "data/packed_dataset.h"

#include "io/idx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct idx_dataset {
    struct sb_packed_dataset packed;
    struct sb_idx images, labels; /* whole, in memory */
};

/* Finds DIRECTORY/NAME or DIRECTORY/NAME.gz. */
static bool find_file(const char *directory, const char *name, char path[static 4096]) {
    for (int compressed = 0; compressed < 2; compressed++) {
        int length = snprintf(path, 4096, "%s/%s%s", directory, name, compressed ? ".gz" : "");
        if (length > 0 && length < 4096 && access(path, F_OK) == 0) return true;
    }
    return false;
}

static const char *const set_names[2] = {"t10k", "train"};

bool sb_is_idx_directory(const char *path) {
    char found[4096], name[64];
    for (int training = 0; training < 2; training++) {
        snprintf(name, sizeof name, "%s-images-idx3-ubyte", set_names[training]);
        if (find_file(path, name, found)) return true;
    }
    return false;
}

static bool find_pair(const char *directory, bool training, char images[static 4096], char labels[static 4096],
                      struct simba_error *error) {
    char names[2][64];
    snprintf(names[0], sizeof names[0], "%s-images-idx3-ubyte", set_names[training]);
    snprintf(names[1], sizeof names[1], "%s-labels-idx1-ubyte", set_names[training]);
    for (int i = 0; i < 2; i++)
        if (!find_file(directory, names[i], i == 0 ? images : labels))
            return sb_fail(error, SIMBA_ERROR_FILE, "%s: expected %s or %s.gz there, found neither.", directory,
                           names[i], names[i]);
    return true;
}

static void destroy(struct sb_dataset *base) {
    struct idx_dataset *dataset = (struct idx_dataset *)base;
    sb_idx_finish(&dataset->images);
    sb_idx_finish(&dataset->labels);
    sb_pool_finish(&dataset->packed.pool);
    free(dataset);
}

static bool name_classes(struct idx_dataset *dataset, const struct sb_dataset_parameters *parameters,
                         const char *labels, struct simba_error *error) {
    int largest = 0;
    int64_t where = 0;
    for (int64_t i = 0; i < dataset->packed.base.count; i++)
        if (dataset->labels.bytes[i] > largest) largest = dataset->labels.bytes[i], where = i;
    dataset->packed.base.classes = parameters->classes > 0 ? parameters->classes : largest + 1;
    if (largest >= dataset->packed.base.classes)
        return sb_fail(error, SIMBA_ERROR_FORMAT,
                       "%s: label %lld is %d; with %d classes, labels from 0 to %d are expected.", labels,
                       (long long)where, largest, dataset->packed.base.classes, dataset->packed.base.classes - 1);
    const char **names =
        sb_pool_allocate(&dataset->packed.pool, sizeof(char *) * (size_t)dataset->packed.base.classes, error);
    if (!names) return false;
    for (int i = 0; i < dataset->packed.base.classes; i++) {
        names[i] = parameters->class_names
                       ? sb_pool_format(&dataset->packed.pool, error, "%s", parameters->class_names[i])
                       : sb_pool_format(&dataset->packed.pool, error, "%d", i);
        if (!names[i]) return false;
    }
    dataset->packed.base.class_names = names;
    return true;
}

static bool load(struct idx_dataset *dataset, const struct sb_dataset_parameters *parameters, const char *images,
                 const char *labels, struct simba_error *error) {
    if (!sb_idx_read(images, &dataset->images, error) || !sb_idx_read(labels, &dataset->labels, error)) return false;
    const struct sb_idx *idx = &dataset->images;
    if (idx->rank < 3)
        return sb_fail(error, SIMBA_ERROR_FORMAT,
                       "%s: it has %d dimensions; images need 3 (count, height, width) or 4 (and channels).", images,
                       idx->rank);
    if (dataset->labels.rank != 1)
        return sb_fail(error, SIMBA_ERROR_FORMAT, "%s: it has %d dimensions; labels have 1.", labels,
                       dataset->labels.rank);
    if (idx->shape[0] != dataset->labels.shape[0])
        return sb_fail(error, SIMBA_ERROR_FORMAT, "%s holds %lld images, %s %lld labels; they do not belong together.",
                       images, (long long)idx->shape[0], labels, (long long)dataset->labels.shape[0]);
    if (idx->size == 0) return sb_fail(error, SIMBA_ERROR_FORMAT, "%s: there is no image in it.", images);
    int64_t channels = idx->rank == 4 ? idx->shape[3] : 1;
    if (idx->shape[1] > SB_LARGEST_IMAGE_SIDE || idx->shape[2] > SB_LARGEST_IMAGE_SIDE || channels > 16)
        return sb_fail(error, SIMBA_ERROR_UNSUPPORTED,
                       "%s: images of %lld x %lld with %lld channels; at most %d x %d with 16 are read.", images,
                       (long long)idx->shape[1], (long long)idx->shape[2], (long long)channels, SB_LARGEST_IMAGE_SIDE,
                       SB_LARGEST_IMAGE_SIDE);
    if (parameters->channels > 0 && channels != parameters->channels)
        return sb_fail(error, SIMBA_ERROR_CONFIG, "%s: its images have %lld channels, the configuration says %d.",
                       images, (long long)channels, parameters->channels);
    dataset->packed.base.count = idx->shape[0];
    dataset->packed.base.channels = (int)channels;
    dataset->packed.pixels = idx->bytes;
    dataset->packed.labels = dataset->labels.bytes;
    dataset->packed.height = (int)idx->shape[1];
    dataset->packed.width = (int)idx->shape[2];
    return name_classes(dataset, parameters, labels, error);
}

struct sb_dataset *sb_idx_dataset_open(const struct sb_dataset_parameters *parameters, struct simba_error *error) {
    char images[4096], labels[4096];
    if (parameters->path) {
        if (!find_pair(parameters->path, parameters->training, images, labels, error)) return NULL;
    } else {
        snprintf(images, sizeof images, "%s", parameters->images);
        snprintf(labels, sizeof labels, "%s", parameters->labels);
    }
    struct idx_dataset *dataset = sb_allocate(1, sizeof *dataset, error);
    if (!dataset) return NULL;
    sb_packed_dataset_start(&dataset->packed);
    dataset->packed.base.destroy = destroy;
    if (!load(dataset, parameters, images, labels, error)) {
        destroy(&dataset->packed.base);
        return NULL;
    }
    struct sb_dataset *base = &dataset->packed.base;
    snprintf(base->description, sizeof base->description, "%lld images of %d x %d x %d, %d classes, from %.160s",
             (long long)base->count, dataset->packed.height, dataset->packed.width, base->channels, base->classes,
             images);
    return base;
}
