/* The catalogue, the table, the progress and the comparison of simba bench, for people. */
#include "bench.h"

#include <math.h>
#include <string.h>
#include <time.h>

/* ---- the catalogue */

void cli_bench_list(void) {
    const struct simba_bench_entry *entry;
    for (int i = 0; (entry = simba_bench_entry(i)); i++) printf("%-34s %s\n", entry->name, entry->summary);
}

int cli_bench_describe(const struct cli_command *command, const char *name) {
    const struct simba_bench_entry *entry;
    const char *names[256];
    int count = 0;
    for (int i = 0; (entry = simba_bench_entry(i)); i++) {
        if (strcmp(entry->name, name) == 0) break;
        if (count < 255) names[count++] = entry->name;
    }
    names[count] = NULL;
    if (!entry) {
        const char *near = simba_nearest_word(name, names);
        return cli_usage_error(command, "no benchmark is called %s%s%s%s", name, near ? "; did you mean " : "",
                               near ? near : "", near ? "?" : "");
    }
    printf("%s%s%s: %s\n\n", cli_bold(stdout), entry->name, cli_plain(stdout), entry->summary);
    printf("formula    %s\nbytes      %s\nFLOPs      %s\n", entry->formula, entry->bytes, entry->flops);
    for (int i = 0; entry->parameters[i].name; i++)
        printf("%-10s %-9s %s\n", i ? "" : "parameters", entry->parameters[i].name, entry->parameters[i].what);
    for (int i = 0; entry->shapes[i]; i++)
        if (entry->shapes[i][0]) printf("%-10s %s\n", i ? "" : "shapes", entry->shapes[i]);
    return CLI_DONE;
}

/* ---- progress */

static bool shows_progress;
static double last_line;

void cli_bench_progress(const struct simba_bench_progress *progress) {
    static const double seconds_between_lines = 10; /* where lines stay */
    const bool terminal = cli_is_terminal(stderr);
    if (progress->done == progress->total) {
        cli_bench_end_progress();
        return;
    }
    if (!terminal && last_line > 0 && cli_now() - last_line < seconds_between_lines) return;
    last_line = cli_now();
    char remaining[32] = "?";
    if (!isnan(progress->remaining)) cli_duration(remaining, progress->remaining);
    fprintf(stderr, "%s%d/%d  %s %s  ETA %s%s", terminal ? "\r\033[K" : "", progress->done + 1, progress->total,
            progress->name, progress->shape, remaining, terminal ? "" : "\n");
    fflush(stderr);
    shows_progress = terminal;
}

void cli_bench_end_progress(void) {
    if (shows_progress) fputs("\r\033[K", stderr);
    shows_progress = false;
}

/* ---- the table */

/* "123 us": three digits and a unit. */
static const char *time_text(char text[16], double seconds) {
    static const char *const units[] = {"ns", "us", "ms", "s"};
    int unit = 3;
    while (seconds < 0.9995 && unit > 0) seconds *= 1000, unit--;
    if (isnan(seconds))
        snprintf(text, 16, "-");
    else
        snprintf(text, 16,
                 seconds >= 99.95   ? "%.0f %s"
                 : seconds >= 9.995 ? "%.1f %s"
                                    : "%.2f %s",
                 seconds, units[unit]);
    return text;
}

static const char *rate_text(char text[16], const struct simba_bench_row *row, double amount) {
    const double rate = 1e-9 * amount / row->median;
    if (!(amount > 0))
        snprintf(text, 16, "-");
    else
        snprintf(text, 16, rate >= 100 ? "%.0f" : rate >= 10 ? "%.1f" : "%.2f", rate);
    return text;
}

static void print_ceiling(const struct simba_bench_row *row) {
    const double amount = row->bytes > 0 ? row->bytes : row->flops > 0 ? row->flops : row->specials;
    printf("%-34s %.4g %s   %s\n", row->name, 1e-9 * amount,
           row->bytes > 0   ? "GB/s"
           : row->flops > 0 ? "GFLOP/s"
                            : "G special/s",
           row->variant);
}

static void print_head(const struct simba_device_info *device) {
    printf("%s%s%s, driver %s%s%s\n%s%-34s %9s %9s %9s %8s %8s %6s  %-8s %s%s\n", cli_bold(stdout), device->name,
           cli_plain(stdout), device->driver, device->uuid[0] ? ", UUID " : "", device->uuid, cli_bold(stdout),
           "benchmark", "median", "min", "p95", "GB/s", "GFLOP/s", "roof", "error", "shape", cli_plain(stdout));
}

