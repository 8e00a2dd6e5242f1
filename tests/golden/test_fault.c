/* A comparison has to find what is wrong and blame the right node. The device in question is the reference with one
 * fault in it: its table of functions is wrapped, and one node's result is changed on the way. Without the fault the
 * two agree to the last bit, so that everything that is reported comes from it. */
#include "parity/parity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the headers above first */
#include <cmocka.h>

static const char model[] = "{\"size\": \"custom\", \"stem\": 4, \"dims\": [8, 12], \"depths\": [1, 1], "
                            "\"mixer\": \"einfft\", \"image_size\": 28, \"channels\": 1, \"classes\": 5, "
                            "\"d_state\": 4}";

enum kind {
    NONE,
    ALL,          /* every element of the node's first result, by `factor`, or 1.001 */
    ONE,          /* its middle element, by half a percent of the root mean square */
    NOT_A_NUMBER, /* its middle element */
    STALE         /* its first element stays what it was */
};
static struct fault {
    enum kind kind;
    const char *node, *operation; /* of the node with this name and operation */
    bool only_submitted;          /* as a missing barrier: a node by itself is right */
    float factor;
    int except_submits; /* that many submits are right before it begins */
} fault;

/* ---- the device with the fault */

static bool change(struct sb_program *program, int index, struct simba_error *error) {
    const struct sb_node *node = program->graph->nodes[index];
    if (fault.kind == STALE) return true;
    if (fault.kind == NONE || strcmp(node->name, fault.node) || strcmp(sb_op_info(node->op)->name, fault.operation))
        return true;
    const struct sb_tensor *tensor = node->outputs[0];
    const int64_t count = sb_elements(tensor);
    float *values = malloc((size_t)count * sizeof *values);
    bool done = values && sb_backend_cpu.program_read(program, tensor, values, error);
    if (done) {
        for (int64_t i = 0; fault.kind == ALL && i < count; i++) values[i] *= fault.factor > 0 ? fault.factor : 1.001f;
        if (fault.kind == ONE) values[count / 2] += 0.005f * (float)sb_parity_size(values, count);
        if (fault.kind == NOT_A_NUMBER) values[count / 2] = NAN;
        done = sb_backend_cpu.program_write(program, tensor, values, error);
    }
    free(values);
    return done;
}

static bool run_node(struct sb_program *program, int slot, int node, struct simba_error *error) {
    return sb_backend_cpu.program_run_node(program, slot, node, error) &&
           (fault.only_submitted || change(program, node, error));
}

/* With the first element of the target's result as before. */
static bool run_stale(struct sb_program *program, int slot, int index, struct simba_error *error) {
    const struct sb_node *node = program->graph->nodes[index];
    if (fault.kind != STALE || strcmp(node->name, fault.node))
        return sb_backend_cpu.program_run_node(program, slot, index, error);
    const int64_t count = sb_elements(node->outputs[0]);
    float *before = malloc((size_t)count * sizeof *before), *after = malloc((size_t)count * sizeof *after);
    bool done = before && after && sb_backend_cpu.program_read(program, node->outputs[0], before, error) &&
                sb_backend_cpu.program_run_node(program, slot, index, error) &&
                sb_backend_cpu.program_read(program, node->outputs[0], after, error);
    if (done) after[0] = before[0];
    done = done && sb_backend_cpu.program_write(program, node->outputs[0], after, error);
    free(before);
    free(after);
    return done;
}

