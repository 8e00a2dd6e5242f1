#include "cli.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* ---- Ctrl-C: the first one lets the step finish and writes the checkpoint, the second one kills. The same when the
 * terminal goes away or nobody reads the output any more; that may be noticed at several lines. */
static struct simba_trainer *volatile running;

static void on_signal(int number) {
    (void)number;
    struct simba_trainer *trainer = running;
    if (trainer) simba_trainer_stop(trainer);
}

static void catch_signals(struct simba_trainer *trainer) {
    running = trainer;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_flags = 0;
    static const int lost[] = {SIGHUP, SIGPIPE};
    for (int i = 0; i < 2; i++) {
        struct sigaction before;
        /* nohup and its like ask that these be ignored. */
        if (sigaction(lost[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) sigaction(lost[i], &action, NULL);
    }
}

static void release_signals(void) {
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    /* What is left to say goes nowhere; the exit code stays the run's. */
    signal(SIGPIPE, SIG_IGN);
    running = NULL;
}

bool cli_run_trainer(struct simba_trainer *trainer, struct simba_error *error) {
    catch_signals(trainer);
    const bool fine = simba_trainer_run(trainer, error);
    release_signals();
    return fine;
}

/* ---- what is shown while training */
struct display {
    bool bar;          /* a line that is rewritten, on a terminal; else a plain line now and then */
    double last_shown; /* seconds */
    struct cli_profile profile;
};

static int terminal_columns(void) {
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

static void clear_bar(const struct display *display) {
    if (display->bar) fputs("\r\033[K", stderr);
}

static void show_step(struct display *display, const struct simba_progress *progress) {
    double interval = display->bar ? 0.1 : 10;
    bool last = progress->epoch_step == progress->epoch_steps;
    if (cli_now() - display->last_shown < interval && !(display->bar && last)) return;
    display->last_shown = cli_now();
    char eta[32] = "?", text[256];
    if (progress->eta_seconds >= 0) cli_duration(eta, progress->eta_seconds);
    snprintf(text, sizeof text, "loss %.4f  lr %.3g  %.1f %s/s  waited %.0f %%  ETA %s", progress->epoch_loss,
             progress->learning_rate, progress->samples_per_second, progress->sample_kind, 100 * progress->waited_share,
             eta);
    if (progress->loss_scale > 0) {
        const size_t length = strlen(text);
        snprintf(text + length, sizeof text - length, "  loss scale %.10g  skipped %lld", progress->loss_scale,
                 (long long)progress->skipped_steps);
    }
    if (!display->bar) {
        printf("epoch %lld/%lld  step %lld/%lld  %s\n", (long long)progress->epoch + 1, (long long)progress->epochs,
               (long long)progress->step, (long long)progress->steps, text);
        fflush(stdout);
        return;
    }
    char head[64];
    int width =
        snprintf(head, sizeof head, "epoch %lld/%lld ", (long long)progress->epoch + 1, (long long)progress->epochs);
    int room = terminal_columns() - width - (int)strlen(text) - 6;
    if (room > 40) room = 40;
    fprintf(stderr, "\r%s", head);
    if (room >= 5) {
        int full = (int)((double)room * (double)progress->epoch_step / (double)progress->epoch_steps);
        fputc('[', stderr);
        for (int i = 0; i < room; i++) fputc(i < full ? '=' : i == full ? '>' : ' ', stderr);
        fputs("] ", stderr);
    }
    fprintf(stderr, "%s\033[K", text);
}

static void show(void *user, const struct simba_progress *progress) {
    struct display *display = user;
    switch (progress->event) {
    case SIMBA_EVENT_STEP:
        show_step(display, progress);
        break;
    case SIMBA_EVENT_EVALUATING:
        if (display->bar && cli_now() - display->last_shown > 0.1) {
            fprintf(stderr, "\revaluating: %lld of %lld %s\033[K", (long long)progress->samples_evaluated,
                    (long long)(progress->samples_evaluated + progress->samples_left), progress->sample_kind);
            display->last_shown = cli_now();
        }
        break;
    case SIMBA_EVENT_EPOCH:
        clear_bar(display);
        printf("epoch %lld/%lld  step %lld  loss %.4f", (long long)progress->epoch + 1, (long long)progress->epochs,
               (long long)progress->step, progress->epoch_loss);
        if (progress->evaluated && !progress->series)
            printf("  evaluation: loss %.4f  top-1 %.2f %%  top-5 %.2f %%%s", progress->evaluation_loss,
                   100 * progress->top1, 100 * progress->top5,
                   progress->improved && !progress->averaged ? "  (best)" : "");
        else if (progress->evaluated)
            printf("  validation: MSE %.4f  MAE %.4f%s", progress->mse, progress->mae,
                   progress->improved && !progress->averaged ? "  (best)" : "");
        if (progress->averaged && !progress->series)
            printf("  EMA: loss %.4f  top-1 %.2f %%  top-5 %.2f %%%s", progress->ema_loss, 100 * progress->ema_top1,
                   100 * progress->ema_top5, progress->improved ? "  (best)" : "");
        else if (progress->averaged)
            printf("  EMA: MSE %.4f  MAE %.4f%s", progress->ema_mse, progress->ema_mae,
                   progress->improved ? "  (best)" : "");
        printf("  %.1f %s/s  waited %.1f %%\n", progress->samples_per_second, progress->sample_kind,
               100 * progress->waited_share);
        fflush(stdout);
        break;
    case SIMBA_EVENT_CHECKPOINT:
        break;
    case SIMBA_EVENT_PROFILE:
        clear_bar(display);
        cli_profile_show(&display->profile, progress->profile);
        break;
    }
}

static void print_plan(const struct simba_trainer *trainer, const struct simba_device *device,
                       bool with_configuration) {
    struct simba_training_plan plan;
    simba_trainer_plan(trainer, &plan);
    char a[32], b[32], c[32], d[32];
    if (with_configuration) printf("%s\n", simba_trainer_configuration(trainer));
    printf("%splan%s\n", cli_bold(stdout), cli_plain(stdout));
    printf("  model        %s, %lld parameters", plan.model, (long long)plan.parameters);
    if (plan.trained < plan.parameters) printf(", %lld of them trained", (long long)plan.trained);
    putchar('\n');
    printf("  data         %s; %lld to evaluate on\n", plan.data, (long long)plan.evaluation_samples);
    printf("  steps        %lld epochs of %lld steps; %d %s", (long long)plan.epochs, (long long)plan.epoch_steps,
           plan.batch, plan.sample_kind);
    if (plan.accumulation > 1) printf(" x %d", plan.accumulation);
    printf(" and %sFLOP per step", cli_count(a, plan.step_flops));
    if (plan.repeats > 1)
        printf("; %d draws of each %.*s", plan.repeats, (int)strlen(plan.sample_kind) - 1, plan.sample_kind);
    putchar('\n');
    printf("  memory       %s: activations %s, parameters %s, optimiser %s", cli_bytes(a, (double)plan.total_bytes),
           cli_bytes(b, (double)plan.activation_bytes), cli_bytes(c, (double)plan.parameter_bytes),
           cli_bytes(d, (double)plan.optimiser_bytes));
    if (plan.average_bytes) printf(", EMA %s", cli_bytes(a, (double)plan.average_bytes));
    printf(", evaluation %s\n", cli_bytes(a, (double)plan.evaluation_bytes));
    if (device) {
        const struct simba_device_info *info = simba_device_describe(device);
        printf("  device       %d: %s (%s, %s)\n", info->index, info->name, info->backend,
               simba_device_kind_name(info->kind));
    }
    printf("  output       %s\n", plan.output);
    if (plan.first_step)
        printf("  resuming     at step %lld of %lld\n", (long long)plan.first_step, (long long)plan.steps);
    fflush(stdout);
}

static bool print_speed(struct simba_trainer *trainer, struct simba_error *error) {
    struct simba_training_plan plan;
    struct simba_training_speed speed;
    simba_trainer_plan(trainer, &plan);
    if (!simba_trainer_measure(trainer, &speed, error)) return false;
    char a[32], b[32], c[32];
    const int64_t steps = plan.steps > plan.first_step ? plan.steps - plan.first_step : 0;
    printf("  time         %.3g s a step, %.1f %s/s; an epoch %s, an evaluation %s; %s%lld steps and %lld evaluations "
           "%s\n",
           speed.step_seconds, plan.batch * plan.accumulation / speed.step_seconds, plan.sample_kind,
           cli_duration(a, speed.training_seconds), cli_duration(b, speed.evaluation_seconds),
           plan.first_step ? "the remaining " : "all ", (long long)steps, (long long)plan.evaluations,
           cli_duration(c, speed.step_seconds * (double)steps + speed.evaluation_seconds * (double)plan.evaluations));
    return true;
}

static int run(const struct cli_command *command, int count, char **words) {
    struct cli_device device_options = {0};
    struct cli_list operands = {0}, overrides = {0};
    const char *output = NULL;
    bool resume = false, dry_run = false, baselines = false;
    struct display display = {.bar = cli_is_terminal(stderr)};
    const struct cli_option options[] = {
        {.name = "set",
         .argument = "KEY=VALUE",
         .help = "change the configuration, may be repeated: train.epochs=3",
         .list = &overrides},
        {.name = "output", .argument = "DIR", .help = "where checkpoints and results go", .text = &output},
        {.name = "resume", .help = "go on from the last checkpoint in the output directory", .flag = &resume},
        {.name = "dry-run",
         .help = "print configuration, plan and the time an epoch takes, then stop",
         .flag = &dry_run},
        {.name = "baselines",
         .help = "series: train DLinear (by its authors' settings for ETTh1), compare with it and naive forecasts",
         .flag = &baselines},
        CLI_PROFILE_OPTIONS(display.profile),
        CLI_DEVICE_OPTIONS(device_options),
        {0}};
    struct simba_device *device = NULL;
    struct simba_trainer *trainer = NULL;
    struct simba_error error;
    int code = CLI_DONE;
    if (!cli_options_read(command, options, count, words, &operands, &code)) goto done;
    if (operands.count > 1 || (!operands.count && !(resume && output))) {
        code = cli_usage_error(command, "expected one configuration (or --resume with --output), found %d",
                               operands.count);
        goto done;
    }
    if (dry_run && cli_profile_steps(&display.profile)) {
        code = cli_usage_error(command, "--dry-run makes no step that could be profiled");
        goto done;
    }
    device = cli_device_open(&device_options, &error);
    const struct simba_trainer_options training = {.device = device,
                                                   .configuration = operands.count ? operands.items[0] : NULL,
                                                   .overrides = overrides.items,
                                                   .override_count = overrides.count,
                                                   .output = output,
                                                   .resume = resume,
                                                   .profile_steps = cli_profile_steps(&display.profile),
                                                   .progress = show,
                                                   .user = &display};
    if (device) trainer = simba_trainer_create(&training, &error);
    if (!trainer) {
        code = cli_failed(&error);
        goto done;
    }
    print_plan(trainer, device, true);
    if (dry_run) {
        if (!print_speed(trainer, &error)) code = cli_failed(&error);
        goto done;
    }
    struct simba_training_plan plan;
    simba_trainer_plan(trainer, &plan);
    if (baselines && !plan.series) {
        code = cli_usage_error(command, "--baselines is for models of series");
        goto done;
    }
    if (plan.first_step >= plan.steps) {
        printf("already finished: %lld steps of %lld; raise train.epochs to go on\n", (long long)plan.first_step,
               (long long)plan.steps);
        goto finished;
    }
    double begin = cli_now();
    char text[32];
    bool fine = cli_run_trainer(trainer, &error);
    clear_bar(&display);
    if (fine)
        printf("done in %s: %s/best.safetensors\n", cli_duration(text, cli_now() - begin), plan.output);
    else
        code = cli_failed(&error);
    if (fine && training.profile_steps && !display.profile.shown)
        fputs("simba: the run ended before the steps that were to be profiled\n", stderr);
    if (fine && training.profile_steps && (!display.profile.shown || display.profile.failed)) code = CLI_FAILED;
finished:
    simba_trainer_destroy(trainer); /* its memory may be what the baselines need */
    trainer = NULL;
    if (code == CLI_DONE && baselines) code = cli_train_baselines(&training, &plan);
done:
    simba_trainer_destroy(trainer);
    simba_device_close(device);
    free(operands.items);
    free(overrides.items);
    return code;
}

const struct cli_command cli_train = {
    .name = "train",
    .operands = "CONFIG.json",
    .summary = "train a model",
    .details =
        "CONFIG.json says what is trained, on what and how. assets/simba.schema.json has every key with its meaning\n"
        "and its default; assets/configs has examples and the published recipes.\n"
        "  fine-tuning   train.initial_weights=FILE begins with the weights of another model\n"
        "  token labels  model.token_labels=true, data.label_maps=DIR: maps that simba label has made with a model\n"
        "  series        model.architecture=\"series\", data.path=FILE.csv; simba forecast is what uses the model\n"
        "Ctrl-C finishes the step, writes the last checkpoint and exits with code 130; --resume goes on from there\n"
        "with the same result as if nothing had happened.\n",
    .run = run};
