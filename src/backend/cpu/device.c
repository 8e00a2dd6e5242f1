/* The reference as a device: host memory, and nodes run one after the other on the calling thread. */
#include "backend/backend.h"
#include "backend/cpu/reference.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct cpu_memory {
    struct sb_memory base;
    unsigned char *bytes;
};

struct cpu_program {
    struct sb_program base;
    unsigned char *spaces[SB_SPACE_COUNT];
    size_t activation_bytes, host_bytes;
    void **host[SB_SLOTS];     /* by tensor index: inputs and outputs, dense; else NULL */
    double *seconds[SB_SLOTS]; /* by node index, of the last submit; NULL: not asked for */
};

static bool list_devices(struct sb_device_description **list, int *count, char *note, struct simba_error *error) {
    (void)note;
    *list = sb_allocate(1, sizeof(**list), error);
    if (!*list) return false;
    *count = 1;
    struct sb_device_description *description = *list;
    snprintf(description->name, sizeof(description->name), "C reference");
    snprintf(description->backend, sizeof(description->backend), "cpu");
    snprintf(description->driver, sizeof(description->driver), "plain C, double accumulation, one thread");
    snprintf(description->reason, sizeof(description->reason),
             "slow, for checking other devices: used only when asked for with `--device cpu`");
    snprintf(description->features, sizeof(description->features), "every operation");
    description->kind = SB_DEVICE_REFERENCE;
    description->usable = true;
    long pages = sysconf(_SC_PHYS_PAGES), page_size = sysconf(_SC_PAGE_SIZE);
    if (pages > 0 && page_size > 0) description->memory_bytes = (uint64_t)pages * (uint64_t)page_size;
    return true;
}

static bool open_device(const struct sb_device_parameters *parameters, const struct sb_device_description *description,
                        struct sb_device **device, struct simba_error *error) {
    *device = sb_allocate(1, sizeof(**device), error);
    if (!*device) return false;
    (*device)->backend = &sb_backend_cpu;
    (*device)->description = *description;
    (*device)->log = parameters->log;
    return true;
}

static void close_device(struct sb_device *device) {
    free(device);
}

static int validation_messages(const struct sb_device *device) {
    (void)device;
    return 0;
}

static bool memory_create(struct sb_device *device, size_t bytes, const char *name, struct sb_memory **memory,
                          struct simba_error *error) {
    struct cpu_memory *created = sb_allocate(1, sizeof(*created), error);
    if (!created) return false;
    created->base.device = device;
    created->base.size = bytes;
    created->bytes = sb_allocate(bytes ? bytes : 1, 1, error);
    if (!created->bytes) {
        free(created);
        return sb_fail_within(error, "While making \"%s\": ", name ? name : "");
    }
    *memory = &created->base;
    return true;
}

static void memory_destroy(struct sb_memory *memory) {
    struct cpu_memory *cpu = (struct cpu_memory *)memory;
    free(cpu->bytes);
    free(cpu);
}

static bool memory_write(struct sb_memory *memory, size_t offset, const void *bytes, size_t size,
                         struct simba_error *error) {
    (void)error;
    memcpy(((struct cpu_memory *)memory)->bytes + offset, bytes, size);
    return true;
}

static bool memory_read(struct sb_memory *memory, size_t offset, void *bytes, size_t size, struct simba_error *error) {
    (void)error;
    memcpy(bytes, ((struct cpu_memory *)memory)->bytes + offset, size);
    return true;
}

static void program_destroy(struct sb_program *program) {
    struct cpu_program *cpu = (struct cpu_program *)program;
    for (int slot = 0; slot < SB_SLOTS; slot++) {
        for (int i = 0; cpu->host[slot] && i < cpu->base.graph->tensor_count; i++) free(cpu->host[slot][i]);
        free(cpu->host[slot]);
        free(cpu->seconds[slot]);
    }
    free(cpu->spaces[SB_SPACE_ACTIVATION]);
    free(cpu);
}

