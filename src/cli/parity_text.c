/* The report for a person: a table of models, the nodes that matter, tiers, then words and a block to paste. */
#include "parity.h"

#include <math.h>
#include <string.h>

const struct simba_parity_result *parity_first_failure(const struct parity_comparison *comparison,
                                                       enum simba_parity_mode mode) {
    for (int i = 0; i < comparison->count; i++)
        if (comparison->rows[i].mode == mode && !comparison->rows[i].passed && !comparison->rows[i].not_compared)
            return &comparison->rows[i];
    return NULL;
}

const struct simba_parity_result *parity_worst(const struct parity_comparison *comparison,
                                               enum simba_parity_mode mode) {
    const struct simba_parity_result *worst = NULL;
    for (int i = 0; i < comparison->count; i++) {
        const struct simba_parity_result *row = &comparison->rows[i];
        if (row->mode == mode && (!worst || simba_parity_share(row) > simba_parity_share(worst))) worst = row;
    }
    return worst;
}

/* ---- small things */

/* "12 %" of a tolerance, "40 x" it. */
static const char *percent(char text[16], double share) {
    if (!isfinite(share))
        snprintf(text, 16, "inf");
    else if (share >= 1e4)
        snprintf(text, 16, "%.0e x", share);
    else if (share >= 10)
        snprintf(text, 16, "%.0f x", share);
    else
        snprintf(text, 16, share >= 0.1 ? "%.0f %%" : "%.1f %%", 100 * share);
    return text;
}

static const char *file_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool same_devices(const struct parity_comparison *a, const struct parity_comparison *b) {
    return a->device.info.index == b->device.info.index && a->against.info.index == b->against.info.index;
}

static void print_device(FILE *stream, const char *title, const struct parity_side *side) {
    fprintf(stream, "%-9s%d: %s (%s, %s)\n", title, side->info.index, side->info.name, side->info.backend,
            simba_device_kind_name(side->info.kind));
    if (side->info.driver[0]) fprintf(stream, "         driver %s\n", side->info.driver);
    if (side->info.features[0]) fprintf(stream, "         %s\n", side->info.features);
    if (side->info.quirks[0]) fprintf(stream, "         quirks: %s\n", side->info.quirks);
    if (side->disabled[0]) fprintf(stream, "         disabled: %s\n", side->disabled);
}

/* ---- the table of models */

/* The worst of what is called `tensor` in a mode. */
static double worst_of(const struct parity_comparison *comparison, enum simba_parity_mode mode, const char *tensor) {
    double worst = 0;
    for (int i = 0; i < comparison->count; i++) {
        const struct simba_parity_result *row = &comparison->rows[i];
        if (row->mode == mode && (!tensor || !strcmp(row->tensor, tensor))) worst = fmax(worst, row->relative_error);
    }
    return worst;
}

static double worst_ulps(const struct parity_comparison *comparison) {
    double worst = 0;
    for (int i = 0; i < comparison->count; i++)
        if (comparison->rows[i].mode == SIMBA_PARITY_ISOLATED) worst = fmax(worst, comparison->rows[i].ulps.worst);
    return worst;
}

static void print_errors(FILE *stream, const struct parity_comparison *comparison, enum simba_parity_mode mode) {
    const struct simba_parity_result *worst = parity_worst(comparison, mode);
    char share[16];
    if (worst)
        fprintf(stream, " %8.1e %6s", worst_of(comparison, mode, NULL), percent(share, simba_parity_share(worst)));
    else
        fprintf(stream, " %8s %6s", "-", "");
}

static void print_titles_of_models(FILE *stream, int width) {
    fprintf(stream, "      %-*s %6s  %-15s %7s  %-15s  %-24s %s\n", width, "", "", "each node alone", "",
            "all before too", "training steps", "");
    fprintf(stream, "      %-*s %6s %8s %6s %8s %8s %6s %8s %8s %6s %s\n", width, "model", "nodes", "error", "of it",
            "ULPs", "error", "of it", "loss", "update", "of it", "again");
}

