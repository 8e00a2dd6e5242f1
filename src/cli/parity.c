#include "parity.h"

#include <stdlib.h>
#include <string.h>

/* ---- results */

static const char *copy(struct parity_comparison *comparison, const char *text) {
    char *copied = text ? strdup(text) : NULL;
    if (text && !copied) comparison->out_of_memory = true;
    return copied;
}

static void keep(void *user, const struct simba_parity_result *result) {
    struct parity_comparison *comparison = user;
    if (comparison->count == comparison->capacity) {
        const int capacity = comparison->capacity ? 2 * comparison->capacity : 256;
        struct simba_parity_result *grown = realloc(comparison->rows, (size_t)capacity * sizeof *grown);
        if (!grown) {
            comparison->out_of_memory = true;
            return;
        }
        comparison->rows = grown;
        comparison->capacity = capacity;
    }
    struct simba_parity_result *row = &comparison->rows[comparison->count++];
    *row = *result;
    row->case_name = copy(comparison, result->case_name);
    row->tensor = copy(comparison, result->tensor);
    row->node_name = copy(comparison, result->node_name);
    row->operation = copy(comparison, result->operation);
    row->shapes = copy(comparison, result->shapes);
    row->kernels = copy(comparison, result->kernels);
    row->worst_at = copy(comparison, result->worst_at);
    row->reason = copy(comparison, result->reason);
}

static void finish_comparison(struct parity_comparison *comparison) {
    for (int i = 0; i < comparison->count; i++) {
        struct simba_parity_result *row = &comparison->rows[i];
        const char *strings[] = {row->case_name, row->tensor,  row->node_name, row->operation,
                                 row->shapes,    row->kernels, row->worst_at,  row->reason};
        for (size_t k = 0; k < sizeof strings / sizeof *strings; k++) free((char *)strings[k]);
    }
    free(comparison->rows);
}

static bool is_builtin(const char *name) {
    const char *known;
    for (int i = 0; (known = simba_parity_builtin(i)); i++)
        if (!strcmp(known, name)) return true;
    return false;
}

/* ---- running */

struct listener {
    const char *name;
    struct parity_comparison *comparison; /* NULL: nothing is kept */
};

static void listen(void *user, const struct simba_parity_result *result) {
    const struct listener *listener = user;
    if (listener->comparison) keep(listener->comparison, result);
}

static void show_progress(void *user, double done, const char *what) {
    parity_progress(((const struct listener *)user)->name, done, what);
}

bool parity_run_model(const struct parity_models *models, int index, struct simba_device *device,
                      struct simba_device *reference, struct parity_comparison *comparison,
                      struct simba_parity_summary *summary, struct simba_error *error) {
    struct simba_parity_options options = models->options;
    const char *name = models->names[index];
    struct listener listener = {name, comparison};
    options.device = device;
    options.reference = reference;
    options.report = listen;
    options.progress = show_progress;
    options.user = &listener;
    if (models->golden)
        options.golden = name;
    else if (is_builtin(name))
        options.builtin = name;
    else
        options.configuration = name;
    parity_progress_next();
    return simba_parity_run(&options, summary, error);
}

static struct parity_side side_of(const struct simba_device *device, const struct cli_device *options) {
    struct parity_side side = {.info = *simba_device_describe(device)};
    snprintf(side.disabled, sizeof side.disabled, "%s", options->disable ? options->disable : "");
    snprintf(side.quirks, sizeof side.quirks, "%s", options->quirks ? options->quirks : "");
    return side;
}

/* Takes the folders out of a message about a file: a report may be shown to others. */
static void cut_folders(char *message, const char *path) {
    const char *slash = strrchr(path, '/');
    const size_t folders = slash ? (size_t)(slash + 1 - path) : 0;
    for (char *at = message; folders && (at = strstr(at, path));) memmove(at, at + folders, strlen(at + folders) + 1);
}

