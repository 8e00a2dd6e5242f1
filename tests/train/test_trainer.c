/* Training repeats bit for bit: run twice, stopped and resumed, killed and resumed. Over the public interface, on a
 * small made-up data set. Usage: test_trainer PATH-OF-SIMBA cpu|vulkan [REPETITIONS] */
#include "public_device.h"
#include "runs.h"
#include "stripes.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static const char *simba_path, *device_choice; /* NULL: the one wished for, or the best */
static struct simba_device *device;
static int repetitions = 1;

static int set_up(void **state) {
    if (make_temporary(state)) return -1;
    /* The same images each time: how well they are learned depends on them. What the seed varies is when runs are
     * killed. */
    const uint32_t drawn = noise;
    noise = 1;
    make_stripes();
    noise = drawn;
    return 0;
}

/* ---- running */

static struct simba_trainer *create(const char *configuration, const char *output, bool resume,
                                    struct simba_trainer_options more) {
    struct simba_error error;
    more.device = device;
    more.configuration = configuration;
    more.output = output;
    more.resume = resume;
    struct simba_trainer *trainer = simba_trainer_create(&more, &error);
    if (!trainer) fail_msg("%s", error.message);
    return trainer;
}

static void run(const char *configuration, const char *output, bool resume) {
    struct simba_error error;
    struct simba_trainer *trainer = create(configuration, output, resume, (struct simba_trainer_options){0});
    if (!simba_trainer_run(trainer, &error)) fail_msg("%s", error.message);
    simba_trainer_destroy(trainer);
}

/* The output's name is part of the checkpoint, so all runs take turns with one and are moved away. */
static void move(const char *from, const char *to) {
    if (rename(from, to)) fail_msg("%s: %s", from, strerror(errno));
}

static const char plain[] = "\"epochs\": 3, \"batch_size\": 8, \"clip_norm\": 1, \"learning_rate\": 0.01";
#define HARD                                                                                   \
    "\"epochs\": 3, \"batch_size\": 4, \"accumulation\": 2, \"checkpoint_every\": 2, "         \
    "\"warmup_epochs\": 0.5, \"learning_rate\": 0.01, \"evaluation_batch\": 4, \"ema\": 0.9, " \
    "\"layer_decay\": 0.8"
static const char hard[] = HARD;

/* Every random choice that there is. */
static const char augmented[] =
    "\"crop\": \"random_resized\", \"scale\": [0.5, 1], \"interpolation\": \"random\", \"flip\": 0.5, "
    "\"randaugment\": \"rand-m5-mstd2-inc1\", \"random_erasing\": 0.5, \"mixup\": 0.8, \"cutmix\": 1, "
    "\"mix_mode\": \"element\"";

static void repeats(void **state) {
    (void)state;
    static const char *const mixers[] = {"mlp", "einfft"};
    for (int m = 0; m < 2; m++) {
        char names[2][64], config[1024];
        snprintf(config, sizeof config, "%s", temporary("repeat.json"));
        write_configuration(config, mixers[m], plain);
        for (int i = 0; i < 2; i++) {
            snprintf(names[i], sizeof names[i], "%s%d", mixers[m], i);
            run(config, temporary("run"), false);
            move(temporary("run"), temporary(names[i]));
        }
        assert_same_files(temporary(names[0]), temporary(names[1]), "last.safetensors");
        assert_same_files(temporary(names[0]), temporary(names[1]), "best.safetensors");
        assert_same_results(temporary(names[0]), temporary(names[1]));
    }
}

struct watch {
    struct simba_trainer *trainer;
    int64_t stop_at;
    int steps, epochs;
    double first_loss, last_loss, epoch_loss;
    double loss_scale; /* of the last step */
    int64_t skipped;
};

static void watch(void *user, const struct simba_progress *progress) {
    struct watch *watch = user;
    if (progress->event == SIMBA_EVENT_STEP) {
        if (!watch->steps++) watch->first_loss = progress->loss;
        watch->last_loss = progress->loss;
        watch->epoch_loss = progress->epoch_loss;
        watch->loss_scale = progress->loss_scale;
        watch->skipped = progress->skipped_steps;
        if (progress->step == watch->stop_at) simba_trainer_stop(watch->trainer);
    }
    if (progress->event == SIMBA_EVENT_EPOCH) watch->epochs++;
}

