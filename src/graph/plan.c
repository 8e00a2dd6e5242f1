#include "graph/plan.h"

#include "ops/ops.h"

#include <stdlib.h>
#include <string.h>

/* One piece of memory: a tensor, or a chain of tensors of which each takes the place of the one before. Times are
 * positions in the order of execution: phase by phase, each in the order of its nodes. */
struct block {
    struct sb_tensor *tensor; /* the first of its chain */
    size_t bytes;             /* rounded up to the alignment */
    int first, last;          /* the times at which it is alive, both included */
    size_t offset;
    bool pinned; /* alive throughout */
};

struct planner {
    const struct sb_graph *graph;
    struct sb_plan_parameters parameters;
    struct sb_node **order; /* by time */
    struct block *blocks;
    int *block_of; /* by tensor index: its block; -1: it needs no memory */
    int block_count;
};

static void order_nodes(struct planner *planner) {
    int time = 0;
    for (int phase = 0; phase < SB_PHASE_COUNT; phase++)
        for (int i = 0; i < planner->graph->node_count; i++)
            if (planner->graph->nodes[i]->phase == (enum sb_phase)phase)
                planner->order[time++] = planner->graph->nodes[i];
}

static struct block *block_of(struct planner *planner, const struct sb_tensor *tensor) {
    int block = tensor ? planner->block_of[sb_storage(tensor)->index] : -1;
    return block < 0 ? NULL : &planner->blocks[block];
}

static size_t align(size_t bytes, size_t alignment) {
    return (bytes + alignment - 1) / alignment * alignment;
}

static bool lives_throughout(const struct planner *planner, const struct sb_tensor *tensor) {
    bool prepared = tensor->producer && tensor->producer->phase == SB_PHASE_PREPARE;
    return planner->parameters.keep_all || tensor->is_input || tensor->is_output || tensor->keep || prepared;
}

/* A block for each tensor that owns memory of the activation space, with the times of its first and last use. */
static void find_blocks(struct planner *planner) {
    const struct sb_graph *graph = planner->graph;
    for (int i = 0; i < graph->tensor_count; i++) {
        struct sb_tensor *tensor = graph->tensors[i];
        planner->block_of[i] = -1;
        if (tensor->base || tensor->space != SB_SPACE_ACTIVATION) continue;
        planner->block_of[i] = planner->block_count;
        planner->blocks[planner->block_count++] =
            (struct block){.tensor = tensor,
                           .bytes = align(sb_bytes(tensor), planner->parameters.alignment),
                           .first = graph->node_count,
                           .last = -1};
    }
    for (int i = 0; i < graph->tensor_count; i++) {
        struct block *block = block_of(planner, graph->tensors[i]);
        if (block && lives_throughout(planner, graph->tensors[i])) block->pinned = true;
    }
    for (int time = 0; time < graph->node_count; time++) {
        for (int i = 0; i < SB_MAX_INPUTS + SB_MAX_OUTPUTS; i++) {
            const struct sb_node *node = planner->order[time];
            struct block *block =
                block_of(planner, i < SB_MAX_INPUTS ? node->inputs[i] : node->outputs[i - SB_MAX_INPUTS]);
            if (!block) continue;
            if (time < block->first) block->first = time;
            if (time > block->last) block->last = time;
        }
    }
    for (int i = 0; i < planner->block_count; i++) {
        struct block *block = &planner->blocks[i];
        if (!block->pinned) continue;
        block->first = 0;
        block->last = graph->node_count > 0 ? graph->node_count - 1 : 0;
    }
}

/* Whether the output may take the memory of the input, which must be all of that memory, seen only through this input,
 * and of no use afterwards. */
static bool may_replace(struct planner *planner, const struct sb_node *node, int output, int input, int time) {
    const struct sb_tensor *from = node->inputs[input], *to = node->outputs[output];
    struct block *old = block_of(planner, from), *new = block_of(planner, to);
    if (!old || !new || old == new || old->pinned || new->pinned) return false;
    if (!(sb_op_info(node->op)->in_place[output] & 1u << input)) return false;
    if (to->base || new->tensor != to || new->first != time || old->last != time || old->bytes != new->bytes)
        return false;
    if (!sb_is_dense(from) || from->base_offset != 0 || sb_bytes(from) != sb_bytes(to)) return false;
    /* The same memory as another input is fine only where that one may be replaced, too, element for element. */
    for (int i = 0; i < SB_MAX_INPUTS; i++) {
        if (i == input || block_of(planner, node->inputs[i]) != old) continue;
        const struct sb_tensor *other = node->inputs[i];
        if (!(sb_op_info(node->op)->in_place[output] & 1u << i)) return false;
        if (!sb_is_dense(other) || other->base_offset != 0 || sb_bytes(other) != sb_bytes(to)) return false;
    }
    /* Nor may the input's memory be written by this node otherwise. */
    for (int i = 0; i < SB_MAX_OUTPUTS; i++)
        if (i != output && block_of(planner, node->outputs[i]) == old) return false;
    return true;
}

