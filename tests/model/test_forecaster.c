/* The models for series: their configuration, parameters, fresh weights and graphs. What they compute is checked by the
 * golden cases series_* and dlinear. */
#include "graph/differentiate.h"
#include "model/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the headers above first */
#include <cmocka.h>

#include "gradients.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_config(const char *text, struct sb_model_config *config, struct simba_error *error) {
    memset(error, 0, sizeof *error);
    struct sb_json_document *document = sb_json_read_text("test.json", text, error);
    const bool read = document && sb_model_config_read(sb_json_root(document), config, error);
    sb_json_destroy(document);
    return read;
}

static struct sb_model_config config_of(const char *text) {
    struct sb_model_config config;
    struct simba_error error;
    if (!read_config(text, &config, &error)) fail_msg("%s: %s", text, error.message);
    return config;
}

/* ---- configuration */

static void defaults(void **state) {
    (void)state;
    struct sb_model_config config = config_of("{\"architecture\": \"series\"}");
    const struct sb_forecaster_config *forecaster = &config.forecaster;
    /* PatchTST's patches: 12 tokens */
    assert_int_equal(forecaster->look_back, 96);
    assert_int_equal(forecaster->horizon, 96);
    assert_int_equal(forecaster->patch, 16);
    assert_int_equal(forecaster->stride, 8);
    assert_int_equal(forecaster->padding, 8);
    assert_int_equal(sb_forecaster_tokens(forecaster), 12);
    assert_int_equal(forecaster->normalise, SB_NORMALISE_INSTANCE);
    assert_true(forecaster->final_norm && !forecaster->mix_channels && !forecaster->bidirectional);
    assert_int_equal(forecaster->head, SB_HEAD_FLATTEN);
    assert_int_equal(config.mixer, SB_MIXER_EINFFT);
    assert_int_equal(config.channels, 0); /* as the data */
    assert_int_equal(config.d_conv, 4);
    assert_int_equal(config.expand, 2);
    assert_true(forecaster->dropout == 0 && forecaster->head_dropout == 0 && config.drop_path == 0);

    /* DLinear's authors normalise nothing and average over 25 */
    config = config_of("{\"architecture\": \"dlinear\"}");
    assert_int_equal(config.forecaster.normalise, SB_NORMALISE_NONE);
    assert_int_equal(config.forecaster.kernel, 25);
}

/* Every key with a value of its own, and where it must arrive. */
static void all_keys(void **state) {
    (void)state;
    const struct sb_model_config config =
        config_of("{\"architecture\": \"series\", \"look_back\": 61, \"horizon\": 62, \"channels\": 63, \"normalise\": "
                  "\"mean\", \"mix_channels\": true, \"patch\": 5, \"stride\": 3, \"end_padding\": 2, \"dim\": 44, "
                  "\"depth\": 7, \"mixer\": \"mlp\", \"mlp_ratio\": 1.25, \"bidirectional\": true, \"final_norm\": "
                  "false, \"d_state\": 9, \"d_conv\": 6, \"expand\": 4, \"head\": \"mean\", \"dropout\": 0.125, "
                  "\"head_dropout\": 0.25, \"drop_path\": 0.375, \"initialisation\": \"mamba\"}");
    const struct sb_forecaster_config *forecaster = &config.forecaster;
    assert_int_equal(forecaster->look_back, 61);
    assert_int_equal(forecaster->horizon, 62);
    assert_int_equal(config.channels, 63);
    assert_int_equal(forecaster->normalise, SB_NORMALISE_MEAN);
    assert_true(!forecaster->final_norm && forecaster->mix_channels && forecaster->bidirectional);
    assert_int_equal(forecaster->patch, 5);
    assert_int_equal(forecaster->stride, 3);
    assert_int_equal(forecaster->padding, 2);
    assert_int_equal(sb_forecaster_tokens(forecaster), (61 + 2 - 5) / 3 + 1);
    assert_int_equal(forecaster->dim, 44);
    assert_int_equal(forecaster->depth, 7);
    assert_int_equal(config.mixer, SB_MIXER_MLP);
    assert_true(forecaster->mlp_ratio == 1.25);
    assert_int_equal(config.d_state, 9);
    assert_int_equal(config.d_conv, 6);
    assert_int_equal(config.expand, 4);
    assert_int_equal(forecaster->head, SB_HEAD_MEAN);
    assert_true(forecaster->dropout == 0.125 && forecaster->head_dropout == 0.25 && config.drop_path == 0.375);
    assert_int_equal(config.initialisation, SB_INITIALISATION_MAMBA);
}

