/* Labelled images, wherever they come from: uint8 [height, width, channels], all of one size, with a class each. */
#ifndef SB_DATA_DATASET_H
#define SB_DATA_DATASET_H

#include "io/png.h"

/* What one thread reads images with, used again from image to image; zeroed at first. */
struct sb_scratch {
    struct sb_buffer image, work;
};
void sb_scratch_finish(struct sb_scratch *scratch);

struct sb_dataset {
    int64_t count;
    int classes;
    const char *const *class_names; /* [classes] */
    int height, width, channels;    /* of every image */
    char description[256];          /* one line: what it is and where it lies */

    /* Image `index` and its class. `scratch` belongs to the calling thread. Safe from several threads at once. An error
     * names the image's file. */
    bool (*read)(const struct sb_dataset *dataset, int64_t index, uint8_t *pixels, int32_t *label,
                 struct sb_scratch *scratch, struct simba_error *error);
    void (*destroy)(struct sb_dataset *dataset);
};

/* Where the images are. Strings are copied. */
struct sb_dataset_parameters {
    /* A directory: an image folder (each sub-directory a class, sorted by name in byte order; PNG files at any depth
     * below it), or one with the IDX files of MNIST's kind. */
    const char *path;
    /* A pair of IDX files instead of `path`. */
    const char *images, *labels;
    /* A directory with IDX files: the train- or the t10k- pair. */
    bool training;
    /* Image folders: what every image is brought to (resampled where it differs). Required there. IDX files keep their
     * own size, and are an error when `channels` is given and differs. */
    int height, width, channels;
    /* The classes in their order, as the model knows them (evaluation); else they come from the directories, or are
     * "0", "1", ... up to the largest label. `classes` alone: a count without names, for IDX files. */
    const char *const *class_names;
    int classes;
};

/* NULL with *error set: nothing there, a class without an image, a label out of range, a broken IDX file. The content
 * of an image folder's files is looked at only when they are read. */
struct sb_dataset *sb_dataset_open(const struct sb_dataset_parameters *parameters, struct simba_error *error);
void sb_dataset_destroy(struct sb_dataset *dataset);

/* Has the directory a train- or t10k- pair of IDX files? */
bool sb_is_idx_directory(const char *path);

/* The implementations; sb_dataset_open chooses. */
struct sb_dataset *sb_image_folder_open(const struct sb_dataset_parameters *parameters, struct simba_error *error);
struct sb_dataset *sb_idx_dataset_open(const struct sb_dataset_parameters *parameters, struct simba_error *error);

#endif
