/* The random choices of augmentation have the distributions that they should; seeds are fixed. Bounds are five standard
 * errors, or the 1e-6 tail of chi-square: a wrong distribution is far outside, a right one never is. */
#include "temporary.h"

#include "data/pipeline.h"
#include "data/random_resized_crop.h"

#include <math.h>

enum { DRAWS = 40000 };

static struct sb_random draw(int i) {
    return sb_random_start(7, SB_STREAM_TEST, (uint64_t)i);
}

struct moments {
    double count, sum, squares;
};

static void add(struct moments *moments, double value) {
    moments->count++;
    moments->sum += value;
    moments->squares += value * value;
}

/* The mean of draws of a uniform distribution, and that they reach its ends. */
static void check_uniform(const struct moments *moments, double low, double high) {
    const double mean = moments->sum / moments->count, deviation = (high - low) / sqrt(12);
    assert_true(fabs(mean - (low + high) / 2) < 5 * deviation / sqrt(moments->count));
    const double variance = moments->squares / moments->count - mean * mean;
    assert_true(fabs(variance / (deviation * deviation) - 1) < 5 * sqrt(0.8 / moments->count));
}

static void check_even(const int *counts, int bins, double statistic) {
    double total = 0, chi = 0;
    for (int i = 0; i < bins; i++) total += counts[i];
    for (int i = 0; i < bins; i++) chi += pow(counts[i] - total / bins, 2) / (total / bins);
    if (chi > statistic) fail_msg("chi-square %g over %d bins, at most %g", chi, bins, statistic);
}

static void random_resized_crops(void **state) {
    (void)state;
    /* In a large square image nothing is refused as long as the share of the area is small. */
    struct moments area = {0}, aspect = {0}, x = {0}, y = {0};
    const double scale[2] = {0.08, 0.5}, ratio[2] = {3.0 / 4, 4.0 / 3};
    for (int i = 0; i < DRAWS; i++) {
        struct sb_random random = draw(i);
        const struct sb_region region = sb_random_resized_crop(&random, 4000, 4000, scale, ratio);
        assert_true(region.left == floor(region.left) && region.width == floor(region.width));
        assert_true(region.left >= 0 && region.top >= 0 && region.left + region.width <= 4000 &&
                    region.top + region.height <= 4000);
        add(&area, region.width * region.height / 16e6);
        add(&aspect, log(region.width / region.height));
        add(&x, region.left / (4000 - region.width));
        add(&y, region.top / (4000 - region.height));
    }
    check_uniform(&area, 0.08, 0.5);
    check_uniform(&aspect, log(3.0 / 4), log(4.0 / 3));
    check_uniform(&x, 0, 1);
    check_uniform(&y, 0, 1);
    /* What never fits becomes the middle part with the nearest ratio; both ends of the place occur. */
    const double whole[2] = {1, 1}, square[2] = {1, 1};
    struct sb_random random = draw(0);
    struct sb_region region = sb_random_resized_crop(&random, 300, 100, whole, ratio);
    assert_true(region.left == 83 && region.top == 0 && region.width == 133 && region.height == 100);
    region = sb_random_resized_crop(&random, 30, 101, whole, square);
    assert_true(region.left == 0 && region.top == 35 && region.width == 30 && region.height == 30);
    int places[3] = {0};
    const double small[2] = {4.0 / 12, 4.0 / 12};
    for (int i = 0; i < DRAWS; i++) {
        random = draw(i);
        region = sb_random_resized_crop(&random, 4, 3, small, square);
        assert_true(region.width == 2 && region.height == 2);
        places[(int)region.left]++;
    }
    check_even(places, 3, 28);
}

