#include "io/png.h"

#include "base/file.h"

#include <png.h>

#include <inttypes.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

/* Deflate packs no tighter, so a header that promises more than the file can hold is told before memory is taken. */
enum { BEST_COMPRESSION = 1032 };

/* libpng reports a problem by calling back, and expects the callback to leave with longjmp. setjmp is called in a
 * function of its own, whose caller owns everything that changes in between: locals of the function that calls setjmp
 * would be indeterminate after the jump. */
struct reading {
    const uint8_t *bytes;
    size_t size, position;
    png_structp png;
    png_infop info;
    char problem[160];
    jmp_buf escape;
};

static void on_read_error(png_structp png, png_const_charp message) {
    struct reading *reading = png_get_error_ptr(png);
    snprintf(reading->problem, sizeof reading->problem, "%s", message);
    longjmp(reading->escape, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
    (void)png; /* what libpng only warns of does not change the pixels */
    (void)message;
}

bool sb_is_png(const uint8_t *bytes, size_t size) {
    return size >= 8 && png_sig_cmp(bytes, 0, 8) == 0;
}

static void take_bytes(png_structp png, png_bytep bytes, png_size_t size) {
    struct reading *reading = png_get_io_ptr(png);
    if (size > reading->size - reading->position) png_error(png, "the file ends early");
    memcpy(bytes, reading->bytes + reading->position, size);
    reading->position += size;
}

static bool damaged(const struct reading *reading, const char *path, struct simba_error *error) {
    return sb_fail(error, SIMBA_ERROR_FORMAT, "%s: this PNG image is damaged or cut short (libpng: %s).", path,
                   reading->problem);
}

static bool begin(struct reading *reading, const char *path, struct simba_error *error) {
    reading->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, reading, on_read_error, on_warning);
    if (reading->png) reading->info = png_create_info_struct(reading->png);
    if (!reading->info) return sb_fail(error, SIMBA_ERROR_MEMORY, "The host has no memory to decode %s.", path);
    png_set_read_fn(reading->png, reading, take_bytes);
    png_set_user_limits(reading->png, SB_LARGEST_IMAGE_SIDE, SB_LARGEST_IMAGE_SIDE);
#ifdef PNG_HANDLE_AS_UNKNOWN_SUPPORTED
    /* Of what does not change the pixels nothing is unpacked: comments may be a thousand times as large as the file. */
    png_set_keep_unknown_chunks(reading->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
#endif
    png_read_info(reading->png, reading->info);
    const uint32_t width = png_get_image_width(reading->png, reading->info);
    const uint32_t height = png_get_image_height(reading->png, reading->info);
    if ((uint64_t)png_get_rowbytes(reading->png, reading->info) * height / BEST_COMPRESSION > reading->size)
        return sb_fail(error, SIMBA_ERROR_FORMAT,
                       "%s: its header promises %" PRIu32 " x %" PRIu32
                       " pixels, more than a file of %zu bytes can hold; it is damaged or cut short.",
                       path, width, height, reading->size);
    return true;
}

static bool read_size(struct reading *reading, const char *path, struct simba_error *error) {
    if (setjmp(reading->escape)) return damaged(reading, path, error);
    return begin(reading, path, error);
}

bool sb_png_size(const char *path, const uint8_t *bytes, size_t size, int *width, int *height,
                 struct simba_error *error) {
    struct reading reading = {.bytes = bytes, .size = size};
    const bool fine = read_size(&reading, path, error);
    if (fine) {
        *width = (int)png_get_image_width(reading.png, reading.info);
        *height = (int)png_get_image_height(reading.png, reading.info);
    }
    png_destroy_read_struct(&reading.png, &reading.info, NULL);
    return fine;
}

static bool decode(struct reading *reading, const char *path, struct sb_buffer *pixels, struct sb_image *image,
                   struct simba_error *error) {
    if (setjmp(reading->escape)) return damaged(reading, path, error);
    if (!begin(reading, path, error)) return false;
    png_structp png = reading->png;
    bool is_grey = !(png_get_color_type(png, reading->info) & PNG_COLOR_MASK_COLOR);
    png_set_expand(png);
    png_set_strip_16(png);
    png_set_strip_alpha(png);
    if (is_grey && image->channels == 3) png_set_gray_to_rgb(png);
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, reading->info);

    image->height = (int)png_get_image_height(png, reading->info);
    image->width = (int)png_get_image_width(png, reading->info);
    size_t row_bytes = (size_t)image->width * (is_grey && image->channels == 1 ? 1 : 3);
    if (png_get_rowbytes(png, reading->info) != row_bytes)
        return sb_fail(error, SIMBA_ERROR_INTERNAL, "%s: libpng decodes to an unexpected layout.", path);
    if (!sb_buffer_reserve(pixels, row_bytes * (size_t)image->height + 16, error)) return false;
    image->pixels = pixels->bytes;
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < image->height; y++) png_read_row(png, image->pixels + row_bytes * (size_t)y, NULL);
    png_read_end(png, NULL); /* a file that ends early is noticed here at the latest */
    const size_t count = (size_t)image->width * (size_t)image->height;
    for (size_t i = 0; image->channels == 1 && !is_grey && i < count; i++)
        image->pixels[i] = sb_grey(image->pixels + 3 * i);
    return true;
}

