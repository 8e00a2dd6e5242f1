/* Changing an image's size: a separable triangle filter (bilinear), widened by the scale when shrinking so that nothing
 * aliases, with half-pixel centres; what PIL calls BILINEAR with reducing gap off. */
#ifndef SB_DATA_RESAMPLE_H
#define SB_DATA_RESAMPLE_H

#include "io/png.h"

/* uint8 [source_height, source_width, channels] to [height, width, channels]. Equal sizes are a plain copy. `scratch`
 * grows where it must. */
bool sb_resample(const uint8_t *source, int source_height, int source_width, uint8_t *pixels, int height, int width,
                 int channels, struct sb_buffer *scratch, struct simba_error *error);

#endif
