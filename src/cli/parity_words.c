/* What a comparison means, in words, and the facts that whoever repairs it needs. */
#include "parity.h"

#include <string.h>
#include <sys/utsname.h>

static const char *file_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* What a sentence calls a device. */
static const char *called(const struct parity_side *side) {
    return side->info.kind == SIMBA_DEVICE_REFERENCE ? "the C reference" : side->info.name;
}

static const char *subject(const struct parity_side *side) {
    return side->info.kind == SIMBA_DEVICE_REFERENCE ? "The C reference" : side->info.name;
}

static const char *kind(const struct parity_comparison *comparison, int count) {
    return comparison->golden ? count == 1 ? "case" : "cases" : count == 1 ? "model" : "models";
}

/* The failure to speak of, worst kind first. */
struct findings {
    const struct parity_comparison *first; /* the comparison of `row`, or one that could not be run */
    const struct simba_parity_result *row;
};

static struct findings find(const struct parity_report *report, int device) {
    static const enum simba_parity_mode order[] = {SIMBA_PARITY_GOLDEN, SIMBA_PARITY_ISOLATED, SIMBA_PARITY_ACCUMULATED,
                                                   SIMBA_PARITY_STEPS, SIMBA_PARITY_REPEATED};
    struct findings findings = {0};
    for (size_t k = 0; k < sizeof order / sizeof *order && !findings.row; k++)
        for (int i = 0; i < report->count && !findings.row; i++) {
            const struct parity_comparison *comparison = &report->comparisons[i];
            if (comparison->device.info.index != device) continue;
            findings.row = parity_first_failure(comparison, order[k]);
            if (findings.row || (!findings.first && !comparison->ran)) findings.first = comparison;
        }
    return findings;
}

static void print_compared(FILE *stream, const struct parity_verdict *verdict) {
    const struct parity_comparison *any = verdict->any;
    if (any->golden) {
        fprintf(stream, "Compared: %d tensors of %d golden %s with their numbers in double precision.\n",
                verdict->results, verdict->models, kind(any, verdict->models));
        return;
    }
    fprintf(stream,
            "Compared: %d results of %d model%s, every operation of %s with the other device's inputs and with "
            "its own%s%s.",
            verdict->results, verdict->models, verdict->models == 1 ? "" : "s",
            verdict->backward ? "training" : "inference", verdict->steps ? ", then training steps" : "",
            verdict->repeated ? " (twice, with the same bits)" : "");
    if (verdict->zeros)
        fprintf(stream, " %d results of single operations are zero on both, which is hardly a test.", verdict->zeros);
    if (any->builtin) fputs(" The built-in models have no long sequences.", stream);
    fputs("\n", stream);
}

static void print_not_compared(FILE *stream, const struct parity_verdict *verdict) {
    fprintf(stream, "Not compared: %d results, where both devices overflow or nothing is updated",
            verdict->not_compared_results);
    if (verdict->skipped)
        fprintf(stream, " (both left out %d training step%s)", verdict->skipped, verdict->skipped == 1 ? "" : "s");
    fputs(". They say nothing of the device; another --seed, or a precision of larger range, may.\n", stream);
}

static void print_pass(FILE *stream, const struct parity_verdict *verdict) {
    const struct parity_comparison *any = verdict->any;
    const bool reference = any->golden || any->against.info.kind == SIMBA_DEVICE_REFERENCE;
    print_compared(stream, verdict);
    if (verdict->not_compared) print_not_compared(stream, verdict);
    fprintf(stream, "%s within their tolerances. ", verdict->not_compared ? "The others agree" : "All agree");
    if (verdict->itself)
        fprintf(stream, "But %s was compared with itself: whether it is right, that does not tell.\n",
                called(&any->device));
    else if (!verdict->passed)
        fprintf(stream, "But that is not all: %s with this driver is not to be trusted yet.\n", called(&any->device));
    else if (!reference)
        fprintf(stream,
                "%s and %s compute these models alike. Whether both are right, a comparison with the reference tells: "
                "simba parity --device %d --against cpu\n",
                subject(&any->device), called(&any->against), any->device.info.index);
    else if (any->golden || verdict->steps)
        fprintf(stream, "%s with this driver computes these models right: it can be trusted with them.\n",
                subject(&any->device));
    else
        fprintf(stream, "%s with this driver computes these operations right%s.\n", subject(&any->device),
                verdict->backward ? ", each by itself; recorded training steps were not tried"
                                  : "; training was not tried");
}

