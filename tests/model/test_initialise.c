/* Fresh weights have the published distributions, kind by kind, and repeat with the seed. */
#include "model/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the headers above first */
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct sb_model_config config;
    struct sb_parameter_list list;
    float *space;
};

static void make(struct fixture *fixture, enum sb_mixer mixer, enum sb_initialisation initialisation, uint64_t seed) {
    struct simba_error error;
    fixture->config = sb_model_config_default();
    fixture->config.mixer = mixer;
    fixture->config.initialisation = initialisation;
    assert_true(sb_model_parameters(&fixture->config, &fixture->list, &error));
    fixture->space = calloc(fixture->list.total_bytes, 1);
    assert_non_null(fixture->space);
    assert_true(sb_model_initialise(&fixture->config, &fixture->list, seed, fixture->space, &error));
}

static void finish(struct fixture *fixture) {
    sb_parameter_list_finish(&fixture->list);
    free(fixture->space);
}

static const float *values(const struct fixture *fixture, const char *name, int64_t *count) {
    const struct sb_parameter *entry = sb_parameter_find(&fixture->list, name);
    assert_non_null(entry);
    *count = entry->elements;
    return fixture->space + entry->offset / 4;
}

/* Mean and deviation within five standard errors; `kurtosis` of the distribution: 3 normal, 1.8 uniform. */
static void check_spread(const struct fixture *fixture, const char *name, double deviation, double kurtosis) {
    int64_t count;
    const float *x = values(fixture, name, &count);
    double mean = 0, square = 0;
    for (int64_t i = 0; i < count; i++) mean += x[i];
    mean /= (double)count;
    for (int64_t i = 0; i < count; i++) square += (x[i] - mean) * (x[i] - mean);
    double measured = sqrt(square / (double)count), root = sqrt((double)count);
    if (fabs(mean) > 5 * deviation / root) fail_msg("%s: mean %g", name, mean);
    if (fabs(measured - deviation) > 5 * deviation * sqrt((kurtosis - 1) / 4) / root)
        fail_msg("%s: deviation %g, expected %g", name, measured, deviation);
}

static void check_constant(const struct fixture *fixture, const char *name, float value) {
    int64_t count;
    const float *x = values(fixture, name, &count);
    for (int64_t i = 0; i < count; i++)
        if (x[i] != value) fail_msg("%s[%lld] is %g, expected %g", name, (long long)i, x[i], value);
}

static void published(void **state) {
    (void)state;
    struct fixture fixture;
    make(&fixture, SB_MIXER_MLP, SB_INITIALISATION_PUBLISHED, 7);
    check_spread(&fixture, "block3.1.attn.mamba.in_proj.weight", 0.02, 3);
    check_spread(&fixture, "block3.1.attn.mamba.x_proj.weight", 0.02, 3);
    check_spread(&fixture, "block3.1.attn.mamba.dt_proj.weight", 0.02, 3);
    check_spread(&fixture, "block3.1.attn.mamba.out_proj.weight", 0.02, 3);
    check_spread(&fixture, "block3.1.mlp.fc1.weight", 0.02, 3);
    check_spread(&fixture, "head.weight", 0.02, 3);
    check_constant(&fixture, "block3.1.attn.mamba.dt_proj.bias", 0);
    check_constant(&fixture, "block3.1.mlp.fc1.bias", 0);
    check_constant(&fixture, "block3.1.attn.mamba.D", 1);
    check_constant(&fixture, "block3.1.norm2.weight", 1);
    check_constant(&fixture, "block3.1.norm2.bias", 0);
    check_constant(&fixture, "patch_embed1.conv.1.weight", 1);
    check_constant(&fixture, "patch_embed1.conv.1.running_mean", 0);
    check_constant(&fixture, "patch_embed1.conv.1.running_var", 1);
    check_constant(&fixture, "patch_embed2.proj.bias", 0);
    check_spread(&fixture, "block3.1.attn.mamba.conv1d.weight", 0.5 / sqrt(3), 1.8);
    check_spread(&fixture, "block3.1.attn.mamba.conv1d.bias", 0.5 / sqrt(3), 1.8);
    check_spread(&fixture, "patch_embed1.conv.0.weight", sqrt(2.0 / (49 * 32)), 3);
    check_spread(&fixture, "patch_embed3.proj.weight", sqrt(2.0 / (9 * 320)), 3);
    check_spread(&fixture, "block1.0.mlp.dwconv.dwconv.weight", sqrt(2.0 / 9), 3);
    int64_t count;
    const float *a_log = values(&fixture, "block1.0.attn.mamba.A_log", &count);
    for (int64_t i = 0; i < count; i++) assert_true(a_log[i] == (float)log((double)(i % 64 + 1)));
    finish(&fixture);
    make(&fixture, SB_MIXER_EINFFT, SB_INITIALISATION_PUBLISHED, 7);
    check_spread(&fixture, "block3.1.mlp.complex_weight_1", 0.02, 3);
    check_spread(&fixture, "block3.1.mlp.complex_weight_2", 0.02, 3);
    check_spread(&fixture, "block3.1.mlp.complex_bias_1", 0.02, 3);
    finish(&fixture);
}

/* Mamba's own step sizes: soft plus of the bias is spread log-uniformly over 0.001 .. 0.1. */
static void mamba(void **state) {
    (void)state;
    struct fixture fixture;
    make(&fixture, SB_MIXER_MLP, SB_INITIALISATION_MAMBA, 7);
    check_spread(&fixture, "block3.1.attn.mamba.dt_proj.weight", 1 / sqrt(20.0) / sqrt(3), 1.8);
    int64_t count;
    const float *bias = values(&fixture, "block3.1.attn.mamba.dt_proj.bias", &count);
    double mean = 0;
    for (int64_t i = 0; i < count; i++) {
        double delta = log1p(exp(bias[i]));
        assert_true(delta > 0.00099 && delta < 0.1001);
        mean += log(delta) / (double)count;
    }
    double centre = (log(0.001) + log(0.1)) / 2, deviation = (log(0.1) - log(0.001)) / sqrt(12);
    assert_true(fabs(mean - centre) < 5 * deviation / sqrt((double)count));
    check_spread(&fixture, "block3.1.attn.mamba.in_proj.weight", 0.02, 3);
    finish(&fixture);
}

static void repeats_with_the_seed(void **state) {
    (void)state;
    struct fixture first, second, other;
    make(&first, SB_MIXER_EINFFT, SB_INITIALISATION_PUBLISHED, 1);
    make(&second, SB_MIXER_EINFFT, SB_INITIALISATION_PUBLISHED, 1);
    make(&other, SB_MIXER_EINFFT, SB_INITIALISATION_PUBLISHED, 2);
    assert_memory_equal(first.space, second.space, first.list.total_bytes);
    int64_t count;
    const float *a = values(&first, "head.weight", &count), *b = values(&other, "head.weight", &count);
    assert_true(memcmp(a, b, (size_t)count * 4) != 0);
    /* parameters of one model are independent of each other, too */
    const float *c = values(&first, "block1.0.attn.mamba.in_proj.weight", &count);
    const float *d = values(&first, "block1.1.attn.mamba.in_proj.weight", &count);
    assert_true(memcmp(c, d, (size_t)count * 4) != 0);
    finish(&first);
    finish(&second);
    finish(&other);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(published), cmocka_unit_test(mamba),
                                       cmocka_unit_test(repeats_with_the_seed)};
    return cmocka_run_group_tests_name("model initialisation", tests, NULL, NULL);
}
