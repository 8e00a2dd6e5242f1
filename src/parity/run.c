/* One graph of a golden case: its inputs, what is expected, the run on the device, the comparison. */
#include "graph/differentiate.h"
#include "ops/ops.h"
#include "parity/golden.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct golden_expectation {
    const char *name;
    struct sb_tensor *tensor;             /* of the graph, or NULL: */
    const struct sb_parameter *parameter; /* of this space */
    enum sb_space space;
    const float *expected;
    int64_t count;
    double tolerance; /* 0: the usual one */
    const char *reason;
    bool gradient;
};

/* ---- numbers of the file */

float *golden_read(struct golden_case *golden, const char *name, enum golden_layout layout, int *rank, int64_t *shape) {
    const struct sb_safetensor *tensor = sb_safetensors_find(golden->file, name);
    if (!tensor) {
        sb_fail(golden->error, SIMBA_ERROR_FORMAT, "%s: a case of this kind needs the tensor \"%s\", which is missing.",
                golden->path, name);
        return NULL;
    }
    if (tensor->rank > SB_MAX_RANK || (layout == GOLDEN_CHANNELS_FIRST && tensor->rank < 3)) {
        sb_fail(golden->error, SIMBA_ERROR_FORMAT, "%s: tensor \"%s\" cannot have %d axes.", golden->path, name,
                tensor->rank);
        return NULL;
    }
    size_t bytes = (size_t)tensor->elements * sizeof(float);
    float *numbers = sb_pool_allocate(&golden->pool, bytes, golden->error);
    if (!numbers || !sb_safetensors_read_floats(golden->file, tensor, numbers, golden->error)) return NULL;
    int axes = tensor->rank ? tensor->rank : 1;
    if (rank) *rank = axes;
    int64_t ours[SB_MAX_RANK] = {1};
    for (int i = 0; i < tensor->rank; i++) ours[i] = tensor->shape[i];
    if (layout == GOLDEN_CHANNELS_FIRST) {
        int64_t batch = ours[0], channels = ours[1], positions = tensor->elements / (batch * channels);
        float *turned = sb_pool_allocate(&golden->pool, bytes, golden->error);
        if (!turned) return NULL;
        for (int64_t b = 0; b < batch; b++)
            for (int64_t c = 0; c < channels; c++)
                for (int64_t p = 0; p < positions; p++)
                    turned[(b * positions + p) * channels + c] = numbers[(b * channels + c) * positions + p];
        numbers = turned;
        for (int i = 1; i + 1 < axes; i++) ours[i] = ours[i + 1];
        ours[axes - 1] = channels;
    }
    if (shape) memcpy(shape, ours, (size_t)axes * sizeof *shape);
    return numbers;
}