static bool submit(struct sb_program *program, int slot, unsigned phases, struct simba_error *error) {
    const struct sb_graph *graph = program->graph;
    bool done = true;
    for (int i = 0; done && i < graph->tensor_count; i++)
        if (graph->tensors[i]->is_input)
            done =
                sb_program_write(program, graph->tensors[i], sb_program_host(program, slot, graph->tensors[i]), error);
    const bool right = fault.except_submits-- > 0;
    for (int phase = 0; phase < SB_PHASE_COUNT; phase++)
        for (int i = 0; done && i < graph->node_count; i++)
            if ((int)graph->nodes[i]->phase == phase && phases & 1u << phase)
                done = run_stale(program, slot, i, error) && (right || change(program, i, error));
    for (int i = 0; done && i < graph->tensor_count; i++)
        if (graph->tensors[i]->is_output)
            done =
                sb_program_read(program, graph->tensors[i], sb_program_host(program, slot, graph->tensors[i]), error);
    return done;
}

/* ---- what was reported */

static struct {
    int isolated, accumulated, steps, repeated;           /* that failed */
    char first[SIMBA_PARITY_MODES][160];                  /* its node or figure */
    char operation[64], worst_at[64], isolated_node[160]; /* of the isolated ones */
    bool same_node;                                       /* they all belong to */
    int64_t non_finite;
    double last_progress;
} seen;

static void note(void *user, const struct simba_parity_result *result) {
    (void)user;
    if (result->passed) return;
    if (!seen.first[result->mode][0])
        snprintf(seen.first[result->mode], sizeof seen.first[0], "%s",
                 result->node >= 0 ? result->node_name : result->tensor);
    switch (result->mode) {
    case SIMBA_PARITY_ISOLATED:
        if (!seen.isolated++) {
            snprintf(seen.isolated_node, sizeof seen.isolated_node, "%s", result->node_name);
            snprintf(seen.operation, sizeof seen.operation, "%s", result->operation);
            snprintf(seen.worst_at, sizeof seen.worst_at, "%s", result->worst_at);
            seen.non_finite = result->non_finite;
        }
        seen.same_node = seen.same_node && !strcmp(seen.isolated_node, result->node_name);
        break;
    case SIMBA_PARITY_ACCUMULATED:
        seen.accumulated++;
        break;
    case SIMBA_PARITY_STEPS:
        seen.steps++;
        break;
    default:
        seen.repeated++;
    }
}

static void progress(void *user, double done, const char *what) {
    (void)user;
    assert_true(what && what[0] && done >= seen.last_progress && done <= 1);
    seen.last_progress = done;
}

static struct simba_parity_summary compare(struct fault with, int steps, bool stop) {
    struct simba_error error;
    struct simba_parity_summary summary = {0};
    struct sb_parity_report report = {note, NULL, &summary};
    struct sb_device *device, *reference;
    struct sb_backend faulty = sb_backend_cpu;
    faulty.program_run_node = run_node;
    faulty.program_submit = submit;
    struct sb_json_document *document = sb_json_read_text("model", model, &error);
    struct sb_model_config config;
    assert_true(document && sb_model_config_read(sb_json_root(document), &config, &error));
    sb_json_destroy(document);
    const struct sb_device_parameters parameters = {.choice = "cpu"};
    assert_true(sb_device_open(&parameters, &device, &error));
    assert_true(sb_device_open(&parameters, &reference, &error));
    device->backend = &faulty;
    fault = with;
    memset(&seen, 0, sizeof seen);
    seen.same_node = true;
    assert_true(sb_parity_compare(&(struct sb_parity_compare_parameters){.device = device,
                                                                         .reference = reference,
                                                                         .config = &config,
                                                                         .name = "model",
                                                                         .seed = 3,
                                                                         .training = true,
                                                                         .steps = steps,
                                                                         .stop_after_failure = stop,
                                                                         .progress = progress},
                                  &report, &error));
    sb_device_close(device);
    sb_device_close(reference);
    assert_int_equal(summary.failed, seen.isolated + seen.accumulated + seen.steps + seen.repeated);
    return summary;
}

/* ---- tests */

static void agrees_without_fault(void **state) {
    (void)state;
    const struct simba_parity_summary summary = compare((struct fault){0}, 2, false);
    assert_int_equal(summary.failed, 0);
    assert_true(summary.worst == 0 && summary.tensors > 400);
    assert_true(seen.last_progress > 0.999);
}

