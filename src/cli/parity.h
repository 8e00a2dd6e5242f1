/* What the files of `simba parity` share. */
#ifndef SIMBA_CLI_PARITY_H
#define SIMBA_CLI_PARITY_H

#include "cli.h"

/* A device as it was compared; what is known of it outlives it. */
struct parity_side {
    struct simba_device_info info;
    char disabled[256]; /* features left unused, with commas */
    char quirks[256];   /* what the user has said of them: "short-loops=off" */
};

/* One model or case on one device, with all its results; their strings are its own. */
struct parity_comparison {
    struct parity_side device, against; /* against: not of a golden case */
    const char *name;
    bool golden, builtin;
    bool ran; /* else `error` says why it could not be compared */
    struct simba_error error;
    struct simba_parity_summary summary;
    struct simba_parity_result *rows;
    int count, capacity;
    bool out_of_memory;
    double seconds;
};

/* What makes everything pass on a device that has failed: each of these alone is enough, with spaces between. */
struct parity_search {
    int device_index;
    char masks[512];     /* features to disable: "subgroup texel", or where several must go "subgroup,texel" */
    char quirks[512];    /* quirks to reckon with: "inexact-exponential" */
    bool comes_and_goes; /* a second run with nothing changed passed; nothing was looked for then */
};

/* A row of the table of tiers. */
struct parity_tier {
    int device_index;
    char on[256];             /* "none"; "int64", ...: it alone; "all"; "all but int64", ... */
    bool not_there;           /* the device is as with "none" (of "all but": with "all") */
    bool ran[2];              /* against the other device; against itself without any */
    int failed[2];            /* tensors over their tolerance */
    double worst[2];          /* the largest share of a tolerance */
    struct simba_error error; /* when one has not run */
};

/* Everything that one call of the command has to say. */
struct parity_report {
    char command[1024]; /* the line, paths cut to the names of files */
    struct parity_comparison *comparisons;
    int count;
    struct parity_search *searches; /* of each device that failed */
    int search_count;
    struct parity_tier *tiers;
    int tier_count;
    int validation_messages; /* of the devices in question */
    bool all;                /* show every tensor */
};

/* ---- parity.c: running */

struct parity_models {
    const char *const *names; /* files, or built-in models */
    int count;
    bool golden;
    struct simba_parity_options options; /* devices, name and callbacks are filled in */
};
/* Compares one model, keeping its results where `comparison` is given. False: it could not be compared. */
bool parity_run_model(const struct parity_models *models, int index, struct simba_device *device,
                      struct simba_device *reference, struct parity_comparison *comparison,
                      struct simba_parity_summary *summary, struct simba_error *error);

/* ---- parity_progress.c */

void parity_progress_begin(int parts); /* so many models are to be run */
void parity_progress_next(void);       /* the next one begins */
void parity_progress(const char *model, double share, const char *what);
void parity_progress_end(void);

/* ---- parity_tiers.c */

int parity_tier_count(const struct simba_device *device);
/* Finds out which features, left unused, or which quirks, reckoned with, make everything pass; adds it to the report.
 * `options`: of the device. */
bool parity_search_masks(const struct parity_models *models, const struct cli_device *options,
                         struct simba_device *device, struct simba_device *reference, struct parity_report *report,
                         struct simba_error *error);
/* Adds a row for no optional feature, one for each, and one for all. */
bool parity_compare_tiers(const struct parity_models *models, const struct cli_device *options,
                          struct simba_device *device, struct simba_device *reference, struct parity_report *report,
                          struct simba_error *error);

/* ---- parity_text.c, parity_verdict.c, parity_words.c, parity_json.c */

void parity_print_text(FILE *stream, const struct parity_report *report);
void parity_print_json(FILE *stream, const struct parity_report *report);
/* What was compared, whether the device can be trusted, and what to try. */
void parity_print_words(FILE *stream, const struct parity_report *report);
/* Facts for a bug report. */
void parity_print_block(FILE *stream, const struct parity_report *report);

/* The first row over its tolerance in a mode, and the one that takes up most of it; NULL: there is none. */
const struct simba_parity_result *parity_first_failure(const struct parity_comparison *comparison,
                                                       enum simba_parity_mode mode);
const struct simba_parity_result *parity_worst(const struct parity_comparison *comparison, enum simba_parity_mode mode);
/* It ran, and everything in it was compared and is within its tolerance. */
bool parity_agrees(const struct parity_comparison *comparison);

/* What the words, the block, standard error and the exit code go by. */
struct parity_verdict {
    const struct parity_comparison *any;
    int models, results, zeros;
    int differ, not_run, not_compared; /* models; not compared: some of its results, and the others agree */
    int not_compared_results, skipped; /* skipped: training steps that both devices left out */
    int tiers_differ, tiers_not_run, messages;
    bool backward, steps, repeated; /* were compared, too */
    bool itself;                    /* a device with itself, all being the same */
    bool passed;
};
/* Of the device with this index; -1: of all. */
struct parity_verdict parity_judge(const struct parity_report *report, int device);
/* "passed: 12 results of 2 models", "FAILED: 1 of 2 models differ, 3 validation messages". */
const char *parity_verdict_text(const struct parity_verdict *verdict, char text[512]);

#endif
