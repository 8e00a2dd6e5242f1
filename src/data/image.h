/* A decoded image, and a part of one. */
#ifndef SB_DATA_IMAGE_H
#define SB_DATA_IMAGE_H

#include <stdint.h>

enum { SB_LARGEST_IMAGE_SIDE = 16384 };

/* uint8 [height, width, channels], dense, rows from the top. Whoever made it says who owns the pixels. */
struct sb_image {
    uint8_t *pixels;
    int width, height, channels;
};

/* A rectangle in pixels of an image; may begin and end within a pixel. */
struct sb_region {
    double left, top, width, height;
};

#endif
