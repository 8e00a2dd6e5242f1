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

/* Red, green and blue weighed by BT.601, in PIL's fixed-point form. */
static inline uint8_t sb_grey(const uint8_t colour[3]) {
    return (uint8_t)((colour[0] * 19595u + colour[1] * 38470u + colour[2] * 7471u + 0x8000u) >> 16);
}

/* A rectangle in pixels of an image; may begin and end within a pixel. */
struct sb_region {
    double left, top, width, height;
};

#endif
