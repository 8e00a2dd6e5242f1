/* What training does to an image before the model sees it, on uint8 [height, width, channels]. */
#ifndef SB_DATA_AUGMENT_H
#define SB_DATA_AUGMENT_H

#include "base/random.h"

#include <stdbool.h>

struct sb_image_size {
    int height, width, channels;
};

struct sb_augmentation {
    int pad;      /* pixels added on each side before a crop is taken at a random place */
    bool reflect; /* the padding mirrors the image (without its border row); else it is zero */
    double flip;  /* probability of a horizontal flip */
};

/* A random crop of the padded image, flipped or not, of size `height` x `width`. Where the padded image is smaller than
 * that it lies in the middle, with zeros (or its mirror image) around. The result depends on `random` alone. */
void sb_augment(const struct sb_augmentation *augmentation, struct sb_random random, const uint8_t *source,
                struct sb_image_size size, uint8_t *pixels, int height, int width);

/* For evaluation: the middle of the image, padded with zeros or cropped to the wanted size. An odd pixel of padding
 * goes to the end, an odd pixel of cropping is cut there. */
void sb_center(const uint8_t *source, struct sb_image_size size, uint8_t *pixels, int height, int width);

#endif
