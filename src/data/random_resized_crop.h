/* The random crop of Inception's training (Szegedy et al. 2015) as torchvision and timm draw it. */
#ifndef SB_DATA_RANDOM_RESIZED_CROP_H
#define SB_DATA_RANDOM_RESIZED_CROP_H

#include "base/random.h"
#include "data/image.h"

/* A rectangle of whole pixels in an image of width x height: its share of the area is uniform in [scale[0], scale[1]],
 * the logarithm of width / height uniform in those of [ratio[0], ratio[1]], its place uniform. After ten draws that do
 * not fit: the largest middle part with a permitted ratio. */
struct sb_region sb_random_resized_crop(struct sb_random *random, int width, int height, const double scale[2],
                                        const double ratio[2]);

#endif
