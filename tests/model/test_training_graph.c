/* The training graph of the published model: what differentiation and the planner must not lose. */
#include "graph/differentiate.h"
#include "graph/plan.h"
#include "model/model.h"
#include "ops/ops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "gradients.h"

static int count_nodes(const struct sb_graph *graph, enum sb_op op) {
    int count = 0;
    for (int i = 0; i < graph->node_count; i++) count += graph->nodes[i]->op == op;
    return count;
}

static void check_mixer(enum sb_mixer mixer) {
    struct sb_model_config config = sb_model_config_default();
    config.mixer = mixer;
    config.drop_path = 0.1;
    struct sb_parameter_list list = {0};
    struct sb_graph graph;
    struct sb_model_graph model;
    struct simba_error error = {0};
    sb_graph_init(&graph, true);
    assert_true(sb_model_parameters(&config, &list, &error));
    const struct sb_model_graph_parameters parameters = {.batch = 8, .drop_path = true};
    assert_true(sb_model_forward(&graph, &config, &list, &parameters, &model, &error));
    struct sb_tensor *labels = sb_input(&graph, "labels", SB_INT32, 1, (int64_t[]){8});
    struct sb_tensor *loss = sb_op_cross_entropy(&graph, "loss", model.logits, labels, 0.1f, 1);
    int forward_adds = count_nodes(&graph, SB_OP_ADD), forward_slices = count_nodes(&graph, SB_OP_SLICE_TOKENS);
    if (!sb_differentiate(&graph, loss, NULL, &error)) fail_msg("%s", error.message);
    /* Gradients are written where they belong, and those of residual branches join inside the kernels. */
    assert_int_equal(count_nodes(&graph, SB_OP_COPY), 0);
    assert_true(count_nodes(&graph, SB_OP_ADD) <= forward_adds + forward_slices);
    check_gradients(&graph, &list);
    assert_null(sb_gradient_of(&graph, model.image));
    struct sb_plan plan;
    assert_true(sb_plan_memory(&graph, (struct sb_plan_parameters){0}, &plan, &error));
    assert_true((double)plan.activation_bytes < 1.05 * (double)plan.lower_bound);
    sb_graph_finish(&graph);
    sb_parameter_list_finish(&list);
}

static void with_mlp(void **state) {
    (void)state;
    check_mixer(SB_MIXER_MLP);
}

static void with_einfft(void **state) {
    (void)state;
    check_mixer(SB_MIXER_EINFFT);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(with_mlp), cmocka_unit_test(with_einfft)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
