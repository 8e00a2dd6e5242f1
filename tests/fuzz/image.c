/* PNG and JPEG files, whole and in parts, in colour and in grey. */
#include "fuzz.h"

#include "io/image_file.h"

#include <math.h>

static void decode(const struct sb_image_source *source, int channels, struct sb_region region, int side) {
    static struct sb_buffer pixels; /* as a loader's thread uses it again */
    struct simba_error error = {0};
    struct sb_image image;
    struct sb_region inside;
    if (!sb_image_file_decode(source, channels, region, side, side, &pixels, &image, &inside, &error)) {
        fuzz_refused(&error, source->path);
        return;
    }
    fuzz_expect(image.channels == channels && image.width > 0 && image.height > 0, "an image");
    fuzz_touch(image.pixels, (size_t)image.width * (size_t)image.height * (size_t)channels);
    fuzz_expect(inside.left >= 0 && inside.top >= 0 && inside.left + inside.width <= image.width &&
                    inside.top + inside.height <= image.height,
                "the region lies in the image");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static struct sb_buffer file;
    const char *path = fuzz_file(bytes, size);
    struct simba_error error = {0};
    struct sb_image_source source;
    if (!sb_image_file_open(path, &file, &source, &error)) {
        fuzz_refused(&error, path);
        return 0;
    }
    fuzz_expect(source.width > 0 && source.height > 0, "an image with pixels");
    const double width = source.width, height = source.height;
    const struct sb_region whole = {0, 0, width, height};
    const struct sb_region part = {floor(width / 3), floor(height / 4), ceil(width / 2), ceil(height / 2)};
    decode(&source, 3, whole, 0);
    decode(&source, 1, whole, 0);
    decode(&source, 3, part, 1 + source.height % 7);
    decode(&source, 1, (struct sb_region){width / 2, height / 2, width / 2, height / 2}, 16);
    return 0;
}