/* Stopped after a few steps, in the middle of epochs, again and again; with everything that has a state. `loss_scale`:
 * the configured one, which interrupted runs must have left; 0: there is none. */
static void check_resuming(const char *train, double loss_scale, const char *uninterrupted, const char *kept) {
    char whole_run[1024];
    snprintf(whole_run, sizeof whole_run, "%s", temporary(uninterrupted));
    char config[1024];
    snprintf(config, sizeof config, "%s", temporary("stop.json"));
    write_augmented_configuration(config, "einfft", augmented, train);
    static const char *const overrides[] = {"data.repeated_augmentation=3"};
    struct watch watching = {.stop_at = -1};
    struct simba_error error;
    struct simba_trainer *whole = create(config, temporary("run"), false,
                                         (struct simba_trainer_options){.overrides = overrides, .override_count = 1});
    if (!simba_trainer_run(whole, &error)) fail_msg("%s", error.message);
    simba_trainer_destroy(whole);
    move(temporary("run"), whole_run);
    int64_t step = 0;
    bool carried = false; /* an interruption had a state of loss scaling to keep */
    for (int part = 0;; part++) {
        watching.stop_at = step + 1 + (int64_t)random_below(5);
        struct simba_trainer *trainer =
            create(config, temporary("run"), part > 0,
                   (struct simba_trainer_options){
                       .overrides = overrides, .override_count = 1, .progress = watch, .user = &watching});
        watching.trainer = trainer;
        struct simba_training_plan plan;
        simba_trainer_plan(trainer, &plan);
        assert_int_equal(plan.first_step, step);
        const bool done = simba_trainer_run(trainer, &error);
        simba_trainer_destroy(trainer);
        if (done) break;
        check_error(&error, SIMBA_ERROR_INTERRUPTED, "--resume");
        const char *at = strstr(error.message, "after step ");
        assert_non_null(at);
        step = strtoll(at + strlen("after step "), NULL, 10);
        carried = carried || (watching.skipped > 0 && watching.loss_scale != loss_scale);
    }
    assert_true(carried == (loss_scale > 0));
    assert_int_equal(watching.epochs, 3);
    assert_same_files(temporary("run"), whole_run, "last.safetensors");
    assert_same_files(temporary("run"), whole_run, "best.safetensors");
    assert_same_results(temporary("run"), whole_run);
    move(temporary("run"), temporary(kept));
}

static void stop_and_resume(void **state) {
    (void)state;
    check_resuming(hard, 0, "whole", "stopped");
}

/* An end that is set before what was trained already, in mid-epoch and not: the run is over and stays as it is. */
static void resume_beyond_the_end(void **state) {
    (void)state;
    char config[1024];
    snprintf(config, sizeof config, "%s", temporary("beyond.json"));
    write_configuration(config, "mlp", plain);
    static const char *const shorter[] = {"train.epochs=1"};
    for (int whole = 0; whole < 2; whole++) {
        char output[1024], before[1024];
        snprintf(output, sizeof output, "%s", temporary(whole ? "beyond_whole" : "beyond"));
        snprintf(before, sizeof before, "%s", temporary(whole ? "before_whole" : "before"));
        struct simba_error error;
        struct watch watching = {.stop_at = whole ? -1 : TRAINING / 8 + 2};
        struct simba_trainer *trainer =
            create(config, output, false, (struct simba_trainer_options){.progress = watch, .user = &watching});
        watching.trainer = trainer;
        if (simba_trainer_run(trainer, &error) != (whole == 1)) fail_msg("it ran on, or stopped: %s", error.message);
        simba_trainer_destroy(trainer);
        mkdir(before, 0777);
        static const char *const names[] = {"last.safetensors", "best.safetensors", "results.csv",
                                            "configuration.json"};
        for (int i = 0; i < 4; i++) {
            char from[2048], to[2048];
            size_t size;
            snprintf(from, sizeof from, "%s/%s", output, names[i]);
            snprintf(to, sizeof to, "%s/%s", before, names[i]);
            char *bytes = read_whole(from, &size);
            put_file(to, bytes, size);
            free(bytes);
        }
        watching = (struct watch){.stop_at = -1};
        trainer = create(config, output, true,
                         (struct simba_trainer_options){
                             .overrides = shorter, .override_count = 1, .progress = watch, .user = &watching});
        struct simba_training_plan plan;
        simba_trainer_plan(trainer, &plan);
        assert_true(plan.first_step > plan.steps);
        bool finished = false;
        if (!simba_trainer_step(trainer, &finished, &error)) fail_msg("%s", error.message);
        assert_true(finished && watching.steps == 0);
        simba_trainer_destroy(trainer);
        for (int i = 0; i < 4; i++) assert_same_files(output, before, names[i]);
    }
}

