#include "temporary.h"

#include "base/half.h"
#include "data/token_target.h"
#include "io/torch_file.h"

#include <math.h>

enum { TOP = 3, CLASSES = 6, HEIGHT = 2, WIDTH = 3, MOST = TOP * 7 * 7 };

struct token_case {
    int height, width, as_published;
    struct sb_region crop;
    float scores[MOST];
    int32_t classes[MOST];
    float class_target[CLASSES], token_targets[HEIGHT * WIDTH * CLASSES];
};

#include "token_cases.h"

static const struct sb_token_targets geometric = {
    .classes = CLASSES, .height = HEIGHT, .width = WIDTH, .smoothing = 0.1};

static void check_targets(const float *got, const float *want, int count) {
    for (int i = 0; i < count; i++)
        if (fabsf(got[i] - want[i]) > 1e-6f)
            fail_msg("element %d: %g, expected %g", i, (double)got[i], (double)want[i]);
}

/* As torchvision's roi_align and torch's softmax have them. */
static void published_targets(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct sb_buffer work = {0};
    for (unsigned i = 0; i < sizeof token_cases / sizeof *token_cases; i++) {
        struct token_case c = token_cases[i];
        struct sb_label_map map = {TOP, c.height, c.width, c.scores, c.classes};
        struct sb_token_targets how = geometric;
        how.as_published = c.as_published;
        const struct sb_view view = {.crop = c.crop};
        float class_target[CLASSES], tokens[HEIGHT * WIDTH * CLASSES];
        assert_true(sb_token_targets_make(&how, &map, &view, true, class_target, tokens, &work, &error));
        check_targets(class_target, c.class_target, CLASSES);
        check_targets(tokens, c.token_targets, HEIGHT * WIDTH * CLASSES);
    }
    free(work.bytes);
}

/* One class for each place of a 2 x 3 map: what a token sees is the place that the geometry says. */
static void geometry(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct sb_buffer work = {0};
    const double shift = 1.0 / 3, half = 0.5;
    const struct {
        struct sb_view view;
        int32_t seen[6]; /* -1: nothing */
    } cases[] = {
        {{.crop = {0, 0, 1, 1}}, {0, 1, 2, 3, 4, 5}},
        {{.crop = {0, 0, 1, 1}, .flipped = true}, {2, 1, 0, 5, 4, 3}},
        {{.crop = {0, 0, 1, 1}, .affine = {{{1, 0, shift, 0, 1, 0}}}, .affine_count = 1}, {1, 2, -1, 4, 5, -1}},
        {{.crop = {0, 0, 1, 1}, .affine = {{{1, 0, 0, 0, 1, -half}}}, .affine_count = 1}, {-1, -1, -1, 0, 1, 2}},
        /* Flipped first, then shifted. */
        {{.crop = {0, 0, 1, 1}, .flipped = true, .affine = {{{1, 0, shift, 0, 1, 0}}}, .affine_count = 1},
         {1, 0, -1, 4, 3, -1}},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        float scores[6] = {20, 20, 20, 20, 20, 20}, class_target[6], tokens[6 * 6];
        int32_t classes[6] = {0, 1, 2, 3, 4, 5};
        struct sb_label_map map = {1, 2, 3, scores, classes};
        const struct sb_token_targets how = {.classes = 6, .height = 2, .width = 3};
        struct sb_view view = cases[i].view;
        /* Half a place, by which the published boxes are off, so that tokens lie upon places. */
        view.crop.left += 0.5 / 3, view.crop.top += 0.25;
        assert_true(sb_token_targets_make(&how, &map, &view, true, class_target, tokens, &work, &error));
        for (int t = 0; t < 6; t++) {
            /* Samples lie half-way between two places, or beyond the last one, upon it. */
            const int32_t seen = cases[i].seen[t];
            float largest = 0;
            for (int k = 0; k < 6; k++) largest = fmaxf(largest, tokens[t * 6 + k]);
            if (seen >= 0) assert_true(tokens[t * 6 + seen] == largest && largest > 0.2f);
        }
        /* Without "crop last" the affine operations came after the crop, and only the crop counts. */
    }
    free(work.bytes);
}

static void files(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct sb_buffer memory = {0};
    float scores[12] = {1.5f, -2, 1e9f, 65504, 0.1f, 0, 7, 8, 9, 10, 11, 12};
    int32_t classes[12] = {0, 1, 2, 3, 4, 2047, 6, 7, 8, 9, 10, 11};
    const struct sb_label_map map = {2, 2, 3, scores, classes};
    struct sb_label_map again;
    const char *path = temporary("map.pt");
    assert_true(sb_label_map_write(path, &map, &error));
    if (!sb_label_map_read(path, 2048, &memory, &again, &error)) fail_msg("%s", error.message);
    assert_true(again.top == 2 && again.height == 2 && again.width == 3);
    assert_memory_equal(again.classes, classes, sizeof classes);
    for (int i = 0; i < 12; i++)
        assert_true(again.scores[i] == (i == 2 ? 65504 : sb_float_from_half(sb_half_from_float(scores[i]))));
    assert_false(sb_label_map_read(path, 1000, &memory, &again, &error));
    check_error(&error, SIMBA_ERROR_FORMAT,
                "2047 where the number of a class is expected (element 17); are there 1000");
    classes[0] = 4000;
    assert_false(sb_label_map_write(path, &map, &error));
    check_error(&error, SIMBA_ERROR_UNSUPPORTED, "at most 2048");
    float other[8] = {0};
    const int64_t shape[3] = {2, 2, 2};
    struct sb_safetensors_entry entry = {.name = "", .type = SB_STORED_F32, .rank = 3, .shape = shape, .bytes = other};
    assert_true(sb_torch_write(path, &entry, 1, &error));
    assert_false(sb_label_map_read(path, 10, &memory, &again, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "expected a tensor [2, top, height, width]");
    entry.name = "a";
    assert_true(sb_torch_write(path, &entry, 1, &error));
    assert_false(sb_label_map_read(path, 10, &memory, &again, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "expected one tensor and nothing else");
    assert_false(sb_label_map_read(temporary("absent.pt"), 10, &memory, &again, &error));
    check_error(&error, SIMBA_ERROR_FILE, "absent.pt");
    free(memory.bytes);
}

/* Every half survives the way through float, and halves between are rounded to the nearest, ties to even. */
static void halves(void **state) {
    (void)state;
    for (uint32_t half = 0; half < 0x10000; half++) {
        const float value = sb_float_from_half((uint16_t)half);
        if (isnan(value)) continue;
        assert_int_equal(sb_half_from_float(value), half);
        if ((half & 0x7FFF) >= 0x7BFF) continue;
        const float next = sb_float_from_half((uint16_t)(half + 1)), middle = (value + next) / 2;
        assert_int_equal(sb_half_from_float(middle), half & 1 ? half + 1 : half);
        assert_int_equal(sb_half_from_float(nextafterf(middle, value)), half);
        assert_int_equal(sb_half_from_float(nextafterf(middle, next)), half + 1);
    }
    assert_int_equal(sb_half_from_float(65519.996f), 0x7BFF);
    assert_int_equal(sb_half_from_float(65520.0f), 0x7C00);
    assert_int_equal(sb_half_from_float(-1e30f), 0xFC00);
    assert_int_equal(sb_half_from_float(1e-10f), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_targets),
        cmocka_unit_test(geometry),
        cmocka_unit_test(files),
        cmocka_unit_test(halves),
    };
    return cmocka_run_group_tests_name("data token target", tests, make_temporary, remove_temporary);
}
