/* Operations and resampling give what PIL gives, bit for bit (make_pil_cases.py). */
#include "temporary.h"

#include "data/evaluation_transform.h"
#include "data/randaugment.h"

struct operation_case {
    int operation, spread, width, height, channels;
    double level;
    int negative, increasing, filter;
    uint64_t hash;
};

struct resample_case {
    int source_width, source_height, channels, filter, left, top, region_width, region_height, width, height;
    uint64_t hash;
};

struct affine_case {
    int width, height, channels, filter;
    double matrix[6];
    uint64_t hash;
};

#include "pil_cases.h"

static struct sb_image pil_image(uint8_t *pixels, uint32_t seed, uint32_t spread, int width, int height, int channels) {
    for (uint32_t i = 0; i < (uint32_t)(width * height * channels); i++)
        pixels[i] = (uint8_t)(seed * 37 % (257 - spread) + ((i + seed) * 2654435761u >> 13) % spread);
    return (struct sb_image){pixels, width, height, channels};
}

static void operations(void **state) {
    (void)state;
    struct sb_buffer work = {0};
    struct simba_error error = {0};
    static uint8_t pixels[40 * 40 * 3];
    for (unsigned i = 0; i < sizeof operation_cases / sizeof *operation_cases; i++) {
        const struct operation_case *c = &operation_cases[i];
        struct sb_image image = pil_image(pixels, i, (uint32_t)c->spread, c->width, c->height, c->channels);
        const struct sb_randaugment randaugment = {.increasing = c->increasing, .fill = {124, 116, 104}};
        struct sb_affine affine;
        bool is_affine;
        assert_true(sb_randaugment_apply(&randaugment, (enum sb_randaugment_operation)c->operation, c->level,
                                         c->negative, (enum sb_filter)c->filter, &image, &work, &affine, &is_affine,
                                         &error));
        if (hash_of(pixels, c->width * c->height * c->channels) != c->hash)
            fail_msg("case %u: operation %d at level %g differs from PIL's", i, c->operation, c->level);
    }
    free(work.bytes);
}

/* In memory that ends with the last pixel, where a sanitizer sees an access beyond it. */
static void affine(void **state) {
    (void)state;
    struct sb_buffer work = {0};
    struct simba_error error = {0};
    for (unsigned i = 0; i < sizeof affine_cases / sizeof *affine_cases; i++) {
        const struct affine_case *c = &affine_cases[i];
        const int size = c->width * c->height * c->channels;
        uint8_t *pixels = malloc((size_t)size);
        assert_non_null(pixels);
        struct sb_image image = pil_image(pixels, i, 256, c->width, c->height, c->channels);
        static const uint8_t fill[] = {124, 116, 104};
        assert_true(sb_image_affine(&image, c->matrix, (enum sb_filter)c->filter, fill, &work, &error));
        if (hash_of(pixels, size) != c->hash) fail_msg("case %u differs from PIL's", i);
        free(pixels);
    }
    free(work.bytes);
}

/* Into memory that ends with the last pixel, where a sanitizer sees a read beyond it. */
static void resampling(void **state) {
    (void)state;
    struct sb_buffer work = {0};
    struct simba_error error = {0};
    static uint8_t pixels[60 * 60 * 3];
    for (unsigned i = 0; i < sizeof resample_cases / sizeof *resample_cases; i++) {
        const struct resample_case *c = &resample_cases[i];
        uint8_t *source = malloc((size_t)(c->source_width * c->source_height * c->channels));
        assert_non_null(source);
        const struct sb_image image = pil_image(source, i, 256, c->source_width, c->source_height, c->channels);
        struct sb_resampling how = {.region = {c->left, c->top, c->region_width, c->region_height},
                                    .filter = (enum sb_filter)c->filter,
                                    .width = c->width,
                                    .height = c->height};
        assert_true(sb_resample(&image, &how, pixels, c->width, c->height, &work, &error));
        if (hash_of(pixels, c->width * c->height * c->channels) != c->hash) fail_msg("case %u differs from PIL's", i);

        /* A window is a part of the whole result. */
        how.left = c->width / 3, how.top = c->height / 2;
        const int width = c->width - how.left, height = c->height - how.top;
        static uint8_t window[60 * 60 * 3];
        assert_true(sb_resample(&image, &how, window, width, height, &work, &error));
        for (int y = 0; y < height; y++)
            assert_memory_equal(window + y * width * c->channels,
                                pixels + ((how.top + y) * c->width + how.left) * c->channels,
                                (size_t)(width * c->channels));
        free(source);
    }
    free(work.bytes);
}

/* An image of the model's size is not touched; another one is scaled and cut as torchvision says. */
static void evaluation(void **state) {
    (void)state;
    struct sb_buffer work = {0};
    struct simba_error error = {0};
    static uint8_t source[30 * 20 * 3], pixels[30 * 20 * 3], want[48 * 32 * 3];
    const struct sb_image image = pil_image(source, 3, 256, 30, 20, 3);
    struct sb_evaluation_transform transform = {.height = 20, .width = 30};
    assert_true(sb_transform_for_evaluation(&transform, &image, pixels, &work, &error));
    assert_memory_equal(pixels, source, sizeof source);

    transform = (struct sb_evaluation_transform){
        .height = 16, .width = 16, .crop_fraction = 0.875, .filter = SB_FILTER_BICUBIC};
    const struct sb_resampling whole = {
        .region = {0, 0, 30, 20}, .filter = SB_FILTER_BICUBIC, .width = 27, .height = 18};
    assert_true(sb_resample(&image, &whole, want, 27, 18, &work, &error));
    assert_true(sb_transform_for_evaluation(&transform, &image, pixels, &work, &error));
    for (int y = 0; y < 16; y++) /* (27 - 16) / 2 = 5.5, to the even number */
        assert_memory_equal(pixels + y * 16 * 3, want + ((y + 1) * 27 + 6) * 3, 16 * 3);
    free(work.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations),
        cmocka_unit_test(affine),
        cmocka_unit_test(resampling),
        cmocka_unit_test(evaluation),
    };
    return cmocka_run_group_tests_name("data PIL", tests, NULL, NULL);
}
