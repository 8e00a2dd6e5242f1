/* What a report comes to: one verdict for the words, the block, standard error and the exit code. */
#include "parity.h"

#include <string.h>

bool parity_agrees(const struct parity_comparison *comparison) {
    return comparison->ran && !comparison->summary.failed && !comparison->summary.not_compared;
}

/* Steps that both devices left out, because a gradient has overflowed. */
static int skipped_steps(const struct parity_comparison *comparison) {
    int skipped = 0;
    for (int i = 0; i < comparison->count; i++) {
        const struct simba_parity_result *row = &comparison->rows[i];
        skipped += row->mode == SIMBA_PARITY_STEPS && row->not_compared && !strcmp(row->tensor, "gradient norm");
    }
    return skipped;
}

static bool has_backward(const struct parity_comparison *comparison) {
    for (int i = 0; i < comparison->count; i++) {
        const char *name = comparison->rows[i].node_name;
        if (name && !strncmp(name, "backward/", 9)) return true;
    }
    return false;
}

static bool is_itself(const struct parity_comparison *comparison) {
    const struct parity_side *device = &comparison->device, *against = &comparison->against;
    return !comparison->golden && device->info.index == against->info.index &&
           !strcmp(device->info.features, against->info.features) &&
           !strcmp(device->info.quirks, against->info.quirks) && !strcmp(device->disabled, against->disabled) &&
           !strcmp(device->quirks, against->quirks);
}

struct parity_verdict parity_judge(const struct parity_report *report, int device) {
    struct parity_verdict verdict = {.messages = report->validation_messages};
    for (int i = 0; i < report->count; i++) {
        const struct parity_comparison *comparison = &report->comparisons[i];
        if (device >= 0 && comparison->device.info.index != device) continue;
        verdict.any = comparison;
        verdict.models++;
        verdict.results += comparison->summary.tensors;
        verdict.zeros += comparison->summary.all_zero;
        verdict.not_compared_results += comparison->summary.not_compared;
        verdict.skipped += skipped_steps(comparison);
        if (!comparison->ran)
            verdict.not_run++;
        else if (comparison->summary.failed)
            verdict.differ++;
        else if (comparison->summary.not_compared)
            verdict.not_compared++;
        verdict.backward = verdict.backward || has_backward(comparison);
        verdict.steps = verdict.steps || parity_worst(comparison, SIMBA_PARITY_STEPS);
        verdict.repeated = verdict.repeated || parity_worst(comparison, SIMBA_PARITY_REPEATED);
        verdict.itself = verdict.itself || is_itself(comparison);
    }
    for (int i = 0; i < report->tier_count; i++) {
        const struct parity_tier *tier = &report->tiers[i];
        if (device >= 0 && tier->device_index != device) continue;
        verdict.tiers_differ += tier->failed[0] || tier->failed[1];
        verdict.tiers_not_run += !tier->not_there && tier->error.message[0];
    }
    verdict.passed = !verdict.differ && !verdict.not_run && !verdict.not_compared && !verdict.tiers_differ &&
                     !verdict.tiers_not_run && !verdict.messages;
    return verdict;
}

static void add_part(char text[512], int count, const char *format, const char *one, const char *many) {
    const size_t used = strlen(text);
    if (count)
        snprintf(text + used, 512 - used, format, used > strlen("FAILED: ") ? ", " : "", count,
                 count == 1 ? one : many);
}

const char *parity_verdict_text(const struct parity_verdict *verdict, char text[512]) {
    const bool golden = verdict->any && verdict->any->golden;
    const char *one = golden ? "case" : "model", *many = golden ? "cases" : "models";
    if (verdict->passed) {
        snprintf(text, 512, "passed: %d results of %d %s%s", verdict->results, verdict->models,
                 verdict->models == 1 ? one : many, verdict->itself ? ", of a device compared with itself" : "");
        return text;
    }
    snprintf(text, 512, "FAILED: ");
    if (verdict->differ)
        snprintf(text, 512, "FAILED: %d of %d %s over the tolerances", verdict->differ, verdict->models,
                 verdict->models == 1 ? one : many);
    add_part(text, verdict->not_run, "%s%d %s could not be run", one, many);
    add_part(text, verdict->not_compared_results, "%s%d %s not compared", "result", "results");
    add_part(text, verdict->tiers_differ, "%s%d %s of optional features over the tolerances", "choice", "choices");
    add_part(text, verdict->tiers_not_run, "%s%d %s of optional features could not be run", "choice", "choices");
    add_part(text, verdict->messages, "%s%d validation %s", "message", "messages");
    return text;
}