/* ---- mixed precision */

/* A scale at which the first gradients overflow, and which grows into overflow again soon. */
static const char overflowing[] = "\"precision\": \"fp16\", \"loss_scale\": 1048576, \"loss_scale_interval\": 3, " HARD;

static void resume_skipped_steps(void **state) {
    (void)state;
    check_resuming(overflowing, 1048576, "whole_fp16", "stopped_fp16");
}

struct scaling {
    double next; /* the scale that the coming step must have */
    int64_t skipped;
    int good, grown;
    double last;
};

/* GradScaler's rule: halved and left out, or doubled after three good steps in a row. */
static void check_scale(void *user, const struct simba_progress *progress) {
    struct scaling *scaling = user;
    if (progress->event != SIMBA_EVENT_STEP) return;
    assert_true(progress->loss_scale == scaling->next);
    const bool skipped = progress->skipped_steps > scaling->skipped;
    assert_true(progress->skipped_steps == scaling->skipped + skipped);
    assert_true(skipped == !isfinite(progress->gradient_norm));
    scaling->last = progress->loss_scale;
    scaling->skipped = progress->skipped_steps;
    scaling->good = skipped ? 0 : scaling->good + 1;
    if (skipped) scaling->next /= 2;
    if (scaling->good == 3) {
        scaling->next *= 2;
        scaling->good = 0;
        scaling->grown++;
    }
    assert_true(isfinite(progress->loss) && isfinite(progress->epoch_loss));
}

static void overflows(void **state) {
    (void)state;
    char config[1024], row[512] = "", wanted[64];
    snprintf(config, sizeof config, "%s", temporary("overflow.json"));
    write_configuration(config, "mlp", overflowing);
    struct scaling scaling = {.next = 1048576};
    struct simba_trainer *trainer = create(config, temporary("overflow"), false,
                                           (struct simba_trainer_options){.progress = check_scale, .user = &scaling});
    struct simba_error error;
    if (!simba_trainer_run(trainer, &error)) fail_msg("%s", error.message);
    simba_trainer_destroy(trainer);
    printf("%d steps left out, the scale grew %d times, at last %g\n", (int)scaling.skipped, scaling.grown,
           scaling.last);
    assert_true(scaling.skipped > 0 && scaling.grown > 0);
    FILE *results = fopen(temporary("overflow/results.csv"), "r");
    assert_non_null(results);
    while (fgets(row, sizeof row, results)) {
    }
    fclose(results);
    snprintf(wanted, sizeof wanted, ",%.9g,%d\n", scaling.last, (int)scaling.skipped);
    const size_t length = strlen(row), tail = strlen(wanted);
    if (length < tail || strcmp(row + length - tail, wanted)) fail_msg("%s does not end with %s", row, wanted);
}

static void pause_milliseconds(unsigned milliseconds) {
    nanosleep(&(struct timespec){.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000L}, NULL);
}

static pid_t spawn(const char *config, const char *output, bool resume) {
    const char *words[12] = {simba_path, "train", config, "--output", output};
    int count = 5;
    if (device_choice) {
        words[count++] = "--device";
        words[count++] = device_choice;
    }
    if (resume) words[count++] = "--resume";
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t child;
    const int failed = posix_spawn(&child, simba_path, &actions, NULL, (char **)(uintptr_t)words, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed) fail_msg("%s: %s", simba_path, strerror(failed));
    return child;
}

/* Step of output/last.safetensors, through a model that is only looked at; -1: there is none yet. */
static int64_t saved_step(const char *output) {
    char path[2048];
    snprintf(path, sizeof path, "%s/last.safetensors", output);
    if (access(path, F_OK)) return -1;
    struct simba_error error;
    struct simba_model *model = simba_model_create(NULL, &(struct simba_model_options){.weights = path}, &error);
    if (!model) fail_msg("after a kill: %s", error.message);
    struct simba_model_info info;
    simba_model_inspect(model, &info);
    simba_model_destroy(model);
    return info.step;
}

