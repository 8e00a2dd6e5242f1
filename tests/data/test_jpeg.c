#include "temporary.h"

#include "io/image_file.h"
#include "io/jpeg.h"

struct jpeg_case {
    const uint8_t *bytes;
    size_t size;
    int width, height;
    uint64_t rgb, grey;
};

#include "jpeg_cases.h"

enum { CASES = sizeof jpeg_cases / sizeof *jpeg_cases };

static void reads_what_pil_reads(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct sb_buffer file = {0}, pixels = {0};
    for (int i = 0; i < CASES; i++)
        for (int channels = 1; channels <= 3; channels += 2) {
            struct sb_image_source source;
            struct sb_image image;
            struct sb_region inside;
            put_file(temporary("case.png"), jpeg_cases[i].bytes, jpeg_cases[i].size); /* the name does not matter */
            if (!sb_image_file_open(temporary("case.png"), &file, &source, &error)) fail_msg("%s", error.message);
            const int width = jpeg_cases[i].width, height = jpeg_cases[i].height;
            assert_true(source.is_jpeg && source.width == width && source.height == height);
            assert_true(sb_image_file_decode(&source, channels, (struct sb_region){0, 0, width, height}, 0, 0, &pixels,
                                             &image, &inside, &error));
            assert_true(image.width == width && image.height == height && image.channels == channels);
            if (hash_of(image.pixels, width * height * channels) !=
                (channels == 3 ? jpeg_cases[i].rgb : jpeg_cases[i].grey))
                fail_msg("case %d with %d channels differs from PIL's", i, channels);
        }
    free(file.bytes);
    free(pixels.bytes);
}

/* At full resolution the part is the same as in the whole image, but for the colours of its outermost columns. */
static void parts_are_parts(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct sb_buffer whole_pixels = {0}, pixels = {0};
    for (int i = 0; i < CASES; i++) {
        const int width = jpeg_cases[i].width, height = jpeg_cases[i].height;
        const struct sb_region everything = {0, 0, width, height};
        struct sb_image whole, part;
        struct sb_region inside;
        const uint8_t *bytes = jpeg_cases[i].bytes;
        const size_t size = jpeg_cases[i].size;
        assert_true(sb_jpeg_decode("whole", bytes, size, 3, everything, 1, &whole_pixels, &whole, &inside, &error));
        for (int test = 0; test < 60; test++) {
            const int left = test * 7 % width, top = test * 5 % height;
            const struct sb_region region = {left, top, 1 + test % (width - left), 1 + test % (height - top)};
            if (!sb_jpeg_decode("part", bytes, size, 3, region, 1, &pixels, &part, &inside, &error))
                fail_msg("%s", error.message);
            assert_true(inside.left >= 0 && inside.top >= 0 && inside.width == region.width &&
                        inside.height == region.height && inside.left + inside.width <= part.width &&
                        inside.top + inside.height <= part.height);
            for (int y = 0; y < (int)region.height; y++)
                assert_memory_equal(part.pixels + (((int)inside.top + y) * part.width + (int)inside.left) * 3,
                                    whole.pixels + ((top + y) * width + left) * 3, (size_t)region.width * 3);
        }
    }
    free(whole_pixels.bytes);
    free(pixels.bytes);
}

/* A reduced image is about what the mean of its pixels' blocks is. */
static void reduces(void **state) {
    enum { WIDTH = 37, HEIGHT = 29 };
    (void)state;
    struct simba_error error = {0};
    struct sb_buffer file = {0}, whole_pixels = {0}, pixels = {0};
    const struct sb_region everything = {0, 0, WIDTH, HEIGHT};
    for (int i = 0; i < CASES; i++) {
        struct sb_image_source source;
        struct sb_image whole, half;
        struct sb_region inside;
        if (jpeg_cases[i].width != WIDTH) continue; /* too small for that */
        put_file(temporary("half.jpg"), jpeg_cases[i].bytes, jpeg_cases[i].size);
        assert_true(sb_image_file_open(temporary("half.jpg"), &file, &source, &error));
        assert_true(sb_image_file_decode(&source, 1, everything, 0, 0, &whole_pixels, &whole, &inside, &error));
        /* 18 x 14 leaves one reduction, 19 x 14 none. */
        assert_true(sb_image_file_decode(&source, 1, everything, 19, 14, &pixels, &half, &inside, &error));
        assert_int_equal(half.width, WIDTH);
        assert_true(sb_image_file_decode(&source, 1, everything, 18, 14, &pixels, &half, &inside, &error));
        assert_true(half.width == 19 && half.height == 15 && inside.width == 18.5 && inside.height == 14.5);
        for (int y = 0; y < HEIGHT / 2; y++)
            for (int x = 0; x < WIDTH / 2; x++) {
                const uint8_t *block = whole.pixels + 2 * y * WIDTH + 2 * x;
                const int mean = (block[0] + block[1] + block[WIDTH] + block[WIDTH + 1]) / 4;
                assert_true(abs(half.pixels[y * 19 + x] - mean) < 25);
            }
    }
    free(file.bytes);
    free(whole_pixels.bytes);
    free(pixels.bytes);
}

