/* Learning rates: against the formulas worked out by hand, and the published sequence. */
#include "train/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

static void assert_near(double got, double expected) {
    if (fabs(got - expected) > 1e-12 + 1e-9 * fabs(expected)) fail_msg("got %.12g, expected %.12g", got, expected);
}

static void cosine_by_step(void **state) {
    (void)state;
    const struct sb_schedule schedule = {.kind = SB_SCHEDULE_COSINE,
                                         .peak = 1,
                                         .minimum = 0.1,
                                         .warmup_start = 0.01,
                                         .epoch_steps = 10,
                                         .epochs = 3,
                                         .warmup_epochs = 0.5};
    assert_near(sb_schedule_rate(&schedule, 0), 0.01);
    assert_near(sb_schedule_rate(&schedule, 1), 0.01 + 0.99 / 5);
    assert_near(sb_schedule_rate(&schedule, 5), 1);
    assert_near(sb_schedule_rate(&schedule, 17), 0.55); /* halfway between 5 and 29 */
    assert_near(sb_schedule_rate(&schedule, 29), 0.1);
    for (int step = 5; step < 29; step++)
        assert_true(sb_schedule_rate(&schedule, step) > sb_schedule_rate(&schedule, step + 1));
}

static void no_warmup_and_one_step(void **state) {
    (void)state;
    struct sb_schedule schedule = {
        .kind = SB_SCHEDULE_COSINE, .peak = 1, .minimum = 0.1, .epoch_steps = 1, .epochs = 1};
    assert_true(isfinite(sb_schedule_rate(&schedule, 0)));
    schedule.epochs = 2;
    assert_near(sb_schedule_rate(&schedule, 0), 1);
    assert_near(sb_schedule_rate(&schedule, 1), 0.1);
}

static void constant(void **state) {
    (void)state;
    const struct sb_schedule schedule = {
        .kind = SB_SCHEDULE_CONSTANT, .peak = 2, .epoch_steps = 4, .epochs = 5, .warmup_epochs = 1};
    assert_near(sb_schedule_rate(&schedule, 2), 1);
    assert_near(sb_schedule_rate(&schedule, 4), 2);
    assert_near(sb_schedule_rate(&schedule, 19), 2);
}

/* "type1" and "type3" of the forecasting field's code: after epoch k, counted from 1, the rate becomes base * 0.5^(k -
 * 1), or base for k < 3 and then base * 0.9^(k - 3). */
static void exponential(void **state) {
    (void)state;
    const struct sb_schedule halving = {.kind = SB_SCHEDULE_EXPONENTIAL,
                                        .peak = 0.8,
                                        .minimum = 0.03,
                                        .epoch_steps = 2,
                                        .epochs = 9,
                                        .decay = 0.5,
                                        .hold_epochs = 1};
    static const double expected[] = {0.8, 0.8, 0.4, 0.2, 0.1, 0.05, 0.03, 0.03};
    for (int epoch = 0; epoch < 8; epoch++)
        for (int step = 0; step < 2; step++) assert_near(sb_schedule_rate(&halving, 2 * epoch + step), expected[epoch]);
    struct sb_schedule slow = halving;
    slow.decay = 0.9;
    slow.hold_epochs = 3;
    assert_near(sb_schedule_rate(&slow, 7), 0.8);
    assert_near(sb_schedule_rate(&slow, 8), 0.72);
    slow.warmup_epochs = 1;
    assert_near(sb_schedule_rate(&slow, 0), 0);
    assert_near(sb_schedule_rate(&slow, 1), 0.4);
    assert_near(sb_schedule_rate(&slow, 2), 0.8);
}

/* Epochs 0 and 1 at the warm-up rate, then the steps of the warm-up, the cosine of 310 epochs from its time 5 on, and
 * twenty epochs at the minimum. */
static void published(void **state) {
    (void)state;
    const struct sb_schedule schedule = {.kind = SB_SCHEDULE_PUBLISHED,
                                         .peak = 2e-3,
                                         .minimum = 1e-5,
                                         .warmup_start = 1e-6,
                                         .epoch_steps = 1251,
                                         .epochs = 330,
                                         .warmup_epochs = 5,
                                         .tail_epochs = 20};
    static const double expected[] = {1e-6, 1e-6, 4.008e-4, 8.006e-4, 1.2004e-3, 1.6002e-3};
    for (int64_t epoch = 0; epoch < 6; epoch++) {
        assert_near(sb_schedule_rate(&schedule, 1251 * epoch), expected[epoch]);
        assert_near(sb_schedule_rate(&schedule, 1251 * epoch + 1250), expected[epoch]);
    }
    assert_true(fabs(sb_schedule_rate(&schedule, 1251 * 6) - 1.99872e-3) < 1e-8);
    assert_near(sb_schedule_rate(&schedule, 1251 * 311), 1e-5);
    assert_near(sb_schedule_rate(&schedule, 1251 * 329), 1e-5);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(cosine_by_step), cmocka_unit_test(no_warmup_and_one_step),
                                       cmocka_unit_test(constant), cmocka_unit_test(exponential),
                                       cmocka_unit_test(published)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