static void merge_in_place(struct planner *planner) {
    for (int time = 0; time < planner->graph->node_count; time++) {
        const struct sb_node *node = planner->order[time];
        for (int output = 0; output < SB_MAX_OUTPUTS; output++) {
            for (int input = 0; input < SB_MAX_INPUTS && node->outputs[output]; input++) {
                if (!may_replace(planner, node, output, input, time)) continue;
                int into = planner->block_of[sb_storage(node->inputs[input])->index];
                int *mine = &planner->block_of[node->outputs[output]->index];
                planner->blocks[into].last = planner->blocks[*mine].last;
                planner->blocks[*mine].last = -1; /* empty from now on */
                *mine = into;
                break;
            }
        }
    }
}

/* The larger block first; among equals the one that is alive earlier, then the order of creation. */
static int compare_blocks(const void *left, const void *right) {
    const struct block *a = *(struct block *const *)left, *b = *(struct block *const *)right;
    if (a->bytes != b->bytes) return a->bytes > b->bytes ? -1 : 1;
    if (a->first != b->first) return a->first < b->first ? -1 : 1;
    return a->tensor->index < b->tensor->index ? -1 : 1;
}

static int compare_offsets(const void *left, const void *right) {
    const struct block *a = *(struct block *const *)left, *b = *(struct block *const *)right;
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

/* Greedy by size (Pisarchyk and Lee, "Efficient memory management for deep neural net inference", 2020): each block,
 * the largest first, goes into the smallest gap it fits between the placed blocks alive at the same time as it. */
static bool place_blocks(struct planner *planner, struct sb_plan *plan, struct simba_error *error) {
    struct block **sorted = sb_allocate((size_t)planner->block_count + 1, sizeof *sorted, error);
    struct block **rivals = sb_allocate((size_t)planner->block_count + 1, sizeof *rivals, error);
    int count = 0;
    for (int i = 0; sorted && rivals && i < planner->block_count; i++)
        if (planner->blocks[i].last >= 0) sorted[count++] = &planner->blocks[i];
    if (count > 1) qsort(sorted, (size_t)count, sizeof(struct block *), compare_blocks);
    for (int i = 0; i < count; i++) {
        struct block *block = sorted[i];
        int rival_count = 0;
        for (int j = 0; j < i; j++)
            if (sorted[j]->first <= block->last && block->first <= sorted[j]->last) rivals[rival_count++] = sorted[j];
        if (rival_count > 1) qsort(rivals, (size_t)rival_count, sizeof(struct block *), compare_offsets);
        size_t end = 0, best = SIZE_MAX, place = 0;
        for (int j = 0; j < rival_count; j++) {
            if (rivals[j]->offset >= end + block->bytes && rivals[j]->offset - end < best) {
                best = rivals[j]->offset - end;
                place = end;
            }
            size_t behind = rivals[j]->offset + rivals[j]->bytes;
            if (behind > end) end = behind;
        }
        block->offset = best == SIZE_MAX ? end : place;
        if (block->offset + block->bytes > plan->activation_bytes)
            plan->activation_bytes = block->offset + block->bytes;
    }
    bool done = sorted && rivals;
    free(sorted);
    free(rivals);
    return done;
}

static bool find_lower_bound(struct planner *planner, struct sb_plan *plan, struct simba_error *error) {
    int times = planner->graph->node_count;
    int64_t *change = sb_allocate((size_t)times + 1, sizeof *change, error);
    if (!change) return false;
    for (int i = 0; i < planner->block_count; i++) {
        const struct block *block = &planner->blocks[i];
        if (block->last < 0) continue;
        change[block->first] += (int64_t)block->bytes;
        if (block->last + 1 <= times) change[block->last + 1] -= (int64_t)block->bytes;
    }
    int64_t alive = 0;
    for (int time = 0; time < times; time++) {
        alive += change[time];
        if ((size_t)alive > plan->lower_bound) {
            plan->lower_bound = (size_t)alive;
            plan->peak_node = planner->order[time]->index;
        }
    }
    free(change);
    return true;
}

bool sb_plan_memory(struct sb_graph *graph, struct sb_plan_parameters parameters, struct sb_plan *plan,
                    struct simba_error *error) {
    if (!sb_graph_ok(graph, error)) return false;
    if (parameters.alignment == 0) parameters.alignment = 256;
    memset(plan, 0, sizeof *plan);
    struct planner planner = {.graph = graph, .parameters = parameters};
    planner.order = sb_allocate((size_t)graph->node_count + 1, sizeof(struct sb_node *), error);
    planner.blocks = sb_allocate((size_t)graph->tensor_count + 1, sizeof *planner.blocks, error);
    planner.block_of = sb_allocate((size_t)graph->tensor_count + 1, sizeof *planner.block_of, error);
    bool done = planner.order && planner.blocks && planner.block_of;
    if (done) {
        order_nodes(&planner);
        find_blocks(&planner);
        for (int i = 0; i < planner.block_count; i++) plan->without_reuse += planner.blocks[i].bytes;
        merge_in_place(&planner);
        done = find_lower_bound(&planner, plan, error) && place_blocks(&planner, plan, error);
    }
    for (int i = 0; done && i < graph->tensor_count; i++)
        if (planner.block_of[i] >= 0) graph->tensors[i]->offset = (int64_t)planner.blocks[planner.block_of[i]].offset;
    free(planner.order);
    free(planner.blocks);
    free(planner.block_of);
    return done;
}
