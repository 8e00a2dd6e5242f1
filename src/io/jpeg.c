#include "io/jpeg.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

/* Progressive images come in about ten scans; each one costs time for all of the image, however short it is. */
enum { MOST_SCANS = 100 };

/* libjpeg reports a problem by calling back, and expects the callback not to return. As in png.c, setjmp is called in
 * a function whose caller owns everything that changes in between. */
struct reading {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr manager;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    const char *path;
    struct simba_error *error;
};

static void on_error(j_common_ptr jpeg) {
    struct reading *reading = (struct reading *)jpeg->client_data;
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    if (jpeg->err->msg_code == JERR_OUT_OF_MEMORY)
        sb_fail(reading->error, SIMBA_ERROR_MEMORY, "The host has no memory to decode %s.", reading->path);
    else
        sb_fail(reading->error, SIMBA_ERROR_FORMAT, "%s: this JPEG image is damaged or cut short (libjpeg: %s).",
                reading->path, text);
    longjmp(reading->escape, 1);
}

/* Of what libjpeg only warns about, a file that ends early is an error, as in PIL; the rest leaves a readable image. */
static void on_message(j_common_ptr jpeg, int level) {
    if (level < 0 && jpeg->err->msg_code == JWRN_JPEG_EOF) on_error(jpeg);
}

static void no_output(j_common_ptr jpeg) {
    (void)jpeg;
}

static void on_progress(j_common_ptr jpeg) {
    struct reading *reading = (struct reading *)jpeg->client_data;
    if (reading->jpeg.input_scan_number <= MOST_SCANS) return;
    sb_fail(reading->error, SIMBA_ERROR_FORMAT,
            "%s: this JPEG image is damaged, or made to keep a decoder busy: it has more than %d scans.", reading->path,
            MOST_SCANS);
    longjmp(reading->escape, 1);
}

static bool begin(struct reading *reading, const uint8_t *bytes, size_t size) {
    struct jpeg_decompress_struct *jpeg = &reading->jpeg;
    jpeg->err = jpeg_std_error(&reading->manager);
    reading->manager.error_exit = on_error;
    reading->manager.emit_message = on_message;
    reading->manager.output_message = no_output;
    jpeg->client_data = reading;
    jpeg_create_decompress(jpeg);
    jpeg->client_data = reading;
    reading->progress.progress_monitor = on_progress;
    jpeg->progress = &reading->progress;
    jpeg_mem_src(jpeg, bytes, (unsigned long)size);
    jpeg_read_header(jpeg, TRUE);
    const unsigned width = jpeg->image_width, height = jpeg->image_height;
    if (width > SB_LARGEST_IMAGE_SIDE || height > SB_LARGEST_IMAGE_SIDE)
        return sb_fail(reading->error, SIMBA_ERROR_UNSUPPORTED,
                       "%s: the image has %u x %u pixels; at most %d a side are read.", reading->path, width, height,
                       SB_LARGEST_IMAGE_SIDE);
    /* A block of 8 x 8 pixels takes a bit at least, the shortest of Huffman's codes: a header that promises more than
     * the file can hold is told before memory is taken. (Arithmetic coding packs an image of one colour tighter.) */
    if ((size_t)((width + 7) / 8) * ((height + 7) / 8) / 8 > size)
        return sb_fail(reading->error, SIMBA_ERROR_FORMAT,
                       "%s: its header promises %u x %u pixels, more than a file of %zu bytes can hold; it is damaged "
                       "or cut short.",
                       reading->path, width, height, size);
    return true;
}

bool sb_is_jpeg(const uint8_t *bytes, size_t size) {
    return size >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff;
}

static bool read_size(struct reading *reading, const uint8_t *bytes, size_t size) {
    if (setjmp(reading->escape)) return false;
    return begin(reading, bytes, size);
}

bool sb_jpeg_size(const char *path, const uint8_t *bytes, size_t size, int *width, int *height,
                  struct simba_error *error) {
    struct reading reading = {.path = path, .error = error};
    bool fine = read_size(&reading, bytes, size);
    *width = (int)reading.jpeg.image_width;
    *height = (int)reading.jpeg.image_height;
    jpeg_destroy_decompress(&reading.jpeg);
    return fine;
}

/* PIL's way from inverted CMYK to RGB. */
static void cmyk_to_rgb(uint8_t *row, int width) {
    for (int x = 0; x < width; x++) {
        const uint8_t *from = row + 4 * x;
        const unsigned light = from[3];
        uint8_t colour[3];
        for (int c = 0; c < 3; c++) {
            const unsigned product = (255u - from[c]) * light + 128;
            colour[c] = (uint8_t)(light - (((product >> 8) + product) >> 8));
        }
        memcpy(row + 3 * x, colour, 3);
    }
}

