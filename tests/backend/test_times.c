/* Times of nodes, which every backend has to give in the same way: those of the last submit of the slot, and nothing of
 * the phases that it left out. On the device that the environment wishes for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "device.h"
#include "ops/ops.h"

#define CHECK(call)                                            \
    do {                                                       \
        error.message[0] = '\0';                               \
        if (!(call)) fail_msg("%s: %s", #call, error.message); \
    } while (0)

enum { COMPUTE = 1 << SB_PHASE_COMPUTE, UPDATE = 1 << SB_PHASE_UPDATE };

static struct sb_device *device;
static struct simba_error error;

/* A product in each of the phases COMPUTE and UPDATE. */
struct example {
    struct sb_graph graph;
    struct sb_plan plan;
    struct sb_program *program;
    int compute, update; /* nodes */
};

static void make(struct example *example, bool profile) {
    struct sb_graph *graph = &example->graph;
    const int64_t shape[2] = {64, 64};
    sb_graph_init(graph, false);
    struct sb_tensor *x = sb_input(graph, "x", SB_FLOAT32, 2, shape);
    struct sb_tensor *y = sb_op_multiply(graph, "y", x, x, NULL);
    graph->phase = SB_PHASE_UPDATE;
    struct sb_tensor *z = sb_op_multiply(graph, "z", y, y, NULL);
    sb_mark_output(z);
    CHECK(sb_graph_ok(graph, &error));
    example->compute = y->producer->index;
    example->update = z->producer->index;
    CHECK(sb_plan_memory(graph, (struct sb_plan_parameters){0}, &example->plan, &error));
    const struct sb_program_parameters parameters = {
        .graph = graph, .plan = &example->plan, .profile = profile, .name = "example"};
    CHECK(sb_program_create(device, &parameters, &example->program, &error));
}

static void finish(struct example *example) {
    sb_program_destroy(example->program);
    sb_graph_finish(&example->graph);
}

static void check_times(const struct example *example, int slot, unsigned phases) {
    double seconds[8] = {0};
    assert_true(example->graph.node_count <= 8);
    CHECK(sb_program_times(example->program, slot, seconds, &error));
    assert_int_equal(seconds[example->compute] > 0, !!(phases & COMPUTE));
    assert_int_equal(seconds[example->update] > 0, !!(phases & UPDATE));
}

static void test_phases(void **state) {
    (void)state;
    static const unsigned submits[] = {COMPUTE | UPDATE, COMPUTE, UPDATE, COMPUTE | UPDATE};
    struct example example;
    double seconds[8];
    make(&example, true);
    if (!sb_program_times(example.program, 0, seconds, &error)) {
        assert_int_equal(error.code, SIMBA_ERROR_UNSUPPORTED); /* a device without a clock */
        finish(&example);
        skip();
    }
    check_times(&example, 0, 0); /* nothing has run */
    for (size_t i = 0; i < sizeof submits / sizeof *submits; i++) {
        CHECK(sb_program_submit(example.program, 0, submits[i], &error));
        check_times(&example, 0, submits[i]);
    }
    /* The other slot has times of its own, and looking at a node changes none. */
    CHECK(sb_program_submit(example.program, 1, COMPUTE, &error));
    CHECK(sb_program_wait(example.program, 1, &error));
    CHECK(sb_program_run_node(example.program, 1, example.update, &error));
    check_times(&example, 1, COMPUTE);
    check_times(&example, 0, COMPUTE | UPDATE);
    finish(&example);
}

static void test_unasked(void **state) {
    (void)state;
    struct example example;
    double seconds[8];
    make(&example, false);
    CHECK(sb_program_submit(example.program, 0, COMPUTE, &error));
    assert_false(sb_program_times(example.program, 0, seconds, &error));
    assert_int_equal(error.code, SIMBA_ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "no times of its nodes"));
    finish(&example);
}

int main(void) {
    const struct sb_device_parameters parameters = wished_device();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_phases), cmocka_unit_test(test_unasked)};
    device = open_device(&parameters);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + close_device(device);
}
