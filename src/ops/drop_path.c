#include "ops/build.h"

struct sb_tensor *sb_step_input(struct sb_graph *graph) {
    struct sb_tensor *step = graph->failed ? NULL : sb_find_tensor(graph, "step");
    if (step && step->is_input) return step;
    return sb_input(graph, "step", SB_UINT32, 1, (int64_t[]){sizeof(struct sb_step_numbers) / sizeof(uint32_t)});
}

struct sb_tensor *sb_op_drop_path_scale(struct sb_graph *graph, const char *name, int64_t batch, float rate,
                                        uint32_t branch) {
    struct sb_node *node = sb_begin(graph, SB_OP_DROP_PATH_SCALE, name);
    if (!sb_take(graph, node, 0, "step", sb_step_input(graph), SB_ALLOW_ANY_TYPE) ||
        !sb_check(graph, node, rate >= 0.0f && rate < 1.0f, "a rate of %g is impossible: from 0 to below 1.",
                  (double)rate))
        return NULL;
    node->attributes.drop_path = (struct sb_drop_path_attributes){.rate = rate, .branch = branch};
    return sb_give(graph, node, 0, NULL, NULL, 0, 1, &batch);
}
