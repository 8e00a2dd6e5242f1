/* What data sets of image files have in common; image_folder.c and list_dataset.c say which files and classes. */
#ifndef SB_DATA_FILE_DATASET_H
#define SB_DATA_FILE_DATASET_H

#include "data/dataset.h"

struct sb_file_entry {
    const char *path;
    int32_t label;
};

struct sb_file_dataset {
    struct sb_dataset base;
    struct sb_pool pool; /* of paths and names */
    const char *root;    /* the directory of the set, with its slash; NULL: none */
    struct sb_file_entry *entries;
    int64_t capacity;
};

/* Empty, with the functions of `base` in place; NULL with *error set. */
struct sb_file_dataset *sb_file_dataset_create(const struct sb_dataset_parameters *parameters,
                                               struct simba_error *error);
/* `path` belongs to the pool. */
bool sb_file_dataset_add(struct sb_file_dataset *dataset, const char *path, int32_t label, struct simba_error *error);

#endif