static bool program_create(struct sb_device *device, const struct sb_program_parameters *parameters,
                           struct sb_program **program, struct simba_error *error) {
    const struct sb_graph *graph = parameters->graph;
    struct cpu_program *created = sb_allocate(1, sizeof(*created), error);
    if (!created) return false;
    created->base.device = device;
    created->base.graph = graph;
    created->activation_bytes = parameters->plan->activation_bytes;
    for (int i = 0; i < SB_SPACE_COUNT; i++)
        if (i != SB_SPACE_ACTIVATION && parameters->spaces[i])
            created->spaces[i] = ((struct cpu_memory *)parameters->spaces[i])->bytes;
    created->spaces[SB_SPACE_ACTIVATION] =
        sb_allocate(created->activation_bytes ? created->activation_bytes : 1, 1, error);
    if (!created->spaces[SB_SPACE_ACTIVATION]) goto error;
    for (int slot = 0; slot < SB_SLOTS; slot++) {
        created->host[slot] = sb_allocate((size_t)graph->tensor_count + 1, sizeof(void *), error);
        if (parameters->profile)
            created->seconds[slot] = sb_allocate((size_t)graph->node_count + 1, sizeof(double), error);
        if (!created->host[slot] || (parameters->profile && !created->seconds[slot])) goto error;
        for (int i = 0; i < graph->tensor_count; i++) {
            const struct sb_tensor *tensor = graph->tensors[i];
            if (!tensor->is_input && !tensor->is_output) continue;
            size_t bytes = (size_t)sb_elements(tensor) * sb_dtype_size(tensor->dtype);
            created->host[slot][i] = sb_allocate(bytes, 1, error);
            if (!created->host[slot][i]) goto error;
            created->host_bytes += bytes;
        }
    }
    for (int i = 0; i < graph->node_count; i++) {
        enum sb_op op = graph->nodes[i]->op;
        if (cpu_functions[op] || op == SB_OP_RESHAPE || op == SB_OP_SPLIT) continue;
        sb_fail(error, SIMBA_ERROR_INTERNAL, "Node \"%s\" has operation %d, which the reference does not know.",
                graph->nodes[i]->name, (int)op);
        goto error;
    }
    *program = &created->base;
    return true;

error:
    program_destroy(&created->base);
    return false;
}

static size_t program_memory(const struct sb_program *program) {
    const struct cpu_program *cpu = (const struct cpu_program *)program;
    return cpu->activation_bytes + cpu->host_bytes;
}

static void *program_host(struct sb_program *program, int slot, const struct sb_tensor *tensor) {
    return ((struct cpu_program *)program)->host[slot][tensor->index];
}

static unsigned char *data_of(const struct cpu_program *program, const struct sb_tensor *tensor) {
    return program->spaces[sb_storage(tensor)->space] + sb_address(tensor);
}

enum direction { TO_DENSE, FROM_DENSE };

static void copy_rows(const struct cpu_program *program, const struct sb_tensor *tensor, unsigned char *dense,
                      enum direction direction) {
    unsigned char *data = data_of(program, tensor);
    size_t size = sb_dtype_size(tensor->dtype), row = (size_t)sb_columns(tensor) * size;
    for (int64_t i = 0; i < sb_rows(tensor); i++) {
        unsigned char *pitched = data + (size_t)(i * tensor->pitch) * size;
        if (direction == TO_DENSE)
            memcpy(dense + (size_t)i * row, pitched, row);
        else
            memcpy(pitched, dense + (size_t)i * row, row);
    }
}