static void damaged_anywhere(void **state) {
    (void)state;
    struct sb_buffer pixels = {0};
    for (int i = 0; i < CASES; i++) {
        const struct sb_region everything = {0, 0, jpeg_cases[i].width, jpeg_cases[i].height};
        struct sb_image image;
        struct sb_region inside;
        uint8_t *bytes = malloc(jpeg_cases[i].size);
        assert_non_null(bytes);
        int accepted = 0;
        for (size_t length = 0; length < jpeg_cases[i].size; length++) {
            struct simba_error error = {0};
            uint8_t *cut = malloc(length + 1); /* so that a read behind the end is seen by a sanitizer */
            assert_non_null(cut);
            memcpy(cut, jpeg_cases[i].bytes, length);
            if (sb_jpeg_decode("cut.jpg", cut, length, 3, everything, 1, &pixels, &image, &inside, &error))
                accepted++;
            else
                check_error(&error, SIMBA_ERROR_FORMAT, "cut.jpg: this JPEG image");
            free(cut);
        }
        /* All pixels may be there before the last bytes of the file are; of a progressive one, after any scan. */
        assert_true(accepted <= 6);
        for (size_t at = 0; at < jpeg_cases[i].size; at++) {
            struct simba_error error = {0};
            memcpy(bytes, jpeg_cases[i].bytes, jpeg_cases[i].size);
            bytes[at] ^= (uint8_t)(1 << at % 8);
            int width, height;
            if (!sb_jpeg_size("changed.jpg", bytes, jpeg_cases[i].size, &width, &height, &error) ||
                width != jpeg_cases[i].width || height != jpeg_cases[i].height)
                continue;
            if (!sb_jpeg_decode("changed.jpg", bytes, jpeg_cases[i].size, 3, everything, 1, &pixels, &image, &inside,
                                &error))
                check_error(&error, SIMBA_ERROR_FORMAT, "changed.jpg");
        }
        free(bytes);
    }
    free(pixels.bytes);
}

/* A small file that would take a gigabyte, or hours. */
static void promises_too_much(void **state) {
    (void)state;
    enum { PROGRESSIVE = 2 };
    struct simba_error error = {0};
    struct sb_buffer pixels = {0};
    struct sb_image image;
    struct sb_region inside;
    const struct sb_region everything = {0, 0, jpeg_cases[PROGRESSIVE].width, jpeg_cases[PROGRESSIVE].height};
    const size_t size = jpeg_cases[PROGRESSIVE].size;
    uint8_t *bytes = malloc(200 * size);
    assert_non_null(bytes);
    memcpy(bytes, jpeg_cases[PROGRESSIVE].bytes, size);
    size_t frame = 0;
    while (bytes[frame] != 0xff || bytes[frame + 1] != 0xc2) frame++;
    size_t scan = frame;
    while (bytes[scan] != 0xff || bytes[scan + 1] != 0xda) scan++;
    size_t next = scan + 2;
    while (bytes[next] != 0xff || bytes[next + 1] == 0) next++;

    bytes[frame + 5] = bytes[frame + 7] = 0x40; /* 16384 x 16384 */
    int width, height;
    bytes[frame + 6] = bytes[frame + 8] = 0;
    assert_false(sb_jpeg_size("bomb.jpg", bytes, size, &width, &height, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "bomb.jpg: its header promises 16384 x 16384 pixels, more than a file of");
    assert_false(sb_jpeg_decode("bomb.jpg", bytes, size, 3, everything, 1, &pixels, &image, &inside, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "bomb.jpg: its header promises 16384 x 16384 pixels, more than a file of");
    bytes[frame + 6] = 1;
    assert_false(sb_jpeg_size("bomb.jpg", bytes, size, &width, &height, &error));
    check_error(&error, SIMBA_ERROR_UNSUPPORTED, "bomb.jpg: the image has 16384 x 16385 pixels");

    /* The first scan 90 and 150 times. */
    for (int times = 90; times <= 150; times += 60) {
        const size_t length = next - scan;
        memcpy(bytes, jpeg_cases[PROGRESSIVE].bytes, size);
        for (int i = 1; i < times; i++) memcpy(bytes + scan + (size_t)i * length, bytes + scan, length);
        memcpy(bytes + scan + (size_t)times * length, jpeg_cases[PROGRESSIVE].bytes + next, size - next);
        const bool fine = sb_jpeg_decode("busy.jpg", bytes, size + (size_t)(times - 1) * length, 3, everything, 1,
                                         &pixels, &image, &inside, &error);
        if (times == 90 && !fine) fail_msg("%s", error.message);
        if (times == 90) continue;
        assert_false(fine);
        check_error(&error, SIMBA_ERROR_FORMAT, "busy.jpg: this JPEG image is damaged, or made to keep a decoder busy");
    }
    free(bytes);
    free(pixels.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_pil_reads), cmocka_unit_test(parts_are_parts),   cmocka_unit_test(reduces),
        cmocka_unit_test(damaged_anywhere),     cmocka_unit_test(promises_too_much),
    };
    return cmocka_run_group_tests_name("data jpeg", tests, make_temporary, remove_temporary);
}
