/* The memory planner: gives every activation an offset by its lifetime, before anything is allocated. */
#ifndef SB_GRAPH_PLAN_H
#define SB_GRAPH_PLAN_H

#include "graph/graph.h"

struct sb_plan {
    size_t activation_bytes; /* size of the activation space */
    size_t lower_bound;      /* largest sum of tensors alive at one node: no plan can be smaller */
    size_t without_reuse;    /* what it would take with a place for each tensor */
    int peak_node;           /* where the lower bound is reached */
};

struct sb_plan_parameters {
    bool keep_all;    /* every tensor has its own place, so that all can be inspected after a run */
    size_t alignment; /* of each tensor, bytes; 0: 256 */
};

/* Sets the offset of every activation of the graph. Inputs and outputs of the graph and tensors marked `keep` are
 * alive throughout; results of the PREPARE phase are, too. An output may take the place of an input that dies at its
 * node only where the operation allows it (sb_op_info.in_place). */
bool sb_plan_memory(struct sb_graph *graph, struct sb_plan_parameters parameters, struct sb_plan *plan,
                    struct simba_error *error);

#endif
