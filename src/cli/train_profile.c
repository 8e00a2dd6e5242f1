/* Where the time of a training step goes, as tables and files. */
#include "cli.h"

int cli_profile_steps(const struct cli_profile *options) {
    const bool wanted = options->table || options->steps || options->levels || options->json || options->trace;
    return !wanted ? 0 : options->steps ? options->steps : 10;
}

static void print_row(const struct simba_profile_row *row, double all) {
    char nodes[16] = "", flops[16] = "", bytes[16] = "";
    if (row->nodes) snprintf(nodes, sizeof nodes, "%d", row->nodes);
    if (row->seconds > 0) {
        snprintf(flops, sizeof flops, "%.2f", 1e-9 * row->flops / row->seconds);
        snprintf(bytes, sizeof bytes, "%.2f", 1e-9 * row->bytes / row->seconds);
    }
    printf("  %-36s %5s %10.3f %10.3f %10.3f %6.1f %9s %9s\n", row->name, nodes, 1e3 * row->seconds, 1e3 * row->forward,
           1e3 * row->backward, all > 0 ? 100 * row->seconds / all : 0, flops, bytes);
}

static bool print_table(const struct simba_profile *profile, int levels, struct simba_error *error) {
    struct simba_profile_row *rows, sum = {.name = "all"};
    int count;
    if (!simba_profile_rows(profile, levels, &rows, &count, error)) return false;
    for (int i = 0; i < count; i++) {
        sum.nodes += rows[i].nodes;
        sum.seconds += rows[i].seconds;
        sum.forward += rows[i].forward;
        sum.backward += rows[i].backward;
        sum.flops += rows[i].flops;
        sum.bytes += rows[i].bytes;
    }
    printf("  %s%-36s %5s %10s %10s %10s %6s %9s %9s%s\n", cli_bold(stdout), levels ? "module" : "operation", "nodes",
           "ms", "forward", "backward", "%", "GFLOP/s", "GB/s", cli_plain(stdout));
    for (int i = 0; i < count; i++) print_row(&rows[i], sum.seconds);
    print_row(&sum, sum.seconds);
    simba_free(rows);
    return true;
}

void cli_profile_show(struct cli_profile *options, const struct simba_profile *profile) {
    struct simba_profile_summary summary;
    struct simba_error error;
    simba_profile_summary(profile, &summary);
    printf(
        "profile of steps %lld to %lld, for one step: %.2f ms by the clock, of them %.2f ms on the device (%.1f %%): "
        "forward %.2f, backward %.2f, ",
        (long long)summary.first_step, (long long)summary.first_step + summary.steps - 1, 1e3 * summary.elapsed,
        1e3 * summary.device, 100 * summary.device / summary.elapsed, 1e3 * summary.forward, 1e3 * summary.backward);
    if (summary.micro_batches > 1) printf("accumulation %.2f, ", 1e3 * summary.accumulate);
    printf("update %.2f\n", 1e3 * summary.update);
    const bool fine = print_table(profile, 0, &error) &&
                      (!options->levels || print_table(profile, options->levels, &error)) &&
                      (!options->json || simba_profile_write_json(profile, options->json, &error)) &&
                      (!options->trace || simba_profile_write_trace(profile, options->trace, &error));
    if (fine && options->json) printf("  numbers: %s\n", options->json);
    if (fine && options->trace)
        printf("  trace: %s, for https://ui.perfetto.dev or chrome://tracing\n", options->trace);
    fflush(stdout);
    /* The run goes on; its exit code will tell. */
    if (!fine) cli_failed(&error);
    options->shown = true;
    options->failed = !fine;
}
