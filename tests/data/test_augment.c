#include "temporary.h"

#include "data/augment.h"
#include "data/resample.h"
#include "data/sampler.h"

#include <math.h>

enum { HEIGHT = 5, WIDTH = 4, CHANNELS = 3 };
static const struct sb_image_size size = {HEIGHT, WIDTH, CHANNELS};

static void fill(uint8_t *source) {
    for (int i = 0; i < HEIGHT * WIDTH * CHANNELS; i++) source[i] = (uint8_t)(i + 1);
}

/* What a window at (top, left) must show, pixel by pixel. */
static void check_window(const uint8_t *source, const uint8_t *pixels, int height, int width, int top, int left,
                         bool flip, bool reflect) {
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            int from_y = top + y, from_x = left + (flip ? width - 1 - x : x);
            if (reflect) {
                from_y = abs(from_y);
                from_x = abs(from_x);
                if (from_y >= HEIGHT) from_y = 2 * (HEIGHT - 1) - from_y;
                if (from_x >= WIDTH) from_x = 2 * (WIDTH - 1) - from_x;
            }
            bool inside = from_y >= 0 && from_y < HEIGHT && from_x >= 0 && from_x < WIDTH;
            for (int c = 0; c < CHANNELS; c++)
                assert_int_equal(pixels[(y * width + x) * CHANNELS + c],
                                 inside ? source[(from_y * WIDTH + from_x) * CHANNELS + c] : 0);
        }
}

static void crops_and_flips(void **state) {
    (void)state;
    uint8_t source[HEIGHT * WIDTH * CHANNELS], pixels[HEIGHT * WIDTH * CHANNELS];
    fill(source);
    for (int reflect = 0; reflect < 2; reflect++) {
        struct sb_augmentation augmentation = {.pad = 2, .reflect = reflect, .flip = 0.5};
        int seen_top[5] = {0}, seen_left[5] = {0}, flips = 0;
        for (uint64_t index = 0; index < 400; index++) {
            struct sb_random random = sb_random_start(5, SB_STREAM_AUGMENTATION, index), draws = random;
            int top = (int)sb_random_below(&draws, 5) - 2, left = (int)sb_random_below(&draws, 5) - 2;
            bool flip = sb_random_uniform(&draws) < 0.5f;
            sb_augment(&augmentation, random, source, size, pixels, HEIGHT, WIDTH);
            check_window(source, pixels, HEIGHT, WIDTH, top, left, flip, reflect);
            seen_top[top + 2]++;
            seen_left[left + 2]++;
            flips += flip;
        }
        for (int i = 0; i < 5; i++) assert_true(seen_top[i] > 40 && seen_left[i] > 40);
        assert_in_range(flips, 150, 250);
    }
}

static void never_and_always(void **state) {
    (void)state;
    uint8_t source[HEIGHT * WIDTH * CHANNELS], pixels[HEIGHT * WIDTH * CHANNELS];
    fill(source);
    for (uint64_t index = 0; index < 50; index++) {
        struct sb_random random = sb_random_start(5, SB_STREAM_AUGMENTATION, index);
        sb_augment(&(struct sb_augmentation){0}, random, source, size, pixels, HEIGHT, WIDTH);
        assert_memory_equal(source, pixels, sizeof source);
        sb_augment(&(struct sb_augmentation){.flip = 1.0}, random, source, size, pixels, HEIGHT, WIDTH);
        check_window(source, pixels, HEIGHT, WIDTH, 0, 0, true, false);
    }
}

/* 28 x 28 to 32 x 32 and every other relation of the two sizes. */
static void center_pads_and_crops(void **state) {
    (void)state;
    uint8_t source[HEIGHT * WIDTH * CHANNELS], pixels[12 * 12 * CHANNELS], augmented[12 * 12 * CHANNELS];
    fill(source);
    for (int height = 1; height <= 12; height++)
        for (int width = 1; width <= 12; width++) {
            int top = height >= HEIGHT ? -((height - HEIGHT) / 2) : (HEIGHT - height) / 2;
            int left = width >= WIDTH ? -((width - WIDTH) / 2) : (WIDTH - width) / 2;
            memset(pixels, 99, sizeof pixels);
            sb_center(source, size, pixels, height, width);
            check_window(source, pixels, height, width, top, left, false, false);
            if (height < HEIGHT || width < WIDTH) continue;
            /* Without padding there is no room for chance: training sees what evaluation sees. */
            sb_augment(&(struct sb_augmentation){0}, sb_random_start(1, SB_STREAM_AUGMENTATION, 0), source, size,
                       augmented, height, width);
            assert_memory_equal(pixels, augmented, (size_t)(height * width * CHANNELS));
        }
}

