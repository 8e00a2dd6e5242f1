/* A case on a device, with its inputs, in several copies between which runs rotate. */
#include "bench/bench.h"

#include "base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The values of input `number` in the small case, where `count` of them differ. */
static void draw(const struct sb_bench_input *input, int number, int64_t count, void *values) {
    struct sb_random random = sb_random_start(1, SB_STREAM_TEST, (uint64_t)number);
    float *floats = values;
    int32_t *labels = values;
    switch (input->kind) {
    case SB_BENCH_NORMAL:
        for (int64_t i = 0; i < count; i++) floats[i] = (float)(input->low + input->high * sb_random_normal(&random));
        break;
    case SB_BENCH_UNIFORM:
        for (int64_t i = 0; i < count; i++)
            floats[i] = (float)(input->low + (input->high - input->low) * sb_random_uniform(&random));
        break;
    case SB_BENCH_LABELS:
        for (int64_t i = 0; i < count; i++) labels[i] = (int32_t)sb_random_below(&random, (uint32_t)input->high);
        break;
    case SB_BENCH_STEP:
        *(struct sb_step_numbers *)values = (struct sb_step_numbers){.seed = {1, 0},
                                                                     .step = {9, 0},
                                                                     .learning_rate = 1e-3f,
                                                                     .correction1 = (float)(1 - pow(0.9, 10)),
                                                                     .correction2 = (float)(1 - pow(0.999, 10))};
        break;
    }
}

/* Into a copy: what the host writes before a run, too, is the same for all runs. */
static bool put(struct sb_bench_copy *copy, const struct sb_tensor *tensor, const void *values,
                struct simba_error *error) {
    const size_t bytes = (size_t)sb_elements(tensor) * sb_dtype_size(tensor->dtype);
    for (int slot = 0; tensor->is_input && slot < SB_SLOTS; slot++)
        memcpy(sb_program_host(copy->program, slot, tensor), values, bytes);
    return sb_program_write(copy->program, tensor, values, error);
}

static bool fill(struct sb_bench_subject *subject, const struct sb_bench_case *small, struct simba_error *error) {
    for (int i = 0; i < subject->bench->input_count; i++) {
        const struct sb_tensor *tensor = subject->bench->inputs[i].tensor;
        const size_t size = sb_dtype_size(tensor->dtype);
        const int64_t count = sb_elements(tensor), pattern = sb_elements(small->inputs[i].tensor);
        unsigned char *values = sb_allocate((size_t)count, size, error);
        if (!values) return false;
        draw(&small->inputs[i], i, pattern, values);
        for (int64_t at = pattern; at < count; at += pattern)
            memcpy(values + (size_t)at * size, values, (size_t)pattern * size);
        bool written = true;
        for (int k = 0; written && k < subject->copy_count; k++)
            written = put(&subject->copies[k], tensor, values, error);
        free(values);
        if (!written) return false;
    }
    return true;
}

static bool make_copy(struct sb_bench_subject *subject, const struct sb_bench_subject_parameters *parameters,
                      struct sb_bench_copy *copy, struct simba_error *error) {
    struct sb_program_parameters program = {.graph = &subject->bench->graph,
                                            .plan = &subject->bench->plan,
                                            .profile = parameters->profile,
                                            .profile_dispatches = parameters->profile_dispatches,
                                            .name = "benchmark"};
    for (int space = 0; space < SB_SPACE_COUNT; space++) {
        if (!subject->bench->space_bytes[space]) continue;
        if (!sb_memory_create(subject->device, subject->bench->space_bytes[space], "a benchmark", &copy->spaces[space],
                              error))
            return false;
        program.spaces[space] = copy->spaces[space];
    }
    return sb_program_create(subject->device, &program, &copy->program, error);
}

bool sb_bench_subject_make(struct sb_bench_subject *subject, const struct sb_bench_subject_parameters *parameters,
                           struct simba_error *error) {
    *subject = (struct sb_bench_subject){.device = parameters->device, .bench = parameters->bench};
    subject->copies = sb_allocate((size_t)parameters->copies, sizeof *subject->copies, error);
    if (!subject->copies) return false;
    subject->copy_count = parameters->copies;
    for (int i = 0; i < subject->copy_count; i++)
        if (!make_copy(subject, parameters, &subject->copies[i], error)) return false;
    return fill(subject, parameters->small ? parameters->small : parameters->bench, error);
}

void sb_bench_subject_finish(struct sb_bench_subject *subject) {
    for (int i = 0; i < subject->copy_count; i++) {
        sb_program_destroy(subject->copies[i].program);
        for (int space = 0; space < SB_SPACE_COUNT; space++) sb_memory_destroy(subject->copies[i].spaces[space]);
    }
    free(subject->copies);
    *subject = (struct sb_bench_subject){0};
}