static void print_blame(FILE *stream, const struct parity_verdict *verdict, const struct findings *findings) {
    const struct parity_comparison *any = verdict->any;
    const struct simba_parity_result *row = findings->row;
    if (verdict->differ)
        fprintf(stream, "%d of %d %s differ%s by more than they may. ", verdict->differ, verdict->models,
                kind(any, verdict->models), verdict->differ == 1 ? "s" : "");
    if (row && verdict->not_run) fprintf(stream, "%d could not be compared. ", verdict->not_run);
    if (!row) {
        fprintf(stream, "%s could not be compared: %s\n", file_name(findings->first->name),
                findings->first->error.message);
        return;
    }
    const char *model = file_name(findings->first->name);
    switch (row->mode) {
    case SIMBA_PARITY_ISOLATED:
        fprintf(stream,
                "The first operation that goes wrong by itself is %s, at %s of %s: given the right inputs it gives "
                "other results than %s. What is wrong behind it may only follow from that.\n",
                row->operation, row->node_name, model, called(&any->against));
        break;
    case SIMBA_PARITY_ACCUMULATED:
        fprintf(stream,
                "No operation is wrong by itself, but small differences add up: from %s (%s) of %s on they are over "
                "what is allowed.\n",
                row->node_name, row->operation, model);
        break;
    case SIMBA_PARITY_STEPS:
        fprintf(stream,
                "Every operation is right when it runs alone, but step %d of training %s is not (%s): recorded work "
                "runs in a wrong order, or uses memory before it is ready.\n",
                row->step, model, row->tensor);
        break;
    case SIMBA_PARITY_REPEATED:
        fprintf(stream,
                "%s gives other bits in a second run: something is used before it is ready, or memory is not what it "
                "was.\n",
                model);
        break;
    default:
        fprintf(stream, "The first tensor over its tolerance is %s of %s.\n", row->tensor, model);
    }
    const bool reference = any->golden || any->against.info.kind == SIMBA_DEVICE_REFERENCE;
    if (reference)
        fprintf(stream, "%s with this driver is not to be trusted with these models as it is.\n",
                subject(&any->device));
    else
        fprintf(stream,
                "Which of the two is wrong, a comparison of each with the reference tells: --device %d --against cpu, "
                "--device %d --against cpu\n",
                any->device.info.index, any->against.info.index);
}

/* The first of several words. */
static int first_word(const char *words) {
    return (int)strcspn(words, " ");
}

static void print_search(FILE *stream, const struct parity_search *search, const struct parity_side *device) {
    const bool masks = search->masks[0], quirks = search->quirks[0];
    if (search->comes_and_goes) {
        fputs("- It comes and goes: run again with nothing changed, everything passed. No feature is to blame then; "
              "something is used before it is ready, or the machine itself is not sound.\n",
              stream);
        return;
    }
    if (masks) {
        fprintf(
            stream,
            "- Everything that failed passes with --disable %s%s%.*s: add it to every command until this is repaired.",
            device->disabled, device->disabled[0] ? "," : "", first_word(search->masks), search->masks);
        if (strchr(search->masks, ' ')) fprintf(stream, " (Each of these alone is enough: %s.)", search->masks);
        fputs("\n", stream);
    }
    if (quirks)
        fprintf(stream,
                "- %s passes with --quirk %s%s%.*s=on: this driver has a fault that others are known to have (simba "
                "devices "
                "--quirks).\n",
                masks ? "It also" : "Everything that failed", device->quirks, device->quirks[0] ? "," : "",
                first_word(search->quirks), search->quirks);
    if (!masks && !quirks)
        fputs(
            "- Disabling optional features does not help, alone or together, nor does reckoning with the known faults "
            "of other drivers: the fault is in what every driver must offer.\n",
            stream);
}

static void print_advice(FILE *stream, const struct parity_report *report, const struct parity_side *device) {
    const struct parity_search *search = NULL;
    for (int i = 0; i < report->search_count; i++)
        if (report->searches[i].device_index == device->info.index) search = &report->searches[i];
    fputs("What to do:\n", stream);
    if (search) print_search(stream, search, device);
    if (!strcmp(device->info.backend, "vulkan"))
        fputs("- Install a newer driver (or, if this began with an update, the one before) and run this again.\n"
              "- Add --validate: if the validation layer has something to say, that comes first.\n",
              stream);
    fprintf(stream, "- Report it with the block below.%s\n",
            device->info.kind == SIMBA_DEVICE_REFERENCE
                ? ""
                : " Until then another device, or the slow --device cpu, gives right results.");
}

