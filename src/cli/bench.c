#include "bench.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the options of one call come to. */
struct bench {
    struct cli_device device;
    struct cli_list configurations;
    const char *shape, *precision, *format, *output, *describe, *baseline, *roofline, *threshold, *seconds, *verify;
    bool list;
    double threshold_part;
    struct simba_bench_options options;
    int format_index; /* enum simba_bench_format; -1: the table for people */
    bool misused;     /* names, shapes or a precision that make no sense: the command line is wrong */
};

/* Ctrl-C: the row that is being measured is the last one, and what there is is reported. A second one ends it. */
static volatile sig_atomic_t stopped;

static void on_signal(int number) {
    (void)number;
    stopped = 1;
}

static void catch_signals(void) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static bool take_row(void *user, const struct simba_device_info *device, const struct simba_bench_row *row) {
    const struct bench *bench = user;
    if (bench->format_index < 0) cli_bench_row(device, row);
    return !stopped;
}

static bool show_progress(void *user, const struct simba_bench_progress *progress) {
    (void)user;
    cli_bench_progress(progress);
    return !stopped;
}

static bool run_device(struct bench *bench, const struct cli_device *choice, struct simba_bench *report,
                       struct simba_error *error) {
    struct simba_device *device = cli_device_open(choice, error);
    const bool done = device && simba_bench_run(report, device, &bench->options, error);
    bench->misused = device && !done && error->code == SIMBA_ERROR_ARGUMENT;
    simba_device_close(device);
    return done;
}

/* The devices that --device names: one, or all of Vulkan that can be used; the others are no measure of speed. A device
 * that fails does not keep the next one from its turn: all failures are told, the last one by the caller. */
static bool run_all(struct bench *bench, struct simba_bench *report, struct simba_error *error) {
    struct simba_device_info *devices = NULL;
    int count = 0;
    char note[256], index[16];
    if (!simba_list_devices(&devices, &count, note, error)) return false;
    bool done = true, any = false;
    for (int i = 0; !bench->misused && !stopped && i < count; i++) {
        if (!devices[i].usable || strcmp(devices[i].backend, "vulkan") != 0) continue;
        struct cli_device choice = bench->device;
        snprintf(index, sizeof index, "%d", devices[i].index);
        choice.choice = index;
        struct simba_error failure;
        any = true;
        if (run_device(bench, &choice, report, &failure)) continue;
        cli_bench_end_progress();
        if (!done) cli_failed(error);
        *error = failure;
        if (failure.code == SIMBA_ERROR_DEVICE)
            snprintf(error->message, sizeof error->message, "%.128s: %.1800s", devices[i].name, failure.message);
        done = false;
    }
    simba_free(devices);
    if (done && !any) {
        *error = (struct simba_error){.code = SIMBA_ERROR_DEVICE};
        snprintf(error->message, sizeof error->message,
                 "No device to measure%s%s; --device cpu measures the reference.", note[0] ? ": " : "", note);
        return false;
    }
    return done;
}

static bool run_devices(struct bench *bench, struct simba_bench *report, struct simba_error *error) {
    if (bench->device.choice && strcmp(bench->device.choice, "all") == 0) return run_all(bench, report, error);
    return run_device(bench, &bench->device, report, error);
}

/* Standard output has one form, a file the same one, or with the table for people JSON. */
static bool write_report(const struct bench *bench, const struct simba_bench *report, struct simba_error *error) {
    const bool table = bench->format_index < 0;
    const enum simba_bench_format format = table ? SIMBA_BENCH_JSON : (enum simba_bench_format)bench->format_index;
    if (bench->output) return simba_bench_save(report, format, bench->output, error);
    if (table) return true;
    char *text = simba_bench_text(report, format, error);
    if (text) fputs(text, stdout);
    simba_free(text);
    return text;
}

/* One picture for each device: FILE.png, FILE-2.png, ... */
static bool draw(const struct bench *bench, const struct simba_bench *report, struct simba_error *error) {
    const int devices = simba_bench_summary(report).devices;
    const char *dot = strrchr(bench->roofline, '.');
    const int length = (int)(dot ? dot - bench->roofline : (long)strlen(bench->roofline));
    for (int i = 0; i < devices; i++) {
        char path[4096], number[16] = "";
        if (i) snprintf(number, sizeof number, "-%d", i + 1);
        snprintf(path, sizeof path, "%.*s%s%s", length, bench->roofline, number, dot ? dot : "");
        if (!simba_bench_roofline(report, i, path, error)) return false;
    }
    return true;
}

