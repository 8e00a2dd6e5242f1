/* Properties of the memory plan over random graphs. The judge is a replay of the program that knows nothing of
 * lifetimes: it marks each piece of memory with the tensor written there and looks whether every tensor that is read
 * still stands where it was written. */
#include "base/random.h"
#include "graph/plan.h"
#include "ops/ops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { UNIT = 16, POOL = 24 };

/* ---- random graphs */
static struct sb_tensor *grow_graph(struct sb_graph *graph, struct sb_random *random, int nodes) {
    struct sb_tensor *pool[POOL];
    int64_t shape[] = {2, 1 + sb_random_below(random, 9), 4 * (1 + (int64_t)sb_random_below(random, 4))};
    for (int i = 0; i < POOL; i++) {
        char name[32];
        snprintf(name, sizeof name, "x%d", i % 3);
        pool[i] = i < 3 ? sb_input(graph, name, SB_FLOAT32, 3, shape) : pool[i % 3];
    }
    sb_require_gradient(pool[0]);
    int64_t channels = shape[2];
    for (int i = 0; i < nodes; i++) {
        char name[32];
        snprintf(name, sizeof name, "n%d", i);
        struct sb_tensor *x = pool[sb_random_below(random, POOL)], *z = pool[sb_random_below(random, POOL)], *y;
        struct sb_tensor *w =
            sb_shared(graph, name, SB_SPACE_PARAMETER, (int64_t)4096 * i, 2, (int64_t[]){channels, channels}, true);
        switch (sb_random_below(random, 9)) {
        case 0:
            y = sb_op_add(graph, name, x, z, 1.0f, NULL);
            break;
        case 1:
            y = sb_op_multiply(graph, name, x, z, NULL);
            break;
        case 2:
            y = sb_op_activation(graph, name, x, SB_ACTIVATION_GELU, 0);
            break;
        case 3:
            y = sb_op_linear(graph, (struct sb_linear_parameters){.name = name,
                                                                  .a = x,
                                                                  .b = sb_op_negative_exp(graph, name, w),
                                                                  .residual = sb_random_below(random, 2) ? z : NULL});
            break;
        case 4: {
            struct sb_tensor *parts[2], *half[2];
            sb_op_split(graph, x, 2, (int64_t[]){channels / 4, channels - channels / 4}, parts);
            half[0] = sb_op_copy(graph, name, parts[1], NULL);
            half[1] = sb_op_linear(graph, (struct sb_linear_parameters){
                                              .name = name,
                                              .a = half[0],
                                              .b = sb_shared(graph, name, SB_SPACE_PARAMETER, (int64_t)4096 * i, 2,
                                                             (int64_t[]){channels - channels / 4, channels}, true)});
            y = half[1];
            break;
        }
        case 5:
            y = sb_op_synthesis(graph, name, sb_op_spectrum(graph, name, x, NULL), z, NULL);
            break;
        case 6:
            y = sb_op_reshape(graph,
                              sb_op_negative_exp(graph, name, sb_op_reshape(graph, x, 1, (int64_t[]){sb_elements(x)})),
                              3, shape);
            break;
        case 7:
            y = sb_op_layer_norm(graph, name, x, sb_shared(graph, "gamma", SB_SPACE_PARAMETER, 0, 1, &channels, true),
                                 sb_shared(graph, "beta", SB_SPACE_PARAMETER, 0, 1, &channels, true), 1e-5f);
            break;
        default:
            y = sb_op_mix_box(graph, name, sb_op_reshape(graph, x, 4, (int64_t[]){2, 1, shape[1], channels}),
                              sb_input(graph, name, SB_INT32, 1, (int64_t[]){4}), 1);
            y = sb_op_reshape(graph, y, 3, shape);
        }
        if (sb_random_below(random, 12) == 0) sb_mark_output(y);
        if (sb_random_below(random, 12) == 0 && y) y->keep = true;
        pool[sb_random_below(random, POOL)] = y;
    }
    struct sb_tensor *sum = pool[0];
    for (int i = 1; i < POOL; i++) sum = sb_op_add(graph, "sum", sum, pool[i], 1.0f, NULL);
    return sum;
}