/* What is written has every key of the text, reads back to the same, and is then written the same. */
static void round_trip(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int keys; /* that are written */
    } cases[] = {
        {"{\"architecture\": \"series\"}", 22}, /* channels are not known */
        {"{\"architecture\":\"series\",\"look_back\":61,\"horizon\":62,\"channels\":63,\"normalise\":\"mean\","
         "\"mix_channels\":true,\"patch\":5,\"stride\":3,\"end_padding\":0,\"dim\":44,\"depth\":7,\"mixer\":\"mlp\","
         "\"mlp_ratio\":1.25,\"bidirectional\":true,\"final_norm\":false,\"d_state\":9,\"d_conv\":6,\"expand\":4,"
         "\"head\":\"mean\",\"dropout\":0.125,\"head_dropout\":0.25,\"drop_path\":0.375,\"initialisation\":\"mamba\"}",
         23},
        {"{\"architecture\":\"dlinear\",\"look_back\":40,\"horizon\":3,\"channels\":2,\"normalise\":\"instance\","
         "\"kernel\":7}",
         6},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct sb_model_config config = config_of(cases[i].text);
        struct simba_error error;
        char *written = sb_model_config_write(&config, &error);
        assert_non_null(written);
        const struct sb_model_config again = config_of(written);
        char *second = sb_model_config_write(&again, &error);
        assert_non_null(second);
        assert_string_equal(written, second);
        assert_memory_equal(&again.forecaster, &config.forecaster, sizeof config.forecaster);
        int keys = 0;
        for (const char *at = written; *at; at++) keys += *at == ':';
        if (keys != cases[i].keys) fail_msg("%d keys in %s", keys, written);
        if (i) assert_string_equal(written, cases[i].text);
        free(written);
        free(second);
    }
}