static void padded_crops(void **state) {
    (void)state;
    uint8_t source[4 * 3], pixels[4 * 3];
    for (int i = 0; i < 12; i++) source[i] = (uint8_t)(i + 1);
    const struct sb_image image = {source, 4, 3, 1};
    int places[5][5] = {{0}};
    for (int i = 0; i < DRAWS; i++) {
        struct sb_random random = draw(i);
        sb_random_padded_crop(&image, 2, false, &random, pixels);
        /* Every place keeps row 1 or the one beside it, and column 1 or 2. */
        int found = -1;
        for (int place = 0; place < 25 && found < 0; place++) {
            bool same = true;
            for (int y = 0; y < 3; y++)
                for (int x = 0; x < 4; x++) {
                    const int from_y = y + place / 5 - 2, from_x = x + place % 5 - 2;
                    const bool in = from_y >= 0 && from_y < 3 && from_x >= 0 && from_x < 4;
                    same = same && pixels[y * 4 + x] == (in ? source[from_y * 4 + from_x] : 0);
                }
            if (same) found = place;
        }
        assert_true(found >= 0);
        places[found / 5][found % 5]++;
    }
    check_even(places[0], 25, 75);
    /* Mirrored without the border row, as often as it takes. */
    const uint8_t line[3] = {1, 2, 3};
    const struct sb_image row = {(uint8_t *)(uintptr_t)line, 3, 1, 1};
    for (int i = 0; i < 200; i++) {
        static const uint8_t mirrored[] = {3, 2, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3};
        struct sb_random random = draw(i);
        sb_random_padded_crop(&row, 6, true, &random, pixels);
        bool found = false;
        for (int k = 0; k + 3 <= (int)sizeof mirrored; k++) found = found || !memcmp(pixels, mirrored + k, 3);
        assert_true(found);
    }
}

static void randaugment_choices(void **state) {
    (void)state;
    struct sb_randaugment randaugment = {.fill = {9, 9, 9}};
    struct simba_error error = {0};
    assert_true(sb_randaugment_parse("rand-m9-mstd0.5-inc1", "here", &randaugment, &error));
    assert_true(randaugment.operations == 2 && randaugment.magnitude == 9 && randaugment.deviation == 0.5 &&
                randaugment.increasing && randaugment.fill[0] == 9);
    /* Only the affine operations leave their matrix: 5 of 15, two tries, each with probability 1/2. */
    struct sb_buffer work = {0};
    uint8_t pixels[8 * 8];
    int affine_count = 0, negative = 0, bins[5] = {0};
    struct moments magnitude = {0};
    for (int i = 0; i < DRAWS; i++) {
        struct sb_random random = draw(i);
        for (int k = 0; k < 64; k++) pixels[k] = (uint8_t)(k * 3);
        struct sb_image image = {pixels, 8, 8, 1};
        struct sb_affine affine[SB_RANDAUGMENT_MOST];
        int count;
        assert_true(sb_randaugment(&randaugment, &random, NULL, &image, &work, affine, &count, &error));
        affine_count += count;
        for (int k = 0; k < count; k++) {
            const double *m = affine[k].matrix;
            const int kind = m[0] != 1 ? 0 : m[1] != 0 ? 1 : m[3] != 0 ? 2 : m[2] != 0 ? 3 : 4;
            bins[kind]++;
            const double level = kind == 0   ? asin(m[3]) * 180 / acos(-1) / 30 * 10
                                 : kind == 1 ? m[1] / 0.3 * 10
                                 : kind == 2 ? m[3] / 0.3 * 10
                                 : kind == 3 ? m[2] / 0.45 * 10
                                             : m[5] / 0.45 * 10;
            negative += level < 0;
            add(&magnitude, fabs(level));
        }
    }
    const double expected = 2.0 * DRAWS * 0.5 / 3;
    assert_true(fabs(affine_count - expected) < 5 * sqrt(expected));
    check_even(bins, 5, 34);
    assert_true(fabs(negative - affine_count / 2.0) < 5 * sqrt(affine_count / 4.0));
    /* N(9, 0.5) cut at 10: two deviations above, so the mean loses 0.5 * 0.00849. */
    const double mean = magnitude.sum / magnitude.count;
    assert_true(fabs(mean - (9 - 0.5 * 0.00849)) < 5 * 0.5 / sqrt(magnitude.count));
    const double variance = magnitude.squares / magnitude.count - mean * mean;
    assert_true(variance > 0.22 && variance < 0.25);
    free(work.bytes);

    static const char *const wrong[] = {"rand-m11", "rand-n0",   "rand-n2.5", "auto",  "rand-x3",
                                        "rand-m",   "rand-inc2", "rand-m9-",  "randm9"};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(sb_randaugment_parse(wrong[i], "c.json: $.augmentation.randaugment", &randaugment, &error));
        check_error(&error, SIMBA_ERROR_CONFIG, "c.json: $.augmentation.randaugment");
    }
    assert_true(sb_randaugment_parse("", "here", &randaugment, &error));
    assert_int_equal(randaugment.operations, 0);
}