/* ---- the replay */
struct replay {
    int *mark; /* by UNIT bytes: the index of the tensor that was written there; -1 */
    size_t units;
};

static bool is_activation(const struct sb_tensor *tensor) {
    return tensor && tensor->space == SB_SPACE_ACTIVATION;
}

static void write_tensor(struct replay *replay, const struct sb_tensor *tensor) {
    int64_t at = sb_storage(tensor)->offset / UNIT;
    int64_t end = (sb_storage(tensor)->offset + (int64_t)sb_bytes(sb_storage(tensor)) + UNIT - 1) / UNIT;
    assert_true(at >= 0 && (size_t)end <= replay->units);
    for (; at < end; at++) replay->mark[at] = sb_storage(tensor)->index;
}

static void read_tensor(const struct replay *replay, const struct sb_tensor *tensor, const char *reader) {
    int64_t at = sb_storage(tensor)->offset / UNIT;
    int64_t end = (sb_storage(tensor)->offset + (int64_t)sb_bytes(sb_storage(tensor)) + UNIT - 1) / UNIT;
    for (; at < end; at++)
        if (replay->mark[at] != sb_storage(tensor)->index)
            fail_msg("%s: %s was overwritten by tensor %d", reader, tensor->name, replay->mark[at]);
}

static bool overlap(const struct sb_tensor *a, const struct sb_tensor *b) {
    return sb_address(a) < sb_address(b) + (int64_t)sb_bytes(b) && sb_address(b) < sb_address(a) + (int64_t)sb_bytes(a);
}

/* Where an output stands in the place of an input, the operation must allow it, and every element must meet its own. */
static void check_in_place(const struct sb_node *node) {
    for (int o = 0; o < SB_MAX_OUTPUTS; o++) {
        for (int i = 0; i < SB_MAX_INPUTS; i++) {
            const struct sb_tensor *in = node->inputs[i], *out = node->outputs[o];
            if (!is_activation(in) || !is_activation(out) || !overlap(in, out)) continue;
            if (sb_storage(in) == sb_storage(out)) continue; /* asked for by whoever built the graph */
            assert_true(sb_op_info(node->op)->in_place[o] & 1u << i);
            assert_true(sb_address(in) == sb_address(out) && sb_bytes(in) == sb_bytes(out));
            assert_true(sb_is_dense(in) && sb_is_dense(out));
        }
        for (int other = 0; other < o; other++)
            if (is_activation(node->outputs[o]) && is_activation(node->outputs[other]))
                assert_false(overlap(node->outputs[o], node->outputs[other]));
    }
}

static void replay_graph(const struct sb_graph *graph, const struct sb_plan *plan) {
    struct replay replay = {.units = plan->activation_bytes / UNIT + 1};
    replay.mark = malloc(replay.units * sizeof(int));
    assert_non_null(replay.mark);
    for (size_t i = 0; i < replay.units; i++) replay.mark[i] = -1;
    for (int i = 0; i < graph->tensor_count; i++)
        if (graph->tensors[i]->is_input) write_tensor(&replay, graph->tensors[i]);
    /* Twice: inputs and prepared tensors must outlive a run. */
    for (int run = 0; run < 2; run++) {
        for (int phase = run ? SB_PHASE_COMPUTE : SB_PHASE_PREPARE; phase < SB_PHASE_COUNT; phase++) {
            for (int n = 0; n < graph->node_count; n++) {
                const struct sb_node *node = graph->nodes[n];
                if (node->phase != (enum sb_phase)phase || node->op == SB_OP_RESHAPE || node->op == SB_OP_SPLIT)
                    continue;
                for (int i = 0; i < SB_MAX_INPUTS; i++)
                    if (is_activation(node->inputs[i])) read_tensor(&replay, node->inputs[i], node->name);
                check_in_place(node);
                for (int i = 0; i < SB_MAX_OUTPUTS; i++)
                    if (is_activation(node->outputs[i])) write_tensor(&replay, node->outputs[i]);
            }
        }
        for (int i = 0; i < graph->tensor_count; i++) {
            const struct sb_tensor *tensor = graph->tensors[i];
            if (is_activation(tensor) && (tensor->is_output || tensor->keep)) read_tensor(&replay, tensor, "the host");
        }
    }
    free(replay.mark);
}

