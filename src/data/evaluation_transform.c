#include "data/evaluation_transform.h"

#include <math.h>

/* Python's round(), which torchvision centres with: halves to the even number. */
static int half(int size) {
    return (int)nearbyint(size / 2.0);
}

bool sb_transform_for_evaluation(const struct sb_evaluation_transform *transform, const struct sb_image *image,
                                 uint8_t *pixels, struct sb_buffer *work, struct simba_error *error) {
    const double fraction = transform->crop_fraction > 0 ? transform->crop_fraction : 1;
    int height = (int)floor(transform->height / fraction), width = (int)floor(transform->width / fraction);
    /* One side is scaled to its size, the other as the proportion wants it, rounded down; it covers the crop. */
    if (transform->whole)
        height = transform->height, width = transform->width;
    else if ((int64_t)image->width * height <= (int64_t)image->height * width)
        height = (int)((int64_t)width * image->height / image->width);
    else
        width = (int)((int64_t)height * image->width / image->height);
    const struct sb_resampling resampling = {.region = {0, 0, image->width, image->height},
                                             .filter = transform->filter,
                                             .width = width,
                                             .height = height,
                                             .left = half(width - transform->width),
                                             .top = half(height - transform->height)};
    return sb_resample(image, &resampling, pixels, transform->width, transform->height, work, error);
}
