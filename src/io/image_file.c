#include "io/image_file.h"

#include "base/file.h"
#include "io/jpeg.h"
#include "io/png.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { LARGEST_FILE = 1 << 30 };

bool sb_is_image_name(const char *name) {
    static const char *const endings[] = {".jpg", ".jpeg", ".png"};
    const size_t length = strlen(name);
    for (int i = 0; i < 3; i++) {
        const size_t ending = strlen(endings[i]);
        if (length > ending && strcasecmp(name + length - ending, endings[i]) == 0) return true;
    }
    return false;
}

/* Into a buffer that is used again, where sb_read_file would allocate for each image. */
static bool read_whole(const char *path, struct sb_buffer *file, size_t *size, struct simba_error *error) {
    FILE *stream = fopen(path, "rbe");
    struct stat status;
    if (!stream) return sb_fail_errno(error, errno, "open", path);
    bool fine = fstat(fileno(stream), &status) == 0;
    if (fine && S_ISDIR(status.st_mode)) errno = EISDIR, fine = false;
    if (!fine)
        sb_fail_errno(error, errno, "read", path);
    else if (status.st_size > LARGEST_FILE)
        fine = sb_fail(error, SIMBA_ERROR_UNSUPPORTED, "%s: the file has %lld bytes; images of at most %d are read.",
                       path, (long long)status.st_size, (int)LARGEST_FILE);
    else if (sb_buffer_reserve(file, (size_t)status.st_size + 1, error)) {
        *size = fread(file->bytes, 1, (size_t)status.st_size, stream);
        if (ferror(stream)) fine = sb_fail_errno(error, errno, "read", path);
    } else
        fine = false;
    fclose(stream);
    return fine;
}

bool sb_image_file_open(const char *path, struct sb_buffer *file, struct sb_image_source *source,
                        struct simba_error *error) {
    size_t size = 0;
    if (!read_whole(path, file, &size, error)) return false;
    *source = (struct sb_image_source){
        .path = path, .bytes = file->bytes, .size = size, .is_jpeg = sb_is_jpeg(file->bytes, size)};
    if (source->is_jpeg) return sb_jpeg_size(path, source->bytes, size, &source->width, &source->height, error);
    if (sb_is_png(file->bytes, size))
        return sb_png_size(path, source->bytes, size, &source->width, &source->height, error);
    return sb_fail(error, SIMBA_ERROR_FORMAT, "%s: neither a JPEG nor a PNG image%s.", path,
                   size == 0 ? ": the file is empty" : "; convert it to one of them");
}

bool sb_image_file_decode(const struct sb_image_source *source, int channels, struct sb_region region, int target_width,
                          int target_height, struct sb_buffer *pixels, struct sb_image *image, struct sb_region *inside,
                          struct simba_error *error) {
    const bool whole = target_width <= 0 || target_height <= 0;
    if (source->is_jpeg) {
        int reduction = 1;
        while (!whole && reduction < 8 && region.width / (2 * reduction) >= target_width &&
               region.height / (2 * reduction) >= target_height)
            reduction *= 2;
        if (!whole)
            return sb_jpeg_decode(source->path, source->bytes, source->size, channels, region, reduction, pixels, image,
                                  inside, error);
        const struct sb_region everything = {0, 0, source->width, source->height};
        *inside = region;
        struct sb_region same;
        return sb_jpeg_decode(source->path, source->bytes, source->size, channels, everything, 1, pixels, image, &same,
                              error);
    }
    *inside = region;
    return sb_png_decode(source->path, source->bytes, source->size, channels, pixels, image, error);
}
