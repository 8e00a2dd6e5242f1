/* Weights files: what is written is what PyTorch expects, comes back unchanged, and says when it does not fit. */
#include "model/weights.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the headers above first */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture {
    char folder[64], path[96];
    struct sb_model_config config;
    struct sb_parameter_list list;
    float *space;
};

static struct sb_model_config config_of(const char *text) {
    struct simba_error error;
    struct sb_json_document *document = sb_json_read_text("test", text, &error);
    assert_non_null(document);
    struct sb_model_config config;
    assert_true(sb_model_config_read(sb_json_root(document), &config, &error));
    sb_json_destroy(document);
    return config;
}

static const char small[] = "{\"size\": \"custom\", \"stem\": 4, \"dims\": [8, 12], \"depths\": [2, 1], "
                            "\"mlp_ratios\": [2, 1.4], \"d_state\": 5, \"channels\": 1, \"classes\": 3, "
                            "\"image_size\": 28, \"token_labels\": true}";

static int setup(void **state) {
    static struct fixture fixture;
    struct simba_error error;
    snprintf(fixture.folder, sizeof fixture.folder, "simba-weights-XXXXXX");
    assert_non_null(mkdtemp(fixture.folder));
    snprintf(fixture.path, sizeof fixture.path, "%s/model.safetensors", fixture.folder);
    fixture.config = config_of(small);
    assert_true(sb_model_parameters(&fixture.config, &fixture.list, &error));
    fixture.space = calloc(fixture.list.total_bytes, 1);
    assert_non_null(fixture.space);
    assert_true(sb_model_initialise(&fixture.config, &fixture.list, 3, fixture.space, &error));
    if (!sb_weights_save(fixture.path, &fixture.config, &fixture.list, fixture.space, &error))
        fail_msg("%s", error.message);
    *state = &fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    unlink(fixture->path);
    rmdir(fixture->folder);
    free(fixture->space);
    sb_parameter_list_finish(&fixture->list);
    return 0;
}

static struct sb_safetensors *open_file(const char *path) {
    struct simba_error error;
    struct sb_safetensors *file = sb_safetensors_open(path, &error);
    if (!file) fail_msg("%s", error.message);
    return file;
}

static void comes_back(void **state) {
    struct fixture *fixture = *state;
    struct simba_error error;
    struct sb_safetensors *file = open_file(fixture->path);
    assert_int_equal(file->count, fixture->list.count + 3);
    const struct sb_safetensor *counter = sb_safetensors_find(file, "patch_embed1.conv.4.num_batches_tracked");
    assert_non_null(counter);
    assert_int_equal(counter->type, SB_STORED_I64);
    assert_int_equal(counter->rank, 0);
    assert_string_equal(sb_safetensors_note(file, "format"), "pt");
    assert_string_equal(sb_safetensors_note(file, "architecture"), "simba_custom mlp");
    struct sb_model_config config;
    assert_true(sb_weights_config(file, &config, &error));
    assert_memory_equal(&config, &fixture->config, sizeof config);
    float *space = calloc(fixture->list.total_bytes, 1);
    if (!sb_weights_load(file, &fixture->list, space, &error)) fail_msg("%s", error.message);
    assert_memory_equal(space, fixture->space, fixture->list.total_bytes);
    free(space);
    sb_safetensors_close(file);
}

/* A file without our metadata, as PyTorch writes it: no num_batches_tracked either in some of them. */
static void foreign_file(void **state) {
    struct fixture *fixture = *state;
    struct simba_error error;
    struct sb_safetensors_entry *entries;
    int count, kept = 0;
    assert_true(sb_weights_entries(&fixture->list, fixture->space, &entries, &count, &error));
    for (int i = 0; i < count; i++)
        if (!strstr(entries[i].name, "num_batches_tracked")) entries[kept++] = entries[i];
    assert_true(sb_safetensors_write(fixture->path, entries, kept, NULL, 0, &error));
    free(entries);
    struct sb_safetensors *file = open_file(fixture->path);
    struct sb_model_config config;
    if (!sb_weights_config(file, &config, &error)) fail_msg("%s", error.message);
    assert_int_equal(config.stages, 2);
    assert_memory_equal(config.dims, fixture->config.dims, sizeof config.dims);
    assert_memory_equal(config.depths, fixture->config.depths, sizeof config.depths);
    assert_int_equal(config.d_state, 5);
    assert_int_equal(config.expand, 2);
    assert_int_equal(config.classes, 3);
    assert_true(config.token_labels);
    struct sb_parameter_list list;
    assert_true(sb_model_parameters(&config, &list, &error));
    assert_int_equal(list.trainable_elements, fixture->list.trainable_elements);
    float *space = calloc(list.total_bytes, 1);
    if (!sb_weights_load(file, &list, space, &error)) fail_msg("%s", error.message);
    assert_memory_equal(space, fixture->space, list.total_bytes);
    free(space);
    sb_parameter_list_finish(&list);
    sb_safetensors_close(file);
}

