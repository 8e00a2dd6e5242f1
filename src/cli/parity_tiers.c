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

/* ---- after a failure */

struct search {
    const struct parity_models *models;
    const struct cli_device *options;
    struct simba_device *device, *reference;
    const struct parity_comparison *failed; /* by model */
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
        passed = parity_run_model(&models, i, masked, search->reference, NULL, &summary, &error) && !summary.failed;
    }
    simba_device_close(masked);
    return passed;
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
    const struct search search = {models, options, device, reference,
                                  report->comparisons + report->count - models->count};
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
    parity_progress_begin(failed * (count + quirks + 1));
    for (int i = 0; i < count; i++)
        if (passes(&search, 1u << i, NULL)) add_word(result->masks, sizeof result->masks, simba_device_tier(device, i));
    for (int i = 0; simba_known_quirk(i, &quirk); i++)
        if (!is_reckoned_with(simba_device_describe(device)->quirks, quirk.name) && passes(&search, 0, quirk.name))
            add_word(result->quirks, sizeof result->quirks, quirk.name);
    uint32_t bits = (uint32_t)(((uint64_t)1 << count) - 1);
    if (result->masks[0] || result->quirks[0] || !passes(&search, bits, NULL)) return true;
    /* Several are at fault: take back each that makes no difference. */
    parity_progress_begin(failed * count);
    for (int i = 0; i < count; i++)
        if (passes(&search, bits & ~(1u << i), NULL)) bits &= ~(1u << i);
    write_mask(device, NULL, bits, result->masks, sizeof result->masks);
    return true;
}

/* ---- the table */

static void compare_all(const struct parity_models *models, struct simba_device *device, struct simba_device *other,
                        struct parity_tier *tier, int column) {
    tier->ran[column] = true;
    for (int i = 0; tier->ran[column] && i < models->count; i++) {
        struct simba_parity_summary summary;
        tier->ran[column] = parity_run_model(models, i, device, other, NULL, &summary, &tier->error);
        tier->failed[column] += summary.failed;
        if (summary.worst > tier->worst[column]) tier->worst[column] = summary.worst;
    }
}

bool parity_compare_tiers(const struct parity_models *models, const struct cli_device *options,
                          struct simba_device *device, struct simba_device *reference, struct parity_report *report,
                          struct simba_error *error) {
    const int count = parity_tier_count(device), rows = count + 2;
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
        const char *name = row == 0 ? "none" : row <= count ? simba_device_tier(device, row - 1) : "all";
        const uint32_t on = row == 0 ? 0 : row <= count ? 1u << (row - 1) : all;
        struct parity_tier *tier = &report->tiers[report->tier_count++];
        *tier = (struct parity_tier){.device_index = simba_device_describe(device)->index};
        snprintf(tier->on, sizeof tier->on, "%s", name);
        struct simba_device *masked = open_masked(options, device, all & ~on, NULL, error);
        done = masked;
        if (masked) compare_all(models, masked, reference, tier, 0);
        if (masked && on) compare_all(models, masked, lowest, tier, 1);
        simba_device_close(masked);
    }
    simba_device_close(lowest);
    return done;
}