bool golden_has(const struct golden_case *golden, const char *format, ...) {
    char name[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    return sb_safetensors_find(golden->file, name);
}

void golden_number(const char *note, const char *key, double *value) {
    size_t length = strlen(key);
    for (const char *at = note; at && (at = strstr(at, key)); at += length) {
        bool word = at == note || strchr(" ,(", at[-1]);
        const char *number = at + length + strspn(at + length, " =(");
        char *end;
        double read = strtod(number, &end);
        if (!word || end == number) continue;
        *value = read;
        return;
    }
}

/* ---- the graph */

void golden_run_init(struct golden_run *run, struct golden_case *golden, bool training) {
    memset(run, 0, sizeof *run);
    run->golden = golden;
    sb_graph_init(&run->graph, training);
}

void golden_run_finish(struct golden_run *run) {
    sb_program_destroy(run->program);
    for (int i = 0; i < SB_SPACE_COUNT; i++)
        if (!run->borrowed[i]) sb_memory_destroy(run->spaces[i]);
    sb_graph_finish(&run->graph);
    sb_parameter_list_finish(&run->list);
    free(run->expectations);
}

bool golden_parameters(struct golden_run *run, const char *prefix) {
    struct golden_case *golden = run->golden;
    for (int i = 0; i < golden->file->count; i++) {
        const struct sb_safetensor *tensor = &golden->file->tensors[i];
        if (strncmp(tensor->name, prefix, strlen(prefix)) != 0 || tensor->rank > SB_MAX_RANK) continue;
        if (!sb_parameter_list_add(&run->list, tensor->name + strlen(prefix), tensor->rank, tensor->shape,
                                   golden->error))
            return false;
    }
    sb_parameter_list_place(&run->list);
    run->space = sb_pool_allocate(&golden->pool, run->list.total_bytes + 1, golden->error);
    if (!run->space) return false;
    for (int i = 0; i < run->list.count; i++) {
        const struct sb_parameter *parameter = &run->list.entries[i];
        char name[256];
        snprintf(name, sizeof name, "%s%s", prefix, parameter->name);
        const struct sb_safetensor *tensor = sb_safetensors_find(golden->file, name);
        float *place = run->space + parameter->offset / (int64_t)sizeof(float);
        if (!sb_safetensors_read_floats(golden->file, tensor, place, golden->error)) return false;
    }
    return true;
}

static void bind(struct golden_run *run, struct golden_binding binding) {
    if (run->input_count == GOLDEN_BINDINGS)
        sb_graph_fail(&run->graph, "A golden case has more than %d inputs.", GOLDEN_BINDINGS);
    else if (binding.tensor)
        run->inputs[run->input_count++] = binding;
}

void golden_bind(struct golden_run *run, const char *name, struct sb_tensor *tensor, const void *bytes) {
    bind(run, (struct golden_binding){name, tensor, GOLDEN_SAME, bytes});
}

/* "in/x" -> "x": "in/" is the file's word for it. */
static const char *input_name(const char *name) {
    return strncmp(name, "in/", 3) == 0 ? name + 3 : name;
}

struct sb_tensor *golden_input(struct golden_run *run, const char *name, enum golden_layout layout) {
    struct golden_case *golden = run->golden;
    if (run->graph.failed || !golden_has(golden, "%s", name)) return NULL;
    int rank;
    int64_t shape[SB_MAX_RANK];
    const float *numbers = golden_read(golden, name, layout, &rank, shape);
    if (!numbers) {
        sb_graph_fail(&run->graph, "%s", golden->error ? golden->error->message : "A golden input cannot be read.");
        return NULL;
    }
    struct sb_tensor *tensor = sb_input(&run->graph, input_name(name), SB_FLOAT32, rank, shape);
    if (run->graph.training && (golden_has(golden, "grad/%s", name) || golden_has(golden, "train/grad/%s", name)))
        sb_require_gradient(tensor);
    bind(run, (struct golden_binding){name, tensor, layout, numbers});
    return tensor;
}

struct sb_tensor *golden_int_input(struct golden_run *run, const char *name) {
    struct golden_case *golden = run->golden;
    int rank;
    int64_t shape[SB_MAX_RANK];
    const float *numbers = golden_read(golden, name, GOLDEN_SAME, &rank, shape);
    if (!numbers || rank != 1) {
        sb_graph_fail(&run->graph, "The case needs whole numbers \"%s\" along one axis.", name);
        return NULL;
    }
    int32_t *integers = sb_pool_allocate(&golden->pool, (size_t)shape[0] * sizeof *integers, golden->error);
    if (!integers) return NULL;
    for (int64_t i = 0; i < shape[0]; i++) integers[i] = (int32_t)numbers[i];
    struct sb_tensor *tensor = sb_input(&run->graph, input_name(name), SB_INT32, 1, shape);
    golden_bind(run, name, tensor, integers);
    return tensor;
}

void golden_result(struct golden_run *run, const char *name, struct sb_tensor *tensor, enum golden_layout layout) {
    if (run->result_count < GOLDEN_BINDINGS && tensor)
        run->results[run->result_count++] = (struct golden_binding){name, tensor, layout, NULL};
}

/* ---- expectations */

static bool expect(struct golden_run *run, struct golden_expectation expectation) {
    struct golden_case *golden = run->golden;
    if (run->expectation_count == run->expectation_capacity) {
        int capacity = run->expectation_capacity ? 2 * run->expectation_capacity : 64;
        struct golden_expectation *larger = realloc(run->expectations, (size_t)capacity * sizeof *larger);
        if (!larger) return sb_fail(golden->error, SIMBA_ERROR_MEMORY, "No memory left to compare golden numbers.");
        run->expectations = larger;
        run->expectation_capacity = capacity;
    }
    expectation.name = sb_pool_format(&golden->pool, golden->error, "%s", expectation.name);
    if (!expectation.name) return false;
    expectation.gradient = strstr(expectation.name, "grad/");
    run->expectations[run->expectation_count++] = expectation;
    return true;
}

bool golden_expect_tensor(struct golden_run *run, const char *name, struct sb_tensor *tensor, const float *expected,
                          int64_t count) {
    if (run->graph.failed) return sb_graph_ok(&run->graph, run->golden->error);
    if (!expected || !tensor) return false;
    if (sb_elements(tensor) != count)
        return sb_fail(run->golden->error, SIMBA_ERROR_FORMAT,
                       "%s: \"%s\" has %lld numbers, the result that it is for, \"%s\", has %lld.", run->golden->path,
                       name, (long long)count, tensor->name, (long long)sb_elements(tensor));
    tensor->keep = true;
    if (tensor->base) tensor->base->keep = true;
    return expect(run,
                  (struct golden_expectation){.name = name, .tensor = tensor, .expected = expected, .count = count});
}

bool golden_expect_parameter(struct golden_run *run, const char *name, const struct sb_parameter *parameter,
                             enum sb_space space, const float *expected) {
    if (!expected) return false;
    return expect(
        run,
        (struct golden_expectation){
            .name = name, .parameter = parameter, .space = space, .expected = expected, .count = parameter->elements});
}

void golden_loosen(struct golden_run *run, const char *prefix, double tolerance, const char *reason) {
    for (int i = 0; i < run->expectation_count; i++) {
        struct golden_expectation *expectation = &run->expectations[i];
        if (strncmp(expectation->name, prefix, strlen(prefix)) != 0) continue;
        expectation->tolerance = tolerance;
        expectation->reason = reason;
    }
}

/* An expected tensor of the file against one of ours. */
static bool expect_from_file(struct golden_run *run, const char *name, struct sb_tensor *tensor,
                             enum golden_layout layout, bool rectified) {
    struct golden_case *golden = run->golden;
    float *expected = golden_read(golden, name, layout, NULL, NULL);
    if (!expected || !tensor) return false;
    const struct sb_safetensor *theirs = sb_safetensors_find(golden->file, name);
    if (rectified)
        for (int64_t i = 0; i < theirs->elements; i++) expected[i] = fmaxf(expected[i], 0);
    int64_t count = theirs->elements;
    /* Without token labels only the class token goes on after the class block: ours has no others there. */
    bool first_token = theirs->rank == 3 && tensor->rank == 3 && tensor->shape[1] == 1 && theirs->shape[1] > 1 &&
                       theirs->shape[0] == tensor->shape[0] && theirs->shape[2] == tensor->shape[2];
    if (first_token) {
        int64_t channels = theirs->shape[2], tokens = theirs->shape[1];
        for (int64_t b = 1; b < theirs->shape[0]; b++)
            memmove(expected + b * channels, expected + b * tokens * channels, (size_t)channels * sizeof *expected);
        count = sb_elements(tensor);
    }
    return golden_expect_tensor(run, name, tensor, expected, count);
}

static const struct golden_binding *find_binding(const struct golden_binding *bindings, int count, const char *name) {
    for (int i = 0; i < count; i++)
        if (strcmp(bindings[i].name, name) == 0) return &bindings[i];
    return NULL;
}

/* Our tensor for an intermediate result, NULL when the graph does not make it (fused away). */
static struct sb_tensor *find_module(struct golden_run *run, const char *module, const struct golden_alias *aliases,
                                     int rank, enum golden_layout *layout, bool *rectified) {
    *layout = rank == 4 ? GOLDEN_CHANNELS_FIRST : GOLDEN_SAME;
    *rectified = false;
    for (const struct golden_alias *alias = aliases; alias && alias->theirs[0]; alias++) {
        if (strcmp(alias->theirs, module) != 0) continue;
        struct sb_tensor *tensor = sb_find_tensor(&run->graph, alias->ours);
        if (!tensor) return NULL;
        if (alias->layout == GOLDEN_CHANNELS_FIRST) *layout = GOLDEN_CHANNELS_FIRST;
        *rectified = alias->rectified;
        if (alias->take == GOLDEN_PRODUCER_INPUT) return tensor->producer->inputs[alias->index];
        if (alias->take == GOLDEN_PRODUCER_OUTPUT) return tensor->producer->outputs[alias->index];
        return tensor;
    }
    struct sb_tensor *tensor = sb_find_tensor(&run->graph, module);
    return tensor && tensor->dtype == SB_FLOAT32 ? tensor : NULL;
}

/* One tensor of the file whose name, without the prefix, is `rest`. */
static bool expect_one(struct golden_run *run, const struct sb_safetensor *theirs, const char *rest,
                       const struct golden_alias *aliases) {
    struct golden_case *golden = run->golden;
    enum golden_layout layout;
    bool rectified;
    const struct golden_binding *result = find_binding(run->results, run->result_count, rest);
    if (result) return expect_from_file(run, theirs->name, result->tensor, result->layout, false);
    if (strncmp(rest, "mid/", 4) == 0) {
        struct sb_tensor *tensor = find_module(run, rest + 4, aliases, theirs->rank, &layout, &rectified);
        return !tensor || expect_from_file(run, theirs->name, tensor, layout, rectified);
    }
    if (strncmp(rest, "grad/mid/", 9) == 0) {
        struct sb_tensor *tensor = find_module(run, rest + 9, aliases, theirs->rank, &layout, &rectified);
        if (!tensor || rectified) return true;
        tensor = sb_gradient_of(&run->graph, tensor);
        return tensor
                   ? expect_from_file(run, theirs->name, tensor, layout, false)
                   : sb_fail(golden->error, SIMBA_ERROR_INTERNAL, "%s: the graph has no \"%s\".", golden->path, rest);
    }
    if (strncmp(rest, "grad/in/", 8) == 0) {
        const struct golden_binding *input = find_binding(run->inputs, run->input_count, rest + 5);
        struct sb_tensor *tensor = input ? sb_gradient_of(&run->graph, input->tensor) : NULL;
        return tensor
                   ? expect_from_file(run, theirs->name, tensor, input->layout, false)
                   : sb_fail(golden->error, SIMBA_ERROR_INTERNAL, "%s: the graph has no \"%s\".", golden->path, rest);
    }
    bool gradient = strncmp(rest, "grad/param/", 11) == 0, after = strncmp(rest, "after/", 6) == 0;
    if (!gradient && !after) return true;
    const struct sb_parameter *parameter = sb_parameter_find(&run->list, rest + (gradient ? 11 : 6));
    if (!parameter || parameter->elements != theirs->elements)
        return sb_fail(golden->error, SIMBA_ERROR_FORMAT, "%s: \"%s\" is for no parameter of the model.", golden->path,
                       theirs->name);
    const float *expected = golden_read(golden, theirs->name, GOLDEN_SAME, NULL, NULL);
    return golden_expect_parameter(run, theirs->name, parameter, gradient ? SB_SPACE_GRADIENT : SB_SPACE_PARAMETER,
                                   expected);
}

bool golden_expect_all(struct golden_run *run, const char *prefix, const struct golden_alias *aliases) {
    if (!sb_graph_ok(&run->graph, run->golden->error)) return false;
    size_t length = strlen(prefix);
    for (int i = 0; i < run->golden->file->count; i++) {
        const struct sb_safetensor *tensor = &run->golden->file->tensors[i];
        if (strncmp(tensor->name, prefix, length) == 0 && !expect_one(run, tensor, tensor->name + length, aliases))
            return false;
    }
    return true;
}

/* ---- running */

static bool make_spaces(struct golden_run *run) {
    static const char *const names[SB_SPACE_COUNT] = {NULL, "parameters", "gradients", NULL, "moment1", "moment2"};
    for (int i = 0; i < run->graph.tensor_count; i++) {
        enum sb_space space = run->graph.tensors[i]->space;
        if (space == SB_SPACE_ACTIVATION || run->spaces[space]) continue;
        size_t bytes = space == SB_SPACE_PARAMETER ? run->list.total_bytes : run->list.trainable_bytes;
        if (!sb_memory_create(run->golden->device, bytes, names[space], &run->spaces[space], run->golden->error))
            return false;
    }
    struct sb_memory *memory = run->spaces[SB_SPACE_PARAMETER];
    return !memory || run->borrowed[SB_SPACE_PARAMETER] ||
           sb_memory_write(memory, 0, run->space, run->list.total_bytes, run->golden->error);
}

bool golden_prepare(struct golden_run *run) {
    struct simba_error *error = run->golden->error;
    if (!sb_graph_ok(&run->graph, error)) return false;
    if (!sb_plan_memory(&run->graph, (struct sb_plan_parameters){0}, &run->plan, error)) return false;
    if (!make_spaces(run)) return false;
    struct sb_program_parameters parameters = {.graph = &run->graph, .plan = &run->plan, .name = run->golden->name};
    memcpy(parameters.spaces, run->spaces, sizeof run->spaces);
    if (!sb_program_create(run->golden->device, &parameters, &run->program, error)) return false;
    for (int i = 0; i < run->input_count; i++) {
        const struct golden_binding *input = &run->inputs[i];
        size_t bytes = (size_t)sb_elements(input->tensor) * sb_dtype_size(input->tensor->dtype);
        memcpy(sb_program_host(run->program, 0, input->tensor), input->bytes, bytes);
    }
    return true;
}

bool golden_submit(struct golden_run *run, unsigned phases) {
    return sb_program_submit(run->program, 0, phases, run->golden->error) &&
           sb_program_wait(run->program, 0, run->golden->error);
}

bool golden_execute(struct golden_run *run) {
    return golden_prepare(run) && golden_submit(run, (1u << SB_PHASE_COUNT) - 1) && golden_check(run);
}

/* ---- comparing */

/* Relative L2 error. 1e-5 and 1e-4 are what the project promises for float32. */
static const double output_tolerance = 1e-5, gradient_tolerance = 1e-4;
/* A tensor of this size next to the largest of its case is what is left of a sum that is zero in exact arithmetic; it
 * is compared with the largest instead, to a few float32 roundings. */
static const double nearly_zero = 1e-6, zero_tolerance = 1e-6;
/* Where an argument of a ReLU or soft shrink is so near the kink that float32 may see it on the other side, one term of
 * the gradient may be there or not: only then, and only for gradients that are over the usual tolerance. */
static const double kink_reach = 5e-6, kink_tolerance = 1e-2;

static void report(struct golden_case *golden, struct simba_parity_result *result) {
    result->case_name = golden->name;
    sb_parity_add(golden->report, result);
}

void golden_report(struct golden_case *golden, const char *name, const float *got, const float *expected, int64_t count,
                   double tolerance, const char *reason) {
    struct simba_parity_result result = {
        .node = -1, .tensor = name, .tolerance = tolerance > 0 ? tolerance : output_tolerance, .reason = reason};
    sb_parity_measure(&result, got, expected, count, sb_parity_size(expected, count));
    report(golden, &result);
}

static bool read_expected(struct golden_run *run, const struct golden_expectation *expectation, float *got) {
    if (expectation->tensor) return sb_program_read(run->program, expectation->tensor, got, run->golden->error);
    return sb_memory_read(run->spaces[expectation->space], (size_t)expectation->parameter->offset, got,
                          (size_t)expectation->count * sizeof *got, run->golden->error);
}

bool golden_check(struct golden_run *run) {
    double largest[2] = {0, 0};
    int64_t count = 1;
    for (int i = 0; i < run->expectation_count; i++) {
        const struct golden_expectation *expectation = &run->expectations[i];
        double size = sb_parity_size(expectation->expected, expectation->count);
        largest[expectation->gradient] = fmax(largest[expectation->gradient], size);
        if (expectation->count > count) count = expectation->count;
    }
    float *got = sb_allocate((size_t)count, sizeof *got, run->golden->error);
    if (!got) return false;
    bool read = true;
    for (int i = 0; read && i < run->expectation_count; i++) {
        const struct golden_expectation *expectation = &run->expectations[i];
        double scale = sb_parity_size(expectation->expected, expectation->count);
        struct simba_parity_result result = {.node = -1,
                                             .tensor = expectation->name,
                                             .tolerance =
                                                 expectation->gradient ? gradient_tolerance : output_tolerance};
        if (scale <= nearly_zero * largest[expectation->gradient]) {
            scale = largest[expectation->gradient];
            result.tolerance = zero_tolerance;
            result.reason = "zero in exact arithmetic: compared with the size of the largest tensor of the case";
        } else if (expectation->tolerance > 0) {
            result.tolerance = expectation->tolerance;
            result.reason = expectation->reason;
        }
        read = read_expected(run, expectation, got);
        if (!read) break;
        sb_parity_measure(&result, got, expectation->expected, expectation->count, scale);
        if (expectation->gradient && result.relative_error > result.tolerance && !result.reason &&
            run->golden->kink_distance < kink_reach) {
            result.tolerance = kink_tolerance;
            result.reason = "an argument of a ReLU or soft shrink is nearer to the kink than float32 resolves";
        }
        report(run->golden, &result);
    }
    free(got);
    return read;
}