/* A foreign file whose shapes are beyond all limits, and take no bytes. */
static void foreign_file_of_any_size(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        const char *name;
        int64_t shape[3];
        const char *part;
    } cases[] = {
        {"patch_embed1.conv.0.weight", {(int64_t)1 << 40, 1, 0}, "$.stem: expected an integer from 1 to 4096"},
        {"patch_embed2.norm.weight", {(int64_t)1 << 50, 0, 0}, "$.dims[1]: expected an integer from 1 to 16384"},
        {"block1.0.attn.mamba.A_log", {16, 257, 0}, "$.d_state: expected an integer from 1 to 256, found 257"},
        {"block1.0.attn.mamba.conv1d.weight", {0, 1, (int64_t)1 << 40}, "$.d_conv: expected an integer from 1 to 16"},
        {"head.weight", {(int64_t)1 << 52, 0, 0}, "$.classes: expected an integer from 2 to 1048576"},
        {"block1.0.mlp.fc1.weight", {(int64_t)1 << 45, 0, 0}, "$.mlp_ratios[0]: expected a number from 0.01 to 64"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct simba_error error;
        struct sb_safetensors_entry *entries;
        struct sb_model_config config;
        int count;
        assert_true(sb_weights_entries(&fixture->list, fixture->space, &entries, &count, &error));
        int changed = 0;
        while (strcmp(entries[changed].name, cases[i].name) != 0) changed++;
        entries[changed].rank = 3;
        entries[changed].shape = cases[i].shape;
        assert_true(sb_safetensors_write(fixture->path, entries, count, NULL, 0, &error));
        free(entries);
        struct sb_safetensors *file = open_file(fixture->path);
        if (sb_weights_config(file, &config, &error)) fail_msg("%s was accepted", cases[i].name);
        if (!strstr(error.message, cases[i].part) || !strstr(error.message, fixture->path))
            fail_msg("expected \"%s\", found \"%s\"", cases[i].part, error.message);
        assert_int_equal(error.code, SIMBA_ERROR_FORMAT);
        sb_safetensors_close(file);
    }
}

static void other_architecture(void **state) {
    struct fixture *fixture = *state;
    struct simba_error error;
    struct sb_model_config config = fixture->config;
    config.depths[0] = 1;
    config.depths[1] = 2;
    config.classes = 5;
    struct sb_parameter_list list;
    assert_true(sb_model_parameters(&config, &list, &error));
    float *space = calloc(list.total_bytes, 1);
    struct sb_safetensors *file = open_file(fixture->path);
    assert_false(sb_weights_load(file, &list, space, &error));
    assert_int_equal(error.code, SIMBA_ERROR_FORMAT);
    assert_non_null(strstr(error.message, fixture->path));
    assert_non_null(strstr(error.message, "missing: block2.1.norm2.weight [12]"));
    assert_non_null(strstr(error.message, "more"));
    sb_parameter_list_finish(&list);
    config = fixture->config;
    config.classes = 5;
    config.token_labels = false; /* aux_head may stay */
    assert_true(sb_model_parameters(&config, &list, &error));
    assert_false(sb_weights_load(file, &list, space, &error));
    assert_non_null(strstr(error.message, "other shape: head.weight, expected [5, 12], found [3, 12]"));
    assert_null(strstr(error.message, "aux_head"));
    sb_parameter_list_finish(&list);
    free(space);
    sb_safetensors_close(file);
}

static void published_size(void **state) {
    (void)state;
    struct sb_model_config config = config_of("{\"size\": \"b\"}"), expected = config;
    snprintf(config.size, sizeof config.size, "custom");
    config.drop_path = 0;
    sb_model_config_recognise(&config);
    assert_string_equal(config.size, "b");
    assert_true(config.drop_path == expected.drop_path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(foreign_file, setup, teardown),
        cmocka_unit_test_setup_teardown(foreign_file_of_any_size, setup, teardown),
        cmocka_unit_test_setup_teardown(other_architecture, setup, teardown),
        cmocka_unit_test(published_size),
    };
    return cmocka_run_group_tests_name("model weights", tests, NULL, NULL);
}
