/* Optional features of a device, one by one: which of them is at fault, and whether each gives what none gives. What a
 * driver is known to get wrong is tried, too: a new one may have an old fault. */
#include "parity.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_TIERS = 32 };

int parity_tier_count(const struct simba_device *device) {
    int count = 0;
    while (count < MOST_TIERS && simba_device_tier(device, count)) count++;
    return count;
}

/* "int64,subgroup" of the words whose bit is set, behind those that the user has disabled already. */
static void write_mask(const struct simba_device *device, const char *already, uint32_t bits, char *mask, size_t size) {
    size_t used = (size_t)snprintf(mask, size, "%s", already ? already : "");
    for (int i = 0; bits >> i; i++)
        if (bits >> i & 1 && used < size)
            used += (size_t)snprintf(mask + used, size - used, "%s%s", used ? "," : "", simba_device_tier(device, i));
}

/* The device with these features unused and one more quirk reckoned with (NULL: none). */
static struct simba_device *open_masked(const struct cli_device *options, const struct simba_device *device,
                                        uint32_t bits, const char *quirk, struct simba_error *error) {
    struct cli_device masked = *options;
    char index[16], mask[512], quirks[512];
    if (quirk) {
        snprintf(quirks, sizeof quirks, "%s%s%s=on", options->quirks ? options->quirks : "", options->quirks ? "," : "",
                 quirk);
        masked.quirks = quirks;
    }
    snprintf(index, sizeof index, "%d", simba_device_describe(device)->index);
    write_mask(device, options->disable, bits, mask, sizeof mask);
    masked.choice = index;
    masked.disable = mask;
    return cli_device_open(&masked, error);
}

/* What the validation layer has said of it counts, too. */
static void close_masked(struct simba_device *masked, struct parity_report *report) {
    if (masked) report->validation_messages += simba_device_validation_messages(masked);
    simba_device_close(masked);
}

/* ---- after a failure */

struct search {
    const struct parity_models *models;
    const struct cli_device *options;
    struct simba_device *device, *reference;
    const struct parity_comparison *failed; /* by model */
    struct parity_report *report;
};

/* Whether all that failed passes so. What cannot be run so does not pass. */
static bool passes(const struct search *search, uint32_t bits, const char *quirk) {
    struct simba_error error;
    struct simba_device *masked = open_masked(search->options, search->device, bits, quirk, &error);
    bool passed = masked;
    for (int i = 0; passed && i < search->models->count; i++) {
        struct parity_models models = *search->models;
        struct simba_parity_summary summary;
        if (search->failed[i].ran && !search->failed[i].summary.failed) continue;
        models.options.stop_after_failure = true;
        passed = parity_run_model(&models, i, masked, search->reference, NULL, &summary, &error) && !summary.failed &&
                 !summary.not_compared;
    }
    close_masked(masked, search->report);
    return passed;
}

/* Twice, so that a fault which comes and goes is not laid to a feature. */
static bool helps(const struct search *search, uint32_t bits, const char *quirk) {
    return passes(search, bits, quirk) && passes(search, bits, quirk);
}

static void add_word(char *words, size_t size, const char *word) {
    const size_t used = strlen(words);
    snprintf(words + used, size - used, "%s%s", used ? " " : "", word);
}

/* Whether "short-loops, inexact-exponential (switched off)" has the name, and nothing behind it. */
static bool is_reckoned_with(const char *quirks, const char *name) {
    const size_t length = strlen(name);
    for (const char *at = quirks; *at; at += strspn(at, ", ")) {
        const size_t here = strcspn(at, ",");
        if (here == length && !strncmp(at, name, length)) return true;
        at += here;
    }
    return false;
}

