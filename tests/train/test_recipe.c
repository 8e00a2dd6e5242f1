/* The shipped configurations train as the published command does: optimiser groups and learning rates against timm's
 * own (recipe_cases.h), everything else against the published settings. Usage: test_recipe DIRECTORY */
#include "data/mixing.h"
#include "data/pipeline.h"
#include "data/sampler.h"
#include "train/config.h"
#include "train/learner.h"
#include "train/optimiser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recipe_cases.h"

enum { IMAGES = 1281167, EPOCH_STEPS = 1251, EPOCHS = 330, MODELS = sizeof recipe_totals / sizeof recipe_totals[0] };

static const char *directory;

static struct sb_train_config read_configuration(const char *name) {
    char path[1024];
    struct simba_error error;
    struct sb_train_config config = {0};
    snprintf(path, sizeof path, "%s/%s.json", directory, name);
    struct sb_json_document *document = sb_json_read_file(path, &error);
    if (!document || !sb_train_config_read(sb_json_root(document), &config, &error)) fail_msg("%s", error.message);
    sb_json_destroy(document);
    return config;
}

static const char *name_of(int model, const char *end) {
    static char name[64];
    snprintf(name, sizeof name, "imagenet_simba_%s%s%s", recipe_totals[model].size,
             strcmp(recipe_totals[model].mixer, "mlp") ? "_einfft" : "", end);
    return name;
}

/* "block3.4.norm2.weight" -> "block3.*.norm2.weight" */
static void generalise(const char *name, char pattern[128]) {
    const char *dot = strchr(name, '.');
    if (strncmp(name, "block", 5) != 0)
        snprintf(pattern, 128, "%s", name);
    else
        snprintf(pattern, 128, "%.*s.*%s", (int)(dot - name), name, strchr(dot + 1, '.'));
}

static double published_decay(const char *mixer, const char *name) {
    char pattern[128];
    generalise(name, pattern);
    for (size_t i = 0; i < sizeof recipe_groups / sizeof recipe_groups[0]; i++)
        if (!strcmp(recipe_groups[i].mixer, mixer) && !strcmp(recipe_groups[i].pattern, pattern))
            return recipe_groups[i].weight_decay;
    fail_msg("%s is no parameter of the published model", name);
    return 0;
}

/* The AdamW node in whose range a parameter lies; there must be one. */
static const struct sb_adamw_attributes *node_of(const struct sb_graph *graph, const struct sb_parameter *parameter) {
    const struct sb_adamw_attributes *found = NULL;
    const int64_t first = parameter->offset / (int64_t)sizeof(float), end = first + parameter->elements;
    for (int i = 0; i < graph->node_count; i++) {
        const struct sb_adamw_attributes *node = &graph->nodes[i]->attributes.adamw;
        if (graph->nodes[i]->op != SB_OP_ADAMW || end <= node->first || node->first + node->count <= first) continue;
        assert_null(found);
        assert_true(first >= node->first && end <= node->first + node->count);
        found = node;
    }
    if (!found) fail_msg("the optimiser leaves %s out", parameter->name);
    return found;
}

/* The graph that trains; its batch is made smaller, which neither groups nor attributes depend on. */
static void optimiser_groups(void **state) {
    (void)state;
    for (int model = 0; model < MODELS; model++) {
        struct sb_train_config config = read_configuration(name_of(model, ""));
        struct sb_parameter_list list;
        struct sb_learner learner;
        struct simba_error error;
        config.batch_size = 1;
        if (!sb_model_parameters(&config.model, &list, &error) || !sb_learner_plan(&learner, &config, &list, &error))
            fail_msg("%s", error.message);
        int tensors[2] = {0};
        int64_t elements[2] = {0};
        for (int i = 0; i < list.count; i++) {
            const struct sb_parameter *parameter = &list.entries[i];
            if (!parameter->trainable) continue;
            const struct sb_adamw_attributes *node = node_of(&learner.graph, parameter);
            const double decay = published_decay(recipe_totals[model].mixer, parameter->name);
            if (node->weight_decay != (float)decay)
                fail_msg("%s: %s has a weight decay of %g, published is %g", name_of(model, ""), parameter->name,
                         (double)node->weight_decay, decay);
            assert_true(node->beta1 == 0.9 && node->beta2 == 0.999 && node->epsilon == 1e-8f);
            assert_true(node->rate_factor == 1);
            assert_true(node->clip_norm == (recipe_totals[model].size[0] == 'l' ? 1 : 0));
            tensors[decay > 0]++;
            elements[decay > 0] += parameter->elements;
        }
        assert_int_equal(tensors[1], recipe_totals[model].decayed);
        assert_int_equal(tensors[0], recipe_totals[model].others);
        assert_int_equal(elements[1], recipe_totals[model].decayed_elements);
        assert_int_equal(elements[0], recipe_totals[model].other_elements);
        sb_learner_finish(&learner);
        sb_parameter_list_finish(&list);
        sb_train_config_finish(&config);
    }
}