static void no_two_tensors_meet(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct sb_random random = sb_random_start(seed, SB_STREAM_TEST, 0);
        bool training = seed % 2;
        struct sb_graph graph;
        sb_graph_init(&graph, training);
        struct sb_tensor *sum = grow_graph(&graph, &random, 1 + (int)sb_random_below(&random, 60));
        struct simba_error error = {0};
        if (training && sum) {
            struct sb_tensor *seed_tensor = sb_input(&graph, "seed", SB_FLOAT32, 3, sum->shape);
            sb_differentiate(&graph, sum, seed_tensor, &error);
        }
        if (!sb_graph_ok(&graph, &error)) fail_msg("seed %d: %s", (int)seed, error.message);
        struct sb_plan plan, roomy;
        assert_true(
            sb_plan_memory(&graph, (struct sb_plan_parameters){.keep_all = true, .alignment = UNIT}, &roomy, &error));
        replay_graph(&graph, &roomy);
        assert_int_equal(roomy.activation_bytes, roomy.without_reuse);
        assert_true(sb_plan_memory(&graph, (struct sb_plan_parameters){.alignment = UNIT}, &plan, &error));
        replay_graph(&graph, &plan);
        assert_true(plan.lower_bound <= plan.activation_bytes);
        assert_true(plan.activation_bytes <= plan.without_reuse);
        assert_true(plan.activation_bytes <= plan.lower_bound + plan.lower_bound / 2);
        sb_graph_finish(&graph);
    }
}

static void a_chain_needs_little(void **state) {
    (void)state;
    struct sb_graph graph;
    sb_graph_init(&graph, false);
    struct sb_tensor *x = sb_input(&graph, "x", SB_FLOAT32, 1, (int64_t[]){1024});
    struct sb_tensor *y = sb_op_copy(&graph, "copy", x, NULL);
    for (int i = 0; i < 10; i++) y = sb_op_activation(&graph, "act", y, SB_ACTIVATION_RELU, 0);
    struct sb_plan plan;
    assert_true(sb_plan_memory(&graph, (struct sb_plan_parameters){0}, &plan, NULL));
    /* The input, and one place in which everything else happens. */
    assert_int_equal(plan.activation_bytes, 2 * 4096);
    assert_int_equal(plan.lower_bound, 2 * 4096);
    assert_int_equal(plan.without_reuse, 12 * 4096);
    sb_graph_finish(&graph);
}

static void in_place_is_refused_where_it_would_hurt(void **state) {
    (void)state;
    struct sb_graph graph;
    sb_graph_init(&graph, false);
    struct sb_tensor *x = sb_input(&graph, "x", SB_FLOAT32, 2, (int64_t[]){8, 8});
    struct sb_tensor *w = sb_shared(&graph, "w", SB_SPACE_PARAMETER, 0, 2, (int64_t[]){8, 8}, false);
    struct sb_tensor *a = sb_op_copy(&graph, "a", x, NULL), *b = sb_op_copy(&graph, "b", x, NULL);
    /* y = b + a w may take the place of b; z = y + y w may not take that of y. */
    struct sb_tensor *y =
        sb_op_linear(&graph, (struct sb_linear_parameters){.name = "y", .a = a, .b = w, .residual = b});
    struct sb_tensor *z =
        sb_op_linear(&graph, (struct sb_linear_parameters){.name = "z", .a = y, .b = w, .residual = y});
    struct sb_tensor *last = sb_op_negative_exp(&graph, "last", z);
    sb_mark_output(last);
    struct sb_plan plan;
    assert_true(sb_plan_memory(&graph, (struct sb_plan_parameters){0}, &plan, NULL));
    assert_int_equal(y->offset, b->offset);
    assert_int_not_equal(z->offset, y->offset);
    assert_int_not_equal(last->offset, z->offset); /* outputs live throughout: no sharing */
    sb_graph_finish(&graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_two_tensors_meet),
        cmocka_unit_test(a_chain_needs_little),
        cmocka_unit_test(in_place_is_refused_where_it_would_hurt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