/* *seconds: how long it took; NULL: it does not matter. */
static bool run_node(struct cpu_program *program, const struct sb_node *node, double *seconds,
                     struct simba_error *error) {
    cpu_function function = cpu_functions[node->op];
    if (!function) return true; /* a view */
    struct cpu_arguments arguments = {.node = node, .error = error};
    for (int i = 0; i < SB_MAX_INPUTS; i++)
        if (node->inputs[i]) arguments.in[i] = (struct cpu_span){data_of(program, node->inputs[i]), node->inputs[i]};
    for (int i = 0; i < SB_MAX_OUTPUTS; i++)
        if (node->outputs[i])
            arguments.out[i] = (struct cpu_span){data_of(program, node->outputs[i]), node->outputs[i]};
    const double start = sb_now();
    if (!function(&arguments)) return sb_fail_within(error, "In node \"%s\": ", node->name);
    if (seconds) *seconds = sb_now() - start;
    return true;
}

static void copy_inputs(struct cpu_program *program, int slot) {
    const struct sb_graph *graph = program->base.graph;
    for (int i = 0; i < graph->tensor_count; i++)
        if (graph->tensors[i]->is_input) copy_rows(program, graph->tensors[i], program->host[slot][i], FROM_DENSE);
}

static bool program_submit(struct sb_program *program, int slot, unsigned phases, struct simba_error *error) {
    struct cpu_program *cpu = (struct cpu_program *)program;
    const struct sb_graph *graph = program->graph;
    copy_inputs(cpu, slot);
    if (cpu->seconds[slot]) memset(cpu->seconds[slot], 0, (size_t)graph->node_count * sizeof(double));
    for (int phase = 0; phase < SB_PHASE_COUNT; phase++) {
        if (!(phases & 1u << phase)) continue;
        for (int i = 0; i < graph->node_count; i++)
            if ((int)graph->nodes[i]->phase == phase &&
                !run_node(cpu, graph->nodes[i], cpu->seconds[slot] ? &cpu->seconds[slot][i] : NULL, error))
                return false;
    }
    for (int i = 0; i < graph->tensor_count; i++)
        if (graph->tensors[i]->is_output) copy_rows(cpu, graph->tensors[i], cpu->host[slot][i], TO_DENSE);
    return true;
}

/* Submit has already done the work. */
static bool program_wait(struct sb_program *program, int slot, struct simba_error *error) {
    (void)program;
    (void)slot;
    (void)error;
    return true;
}

static bool program_run_node(struct sb_program *program, int slot, int node, struct simba_error *error) {
    (void)slot; /* inputs and outputs are left alone, and so are the times of the last submit */
    return run_node((struct cpu_program *)program, program->graph->nodes[node], NULL, error);
}

static bool program_read(struct sb_program *program, const struct sb_tensor *tensor, void *dense,
                         struct simba_error *error) {
    (void)error;
    copy_rows((struct cpu_program *)program, tensor, dense, TO_DENSE);
    return true;
}

static bool program_write(struct sb_program *program, const struct sb_tensor *tensor, const void *dense,
                          struct simba_error *error) {
    (void)error;
    /* FROM_DENSE only reads `dense`. */
    copy_rows((struct cpu_program *)program, tensor, (unsigned char *)dense, FROM_DENSE);
    return true;
}

static bool program_times(struct sb_program *program, int slot, double *seconds, struct simba_error *error) {
    const struct cpu_program *cpu = (const struct cpu_program *)program;
    if (!cpu->seconds[slot])
        return sb_fail(error, SIMBA_ERROR_UNSUPPORTED,
                       "This program has no times of its nodes: they were not asked for when it was made.");
    memcpy(seconds, cpu->seconds[slot], (size_t)program->graph->node_count * sizeof(double));
    return true;
}

const struct sb_backend sb_backend_cpu = {
    .name = "cpu",
    .only_when_asked = true,
    .list = list_devices,
    .open = open_device,
    .close = close_device,
    .validation_messages = validation_messages,
    .memory_create = memory_create,
    .memory_destroy = memory_destroy,
    .memory_write = memory_write,
    .memory_read = memory_read,
    .program_create = program_create,
    .program_destroy = program_destroy,
    .program_memory = program_memory,
    .program_host = program_host,
    .program_submit = program_submit,
    .program_wait = program_wait,
    .program_run_node = program_run_node,
    .program_read = program_read,
    .program_write = program_write,
    .program_times = program_times,
};