void cli_bench_row(const struct simba_device_info *device, const struct simba_bench_row *row) {
    static int last_index = -1;
    cli_bench_end_progress();
    if (last_index != device->index) print_head(device);
    last_index = device->index;
    char median[16], minimum[16], p95[16], bytes[16], flops[16], share[16] = "-", error[16] = "-";
    if (!isnan(row->error)) snprintf(error, sizeof error, "%.1e", row->error);
    if (!isnan(row->ceiling_share)) snprintf(share, sizeof share, "%.0f %%", 100 * row->ceiling_share);
    if (row->unsupported)
        printf("%-34s unsupported: %s  (%s)\n", row->name, row->unsupported, row->shape);
    else if (!row->runs)
        printf("%-34s WRONG: error %s, at most %.0e is allowed  (%s)  # %s\n", row->name, error, row->tolerance,
               row->shape, row->note ? row->note : "");
    else if (strcmp(row->kind, "ceiling") == 0)
        print_ceiling(row);
    else
        printf("%-34s %9s %9s %9s %8s %8s %6s  %-8s %s%s%s\n", row->name, time_text(median, row->median),
               time_text(minimum, row->minimum), time_text(p95, row->p95), rate_text(bytes, row, row->bytes),
               rate_text(flops, row, row->flops), share, error, row->shape, row->note ? "  # " : "",
               row->note ? row->note : "");
    fflush(stdout);
}

void cli_bench_summary(FILE *stream, const struct simba_bench_summary *summary) {
    fprintf(stream, "%d row%s: %d timed, %d unsupported, %d wrong", summary->rows, summary->rows == 1 ? "" : "s",
            summary->timed, summary->unsupported, summary->wrong);
    if (summary->unverified) fprintf(stream, ", %d not verified (--verify)", summary->unverified);
    fputc('\n', stream);
}

/* ---- the comparison */

static const char *percent_text(char text[16], double part) {
    if (isnan(part))
        snprintf(text, 16, "?");
    else
        snprintf(text, 16, "%.0f %%", 100 * part);
    return text;
}

void cli_bench_change(void *user, const struct simba_bench_change *change) {
    static const char *const verdicts[] = {
        [SIMBA_BENCH_SAME] = "same",     [SIMBA_BENCH_FASTER] = "faster", [SIMBA_BENCH_SLOWER] = "SLOWER",
        [SIMBA_BENCH_UNSURE] = "unsure", [SIMBA_BENCH_WRONG] = "WRONG",   [SIMBA_BENCH_MISSING] = "MISSING",
        [SIMBA_BENCH_NEW] = "new"};
    char before[16], after[16], noise_before[16], noise_after[16], delta[16] = "";
    if (!isnan(change->before) && !isnan(change->after))
        snprintf(delta, sizeof delta, "%+.1f %%", 100 * (change->after / change->before - 1));
    fprintf(user, "%-8s %9s -> %-9s %9s  noise %s, %s  %s %s%s%s\n", verdicts[change->verdict],
            time_text(before, change->before), time_text(after, change->after), delta,
            percent_text(noise_before, change->noise_before), percent_text(noise_after, change->noise_after),
            change->name, change->shape, change->note ? "  # " : "", change->note ? change->note : "");
}

void cli_bench_comparison(FILE *stream, const struct simba_bench_comparison *comparison, const char *baseline,
                          double threshold) {
    fprintf(
        stream,
        "against %s (simba %s%s%s), threshold %.3g %%: %d slower, %d wrong, %d missing, %d unsure, %d faster, %d the "
        "same, %d new\n",
        baseline, comparison->baseline_version, comparison->baseline_commit[0] ? ", commit " : "",
        comparison->baseline_commit, 100 * threshold, comparison->slower, comparison->wrong, comparison->missing,
        comparison->unsure, comparison->faster, comparison->same, comparison->added);
    if (comparison->baseline_incomplete)
        fprintf(stream, "%s was stopped before its last row: what it lacks is called new.\n", baseline);
    if (comparison->unsure)
        fputs("unsure: slower in the median, but not in the fastest run: other work on the machine may be the reason. "
              "Measure again, or longer (--time).\n",
              stream);
}