static bool compare(const struct bench *bench, const struct simba_bench *report, bool *failed,
                    struct simba_error *error) {
    struct simba_bench_comparison comparison;
    /* The report may go to standard output for a program to read. */
    FILE *stream = bench->format_index < 0 || bench->output ? stdout : stderr;
    if (!simba_bench_compare(report, bench->baseline, &bench->options.choice, bench->threshold_part, cli_bench_change,
                             stream, &comparison, error))
        return false;
    cli_bench_comparison(stream, &comparison, bench->baseline, bench->threshold_part);
    *failed = comparison.failed;
    return true;
}

/* Whether a file can be written beside `path` and renamed, as reports and pictures are. */
static bool check_folder(const char *option, const char *path, struct simba_error *error) {
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) return true; /* a pipe */
    char folder[4096];
    const char *slash = strrchr(path, '/');
    const int length = slash ? (int)(slash - path) + 1 : 1;
    snprintf(folder, sizeof folder, "%.*s", length, slash ? path : ".");
    if (access(folder, W_OK | X_OK) == 0) return true;
    const int number = errno;
    *error = (struct simba_error){.code = SIMBA_ERROR_FILE};
    snprintf(error->message, sizeof error->message,
             "--%s: Cannot write %.900s: its folder: %s. Make the folder, or choose another place.", option, path,
             strerror(number));
    return false;
}

/* Before the measuring, which may take long: what is read and written behind it. `report` is still empty. */
static bool check_files(const struct bench *bench, const struct simba_bench *report, struct simba_error *error) {
    struct simba_bench_comparison ignored;
    return (!bench->baseline || simba_bench_compare(report, bench->baseline, &bench->options.choice,
                                                    bench->threshold_part, NULL, NULL, &ignored, error)) &&
           (!bench->output || check_folder("output", bench->output, error)) &&
           (!bench->roofline || check_folder("roofline", bench->roofline, error));
}

/* What was measured is written, also when it is not all: the rest was stopped, or a device failed. */
static bool run_and_report(struct bench *bench, struct simba_bench *report, bool *worse, struct simba_error *error) {
    catch_signals();
    const bool whole = run_devices(bench, report, error);
    cli_bench_end_progress();
    const struct simba_bench_summary summary = simba_bench_summary(report);
    if (!whole && !summary.rows) return false;
    struct simba_error other;
    const bool kept = write_report(bench, report, &other) && (!bench->roofline || draw(bench, report, &other)) &&
                      (!whole || !bench->baseline || compare(bench, report, worse, &other));
    if (kept) cli_bench_summary(bench->format_index < 0 ? stdout : stderr, &summary);
    if (whole && !kept) *error = other;
    if (!whole && !kept) cli_failed(&other);
    return whole && kept;
}

static int measure(const struct cli_command *command, struct bench *bench) {
    struct simba_error error;
    struct simba_bench *report = simba_bench_create(&error);
    bool worse = false;
    const bool done = report && check_files(bench, report, &error) && run_and_report(bench, report, &worse, &error);
    const bool wrong = report && simba_bench_summary(report).wrong;
    simba_bench_destroy(report);
    if (!done) return bench->misused ? cli_usage_error(command, "%s", error.message) : cli_failed(&error);
    return wrong || worse ? CLI_FAILED : CLI_DONE;
}

/* A number above 0 (or, with `zero`, of at least 0) from an option; empty: the default stays. */
static bool read_number(const struct cli_command *command, const char *option, const char *text, bool zero,
                        double *number, int *code) {
    if (!text) return true;
    char *end;
    errno = 0;
    const double value = strtod(text, &end);
    if (end != text && !*end && !errno && isfinite(value) && (zero ? value >= 0 : value > 0)) {
        *number = value;
        return true;
    }
    *code = cli_usage_error(command, "--%s: expected a number %s, found \"%s\"", option,
                            zero ? "of at least 0" : "above 0", text);
    return false;
}

