/* What an image goes through before the model sees it in evaluation: scaled until its shorter side (in proportion to
 * the model's) is floor(size / crop_fraction), then the middle cut out. The same pixels as torchvision's Resize and
 * CenterCrop on PIL images, for square models; an image of the model's size stays as it is when the fraction is 1. */
#ifndef SB_DATA_EVALUATION_TRANSFORM_H
#define SB_DATA_EVALUATION_TRANSFORM_H

#include "data/resample.h"

struct sb_evaluation_transform {
    int height, width;    /* of the model's images */
    double crop_fraction; /* in (0, 1]: the share of each side that is kept; 0: 1 */
    enum sb_filter filter;
    bool whole; /* each side is scaled to the model's, in proportion or not, and nothing is cut off */
};

/* Fills uint8 [height, width, image->channels]. */
bool sb_transform_for_evaluation(const struct sb_evaluation_transform *transform, const struct sb_image *image,
                                 uint8_t *pixels, struct sb_buffer *work, struct simba_error *error);

#endif
