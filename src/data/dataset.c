#include "data/dataset.h"

#include <stdlib.h>
#include <sys/stat.h>

void sb_scratch_finish(struct sb_scratch *scratch) {
    free(scratch->file.bytes);
    free(scratch->image.bytes);
    free(scratch->work.bytes);
    free(scratch->canvas.bytes);
    *scratch = (struct sb_scratch){0};
}

static bool is_file(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

static enum sb_dataset_format recognise(const char *path) {
    if (!path || sb_is_idx_directory(path)) return SB_DATASET_IDX;
    const enum sb_dataset_format cifar = sb_cifar_directory(path);
    if (cifar != SB_DATASET_AUTO) return cifar;
    return is_file(path) ? SB_DATASET_LIST : SB_DATASET_FOLDER;
}

struct sb_dataset *sb_dataset_open(const struct sb_dataset_parameters *parameters, struct simba_error *error) {
    if ((parameters->path != NULL) == (parameters->images != NULL && parameters->labels != NULL)) {
        sb_fail(error, SIMBA_ERROR_ARGUMENT,
                "A data set needs either a directory, or a file of images and a file of labels.");
        return NULL;
    }
    struct sb_dataset_parameters known = *parameters;
    if (known.format == SB_DATASET_AUTO) known.format = recognise(known.path);
    switch (known.format) {
    case SB_DATASET_IDX:
        return sb_idx_dataset_open(&known, error);
    case SB_DATASET_CIFAR10:
    case SB_DATASET_CIFAR100:
        return sb_cifar_dataset_open(&known, error);
    case SB_DATASET_LIST:
        return sb_list_dataset_open(&known, error);
    case SB_DATASET_AUTO:
    case SB_DATASET_FOLDER:
        break;
    }
    return sb_image_folder_open(&known, error);
}

void sb_dataset_destroy(struct sb_dataset *dataset) {
    if (dataset) dataset->destroy(dataset);
}