bool parity_search_masks(const struct parity_models *models, const struct cli_device *options,
                         struct simba_device *device, struct simba_device *reference, struct parity_report *report,
                         struct simba_error *error) {
    const int count = parity_tier_count(device);
    const struct search search = {
        models, options, device, reference, report->comparisons + report->count - models->count, report};
    struct parity_search *grown =
        realloc(report->searches, (size_t)(report->search_count + 1) * sizeof *report->searches);
    if (!grown) {
        *error = (struct simba_error){SIMBA_ERROR_MEMORY, "No memory for the results."};
        return false;
    }
    report->searches = grown;
    struct parity_search *result = &grown[report->search_count++];
    *result = (struct parity_search){.device_index = simba_device_describe(device)->index};
    int failed = 0, quirks = 0;
    struct simba_quirk quirk;
    while (simba_known_quirk(quirks, &quirk)) quirks++;
    for (int i = 0; i < models->count; i++) failed += !search.failed[i].ran || search.failed[i].summary.failed;
    parity_progress_begin(failed * (2 * count + 2 * quirks + 3));
    if (passes(&search, 0, NULL)) {
        result->comes_and_goes = true;
        return true;
    }
    for (int i = 0; i < count; i++)
        if (helps(&search, 1u << i, NULL)) add_word(result->masks, sizeof result->masks, simba_device_tier(device, i));
    for (int i = 0; simba_known_quirk(i, &quirk); i++)
        if (!is_reckoned_with(simba_device_describe(device)->quirks, quirk.name) && helps(&search, 0, quirk.name))
            add_word(result->quirks, sizeof result->quirks, quirk.name);
    uint32_t bits = (uint32_t)(((uint64_t)1 << count) - 1);
    if (result->masks[0] || result->quirks[0] || !helps(&search, bits, NULL)) return true;
    /* Several are at fault: take back each that makes no difference. */
    parity_progress_begin(failed * 2 * count);
    for (int i = 0; i < count; i++)
        if (helps(&search, bits & ~(1u << i), NULL)) bits &= ~(1u << i);
    write_mask(device, NULL, bits, result->masks, sizeof result->masks);
    return true;
}

/* ---- the table */

static void compare_all(const struct parity_models *models, struct simba_device *device, struct simba_device *other,
                        struct parity_tier *tier, int column) {
    tier->ran[column] = true;
    for (int i = 0; tier->ran[column] && i < models->count; i++) {
        struct simba_parity_summary summary = {0};
        tier->ran[column] = parity_run_model(models, i, device, other, NULL, &summary, &tier->error);
        tier->failed[column] += summary.failed + summary.not_compared;
        if (summary.worst > tier->worst[column]) tier->worst[column] = summary.worst;
    }
}

static bool describes_same(const struct simba_device *a, const struct simba_device *b) {
    return !strcmp(simba_device_describe(a)->features, simba_device_describe(b)->features);
}

/* Rows: none, each by itself, all, all but each. Some features need another: cooperative matrices need fp16, the panels
 * of products int64 and subgroups; only the rows with all but one show what leaving one of these out does. */
bool parity_compare_tiers(const struct parity_models *models, const struct cli_device *options,
                          struct simba_device *device, struct simba_device *reference, struct parity_report *report,
                          struct simba_error *error) {
    const int count = parity_tier_count(device), rows = 2 * (count + 1);
    const uint32_t all = (uint32_t)(((uint64_t)1 << count) - 1);
    struct parity_tier *grown = realloc(report->tiers, (size_t)(report->tier_count + rows) * sizeof *report->tiers);
    if (!grown) {
        *error = (struct simba_error){SIMBA_ERROR_MEMORY, "No memory for the results."};
        return false;
    }
    report->tiers = grown;
    struct simba_device *lowest = open_masked(options, device, all, NULL, error);
    if (!lowest) return false;
    bool done = true;
    for (int row = 0; done && row < rows; row++) {
        const bool most = row > count;
        const int index = row % (count + 1) - 1;
        const uint32_t feature = index < 0 ? 0 : 1u << index, on = most ? all & ~feature : feature;
        const char *name = index >= 0 ? simba_device_tier(device, index) : most ? "all" : "none";
        struct parity_tier *tier = &report->tiers[report->tier_count++];
        *tier = (struct parity_tier){.device_index = simba_device_describe(device)->index};
        snprintf(tier->on, sizeof tier->on, "%s%s", most && index >= 0 ? "all but " : "", name);
        struct simba_device *masked = open_masked(options, device, all & ~on, NULL, error);
        done = masked;
        tier->not_there = masked && feature && describes_same(masked, most ? device : lowest);
        if (masked && !tier->not_there) {
            compare_all(models, masked, reference, tier, 0);
            if (on) compare_all(models, masked, lowest, tier, 1);
        }
        close_masked(masked, report);
    }
    close_masked(lowest, report);
    return done;
}
