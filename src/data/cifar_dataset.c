/* The binary files of CIFAR-10 and CIFAR-100 (Krizhevsky 2009): one byte of label (CIFAR-100: a coarse one, then the
 * fine one, which is used), then the red, the green and the blue plane of 32 x 32 bytes. */
#include "base/file.h"
#include "data/packed_dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIDE = 32, PLANE = SIDE * SIDE, PIXELS = 3 * PLANE };

struct cifar_dataset {
    struct sb_packed_dataset packed;
    uint8_t *pixels, *labels; /* ours to free */
};

static const char *const training_files[2][6] = {
    {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin", NULL},
    {"train.bin", NULL}};
static const char *const test_files[2][2] = {{"test_batch.bin", NULL}, {"test.bin", NULL}};
static const char *const ten_names[10] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                          "dog",      "frog",       "horse", "ship", "truck"};
static const char *const name_files[2] = {"batches.meta.txt", "fine_label_names.txt"};

static bool has(const char *directory, const char *name) {
    char path[4096];
    const int length = snprintf(path, sizeof path, "%s/%s", directory, name);
    return length > 0 && (size_t)length < sizeof path && access(path, F_OK) == 0;
}

enum sb_dataset_format sb_cifar_directory(const char *path) {
    if (has(path, "data_batch_1.bin") || has(path, "test_batch.bin")) return SB_DATASET_CIFAR10;
    if (has(path, "train.bin") || has(path, "test.bin")) return SB_DATASET_CIFAR100;
    return SB_DATASET_AUTO;
}

static bool read_file(struct cifar_dataset *dataset, bool fine_labels, const char *path, struct simba_error *error) {
    const size_t record = (fine_labels ? 2 : 1) + PIXELS;
    uint8_t *bytes;
    size_t size;
    if (!sb_read_file(path, 0, &bytes, &size, error)) return false;
    const size_t count = size / record, before = (size_t)dataset->packed.base.count;
    bool fine = size > 0 && size % record == 0;
    if (!fine)
        sb_fail(error, SIMBA_ERROR_FORMAT,
                "%s: %zu bytes are no whole number of images of %zu bytes; the file is cut short or of another kind.",
                path, size, record);
    uint8_t *pixels = fine ? realloc(dataset->pixels, (before + count) * PIXELS) : NULL;
    if (pixels) dataset->pixels = pixels;
    uint8_t *labels = pixels ? realloc(dataset->labels, before + count) : NULL;
    if (labels) dataset->labels = labels;
    if (fine && !labels)
        fine = sb_fail(error, SIMBA_ERROR_MEMORY, "The host has no memory for the images of %s.", path);
    for (size_t i = 0; fine && i < count; i++) {
        const uint8_t *from = bytes + i * record + record - PIXELS;
        uint8_t *to = dataset->pixels + (before + i) * PIXELS;
        dataset->labels[before + i] = from[-1];
        for (int p = 0; p < PLANE; p++)
            for (int c = 0; c < 3; c++) to[3 * p + c] = from[c * PLANE + p];
        if (from[-1] >= dataset->packed.base.classes)
            fine = sb_fail(error, SIMBA_ERROR_FORMAT, "%s: label %d of image %zu; from 0 to %d are expected.", path,
                           from[-1], i, dataset->packed.base.classes - 1);
    }
    if (fine) dataset->packed.base.count += (int64_t)count;
    free(bytes);
    return fine;
}

/* The names that are given, those of the set's own file, those that are known, or numbers. */
static bool name_classes(struct cifar_dataset *dataset, const struct sb_dataset_parameters *parameters, bool hundred,
                         struct simba_error *error) {
    const int classes = dataset->packed.base.classes;
    const char **names = sb_pool_allocate(&dataset->packed.pool, (size_t)classes * sizeof *names, error);
    if (!names) return false;
    char path[4096];
    const int length = snprintf(path, sizeof path, "%s/%s", parameters->path, name_files[hundred]);
    uint8_t *text = NULL;
    size_t size;
    if (!parameters->class_names && length < (int)sizeof path && access(path, F_OK) == 0 &&
        !sb_read_file(path, 1 << 20, &text, &size, error))
        return false;
    char *rest = NULL, *line = text ? strtok_r((char *)text, "\r\n", &rest) : NULL;
    bool fine = true;
    for (int i = 0; fine && i < classes; i++) {
        names[i] = parameters->class_names
                       ? sb_pool_format(&dataset->packed.pool, error, "%s", parameters->class_names[i])
                   : line              ? sb_pool_format(&dataset->packed.pool, error, "%s", line)
                   : !hundred && !text ? ten_names[i]
                                       : sb_pool_format(&dataset->packed.pool, error, "%d", i);
        fine = names[i];
        if (line) line = strtok_r(NULL, "\r\n", &rest);
        if (fine && text && !line != (i + 1 == classes))
            fine = sb_fail(error, SIMBA_ERROR_FORMAT, "%s: %s than %d names of classes. Repair or remove the file.",
                           path, line ? "more" : "fewer", classes);
    }
    free(text);
    dataset->packed.base.class_names = names;
    return fine;
}

static void destroy(struct sb_dataset *base) {
    struct cifar_dataset *dataset = (struct cifar_dataset *)base;
    sb_pool_finish(&dataset->packed.pool);
    free(dataset->pixels);
    free(dataset->labels);
    free(dataset);
}

static bool load(struct cifar_dataset *dataset, const struct sb_dataset_parameters *parameters, bool hundred,
                 struct simba_error *error) {
    const char *const *files = parameters->training ? training_files[hundred] : test_files[hundred];
    for (int i = 0; files[i]; i++) {
        char path[4096];
        const int length = snprintf(path, sizeof path, "%s/%s", parameters->path, files[i]);
        if (length >= (int)sizeof path)
            return sb_fail(error, SIMBA_ERROR_FILE, "The name of the directory %.80s... is too long.",
                           parameters->path);
        if (!read_file(dataset, hundred, path, error)) return false;
    }
    return name_classes(dataset, parameters, hundred, error);
}

struct sb_dataset *sb_cifar_dataset_open(const struct sb_dataset_parameters *parameters, struct simba_error *error) {
    const bool hundred = parameters->format == SB_DATASET_CIFAR100;
    const int classes = hundred ? 100 : 10;
    if (parameters->channels != 0 && parameters->channels != 3) {
        sb_fail(error, SIMBA_ERROR_CONFIG, "%s: its images have 3 channels, the configuration says %d.",
                parameters->path, parameters->channels);
        return NULL;
    }
    if (parameters->classes != 0 && parameters->classes != classes) {
        sb_fail(error, SIMBA_ERROR_CONFIG, "%s: it has %d classes, %d are configured.", parameters->path, classes,
                parameters->classes);
        return NULL;
    }
    struct cifar_dataset *dataset = sb_allocate(1, sizeof *dataset, error);
    if (!dataset) return NULL;
    struct sb_dataset *base = &dataset->packed.base;
    base->classes = classes;
    base->channels = 3;
    sb_packed_dataset_start(&dataset->packed);
    base->destroy = destroy;
    if (!load(dataset, parameters, hundred, error)) {
        destroy(base);
        return NULL;
    }
    dataset->packed.pixels = dataset->pixels;
    dataset->packed.labels = dataset->labels;
    dataset->packed.height = dataset->packed.width = SIDE;
    snprintf(base->description, sizeof base->description, "%lld images of CIFAR-%d, %s, from %.160s",
             (long long)base->count, classes, parameters->training ? "training" : "test", parameters->path);
    return base;
}
