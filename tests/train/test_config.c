/* The configuration: strict reading, round trip, and agreement with the schema for editors. */
#include "base/memory.h"
#include "train/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cJSON.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *schema_path, *example_directory;

static bool read_text(const char *text, struct sb_train_config *config, struct simba_error *error) {
    struct sb_json_document *document = sb_json_read_text("run.json", text, error);
    if (!document) return false;
    bool fine = sb_train_config_read(sb_json_root(document), config, error);
    sb_json_destroy(document);
    return fine;
}

static void defaults_and_round_trip(void **state) {
    (void)state;
    struct sb_train_config config, again;
    struct simba_error error;
    assert_true(read_text("{\"model\": {\"classes\": 2}, \"data\": {\"path\": \"d\", \"labels\": [\"a\", \"b\"]},"
                          " \"train\": {\"learning_rate\": 0.0123456789, \"seed\": 999999999999999},"
                          " \"output\": \"out\"}",
                          &config, &error));
    assert_int_equal(config.epochs, 310);
    assert_int_equal(config.label_count, 2);
    assert_string_equal(config.labels[1], "b");
    char *text = sb_train_config_write(&config, &error);
    assert_non_null(text);
    assert_true(read_text(text, &again, &error));
    char *text_again = sb_train_config_write(&again, &error);
    assert_string_equal(text, text_again);
    assert_true(again.learning_rate == 0.0123456789);
    assert_true(again.seed == 999999999999999);
    free(text);
    free(text_again);
    sb_train_config_finish(&config);
    sb_train_config_finish(&again);
}

/* Checkpoints of before there were other precisions say "float32". */
static void former_names(void **state) {
    (void)state;
    struct sb_train_config config;
    struct simba_error error;
    static const char *const texts[] = {"{\"data\": {\"path\": \"d\"}, \"train\": {\"precision\": \"float32\"}}",
                                        "{\"data\": {\"path\": \"d\"}, \"train\": {\"precision\": \"fp16\"}}"};
    for (int i = 0; i < 2; i++) {
        if (!read_text(texts[i], &config, &error)) fail_msg("%s", error.message);
        assert_int_equal(config.precision, i ? SB_PRECISION_FP16 : SB_PRECISION_FP32);
        char *text = sb_train_config_write(&config, &error);
        assert_non_null(strstr(text, i ? "\"fp16\"" : "\"fp32\""));
        assert_null(strstr(text, "float32"));
        free(text);
        sb_train_config_finish(&config);
    }
}

