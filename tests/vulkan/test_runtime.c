/* The runtime end to end on three simple operations: memory, phases, slots, staging, inspection, time stamps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "backend/vulkan/runtime.h"
#include "check.h"
#include "ops/ops.h"

/* As wished for, but with these tiers off. */
static struct sb_device *open_without(const char *disable) {
    struct sb_device_parameters parameters = wished_device();
    parameters.no_cache = true;
    if (disable) parameters.disable = disable;
    return open_device(&parameters);
}

/* y = (x + 2 x) with x an input; the parameter p grows by y in UPDATE, and an output shows it. */
struct example {
    struct sb_graph graph;
    struct sb_plan plan;
    struct sb_tensor *x, *y, *z, *shown;
    struct sb_memory *parameters;
    struct sb_program *program;
};

static void make(struct example *example, bool profile) {
    memset(example, 0, sizeof *example);
    struct sb_graph *graph = &example->graph;
    sb_graph_init(graph, false);
    const int64_t shape[2] = {7, 10}, part_shape[2] = {7, 4};
    example->x = sb_input(graph, "x", SB_FLOAT32, 2, shape);
    example->y = sb_op_add(graph, "y", example->x, example->x, 2, NULL);
    /* Columns 3 to 6 of y are overwritten by a fill through a pitched view of a copy. */
    example->z = sb_op_copy(graph, "z", example->y, NULL);
    sb_op_fill(graph, "middle", sb_view_columns(graph, example->z, 3, 4), -1);
    sb_mark_output(example->z);
    struct sb_tensor *p = sb_shared(graph, "p", SB_SPACE_PARAMETER, 256, 2, part_shape, false);
    graph->phase = SB_PHASE_UPDATE;
    sb_op_add(graph, "update", p, sb_view_columns(graph, example->y, 1, 4), 1, p);
    example->shown = sb_op_copy(graph, "shown", p, NULL);
    sb_mark_output(example->shown);
    CHECK(sb_graph_ok(graph, &error));
    CHECK(sb_plan_memory(graph, (struct sb_plan_parameters){.keep_all = true}, &example->plan, &error));
    CHECK(sb_backend_vulkan.memory_create(device, 4096, "parameters", &example->parameters, &error));
    const struct sb_program_parameters parameters = {.graph = graph,
                                                     .plan = &example->plan,
                                                     .spaces = {[SB_SPACE_PARAMETER] = example->parameters},
                                                     .profile = profile,
                                                     .profile_dispatches = profile,
                                                     .name = "example"};
    CHECK(sb_backend_vulkan.program_create(device, &parameters, &example->program, &error));
}

static void finish(struct example *example) {
    sb_backend_vulkan.program_destroy(example->program);
    sb_backend_vulkan.memory_destroy(example->parameters);
    sb_graph_finish(&example->graph);
}

static void fill_input(struct example *example, int slot, float base) {
    float *x = sb_backend_vulkan.program_host(example->program, slot, example->x);
    for (int i = 0; i < 70; i++) x[i] = base + (float)i;
}

static void check_output(struct example *example, int slot, float base) {
    const float *z = sb_backend_vulkan.program_host(example->program, slot, example->z);
    for (int i = 0; i < 70; i++) {
        const bool middle = i % 10 >= 3 && i % 10 < 7;
        assert_float_equal(z[i], middle ? -1 : 3 * (base + (float)i), 0);
    }
}

static void test_memory(void **state) {
    (void)state;
    struct sb_memory *memory = NULL;
    CHECK(sb_backend_vulkan.memory_create(device, 1 << 20, "test", &memory, &error));
    uint8_t bytes[64];
    CHECK(sb_backend_vulkan.memory_read(memory, 1000, bytes, sizeof bytes, &error));
    for (size_t i = 0; i < sizeof bytes; i++) assert_int_equal(bytes[i], 0);
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 7);
    CHECK(sb_backend_vulkan.memory_write(memory, (1 << 20) - 64, bytes, sizeof bytes, &error));
    uint8_t back[64];
    CHECK(sb_backend_vulkan.memory_read(memory, (1 << 20) - 64, back, sizeof back, &error));
    assert_memory_equal(bytes, back, sizeof back);
    assert_false(sb_backend_vulkan.memory_write(memory, (1 << 20) - 63, bytes, sizeof bytes, &error));
    sb_backend_vulkan.memory_destroy(memory);
}

