/* What the commands share. The command line uses libsimba's public headers and nothing else of the library. */
#ifndef SIMBA_CLI_CLI_H
#define SIMBA_CLI_CLI_H

#include "simba/simba.h"

#include <stdio.h>

/* Exit codes of every command. */
enum {
    CLI_DONE = 0,
    CLI_FAILED = 1,       /* a message on standard error says why */
    CLI_USAGE = 2,        /* the command line makes no sense */
    CLI_INTERRUPTED = 130 /* Ctrl-C: the last checkpoint is written */
};

/* ---- options.c */

struct cli_list {
    const char **items; /* freed with free() */
    int count;
};

/* One row per option, an empty row at the end. The kind of the target follows from the member that is set. */
struct cli_option {
    const char *name;     /* without the dashes */
    char letter;          /* 'o': -o means the same; 0: none */
    const char *argument; /* what it takes, for help: "DIR"; NULL: a flag */
    const char *help;
    bool *flag;
    const char **text;
    int *integer; /* at least `minimum` */
    int minimum;
    uint64_t *number;
    struct cli_list *list; /* may be repeated */
};

struct cli_command {
    const char *name;
    const char *operands; /* "CONFIG.json" */
    const char *summary;  /* one line */
    const char *details;  /* the text of --help below the options; may be NULL */
    int (*run)(const struct cli_command *command, int count, char **words);
};
extern const struct cli_command cli_train, cli_evaluate, cli_predict, cli_inspect, cli_convert, cli_label, cli_devices,
    cli_parity, cli_forecast, cli_bench;

/* Reads the words after the command's name. CLI_DONE: go on; otherwise *exit_code is what the command returns now
 * (0 after --help). Words that are no options are added to `operands`. */
bool cli_options_read(const struct cli_command *command, const struct cli_option *options, int count, char **words,
                      struct cli_list *operands, int *exit_code);
/* "simba: MESSAGE", a hint at --help, CLI_USAGE. */
int cli_usage_error(const struct cli_command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool cli_list_add(struct cli_list *list, const char *item);
/* The options of every command that opens a device. */
struct cli_device {
    const char *choice, *disable, *quirks;
    bool validate, no_cache, verbose;
};
#define CLI_DEVICE_OPTIONS(device)                                                                                     \
    {.name = "device",                                                                                                 \
     .argument = "D",                                                                                                  \
     .help = "index, part of a name, UUID, cpu or cuda; see simba devices",                                            \
     .text = &(device).choice},                                                                                        \
        {.name = "disable",                                                                                            \
         .argument = "LIST",                                                                                           \
         .help = "of int64, fp16, int8, subgroup, coopmat, unified, texel, timestamps: not to be used",                \
         .text = &(device).disable},                                                                                   \
        {.name = "quirk",                                                                                              \
         .argument = "NAME=on|off,...",                                                                                \
         .help = "reckon with a fault of the driver, or do not; see simba devices --quirks",                           \
         .text = &(device).quirks},                                                                                    \
        {.name = "validate", .help = "check every Vulkan call with the validation layer", .flag = &(device).validate}, \
        {.name = "no-cache", .help = "leave the pipeline cache on disk alone", .flag = &(device).no_cache}, {          \
        .name = "verbose", .help = "say what the library does", .flag = &(device).verbose                              \
    }
/* Of the commands that read a series for a trained model. */
#define CLI_DATA_OPTION(overrides)                                                                     \
    {                                                                                                  \
        .name = "set", .argument = "data.KEY=VALUE",                                                   \
        .help = "read a series otherwise than in training, may be repeated: data.missing=interpolate", \
        .list = &(overrides)                                                                           \
    }
struct simba_device *cli_device_open(const struct cli_device *options, struct simba_error *error);
struct simba_log cli_log(bool verbose);

/* ---- evaluate.c */

/* A model to evaluate, which the caller destroys. `batch` 0: of a series as many windows as its training evaluated at
 * once, which fit the device then; else 64 images. */
struct simba_model *cli_open_to_evaluate(struct simba_device *device, const char *weights, const char *configuration,
                                         int batch, struct simba_error *error);

/* ---- evaluate_series.c */

int cli_evaluate_series(struct simba_model *model, const struct simba_forecast_evaluate_options *options,
                        const struct simba_device *device, bool json);

/* ---- train.c */

/* simba_trainer_run that Ctrl-C, and the end of the terminal or of who reads the output, ask to stop. */
bool cli_run_trainer(struct simba_trainer *trainer, struct simba_error *error);

/* ---- train_profile.c */

/* What is to be done with the profile of a run: the options of the command, then what became of them. */
struct cli_profile {
    bool table;               /* --profile */
    int steps, levels;        /* --profile-steps, --profile-modules; 0: not given */
    const char *json, *trace; /* files; NULL: none */
    bool shown, failed;
};
#define CLI_PROFILE_OPTIONS(profile)                                                                           \
    {.name = "profile",                                                                                        \
     .help = "time every operation of some steps and print where the time goes",                               \
     .flag = &(profile).table},                                                                                \
        {.name = "profile-steps",                                                                              \
         .argument = "N",                                                                                      \
         .help = "how many steps (10), after a warm-up of three",                                              \
         .integer = &(profile).steps,                                                                          \
         .minimum = 1},                                                                                        \
        {.name = "profile-modules",                                                                            \
         .argument = "LEVELS",                                                                                 \
         .help = "print it by module, too: by so many parts of its name (block1.0 has two)",                   \
         .integer = &(profile).levels,                                                                         \
         .minimum = 1},                                                                                        \
        {.name = "profile-json", .argument = "FILE", .help = "write its numbers", .text = &(profile).json}, {  \
        .name = "trace", .argument = "FILE",                                                                   \
        .help = "write its steps as a trace for ui.perfetto.dev or chrome://tracing", .text = &(profile).trace \
    }
/* Steps to profile; 0: none of the options was given. */
int cli_profile_steps(const struct cli_profile *options);
void cli_profile_show(struct cli_profile *options, const struct simba_profile *profile);

/* ---- train_baselines.c */

/* After the run with these options and this plan has ended. */
int cli_train_baselines(const struct simba_trainer_options *options, const struct simba_training_plan *plan);

/* ---- output.c */

int cli_failed(const struct simba_error *error); /* prints "simba: MESSAGE"; CLI_FAILED, or CLI_INTERRUPTED */
void cli_json_string(FILE *stream, const char *text);
void cli_json_number(FILE *stream, double number); /* null when it is not finite */
/* Into `text`, returned: "1.5 GiB", "2 h 03 min", "12.3 G". */
const char *cli_bytes(char text[32], double bytes);
const char *cli_duration(char text[32], double seconds);
const char *cli_count(char text[32], double count);
/* Terminal codes, or "" where the stream is no terminal or NO_COLOR is set. */
const char *cli_bold(FILE *stream);
const char *cli_plain(FILE *stream);
bool cli_is_terminal(FILE *stream);

double cli_now(void); /* seconds of a clock that only goes forward */

#endif