static void mistakes(void **state) {
    (void)state;
    /* What is wrong, and what the message must say. */
    static const struct {
        const char *text, *says[3];
    } cases[] = {
        {"{\"trian\": {}}", {"run.json", "$", "train"}},
        {"{\"data\": {\"path\": \"d\"}, \"train\": {\"epoch\": 3}}", {"$.train", "epoch", "epochs"}},
        {"{\"data\": {\"path\": \"d\"}, \"train\": {\"epochs\": \"ten\"}}", {"$.train.epochs", "integer", "ten"}},
        {"{\"data\": {\"path\": \"d\"}, \"train\": {\"epochs\": 0}}", {"$.train.epochs", "1"}},
        {"{\"data\": {\"path\": \"d\"}, \"train\": {\"schedule\": \"cosin\"}}", {"$.train.schedule", "cosine"}},
        {"{\"data\": {\"path\": \"d\"}, \"train\": {\"epochs\": 2, \"warmup_epochs\": 3}}", {"warmup_epochs", "2"}},
        {"{\"data\": {\"path\": \"d\"}, \"train\": {\"tail_epochs\": 2}}",
         {"$.train.tail_epochs", "published", "cosine"}},
        {"{\"data\": {\"path\": \"d\"}, \"train\": {\"decay_factor\": 0.9}}",
         {"$.train.decay_factor", "exponential", "cosine"}},
        {"{\"data\": {\"path\": \"d\"}, \"train\": {\"hold_epochs\": 2, \"schedule\": \"constant\"}}",
         {"$.train.hold_epochs", "exponential", "constant"}},
        {"{\"data\": {\"path\": \"d\"}, \"augmentation\": {\"scale\": [1, 0.5]}}",
         {"$.augmentation.scale", "two numbers", "smaller one first"}},
        {"{\"data\": {\"path\": \"d\"}, \"augmentation\": {\"scale\": [0.5, 2]}}", {"$.augmentation.scale[1]", "1"}},
        {"{\"data\": {\"path\": \"d\"}, \"train\": {\"precision\": \"float16\"}}", {"precision", "fp32", "fp16"}},
        {"{\"data\": {}}", {"$.data.path"}},
        {"{\"data\": {\"path\": \"d\", \"repeated_augmentation\": 0}}", {"$.data.repeated_augmentation", "1"}},
        {"{\"data\": {\"path\": \"d\"}, \"train\": {\"ema\": 1}}", {"$.train.ema"}},
        {"{\"data\": {\"path\": \"d\"}, \"train\": {\"layer_decay\": 0}}", {"$.train.layer_decay"}},
        {"{\"data\": {\"path\": \"d\"}, \"train\": {\"frozen_stages\": 5}}",
         {"$.train.frozen_stages", "5", "4 stages"}},
        {"{\"data\": {\"path\": \"d\", \"labels\": [\"a\"]}}", {"$.data.labels", "1", "1000"}},
        {"{\"data\": 3}", {"$.data", "object"}},
        {"{\"data\": {\"path\": \"d\"}, \"model\": {\"token_labels\": true}}", {"token_labels"}},
        {"{\"data\": {\"path\": \"d\"}, \"model\": {\"mixr\": \"mlp\"}}", {"$.model", "mixr", "mixer"}},
        {"{\"data\": {\"path\": \"d\", \"features\": \"M\"}}", {"$.data.features", "series", "images"}},
        {"{\"data\": {\"path\": \"d\", \"threads\": 2}, \"model\": {\"architecture\": \"series\"}}",
         {"$.data.threads", "images", "series"}},
        {"{\"data\": {\"path\": \"d\"}, \"model\": {\"architecture\": \"series\", \"image_size\": 3}}",
         {"$.model", "image_size"}},
        {"{\"data\": {\"path\": \"d\"}, \"model\": {\"architecture\": \"series\", \"dim\": 30}}", {"dim", "4", "30"}},
        {"{\"data\": {\"path\": \"d\"}, \"model\": {\"architecture\": \"series\", \"patch\": 300}}",
         {"patch", "300", "104"}},
        {"{\"data\": {\"path\": \"d\"}, \"model\": {\"architecture\": \"dlinear\", \"kernel\": 4}}", {"kernel", "odd"}},
        {"{\"data\": {\"path\": \"d\", \"split\": \"borders\"}, \"model\": {\"architecture\": \"series\"}}",
         {"$.data.split", "$.data.borders"}},
        {"{\"data\": {\"path\": \"d\", \"borders\": [9, 5, 12]}, \"model\": {\"architecture\": \"series\"}}",
         {"$.data.borders[1]", "9"}},
        {"{\"data\": {\"path\": \"d\", \"target\": \"OT\"}, \"model\": {\"architecture\": \"series\"}}",
         {"$.data.target", "MS"}},
        {"[1]", {"object"}},
        {"{\"data\": {\"path\": \"d\"},\n \"train\": {,}}", {"run.json", "2"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sb_train_config config;
        struct simba_error error = {0};
        if (read_text(cases[i].text, &config, &error)) fail_msg("accepted: %s", cases[i].text);
        for (int k = 0; k < 3 && cases[i].says[k]; k++)
            if (!strstr(error.message, cases[i].says[k]))
                fail_msg("%s: \"%s\" does not say \"%s\"", cases[i].text, error.message, cases[i].says[k]);
    }
}

static void schema_object_matches(const cJSON *schema, const char *name, const char *const *keys, int count) {
    const cJSON *properties = cJSON_GetObjectItemCaseSensitive(schema, "properties");
    assert_non_null(properties);
    assert_true(cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(schema, "additionalProperties")));
    for (int i = 0; i < count; i++)
        if (!cJSON_GetObjectItemCaseSensitive(properties, keys[i])) fail_msg("the schema lacks %s.%s", name, keys[i]);
    const cJSON *property;
    cJSON_ArrayForEach(property, properties) {
        int i = 0;
        while (i < count && strcmp(keys[i], property->string)) i++;
        if (i == count) fail_msg("the schema has %s.%s, which the reader does not know", name, property->string);
    }
}

static void schema_matches(void **state) {
    (void)state;
    struct simba_error error;
    struct sb_json_document *document = sb_json_read_file(schema_path, &error);
    if (!document) fail_msg("%s", error.message);
    const cJSON *root = sb_json_root(document).value;
    const char *keys[64];
    schema_object_matches(root, "$", keys, sb_train_config_keys("", keys));
    static const char *const sections[] = {"data", "augmentation", "train"};
    const cJSON *properties = cJSON_GetObjectItemCaseSensitive(root, "properties");
    for (int s = 0; s < 3; s++)
        schema_object_matches(cJSON_GetObjectItemCaseSensitive(properties, sections[s]), sections[s], keys,
                              sb_train_config_keys(sections[s], keys));
    /* The models' writers write every key that their readers know. */
    static const char *const models[] = {"{}", "{\"architecture\": \"series\", \"channels\": 7}",
                                         "{\"architecture\": \"dlinear\"}"};
    cJSON *written[3];
    int count = 0;
    for (int i = 0; i < 3; i++) {
        struct sb_json_document *text = sb_json_read_text("model", models[i], &error);
        struct sb_model_config model;
        if (!text || !sb_model_config_read(sb_json_root(text), &model, &error)) fail_msg("%s", error.message);
        char *again = sb_model_config_write(&model, &error);
        assert_non_null(again);
        written[i] = cJSON_Parse(again);
        const cJSON *item;
        cJSON_ArrayForEach(item, written[i]) {
            int known = 0;
            while (known < count && strcmp(keys[known], item->string)) known++;
            if (known == count) keys[count++] = item->string;
        }
        free(again);
        sb_json_destroy(text);
    }
    schema_object_matches(cJSON_GetObjectItemCaseSensitive(properties, "model"), "model", keys, count);
    for (int i = 0; i < 3; i++) cJSON_Delete(written[i]);
    sb_json_destroy(document);
}

static bool is_number(const cJSON *property) {
    const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(property, "type"));
    return type && (!strcmp(type, "integer") || !strcmp(type, "number"));
}

