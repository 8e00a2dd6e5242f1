#include "data/dataset.h"

#include <stdlib.h>
#include <sys/stat.h>

void sb_scratch_finish(struct sb_scratch *scratch) {
    free(scratch->image.bytes);
    free(scratch->work.bytes);
    *scratch = (struct sb_scratch){0};
}

struct sb_dataset *sb_dataset_open(const struct sb_dataset_parameters *parameters, struct simba_error *error) {
    if ((parameters->path != NULL) == (parameters->images != NULL && parameters->labels != NULL)) {
        sb_fail(error, SIMBA_ERROR_ARGUMENT,
                "A data set needs either a directory, or a file of images and a file of labels.");
        return NULL;
    }
    if (!parameters->path || sb_is_idx_directory(parameters->path)) return sb_idx_dataset_open(parameters, error);
    return sb_image_folder_open(parameters, error);
}

void sb_dataset_destroy(struct sb_dataset *dataset) {
    if (dataset) dataset->destroy(dataset);
}
