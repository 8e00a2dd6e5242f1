/* A directory with the binary files of CIFAR-10 or CIFAR-100. */
#include "base/file.h"
#include "data/packed_dataset.h"
#include "io/cifar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct cifar_dataset {
    struct sb_packed_dataset packed;
    struct sb_cifar images; /* ours to free */
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
    sb_cifar_finish(&dataset->images);
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
        if (!sb_cifar_read(path, hundred, &dataset->images, error)) return false;
    }
    return name_classes(dataset, parameters, hundred, error);
}

struct sb_dataset *sb_cifar_dataset_open(const struct sb_dataset_parameters *parameters, struct simba_error *error) {
    const bool hundred = parameters->format == SB_DATASET_CIFAR100;
    const int classes = hundred ? 100 : 10;
    if (parameters->channels != 0 && parameters->channels != SB_CIFAR_CHANNELS) {
        sb_fail(error, SIMBA_ERROR_CONFIG, "%s: its images have %d channels, the configuration says %d.",
                parameters->path, SB_CIFAR_CHANNELS, parameters->channels);
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
    base->channels = SB_CIFAR_CHANNELS;
    sb_packed_dataset_start(&dataset->packed);
    base->destroy = destroy;
    if (!load(dataset, parameters, hundred, error)) {
        destroy(base);
        return NULL;
    }
    base->count = dataset->images.count;
    dataset->packed.pixels = dataset->images.pixels;
    dataset->packed.labels = dataset->images.labels;
    dataset->packed.height = dataset->packed.width = SB_CIFAR_SIDE;
    snprintf(base->description, sizeof base->description, "%lld images of CIFAR-%d, %s, from %.160s",
             (long long)base->count, classes, parameters->training ? "training" : "test", parameters->path);
    return base;
}
