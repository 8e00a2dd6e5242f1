/* What augmentation does to images: PIL's ImageOps, ImageEnhance and affine transform on uint8 images of 1 or 3
 * channels, the same pixels bit for bit. Operations work in place unless they say otherwise. */
#ifndef SB_DATA_IMAGE_OPERATIONS_H
#define SB_DATA_IMAGE_OPERATIONS_H

#include "data/resample.h"

/* Every channel's darkest value becomes 0, its brightest 255. */
void sb_image_autocontrast(struct sb_image *image);
/* Every channel's values are spread so that they are equally frequent. */
void sb_image_equalize(struct sb_image *image);
void sb_image_invert(struct sb_image *image);
/* Keeps the upper `bits` of each value; 8 and more: nothing happens. */
void sb_image_posterize(struct sb_image *image, int bits);
/* Inverts values from `threshold` on. */
void sb_image_solarize(struct sb_image *image, int threshold);
/* Adds to values below 128. */
void sb_image_solarize_add(struct sb_image *image, int addend);

/* A blend of the image (factor 1) and: its grey values; its mean grey; black; a smoothed copy, for which `work` grows.
 * Factors beyond [0, 1] extrapolate. */
void sb_image_colour(struct sb_image *image, float factor);
void sb_image_contrast(struct sb_image *image, float factor);
void sb_image_brightness(struct sb_image *image, float factor);
bool sb_image_sharpness(struct sb_image *image, float factor, struct sb_buffer *work, struct simba_error *error);

void sb_image_flip(struct sb_image *image); /* left and right exchanged */

/* pixel (x, y) <- image(m0 x + m1 y + m2, m3 x + m4 y + m5), pixel centres at halves; `fill` [channels] where that
 * lies outside. `work` grows. */
bool sb_image_affine(struct sb_image *image, const double matrix[6], enum sb_filter filter, const uint8_t *fill,
                     struct sb_buffer *work, struct simba_error *error);
/* The matrix that rotates counter-clockwise about the centre, as PIL rounds it. */
void sb_rotation_matrix(const struct sb_image *image, double degrees, double matrix[6]);

#endif
