/* What data sets of equal images in memory have in common; cifar_dataset.c and idx_dataset.c say where they come from.
 */
#ifndef SB_DATA_PACKED_DATASET_H
#define SB_DATA_PACKED_DATASET_H

#include "data/dataset.h"

struct sb_packed_dataset {
    struct sb_dataset base;
    struct sb_pool pool;   /* of names */
    const uint8_t *pixels; /* [count, height, width, base.channels] */
    const uint8_t *labels; /* [count] */
    int height, width;
};

/* Puts the functions of `base` in place, but for `destroy`: whoever has the memory frees it. */
void sb_packed_dataset_start(struct sb_packed_dataset *dataset);

#endif