/* What the user has to put right, as opposed to what a device cannot do. */
static bool is_users_mistake(const struct simba_error *error) {
    return error->code == SIMBA_ERROR_ARGUMENT || error->code == SIMBA_ERROR_FILE ||
           error->code == SIMBA_ERROR_FORMAT || error->code == SIMBA_ERROR_CONFIG ||
           error->code == SIMBA_ERROR_INTERRUPTED;
}

/* All models on one device. False with *error: there is no point in going on. */
static bool compare_models(const struct parity_models *models, const struct cli_device *options,
                           struct simba_device *device, struct simba_device *reference, struct parity_report *report,
                           bool *failed, struct simba_error *error) {
    for (int i = 0; i < models->count; i++) {
        struct parity_comparison *grown =
            realloc(report->comparisons, (size_t)(report->count + 1) * sizeof *report->comparisons);
        if (!grown) {
            *error = (struct simba_error){SIMBA_ERROR_MEMORY, "No memory for the results."};
            return false;
        }
        report->comparisons = grown;
        struct parity_comparison *comparison = &grown[report->count++];
        *comparison = (struct parity_comparison){.name = models->names[i],
                                                 .golden = models->golden,
                                                 .device = side_of(device, options),
                                                 .builtin = !models->golden && is_builtin(models->names[i])};
        if (reference) comparison->against = side_of(reference, &(struct cli_device){0});
        const double begin = cli_now();
        comparison->ran =
            parity_run_model(models, i, device, reference, comparison, &comparison->summary, &comparison->error);
        comparison->seconds = cli_now() - begin;
        if (comparison->out_of_memory) {
            *error = (struct simba_error){SIMBA_ERROR_MEMORY, "No memory for the results."};
            return false;
        }
        if (!comparison->ran && is_users_mistake(&comparison->error)) {
            *error = comparison->error;
            return false;
        }
        if (!comparison->ran) cut_folders(comparison->error.message, comparison->name);
        *failed = *failed || !comparison->ran || comparison->summary.failed;
    }
    return true;
}

/* ---- which devices */

/* Indices as text of the devices that `choice` names: one, or with "all" every usable one but the reference and the
 * one compared with. */
static bool list_choices(const char *choice, const struct simba_device *reference, struct cli_list *choices,
                         struct simba_error *error) {
    if (!choice || strcmp(choice, "all")) return cli_list_add(choices, choice);
    struct simba_device_info *devices = NULL;
    int count = 0;
    char note[256] = "";
    if (!simba_list_devices(&devices, &count, note, error)) return false;
    for (int i = 0; i < count; i++) {
        const bool same = reference && simba_device_describe(reference)->index == devices[i].index;
        if (!devices[i].usable || devices[i].kind == SIMBA_DEVICE_REFERENCE || same) continue;
        char *index = malloc(16);
        if (index) snprintf(index, 16, "%d", devices[i].index);
        if (!index || !cli_list_add(choices, index)) {
            free(index);
            simba_free(devices);
            *error = (struct simba_error){SIMBA_ERROR_MEMORY, "No memory for the list of devices."};
            return false;
        }
    }
    simba_free(devices);
    if (!choices->count) {
        error->code = SIMBA_ERROR_DEVICE;
        snprintf(error->message, sizeof error->message,
                 "There is no usable device beside the one compared with. `simba devices` says what there is and why "
                 "it cannot be used.%s%s",
                 note[0] ? " " : "", note);
        return false;
    }
    return true;
}

static bool on_one_device(const struct parity_models *models, const struct cli_device *options,
                          struct simba_device *reference, bool search, bool tiers, struct parity_report *report,
                          struct simba_error *error) {
    struct simba_device *device = cli_device_open(options, error);
    if (!device) return false;
    bool failed = false;
    const int tier_count = parity_tier_count(device);
    parity_progress_begin(models->count * (tiers ? 1 + 4 * (tier_count + 1) : 1));
    bool fine = compare_models(models, options, device, reference, report, &failed, error);
    if (fine && tiers) fine = parity_compare_tiers(models, options, device, reference, report, error);
    if (fine && failed && search && reference && tier_count)
        fine = parity_search_masks(models, options, device, reference, report, error);
    parity_progress_end();
    report->validation_messages += simba_device_validation_messages(device);
    simba_device_close(device);
    return fine;
}