/* Whether the reader's error for a value of a wrong type names the bounds and the choices of the schema. */
static bool bounds_match(const cJSON *property, const char *message) {
    const cJSON *minimum = cJSON_GetObjectItemCaseSensitive(property, "minimum"),
                *maximum = cJSON_GetObjectItemCaseSensitive(property, "maximum"), *choice;
    char expected[160];
    if (is_number(property)) {
        assert_true(cJSON_IsNumber(minimum) && cJSON_IsNumber(maximum));
        const bool whole = !strcmp(cJSON_GetObjectItemCaseSensitive(property, "type")->valuestring, "integer");
        snprintf(expected, sizeof expected,
                 whole ? "an integer from %.0f to %.0f, found" : "a number from %.15g to %.15g, found",
                 minimum->valuedouble, maximum->valuedouble);
        return strstr(message, expected);
    }
    size_t used = (size_t)snprintf(expected, sizeof expected, "expected one of");
    cJSON_ArrayForEach(choice, cJSON_GetObjectItemCaseSensitive(property, "enum")) {
        const char *end = choice->next ? "," : "; found";
        used += (size_t)snprintf(expected + used, sizeof expected - used, " %s%s", choice->valuestring, end);
        assert_true(used < sizeof expected);
    }
    return strstr(message, expected);
}

/* The bounds of every number and the choices of every enumeration are those of some architecture's reader. */
static void schema_bounds_match(void **state) {
    (void)state;
    struct simba_error error;
    struct sb_json_document *document = sb_json_read_file(schema_path, &error);
    if (!document) fail_msg("%s", error.message);
    const cJSON *properties = cJSON_GetObjectItemCaseSensitive(sb_json_root(document).value, "properties");
    static const char *const sections[] = {"model", "data", "augmentation", "train"};
    static const char *const architectures[] = {"vision", "series", "dlinear"};
    int checked = 0;
    for (int s = 0; s < 4; s++) {
        const cJSON *property, *section = cJSON_GetObjectItemCaseSensitive(
                                   cJSON_GetObjectItemCaseSensitive(properties, sections[s]), "properties");
        cJSON_ArrayForEach(property, section) {
            if (!is_number(property) && !cJSON_HasObjectItem(property, "enum")) continue;
            if (!strcmp(property->string, "architecture")) continue;
            bool matches = false;
            for (int a = 0; a < 3; a++) {
                char text[256];
                struct sb_train_config config;
                snprintf(text, sizeof text, "{\"model\": {\"architecture\": \"%s\"%s%s%s}, \"%s\": {\"%s\": \"no\"}}",
                         architectures[a], s ? "" : ", \"", s ? "" : property->string, s ? "" : "\": \"no\"",
                         s ? sections[s] : "data", s ? property->string : "path");
                if (read_text(text, &config, &error)) fail_msg("%s was accepted", text);
                matches = matches || bounds_match(property, error.message);
            }
            if (!matches) fail_msg("$.%s.%s: not as the reader has it", sections[s], property->string);
            checked++;
        }
    }
    assert_true(checked > 70);
    sb_json_destroy(document);
}

static void shipped_configurations(void **state) {
    (void)state;
    DIR *files = opendir(example_directory);
    assert_non_null(files);
    int count = 0;
    for (const struct dirent *file; (file = readdir(files));) {
        if (!strstr(file->d_name, ".json")) continue;
        char path[1400];
        snprintf(path, sizeof path, "%s/%s", example_directory, file->d_name);
        struct simba_error error;
        struct sb_json_document *document = sb_json_read_file(path, &error);
        struct sb_train_config config;
        if (!document || !sb_train_config_read(sb_json_root(document), &config, &error)) fail_msg("%s", error.message);
        sb_train_config_finish(&config);
        sb_json_destroy(document);
        count++;
    }
    closedir(files);
    assert_true(count >= 12);
}

int main(int count, char **words) {
    if (count != 3) return 2;
    schema_path = words[1];
    example_directory = words[2];
    const struct CMUnitTest tests[] = {cmocka_unit_test(defaults_and_round_trip),
                                       cmocka_unit_test(former_names),
                                       cmocka_unit_test(mistakes),
                                       cmocka_unit_test(schema_matches),
                                       cmocka_unit_test(schema_bounds_match),
                                       cmocka_unit_test(shipped_configurations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