static void test_slots_and_phases(void **state) {
    (void)state;
    struct example example;
    make(&example, false);
    const unsigned both = 1u << SB_PHASE_COMPUTE | 1u << SB_PHASE_UPDATE;
    for (int step = 0; step < 6; step++) {
        const int slot = step % SB_SLOTS;
        CHECK(sb_backend_vulkan.program_wait(example.program, slot, &error));
        if (step >= SB_SLOTS) check_output(&example, slot, (float)(100 * (step - SB_SLOTS)));
        fill_input(&example, slot, (float)(100 * step));
        CHECK(sb_backend_vulkan.program_submit(example.program, slot, both, &error));
    }
    CHECK(sb_backend_vulkan.program_wait(example.program, 0, &error));
    CHECK(sb_backend_vulkan.program_wait(example.program, 1, &error));
    check_output(&example, 1, 500);
    /* The parameter is the sum over six steps of 3 x. */
    const float *shown = sb_backend_vulkan.program_host(example.program, 1, example.shown);
    float parameter[28];
    CHECK(sb_backend_vulkan.memory_read(example.parameters, 256, parameter, sizeof parameter, &error));
    for (int row = 0; row < 7; row++)
        for (int column = 0; column < 4; column++) {
            const float expected = 3 * (float)(1500 + 6 * (row * 10 + column + 1));
            assert_float_equal(shown[row * 4 + column], expected, 0);
            assert_float_equal(parameter[row * 4 + column], expected, 0);
        }
    /* Only COMPUTE: the parameter stays. */
    fill_input(&example, 0, 9);
    CHECK(sb_backend_vulkan.program_submit(example.program, 0, 1u << SB_PHASE_COMPUTE, &error));
    CHECK(sb_backend_vulkan.program_wait(example.program, 0, &error));
    check_output(&example, 0, 9);
    float again[28];
    CHECK(sb_backend_vulkan.memory_read(example.parameters, 256, again, sizeof again, &error));
    assert_memory_equal(parameter, again, sizeof again);
    finish(&example);
}

static void test_inspection(void **state) {
    (void)state;
    struct example example;
    make(&example, false);
    float x[70], y[70];
    for (int i = 0; i < 70; i++) x[i] = (float)(i * i);
    CHECK(sb_backend_vulkan.program_write(example.program, example.x, x, &error));
    CHECK(sb_backend_vulkan.program_run_node(example.program, 0, example.y->producer->index, &error));
    CHECK(sb_backend_vulkan.program_read(example.program, example.y, y, &error));
    for (int i = 0; i < 70; i++) assert_float_equal(y[i], 3 * x[i], 0);
    /* Writing a pitched view leaves the columns beside it alone. */
    struct sb_tensor *view = sb_view_columns(&example.graph, example.y, 2, 5);
    float columns[35];
    for (int i = 0; i < 35; i++) columns[i] = -(float)i;
    CHECK(sb_backend_vulkan.program_write(example.program, view, columns, &error));
    float back[35];
    CHECK(sb_backend_vulkan.program_read(example.program, view, back, &error));
    assert_memory_equal(columns, back, sizeof back);
    CHECK(sb_backend_vulkan.program_read(example.program, example.y, y, &error));
    for (int i = 0; i < 70; i++) {
        const int column = i % 10;
        assert_float_equal(y[i], column >= 2 && column < 7 ? columns[i / 10 * 5 + column - 2] : 3 * x[i], 0);
    }
    finish(&example);
}

struct account {
    int count, timed;
    double seconds;
    char kernel[64], constants[128];
};

