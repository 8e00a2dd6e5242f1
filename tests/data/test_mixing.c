/* The draws of random erasing, Mixup and CutMix have their distributions, and weights, boxes and targets agree. Bounds
 * as in test_pipeline.c. */
#include "temporary.h"

#include "base/random.h"
#include "data/mixing.h"

#include <math.h>

enum { HEIGHT = 24, WIDTH = 40, CLASSES = 10, BATCH = 6, ROUNDS = 4000 };

static void betas(void **state) {
    (void)state;
    /* Beta(a, a): mean 1/2, variance 1 / (4 (2 a + 1)); its fourth moment bounds the variance's error. */
    static const double alphas[] = {0.1, 0.8, 1, 3};
    for (int k = 0; k < 4; k++) {
        double sum = 0, squares = 0;
        struct sb_random random = sb_random_start(1, SB_STREAM_TEST, (uint64_t)k);
        enum { DRAWS = 100000 };
        for (int i = 0; i < DRAWS; i++) {
            const double x = sb_random_beta(&random, alphas[k]);
            assert_true(x >= 0 && x <= 1);
            sum += x;
            squares += (x - 0.5) * (x - 0.5);
        }
        const double variance = 1 / (4 * (2 * alphas[k] + 1));
        assert_true(fabs(sum / DRAWS - 0.5) < 5 * sqrt(variance / DRAWS));
        assert_true(fabs(squares / DRAWS - variance) < 5 * 0.25 * sqrt(variance / DRAWS));
    }
}

static void erasing(void **state) {
    (void)state;
    int erased = 0;
    double area = 0, top = 0;
    const struct sb_mixing mixing = {.erasing = 0.25, .erasing_boxes = 1};
    for (int round = 0; round < ROUNDS; round++) {
        float boxes[BATCH * 4];
        sb_draw_erasing(&mixing, 3, (uint64_t)round, BATCH, 1000, 1000, boxes);
        for (int b = 0; b < BATCH; b++) {
            const float *box = boxes + 4 * b;
            const float h = box[2] - box[0], w = box[3] - box[1];
            if (h <= 0) continue;
            assert_true(box[0] >= 0 && box[1] >= 0 && box[2] <= 1000 && box[3] <= 1000 && w > 0);
            assert_true(h / w > 0.297f && h / w < 3.36f && h * w > 19000 && h * w < 336000);
            erased++;
            area += (double)(h * w) / 1e6;
            top += (double)(box[0] / (1000 - h));
        }
    }
    const double count = ROUNDS * BATCH;
    assert_true(fabs(erased / count - 0.25) < 5 * sqrt(0.25 * 0.75 / count));
    /* Uniform in [0.02, 1/3]; no such box is larger than the image. */
    assert_true(fabs(area / erased - (0.02 + 1.0 / 3) / 2) < 5 * 0.0905 / sqrt(erased));
    assert_true(fabs(top / erased - 0.5) < 5 * 0.289 / sqrt(erased));
    /* Several boxes share the area; the draw of an image does not depend on those around it. */
    const struct sb_mixing three = {.erasing = 1, .erasing_boxes = 3};
    float boxes[4 * 12], alone[12];
    sb_draw_erasing(&three, 9, 5, 4, 100, 100, boxes);
    sb_draw_erasing(&three, 9, 5 * 4 + 2, 1, 100, 100, alone);
    assert_memory_equal(alone, boxes + 2 * 12, sizeof alone);
    for (int k = 0; k < 12; k++) {
        const float *box = boxes + 4 * k;
        assert_true((box[2] - box[0]) * (box[3] - box[1]) < 10000.0f / 9 * 1.2f);
    }
}

/* What the row of an image says about its share of the result. */
static double own_share(const float *row) {
    const double box = (double)((row[3] - row[1]) * (row[4] - row[2])) / (HEIGHT * WIDTH);
    return (double)row[0] * (1 - box);
}

static void mixing(void **state) {
    (void)state;
    const int32_t labels[BATCH] = {0, 1, 2, 3, 4, 1};
    for (int mode = SB_MIX_BATCH; mode <= SB_MIX_ELEMENT; mode++) {
        const struct sb_mixing how = {.mixup = 0.8,
                                      .cutmix = 1,
                                      .probability = 0.7,
                                      .switch_probability = 0.4,
                                      .mode = (enum sb_mix_mode)mode};
        int mixed = 0, cut = 0, draws = 0, differ = 0;
        double weights = 0;
        for (int round = 0; round < ROUNDS; round++) {
            float mix[BATCH * 5], targets[BATCH * CLASSES];
            sb_draw_mixing(&how, 3, (uint64_t)round, BATCH, HEIGHT, WIDTH, labels, CLASSES, 0.1, mix, targets);
            for (int b = 0; b < BATCH; b++) {
                const float *row = mix + 5 * b, *target = targets + CLASSES * b;
                const double lambda = own_share(row);
                for (int k = 0; k < CLASSES; k++) {
                    const double want = 0.01 + 0.9 * (lambda * (k == labels[b]) + (1 - lambda) * (k == labels[5 - b]));
                    assert_true(fabs((double)target[k] - want) < 1e-6);
                }
                if (mode == SB_MIX_BATCH) assert_memory_equal(row, mix, 5 * sizeof *row);
                if (mode == SB_MIX_PAIR) assert_memory_equal(row, mix + 5 * (5 - b), 5 * sizeof *row);
                differ += memcmp(row, mix + 5 * (5 - b), 5 * sizeof *row) != 0;
                if ((mode == SB_MIX_BATCH && b) || (mode == SB_MIX_PAIR && b > 2)) continue;
                draws++;
                const bool is_cut = row[3] > row[1] && row[4] > row[2], is_mixed = row[0] != 1;
                assert_true(!(is_cut && is_mixed));
                if (is_cut) assert_true(row[1] >= 0 && row[2] >= 0 && row[3] <= HEIGHT && row[4] <= WIDTH);
                cut += is_cut;
                mixed += is_mixed;
                if (is_mixed) weights += (double)row[0];
            }
        }
        assert_true(mode == SB_MIX_ELEMENT ? differ > ROUNDS : differ == 0);
        /* A box of a lambda near 1 is empty: sides of 24 and 40 lose the last 2/24 squared and less. */
        assert_true(fabs(mixed - draws * 0.7 * 0.6) < 5 * sqrt(draws * 0.42 * 0.58));
        assert_true(cut > draws * 0.28 * 0.95 && cut < draws * 0.28 * 1.04);
        assert_true(fabs(weights / mixed - 0.5) < 5 * 0.31 / sqrt(mixed));
    }
    /* Only one of them: no switch is drawn. */
    struct sb_mixing cutmix = {.cutmix = 1, .probability = 1};
    float mix[5 * 2], targets[2 * CLASSES];
    for (int round = 0; round < 100; round++) {
        sb_draw_mixing(&cutmix, 3, (uint64_t)round, 2, HEIGHT, WIDTH, labels, CLASSES, 0, mix, targets);
        assert_true(mix[0] == 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(betas),
        cmocka_unit_test(erasing),
        cmocka_unit_test(mixing),
    };
    return cmocka_run_group_tests_name("data mixing", tests, NULL, NULL);
}