static void print_models(FILE *stream, const struct parity_comparison *comparisons, int count) {
    int width = 24;
    for (int i = 0; i < count; i++) {
        const int length = (int)strlen(file_name(comparisons[i].name));
        if (length > width) width = length;
    }
    if (!comparisons[0].golden) print_titles_of_models(stream, width);
    for (int i = 0; i < count; i++) {
        const struct parity_comparison *comparison = &comparisons[i];
        const char *name = file_name(comparison->name);
        if (!comparison->ran) {
            fprintf(stream, "FAIL  %-*s could not be compared: %s\n", width, name, comparison->error.message);
            continue;
        }
        /* n/c: not compared, neither right nor wrong */
        const char *status = comparison->summary.failed ? "FAIL" : comparison->summary.not_compared ? "n/c " : "ok  ";
        if (comparison->golden) {
            fprintf(stream, "%s  %-*s %d tensors, %d over their tolerance, worst %.2g of it at %s\n", status, width,
                    name, comparison->summary.tensors, comparison->summary.failed, comparison->summary.worst,
                    comparison->summary.worst_tensor);
            continue;
        }
        int nodes = 0, last = -1;
        for (int k = 0; k < comparison->count; k++)
            if (comparison->rows[k].node >= 0 && comparison->rows[k].node != last)
                last = comparison->rows[k].node, nodes++;
        fprintf(stream, "%s  %-*s %6d", status, width, name, nodes);
        print_errors(stream, comparison, SIMBA_PARITY_ISOLATED);
        fprintf(stream, " %8.0f", worst_ulps(comparison));
        print_errors(stream, comparison, SIMBA_PARITY_ACCUMULATED);
        const struct simba_parity_result *steps = parity_worst(comparison, SIMBA_PARITY_STEPS);
        const struct simba_parity_result *again = parity_worst(comparison, SIMBA_PARITY_REPEATED);
        char share[16];
        if (steps)
            fprintf(stream, " %8.1e %8.1e %6s", worst_of(comparison, SIMBA_PARITY_STEPS, "loss"),
                    worst_of(comparison, SIMBA_PARITY_STEPS, "update"), percent(share, simba_parity_share(steps)));
        else
            fprintf(stream, " %8s %8s %6s", "-", "-", "");
        fprintf(stream, " %s\n", !again ? "-" : again->passed ? "same bits" : "DIFFERS");
    }
    fputs("\n", stream);
}

/* ---- single results */

static void print_row(FILE *stream, const struct parity_comparison *comparison, const struct simba_parity_result *row) {
    char share[16], mode[32];
    snprintf(mode, sizeof mode, "%s", simba_parity_mode_name(row->mode));
    if (row->mode == SIMBA_PARITY_STEPS) snprintf(mode, sizeof mode, "step %d", row->step);
    fprintf(stream, "  %-4s %6s  %-11s %8.1e %8.1e %8.1e %5.0f/%-6.0f ",
            row->passed         ? "ok"
            : row->not_compared ? "n/c"
                                : "FAIL",
            percent(share, simba_parity_share(row)), mode, row->relative_error, row->element_error, row->largest_error,
            row->ulps.median, row->ulps.worst);
    if (row->operation) fprintf(stream, "%s  ", row->operation);
    fprintf(stream, "%s", row->tensor);
    if (row->worst_at && row->worst_at[0]) fprintf(stream, " %s", row->worst_at);
    if (comparison) fprintf(stream, "  (%s)", file_name(comparison->name));
    fputs("\n", stream);
    if (row->reason && !row->passed) fprintf(stream, "       (%s)\n", row->reason);
}

static void print_titles(FILE *stream) {
    fprintf(stream, "       %6s  %-11s %8s %8s %8s %12s %s\n", "of it", "", "tensor", "element", "absolute", "ULPs  ",
            "result, and where it is worst");
}

static void print_all(FILE *stream, const struct parity_comparison *comparison) {
    fprintf(stream, "%s, in order\n", file_name(comparison->name));
    print_titles(stream);
    for (int i = 0; i < comparison->count; i++) print_row(stream, NULL, &comparison->rows[i]);
    fputs("\n", stream);
}

