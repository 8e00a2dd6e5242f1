#include "temporary.h"

#include "base/file.h"
#include "io/image_file.h"
#include "io/png.h"

#include <png.h>
#include <zlib.h>

enum { HEIGHT = 9, WIDTH = 7 };

static uint8_t sample(int y, int x, int c) {
    return (uint8_t)(y * 29 + x * 53 + c * 101);
}

/* Any kind of PNG with the samples above: 8 bits and less are cut to the depth, 16 bits repeat the byte. Palettes are
 * indices y + x. */
static void put_png(const char *path, int type, int depth, int interlace) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_init_io(png, file);
    png_set_IHDR(png, info, WIDTH, HEIGHT, depth, type, interlace, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (type == PNG_COLOR_TYPE_PALETTE) {
        png_color palette[16];
        png_byte alpha[3] = {0, 128, 255};
        for (int i = 0; i < 16; i++) palette[i] = (png_color){(png_byte)(i * 16), (png_byte)(255 - i), (png_byte)i};
        png_set_PLTE(png, info, palette, 16);
        png_set_tRNS(png, info, alpha, 3, NULL);
    }
    png_write_info(png, info);
    if (depth < 8) png_set_packing(png);
    int channels = png_get_channels(png, info), bytes = depth == 16 ? 2 : 1;
    uint8_t rows[HEIGHT][WIDTH * 4 * 2];
    png_bytep pointers[HEIGHT];
    for (int y = 0; y < HEIGHT; y++) {
        pointers[y] = rows[y];
        for (int x = 0; x < WIDTH; x++)
            for (int c = 0; c < channels; c++)
                for (int b = 0; b < bytes; b++) {
                    uint8_t value = sample(y, x, c);
                    if (type == PNG_COLOR_TYPE_PALETTE)
                        value = (uint8_t)(y + x);
                    else if (depth < 8)
                        value = (uint8_t)(value >> (8 - depth));
                    rows[y][(x * channels + c) * bytes + b] = value;
                }
    }
    png_write_image(png, pointers);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    fclose(file);
}

static bool read_png(const char *path, int channels, struct sb_buffer *pixels, int *height, int *width,
                     struct simba_error *error) {
    struct sb_buffer file = {0};
    struct sb_image_source source;
    struct sb_image image;
    struct sb_region whole = {0}, inside;
    const bool fine = sb_image_file_open(path, &file, &source, error) &&
                      sb_image_file_decode(&source, channels, whole, 0, 0, pixels, &image, &inside, error);
    if (fine) {
        *height = image.height;
        *width = image.width;
        assert_true(source.height == image.height && source.width == image.width);
        assert_int_equal(image.channels, channels);
    }
    free(file.bytes);
    return fine;
}

static uint8_t grey_of(const uint8_t *colour) {
    return (uint8_t)((colour[0] * 19595u + colour[1] * 38470u + colour[2] * 7471u + 0x8000u) >> 16);
}

static void every_kind(void **state) {
    (void)state;
    static const struct {
        int type, depth;
    } kinds[] = {
        {PNG_COLOR_TYPE_GRAY, 1},        {PNG_COLOR_TYPE_GRAY, 2},       {PNG_COLOR_TYPE_GRAY, 4},
        {PNG_COLOR_TYPE_GRAY, 8},        {PNG_COLOR_TYPE_GRAY, 16},      {PNG_COLOR_TYPE_GRAY_ALPHA, 8},
        {PNG_COLOR_TYPE_GRAY_ALPHA, 16}, {PNG_COLOR_TYPE_RGB, 8},        {PNG_COLOR_TYPE_RGB, 16},
        {PNG_COLOR_TYPE_RGB_ALPHA, 8},   {PNG_COLOR_TYPE_RGB_ALPHA, 16}, {PNG_COLOR_TYPE_PALETTE, 4},
        {PNG_COLOR_TYPE_PALETTE, 8},
    };
    struct simba_error error = {0};
    struct sb_buffer pixels = {0};
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        for (int variant = 0; variant < 4; variant++) {
            int type = kinds[kind].type, depth = kinds[kind].depth, channels = variant & 1 ? 3 : 1;
            put_png(temporary("kind.png"), type, depth, variant & 2 ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE);
            int height = 0, width = 0;
            if (!read_png(temporary("kind.png"), channels, &pixels, &height, &width, &error))
                fail_msg("type %d depth %d: %s", type, depth, error.message);
            assert_int_equal(height, HEIGHT);
            assert_int_equal(width, WIDTH);
            for (int y = 0; y < HEIGHT; y++) {
                for (int x = 0; x < WIDTH; x++) {
                    uint8_t want[3];
                    for (int c = 0; c < 3; c++) {
                        bool is_grey = !(type & PNG_COLOR_MASK_COLOR);
                        uint8_t value = sample(y, x, is_grey ? 0 : c);
                        if (type == PNG_COLOR_TYPE_PALETTE)
                            value = (uint8_t)(c == 0 ? (y + x) * 16 : c == 1 ? 255 - (y + x) : y + x);
                        else if (depth < 8)
                            value = (uint8_t)((value >> (8 - depth)) * 255 / ((1 << depth) - 1));
                        want[c] = value;
                    }
                    const uint8_t *got = pixels.bytes + (y * WIDTH + x) * channels;
                    if (channels == 3)
                        assert_memory_equal(got, want, 3);
                    else
                        assert_int_equal(*got, type & PNG_COLOR_MASK_COLOR ? grey_of(want) : want[0]);
                }
            }
        }
    }
    free(pixels.bytes);
}

