/* Scaling images, with antialiasing, as PIL's Image.resize does: the same pixels, bit for bit. */
#ifndef SB_DATA_RESAMPLE_H
#define SB_DATA_RESAMPLE_H

#include "base/memory.h"
#include "data/image.h"

#include <stdbool.h>

enum sb_filter {
    SB_FILTER_BILINEAR, /* a triangle of one source or target pixel to each side, whichever is larger */
    SB_FILTER_BICUBIC   /* Keys' cubic with a = -0.5, of two */
};

/* `region` of the source, taken as an image of its own (as by PIL's crop, which lets nothing around it in), becomes an
 * image of `width` x `height`, of which the window of `pixels` is computed. */
struct sb_resampling {
    struct sb_region region;
    enum sb_filter filter;
    int width, height; /* of the whole result */
    int left, top;     /* where the window lies in it */
};

/* Fills uint8 [window_height, window_width, source->channels]. Weights are fixed-point numbers of 22 bits; first the
 * rows are scaled, then the columns, with 8 bits between. `work` grows where it must. */
bool sb_resample(const struct sb_image *source, const struct sb_resampling *resampling, uint8_t *pixels,
                 int window_width, int window_height, struct sb_buffer *work, struct simba_error *error);

#endif