/* Of every epoch, to the last digit (another machine's cosine may round another way); and what the device is told in
 * its first and last step. */
static void learning_rates(void **state) {
    (void)state;
    assert_int_equal(sizeof recipe_rates / sizeof recipe_rates[0], EPOCHS);
    for (int model = 0; model < MODELS; model++)
        for (int path = 0; path < 2; path++) {
            struct sb_train_config config = read_configuration(name_of(model, path ? "_no_token_labels" : ""));
            const int64_t images = path ? sb_repeated_samples(IMAGES) : IMAGES;
            assert_int_equal(images / config.batch_size / config.accumulation, EPOCH_STEPS);
            const struct sb_schedule schedule = sb_train_config_schedule(&config, EPOCH_STEPS);
            assert_int_equal(config.epochs, EPOCHS);
            for (int64_t epoch = 0; epoch < EPOCHS; epoch++)
                for (int last = 0; last < 2; last++) {
                    const int64_t step = epoch * EPOCH_STEPS + (last ? EPOCH_STEPS - 1 : 0);
                    const double got = sb_schedule_rate(&schedule, step);
                    if (fabs(got - recipe_rates[epoch]) > 3e-16 * recipe_rates[epoch])
                        fail_msg("epoch %d: %.17g, published is %.17g", (int)epoch, got, recipe_rates[epoch]);
                    const struct sb_step_numbers numbers = sb_learner_numbers(&config, &schedule, step, 0);
                    assert_true(numbers.learning_rate == (float)recipe_rates[epoch]);
                }
            sb_train_config_finish(&config);
        }
}

static void settings(void **state) {
    (void)state;
    for (int model = 0; model < MODELS; model++) {
        struct sb_train_config config = read_configuration(name_of(model, ""));
        const bool large = recipe_totals[model].size[0] == 'l';
        assert_string_equal(config.model.size, recipe_totals[model].size);
        assert_int_equal(config.model.mixer,
                         strcmp(recipe_totals[model].mixer, "mlp") ? SB_MIXER_EINFFT : SB_MIXER_MLP);
        assert_true(config.model.token_labels && config.model.classes == 1000);
        assert_true(config.model.height == 224 && config.model.width == 224 && config.model.crop_fraction == 0.96);
        assert_true(config.model.drop_path == (large ? 0.3 : 0.1));
        assert_int_equal(config.model.height >> (config.model.stages + 1), 7); /* size of the token labels */
        assert_true(config.batch_size == 128 && config.accumulation == 8 && config.evaluation_batch == 192);
        assert_true(config.label_smoothing == 0.1 && config.token_label_weight == 0.5);
        assert_true(config.crop == SB_CROP_RANDOM_RESIZED && config.crop_interpolation == SB_CROP_RANDOM);
        assert_true(config.scale[0] == 0.08 && config.scale[1] == 1 && config.flip == 0.5);
        assert_true(config.ratio[0] == 3.0 / 4 && config.ratio[1] == 4.0 / 3);
        assert_string_equal(config.randaugment, "rand-m9-mstd0.5-inc1");
        assert_true(config.colour_jitter == 0 && config.mixup == 0 && config.cutmix == 0);
        assert_true(config.random_erasing == 0.25 && config.erasing_mode == SB_ERASING_PIXEL &&
                    config.erasing_boxes == 1);
        assert_true(config.ema == 0 && config.layer_decay == 1 && config.frozen_stages == 0);
        assert_int_equal(config.repeated_augmentation, 1);
        assert_true(config.precision == SB_PRECISION_FP16 && config.loss_scale == 65536);

        /* Without token labels the same but for what that path of the published code does. */
        struct sb_train_config other = read_configuration(name_of(model, "_no_token_labels"));
        config.model.token_labels = false;
        config.label_maps[0] = '\0';
        config.crop_interpolation = SB_CROP_BICUBIC;
        config.mixup = 0.8;
        config.cutmix = 1;
        config.repeated_augmentation = 3;
        assert_string_not_equal(config.output, other.output);
        strcpy(config.output, other.output);
        struct simba_error error;
        char *texts[2] = {sb_train_config_write(&config, &error), sb_train_config_write(&other, &error)};
        assert_true(texts[0] && texts[1]);
        assert_string_equal(texts[0], texts[1]);
        free(texts[0]);
        free(texts[1]);
        sb_train_config_finish(&config);
        sb_train_config_finish(&other);
    }
}