static void round_trip(void **state) {
    (void)state;
    struct simba_error error = {0};
    uint8_t image[HEIGHT * WIDTH * 3];
    struct sb_buffer pixels = {0};
    for (int i = 0; i < (int)sizeof image; i++) image[i] = (uint8_t)(i * 77);
    for (int channels = 1; channels <= 3; channels += 2) {
        int height, width;
        assert_true(sb_png_write(temporary("trip.png"), image, HEIGHT, WIDTH, channels, &error));
        assert_true(read_png(temporary("trip.png"), channels, &pixels, &height, &width, &error));
        assert_memory_equal(pixels.bytes, image, (size_t)(HEIGHT * WIDTH * channels));
    }
    free(pixels.bytes);
    assert_false(sb_png_write(temporary("absent/x.png"), image, HEIGHT, WIDTH, 1, &error));
    check_error(&error, SIMBA_ERROR_FILE, "No such file");
    assert_false(sb_png_write(temporary("zero.png"), image, 0, 0, 1, &error));
    check_error(&error, SIMBA_ERROR_INTERNAL, "libpng");
    assert_int_not_equal(access(temporary("zero.png"), F_OK), 0);
    if (access("/dev/full", W_OK) != 0) return;
    assert_false(sb_png_write("/dev/full", image, HEIGHT, WIDTH, 3, &error));
    check_error(&error, SIMBA_ERROR_FILE, "No space left");
}

static void damaged_anywhere(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct sb_buffer pixels = {0};
    int height, width;
    put_png(temporary("good.png"), PNG_COLOR_TYPE_PALETTE, 4, PNG_INTERLACE_ADAM7);
    uint8_t *bytes;
    size_t size;
    assert_true(sb_read_file(temporary("good.png"), 0, &bytes, &size, &error));
    for (size_t length = 0; length < size; length++) {
        put_file(temporary("cut.png"), bytes, length);
        memset(&error, 0, sizeof error);
        if (read_png(temporary("cut.png"), 3, &pixels, &height, &width, &error))
            fail_msg("a prefix of %zu bytes was accepted", length);
        check_error(&error, SIMBA_ERROR_FORMAT, temporary("cut.png"));
    }
    for (size_t at = 0; at < size; at++) {
        uint8_t kept = bytes[at];
        bytes[at] ^= (uint8_t)(1 << at % 8);
        put_file(temporary("changed.png"), bytes, size);
        /* A change of a chunk that does not matter is fine. */
        if (!read_png(temporary("changed.png"), 3, &pixels, &height, &width, &error))
            check_error(&error, SIMBA_ERROR_FORMAT, temporary("changed.png"));
        bytes[at] = kept;
    }
    free(bytes);
    free(pixels.bytes);
}

static void no_images(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct sb_buffer pixels = {0};
    int height, width;
    put_text(temporary("text.png"), "this is a text, whatever its name says");
    assert_false(read_png(temporary("text.png"), 3, &pixels, &height, &width, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "neither a JPEG nor a PNG image; convert it");
    put_text(temporary("empty.png"), "");
    assert_false(read_png(temporary("empty.png"), 3, &pixels, &height, &width, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "the file is empty");
    assert_false(read_png(temporary("absent.png"), 3, &pixels, &height, &width, &error));
    check_error(&error, SIMBA_ERROR_FILE, "No such file");
    assert_false(read_png(temporary_directory, 3, &pixels, &height, &width, &error));
    check_error(&error, SIMBA_ERROR_FILE, "Is a directory");
    /* A header that promises 100,000 x 100,000 pixels. */
    static const uint8_t huge[] = {0x89, 'P',  'N',  'G', 13, 10,   26,   10, 0, 0, 0, 13, 'I',  'H',  'D', 'R', 0,
                                   1,    0x86, 0xA0, 0,   1,  0x86, 0xA0, 8,  2, 0, 0, 0,  0x94, 0xB5, 0,   0};
    put_file(temporary("huge.png"), huge, sizeof huge);
    assert_false(read_png(temporary("huge.png"), 3, &pixels, &height, &width, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "damaged");
    free(pixels.bytes);
}

static void put_big(uint8_t *bytes, uint32_t value) {
    for (int i = 0; i < 4; i++) bytes[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* A small file with a header, or with a comment, that would take a gigabyte. */
static void promises_too_much(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct sb_buffer pixels = {0};
    int height, width;
    put_png(temporary("small.png"), PNG_COLOR_TYPE_RGB, 8, PNG_INTERLACE_NONE);
    uint8_t *bytes;
    size_t size;
    assert_true(sb_read_file(temporary("small.png"), 0, &bytes, &size, &error));
    put_big(bytes + 16, 16384);
    put_big(bytes + 20, 16384);
    put_big(bytes + 29, (uint32_t)crc32(0, bytes + 12, 17));
    put_file(temporary("bomb.png"), bytes, size);
    assert_false(read_png(temporary("bomb.png"), 3, &pixels, &height, &width, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "bomb.png: its header promises 16384 x 16384 pixels, more than a file of");
    assert_null(pixels.bytes);
    free(bytes);

    /* One colour packs well: the bound must let it through. */
    static uint8_t white[2000 * 2000];
    memset(white, 255, sizeof white);
    assert_true(sb_png_write(temporary("white.png"), white, 2000, 2000, 1, &error));
    if (!read_png(temporary("white.png"), 3, &pixels, &height, &width, &error)) fail_msg("%s", error.message);
    assert_true(height == 2000 && width == 2000 && pixels.bytes[0] == 255);
    free(pixels.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind), cmocka_unit_test(round_trip),        cmocka_unit_test(damaged_anywhere),
        cmocka_unit_test(no_images),  cmocka_unit_test(promises_too_much),
    };
    return cmocka_run_group_tests_name("data png", tests, make_temporary, remove_temporary);
}
