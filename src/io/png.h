/* PNG images, through libpng. */
#ifndef SB_IO_PNG_H
#define SB_IO_PNG_H

#include "base/memory.h"
#include "data/image.h"

#include <stdbool.h>

bool sb_is_png(const uint8_t *bytes, size_t size);

/* The size that the header tells. `path` is for messages. */
bool sb_png_size(const char *path, const uint8_t *bytes, size_t size, int *width, int *height,
                 struct simba_error *error);

/* Decodes a file's bytes to 1 channel (grey) or 3 (red, green, blue), into memory of `pixels`, which grows where it
 * must. Any PNG is accepted: palettes are looked up, of 16 bits the upper 8 are taken, and as in PIL's convert()
 * transparency is dropped, grey repeated and colour weighed to grey with sb_grey. (Where PIL clips 16-bit grey at 255,
 * a white image, the upper 8 bits are taken as well.) No gamma correction. */
bool sb_png_decode(const char *path, const uint8_t *bytes, size_t size, int channels, struct sb_buffer *pixels,
                   struct sb_image *image, struct simba_error *error);

/* Writes uint8 [height, width, channels], channels 1 or 3; atomic. */
bool sb_png_write(const char *path, const uint8_t *pixels, int height, int width, int channels,
                  struct simba_error *error);

#endif