static bool read_format(const struct cli_command *command, struct bench *bench, int *code) {
    static const char *const formats[] = {[SIMBA_BENCH_MARKDOWN] = "markdown",
                                          [SIMBA_BENCH_CSV] = "csv",
                                          [SIMBA_BENCH_JSON] = "json",
                                          [SIMBA_BENCH_JSONL] = "jsonl",
                                          NULL};
    bench->format_index = -1;
    if (!bench->format || strcmp(bench->format, "table") == 0) return true;
    for (int i = 0; formats[i]; i++)
        if (strcmp(formats[i], bench->format) == 0) {
            bench->format_index = i;
            return true;
        }
    const char *near = simba_nearest_word(bench->format, formats);
    *code = cli_usage_error(command, "-o: expected table, markdown, csv, json or jsonl, found \"%s\"%s%s%s",
                            bench->format, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    return false;
}

static int run(const struct cli_command *command, int count, char **words) {
    struct bench bench = {.options.choice = {0}, .threshold_part = 0.1};
    struct cli_list names = {0};
    double percent = 10;
    int code = CLI_DONE;
    const struct cli_option options[] = {
        {.name = "list", .help = "the benchmarks there are", .flag = &bench.list},
        {.name = "describe",
         .argument = "NAME",
         .help = "what a benchmark computes and how it is counted",
         .text = &bench.describe},
        {.name = "shape",
         .argument = "SHAPES",
         .help = "values for parameters, all combinations: \"tokens=49,196 batch=1..8\"",
         .text = &bench.shape},
        {.name = "precision",
         .argument = "P",
         .help = "of products: fp32 (default), bf16, fp16",
         .text = &bench.precision},
        {.name = "config",
         .argument = "CONFIG.json",
         .help = "the model of a configuration, may be repeated",
         .list = &bench.configurations},
        {.name = "time", .argument = "SECONDS", .help = "how long each row is timed (0.5)", .text = &bench.seconds},
        {.name = "verify",
         .argument = "SECONDS",
         .help = "how long the reference may take for a row, by estimate (4)",
         .text = &bench.verify},
        {.name = "format",
         .argument = "FORMAT",
         .letter = 'o',
         .help = "table (default), markdown, csv, json or jsonl",
         .text = &bench.format},
        {.name = "output",
         .argument = "FILE",
         .help = "the report into a file, in the format (of the table: JSON)",
         .text = &bench.output},
        {.name = "compare",
         .argument = "BASELINE.json",
         .help = "with a report of before; slower, wrong or missing rows: exit code 1",
         .text = &bench.baseline},
        {.name = "roofline",
         .argument = "FILE",
         .help = "a picture of the rows under the device's ceilings: FILE.png or FILE.svg",
         .text = &bench.roofline},
        {.name = "no-ceilings",
         .help = "do not measure what the device can do at most",
         .flag = &bench.options.no_ceilings},
        {.name = "threshold", .argument = "PERCENT", .help = "of the comparison (10)", .text = &bench.threshold},
        CLI_DEVICE_OPTIONS(bench.device),
        {0}};
    bool fine = cli_options_read(command, options, count, words, &names, &code) &&
                read_format(command, &bench, &code) &&
                read_number(command, "time", bench.seconds, false, &bench.options.seconds, &code) &&
                read_number(command, "verify", bench.verify, false, &bench.options.reference_seconds, &code) &&
                read_number(command, "threshold", bench.threshold, true, &percent, &code);
    bench.threshold_part = percent / 100;
    const char *dot = bench.roofline ? strrchr(bench.roofline, '.') : NULL;
    if (fine && bench.roofline && !(dot && (strcmp(dot, ".png") == 0 || strcmp(dot, ".svg") == 0))) {
        code = cli_usage_error(command, "--roofline: expected a name that ends in .png or .svg, found \"%s\"",
                               bench.roofline);
        fine = false;
    }
    if (fine && bench.output && bench.baseline && !strcmp(bench.output, bench.baseline)) {
        code = cli_usage_error(command,
                               "--output and --compare name the same file, %s: it would be written over before "
                               "it is compared with",
                               bench.output);
        fine = false;
    }
    bench.options.choice = (struct simba_bench_choice){.names = names.items,
                                                       .name_count = names.count,
                                                       .shape = bench.shape,
                                                       .precision = bench.precision,
                                                       .configurations = bench.configurations.items,
                                                       .configuration_count = bench.configurations.count};
    bench.options.progress = show_progress;
    bench.options.row = take_row;
    bench.options.user = &bench;
    if (fine && bench.list)
        cli_bench_list();
    else if (fine && bench.describe)
        code = cli_bench_describe(command, bench.describe);
    else if (fine)
        code = measure(command, &bench);
    free(names.items);
    free(bench.configurations.items);
    return code;
}

const struct cli_command cli_bench = {
    .name = "bench",
    .operands = "[NAME...]",
    .summary = "measure kernels, models and the device's ceilings, results verified first",
    .details =
        "A NAME may have wildcards: 'scan/*'. Without names all kernels and ceilings are measured; models are by\n"
        "name ('model/simba_s_*') or by --config. In --shape a value is a number, FIRST..LAST (doubled) or\n"
        "FIRST..LAST+STEP. A kernel is compared with the C reference on the same inputs, then timed by the\n"
        "device's own clock; a wrong one is not timed, and the exit code is 1. Where the reference would take longer\n"
        "than --verify says, as it does for large models, the row says that it is not verified. --device all takes\n"
        "every Vulkan device in turn; a CUDA device is there to compare results with, and measured when it is named.\n",
    .run = run};
