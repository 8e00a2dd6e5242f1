/* The forward graph: shapes of its results, names by module path, gradients for every parameter, what it costs. */
#include "model/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the headers above first */
#include <cmocka.h>

#include "gradients.h"

#include <stdio.h>
#include <string.h>

static struct sb_model_config config_of(const char *text) {
    struct simba_error error;
    struct sb_json_document *document = sb_json_read_text("test", text, &error);
    assert_non_null(document);
    struct sb_model_config config;
    if (!sb_model_config_read(sb_json_root(document), &config, &error)) fail_msg("%s", error.message);
    sb_json_destroy(document);
    return config;
}

static void check_shape(const struct sb_tensor *tensor, int rank, const int64_t *shape) {
    assert_non_null(tensor);
    assert_int_equal(tensor->rank, rank);
    for (int i = 0; i < rank; i++) assert_int_equal(tensor->shape[i], shape[i]);
}

struct build {
    struct sb_graph graph;
    struct sb_parameter_list list;
    struct sb_model_graph model;
};

static void start(struct build *build, const struct sb_model_config *config, bool training,
                  struct sb_model_graph_parameters parameters) {
    struct simba_error error;
    assert_true(sb_model_parameters(config, &build->list, &error));
    sb_graph_init(&build->graph, training);
    if (!sb_model_forward(&build->graph, config, &build->list, &parameters, &build->model, &error))
        fail_msg("%s", error.message);
}

static void finish(struct build *build) {
    sb_graph_finish(&build->graph);
    sb_parameter_list_finish(&build->list);
}

static void shapes_and_names(void **state) {
    (void)state;
    struct sb_model_config config = config_of("{\"image_size\": [64, 96], \"token_labels\": true, \"classes\": 10}");
    struct build build;
    start(&build, &config, true, (struct sb_model_graph_parameters){.batch = 2, .mix_tokens = true, .drop_path = true});
    check_shape(build.model.logits, 2, (int64_t[]){2, 10});
    check_shape(build.model.auxiliary, 3, (int64_t[]){2, 6, 10});
    check_shape(build.model.box, 1, (int64_t[]){4});
    check_shape(sb_find_tensor(&build.graph, "patch_embed1"), 3, (int64_t[]){2, 16 * 24, 64});
    check_shape(sb_find_tensor(&build.graph, "block2.3"), 3, (int64_t[]){2, 8 * 12, 128});
    check_shape(sb_find_tensor(&build.graph, "norm3"), 3, (int64_t[]){2, 4 * 6, 320});
    check_shape(sb_find_tensor(&build.graph, "post_network.0"), 3, (int64_t[]){2, 7, 448});
    check_shape(sb_find_tensor(&build.graph, "norm4"), 3, (int64_t[]){2, 7, 448});
    check_shape(sb_find_tensor(&build.graph, "block1.0.attn.norm"), 3, (int64_t[]){2, 16 * 24, 64});
    /* the first block never drops, the others have a factor for each branch */
    assert_null(sb_find_tensor(&build.graph, "block1.0.drop_path_mamba"));
    assert_non_null(sb_find_tensor(&build.graph, "block1.1.drop_path_mamba"));
    assert_non_null(sb_find_tensor(&build.graph, "block4.2.drop_path_mixer"));
    finish(&build);
}

static void every_parameter_has_a_gradient(void **state) {
    (void)state;
    static const char *const texts[] = {
        "{\"image_size\": 64, \"mixer\": \"einfft\", \"token_labels\": true}",
        "{\"image_size\": 33, \"mixer\": \"mlp\", \"channels\": 1}",
        "{\"size\": \"custom\", \"stem\": 4, \"dims\": [8], \"depths\": [1], \"mlp_ratios\": [2], \"image_size\": 9}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct sb_model_config config = config_of(texts[i]);
        struct build build;
        struct simba_error error;
        start(&build, &config, true, (struct sb_model_graph_parameters){.batch = 3, .from_bytes = true});
        struct sb_graph *graph = &build.graph;
        int64_t classes[] = {3, config.classes};
        struct sb_tensor *target = sb_input(graph, "target", SB_FLOAT32, 2, classes);
        struct sb_tensor *loss = sb_op_cross_entropy(graph, "loss", build.model.logits, target, 0, 1);
        if (build.model.auxiliary) {
            target = sb_input(graph, "dense", SB_FLOAT32, 3, build.model.auxiliary->shape);
            struct sb_tensor *dense = sb_op_cross_entropy(graph, "dense_loss", build.model.auxiliary, target, 0, 0.5f);
            loss = sb_op_add(graph, "total", loss, dense, 1, NULL);
        }
        if (!sb_differentiate(graph, loss, NULL, &error)) fail_msg("%s", error.message);
        check_gradients(graph, &build.list);
        finish(&build);
    }
}

/* 5.15 GMAC in linear and convolution layers and 185 M state updates per image (golden/timings.md). */
static void cost_of_simba_s(void **state) {
    (void)state;
    struct sb_model_config config = config_of("{}");
    struct build build;
    start(&build, &config, false, (struct sb_model_graph_parameters){.batch = 1});
    struct sb_cost cost = sb_graph_cost(&build.graph);
    assert_true(cost.flops > 2 * 5.15e9 && cost.flops < 2.6 * 5.15e9);
    assert_true(cost.special > 185e6 && cost.special < 400e6);
    finish(&build);
}

static void mixing_needs_whole_boxes(void **state) {
    (void)state;
    struct sb_model_config config = config_of("{\"image_size\": [64, 100], \"token_labels\": true}");
    struct sb_parameter_list list;
    struct simba_error error;
    assert_true(sb_model_parameters(&config, &list, &error));
    struct sb_graph graph;
    sb_graph_init(&graph, true);
    struct sb_model_graph model;
    struct sb_model_graph_parameters parameters = {.batch = 2, .mix_tokens = true};
    assert_false(sb_model_forward(&graph, &config, &list, &parameters, &model, &error));
    assert_int_equal(error.code, SIMBA_ERROR_CONFIG);
    assert_non_null(strstr(error.message, "32"));
    sb_graph_finish(&graph);
    sb_parameter_list_finish(&list);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(shapes_and_names),
                                       cmocka_unit_test(every_parameter_has_a_gradient),
                                       cmocka_unit_test(cost_of_simba_s), cmocka_unit_test(mixing_needs_whole_boxes)};
    return cmocka_run_group_tests_name("model graph", tests, NULL, NULL);
}
