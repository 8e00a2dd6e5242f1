/* The options of a recipe: moving average, frozen stages, layer-wise learning rates, repeated augmentation; against
 * arithmetic of their own. Usage: test_options cpu|vulkan */
#include "public_device.h"
#include "stripes.h"

#include "train/checkpoint.h"
#include "train/config.h"
#include "train/learner.h"
#include "train/optimiser.h"

#include <math.h>

static struct simba_device *device;

static int set_up(void **state) {
    if (make_temporary(state)) return -1;
    make_stripes();
    return 0;
}

/* ---- what a run begins with and leaves */

struct subject {
    struct sb_train_config config;
    struct sb_parameter_list list;
    float *initial; /* the parameter space before the first step */
};

static struct subject make_subject(const char *path) {
    struct subject subject;
    struct simba_error error;
    struct sb_json_document *document = sb_json_read_file(path, &error);
    if (!document || !sb_train_config_read(sb_json_root(document), &subject.config, &error) ||
        !sb_model_parameters(&subject.config.model, &subject.list, &error))
        fail_msg("%s", error.message);
    sb_json_destroy(document);
    if (subject.config.frozen_stages) sb_parameter_list_freeze(&subject.list, subject.config.frozen_stages);
    subject.initial = calloc(subject.list.total_bytes, 1);
    assert_non_null(subject.initial);
    const bool made = sb_model_initialise(&subject.config.model, &subject.list, (uint64_t)subject.config.seed,
                                          subject.initial, &error);
    if (!made) fail_msg("%s", error.message);
    return subject;
}

static void finish_subject(struct subject *subject) {
    free(subject->initial);
    sb_parameter_list_finish(&subject->list);
    sb_train_config_finish(&subject->config);
}

/* The tensor PREFIX + NAME of a file; the caller frees. NULL: it is not there. */
static float *read_tensor(const char *path, const char *prefix, const struct sb_parameter *parameter) {
    char name[512];
    struct simba_error error;
    struct sb_safetensors *file = sb_safetensors_open(path, &error);
    if (!file) fail_msg("%s", error.message);
    snprintf(name, sizeof name, "%s%s", prefix, parameter->name);
    const struct sb_safetensor *tensor = sb_safetensors_find(file, name);
    float *values = NULL;
    if (tensor) {
        assert_int_equal(tensor->elements, parameter->elements);
        values = calloc((size_t)parameter->elements, sizeof *values);
        assert_non_null(values);
        if (!sb_safetensors_read_floats(file, tensor, values, &error)) fail_msg("%s", error.message);
    }
    sb_safetensors_close(file);
    return values;
}

static const float *initial_of(const struct subject *subject, const struct sb_parameter *parameter) {
    return subject->initial + (size_t)parameter->offset / sizeof(float);
}

static struct simba_training_plan run(const char *configuration, const char *output,
                                      struct simba_trainer_options more) {
    struct simba_error error;
    struct simba_training_plan plan;
    more.device = device;
    more.configuration = configuration;
    more.output = output;
    struct simba_trainer *trainer = simba_trainer_create(&more, &error);
    if (!trainer) fail_msg("%s", error.message);
    simba_trainer_plan(trainer, &plan);
    if (!simba_trainer_run(trainer, &error)) fail_msg("%s", error.message);
    simba_trainer_destroy(trainer);
    return plan;
}

/* ---- the moving average */

/* What the host makes of the weights that each checkpoint holds. */
struct average {
    struct subject subject;
    double *values; /* of the whole parameter space */
    int checkpoints, epochs;
    double top1, ema_top1, ema_loss, best;
    bool improved;
};

