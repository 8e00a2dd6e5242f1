/* Reading the "model" object: what is accepted, what an error says and where it points. */
#include "model/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the headers above first */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_config(const char *text, struct sb_model_config *config, struct simba_error *error) {
    memset(error, 0, sizeof *error);
    struct sb_json_document *document = sb_json_read_text("test.json", text, error);
    if (!document) return false;
    struct sb_json model;
    bool read =
        sb_json_member(sb_json_root(document), "model", &model, error) && sb_model_config_read(model, config, error);
    sb_json_destroy(document);
    return read;
}

static void defaults(void **state) {
    (void)state;
    struct sb_model_config config, expected = sb_model_config_default();
    struct simba_error error;
    assert_true(read_config("{}", &config, &error));
    assert_memory_equal(&config, &expected, sizeof config);
    assert_true(
        read_config("{\"model\": {\"size\": \"l\", \"image_size\": [96, 64], \"channels\": 1}}", &config, &error));
    assert_int_equal(config.dims[3], 512);
    assert_int_equal(config.depths[2], 18);
    assert_true(config.drop_path == 0.3);
    assert_int_equal(config.height, 96);
    assert_int_equal(config.width, 64);
    assert_true(config.mean[0] == 0.5f && config.deviation[0] == 0.5f);
}

static void custom(void **state) {
    (void)state;
    struct sb_model_config config;
    struct simba_error error;
    assert_true(read_config("{\"model\": {\"size\": \"custom\", \"stem\": 8, \"dims\": [16, 24], \"depths\": [1, 2], "
                            "\"mlp_ratios\": [2, 1.5], \"image_size\": 28, \"channels\": 1, \"mean\": [0.286], "
                            "\"deviation\": [0.353]}}",
                            &config, &error));
    assert_int_equal(config.stages, 2);
    assert_int_equal(config.dims[1], 24);
    assert_int_equal(config.dims[2], 0);
    assert_true(config.mlp_ratios[1] == 1.5 && config.drop_path == 0);
    assert_true(config.mean[0] == 0.286f);
}

static void round_trip(void **state) {
    (void)state;
    static const char *const texts[] = {
        "{\"model\": {}}", "{\"model\": {\"size\": \"b\", \"mixer\": \"einfft\", \"token_labels\": true}}",
        "{\"model\": {\"size\": \"custom\", \"stem\": 8, \"dims\": [16], \"depths\": [3], \"mlp_ratios\": [0.3], "
        "\"image_size\": [17, 40], \"drop_path\": 0.15, \"d_state\": 7, \"initialisation\": \"mamba\", \"channels\": "
        "2, "
        "\"mean\": [0.1, 0.7]}}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct sb_model_config config, again;
        struct simba_error error;
        assert_true(read_config(texts[i], &config, &error));
        char *written = sb_model_config_write(&config, &error), text[4096];
        assert_non_null(written);
        snprintf(text, sizeof text, "{\"model\": %s}", written);
        free(written);
        if (!read_config(text, &again, &error)) fail_msg("%s", error.message);
        assert_memory_equal(&config, &again, sizeof config);
    }
}

/* Each wrong text, and what the message must contain. */
static void errors(void **state) {
    (void)state;
    static const struct {
        const char *model, *place, *hint;
    } cases[] = {
        {"{\"mixr\": \"mlp\"}", "$.model.mixr", "mixer"},
        {"{\"mixer\": \"einft\"}", "$.model.mixer", "einfft"},
        {"{\"size\": \"xl\"}", "$.model.size", "custom"},
        {"{\"d_state\": 257}", "$.model.d_state", "256"},
        {"{\"d_state\": \"64\"}", "$.model.d_state", "integer"},
        {"{\"dims\": [64, 128, 320, 512]}", "$.model.dims", "custom"},
        {"{\"dims\": [64, 128]}", "$.model.dims", "4 numbers, found one of 2"},
        {"{\"image_size\": 16}", "$.model.image_size", "17 x 17"},
        {"{\"image_size\": [224]}", "$.model.image_size", "2 numbers"},
        {"{\"size\": \"custom\"}", "$.model", "\"stem\""},
        {"{\"size\": \"custom\", \"stem\": 4, \"dims\": [8, 10], \"depths\": [1, 1], \"mixer\": \"einfft\"}",
         "$.model.dims[1]", "multiple of 4"},
        {"{\"size\": \"custom\", \"stem\": 4, \"dims\": [8, 10], \"depths\": [1], \"mlp_ratios\": [1, 1]}",
         "$.model.depths", "2 numbers"},
        {"{\"size\": \"custom\", \"stem\": 4, \"dims\": [8, 0], \"depths\": [1, 1], \"mlp_ratios\": [1, 1]}",
         "$.model.dims[1]", "1"},
        {"{\"size\": \"custom\", \"stem\": 4, \"dims\": [8], \"depths\": [1], \"mlp_ratios\": [0.1]}",
         "$.model.mlp_ratios[0]", "no hidden"},
        {"{\"mean\": [0.5]}", "$.model.mean", "3 numbers"},
        {"{\"deviation\": [1, 0, 1]}", "$.model.deviation[1]", ""},
        {"{\"drop_path\": 1}", "$.model.drop_path", ""},
        {"{\"token_labels\": 1}", "$.model.token_labels", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sb_model_config config;
        struct simba_error error;
        char text[512];
        snprintf(text, sizeof text, "{\"model\": %s}", cases[i].model);
        if (read_config(text, &config, &error)) fail_msg("accepted: %s", text);
        assert_int_equal(error.code, SIMBA_ERROR_CONFIG);
        if (!strstr(error.message, cases[i].place) || !strstr(error.message, cases[i].hint) ||
            !strstr(error.message, "test.json"))
            fail_msg("%s: %s", text, error.message);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(defaults), cmocka_unit_test(custom),
                                       cmocka_unit_test(round_trip), cmocka_unit_test(errors)};
    return cmocka_run_group_tests_name("model configuration", tests, NULL, NULL);
}