/* Published for transfer learning: batch, rate, decay, clipping, warm-up and epochs. What that leaves open is as in the
 * script of the same authors for another model. */
static void transfer(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int classes;
        const char *train, *evaluation;
    } sets[] = {{"cars196", 196, "train.txt", "test.txt"},
                {"cifar10", 10, "train", "test"},
                {"cifar100", 100, "train", "test"},
                {"flowers102", 102, "train.txt", "test.txt"}};
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        char name[64];
        snprintf(name, sizeof name, "transfer_%s", sets[i].name);
        struct sb_train_config config = read_configuration(name);
        assert_int_equal(config.model.classes, sets[i].classes);
        assert_string_equal(config.path, sets[i].name);
        assert_string_equal(config.train, sets[i].train);
        assert_string_equal(config.evaluation, sets[i].evaluation);
        assert_string_equal(config.model.size, "b");
        assert_true(config.model.mixer == SB_MIXER_MLP && !config.model.token_labels);
        assert_true(config.model.height == 224 && config.model.width == 224 && config.model.crop_fraction == 0.875);
        assert_true(config.initial_weights[0] && config.frozen_stages == 0 && config.layer_decay == 1);
        assert_true(config.batch_size == 64 && config.accumulation == 1 && config.epochs == 1000);
        assert_true(config.learning_rate == 1e-4 && config.weight_decay == 1e-4 && config.clip_norm == 1);
        assert_true(config.warmup_epochs == 5 && config.schedule == SB_SCHEDULE_COSINE && config.patience == 100);
        assert_true(config.label_smoothing == 0.1 && config.mixup == 0.8 && config.cutmix == 1);
        assert_true(config.crop == SB_CROP_RANDOM_RESIZED && config.crop_interpolation == SB_CROP_BICUBIC);
        assert_true(config.flip == 0.5 && config.random_erasing == 0);
        assert_string_equal(config.randaugment, "rand-m9-mstd0.5-inc1");

        /* The rate that steps have: not scaled by the batch, up to its peak in five epochs. */
        enum { STEPS = 100 };
        const struct sb_schedule schedule = sb_train_config_schedule(&config, STEPS);
        double highest = 0;
        for (int64_t step = 0; step < 6 * STEPS; step++) highest = fmax(highest, sb_schedule_rate(&schedule, step));
        assert_true(highest <= 1e-4 && highest > 0.99e-4);
        assert_true(sb_schedule_rate(&schedule, 2 * STEPS) < 0.5e-4);
        sb_train_config_finish(&config);
    }
}

int main(int count, char **words) {
    if (count != 2) return 2;
    directory = words[1];
    const struct CMUnitTest tests[] = {cmocka_unit_test(optimiser_groups), cmocka_unit_test(learning_rates),
                                       cmocka_unit_test(settings), cmocka_unit_test(transfer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
