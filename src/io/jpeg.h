/* JPEG images, through libjpeg(-turbo). Pixels are those that PIL gives for convert("RGB") or convert("L"): the exact
 * (slow integer) transform, smooth upsampling of the colours, Adobe's inverted CMYK. As in PIL and torchvision the
 * orientation that a camera wrote into EXIF is not applied. */
#ifndef SB_IO_JPEG_H
#define SB_IO_JPEG_H

#include "base/memory.h"
#include "data/image.h"

#include <stdbool.h>

bool sb_is_jpeg(const uint8_t *bytes, size_t size);

/* The size that the header tells. `path` is for messages. */
bool sb_jpeg_size(const char *path, const uint8_t *bytes, size_t size, int *width, int *height,
                  struct simba_error *error);

/* Decodes at least `region`. `reduction` 1, 2, 4 or 8 halves both sides once, twice or thrice (rounded up) in the
 * frequency domain, at a fraction of the cost. *image gets 1 or 3 channels and memory of `pixels`; *inside is the
 * region in its coordinates. With reduction 1 the pixels inside do not depend on the region, but for the column at
 * each side, whose colours are upsampled without their neighbours. */
bool sb_jpeg_decode(const char *path, const uint8_t *bytes, size_t size, int channels, struct sb_region region,
                    int reduction, struct sb_buffer *pixels, struct sb_image *image, struct sb_region *inside,
                    struct simba_error *error);

#endif