/* Padding wider than the image mirrors again and again, and a single pixel fills everything. */
static void wide_reflection(void **state) {
    (void)state;
    uint8_t source[3] = {10, 20, 30}, pixels[15], one[9];
    struct sb_augmentation augmentation = {.reflect = true};
    struct sb_random random = sb_random_start(1, SB_STREAM_AUGMENTATION, 0);
    sb_augment(&augmentation, random, source, (struct sb_image_size){1, 3, 1}, pixels, 1, 15);
    for (int i = 0; i < 15; i++) {
        int at = (i - 6 + 400) % 4; /* the window begins 6 before the source; the period is 4 */
        assert_int_equal(pixels[i], source[at < 3 ? at : 1]);
    }
    sb_augment(&augmentation, random, source, (struct sb_image_size){1, 1, 1}, one, 3, 3);
    for (int i = 0; i < 9; i++) assert_int_equal(one[i], 10);
}

static void epochs_are_permutations(void **state) {
    (void)state;
    enum { COUNT = 1000 };
    int64_t first[COUNT], again[COUNT], other[COUNT];
    bool seen[COUNT] = {false};
    sb_epoch_order(7, 3, true, COUNT, first);
    sb_epoch_order(7, 3, true, COUNT, again);
    assert_memory_equal(first, again, sizeof first);
    int fixed = 0;
    for (int i = 0; i < COUNT; i++) {
        assert_true(first[i] >= 0 && first[i] < COUNT && !seen[first[i]]);
        seen[first[i]] = true;
        fixed += first[i] == i;
    }
    assert_true(fixed < 10);
    sb_epoch_order(7, 4, true, COUNT, other);
    assert_memory_not_equal(first, other, sizeof first);
    sb_epoch_order(8, 3, true, COUNT, other);
    assert_memory_not_equal(first, other, sizeof first);
    sb_epoch_order(8, 3, false, COUNT, other);
    for (int i = 0; i < COUNT; i++) assert_int_equal(other[i], i);
    assert_int_equal(sb_epoch_batches(10, 4, true), 2);
    assert_int_equal(sb_epoch_batches(10, 4, false), 3);
    assert_int_equal(sb_epoch_batches(8, 4, false), 2);
    assert_int_equal(sb_epoch_batches(3, 4, true), 0);
}

/* Against the definition, in double precision and without separating the axes. */
static void resampling_is_its_definition(void **state) {
    (void)state;
    static const int sizes[][4] = {{5, 7, 5, 7},  {5, 7, 10, 14},   {16, 16, 8, 8}, {16, 16, 5, 3},
                                   {3, 50, 9, 7}, {1, 1, 4, 4},     {50, 3, 1, 1},  {2, 2, 3, 3},
                                   {7, 5, 6, 4},  {40, 30, 39, 31}, {100, 1, 3, 2}, {2, 100, 64, 1}};
    struct simba_error error = {0};
    struct sb_buffer scratch = {0};
    static uint8_t source[100 * 100 * 3], pixels[100 * 100 * 3];
    struct sb_random random = sb_random_start(1, SB_STREAM_TEST, 0);
    for (size_t i = 0; i < sizeof source; i++) source[i] = (uint8_t)sb_random_bits(&random);
    for (size_t test = 0; test < sizeof sizes / sizeof *sizes; test++) {
        int h = sizes[test][0], w = sizes[test][1], height = sizes[test][2], width = sizes[test][3];
        int channels = test % 2 ? 1 : 3;
        assert_true(sb_resample(source, h, w, pixels, height, width, channels, &scratch, &error));
        double scale_y = (double)h / height, scale_x = (double)w / width;
        double support_y = fmax(scale_y, 1.0), support_x = fmax(scale_x, 1.0);
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                for (int c = 0; c < channels; c++) {
                    double sum = 0.0, total = 0.0;
                    for (int v = 0; v < h; v++)
                        for (int u = 0; u < w; u++) {
                            double wy = 1.0 - fabs(v + 0.5 - (y + 0.5) * scale_y) / support_y;
                            double wx = 1.0 - fabs(u + 0.5 - (x + 0.5) * scale_x) / support_x;
                            if (wy <= 0.0 || wx <= 0.0) continue;
                            total += wy * wx;
                            sum += wy * wx * source[(v * w + u) * channels + c];
                        }
                    double got = pixels[(y * width + x) * channels + c];
                    assert_true(fabs(got - sum / total) < 0.501);
                }
    }
    /* An even image stays exactly even. */
    memset(source, 255, sizeof source);
    assert_true(sb_resample(source, 37, 91, pixels, 20, 13, 3, &scratch, &error));
    for (int i = 0; i < 20 * 13 * 3; i++) assert_int_equal(pixels[i], 255);
    free(scratch.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crops_and_flips),         cmocka_unit_test(never_and_always),
        cmocka_unit_test(center_pads_and_crops),   cmocka_unit_test(wide_reflection),
        cmocka_unit_test(epochs_are_permutations), cmocka_unit_test(resampling_is_its_definition),
    };
    return cmocka_run_group_tests_name("data augment", tests, NULL, NULL);
}
