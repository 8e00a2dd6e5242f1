#include "parity.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

static void string(FILE *stream, const char *key, const char *text) {
    fprintf(stream, ", \"%s\": ", key);
    cli_json_string(stream, text);
}

static void number(FILE *stream, const char *key, double value) {
    fprintf(stream, ", \"%s\": ", key);
    cli_json_number(stream, value);
}

static void print_side(FILE *stream, const char *key, const struct parity_side *side) {
    fprintf(stream, ", \"%s\": {\"index\": %d", key, side->info.index);
    string(stream, "name", side->info.name);
    string(stream, "backend", side->info.backend);
    string(stream, "kind", simba_device_kind_name(side->info.kind));
    string(stream, "driver", side->info.driver);
    string(stream, "uuid", side->info.uuid[0] ? side->info.uuid : NULL);
    string(stream, "features", side->info.features);
    string(stream, "quirks", side->info.quirks);
    string(stream, "disabled", side->disabled);
    fputs("}", stream);
}

static void print_row(FILE *stream, const struct simba_parity_result *row) {
    fputs("{\"mode\": ", stream);
    cli_json_string(stream, simba_parity_mode_name(row->mode));
    string(stream, "tensor", row->tensor);
    if (row->node >= 0) {
        fprintf(stream, ", \"node\": %d", row->node);
        string(stream, "node_name", row->node_name);
        string(stream, "operation", row->operation);
        string(stream, "shapes", row->shapes);
        string(stream, "kernels", row->kernels);
    }
    if (row->mode == SIMBA_PARITY_STEPS) fprintf(stream, ", \"step\": %d", row->step);
    fprintf(stream, ", \"elements\": %lld", (long long)row->elements);
    number(stream, "relative_error", row->relative_error);
    number(stream, "tolerance", row->tolerance);
    number(stream, "element_error", row->element_error);
    number(stream, "element_tolerance", row->element_tolerance);
    number(stream, "largest_error", row->largest_error);
    number(stream, "ulps_median", row->ulps.median);
    number(stream, "ulps_worst", row->ulps.worst);
    fprintf(stream, ", \"non_finite\": %lld, \"both_non_finite\": %lld, \"all_zero\": %s, \"compared\": %s",
            (long long)row->non_finite, (long long)row->both_non_finite, row->all_zero ? "true" : "false",
            row->not_compared ? "false" : "true");
    string(stream, "worst_at", row->worst_at);
    number(stream, "got", row->got);
    number(stream, "expected", row->expected);
    string(stream, "reason", row->reason);
    fprintf(stream, ", \"passed\": %s}", row->passed ? "true" : "false");
}

static void print_comparison(FILE *stream, const struct parity_comparison *comparison) {
    const char *slash = strrchr(comparison->name, '/'); /* no folders: a report may be shown to others */
    fputs("{\"name\": ", stream);
    cli_json_string(stream, slash ? slash + 1 : comparison->name);
    print_side(stream, "device", &comparison->device);
    if (!comparison->golden) print_side(stream, "against", &comparison->against);
    fprintf(stream, ", \"passed\": %s", parity_agrees(comparison) ? "true" : "false");
    string(stream, "error", comparison->ran ? NULL : comparison->error.message);
    fprintf(stream, ", \"tensors\": %d, \"failed\": %d, \"not_compared\": %d, \"all_zero\": %d",
            comparison->summary.tensors, comparison->summary.failed, comparison->summary.not_compared,
            comparison->summary.all_zero);
    number(stream, "worst", comparison->summary.worst);
    number(stream, "seconds", comparison->seconds);
    for (int mode = 0; mode < SIMBA_PARITY_MODES; mode++) {
        const struct simba_parity_result *first = parity_first_failure(comparison, (enum simba_parity_mode)mode);
        if (!first) continue;
        fprintf(stream, ",\n   \"first_failure_%s\": ", simba_parity_mode_name((enum simba_parity_mode)mode));
        print_row(stream, first);
    }
    fputs(",\n   \"results\": [", stream);
    for (int i = 0; i < comparison->count; i++) {
        fputs(i ? ",\n    " : "\n    ", stream);
        print_row(stream, &comparison->rows[i]);
    }
    fputs("]}", stream);
}

static void print_tiers(FILE *stream, const struct parity_report *report) {
    fputs(",\n \"tiers\": [", stream);
    for (int i = 0; i < report->tier_count; i++) {
        const struct parity_tier *tier = &report->tiers[i];
        fprintf(stream, "%s\n  {\"device\": %d", i ? "," : "", tier->device_index);
        string(stream, "on", tier->on);
        fprintf(stream, ", \"there\": %s", tier->not_there ? "false" : "true");
        static const char *const columns[] = {"against", "lowest"};
        for (int column = 0; column < 2; column++) {
            if (!tier->ran[column]) continue;
            fprintf(stream, ", \"%s\": {\"failed\": %d", columns[column], tier->failed[column]);
            number(stream, "worst", tier->worst[column]);
            fputs("}", stream);
        }
        string(stream, "error", tier->error.message[0] ? tier->error.message : NULL);
        fputs("}", stream);
    }
    fputs("]", stream);
}

/* What a printer writes, as one JSON string. */
static void print_written(FILE *stream, const char *key, void (*print)(FILE *, const struct parity_report *),
                          const struct parity_report *report) {
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    if (memory) {
        print(memory, report);
        fclose(memory);
    }
    fprintf(stream, ",\n \"%s\": ", key);
    cli_json_string(stream, text);
    free(text);
}

void parity_print_json(FILE *stream, const struct parity_report *report) {
    struct utsname system = {0};
    uname(&system);
    char os[256], text[512];
    const struct parity_verdict verdict = parity_judge(report, -1);
    snprintf(os, sizeof os, "%.60s %.60s %.60s", system.sysname, system.release, system.machine);
    fprintf(stream, "{\"passed\": %s", verdict.passed ? "true" : "false");
    string(stream, "result", parity_verdict_text(&verdict, text));
    string(stream, "version", simba_version());
    string(stream, "commit", simba_commit());
    string(stream, "command", report->command);
    string(stream, "system", os);
    fprintf(stream, ", \"validation_messages\": %d", report->validation_messages);
    fputs(",\n \"comparisons\": [", stream);
    for (int i = 0; i < report->count; i++) {
        fputs(i ? ",\n  " : "\n  ", stream);
        print_comparison(stream, &report->comparisons[i]);
    }
    fputs("]", stream);
    print_tiers(stream, report);
    fputs(",\n \"searches\": [", stream);
    for (int i = 0; i < report->search_count; i++) {
        const struct parity_search *search = &report->searches[i];
        fprintf(stream, "%s\n  {\"device\": %d", i ? "," : "", search->device_index);
        string(stream, "disable", search->masks[0] ? search->masks : NULL);
        string(stream, "quirk", search->quirks[0] ? search->quirks : NULL);
        fprintf(stream, ", \"comes_and_goes\": %s", search->comes_and_goes ? "true" : "false");
        fputs("}", stream);
    }
    fputs("]", stream);
    print_written(stream, "words", parity_print_words, report);
    print_written(stream, "bug_report", parity_print_block, report);
    fputs("}\n", stream);
}