static void follow(void *user, const struct simba_progress *progress) {
    struct average *average = user;
    const struct sb_parameter_list *list = &average->subject.list;
    if (progress->event == SIMBA_EVENT_EPOCH) {
        average->epochs++;
        assert_true(progress->evaluated && progress->averaged);
        assert_true(progress->improved == (progress->ema_top1 > average->best));
        if (progress->improved) average->best = progress->ema_top1;
        assert_true(progress->best_top1 == average->best);
        average->top1 = progress->top1;
        average->ema_top1 = progress->ema_top1;
        average->ema_loss = progress->ema_loss;
    }
    if (progress->event != SIMBA_EVENT_CHECKPOINT || !strstr(progress->path, "/last.")) return;
    const double decay = average->subject.config.ema;
    assert_int_equal(progress->step, ++average->checkpoints);
    for (int i = 0; i < list->count; i++) {
        const struct sb_parameter *parameter = &list->entries[i];
        float *now = read_tensor(progress->path, "", parameter), *mean = read_tensor(progress->path, "ema/", parameter);
        assert_true(now && mean);
        double *values = average->values + (size_t)parameter->offset / sizeof(float);
        for (int64_t k = 0; k < parameter->elements; k++) {
            values[k] = decay * values[k] + (1 - decay) * now[k];
            /* A float's rounding, a few times over the steps. */
            if (fabs(values[k] - mean[k]) > 4e-7 * (1 + fabs(values[k])))
                fail_msg("step %d: %s[%d]: the average is %.9g, expected %.9g", average->checkpoints, parameter->name,
                         (int)k, (double)mean[k], values[k]);
        }
        free(now);
        free(mean);
    }
}

static void average_is_the_formula(void **state) {
    (void)state;
    char config[1024], best[1024], line[512], row[512] = "";
    snprintf(config, sizeof config, "%s", temporary("ema.json"));
    write_configuration(config, "mlp",
                        "\"epochs\": 3, \"batch_size\": 8, \"learning_rate\": 0.02, \"checkpoint_every\": 1, "
                        "\"ema\": 0.7");
    struct average average = {.subject = make_subject(config), .best = -1};
    const size_t elements = average.subject.list.total_bytes / sizeof(float);
    average.values = calloc(elements, sizeof *average.values);
    assert_non_null(average.values);
    for (size_t i = 0; i < elements; i++) average.values[i] = average.subject.initial[i];
    const struct simba_training_plan plan =
        run(config, temporary("ema"), (struct simba_trainer_options){.progress = follow, .user = &average});
    assert_int_equal(average.checkpoints, 15);
    assert_int_equal(average.epochs, 3);
    assert_int_equal(plan.average_bytes, average.subject.list.total_bytes);

    /* The last row tells both evaluations. */
    FILE *results = fopen(temporary("ema/results.csv"), "r");
    assert_non_null(results);
    assert_non_null(fgets(line, sizeof line, results));
    assert_non_null(strstr(line, ",top1,top5,"));
    assert_non_null(strstr(line, ",ema_loss,ema_top1,ema_top5,"));
    while (fgets(line, sizeof line, results)) memcpy(row, line, sizeof row);
    fclose(results);
    double fields[13] = {0};
    int count = 0;
    for (char *at = row; count < 13; count++) {
        fields[count] = strtod(at, &at);
        if (*at++ != ',') break;
    }
    assert_int_equal(count, 13); /* more columns follow */
    assert_true(fabs(fields[5] - average.top1) < 1e-6 && fabs(fields[11] - average.ema_top1) < 1e-6);
    assert_true(fabs(fields[10] - average.ema_loss) < 1e-6);

    /* The best weights are an average, with the accuracy that was told, and nothing to go on from. */
    snprintf(best, sizeof best, "%s", temporary("ema/best.safetensors"));
    struct simba_error error;
    struct simba_evaluation evaluation;
    struct simba_model *model =
        simba_model_create(device, &(struct simba_model_options){.weights = best, .batch = 4}, &error);
    if (!model) fail_msg("%s", error.message);
    if (!simba_model_evaluate(model, NULL, &evaluation, &error)) fail_msg("%s", error.message);
    simba_model_destroy(model);
    assert_true(fabs(evaluation.top1 - average.best) < 1e-9);
    const struct sb_parameter *head = sb_parameter_find(&average.subject.list, "head.weight");
    assert_null(read_tensor(best, "optimizer/exp_avg/", head));
    assert_null(read_tensor(best, "ema/", head));

    free(average.values);
    finish_subject(&average.subject);
}

