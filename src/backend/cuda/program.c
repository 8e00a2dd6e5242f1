/* Programs: a graph's nodes one after the other in the device's stream, between copies of its inputs and outputs. */
#include "backend/cuda/runtime.h"

#include <stdlib.h>
#include <string.h>

/* Around a node, with `profile`. */
struct interval {
    cudaEvent_t start, end;
};

struct cuda_program {
    struct sb_program base;
    struct cuda_device *device;
    unsigned char *spaces[SB_SPACE_COUNT];
    void *scratch;
    size_t activation_bytes, scratch_bytes, host_bytes;
    bool transforms;       /* so it needs the device's work area for them */
    void **host[SB_SLOTS]; /* by tensor index: inputs and outputs, dense; else NULL */
    cudaEvent_t done[SB_SLOTS];
    struct interval *intervals[SB_SLOTS]; /* by node index; NULL: not asked for */
    unsigned timed_phases[SB_SLOTS];      /* of the last submit */
};

void cuda_program_destroy(struct sb_program *program) {
    struct cuda_program *cuda = (struct cuda_program *)program;
    cudaSetDevice(cuda->device->ordinal);
    cudaStreamSynchronize(cuda->device->stream);
    for (int slot = 0; slot < SB_SLOTS; slot++) {
        for (int i = 0; cuda->host[slot] && i < program->graph->tensor_count; i++)
            if (cuda->host[slot][i]) cudaFreeHost(cuda->host[slot][i]);
        for (int i = 0; cuda->intervals[slot] && i < program->graph->node_count; i++) {
            if (cuda->intervals[slot][i].start) cudaEventDestroy(cuda->intervals[slot][i].start);
            if (cuda->intervals[slot][i].end) cudaEventDestroy(cuda->intervals[slot][i].end);
        }
        if (cuda->done[slot]) cudaEventDestroy(cuda->done[slot]);
        free(cuda->host[slot]);
        free(cuda->intervals[slot]);
    }
    cudaFree(cuda->spaces[SB_SPACE_ACTIVATION]);
    cudaFree(cuda->scratch);
    free(cuda);
}

static bool make_slot(struct cuda_program *program, int slot, bool profile, struct simba_error *error) {
    const struct sb_graph *graph = program->base.graph;
    program->host[slot] = sb_allocate((size_t)graph->tensor_count + 1, sizeof(void *), error);
    if (!program->host[slot] || !CUDA(cudaEventCreateWithFlags(&program->done[slot], cudaEventDisableTiming)))
        return false;
    for (int i = 0; i < graph->tensor_count; i++) {
        const struct sb_tensor *tensor = graph->tensors[i];
        if (!tensor->is_input && !tensor->is_output) continue;
        const size_t bytes = (size_t)sb_elements(tensor) * sb_dtype_size(tensor->dtype);
        if (!CUDA(cudaMallocHost(&program->host[slot][i], bytes ? bytes : 1))) return false;
        memset(program->host[slot][i], 0, bytes);
        program->host_bytes += bytes;
    }
    if (!profile) return true;
    program->intervals[slot] = sb_allocate((size_t)graph->node_count + 1, sizeof(struct interval), error);
    for (int i = 0; program->intervals[slot] && i < graph->node_count; i++)
        if (!CUDA(cudaEventCreate(&program->intervals[slot][i].start)) ||
            !CUDA(cudaEventCreate(&program->intervals[slot][i].end)))
            return false;
    return program->intervals[slot];
}

/* Asks the operations of all nodes for what they need before they can run. */
static bool prepare_nodes(struct cuda_program *program, struct simba_error *error) {
    const struct sb_graph *graph = program->base.graph;
    for (int i = 0; i < graph->node_count; i++) {
        const struct sb_node *node = graph->nodes[i];
        const struct cuda_operation *operation = &cuda_operations[node->op];
        if (!operation->run && node->op != SB_OP_RESHAPE && node->op != SB_OP_SPLIT)
            return sb_fail(error, SIMBA_ERROR_INTERNAL,
                           "Node \"%s\" has operation %d, which the CUDA module does not know.", node->name,
                           (int)node->op);
        const size_t bytes = operation->scratch ? operation->scratch(node) : 0;
        if (bytes > program->scratch_bytes) program->scratch_bytes = bytes;
        if (!operation->prepare) continue;
        program->transforms = true;
        if (!operation->prepare(program->device, node, error))
            return sb_fail_within(error, "In node \"%s\": ", node->name);
    }
    return true;
}