/* ---- the command */

/* "simba parity ...", with paths cut to the names of their files: a report may be shown to others. */
static void write_command(char *text, size_t size, int count, char **words) {
    size_t used = (size_t)snprintf(text, size, "simba parity");
    for (int i = 0; i < count && used < size; i++) {
        /* "--set=data.path=" in front of a path stays; a '=' behind a '/' is part of a folder's name. */
        const char *word = words[i], *path = word, *slash = strrchr(word, '/');
        for (size_t at; path[at = strcspn(path, "=/")] == '=';) path += at + 1;
        used += (size_t)snprintf(text + used, size - used, " %.*s%s", (int)(path - word), word,
                                 slash && slash >= path ? slash + 1 : path);
    }
}

static bool write_output(const char *path, const struct parity_report *report, struct simba_error *error) {
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (stream) parity_print_json(stream, report);
    const bool whole = stream && fclose(stream) == 0;
    if (!whole) *error = (struct simba_error){SIMBA_ERROR_MEMORY, "No memory for the text of the report."};
    const bool done = whole && simba_write_file(path, text, size, error);
    free(text);
    return done;
}

static void print_builtins(void) {
    const char *name;
    for (int i = 0; (name = simba_parity_builtin(i)); i++) puts(name);
}

/* What does not go together; CLI_DONE when all does. */
static int check(const struct cli_command *command, const struct cli_list *operands, bool golden, bool changes,
                 bool tiers) {
    if (golden && tiers) return cli_usage_error(command, "--tiers is for configurations and built-in models");
    if (golden && changes) return cli_usage_error(command, "--set changes a configuration; a golden case has none");
    bool file = false;
    for (int i = 0; i < operands->count && !golden; i++) {
        const char *word = operands->items[i];
        const size_t length = strlen(word);
        if (is_builtin(word)) continue;
        file = true;
        if (strchr(word, '/') || strchr(word, '.') || length == 0) continue;
        const char *names[64] = {0}, *name;
        for (int k = 0; k < 63 && (name = simba_parity_builtin(k)); k++) names[k] = name;
        const char *near = simba_nearest_word(word, names);
        return cli_usage_error(command, "%s is no built-in model (--list has them) and no CONFIG.json%s%s%s", word,
                               near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    }
    if (changes && !file)
        return cli_usage_error(command, "--set changes a configuration; the built-in models have none");
    return CLI_DONE;
}

static int run(const struct cli_command *command, int count, char **words) {
    struct cli_device device_options = {0};
    const char *reference_choice = "cpu", *output = NULL;
    struct cli_list operands = {0}, cases = {0}, overrides = {0}, choices = {0};
    int batch = 0, steps = 3;
    uint64_t seed = 1;
    bool inference = false, json = false, tiers = false, no_search = false, list = false;
    struct parity_report report = {0};
    const struct cli_option options[] = {
        {.name = "against", .argument = "D", .help = "the device to compare with (cpu)", .text = &reference_choice},
        {.name = "steps", .argument = "N", .help = "training steps after the nodes; 0: none (3)", .integer = &steps},
        {.name = "batch", .argument = "N", .help = "images or windows (2)", .integer = &batch, .minimum = 1},
        {.name = "seed", .argument = "N", .help = "of weights and images or windows (1)", .number = &seed},
        {.name = "inference", .help = "the forward pass of inference only", .flag = &inference},
        {.name = "tiers", .help = "each optional feature by itself, none, all, and all but one", .flag = &tiers},
        {.name = "no-search",
         .help = "after a failure, do not look for features to disable that help",
         .flag = &no_search},
        {.name = "set", .argument = "KEY=VALUE", .help = "change the configuration", .list = &overrides},
        {.name = "case", .argument = "FILE...", .help = "golden case files, against their own numbers", .list = &cases},
        {.name = "list", .help = "the names of the built-in models", .flag = &list},
        {.name = "all", .help = "every tensor, not only the worst", .flag = &report.all},
        {.name = "output", .argument = "FILE.json", .help = "write the JSON there as well", .text = &output},
        {.name = "json", .help = "machine-readable output, with every tensor", .flag = &json},
        CLI_DEVICE_OPTIONS(device_options),
        {0}};
    struct simba_device *reference = NULL;
    struct simba_error error;
    int code = CLI_DONE;
    write_command(report.command, sizeof report.command, count, words);
    if (!cli_options_read(command, options, count, words, &operands, &code)) goto done;
    const bool golden = cases.count > 0;
    if ((code = check(command, &operands, golden, overrides.count > 0, tiers)) != CLI_DONE) goto done;
    if (list) {
        print_builtins();
        goto done;
    }
    /* Words after the first file belong to --case, too. */
    for (int i = 0; golden && i < operands.count; i++)
        if (!cli_list_add(&cases, operands.items[i])) goto no_memory;
    const char *name;
    for (int i = 0; !golden && !operands.count && (name = simba_parity_builtin(i)); i++)
        if (!cli_list_add(&cases, name)) goto no_memory;
    const struct cli_list *names = golden || !operands.count ? &cases : &operands;
    const struct parity_models models = {.names = names->items,
                                         .count = names->count,
                                         .golden = golden,
                                         .options = {.overrides = overrides.items,
                                                     .override_count = overrides.count,
                                                     .batch = batch,
                                                     .seed = seed,
                                                     .training = !inference,
                                                     .steps = steps}};
    if (!golden) {
        struct cli_device other = device_options;
        other.choice = reference_choice;
        other.disable = other.quirks = NULL;
        if (!(reference = cli_device_open(&other, &error))) goto failed;
    }
    if (!list_choices(device_options.choice, reference, &choices, &error)) goto failed;
    for (int i = 0; i < choices.count; i++) {
        struct cli_device one = device_options;
        one.choice = choices.items[i];
        if (!on_one_device(&models, &one, reference, !no_search, tiers, &report, &error)) goto failed;
    }
    if (output && !write_output(output, &report, &error)) goto failed;
    (json ? parity_print_json : parity_print_text)(stdout, &report);
    const struct parity_verdict verdict = parity_judge(&report, -1);
    char text[512];
    code = verdict.passed ? CLI_DONE : CLI_FAILED;
    if (code == CLI_FAILED) fprintf(stderr, "simba: %s; the report says more.\n", parity_verdict_text(&verdict, text));
    goto done;
no_memory:
    error = (struct simba_error){SIMBA_ERROR_MEMORY, "No memory for the names of the models."};
failed:
    parity_progress_end();
    code = cli_failed(&error);
done:
    for (int i = 0; i < report.count; i++) finish_comparison(&report.comparisons[i]);
    free(report.comparisons);
    free(report.searches);
    free(report.tiers);
    simba_device_close(reference);
    if (device_options.choice && !strcmp(device_options.choice, "all"))
        for (int i = 0; i < choices.count; i++) free((char *)choices.items[i]);
    free(choices.items);
    free(operands.items);
    free(cases.items);
    free(overrides.items);
    return code;
}

const struct cli_command cli_parity = {
    .name = "parity",
    .operands = "[CONFIG.json...]",
    .summary = "can this device be trusted? compare it with another, node by node",
    .details =
        "Without a configuration small built-in models are compared, which have every operation: what to run first on\n"
        "a machine. With configurations their models are. Every node runs twice: with the other device's inputs, so "
        "that\nwhat differs is its own fault, and with what the device has computed itself; then both devices train a "
        "few steps.\n--device all takes every device in turn; --disable and --quirk concern --device alone. With "
        "--case golden "
        "cases are compared\nwith the numbers in them. Exit code 1: something is over its tolerance. docs/parity.md "
        "explains the report.\n",
    .run = run};