/* The best file is the average of the epoch that was the best. */
static void best_holds_the_average(void **state) {
    (void)state;
    char config[1024], best[1024], last[1024];
    snprintf(config, sizeof config, "%s", temporary("best.json"));
    snprintf(best, sizeof best, "%s", temporary("best/best.safetensors"));
    snprintf(last, sizeof last, "%s", temporary("best/last.safetensors"));
    write_configuration(config, "einfft", "\"epochs\": 1, \"batch_size\": 8, \"learning_rate\": 0.01, \"ema\": 0.9");
    struct subject subject = make_subject(config);
    run(config, temporary("best"), (struct simba_trainer_options){0});
    for (int i = 0; i < subject.list.count; i++) {
        const struct sb_parameter *parameter = &subject.list.entries[i];
        float *chosen = read_tensor(best, "", parameter), *mean = read_tensor(last, "ema/", parameter);
        float *weights = read_tensor(last, "", parameter);
        assert_true(chosen && mean && weights);
        assert_memory_equal(chosen, mean, (size_t)parameter->elements * sizeof *mean);
        if (parameter->trainable) assert_memory_not_equal(chosen, weights, (size_t)parameter->elements * sizeof *mean);
        free(chosen);
        free(mean);
        free(weights);
    }
    finish_subject(&subject);
}

static void keep_warning(void *user, enum simba_log_level level, const char *message) {
    char *text = user;
    if (level == SIMBA_LOG_WARNING && !strstr(message, "configuration differs")) snprintf(text, 512, "%s", message);
}

/* A run that had no average gets one that begins with the weights it goes on from; and says so. */
static void average_begins_on_resume(void **state) {
    (void)state;
    char config[1024], last[1024], warning[512] = "";
    snprintf(config, sizeof config, "%s", temporary("late.json"));
    snprintf(last, sizeof last, "%s", temporary("late/last.safetensors"));
    write_configuration(config, "mlp", "\"epochs\": 1, \"batch_size\": 40, \"learning_rate\": 0.01");
    struct subject subject = make_subject(config);
    run(config, temporary("late"), (struct simba_trainer_options){0});
    float *before[2000], *after, *mean;
    assert_true(subject.list.count < 2000);
    for (int i = 0; i < subject.list.count; i++) before[i] = read_tensor(last, "", &subject.list.entries[i]);
    const char *const overrides[] = {"train.epochs=2", "train.ema=0.75"};
    run(config, temporary("late"),
        (struct simba_trainer_options){.resume = true,
                                       .overrides = overrides,
                                       .override_count = 2,
                                       .log = {keep_warning, warning, SIMBA_LOG_DEBUG}});
    assert_non_null(strstr(warning, "holds no average of the weights (train.ema); it begins here"));
    for (int i = 0; i < subject.list.count; i++) {
        const struct sb_parameter *parameter = &subject.list.entries[i];
        after = read_tensor(last, "", parameter);
        mean = read_tensor(last, "ema/", parameter);
        assert_true(before[i] && after && mean);
        for (int64_t k = 0; k < parameter->elements; k++) /* one step of 40 images */
            assert_true(fabs(mean[k] - (0.75 * before[i][k] + 0.25 * after[k])) <= 2e-7 * (1 + fabs(mean[k])));
        free(before[i]);
        free(after);
        free(mean);
    }
    finish_subject(&subject);
}

/* ---- frozen stages */

static bool begins_with(const char *name, const char *start) {
    return strncmp(name, start, strlen(start)) == 0;
}

static bool in_first_stage(const char *name) {
    return begins_with(name, "patch_embed1.") || begins_with(name, "block1.") || begins_with(name, "norm1.");
}