enum { SHOWN = 8, DETAILED = 2 };

/* The isolated results of all models that take up most of their tolerance. */
static void print_worst(FILE *stream, const struct parity_comparison *comparisons, int count) {
    const struct simba_parity_result *shown[SHOWN] = {0};
    const struct parity_comparison *owner[SHOWN];
    int kept = 0;
    for (int i = 0; i < count; i++)
        for (int k = 0; k < comparisons[i].count; k++) {
            const struct simba_parity_result *row = &comparisons[i].rows[k];
            if (row->mode != SIMBA_PARITY_ISOLATED && row->mode != SIMBA_PARITY_GOLDEN) continue;
            int place = kept;
            while (place && simba_parity_share(row) > simba_parity_share(shown[place - 1])) place--;
            if (place == SHOWN) continue;
            if (kept < SHOWN) kept++;
            for (int move = kept - 1; move > place; move--)
                shown[move] = shown[move - 1], owner[move] = owner[move - 1];
            shown[place] = row;
            owner[place] = &comparisons[i];
        }
    fprintf(
        stream,
        "Nearest to their tolerance, each by itself (ULPs: median/worst of elements above the root mean square; --all: "
        "every result)\n");
    print_titles(stream);
    for (int i = 0; i < kept; i++) print_row(stream, owner[i], shown[i]);
    fputs("\n", stream);
}

/* ---- failures */

static void print_place(FILE *stream, const struct simba_parity_result *row) {
    fprintf(stream, "    %s: relative error %.2e (at most %.0e)", row->tensor, row->relative_error, row->tolerance);
    if (row->element_tolerance > 0)
        fprintf(stream, ", of one element %.2e (at most %.0e)", row->element_error, row->element_tolerance);
    fprintf(stream, ", ULPs %.0f in the median, %.0f at worst\n", row->ulps.median, row->ulps.worst);
    char place[32];
    snprintf(place, sizeof place, "element %lld", (long long)row->worst_element);
    fprintf(stream, "    worst at %s: %.9g, expected %.9g\n", row->worst_at && row->worst_at[0] ? row->worst_at : place,
            row->got, row->expected);
    if (row->non_finite)
        fprintf(stream, "    %lld of %lld elements are infinite or not a number on one side only\n",
                (long long)row->non_finite, (long long)row->elements);
    if (row->shapes) fprintf(stream, "    shapes %s\n", row->shapes);
    if (row->kernels) fprintf(stream, "    kernels %s\n", row->kernels);
    if (row->reason) fprintf(stream, "    tolerance: %s\n", row->reason);
}

/* Nodes with a result over its tolerance in a mode: how many, and with `listed` their names, but for the first. */
static int print_nodes(FILE *stream, const struct parity_comparison *comparison, enum simba_parity_mode mode,
                       bool listed) {
    int nodes = 0, last = -1;
    for (int i = 0; i < comparison->count; i++) {
        const struct simba_parity_result *row = &comparison->rows[i];
        if (row->passed || row->not_compared || row->mode != mode || row->node == last) continue;
        last = row->node;
        nodes++;
        if (listed && nodes > 1 && nodes <= SHOWN)
            fprintf(stream, "%s%s (%s)", nodes == 2 ? "  also wrong by themselves: " : ", ", row->node_name,
                    row->operation);
    }
    if (listed && nodes > SHOWN) fprintf(stream, " and %d more", nodes - SHOWN);
    if (listed && nodes > 1) fputs("\n", stream);
    return nodes;
}

static void print_first(FILE *stream, const struct simba_parity_result *row, const char *what) {
    if (!row) return;
    fprintf(stream, "  %s\n", what);
    if (row->node >= 0)
        fprintf(stream, "    node %d: %s (%s)\n", row->node, row->node_name, row->operation);
    else if (row->mode == SIMBA_PARITY_STEPS)
        fprintf(stream, "    step %d\n", row->step);
    print_place(stream, row);
}