bool cuda_program_create(struct sb_device *device, const struct sb_program_parameters *parameters,
                         struct sb_program **program, struct simba_error *error) {
    struct cuda_program *created = sb_allocate(1, sizeof(*created), error);
    if (!created) return false;
    created->base.device = device;
    created->base.graph = parameters->graph;
    created->device = (struct cuda_device *)device;
    created->activation_bytes = parameters->plan->activation_bytes;
    for (int i = 0; i < SB_SPACE_COUNT; i++)
        if (i != SB_SPACE_ACTIVATION && parameters->spaces[i])
            created->spaces[i] = ((struct cuda_memory *)parameters->spaces[i])->bytes;
    void *activations = NULL;
    bool done = cuda_enter(created->device, error) && prepare_nodes(created, error) &&
                cuda_allocate(created->device, created->activation_bytes, &activations, error);
    created->spaces[SB_SPACE_ACTIVATION] = activations;
    done = done && cuda_allocate(created->device, created->scratch_bytes, &created->scratch, error);
    for (int slot = 0; done && slot < SB_SLOTS; slot++) done = make_slot(created, slot, parameters->profile, error);
    if (!done) {
        cuda_program_destroy(&created->base);
        return sb_fail_within(error, "While making program \"%s\": ", parameters->name ? parameters->name : "");
    }
    *program = &created->base;
    return true;
}

size_t cuda_program_memory(const struct sb_program *program) {
    const struct cuda_program *cuda = (const struct cuda_program *)program;
    return cuda->activation_bytes + cuda->scratch_bytes + cuda->host_bytes +
           (cuda->transforms ? cuda->device->fft_workspace_bytes : 0);
}

void *cuda_program_host(struct sb_program *program, int slot, const struct sb_tensor *tensor) {
    return ((struct cuda_program *)program)->host[slot][tensor->index];
}

static unsigned char *data_of(const struct cuda_program *program, const struct sb_tensor *tensor) {
    return program->spaces[sb_storage(tensor)->space] + sb_address(tensor);
}

/* Puts a copy between a tensor, which may be pitched, and dense memory of the host into the stream. */
static bool copy_rows(const struct cuda_program *program, const struct sb_tensor *tensor, void *dense,
                      enum cudaMemcpyKind direction, struct simba_error *error) {
    const size_t size = sb_dtype_size(tensor->dtype), row = (size_t)sb_columns(tensor) * size;
    const size_t rows = (size_t)sb_rows(tensor), pitch = (size_t)tensor->pitch * size;
    const bool upload = direction == cudaMemcpyHostToDevice;
    void *data = data_of(program, tensor), *to = upload ? data : dense;
    const void *from = upload ? dense : data;
    /* A dense tensor as one piece: the rows of a copy in two dimensions have to be below 2 GiB. */
    if (sb_is_dense(tensor)) return CUDA(cudaMemcpyAsync(to, from, rows * row, direction, program->device->stream));
    return CUDA(cudaMemcpy2DAsync(to, upload ? pitch : row, from, upload ? row : pitch, row, rows, direction,
                                  program->device->stream));
}

/* `interval`: where its time goes; NULL: it is not taken. */
static bool run_node(struct cuda_program *program, const struct sb_node *node, const struct interval *interval,
                     struct simba_error *error) {
    const struct cuda_operation *operation = &cuda_operations[node->op];
    if (!operation->run) return true; /* a view */
    struct cuda_arguments arguments = {
        .device = program->device, .node = node, .scratch = program->scratch, .error = error};
    for (int i = 0; i < SB_MAX_INPUTS; i++)
        if (node->inputs[i]) arguments.in[i] = (struct cuda_span){data_of(program, node->inputs[i]), node->inputs[i]};
    for (int i = 0; i < SB_MAX_OUTPUTS; i++)
        if (node->outputs[i])
            arguments.out[i] = (struct cuda_span){data_of(program, node->outputs[i]), node->outputs[i]};
    if ((interval && !CUDA(cudaEventRecord(interval->start, program->device->stream))) || !operation->run(&arguments) ||
        (interval && !CUDA(cudaEventRecord(interval->end, program->device->stream))))
        return sb_fail_within(error, "In node \"%s\": ", node->name);
    return true;
}