/* Each wrong text, and what the message must contain. */
static void errors(void **state) {
    (void)state;
    static const struct {
        const char *text, *place, *hint;
    } cases[] = {
        {"{\"architecture\": \"serie\"}", "$.architecture", "\"series\""},
        {"{\"architecture\": \"series\", \"lookback\": 96}", "$.lookback", "\"look_back\""},
        /* keys of the other models */
        {"{\"architecture\": \"series\", \"kernel\": 25}", "$.kernel", "unknown key"},
        {"{\"architecture\": \"series\", \"image_size\": 224}", "$.image_size", "unknown key"},
        {"{\"architecture\": \"dlinear\", \"patch\": 16}", "$.patch", "unknown key"},
        {"{\"architecture\": \"dlinear\", \"dropout\": 0.1}", "$.dropout", "unknown key"},
        {"{\"look_back\": 96}", "$.look_back", "unknown key"},
        /* values */
        {"{\"architecture\": \"series\", \"look_back\": 0}", "$.look_back", "1"},
        {"{\"architecture\": \"series\", \"horizon\": 1.5}", "$.horizon", "integer"},
        {"{\"architecture\": \"series\", \"channels\": 0}", "$.channels", "1"},
        {"{\"architecture\": \"series\", \"normalise\": \"revin\"}", "$.normalise", "instance"},
        {"{\"architecture\": \"series\", \"stride\": 0}", "$.stride", "1"},
        {"{\"architecture\": \"series\", \"end_padding\": -1}", "$.end_padding", "0"},
        {"{\"architecture\": \"series\", \"d_state\": 257}", "$.d_state", "256"},
        {"{\"architecture\": \"series\", \"mixer\": \"monarch\"}", "$.mixer", "einfft"},
        {"{\"architecture\": \"series\", \"head\": \"flat\"}", "$.head", "flatten"},
        {"{\"architecture\": \"series\", \"dropout\": 1}", "$.dropout", "0.99"},
        {"{\"architecture\": \"series\", \"initialisation\": \"zero\"}", "$.initialisation", "published"},
        /* values that do not go together */
        {"{\"architecture\": \"series\", \"look_back\": 20, \"end_padding\": 3, \"patch\": 24}", "$", "only 23 values"},
        {"{\"architecture\": \"series\", \"dim\": 18}", "$", "multiple of 4"},
        {"{\"architecture\": \"series\", \"mixer\": \"mlp\", \"dim\": 4, \"mlp_ratio\": 0.2}", "$",
         "no hidden channel"},
        {"{\"architecture\": \"dlinear\", \"kernel\": 24}", "$", "odd"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sb_model_config config;
        struct simba_error error;
        if (read_config(cases[i].text, &config, &error)) fail_msg("accepted: %s", cases[i].text);
        assert_int_equal(error.code, SIMBA_ERROR_CONFIG);
        if (!strstr(error.message, cases[i].place) || !strstr(error.message, cases[i].hint) ||
            !strstr(error.message, "test.json"))
            fail_msg("%s: %s", cases[i].text, error.message);
    }
    /* one patch may fill the window and its padding */
    assert_int_equal(
        sb_forecaster_tokens(&(struct sb_forecaster_config){.look_back = 20, .padding = 3, .patch = 23, .stride = 8}),
        1);
}

/* ---- parameters */

struct entry {
    const char *name;
    int rank;
    int64_t shape[4];
};

static void check_parameters(const char *text, const struct entry *expected, int count) {
    const struct sb_model_config config = config_of(text);
    struct sb_parameter_list list;
    struct simba_error error;
    assert_true(sb_model_parameters(&config, &list, &error));
    for (int i = 0; i < count && i < list.count; i++) {
        const struct sb_parameter *parameter = &list.entries[i];
        assert_string_equal(parameter->name, expected[i].name);
        assert_int_equal(parameter->rank, expected[i].rank);
        for (int axis = 0; axis < parameter->rank; axis++)
            if (parameter->shape[axis] != expected[i].shape[axis])
                fail_msg("%s: axis %d has %lld", parameter->name, axis, (long long)parameter->shape[axis]);
        assert_true(parameter->trainable);
        /* the published rule, and positions like every bias */
        const char *end = strrchr(parameter->name, '.');
        const bool free_of_decay =
            parameter->rank == 1 || !strcmp(parameter->name, "position") || (end && !strcmp(end, ".bias"));
        assert_int_equal(parameter->decay, !free_of_decay);
    }
    assert_int_equal(list.count, count);
    sb_parameter_list_finish(&list);
}
#define CHECK_PARAMETERS(text, expected) check_parameters(text, expected, (int)(sizeof expected / sizeof *expected))

/* Two variants that differ in everything: delta of rank 2 and of rank 1, 40 and 16 inner channels; 7 tokens. */
static void parameters(void **state) {
    (void)state;
    static const struct entry separate[] = {{"patch_embed.weight", 2, {20, 6}},
                                            {"patch_embed.bias", 1, {20}},
                                            {"position", 2, {7, 20}},
                                            {"blocks.0.norm2.weight", 1, {20}},
                                            {"blocks.0.norm2.bias", 1, {20}},
                                            {"blocks.0.attn.norm.weight", 1, {20}},
                                            {"blocks.0.attn.norm.bias", 1, {20}},
                                            {"blocks.0.attn.mamba.A_log", 2, {40, 5}},
                                            {"blocks.0.attn.mamba.D", 1, {40}},
                                            {"blocks.0.attn.mamba.in_proj.weight", 2, {80, 20}},
                                            {"blocks.0.attn.mamba.conv1d.weight", 3, {40, 1, 3}},
                                            {"blocks.0.attn.mamba.conv1d.bias", 1, {40}},
                                            {"blocks.0.attn.mamba.x_proj.weight", 2, {12, 40}},
                                            {"blocks.0.attn.mamba.dt_proj.weight", 2, {40, 2}},
                                            {"blocks.0.attn.mamba.dt_proj.bias", 1, {40}},
                                            {"blocks.0.attn.mamba.out_proj.weight", 2, {20, 40}},
                                            {"blocks.0.mlp.complex_weight_1", 4, {2, 4, 5, 5}},
                                            {"blocks.0.mlp.complex_weight_2", 4, {2, 4, 5, 5}},
                                            {"blocks.0.mlp.complex_bias_1", 3, {2, 4, 5}},
                                            {"blocks.0.mlp.complex_bias_2", 3, {2, 4, 5}},
                                            {"norm.weight", 1, {20}},
                                            {"norm.bias", 1, {20}},
                                            {"head.weight", 2, {9, 140}},
                                            {"head.bias", 1, {9}}};
    static const struct entry mixed[] = {{"patch_embed.weight", 2, {16, 18}},
                                         {"patch_embed.bias", 1, {16}},
                                         {"position", 2, {7, 16}},
                                         {"blocks.0.norm2.weight", 1, {16}},
                                         {"blocks.0.norm2.bias", 1, {16}},
                                         {"blocks.0.attn.norm.weight", 1, {16}},
                                         {"blocks.0.attn.norm.bias", 1, {16}},
                                         {"blocks.0.attn.mamba.A_log", 2, {16, 5}},
                                         {"blocks.0.attn.mamba.D", 1, {16}},
                                         {"blocks.0.attn.mamba.in_proj.weight", 2, {32, 16}},
                                         {"blocks.0.attn.mamba.conv1d.weight", 3, {16, 1, 4}},
                                         {"blocks.0.attn.mamba.conv1d.bias", 1, {16}},
                                         {"blocks.0.attn.mamba.x_proj.weight", 2, {11, 16}},
                                         {"blocks.0.attn.mamba.dt_proj.weight", 2, {16, 1}},
                                         {"blocks.0.attn.mamba.dt_proj.bias", 1, {16}},
                                         {"blocks.0.attn.mamba.out_proj.weight", 2, {16, 16}},
                                         {"blocks.0.attn.mamba_reverse.A_log", 2, {16, 5}},
                                         {"blocks.0.attn.mamba_reverse.D", 1, {16}},
                                         {"blocks.0.attn.mamba_reverse.in_proj.weight", 2, {32, 16}},
                                         {"blocks.0.attn.mamba_reverse.conv1d.weight", 3, {16, 1, 4}},
                                         {"blocks.0.attn.mamba_reverse.conv1d.bias", 1, {16}},
                                         {"blocks.0.attn.mamba_reverse.x_proj.weight", 2, {11, 16}},
                                         {"blocks.0.attn.mamba_reverse.dt_proj.weight", 2, {16, 1}},
                                         {"blocks.0.attn.mamba_reverse.dt_proj.bias", 1, {16}},
                                         {"blocks.0.attn.mamba_reverse.out_proj.weight", 2, {16, 16}},
                                         {"blocks.0.mlp.fc1.weight", 2, {24, 16}},
                                         {"blocks.0.mlp.fc1.bias", 1, {24}},
                                         {"blocks.0.mlp.fc2.weight", 2, {16, 24}},
                                         {"blocks.0.mlp.fc2.bias", 1, {16}},
                                         {"head.weight", 2, {27, 16}},
                                         {"head.bias", 1, {27}}};
    static const struct entry linear[] = {{"Linear_Seasonal.weight", 2, {9, 30}},
                                          {"Linear_Seasonal.bias", 1, {9}},
                                          {"Linear_Trend.weight", 2, {9, 30}},
                                          {"Linear_Trend.bias", 1, {9}}};
    CHECK_PARAMETERS("{\"architecture\": \"series\", \"look_back\": 29, \"horizon\": 9, \"channels\": 3, \"patch\": 6, "
                     "\"stride\": 4, \"end_padding\": 2, \"dim\": 20, \"depth\": 1, \"d_state\": 5, \"d_conv\": 3}",
                     separate);
    CHECK_PARAMETERS("{\"architecture\": \"series\", \"look_back\": 29, \"horizon\": 9, \"channels\": 3, \"patch\": 6, "
                     "\"stride\": 4, \"end_padding\": 2, \"dim\": 16, \"depth\": 1, \"d_state\": 5, \"expand\": 1, "
                     "\"mixer\": \"mlp\", \"mlp_ratio\": 1.5, \"mix_channels\": true, \"bidirectional\": true, "
                     "\"head\": \"mean\", \"final_norm\": false}",
                     mixed);
    /* one set of weights for all channels, however many there are */
    CHECK_PARAMETERS("{\"architecture\": \"dlinear\", \"look_back\": 30, \"horizon\": 9, \"channels\": 7}", linear);
}

/* ---- fresh weights */

struct fixture {
    struct sb_model_config config;
    struct sb_parameter_list list;
    float *space;
};

static void initialise(struct fixture *fixture, const char *text) {
    struct simba_error error;
    fixture->config = config_of(text);
    assert_true(sb_model_parameters(&fixture->config, &fixture->list, &error));
    fixture->space = calloc(fixture->list.total_bytes, 1);
    assert_non_null(fixture->space);
    assert_true(sb_model_initialise(&fixture->config, &fixture->list, 5, fixture->space, &error));
}

static void forget(struct fixture *fixture) {
    sb_parameter_list_finish(&fixture->list);
    free(fixture->space);
}

/* All values within the bounds, and so many that the outer tenth on both sides is not empty. */
static void check_uniform(const struct fixture *fixture, const char *name, double bound) {
    const struct sb_parameter *parameter = sb_parameter_find(&fixture->list, name);
    assert_non_null(parameter);
    const float *values = fixture->space + parameter->offset / 4;
    double low = bound, high = -bound, square = 0;
    for (int64_t i = 0; i < parameter->elements; i++) {
        low = fmin(low, values[i]);
        high = fmax(high, values[i]);
        square += values[i] * values[i] / (double)parameter->elements;
    }
    if (low < -bound || high > bound || low > -0.9 * bound || high < 0.9 * bound)
        fail_msg("%s lies in %g .. %g", name, low, high);
    /* of a uniform distribution, to five standard errors */
    const double error = 5 * 2 / sqrt(45 * (double)parameter->elements);
    if (fabs(square / (bound * bound) - 1 / 3.0) > error) fail_msg("%s: mean square %g", name, square);
}

static void check_constant(const struct fixture *fixture, const char *name, float value) {
    const struct sb_parameter *parameter = sb_parameter_find(&fixture->list, name);
    assert_non_null(parameter);
    for (int64_t i = 0; i < parameter->elements; i++) assert_true(fixture->space[parameter->offset / 4 + i] == value);
}

static void check_normal(const struct fixture *fixture, const char *name, double deviation) {
    const struct sb_parameter *parameter = sb_parameter_find(&fixture->list, name);
    assert_non_null(parameter);
    double square = 0;
    for (int64_t i = 0; i < parameter->elements; i++) {
        const double value = fixture->space[parameter->offset / 4 + i];
        square += value * value / (double)parameter->elements;
    }
    if (fabs(sqrt(square) / deviation - 1) > 5 / sqrt(2 * (double)parameter->elements))
        fail_msg("%s: deviation %g", name, sqrt(square));
}

static void fresh_weights(void **state) {
    (void)state;
    struct fixture fixture;
    initialise(&fixture, "{\"architecture\": \"series\", \"bidirectional\": true}");
    check_uniform(&fixture, "position", 0.02);
    check_normal(&fixture, "patch_embed.weight", 0.02);
    check_constant(&fixture, "patch_embed.bias", 0);
    check_normal(&fixture, "head.weight", 0.02);
    check_normal(&fixture, "blocks.1.mlp.complex_weight_2", 0.02);
    check_uniform(&fixture, "blocks.1.attn.mamba_reverse.conv1d.weight", 0.5);
    check_constant(&fixture, "blocks.1.attn.mamba_reverse.D", 1);
    check_constant(&fixture, "blocks.1.attn.mamba_reverse.dt_proj.bias", 0);
    check_constant(&fixture, "norm.weight", 1);
    check_constant(&fixture, "norm.bias", 0);
    /* the two directions have weights of their own */
    const struct sb_parameter *one = sb_parameter_find(&fixture.list, "blocks.0.attn.mamba.in_proj.weight");
    const struct sb_parameter *other = sb_parameter_find(&fixture.list, "blocks.0.attn.mamba_reverse.in_proj.weight");
    assert_memory_not_equal(fixture.space + one->offset / 4, fixture.space + other->offset / 4,
                            (size_t)one->elements * 4);
    forget(&fixture);

    initialise(&fixture, "{\"architecture\": \"series\", \"initialisation\": \"mamba\"}");
    check_uniform(&fixture, "blocks.0.attn.mamba.dt_proj.weight", 0.5); /* of rank 4 */
    const struct sb_parameter *bias = sb_parameter_find(&fixture.list, "blocks.0.attn.mamba.dt_proj.bias");
    for (int64_t i = 0; i < bias->elements; i++) {
        const double delta = log1p(exp((double)fixture.space[bias->offset / 4 + i]));
        assert_true(delta > 0.00099 && delta < 0.101);
    }
    forget(&fixture);

    initialise(&fixture, "{\"architecture\": \"dlinear\", \"look_back\": 64}");
    check_uniform(&fixture, "Linear_Seasonal.weight", 1 / 8.0);
    check_uniform(&fixture, "Linear_Trend.weight", 1 / 8.0);
    check_uniform(&fixture, "Linear_Trend.bias", 1 / 8.0);
    forget(&fixture);
}

/* ---- graphs */

struct build {
    struct sb_model_config config;
    struct sb_graph graph;
    struct sb_parameter_list list;
    struct sb_forecaster_graph model;
};

static void start(struct build *build, const char *text, bool training) {
    struct simba_error error;
    build->config = config_of(text);
    assert_true(sb_model_parameters(&build->config, &build->list, &error));
    sb_graph_init(&build->graph, training);
    if (!sb_forecaster_forward(&build->graph, &build->config, &build->list, 2, &build->model, &error))
        fail_msg("%s", error.message);
}

static void finish(struct build *build) {
    sb_graph_finish(&build->graph);
    sb_parameter_list_finish(&build->list);
}

static void check_shape(const struct build *build, const char *name, int rank, const int64_t *shape) {
    const struct sb_tensor *tensor = sb_find_tensor(&build->graph, name);
    if (!tensor) fail_msg("there is no %s", name);
    assert_int_equal(tensor->rank, rank);
    for (int i = 0; i < rank; i++) assert_int_equal(tensor->shape[i], shape[i]);
}

static int count_nodes(const struct sb_graph *graph, enum sb_op op) {
    int count = 0;
    for (int i = 0; i < graph->node_count; i++) count += graph->nodes[i]->op == op;
    return count;
}

#define SMALL "{\"architecture\": \"series\", \"look_back\": 32, \"horizon\": 9, \"channels\": 3, \"dim\": 20"
static const char *const dropping = SMALL ", \"depth\": 3, \"dropout\": 0.125, \"head_dropout\": 0.25, \"drop_path\": "
                                          "0.5, \"bidirectional\": true}";

static void shapes(void **state) {
    (void)state;
    for (int training = 0; training < 2; training++) {
        struct build build;
        /* every channel of both windows is a sequence of 4 tokens */
        start(&build, SMALL "}", training);
        check_shape(&build, "window", 3, (int64_t[]){2, 32, 3});
        check_shape(&build, "patches", 3, (int64_t[]){6, 4, 16});
        check_shape(&build, "patches/statistics", 3, (int64_t[]){2, 3, 2});
        check_shape(&build, "blocks.1", 3, (int64_t[]){6, 4, 20});
        check_shape(&build, "norm", 3, (int64_t[]){6, 4, 20});
        check_shape(&build, "head", 2, (int64_t[]){6, 9});
        check_shape(&build, "forecast", 3, (int64_t[]){2, 9, 3});
        assert_ptr_equal(build.model.forecast, sb_find_tensor(&build.graph, "forecast"));
        assert_ptr_equal(build.model.window, sb_find_tensor(&build.graph, "window"));
        finish(&build);
        /* every window is one */
        start(&build, SMALL ", \"mix_channels\": true, \"head\": \"mean\"}", training);
        check_shape(&build, "patches", 3, (int64_t[]){2, 4, 48});
        check_shape(&build, "blocks.0", 3, (int64_t[]){2, 4, 20});
        check_shape(&build, "mean", 3, (int64_t[]){2, 1, 20});
        check_shape(&build, "head", 2, (int64_t[]){2, 27});
        check_shape(&build, "forecast", 3, (int64_t[]){2, 9, 3});
        finish(&build);
        start(&build,
              "{\"architecture\": \"dlinear\", \"look_back\": 32, \"horizon\": 9, \"channels\": 3, \"normalise\": "
              "\"mean\"}",
              training);
        check_shape(&build, "patches", 3, (int64_t[]){6, 1, 32});
        check_shape(&build, "trend", 2, (int64_t[]){6, 32});
        check_shape(&build, "forecast", 3, (int64_t[]){2, 9, 3});
        finish(&build);
    }
}

/* Nothing is dropped in inference; in training every dropout has random numbers of its own, and the rates of stochastic
 * depth rise from 0 to what is configured, one draw for a branch whatever its directions. */
static void what_drops(void **state) {
    (void)state;
    struct build build;
    start(&build, dropping, false);
    assert_int_equal(count_nodes(&build.graph, SB_OP_DROPOUT), 0);
    assert_int_equal(count_nodes(&build.graph, SB_OP_DROP_PATH_SCALE), 0);
    finish(&build);

    start(&build, SMALL "}", true);
    assert_int_equal(count_nodes(&build.graph, SB_OP_DROPOUT), 0);
    assert_int_equal(count_nodes(&build.graph, SB_OP_DROP_PATH_SCALE), 0);
    finish(&build);

    start(&build, dropping, true);
    /* of the embedding, two branches in each of three blocks, the head */
    assert_int_equal(count_nodes(&build.graph, SB_OP_DROPOUT), 1 + 2 * 3 + 1);
    assert_int_equal(count_nodes(&build.graph, SB_OP_DROP_PATH_SCALE), 2 * 2);
    uint32_t dropouts = 0, paths = 0;
    float rates = 0;
    for (int i = 0; i < build.graph.node_count; i++) {
        const struct sb_node *node = build.graph.nodes[i];
        const struct sb_drop_path_attributes *attributes = &node->attributes.drop_path;
        if (node->op == SB_OP_DROPOUT) {
            assert_int_equal(dropouts & 1u << attributes->branch, 0);
            dropouts |= 1u << attributes->branch;
            assert_true(attributes->rate == (strcmp(node->name, "head_dropout") ? 0.125f : 0.25f));
        } else if (node->op == SB_OP_DROP_PATH_SCALE) {
            assert_int_equal(paths & 1u << attributes->branch, 0);
            paths |= 1u << attributes->branch;
            rates += attributes->rate;
            assert_int_equal(sb_elements(node->outputs[0]), 6); /* each sequence by itself */
        }
    }
    assert_true(rates == 2 * 0.25f + 2 * 0.5f);
    assert_null(sb_find_tensor(&build.graph, "blocks.0.drop_path_mamba"));
    finish(&build);

    /* the only block of a model never drops */
    start(&build, SMALL ", \"depth\": 1, \"drop_path\": 0.5}", true);
    assert_int_equal(count_nodes(&build.graph, SB_OP_DROP_PATH_SCALE), 0);
    finish(&build);
}

static void every_parameter_has_a_gradient(void **state) {
    (void)state;
    static const char *const texts[] = {
        SMALL "}", SMALL ", \"mixer\": \"mlp\", \"mix_channels\": true, \"bidirectional\": true, \"head\": \"mean\"}",
        /* One text over two lines; the brackets tell clang that no comma is missing. */
        ("{\"architecture\": \"series\", \"look_back\": 32, \"channels\": 3, \"dropout\": 0.1, \"head_dropout\": 0.2, "
         "\"drop_path\": 0.2, \"bidirectional\": true, \"normalise\": \"none\", \"final_norm\": false}"),
        "{\"architecture\": \"dlinear\", \"look_back\": 32, \"horizon\": 9, \"channels\": 3}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct build build;
        struct simba_error error;
        start(&build, texts[i], true);
        struct sb_graph *graph = &build.graph;
        struct sb_tensor *truth = sb_input(graph, "truth", SB_FLOAT32, 3, build.model.forecast->shape);
        struct sb_tensor *loss = sb_op_forecast_loss(
            graph,
            (struct sb_forecast_loss_parameters){.name = "loss", .prediction = build.model.forecast, .target = truth});
        if (!sb_differentiate(graph, loss, NULL, &error)) fail_msg("%s", error.message);
        check_gradients(graph, &build.list);
        assert_null(sb_gradient_of(graph, build.model.window));
        finish(&build);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults), cmocka_unit_test(all_keys),   cmocka_unit_test(round_trip),
        cmocka_unit_test(errors),   cmocka_unit_test(parameters), cmocka_unit_test(fresh_weights),
        cmocka_unit_test(shapes),   cmocka_unit_test(what_drops), cmocka_unit_test(every_parameter_has_a_gradient)};
    return cmocka_run_group_tests_name("models for series", tests, NULL, NULL);
}