static void print_failure(FILE *stream, const struct parity_comparison *comparison) {
    const struct simba_parity_result *isolated = parity_first_failure(comparison, SIMBA_PARITY_ISOLATED);
    const struct simba_parity_result *accumulated = parity_first_failure(comparison, SIMBA_PARITY_ACCUMULATED);
    fprintf(stream, "%s%s%s: %d of %d results over their tolerance\n", cli_bold(stream), file_name(comparison->name),
            cli_plain(stream), comparison->summary.failed, comparison->summary.tensors);
    print_first(stream, parity_first_failure(comparison, SIMBA_PARITY_GOLDEN), "first tensor over its tolerance");
    print_first(stream, isolated, "first operation that is wrong by itself, given right inputs");
    print_nodes(stream, comparison, SIMBA_PARITY_ISOLATED, true);
    if (isolated && accumulated && accumulated->node >= isolated->node)
        fprintf(stream,
                "  with what the device has computed itself %d nodes are over their tolerance, from node %d on\n",
                print_nodes(stream, comparison, SIMBA_PARITY_ACCUMULATED, false), accumulated->node);
    else
        print_first(stream, accumulated, "first node over its tolerance on what the device has computed itself");
    print_first(stream, parity_first_failure(comparison, SIMBA_PARITY_STEPS),
                "first figure of the training steps over its tolerance");
    print_first(stream, parity_first_failure(comparison, SIMBA_PARITY_REPEATED), "a second run gave other bits");
    fputs("\n", stream);
}

/* ---- tiers */

static void print_cell(FILE *stream, const struct parity_tier *tier, int column) {
    char share[16];
    if (!tier->ran[column])
        fprintf(stream, "%-24s", "-");
    else if (tier->failed[column])
        fprintf(stream, "FAIL  %-18d", tier->failed[column]);
    else if (tier->worst[column] == 0)
        fprintf(stream, "ok    %-18s", "same bits");
    else
        fprintf(stream, "ok    %-18s", percent(share, tier->worst[column]));
}

static void print_tiers(FILE *stream, const struct parity_report *report) {
    fprintf(
        stream,
        "Optional features, each by itself, then all but one (worst share of a tolerance; FAIL: results over theirs; "
        "not there: as without it)\n");
    fprintf(stream, "  %-6s %-18s  %-24s%s\n", "device", "on", "against the other", "against none of them");
    for (int i = 0; i < report->tier_count; i++) {
        const struct parity_tier *tier = &report->tiers[i];
        fprintf(stream, "  %-6d %-18s  ", tier->device_index, tier->on);
        if (tier->not_there) {
            fputs("not there\n", stream);
            continue;
        }
        print_cell(stream, tier, 0);
        print_cell(stream, tier, 1);
        fprintf(stream, "%s\n", tier->error.message);
    }
    fputs("\n", stream);
}

void parity_print_text(FILE *stream, const struct parity_report *report) {
    for (int first = 0, end; first < report->count; first = end) {
        end = first + 1;
        while (end < report->count && same_devices(&report->comparisons[first], &report->comparisons[end])) end++;
        print_device(stream, "device", &report->comparisons[first].device);
        if (!report->comparisons[first].golden) print_device(stream, "against", &report->comparisons[first].against);
        fputs("\n", stream);
        print_models(stream, report->comparisons + first, end - first);
        int failed = 0;
        for (int i = first; i < end; i++) {
            const struct parity_comparison *comparison = &report->comparisons[i];
            if (report->all) print_all(stream, comparison);
            if (comparison->ran && !comparison->summary.failed) continue;
            /* The same fault shows in many models: the first ones tell enough. */
            if (comparison->ran && failed++ < (report->all ? report->count : DETAILED))
                print_failure(stream, comparison);
        }
        if (failed > DETAILED && !report->all)
            fprintf(stream, "%d more models have failed; --all shows everything.\n\n", failed - DETAILED);
        if (!failed && !report->all) print_worst(stream, report->comparisons + first, end - first);
    }
    if (report->tier_count) print_tiers(stream, report);
    parity_print_words(stream, report);
    fputs("\n---- for a bug report, copy from here\n", stream);
    parity_print_block(stream, report);
    fputs("---- to here\n", stream);
}
