/* Image files: JPEG and PNG, told apart by their first bytes, whatever their names say. */
#ifndef SB_IO_IMAGE_FILE_H
#define SB_IO_IMAGE_FILE_H

#include "base/memory.h"
#include "data/image.h"

#include <stdbool.h>

/* A file that was read but not decoded. */
struct sb_image_source {
    const char *path; /* of the caller */
    const uint8_t *bytes;
    size_t size;
    bool is_jpeg; /* else PNG */
    int width, height;
};

/* Has the name one of the endings .jpg, .jpeg and .png, in capitals or not? */
bool sb_is_image_name(const char *name);

/* Reads the file into `file` and looks at its header. */
bool sb_image_file_open(const char *path, struct sb_buffer *file, struct sb_image_source *source,
                        struct simba_error *error);

/* Decodes at least `region`, to 1 (grey) or 3 channels, as PIL's convert() does. With a target size, that which the
 * region is going to be resampled to, the decoder may reduce the image as long as it stays larger than the target; 0:
 * full resolution, the whole image. *image gets memory of `pixels`; *inside is the region in its coordinates. */
bool sb_image_file_decode(const struct sb_image_source *source, int channels, struct sb_region region, int target_width,
                          int target_height, struct sb_buffer *pixels, struct sb_image *image, struct sb_region *inside,
                          struct simba_error *error);

#endif