void parity_print_words(FILE *stream, const struct parity_report *report) {
    for (int i = 0; i < report->count; i++) {
        const struct parity_comparison *comparison = &report->comparisons[i];
        const int device = comparison->device.info.index;
        if (i && report->comparisons[i - 1].device.info.index == device) continue;
        const struct parity_verdict verdict = parity_judge(report, device);
        const struct findings findings = find(report, device);
        if (!verdict.differ && !verdict.not_run) {
            print_pass(stream, &verdict);
            continue;
        }
        print_blame(stream, &verdict, &findings);
        if (verdict.not_compared_results) print_not_compared(stream, &verdict);
        print_advice(stream, report, &comparison->device);
    }
    if (report->validation_messages)
        fprintf(stream, "The validation layer has %d message%s, on standard error: they come first.\n",
                report->validation_messages, report->validation_messages == 1 ? "" : "s");
    for (int i = 0; i < report->tier_count; i++) {
        const struct parity_tier *tier = &report->tiers[i];
        if (tier->failed[0] || tier->failed[1])
            fprintf(stream, "With the optional features \"%s\" of device %d on, %d results are over their tolerance.\n",
                    tier->on, tier->device_index, tier->failed[0] + tier->failed[1]);
        else if (!tier->not_there && tier->error.message[0])
            fprintf(stream, "With the optional features \"%s\" of device %d on, not everything could be compared: %s\n",
                    tier->on, tier->device_index, tier->error.message);
    }
}

static void print_side(FILE *stream, const char *title, const struct parity_side *side) {
    fprintf(stream, "%-9s%s; %s, %s; driver %s; uuid %s\n", title, side->info.name, side->info.backend,
            simba_device_kind_name(side->info.kind), side->info.driver, side->info.uuid[0] ? side->info.uuid : "none");
    if (side->info.features[0]) fprintf(stream, "         %s\n", side->info.features);
    if (side->info.quirks[0]) fprintf(stream, "         quirks: %s\n", side->info.quirks);
    if (side->disabled[0]) fprintf(stream, "         disabled: %s\n", side->disabled);
}

/* Each word as an option that can be pasted, behind what the user has given already. */
static void print_helps(FILE *stream, const char *option, const char *already, const char *words, const char *ending) {
    for (; *words; words += strspn(words, " ")) {
        fprintf(stream, "helps    %s %s%s%.*s%s\n", option, already, already[0] ? "," : "", first_word(words), words,
                ending);
        words += first_word(words);
    }
}

void parity_print_block(FILE *stream, const struct parity_report *report) {
    struct utsname system = {0};
    uname(&system); /* not its name in the network */
    const char *commit = simba_commit();
    fprintf(stream, "simba    %s, commit %s; %s %s %s\n", simba_version(), commit ? commit : "unknown", system.sysname,
            system.release, system.machine);
    fprintf(stream, "command  %s\n", report->command);
    for (int i = 0; i < report->count; i++) {
        const struct parity_comparison *comparison = &report->comparisons[i];
        const int device = comparison->device.info.index;
        if (i && report->comparisons[i - 1].device.info.index == device) continue;
        print_side(stream, "device", &comparison->device);
        if (!comparison->golden) print_side(stream, "against", &comparison->against);
        const struct findings findings = find(report, device);
        const struct parity_verdict verdict = parity_judge(report, device);
        char text[512];
        fprintf(stream, "result   %s\n", parity_verdict_text(&verdict, text));
        if (!findings.first) continue;
        const struct simba_parity_result *row = findings.row;
        if (!row) {
            fprintf(stream, "error    %s: %s\n", file_name(findings.first->name), findings.first->error.message);
            continue;
        }
        fprintf(stream, "first    %s, %s: %s%s%s%s\n", file_name(findings.first->name),
                simba_parity_mode_name(row->mode), row->node_name ? row->node_name : row->tensor,
                row->operation ? " (" : "", row->operation ? row->operation : "", row->operation ? ")" : "");
        fprintf(stream,
                "         %s at %s: %.9g, expected %.9g; relative error %.3g, of one element %.3g, %lld of %lld "
                "not finite\n",
                row->tensor, row->worst_at && row->worst_at[0] ? row->worst_at : "-", row->got, row->expected,
                row->relative_error, row->element_error, (long long)row->non_finite, (long long)row->elements);
        if (row->shapes) fprintf(stream, "         shapes %s\n", row->shapes);
        if (row->kernels) fprintf(stream, "         kernels %s\n", row->kernels);
        for (int k = 0; k < report->search_count; k++) {
            const struct parity_search *search = &report->searches[k];
            if (search->device_index != device) continue;
            const struct parity_side *side = &comparison->device;
            if (search->comes_and_goes)
                fputs("again    everything passed: it comes and goes\n", stream);
            else if (!search->masks[0] && !search->quirks[0])
                fputs("helps    nothing\n", stream);
            print_helps(stream, "--disable", side->disabled, search->masks, "");
            print_helps(stream, "--quirk", side->quirks, search->quirks, "=on");
        }
    }
}
