/* PNG images, through libpng. */
#ifndef SB_IO_PNG_H
#define SB_IO_PNG_H

#include "base/memory.h"

enum { SB_PNG_LARGEST_SIDE = 16384 };

/* Red, green and blue weighed by BT.601, in PIL's fixed-point form. */
uint8_t sb_grey(const uint8_t colour[3]);

/* Decodes a file to uint8 [height, width, channels], channels 1 (grey) or 3 (red, green, blue), into `pixels`, which
 * grows where it must. Any PNG is accepted: palettes are looked up, 16 bits are scaled to 8, and as in PIL's convert()
 * transparency is dropped, grey repeated and colour weighed to grey with sb_grey. Sample values are taken as
 * they are, without gamma correction. */
bool sb_png_read(const char *path, int channels, struct sb_buffer *pixels, int *height, int *width,
                 struct simba_error *error);

/* Writes uint8 [height, width, channels], channels 1 or 3; atomic. */
bool sb_png_write(const char *path, const uint8_t *pixels, int height, int width, int channels,
                  struct simba_error *error);

#endif
