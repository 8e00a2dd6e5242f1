#include "train/profile.h"

#include "base/memory.h"
#include "ops/ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool sb_profile_init(struct simba_profile *profile, const struct sb_graph *graph, int steps, int micro_batches,
                     struct simba_error *error) {
    const size_t flights = (size_t)steps * (size_t)micro_batches;
    profile->graph = graph;
    profile->steps = steps;
    profile->micro_batches = micro_batches;
    profile->flights = sb_allocate(flights, sizeof *profile->flights, error);
    if (!profile->flights) return false;
    profile->seconds = sb_allocate(flights * (size_t)graph->node_count, sizeof *profile->seconds, error);
    return profile->seconds != NULL;
}

void sb_profile_finish(struct simba_profile *profile) {
    free(profile->flights);
    free(profile->seconds);
    *profile = (struct simba_profile){0};
}

int sb_profile_begin(struct simba_profile *profile, const struct sb_profile_flight *flight) {
    if (flight->step < profile->first_step || flight->step >= profile->first_step + profile->steps) return -1;
    if (!profile->since) profile->since = flight->begun; /* it is the first one of all */
    profile->flights[profile->begun] = *flight;
    return profile->begun++;
}

bool sb_profile_take(struct simba_profile *profile, int index, double done, struct sb_program *program, int slot,
                     struct simba_error *error) {
    profile->flights[index].done = done;
    profile->taken++;
    return sb_program_times(program, slot, profile->seconds + (size_t)index * (size_t)profile->graph->node_count,
                            error);
}

bool sb_profile_is_complete(const struct simba_profile *profile) {
    return profile->steps && profile->taken == profile->steps * profile->micro_batches;
}

/* ---- nodes */

bool sb_profile_computes(const struct sb_node *node) {
    return node->op != SB_OP_RESHAPE && node->op != SB_OP_SPLIT && node->phase != SB_PHASE_PREPARE;
}

enum sb_profile_part sb_profile_part(const struct simba_profile *profile, const struct sb_node *node) {
    if (node->phase == SB_PHASE_ACCUMULATE) return SB_PROFILE_ACCUMULATE;
    if (node->phase == SB_PHASE_UPDATE) return SB_PROFILE_UPDATE;
    return node->index < profile->forward_nodes ? SB_PROFILE_FORWARD : SB_PROFILE_BACKWARD;
}

const char *sb_profile_part_name(enum sb_profile_part part) {
    static const char *const names[] = {"forward", "backward", "accumulate", "update"};
    return names[part];
}

/* Differentiation names its nodes "backward/NODE.WHAT". */
void sb_profile_module(const struct sb_node *node, char name[static 160]) {
    static const char prefix[] = "backward/";
    const bool backward = !strncmp(node->name, prefix, strlen(prefix));
    snprintf(name, 160, "%s", node->name + (backward ? strlen(prefix) : 0));
    char *what = backward ? strrchr(name, '.') : NULL;
    if (what) *what = '\0';
}

struct simba_profile_row sb_profile_node(const struct simba_profile *profile, const struct sb_node *node) {
    struct simba_profile_row row = {.nodes = 1};
    snprintf(row.name, sizeof row.name, "%s", node->name);
    const int flights = profile->steps * profile->micro_batches;
    for (int i = 0; i < flights; i++)
        row.seconds += profile->seconds[(size_t)i * (size_t)profile->graph->node_count + (size_t)node->index];
    row.seconds /= profile->steps;
    const enum sb_profile_part part = sb_profile_part(profile, node);
    if (part == SB_PROFILE_FORWARD) row.forward = row.seconds;
    if (part == SB_PROFILE_BACKWARD) row.backward = row.seconds;
    struct sb_cost cost = {0};
    sb_op_info(node->op)->cost(node, &cost);
    const double times = part == SB_PROFILE_UPDATE ? 1 : profile->micro_batches;
    row.bytes = times * cost.bytes;
    row.flops = times * cost.flops;
    row.specials = times * cost.special;
    return row;
}

void simba_profile_summary(const struct simba_profile *profile, struct simba_profile_summary *summary) {
    const int flights = profile->steps * profile->micro_batches;
    const double time = profile->flights[flights - 1].done - profile->since - profile->paused;
    *summary = (struct simba_profile_summary){.first_step = profile->first_step + 1,
                                              .steps = profile->steps,
                                              .micro_batches = profile->micro_batches,
                                              .elapsed = time / profile->steps};
    for (int i = 0; i < profile->graph->node_count; i++) {
        const struct sb_node *node = profile->graph->nodes[i];
        if (!sb_profile_computes(node)) continue;
        const double seconds = sb_profile_node(profile, node).seconds;
        double *const parts[] = {&summary->forward, &summary->backward, &summary->accumulate, &summary->update};
        *parts[sb_profile_part(profile, node)] += seconds;
        summary->device += seconds;
    }
}

/* ---- rows */

/* How much of a module's name its first `levels` parts are. */
static size_t first_levels(const char *name, int levels) {
    size_t length = 0;
    for (int level = 0; level < levels && name[length]; level++) {
        if (level) length++;
        length += strcspn(name + length, ".");
    }
    return length;
}

static void add(struct simba_profile_row *sum, const struct simba_profile_row *row) {
    sum->nodes += row->nodes;
    sum->seconds += row->seconds;
    sum->forward += row->forward;
    sum->backward += row->backward;
    sum->bytes += row->bytes;
    sum->flops += row->flops;
    sum->specials += row->specials;
}

static int longest_first(const void *left, const void *right) {
    const struct simba_profile_row *a = left, *b = right;
    return a->seconds != b->seconds ? (a->seconds < b->seconds) - (a->seconds > b->seconds) : strcmp(a->name, b->name);
}

bool simba_profile_rows(const struct simba_profile *profile, int levels, struct simba_profile_row **rows, int *count,
                        struct simba_error *error) {
    *count = 0;
    *rows = sb_allocate((size_t)profile->graph->node_count, sizeof **rows, error);
    if (!*rows) return false;
    for (int i = 0; i < profile->graph->node_count; i++) {
        const struct sb_node *node = profile->graph->nodes[i];
        if (!sb_profile_computes(node)) continue;
        struct simba_profile_row row = sb_profile_node(profile, node);
        if (levels) {
            sb_profile_module(node, row.name);
            row.name[first_levels(row.name, levels)] = '\0';
        } else
            snprintf(row.name, sizeof row.name, "%s", sb_op_info(node->op)->name);
        int place = 0;
        while (place < *count && strcmp((*rows)[place].name, row.name)) place++;
        if (place < *count)
            add(&(*rows)[place], &row);
        else
            (*rows)[(*count)++] = row;
    }
    qsort(*rows, (size_t)*count, sizeof **rows, longest_first);
    return true;
}
