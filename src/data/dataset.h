/* Labelled images, wherever they come from: uint8 of the same number of channels, of any size, with a class each. */
#ifndef SB_DATA_DATASET_H
#define SB_DATA_DATASET_H

#include "io/image_file.h"

/* What one thread reads and transforms images with, used again from image to image; zeroed at first. */
struct sb_scratch {
    struct sb_buffer file, image, work, canvas;
};
void sb_scratch_finish(struct sb_scratch *scratch);

/* One image of a data set, opened. */
struct sb_sample {
    int64_t index;
    int32_t label;
    int width, height;
    char name[256];                /* of its file, or which image of which file; for messages, perhaps shortened */
    struct sb_image_source source; /* sets of files */
};

struct sb_dataset {
    int64_t count;
    int classes;
    const char *const *class_names; /* [classes] */
    int channels;
    char description[256]; /* one line: what it is and where it lies */

    /* In two steps, so that the part to be cut out is known before anything is decoded. open: image sample->index;
     * fills in the rest, the label and the name also where it fails. decode: at least `region`, reduced where a target
     * size allows it, as sb_image_file_decode does; *image may be memory of the scratch or of the data set. The
     * scratch belongs to the calling thread. Safe from several threads at once. An error names the image. */
    bool (*open)(const struct sb_dataset *dataset, struct sb_sample *sample, struct sb_scratch *scratch,
                 struct simba_error *error);
    bool (*decode)(const struct sb_dataset *dataset, const struct sb_sample *sample, struct sb_region region,
                   int target_width, int target_height, struct sb_scratch *scratch, struct sb_image *image,
                   struct sb_region *inside, struct simba_error *error);
    /* The path of an image relative to the data set, without its ending: what label maps are named after. Of an image
     * that a list names elsewhere: its whole path. Of a set in one file: the index as text. */
    void (*key)(const struct sb_dataset *dataset, int64_t index, char *key, size_t size);
    void (*destroy)(struct sb_dataset *dataset);
};

enum sb_dataset_format {
    SB_DATASET_AUTO, /* by what lies there */
    SB_DATASET_FOLDER,
    SB_DATASET_IDX,
    SB_DATASET_CIFAR10,
    SB_DATASET_CIFAR100,
    SB_DATASET_LIST
};

/* Where the images are. Strings are copied. */
struct sb_dataset_parameters {
    enum sb_dataset_format format;
    /* FOLDER: each sub-directory a class, sorted by name in byte order; JPEG and PNG files at any depth below it.
     * IDX: a directory with the files of MNIST's kind, train- or t10k-, gzipped or not.
     * CIFAR10, CIFAR100: a directory with the binary files (data_batch_1.bin ... test_batch.bin; train.bin, test.bin).
     * LIST: a text file, a path and a label on each line. */
    const char *path;
    /* A pair of IDX files instead of `path`. */
    const char *images, *labels;
    bool training; /* IDX, CIFAR: which of the files */
    int channels;  /* files are read with 1 or 3; the others keep their own, an error when it is given and differs */
    /* The classes in their order, as the model knows them (evaluation); else they come from the directories, or are
     * "0", "1", ... up to the largest label. `classes` alone: a count without names. */
    const char *const *class_names;
    int classes;
};

/* NULL with *error set: nothing there, a class without an image, a label out of range, a broken container. The content
 * of image files is looked at only when they are read. */
struct sb_dataset *sb_dataset_open(const struct sb_dataset_parameters *parameters, struct simba_error *error);
void sb_dataset_destroy(struct sb_dataset *dataset);

/* The implementations; sb_dataset_open chooses. */
struct sb_dataset *sb_image_folder_open(const struct sb_dataset_parameters *parameters, struct simba_error *error);
struct sb_dataset *sb_idx_dataset_open(const struct sb_dataset_parameters *parameters, struct simba_error *error);
struct sb_dataset *sb_cifar_dataset_open(const struct sb_dataset_parameters *parameters, struct simba_error *error);
struct sb_dataset *sb_list_dataset_open(const struct sb_dataset_parameters *parameters, struct simba_error *error);
bool sb_is_idx_directory(const char *path);
/* SB_DATASET_CIFAR10 or 100, or AUTO where the directory is neither. */
enum sb_dataset_format sb_cifar_directory(const char *path);

#endif
