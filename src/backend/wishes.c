/* What a user may wish of a device by name: optional features to leave unused, quirks to reckon with or not. The names
 * are the same on every backend; each does what it has of them. */
#include "backend/backend.h"

#include <stdio.h>
#include <string.h>

const char *const sb_tier_names[SB_TIER_COUNT] = {
    [SB_TIER_INT64] = "int64",     [SB_TIER_FP16] = "fp16",
    [SB_TIER_INT8] = "int8",       [SB_TIER_SUBGROUP] = "subgroup",
    [SB_TIER_COOPMAT] = "coopmat", [SB_TIER_UNIFIED] = "unified",
    [SB_TIER_TEXEL] = "texel",     [SB_TIER_TIMESTAMPS] = "timestamps",
};

static const char *tier_name(int index) {
    return index < SB_TIER_COUNT ? sb_tier_names[index] : NULL;
}

static const char *quirk_name(int index) {
    const struct sb_quirk *quirk = sb_known_quirk(index);
    return quirk ? quirk->name : NULL;
}

/* The index of the name with these bytes, or an error that lists all. */
static bool find(const char *(*name)(int index), const char *what, const char *word, size_t length, int *found,
                 struct simba_error *error) {
    char known[512] = "";
    size_t used = 0;
    for (int i = 0; name(i); i++) {
        if (strlen(name(i)) == length && !strncmp(name(i), word, length)) {
            *found = i;
            return true;
        }
        const int written = snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", name(i));
        if (written > 0 && (used += (size_t)written) >= sizeof known) used = sizeof known - 1;
    }
    return sb_fail(error, SIMBA_ERROR_ARGUMENT, "Unknown %s \"%.*s\". Known are %s; several are separated by commas.",
                   what, (int)length, word, known);
}

bool sb_tiers_read(const char *words, unsigned *tiers, struct simba_error *error) {
    *tiers = 0;
    for (const char *at = words ? words : ""; *at;) {
        const size_t length = strcspn(at, ",");
        int tier = 0;
        if (length && !find(tier_name, "feature to disable", at, length, &tier, error)) return false;
        if (length) *tiers |= 1u << tier;
        at += length + (at[length] == ',');
    }
    return true;
}

bool sb_quirks_read(const char *words, struct sb_quirk_wishes *wishes, struct simba_error *error) {
    *wishes = (struct sb_quirk_wishes){0};
    for (const char *at = words ? words : ""; *at;) {
        const size_t length = strcspn(at, ","), name = strcspn(at, "=,");
        const bool on = length == name + 3 && !strncmp(at + name, "=on", 3);
        const bool off = length == name + 4 && !strncmp(at + name, "=off", 4);
        int quirk = 0;
        if (length && !find(quirk_name, "quirk", at, name, &quirk, error)) return false;
        if (length && !on && !off)
            return sb_fail(error, SIMBA_ERROR_ARGUMENT, "Quirk %.*s: expected %.*s=on or %.*s=off, found \"%.*s\".",
                           (int)name, at, (int)name, at, (int)name, at, (int)length, at);
        if (on) wishes->on |= 1u << quirk, wishes->off &= ~(1u << quirk);
        if (off) wishes->off |= 1u << quirk, wishes->on &= ~(1u << quirk);
        at += length + (at[length] == ',');
    }
    return true;
}