bool sb_png_decode(const char *path, const uint8_t *bytes, size_t size, int channels, struct sb_buffer *pixels,
                   struct sb_image *image, struct simba_error *error) {
    struct reading reading = {.bytes = bytes, .size = size};
    *image = (struct sb_image){.channels = channels};
    const bool fine = decode(&reading, path, pixels, image, error);
    png_destroy_read_struct(&reading.png, &reading.info, NULL);
    return fine;
}

struct writing {
    struct sb_writer file;
    png_structp png;
    png_infop info;
    struct simba_error *error;
    bool reported; /* the file system's sentence is in *error */
    jmp_buf escape;
};

static void on_write_error(png_structp png, png_const_charp message) {
    struct writing *writing = png_get_error_ptr(png);
    if (!writing->reported)
        sb_fail(writing->error, SIMBA_ERROR_INTERNAL, "%s: the PNG image cannot be written (libpng: %s).",
                writing->file.path, message);
    longjmp(writing->escape, 1);
}

static void write_bytes(png_structp png, png_bytep bytes, png_size_t size) {
    struct writing *writing = png_get_io_ptr(png);
    if (sb_writer_write(&writing->file, bytes, size, writing->error)) return;
    writing->reported = true;
    png_error(png, "write");
}

static void flush_nothing(png_structp png) {
    (void)png;
}

static bool encode(struct writing *writing, const uint8_t *pixels, int height, int width, int channels) {
    if (setjmp(writing->escape)) return false;
    writing->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, writing, on_write_error, on_warning);
    if (writing->png) writing->info = png_create_info_struct(writing->png);
    if (!writing->info)
        return sb_fail(writing->error, SIMBA_ERROR_MEMORY, "The host has no memory to encode %s.", writing->file.path);
    png_set_write_fn(writing->png, writing, write_bytes, flush_nothing);
    png_set_IHDR(writing->png, writing->info, (png_uint_32)width, (png_uint_32)height, 8,
                 channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(writing->png, writing->info);
    size_t row_bytes = (size_t)width * (size_t)channels;
    for (int y = 0; y < height; y++) png_write_row(writing->png, pixels + row_bytes * (size_t)y);
    png_write_end(writing->png, NULL);
    return true;
}

bool sb_png_write(const char *path, const uint8_t *pixels, int height, int width, int channels,
                  struct simba_error *error) {
    struct writing writing = {.error = error};
    if (!sb_writer_open(&writing.file, path, error)) return false;
    bool done = encode(&writing, pixels, height, width, channels);
    png_destroy_write_struct(&writing.png, &writing.info);
    if (done) return sb_writer_commit(&writing.file, error);
    sb_writer_discard(&writing.file);
    return false;
}