bool cuda_program_wait(struct sb_program *program, int slot, struct simba_error *error) {
    const struct cuda_program *cuda = (const struct cuda_program *)program;
    /* An event that was never recorded counts as done. */
    return cuda_enter(cuda->device, error) && CUDA(cudaEventSynchronize(cuda->done[slot]));
}

bool cuda_program_submit(struct sb_program *program, int slot, unsigned phases, struct simba_error *error) {
    struct cuda_program *cuda = (struct cuda_program *)program;
    const struct sb_graph *graph = program->graph;
    if (!cuda_program_wait(program, slot, error)) return false;
    cuda->timed_phases[slot] = 0; /* until all of it is recorded */
    for (int i = 0; i < graph->tensor_count; i++)
        if (graph->tensors[i]->is_input &&
            !copy_rows(cuda, graph->tensors[i], cuda->host[slot][i], cudaMemcpyHostToDevice, error))
            return false;
    for (int phase = 0; phase < SB_PHASE_COUNT; phase++) {
        if (!(phases & 1u << phase)) continue;
        for (int i = 0; i < graph->node_count; i++)
            if ((int)graph->nodes[i]->phase == phase &&
                !run_node(cuda, graph->nodes[i], cuda->intervals[slot] ? &cuda->intervals[slot][i] : NULL, error))
                return false;
    }
    for (int i = 0; i < graph->tensor_count; i++)
        if (graph->tensors[i]->is_output &&
            !copy_rows(cuda, graph->tensors[i], cuda->host[slot][i], cudaMemcpyDeviceToHost, error))
            return false;
    cuda->timed_phases[slot] = phases;
    return CUDA(cudaEventRecord(cuda->done[slot], cuda->device->stream));
}

bool cuda_program_run_node(struct sb_program *program, int slot, int node, struct simba_error *error) {
    struct cuda_program *cuda = (struct cuda_program *)program;
    (void)slot; /* inputs and outputs are left alone, and so are the times of the last submit */
    return cuda_enter(cuda->device, error) && run_node(cuda, program->graph->nodes[node], NULL, error) &&
           cuda_finish(cuda->device, error);
}

bool cuda_program_read(struct sb_program *program, const struct sb_tensor *tensor, void *dense,
                       struct simba_error *error) {
    const struct cuda_program *cuda = (const struct cuda_program *)program;
    return cuda_enter(cuda->device, error) && copy_rows(cuda, tensor, dense, cudaMemcpyDeviceToHost, error) &&
           cuda_finish(cuda->device, error);
}

bool cuda_program_write(struct sb_program *program, const struct sb_tensor *tensor, const void *dense,
                        struct simba_error *error) {
    const struct cuda_program *cuda = (const struct cuda_program *)program;
    /* An upload only reads `dense`. */
    return cuda_enter(cuda->device, error) && copy_rows(cuda, tensor, (void *)dense, cudaMemcpyHostToDevice, error) &&
           cuda_finish(cuda->device, error);
}

bool cuda_program_times(struct sb_program *program, int slot, double *seconds, struct simba_error *error) {
    const struct cuda_program *cuda = (const struct cuda_program *)program;
    if (!cuda->intervals[slot])
        return sb_fail(error, SIMBA_ERROR_UNSUPPORTED,
                       "This program has no times of its nodes: they were not asked for when it was made.");
    if (!cuda_program_wait(program, slot, error)) return false;
    for (int i = 0; i < program->graph->node_count; i++) {
        const struct sb_node *node = program->graph->nodes[i];
        const struct interval *interval = &cuda->intervals[slot][i];
        const bool timed = cuda->timed_phases[slot] & 1u << node->phase && cuda_operations[node->op].run;
        float milliseconds = 0;
        if (timed && !CUDA(cudaEventElapsedTime(&milliseconds, interval->start, interval->end))) return false;
        seconds[i] = 1e-3 * (double)milliseconds;
    }
    return true;
}
