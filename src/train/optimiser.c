#include "train/optimiser.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

bool sb_optimiser_groups(const struct sb_parameter_list *list, double layer_decay, struct sb_optimiser_group **groups,
                         int *count, struct simba_error *error) {
    *count = 0;
    *groups = sb_allocate(2 * (size_t)list->layers, sizeof **groups, error);
    if (!*groups) return false;
    size_t first = 0;
    for (int decay = 1; decay >= 0; decay--)
        for (int layer = 0; layer < list->layers; layer++) {
            size_t end = first;
            for (int i = 0; i < list->count; i++) {
                const struct sb_parameter *entry = &list->entries[i];
                if (entry->trainable && entry->decay == (decay == 1) && entry->layer == layer) end += entry->bytes;
            }
            if (end == first) continue;
            const double factor = pow(layer_decay, list->layers - 1 - layer);
            struct sb_optimiser_group *before = *count ? &(*groups)[*count - 1] : NULL;
            if (before && before->decay == (decay == 1) && before->rate_factor == factor)
                before->end = end;
            else
                (*groups)[(*count)++] =
                    (struct sb_optimiser_group){.first = first, .end = end, .decay = decay, .rate_factor = factor};
            first = end;
        }
    return true;
}

struct sb_tensor *sb_space_range(struct sb_graph *graph, const char *name, enum sb_space space, size_t first,
                                 size_t end) {
    const int64_t count = (int64_t)((end - first) / sizeof(float));
    return sb_shared(graph, name, space, (int64_t)first, 1, &count, false);
}

static void append_group(struct sb_graph *graph, const struct sb_optimiser *optimiser, struct sb_tensor *norm,
                         struct sb_tensor *scaled, const struct sb_optimiser_group *group, int index) {
    const size_t first = group->first, end = group->end;
    char name[32];
    snprintf(name, sizeof name, "%s%d", group->decay ? "decay" : "no_decay", index);
    sb_op_adamw(graph,
                (struct sb_adamw_parameters){.name = name,
                                             .parameter = sb_space_range(graph, name, SB_SPACE_PARAMETER, first, end),
                                             .gradient = sb_space_range(graph, name, optimiser->gradient, first, end),
                                             .moment1 = sb_space_range(graph, name, SB_SPACE_MOMENT1, first, end),
                                             .moment2 = sb_space_range(graph, name, SB_SPACE_MOMENT2, first, end),
                                             .norm = scaled ? NULL : norm,
                                             .loss = scaled ? NULL : optimiser->loss,
                                             .scaled = scaled,
                                             .beta1 = optimiser->beta1,
                                             .beta2 = optimiser->beta2,
                                             .epsilon = optimiser->epsilon,
                                             .rate_factor = (float)group->rate_factor,
                                             .weight_decay = group->decay ? optimiser->weight_decay : 0,
                                             .clip_norm = optimiser->clip_norm});
}

struct sb_tensor *sb_append_optimiser(struct sb_graph *graph, const struct sb_parameter_list *list,
                                      const struct sb_optimiser *optimiser) {
    struct sb_optimiser_group *groups;
    struct simba_error error;
    int count;
    if (!sb_optimiser_groups(list, optimiser->layer_decay > 0 ? optimiser->layer_decay : 1, &groups, &count, &error)) {
        sb_graph_fail(graph, "%s", error.message);
        return NULL;
    }
    graph->phase = SB_PHASE_UPDATE;
    struct sb_tensor *norm =
        sb_op_gradient_norm(graph, sb_space_range(graph, "gradients", optimiser->gradient, 0, list->trainable_bytes));
    struct sb_tensor *scaled = NULL;
    if (optimiser->scaling_interval)
        scaled = sb_op_loss_scaling(
            graph, (struct sb_loss_scaling_parameters){.norm = norm,
                                                       .loss = optimiser->loss,
                                                       .state = sb_space_range(graph, "loss_scaling", SB_SPACE_SCALING,
                                                                               0, sizeof(struct sb_loss_scaling)),
                                                       .beta1 = optimiser->beta1,
                                                       .beta2 = optimiser->beta2,
                                                       .interval = optimiser->scaling_interval});
    const size_t length = sb_scope_enter(graph, "optimiser");
    for (int i = 0; i < count; i++) append_group(graph, optimiser, norm, scaled, &groups[i], i);
    if (optimiser->ema > 0)
        sb_op_average(graph, (struct sb_average_parameters){
                                 .value = sb_space_range(graph, "weights", SB_SPACE_PARAMETER, 0, list->total_bytes),
                                 .average = sb_space_range(graph, "weights", SB_SPACE_AVERAGE, 0, list->total_bytes),
                                 .norm = norm,
                                 .loss = optimiser->loss,
                                 .decay = optimiser->ema});
    sb_scope_leave(graph, length);
    free(groups);
    return scaled ? scaled : norm;
}