static void visit(void *user, const struct sb_dispatch *dispatch) {
    struct account *account = user;
    account->count++;
    snprintf(account->kernel, sizeof account->kernel, "%s", dispatch->kernel);
    snprintf(account->constants, sizeof account->constants, "%s", dispatch->constants);
    if (isnan(dispatch->seconds)) return;
    account->timed++;
    account->seconds += dispatch->seconds;
}

static void test_profile(void **state) {
    (void)state;
    if (!((struct vk_device *)device)->capabilities.timestamp_bits) skip();
    struct example example;
    make(&example, true);
    double seconds[16];
    fill_input(&example, 1, 0);
    CHECK(sb_backend_vulkan.program_submit(example.program, 1, 1u << SB_PHASE_COMPUTE, &error));
    CHECK(sb_backend_vulkan.program_wait(example.program, 1, &error));
    CHECK(sb_backend_vulkan.program_times(example.program, 1, seconds, &error));
    check_output(&example, 1, 0);
    for (int i = 0; i < example.graph.node_count; i++) {
        const bool ran = example.graph.nodes[i]->phase == SB_PHASE_COMPUTE;
        assert_true(seconds[i] >= 0 && seconds[i] < 10);
        if (!ran) assert_true(seconds[i] == 0);
        struct account account = {0};
        CHECK(sb_backend_vulkan.program_dispatches(example.program, 1, i, visit, &account, &error));
        assert_true(account.count >= 1);
        assert_int_equal(account.timed, ran ? account.count : 0);
        assert_true(account.seconds <= seconds[i]);
        assert_true(!ran || account.seconds > 0);
        if (example.graph.nodes[i]->op == SB_OP_FILL) assert_string_equal(account.kernel, "elementwise_rows");
        assert_non_null(strstr(account.constants, "WORKGROUP="));
    }
    finish(&example);
}

static void test_many_programs(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct example example;
        make(&example, i % 2);
        fill_input(&example, 0, (float)i);
        CHECK(sb_backend_vulkan.program_submit(example.program, 0, 1u << SB_PHASE_COMPUTE, &error));
        if (i % 3) {
            CHECK(sb_backend_vulkan.program_wait(example.program, 0, &error));
            check_output(&example, 0, (float)i);
        }
        finish(&example); /* also while it runs */
    }
}

static void test_two_devices(void **state) {
    (void)state;
    struct sb_device *first = device, *second = open_without("subgroup,int64");
    struct example one, two;
    make(&one, false);
    device = second;
    make(&two, false);
    for (int i = 0; i < 3; i++) {
        fill_input(&one, 0, 1);
        fill_input(&two, 0, 2);
        CHECK(sb_backend_vulkan.program_submit(one.program, 0, 1u << SB_PHASE_COMPUTE, &error));
        CHECK(sb_backend_vulkan.program_submit(two.program, 0, 1u << SB_PHASE_COMPUTE, &error));
        CHECK(sb_backend_vulkan.program_wait(two.program, 0, &error));
        CHECK(sb_backend_vulkan.program_wait(one.program, 0, &error));
        check_output(&one, 0, 1);
        check_output(&two, 0, 2);
    }
    finish(&two);
    assert_int_equal(sb_backend_vulkan.validation_messages(second), 0);
    sb_backend_vulkan.close(second);
    device = first;
    fill_input(&one, 1, 3);
    CHECK(sb_backend_vulkan.program_submit(one.program, 1, 1u << SB_PHASE_COMPUTE, &error));
    CHECK(sb_backend_vulkan.program_wait(one.program, 1, &error));
    check_output(&one, 1, 3);
    finish(&one);
}

static void test_unknown_feature(void **state) {
    (void)state;
    struct sb_device *opened = NULL;
    const struct sb_device_parameters parameters = {.disable = "int64,subgruop", .no_cache = true};
    assert_false(sb_backend_vulkan.open(&parameters, &device->description, &opened, &error));
    assert_int_equal(error.code, SIMBA_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "subgruop"));
}