struct target {
    int channels, reduction;
    struct sb_region region; /* of the full image */
    struct sb_buffer *pixels;
    struct sb_image image;
    int left, top; /* of `image` in the reduced image */
};

static bool decode(struct reading *reading, const uint8_t *bytes, size_t size, struct target *target) {
    if (setjmp(reading->escape)) return false;
    if (!begin(reading, bytes, size)) return false;
    struct jpeg_decompress_struct *jpeg = &reading->jpeg;
    const bool is_grey = jpeg->jpeg_color_space == JCS_GRAYSCALE, is_cmyk = jpeg->num_components == 4;
    jpeg->out_color_space = is_grey ? JCS_GRAYSCALE : is_cmyk ? JCS_CMYK : JCS_RGB;
    jpeg->scale_num = 1;
    jpeg->scale_denom = (unsigned)target->reduction;
    jpeg_start_decompress(jpeg);

    /* Two pixels around what is wanted: resampling reads beyond the region's fractional ends. */
    const int full_width = (int)jpeg->output_width, full_height = (int)jpeg->output_height;
    int left = (int)floor(target->region.left / target->reduction) - 2;
    int top = (int)floor(target->region.top / target->reduction) - 2;
    int right = (int)ceil((target->region.left + target->region.width) / target->reduction) + 2;
    int bottom = (int)ceil((target->region.top + target->region.height) / target->reduction) + 2;
    if (left < 0) left = 0;
    if (top < 0) top = 0;
    if (right > full_width) right = full_width;
    if (bottom > full_height) bottom = full_height;
    JDIMENSION first = (JDIMENSION)left, columns = (JDIMENSION)(right - left);
    if ((int)columns < full_width) jpeg_crop_scanline(jpeg, &first, &columns);
    target->left = (int)first;
    target->top = top;
    struct sb_image *image = &target->image;
    *image = (struct sb_image){.width = (int)columns, .height = bottom - top, .channels = target->channels};

    /* Rows are decoded in place: one with more channels than wanted lies where the next rows will come. */
    const size_t components = (size_t)jpeg->output_components, row_bytes = (size_t)columns * (size_t)target->channels;
    const size_t slack = (size_t)columns * components;
    if (!sb_buffer_reserve(target->pixels, row_bytes * (size_t)image->height + slack + 16, reading->error))
        return false;
    image->pixels = target->pixels->bytes;
    if (top > 0 && jpeg_skip_scanlines(jpeg, (JDIMENSION)top) != (JDIMENSION)top)
        return sb_fail(reading->error, SIMBA_ERROR_FORMAT, "%s: this JPEG image ends early.", reading->path);
    for (int y = 0; y < image->height; y++) {
        uint8_t *row = image->pixels + row_bytes * (size_t)y;
        JSAMPROW rows[1] = {row};
        if (jpeg_read_scanlines(jpeg, rows, 1) != 1)
            return sb_fail(reading->error, SIMBA_ERROR_FORMAT, "%s: this JPEG image ends early.", reading->path);
        if (is_cmyk) cmyk_to_rgb(row, image->width);
        if (is_grey && target->channels == 3)
            for (int x = image->width - 1; x >= 0; x--) memset(row + 3 * x, row[x], 3);
        else if (!is_grey && target->channels == 1)
            for (int x = 0; x < image->width; x++) row[x] = sb_grey(row + 3 * x);
    }
    return true;
}

bool sb_jpeg_decode(const char *path, const uint8_t *bytes, size_t size, int channels, struct sb_region region,
                    int reduction, struct sb_buffer *pixels, struct sb_image *image, struct sb_region *inside,
                    struct simba_error *error) {
    struct reading reading = {.path = path, .error = error};
    struct target target = {.channels = channels, .reduction = reduction, .region = region, .pixels = pixels};
    const bool fine = decode(&reading, bytes, size, &target);
    jpeg_destroy_decompress(&reading.jpeg); /* what follows the last wanted row is not looked at */
    if (!fine) return false;
    *image = target.image;
    *inside = (struct sb_region){region.left / reduction - target.left, region.top / reduction - target.top,
                                 region.width / reduction, region.height / reduction};
    if (inside->left + inside->width > image->width) inside->width = image->width - inside->left;
    if (inside->top + inside->height > image->height) inside->height = image->height - inside->top;
    return true;
}