/* Forward, backward, and the optimiser: the node alone is blamed, and what follows of it is told apart. */
static void blames_the_node(void **state) {
    (void)state;
    static const struct {
        const char *node, *operation;
        bool has_consequences;
    } targets[] = {{"patch_embed1.conv.0", "conv2d", true},
                   {"block1.0.attn.mamba.scan", "selective_scan", true},
                   {"block2.0.mlp.layer_1", "linear", true},
                   {"backward/block2.0.attn.mamba.scan.gradient", "selective_scan_gradient", true},
                   {"backward/patch_embed1.conv.0.weight", "conv2d_weight_gradient", true},
                   {"optimiser.decay0", "adamw", false}};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        for (int kind = ALL; kind <= NOT_A_NUMBER; kind++) {
            compare((struct fault){.kind = (enum kind)kind, .node = targets[i].node, .operation = targets[i].operation},
                    0, false);
            if (!seen.isolated || !seen.same_node) print_message("%s, kind %d\n", targets[i].node, kind);
            assert_true(seen.isolated >= 1 && seen.same_node);
            assert_string_equal(seen.isolated_node, targets[i].node);
            assert_string_equal(seen.operation, targets[i].operation);
            if (kind == ONE) continue; /* one element of many may be lost among what follows */
            assert_string_equal(seen.first[SIMBA_PARITY_ACCUMULATED], targets[i].node);
            if (targets[i].has_consequences) assert_true(seen.accumulated > seen.isolated);
            assert_int_equal(seen.non_finite, kind == NOT_A_NUMBER);
        }
}

static void says_where(void **state) {
    (void)state;
    compare((struct fault){.kind = NOT_A_NUMBER, .node = "block1.0.attn.mamba.scan", .operation = "selective_scan"}, 0,
            false);
    assert_string_equal(seen.worst_at, "[1, 0, 0]"); /* the middle of two images */
}

static void stops_when_told(void **state) {
    (void)state;
    const struct simba_parity_summary summary =
        compare((struct fault){.kind = ALL, .node = "patch_embed1.conv.0", .operation = "conv2d"}, 2, true);
    assert_true(summary.tensors < 20 && seen.isolated == 1 && seen.accumulated == 1 && !seen.steps);
}

/* What only goes wrong in recorded work: no node is to blame, the steps are. */
static void finds_faults_of_steps(void **state) {
    (void)state;
    struct fault missing = {.kind = ALL, .node = "head", .operation = "linear", .factor = 1.5f, .only_submitted = true};
    compare(missing, 3, false);
    assert_int_equal(seen.isolated + seen.accumulated, 0);
    assert_string_equal(seen.first[SIMBA_PARITY_STEPS], "loss");
    assert_int_equal(seen.repeated, 0);
    missing.node = "optimiser.decay0", missing.operation = "adamw", missing.factor = 0;
    compare(missing, 1, false);
    assert_int_equal(seen.isolated + seen.accumulated, 0);
    assert_string_equal(seen.first[SIMBA_PARITY_STEPS], "update");
    /* A weight that is never updated, which does not show among all of them. */
    compare((struct fault){.kind = STALE, .node = "optimiser.decay0", .only_submitted = true}, 1, false);
    assert_int_equal(seen.isolated + seen.accumulated, 0);
    assert_string_equal(seen.first[SIMBA_PARITY_STEPS], "update of one parameter");
    /* The second run differs from the first. */
    missing.except_submits = 1;
    compare(missing, 1, false);
    assert_int_equal(seen.isolated + seen.accumulated + seen.steps, 0);
    assert_string_equal(seen.first[SIMBA_PARITY_REPEATED], "weights");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_without_fault), cmocka_unit_test(blames_the_node),
                                       cmocka_unit_test(says_where), cmocka_unit_test(stops_when_told),
                                       cmocka_unit_test(finds_faults_of_steps)};
    return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