/* Memory that the host cannot map: every transfer goes through the staging memory, in several pieces. */
static void test_staged_transfers(void **state) {
    (void)state;
    struct sb_device *staged = open_without("unified"), *first = device;
    const size_t size = (40 << 20) + 12;
    uint8_t *bytes = malloc(size), *back = calloc(1, size);
    assert_non_null(bytes);
    assert_non_null(back);
    for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    struct sb_memory *memory = NULL;
    CHECK(sb_backend_vulkan.memory_create(staged, size + 64, "staged", &memory, &error));
    CHECK(sb_backend_vulkan.memory_write(memory, 8, bytes, size, &error));
    CHECK(sb_backend_vulkan.memory_read(memory, 8, back, size, &error));
    assert_memory_equal(bytes, back, size);
    CHECK(sb_backend_vulkan.memory_read(memory, 0, back, 8, &error));
    for (int i = 0; i < 8; i++) assert_int_equal(back[i], 0);
    sb_backend_vulkan.memory_destroy(memory);
    free(bytes);
    free(back);
    device = staged;
    struct example example;
    make(&example, false);
    fill_input(&example, 0, 5);
    CHECK(sb_backend_vulkan.program_submit(example.program, 0, 1u << SB_PHASE_COMPUTE, &error));
    CHECK(sb_backend_vulkan.program_wait(example.program, 0, &error));
    check_output(&example, 0, 5);
    finish(&example);
    device = first;
    assert_int_equal(sb_backend_vulkan.validation_messages(staged), 0);
    sb_backend_vulkan.close(staged);
}

static void test_without_time_stamps(void **state) {
    (void)state;
    struct sb_device *plain = open_without("timestamps"), *first = device;
    device = plain;
    struct example example;
    make(&example, true);
    double seconds[16];
    fill_input(&example, 0, 5);
    CHECK(sb_backend_vulkan.program_submit(example.program, 0, 1u << SB_PHASE_COMPUTE, &error));
    CHECK(sb_backend_vulkan.program_wait(example.program, 0, &error));
    check_output(&example, 0, 5);
    assert_false(sb_backend_vulkan.program_times(example.program, 0, seconds, &error));
    assert_int_equal(error.code, SIMBA_ERROR_UNSUPPORTED);
    /* What was run is known nevertheless. */
    struct account account = {0};
    CHECK(sb_backend_vulkan.program_dispatches(example.program, 0, 0, visit, &account, &error));
    assert_true(account.count >= 1);
    assert_int_equal(account.timed, 0);
    finish(&example);
    device = first;
    sb_backend_vulkan.close(plain);
}

/* A device that is too small says how much is needed and which setting lowers it. */
static void test_too_much_memory(void **state) {
    (void)state;
    if (wished_device().validate) skip(); /* asking for too much is itself a message */
    struct sb_memory *memory = NULL;
    assert_false(sb_backend_vulkan.memory_create(device, (size_t)1 << 46, "the parameters", &memory, &error));
    assert_int_equal(error.code, SIMBA_ERROR_MEMORY);
    assert_non_null(strstr(error.message, "67108864.0 MiB"));
    assert_non_null(strstr(error.message, "the parameters"));
    assert_non_null(strstr(error.message, "train.batch_size"));
    assert_null(memory);
}

int main(void) {
    device = open_without(NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_slots_and_phases),
        cmocka_unit_test(test_inspection),
        cmocka_unit_test(test_profile),
        cmocka_unit_test(test_many_programs),
        cmocka_unit_test(test_two_devices),
        cmocka_unit_test(test_unknown_feature),
        cmocka_unit_test(test_staged_transfers),
        cmocka_unit_test(test_without_time_stamps),
        cmocka_unit_test(test_too_much_memory),
    };
    const int failed = cmocka_run_group_tests_name("runtime", tests, NULL, NULL);
    return close_device(device) + failed ? 1 : 0;
}
