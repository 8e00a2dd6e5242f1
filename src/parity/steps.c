/* What the golden cases that train have in common: some steps of AdamW on one batch, then what became of it. */
#include "graph/differentiate.h"
#include "parity/golden.h"

#include <stdio.h>
#include <string.h>

static const char several_steps[] = "after several AdamW steps: an early update is nearly the learning rate times the "
                                    "gradient's sign, so that a rounding "
                                    "error in a small gradient moves a weight as far as a large gradient does";
/* PyTorch's own float32 runs are up to 2e-5 away from those in double precision (metadata float32_vs_float64). */
static const double several_steps_tolerance = 1e-4;

bool golden_train_steps(struct golden_run *run, struct sb_tensor *loss) {
    struct golden_case *golden = run->golden;
    struct golden_optimiser optimiser = golden_optimiser(sb_safetensors_note(golden->file, "train"));
    const float *expected = golden_read(golden, "out/losses", GOLDEN_SAME, NULL, NULL);
    if (!expected || !sb_graph_ok(&run->graph, golden->error)) return false;
    const int64_t steps = sb_safetensors_find(golden->file, "out/losses")->elements;
    float *losses = sb_pool_allocate(&golden->pool, (size_t)steps * sizeof *losses, golden->error);
    if (!losses || !sb_differentiate(&run->graph, loss, NULL, golden->error)) return false;
    golden_append_optimiser(run, &optimiser);
    loss->keep = true;
    if (!golden_prepare(run)) return false;
    for (int step = 0; step < steps; step++) {
        struct sb_step_numbers numbers = golden_step(&optimiser, step);
        memcpy(sb_program_host(run->program, 0, sb_step_input(&run->graph)), &numbers, sizeof numbers);
        if (!golden_submit(run, (1u << SB_PHASE_COUNT) - 1) ||
            !sb_program_read(run->program, loss, &losses[step], golden->error))
            return false;
    }
    golden_report(golden, "out/losses", losses, expected, steps, several_steps_tolerance, several_steps);
    return true;
}

float *golden_trained(struct golden_run *run, const struct golden_run *training, struct sb_tensor *result) {
    struct golden_case *golden = run->golden;
    run->spaces[SB_SPACE_PARAMETER] = training->spaces[SB_SPACE_PARAMETER];
    run->borrowed[SB_SPACE_PARAMETER] = true;
    float *numbers = sb_pool_allocate(&golden->pool, (size_t)sb_elements(result) * sizeof *numbers, golden->error);
    result->keep = true;
    return numbers && golden_prepare(run) && golden_submit(run, 1u << SB_PHASE_PREPARE | 1u << SB_PHASE_COMPUTE) &&
                   sb_program_read(run->program, result, numbers, golden->error)
               ? numbers
               : NULL;
}

/* A parameter's values now; bn_running_mean is that of the stem's first batch norm. In the case's pool. */
static const float *read_parameter(struct golden_run *run, const char *name, const struct sb_safetensor *theirs) {
    struct golden_case *golden = run->golden;
    const bool statistic = strncmp(name, "bn_", 3) == 0;
    char path[160];
    snprintf(path, sizeof path, "%s%s", statistic ? "patch_embed1.conv.1." : "", name + (statistic ? 3 : 0));
    const struct sb_parameter *parameter = sb_parameter_find(&run->list, path);
    const size_t bytes = (size_t)theirs->elements * sizeof(float);
    float *values = sb_pool_allocate(&golden->pool, bytes, golden->error);
    if (!values) return NULL;
    if (!parameter || parameter->elements != theirs->elements) {
        sb_fail(golden->error, SIMBA_ERROR_FORMAT, "%s: \"%s\" is for no parameter of the model.", golden->path,
                theirs->name);
        return NULL;
    }
    return sb_memory_read(run->spaces[SB_SPACE_PARAMETER], (size_t)parameter->offset, values, bytes, golden->error)
               ? values
               : NULL;
}

bool golden_check_after(struct golden_run *run, const char *result_name, const float *result, double tolerance) {
    struct golden_case *golden = run->golden;
    for (int i = 0; i < golden->file->count; i++) {
        const struct sb_safetensor *theirs = &golden->file->tensors[i];
        const size_t length = strlen(theirs->name), before = strlen("out/"), behind = strlen("_after");
        if (length < before + behind || strncmp(theirs->name, "out/", before) != 0 ||
            strcmp(theirs->name + length - behind, "_after") != 0)
            continue;
        char name[128];
        snprintf(name, sizeof name, "%.*s", (int)(length - before - behind), theirs->name + before);
        const bool of_result = strcmp(name, result_name) == 0;
        const float *expected = golden_read(golden, theirs->name, GOLDEN_SAME, NULL, NULL);
        const float *got = of_result ? result : read_parameter(run, name, theirs);
        if (!expected || !got) return false;
        golden_report(golden, theirs->name, got, expected, theirs->elements,
                      of_result ? tolerance : several_steps_tolerance, several_steps);
    }
    return true;
}
