/* What simba bench prints for people. */
#ifndef SIMBA_CLI_BENCH_H
#define SIMBA_CLI_BENCH_H

#include "cli.h"

/* The catalogue, and one entry of it: CLI_USAGE with a message when there is none of that name. */
void cli_bench_list(void);
int cli_bench_describe(const struct cli_command *command, const char *name);

/* A line of the table; and how far it is, on standard error. */
void cli_bench_row(const struct simba_device_info *device, const struct simba_bench_row *row);
void cli_bench_progress(const struct simba_bench_progress *progress);
void cli_bench_end_progress(void);
void cli_bench_summary(FILE *stream, const struct simba_bench_summary *summary);

/* Of a comparison: a line for each change worth one (user: a FILE), then what they come to. */
void cli_bench_change(void *user, const struct simba_bench_change *change);
void cli_bench_comparison(FILE *stream, const struct simba_bench_comparison *comparison, const char *baseline,
                          double threshold);

#endif
