#include "train/optimiser.h"

struct sb_tensor *sb_space_range(struct sb_graph *graph, const char *name, enum sb_space space, size_t first,
                                 size_t end) {
    const int64_t count = (int64_t)((end - first) / sizeof(float));
    return sb_shared(graph, name, space, (int64_t)first, 1, &count, false);
}

struct sb_tensor *sb_append_optimiser(struct sb_graph *graph, const struct sb_parameter_list *list,
                                      const struct sb_optimiser *optimiser) {
    static const char *const names[2] = {"decay", "no_decay"};
    const size_t ends[3] = {0, list->decay_bytes, list->trainable_bytes};
    graph->phase = SB_PHASE_UPDATE;
    struct sb_tensor *norm =
        sb_op_gradient_norm(graph, sb_space_range(graph, "gradients", optimiser->gradient, 0, list->trainable_bytes));
    const size_t length = sb_scope_enter(graph, "optimiser");
    for (int group = 0; group < 2; group++) {
        const size_t first = ends[group], end = ends[group + 1];
        const char *name = names[group];
        if (first == end) continue;
        sb_op_adamw(graph, (struct sb_adamw_parameters){
                               .name = name,
                               .parameter = sb_space_range(graph, name, SB_SPACE_PARAMETER, first, end),
                               .gradient = sb_space_range(graph, name, optimiser->gradient, first, end),
                               .moment1 = sb_space_range(graph, name, SB_SPACE_MOMENT1, first, end),
                               .moment2 = sb_space_range(graph, name, SB_SPACE_MOMENT2, first, end),
                               .norm = norm,
                               .loss = optimiser->loss,
                               .beta1 = optimiser->beta1,
                               .beta2 = optimiser->beta2,
                               .epsilon = optimiser->epsilon,
                               .weight_decay = group == 0 ? optimiser->weight_decay : 0,
                               .clip_norm = optimiser->clip_norm});
    }
    sb_scope_leave(graph, length);
    return norm;
}