static void frozen_stages_keep_their_bits(void **state) {
    (void)state;
    char config[1024], last[1024];
    for (int frozen = 0; frozen <= 1; frozen++) {
        const char *directory = frozen ? "frozen" : "free";
        char train[256];
        snprintf(config, sizeof config, "%s", temporary("frozen.json"));
        snprintf(train, sizeof train,
                 "\"epochs\": 1, \"batch_size\": 8, \"learning_rate\": 0.01, \"ema\": 0.9, \"frozen_stages\": %d",
                 frozen);
        write_configuration(config, frozen ? "einfft" : "mlp", train);
        struct subject subject = make_subject(config);
        char warning[512] = "";
        const struct simba_training_plan plan =
            run(config, temporary(directory),
                (struct simba_trainer_options){.log = {keep_warning, warning, SIMBA_LOG_DEBUG}});
        assert_int_equal(strstr(warning, "have random weights") != NULL, frozen);
        snprintf(last, sizeof last, "%s/last.safetensors", temporary(directory));
        int64_t trained = 0, all = 0;
        for (int i = 0; i < subject.list.count; i++) {
            const struct sb_parameter *parameter = &subject.list.entries[i];
            const size_t bytes = (size_t)parameter->elements * sizeof(float);
            const bool statistics = strstr(parameter->name, "running_");
            const bool still = frozen && in_first_stage(parameter->name);
            float *weights = read_tensor(last, "", parameter), *mean = read_tensor(last, "ema/", parameter);
            float *moment = read_tensor(last, "optimizer/exp_avg_sq/", parameter);
            assert_true(weights && mean);
            if (still) {
                assert_memory_equal(weights, initial_of(&subject, parameter), bytes);
                assert_memory_equal(mean, initial_of(&subject, parameter), bytes);
            } else if (memcmp(weights, initial_of(&subject, parameter), bytes) == 0)
                fail_msg("%s was not trained", parameter->name);
            assert_int_equal(moment != NULL, !still && !statistics);
            if (!statistics) all += parameter->elements;
            if (!statistics && !still) trained += parameter->elements;
            free(weights);
            free(mean);
            free(moment);
        }
        assert_int_equal(plan.trained, trained);
        assert_int_equal(plan.parameters, all);
        finish_subject(&subject);
    }
    /* What was frozen has no moments to go on with. */
    struct simba_error error;
    const char *const overrides[] = {"train.frozen_stages=0", "train.epochs=2"};
    assert_null(simba_trainer_create(&(struct simba_trainer_options){.device = device,
                                                                     .configuration = config,
                                                                     .output = temporary("frozen"),
                                                                     .resume = true,
                                                                     .overrides = overrides,
                                                                     .override_count = 2},
                                     &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "$.train.frozen_stages");
}

/* Nothing is computed, nor kept, for gradients that nobody asks for. */
static void frozen_stages_cost_nothing(void **state) {
    (void)state;
    char config[1024];
    uint64_t activations[3];
    snprintf(config, sizeof config, "%s", temporary("cost.json"));
    for (int frozen = 0; frozen <= 2; frozen++) {
        char train[128];
        snprintf(train, sizeof train, "\"epochs\": 1, \"batch_size\": 8, \"frozen_stages\": %d", frozen);
        write_configuration(config, "mlp", train);
        struct subject subject = make_subject(config);
        struct sb_learner learner;
        struct simba_error error;
        if (!sb_learner_plan(&learner, &subject.config, &subject.list, &error)) fail_msg("%s", error.message);
        activations[frozen] = learner.plan.activation_bytes;
        int gradients = 0, drops = 0;
        for (int i = 0; i < learner.graph.tensor_count; i++) {
            const char *name = learner.graph.tensors[i]->name;
            gradients += begins_with(name, "grad/") && in_first_stage(name + 5);
        }
        for (int i = 0; i < learner.graph.node_count; i++) {
            const struct sb_node *node = learner.graph.nodes[i];
            drops += node->op == SB_OP_DROP_PATH_SCALE;
            if (node->op == SB_OP_BATCH_NORM) assert_int_equal(node->attributes.norm.training, frozen == 0);
        }
        assert_int_equal(gradients > 0, frozen == 0);
        assert_int_equal(drops, frozen == 2 ? 0 : 4); /* blocks 1 and 2 of the second stage */
        assert_true(learner.graph.node_count > 0);
        sb_learner_finish(&learner);
        finish_subject(&subject);
    }
    if (!(10 * activations[1] < 6 * activations[0] && 2 * activations[2] < activations[1]))
        fail_msg("activations of %d, %d and %d bytes", (int)activations[0], (int)activations[1], (int)activations[2]);

    write_configuration(config, "mlp", "\"frozen_stages\": 3");
    struct simba_error error;
    assert_null(simba_trainer_create(
        &(struct simba_trainer_options){.device = device, .configuration = config, .output = temporary("none")},
        &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "$.train.frozen_stages is 3, but the model has only 2 stages");
}

/* ---- layer-wise learning rates */

/* By BEiT's rule, from the name alone: block1 has one block and block2 two, then come the class block and the rest. */
static int layer_of(const char *name) {
    if (begins_with(name, "patch_embed1.")) return 0;
    if (begins_with(name, "block1.") || begins_with(name, "norm1.") || begins_with(name, "patch_embed2.")) return 1;
    if (begins_with(name, "block2.0.")) return 2;
    if (begins_with(name, "block2.1.")) return 3;
    if (begins_with(name, "post_network.0.")) return 4;
    return 5; /* norm2, head */
}

/* In the first step a parameter moves by the learning rate times something that does not depend on it. */
static void layers_learn_at_their_rates(void **state) {
    (void)state;
    char config[1024], paths[2][1024];
    struct subject subject;
    for (int i = 0; i < 2; i++) {
        const char *directory = i ? "layers" : "one_rate";
        snprintf(config, sizeof config, "%s", temporary("layers.json"));
        /* 43 images are two batches of 16: the rate is constant, and one step is looked at. */
        char train[256];
        snprintf(train, sizeof train,
                 "\"epochs\": 1, \"batch_size\": 16, \"accumulation\": 2, \"schedule\": \"constant\", "
                 "\"learning_rate\": 0.25, \"weight_decay\": 0.5, \"layer_decay\": %s",
                 i ? "0.5" : "1");
        write_configuration(config, "mlp", train);
        run(config, temporary(directory), (struct simba_trainer_options){0});
        snprintf(paths[i], sizeof paths[i], "%s/last.safetensors", temporary(directory));
    }
    subject = make_subject(config);
    int seen[6] = {0};
    for (int i = 0; i < subject.list.count; i++) {
        const struct sb_parameter *parameter = &subject.list.entries[i];
        if (!parameter->trainable) continue;
        const double factor = pow(0.5, 5 - layer_of(parameter->name));
        float *whole = read_tensor(paths[0], "", parameter), *own = read_tensor(paths[1], "", parameter);
        const float *before = initial_of(&subject, parameter);
        double largest = 0;
        for (int64_t k = 0; k < parameter->elements; k++) {
            const double change = (double)whole[k] - before[k], got = (double)own[k] - before[k];
            if (fabs(change) > largest) largest = fabs(change);
            /* Each is off by the rounding of a parameter. */
            if (fabs(got - factor * change) > 3e-7 * (1 + fabs((double)before[k])))
                fail_msg("%s[%d] moved by %.9g, expected %g x %.9g", parameter->name, (int)k, got, factor, change);
        }
        if (largest < 1e-3) fail_msg("%s moved by %g only", parameter->name, largest);
        seen[layer_of(parameter->name)]++;
        free(whole);
        free(own);
    }
    for (int layer = 0; layer < 6; layer++) assert_true(seen[layer] > 0);
    finish_subject(&subject);
}

/* ---- repeated augmentation */

static void repeats_are_planned(void **state) {
    (void)state;
    char config[1024];
    snprintf(config, sizeof config, "%s", temporary("repeats.json"));
    write_configuration(config, "mlp", "\"epochs\": 2, \"batch_size\": 4, \"accumulation\": 2");
    const char *const overrides[] = {"data.repeated_augmentation=3"};
    const struct simba_training_plan plan =
        run(config, temporary("repeats"), (struct simba_trainer_options){.overrides = overrides, .override_count = 1});
    assert_int_equal(plan.repeats, 3);
    assert_int_equal(plan.epoch_steps, 5); /* 43 / 2 ranks / 4 */
    assert_int_equal(plan.steps, 10);
}

int main(int count, char **words) {
    if (count != 2) return 2;
    device = open_public_device(!strcmp(words[1], "cpu") ? "cpu" : NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(average_is_the_formula),     cmocka_unit_test(best_holds_the_average),
        cmocka_unit_test(average_begins_on_resume),   cmocka_unit_test(frozen_stages_keep_their_bits),
        cmocka_unit_test(frozen_stages_cost_nothing), cmocka_unit_test(layers_learn_at_their_rates),
        cmocka_unit_test(repeats_are_planned)};
    const int failed = cmocka_run_group_tests(tests, set_up, remove_temporary);
    return close_public_device(device) + failed ? 1 : 0;
}