static void colour_jitter(void **state) {
    (void)state;
    /* Of two grey pixels brightness changes the sum first or contrast the difference first: the factors can be told. */
    struct moments brightness = {0};
    int order = 0;
    for (int i = 0; i < DRAWS; i++) {
        struct sb_random random = draw(i);
        uint8_t pixels[2] = {50, 150};
        struct sb_image image = {pixels, 2, 1, 1};
        sb_colour_jitter(&image, 0.4, &random);
        add(&brightness, (pixels[0] + pixels[1]) / 200.0);
        order += pixels[1] - pixels[0] > 100;
    }
    /* Contrast keeps the sum but for rounding down, twice half a step of 200. */
    assert_true(fabs(brightness.sum / brightness.count - 1) < 0.012);
    const double mean = brightness.sum / brightness.count;
    const double deviation = sqrt(brightness.squares / brightness.count - mean * mean);
    assert_true(fabs(deviation - 0.8 / sqrt(12)) < 0.006);
    assert_true(order > DRAWS / 3 && order < DRAWS * 2 / 3);
}

struct picture {
    struct sb_dataset base;
    uint8_t pixels[12 * 10 * 3];
};

static bool open_picture(const struct sb_dataset *base, struct sb_sample *sample, struct sb_scratch *scratch,
                         struct simba_error *error) {
    (void)base, (void)scratch, (void)error;
    sample->width = 12;
    sample->height = 10;
    return true;
}

static bool decode_picture(const struct sb_dataset *base, const struct sb_sample *sample, struct sb_region region,
                           int target_width, int target_height, struct sb_scratch *scratch, struct sb_image *image,
                           struct sb_region *inside, struct simba_error *error) {
    (void)sample, (void)target_width, (void)target_height, (void)scratch, (void)error;
    const struct picture *picture = (const struct picture *)base;
    *image = (struct sb_image){(uint8_t *)(uintptr_t)picture->pixels, 12, 10, 3};
    *inside = region;
    return true;
}

/* Both orders: the view tells where a pixel came from, and the data set's own memory is left alone. */
static void views(void **state) {
    (void)state;
    struct picture picture = {.base = {.count = 1, .channels = 3, .open = open_picture, .decode = decode_picture}};
    for (int y = 0; y < 10; y++)
        for (int x = 0; x < 12; x++) {
            uint8_t *pixel = picture.pixels + (y * 12 + x) * 3;
            pixel[0] = (uint8_t)(x * 20), pixel[1] = (uint8_t)(y * 20), pixel[2] = 77;
        }
    const struct picture before = picture;
    struct simba_error error = {0};
    struct sb_scratch scratch = {0};
    int flips = 0;
    for (int last = 0; last < 2; last++)
        for (int i = 0; i < 2000; i++) {
            const struct sb_pipeline pipeline = {.evaluation = {.height = 8, .width = 8},
                                                 .augment = true,
                                                 .crop = SB_CROP_RANDOM_RESIZED,
                                                 .scale = {0.3, 1},
                                                 .ratio = {0.75, 1.33},
                                                 .filter = SB_CROP_BILINEAR,
                                                 .flip = 0.5,
                                                 .crop_last = last};
            uint8_t pixels[8 * 8 * 3];
            struct sb_sample sample;
            struct sb_view view;
            assert_true(
                sb_pipeline_apply(&pipeline, &picture.base, 0, draw(i), &scratch, pixels, &sample, &view, &error));
            flips += view.flipped;
            /* The middle of the result is the middle of the crop; coordinates as shares. */
            double x = view.crop.left + view.crop.width / 2, y = view.crop.top + view.crop.height / 2;
            if (view.flipped && last) x = 1 - x;
            const int at = (3 * 8 + 3) * 3, across = 3, down = 8 * 3;
            const double red =
                (pixels[at] + pixels[at + across] + pixels[at + down] + pixels[at + across + down]) / 4.0;
            const double green =
                (pixels[at + 1] + pixels[at + across + 1] + pixels[at + down + 1] + pixels[at + across + down + 1]) /
                4.0;
            assert_true(fabs(red - (x * 12 - 0.5) * 20) < 2.5);
            assert_true(fabs(green - (y * 10 - 0.5) * 20) < 2.5);
            assert_int_equal(pixels[at + 2], 77);
        }
    assert_true(flips > 1800 && flips < 2200);
    assert_memory_equal(before.pixels, picture.pixels, sizeof before.pixels);
    sb_scratch_finish(&scratch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_resized_crops), cmocka_unit_test(padded_crops), cmocka_unit_test(randaugment_choices),
        cmocka_unit_test(colour_jitter),        cmocka_unit_test(views),
    };
    return cmocka_run_group_tests_name("data pipeline", tests, NULL, NULL);
}