/* Killed at a random moment, often while it writes (a checkpoint after each step), and resumed until it is done. */
static void kill_and_resume(void **state) {
    (void)state;
    char config[1024], output[1024];
    snprintf(config, sizeof config, "%s", temporary("kill.json"));
    snprintf(output, sizeof output, "%s", temporary("run"));
    write_configuration(config, "mlp",
                        "\"epochs\": 30, \"batch_size\": 4, \"accumulation\": 2, \"checkpoint_every\": 1");
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    int status;
    assert_int_equal(waitpid(spawn(config, output, false), &status, 0) > 0, 1);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    clock_gettime(CLOCK_MONOTONIC, &end);
    const double seconds = (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
    move(output, temporary("unkilled"));
    for (int repetition = 0; repetition < repetitions; repetition++) {
        int kills = 0, attempts = 0;
        int64_t last_step = -1;
        while (attempts++ < 100) {
            const bool resume = access(output, F_OK) == 0;
            const pid_t child = spawn(config, output, resume);
            /* Late enough to get somewhere on a slow machine: the later attempts wait longer. */
            pause_milliseconds((unsigned)(seconds * 1000 * (0.05 + 0.1 * attempts)) * (1 + random_below(100)) / 100);
            kill(child, SIGKILL);
            assert_int_equal(waitpid(child, &status, 0), child);
            const int64_t step = saved_step(output);
            if (step < last_step) fail_msg("the checkpoint went back from step %d to %d", (int)last_step, (int)step);
            last_step = step;
            if (WIFSIGNALED(status)) {
                kills++;
                continue;
            }
            assert_int_equal(WEXITSTATUS(status), 0);
            break;
        }
        printf("killed %d times, %d attempts\n", kills, attempts);
        assert_same_files(output, temporary("unkilled"), "last.safetensors");
        assert_same_files(output, temporary("unkilled"), "best.safetensors");
        assert_same_results(output, temporary("unkilled"));
        char name[32];
        snprintf(name, sizeof name, "killed%d", repetition);
        move(output, temporary(name));
    }
}

/* The loss falls, in every precision to about the same, and a trained model knows its data. */
static void learns(void **state) {
    (void)state;
    static const char *const precisions[] = {"train.precision=fp32", "train.precision=bf16", "train.precision=fp16"};
    char config[1024], path[1024];
    double losses[3];
    snprintf(config, sizeof config, "%s", temporary("learn.json"));
    write_configuration(config, "einfft",
                        "\"epochs\": 25, \"batch_size\": 8, \"learning_rate\": 0.01, \"clip_norm\": 1, "
                        "\"label_smoothing\": 0, \"evaluate_every\": 5");
    for (int p = 0; p < 3; p++) {
        struct watch watching = {.stop_at = -1};
        const char *const overrides[] = {"model.drop_path=0", precisions[p]};
        struct simba_trainer *trainer =
            create(config, temporary(precisions[p]), false,
                   (struct simba_trainer_options){
                       .progress = watch, .user = &watching, .overrides = overrides, .override_count = 2});
        struct simba_error error;
        if (!simba_trainer_run(trainer, &error)) fail_msg("%s", error.message);
        simba_trainer_destroy(trainer);
        losses[p] = watching.epoch_loss;
        snprintf(path, sizeof path, "%s/best.safetensors", temporary(precisions[p]));
        struct simba_model *model =
            simba_model_create(device, &(struct simba_model_options){.weights = path, .batch = 4}, &error);
        if (!model) fail_msg("%s", error.message);
        struct simba_evaluation result;
        if (!simba_model_evaluate(model, NULL, &result, &error)) fail_msg("%s", error.message);
        printf("%s: loss from %.3f to %.3f, in the last epoch %.4f; %d images, top-1 %.2f\n", precisions[p],
               watching.first_loss, watching.last_loss, losses[p], (int)result.images, result.top1);
        assert_true(losses[p] < 0.5 * watching.first_loss);
        assert_int_equal(result.images, EVALUATION);
        assert_true(result.top1 >= 0.7);
        simba_model_destroy(model);
        assert_true(p == 0 || losses[p] != losses[0]);
        assert_true(fabs(losses[p] - losses[0]) < 0.1);
    }
}

/* A learning rate without measure: stops, says where, keeps the checkpoint. With fp16 smaller scales are tried first.
 */
static void not_finite(void **state) {
    (void)state;
    static const char *const precisions[] = {"train.precision=fp32", "train.precision=fp16"};
    char config[1024];
    snprintf(config, sizeof config, "%s", temporary("nan.json"));
    write_configuration(config, "mlp",
                        "\"epochs\": 40, \"batch_size\": 8, \"learning_rate\": 1e6, "
                        "\"weight_decay\": 100, \"checkpoint_every\": 1, \"loss_scale\": 8");
    for (int p = 0; p < 2; p++) {
        struct simba_trainer *trainer =
            create(config, temporary(p ? "nan_fp16" : "nan"), false,
                   (struct simba_trainer_options){.overrides = &precisions[p], .override_count = 1});
        struct simba_error error = {0};
        assert_false(simba_trainer_run(trainer, &error));
        check_error(&error, SIMBA_ERROR_NUMERIC, "Step ");
        check_error(&error, SIMBA_ERROR_NUMERIC, "learning_rate");
        if (p) check_error(&error, SIMBA_ERROR_NUMERIC, "for the 10th time in a row with the smallest loss scale, 1.");
        if (p) check_error(&error, SIMBA_ERROR_NUMERIC, "\"bf16\"");
        printf("%s\n", error.message);
        assert_false(simba_trainer_save(trainer, NULL, &error));
        simba_trainer_destroy(trainer);
    }
}

/* What cannot start must say so, and leave everything as it was. */
struct note {
    char text[600];
    double top1;
    int64_t epochs;
};

static void keep_note(void *user, enum simba_log_level level, const char *message) {
    struct note *note = user;
    if (level >= SIMBA_LOG_INFO && (strstr(message, "beginning with") || strstr(message, "stopping after")))
        snprintf(note->text + strlen(note->text), sizeof note->text - strlen(note->text), "%.250s\n", message);
}

static void keep_epoch(void *user, const struct simba_progress *progress) {
    struct note *note = user;
    if (progress->event != SIMBA_EVENT_EPOCH) return;
    note->epochs++;
    note->top1 = progress->top1;
}

/* A run that begins with another one's weights and learns nothing evaluates as that one did, and loses its patience;
 * with more classes only the head is new. */
static void fine_tuning(void **state) {
    (void)state;
    char config[1024], train[1600], weights[1024];
    struct simba_error error;
    snprintf(config, sizeof config, "%s", temporary("tune.json"));
    snprintf(weights, sizeof weights, "%s", temporary("base/last.safetensors"));
    write_configuration(config, "mlp", plain);
    struct note base = {.epochs = 0}, tuned = {.epochs = 0};
    struct simba_trainer *trainer =
        create(config, temporary("base"), false, (struct simba_trainer_options){.progress = keep_epoch, .user = &base});
    if (!simba_trainer_run(trainer, &error)) fail_msg("%s", error.message);
    simba_trainer_destroy(trainer);

    snprintf(train, sizeof train,
             "\"epochs\": 9, \"batch_size\": 8, \"learning_rate\": 1e-12, \"minimum_learning_rate\": 0, "
             "\"warmup_learning_rate\": 0, \"weight_decay\": 0, \"patience\": 2, \"initial_weights\": \"%s\"",
             weights);
    write_configuration(config, "mlp", train);
    for (int resume = 0; resume < 2; resume++) {
        tuned.epochs = 0;
        trainer = create(config, temporary("tuned"), resume,
                         (struct simba_trainer_options){
                             .progress = keep_epoch, .user = &tuned, .log = {keep_note, &tuned, SIMBA_LOG_DEBUG}});
        if (!simba_trainer_run(trainer, &error)) fail_msg("%s", error.message);
        simba_trainer_destroy(trainer);
        /* One of the first epochs is the best one, as running statistics settle; a resumed run stays ended. */
        assert_true(resume ? tuned.epochs == 0 : tuned.epochs >= 3 && tuned.epochs < 9);
    }
    assert_non_null(strstr(tuned.text, "beginning with the weights of "));
    assert_null(strstr(tuned.text, "initialised anew"));
    assert_non_null(strstr(tuned.text, "no better evaluation for 2 epochs (train.patience)"));
    if (fabs(tuned.top1 - base.top1) > 0.21) /* two images of ten, as running statistics move */
        fail_msg("top-1 %g, before %g", tuned.top1, base.top1);

    tuned.text[0] = 0;
    const char *const overrides[] = {"model.classes=7", "train.epochs=1"};
    trainer = create(config, temporary("wider"), false,
                     (struct simba_trainer_options){
                         .overrides = overrides, .override_count = 2, .log = {keep_note, &tuned, SIMBA_LOG_DEBUG}});
    if (!simba_trainer_run(trainer, &error)) fail_msg("%s", error.message);
    simba_trainer_destroy(trainer);
    assert_non_null(strstr(tuned.text, "initialised anew: head.weight, head.bias"));

    const char *const other[] = {"model.d_state=5"};
    const struct simba_trainer_options options = {.device = device,
                                                  .configuration = config,
                                                  .output = temporary("other"),
                                                  .overrides = other,
                                                  .override_count = 1};
    assert_null(simba_trainer_create(&options, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "$.train.initial_weights: ");
    check_error(&error, SIMBA_ERROR_FORMAT, "other shape: block1.0.attn.mamba");
}

/* Epochs that nobody evaluated try no patience: it is counted where there is something to compare. */
static void patience_between_evaluations(void **state) {
    (void)state;
    char config[1024];
    snprintf(config, sizeof config, "%s", temporary("patient.json"));
    write_configuration(config, "mlp",
                        "\"epochs\": 30, \"batch_size\": 8, \"learning_rate\": 1e-12, \"minimum_learning_rate\": 0, "
                        "\"warmup_learning_rate\": 0, \"weight_decay\": 0, \"patience\": 2, \"evaluate_every\": 3");
    struct note note = {.epochs = 0};
    struct simba_error error;
    struct simba_trainer *trainer =
        create(config, temporary("patient"), false,
               (struct simba_trainer_options){
                   .progress = keep_epoch, .user = &note, .log = {keep_note, &note, SIMBA_LOG_DEBUG}});
    if (!simba_trainer_run(trainer, &error)) fail_msg("%s", error.message);
    simba_trainer_destroy(trainer);
    printf("%s", note.text);
    assert_true(note.epochs >= 6 && note.epochs < 30 && note.epochs % 3 == 0);
    assert_int_equal(access(temporary("patient/best.safetensors"), F_OK), 0);
}

/* A model labels the images it was trained on; another one learns from that, the same way every time. */
static void token_labels(void **state) {
    (void)state;
    char config[1024], train[1024], names[2][64];
    struct simba_error error;
    struct simba_labelling labelling;
    snprintf(config, sizeof config, "%s", temporary("label.json"));
    write_configuration(config, "mlp", plain);
    const char *const larger[] = {"model.image_size=16"}; /* what three halvings divide */
    struct simba_trainer *teacher = create(config, temporary("teacher"), false,
                                           (struct simba_trainer_options){.overrides = larger, .override_count = 1});
    if (!simba_trainer_run(teacher, &error)) fail_msg("%s", error.message);
    simba_trainer_destroy(teacher);
    struct simba_label_options options = {.device = device,
                                          .weights = temporary("teacher/last.safetensors"),
                                          .data = temporary("data"),
                                          .output = temporary("maps"),
                                          .top = 2};
    for (int again = 0; again < 2; again++) {
        if (!simba_label(&options, &labelling, &error)) fail_msg("%s", error.message);
        assert_true(labelling.images == TRAINING && labelling.written == (again ? 0 : TRAINING) &&
                    labelling.present == (again ? TRAINING : 0) && labelling.broken == 0);
        assert_true(labelling.height == 2 && labelling.width == 2 && labelling.top == 2);
    }
    snprintf(train, sizeof train, "%s, \"token_label_weight\": 0.5", hard);
    write_augmented_configuration(config, "einfft",
                                  "\"crop\": \"random_resized\", \"flip\": 0.5, "
                                  "\"randaugment\": \"rand-m5-mstd2-inc1\", \"random_erasing\": 0.5",
                                  train);
    char maps[1100];
    snprintf(maps, sizeof maps, "data.label_maps=\"%s\"", temporary("maps"));
    const char *const overrides[] = {"model.image_size=16", "model.token_labels=true", maps};
    for (int i = 0; i < 2; i++) {
        struct watch watching = {.stop_at = i ? 5 : -1};
        snprintf(names[i], sizeof names[i], "tokens%d", i);
        struct simba_trainer_options more = {
            .overrides = overrides, .override_count = 3, .progress = watch, .user = &watching};
        struct simba_trainer *trainer = create(config, temporary("run"), false, more);
        watching.trainer = trainer;
        if (!simba_trainer_run(trainer, &error)) {
            assert_int_equal(i, 1); /* stopped in the middle; it goes on to the same end */
            check_error(&error, SIMBA_ERROR_INTERRUPTED, "--resume");
            simba_trainer_destroy(trainer);
            watching.stop_at = -1;
            trainer = create(config, temporary("run"), true, more);
            if (!simba_trainer_run(trainer, &error)) fail_msg("%s", error.message);
        }
        assert_true(watching.last_loss < watching.first_loss);
        simba_trainer_destroy(trainer);
        move(temporary("run"), temporary(names[i]));
    }
    assert_same_files(temporary(names[0]), temporary(names[1]), "last.safetensors");

    /* A map that is missing is named. */
    const char *const strict[] = {"model.image_size=16", "model.token_labels=true", maps, "data.broken_images=0"};
    if (remove(temporary("maps/3.pt"))) fail_msg("%s", strerror(errno));
    struct simba_trainer *trainer = create(config, temporary("missing"), false,
                                           (struct simba_trainer_options){.overrides = strict, .override_count = 4});
    assert_false(simba_trainer_run(trainer, &error));
    check_error(&error, SIMBA_ERROR_FILE, "maps/3.pt");
    simba_trainer_destroy(trainer);
}

static void refusals(void **state) {
    (void)state;
    char config[1024], output[1024];
    snprintf(config, sizeof config, "%s", temporary("refuse.json"));
    snprintf(output, sizeof output, "%s", temporary("stopped"));
    write_configuration(config, "einfft", hard);
    struct simba_error error;
    struct simba_trainer_options options = {.device = device, .configuration = config, .output = output};
    assert_null(simba_trainer_create(&options, &error));
    check_error(&error, SIMBA_ERROR_FILE, "--resume");
    options.resume = true;
    options.output = temporary("nowhere");
    assert_null(simba_trainer_create(&options, &error));
    check_error(&error, SIMBA_ERROR_FILE, "no run to resume");
    options.output = output;
    options.overrides = (const char *const[]){"train.batch_size=2"};
    options.override_count = 1;
    assert_null(simba_trainer_create(&options, &error));
    check_error(&error, SIMBA_ERROR_CONFIG, "steps per epoch");
    options.overrides = (const char *const[]){"model.dims=[8, 16]"};
    assert_null(simba_trainer_create(&options, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "another architecture");
    options.resume = false;
    options.output = "/dev/null/run";
    options.override_count = 0;
    assert_null(simba_trainer_create(&options, &error));
    check_error(&error, SIMBA_ERROR_FILE, "/dev/null/run");
    /* Planning needs no device and writes nothing. */
    options.device = NULL;
    options.output = temporary("plan");
    struct simba_trainer *trainer = simba_trainer_create(&options, &error);
    assert_non_null(trainer);
    bool finished;
    assert_false(simba_trainer_step(trainer, &finished, &error));
    check_error(&error, SIMBA_ERROR_ARGUMENT, "without a device");
    simba_trainer_destroy(trainer);
    assert_int_equal(access(temporary("plan"), F_OK), -1);
}

int main(int count, char **words) {
    if (count < 3) return 2;
    simba_path = words[1];
    if (!strcmp(words[2], "cpu")) device_choice = "cpu";
    if (count > 3) repetitions = atoi(words[3]);
    device = open_public_device(device_choice);
    if (!device_choice) device_choice = getenv("SIMBA_TEST_DEVICE");
    const char *seed = getenv("SIMBA_TEST_SEED");
    noise = seed ? (uint32_t)strtoul(seed, NULL, 10) : (uint32_t)time(NULL);
    printf("SIMBA_TEST_SEED=%u\n", (unsigned)noise);
    const struct CMUnitTest tests[] = {cmocka_unit_test(repeats),
                                       cmocka_unit_test(stop_and_resume),
                                       cmocka_unit_test(resume_skipped_steps),
                                       cmocka_unit_test(overflows),
                                       cmocka_unit_test(kill_and_resume),
                                       cmocka_unit_test(learns),
                                       cmocka_unit_test(fine_tuning),
                                       cmocka_unit_test(token_labels),
                                       cmocka_unit_test(not_finite),
                                       cmocka_unit_test(refusals),
                                       cmocka_unit_test(resume_beyond_the_end),
                                       cmocka_unit_test(patience_between_evaluations)};
    const int failed = cmocka_run_group_tests(tests, set_up, remove_temporary);
    return close_public_device(device) + failed ? 1 : 0;
}
