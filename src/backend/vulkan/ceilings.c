/* What the device can do at most, by kernels that do one thing only.
 *
 * A ceiling has variants: ways to do the same, of which this device prefers one and that device another. The fastest
 * that the device can run counts. A variant does its work in one command buffer, any number of units of it. */
#include "backend/vulkan/runtime.h"
#include "base/clock.h"

#include "base/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WORKGROUP = 128, /* every device has that many invocations */
    LEAST_RUNS = 7,
    PATTERN_BYTES = 64 << 10,
};
/* The fastest of many runs counts: a ceiling is what the device can do at most, and it may have other work, too, or
 * wake up slowly. Runs are long enough for any clock, and short enough for some of them to be left alone by the
 * scheduler of a busy machine. (The median of seven runs of 60 ms had kernels of 1 ms at three times the ceiling
 * there.) */
static const double enough_seconds = 0.004, measuring_seconds = 0.4;

struct variant;

struct measurement {
    struct vk_device *device;
    const struct variant *variant;
    VkPipeline pipeline;
    VkQueryPool queries;       /* two time stamps; none: the host's clock counts */
    struct vk_buffer from, to; /* chains have only `to`, one float for each invocation */
    uint32_t groups;
    uint32_t units; /* of the run to be recorded */
};

struct method {
    uint32_t least, most; /* units */
    bool (*prepare)(struct measurement *measurement, struct simba_error *error);
    void (*record)(const struct measurement *measurement, VkCommandBuffer commands);
    double (*operations)(const struct measurement *measurement); /* of one unit */
    bool (*verify)(const struct measurement *measurement, struct simba_error *error);
    void (*describe)(const struct measurement *measurement, char *text, size_t size);
    /* Constants that only the device knows; NULL: none. */
    void (*specialise)(const struct vk_device *device, uint32_t *constants);
};

struct variant {
    enum sb_ceiling_kind kind;
    const char *what;
    const struct method *method;
    bool transfer; /* a command of Vulkan's instead of a kernel */
    enum vk_kernel kernel;
    uint32_t constants[VK_MAX_CONSTANTS];
    /* Chains: operations of one step, the kernel's arguments, and the sum that an invocation of this lane must come to
     * after so many steps, with a relative error of at most `tolerance`. */
    double step_operations;
    float factor, addend;
    double (*sum)(uint32_t lane, double steps);
    double tolerance;
};

/* ---- chains: a loop of arithmetic in every invocation, see shaders/ceiling/chains.glsl. A unit is a turn of it. */

enum { CHAINS = 12, STEPS = 8, CHAIN_GROUPS = 16384, CHAIN_GROUPS_PER_PROCESSOR = 32 };

static bool prepare_chains(struct measurement *measurement, struct simba_error *error) {
    /* Many times what a GPU holds at once, so that an unfinished last round of workgroups does not show. */
    const struct vk_limits *limits = &measurement->device->limits;
    measurement->groups = CHAIN_GROUPS;
    if (limits->software && limits->processors < CHAIN_GROUPS / CHAIN_GROUPS_PER_PROCESSOR)
        measurement->groups = CHAIN_GROUPS_PER_PROCESSOR * limits->processors;
    return vk_buffer_init(measurement->device, (VkDeviceSize)measurement->groups * WORKGROUP * sizeof(float),
                          VK_MEMORY_DEVICE, "the measurement of its arithmetic", &measurement->to, error);
}

static void record_chains(const struct measurement *measurement, VkCommandBuffer commands) {
    /* All kernels of chains have these arguments. */
    const struct vk_ceiling_multiply_add_arguments arguments = {.sums = measurement->to.address,
                                                                .turns = measurement->units,
                                                                .factor = measurement->variant->factor,
                                                                .addend = measurement->variant->addend};
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, measurement->pipeline);
    vkCmdPushConstants(commands, measurement->device->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof arguments,
                       &arguments);
    vkCmdDispatch(commands, measurement->groups, 1, 1);
}

static double chain_operations(const struct measurement *measurement) {
    return measurement->variant->step_operations * CHAINS * STEPS * WORKGROUP * measurement->groups;
}

static bool verify_chains(const struct measurement *measurement, struct simba_error *error) {
    const struct variant *variant = measurement->variant;
    float sums[WORKGROUP];
    for (int last = 0; last < 2; last++) {
        const VkDeviceSize offset = last ? measurement->to.size - sizeof sums : 0;
        if (!vk_buffer_read(measurement->device, (struct vk_buffer *)&measurement->to, offset, sums, sizeof sums,
                            error))
            return false;
        for (uint32_t lane = 0; lane < WORKGROUP; lane++) {
            const double expected = variant->sum(lane, (double)measurement->units * STEPS);
            if (fabs(sums[lane] - expected) <= variant->tolerance * fabs(expected)) continue;
            return sb_fail(error, SIMBA_ERROR_DEVICE,
                           "%s cannot be measured: invocation %u came to %.9g after %u turns of kernel %s, where %.9g "
                           "was to come out. No result of this driver can be trusted; `simba parity` tells more.",
                           measurement->device->base.description.name, lane, (double)sums[lane], measurement->units,
                           vk_kernels[variant->kernel].name, expected);
        }
    }
    return true;
}

static void describe_chains(const struct measurement *measurement, char *text, size_t size) {
    snprintf(text, size, "%s, %d chains in each of %u invocations", measurement->variant->what, CHAINS,
             measurement->groups * WORKGROUP);
}

static const struct method chains = {
    .least = 4, /* by then 2^-x has found its solution */
    .most = VK_SOFTWARE_ITERATIONS,
    .prepare = prepare_chains,
    .record = record_chains,
    .operations = chain_operations,
    .verify = verify_chains,
    .describe = describe_chains,
};

/* Every step adds 1/1024: exact in float32, the sum of the chains included, up to VK_SOFTWARE_ITERATIONS turns. */
enum { ADDENDS_TO_ONE = 1024 };
static double multiply_add_sum(uint32_t lane, double steps) {
    return CHAINS * (lane % 8 + (CHAINS - 1) / 2.0 + steps / ADDENDS_TO_ONE);
}

static double exponential_sum(uint32_t lane, double steps) {
    (void)lane;
    (void)steps;
    return CHAINS * 0.641185744504986; /* the solution of x = 2^-x */
}

/* ---- the matrix units: chains whose step is a product of cooperative matrices, shared by a subgroup */

static void specialise_matrices(const struct vk_device *device, uint32_t *constants) {
    constants[VK_CEILING_COOPERATIVE_MATRIX_ROWS] = device->limits.cooperative.rows;
    constants[VK_CEILING_COOPERATIVE_MATRIX_COLUMNS] = device->limits.cooperative.columns;
    constants[VK_CEILING_COOPERATIVE_MATRIX_DEPTH] = device->limits.cooperative.depth;
}

static double matrix_operations(const struct measurement *measurement) {
    const struct vk_limits *limits = &measurement->device->limits;
    const struct vk_cooperative *matrix = &limits->cooperative;
    return 2.0 * matrix->rows * matrix->columns * matrix->depth / limits->subgroup_size * chain_operations(measurement);
}

static void describe_matrices(const struct measurement *measurement, char *text, size_t size) {
    const struct vk_limits *limits = &measurement->device->limits;
    const struct vk_cooperative *matrix = &limits->cooperative;
    snprintf(text, size, "%s %ux%ux%u, %d chains in each of %u subgroups", measurement->variant->what, matrix->rows,
             matrix->columns, matrix->depth, CHAINS, measurement->groups * WORKGROUP / limits->subgroup_size);
}

static const struct method matrices = {
    .least = 4,
    .most = VK_SOFTWARE_ITERATIONS,
    .prepare = prepare_chains,
    .record = record_chains,
    .operations = matrix_operations,
    .verify = verify_chains,
    .describe = describe_matrices,
    .specialise = specialise_matrices,
};

/* As multiply_add_sum, but all invocations begin alike. */
static double matrix_sum(uint32_t lane, double steps) {
    (void)lane;
    return CHAINS * ((CHAINS - 1) / 2.0 + steps / ADDENDS_TO_ONE);
}

/* ---- copies. A unit is the whole buffer. */

enum { COPY_GROUP_BYTES = 8 * 16 * WORKGROUP, COPY_LEAST_BYTES = 16 << 20 };

/* Far larger than any cache, but no more than an eighth of the memory for each of the two. */
static VkDeviceSize copy_bytes(const struct vk_device *device) {
    const struct vk_capabilities *capabilities = &device->capabilities;
    const VkDeviceSize limits[] = {device->base.description.memory_bytes / 8, capabilities->max_buffer,
                                   capabilities->max_allocation,
                                   (VkDeviceSize)device->limits.max_groups[0] * COPY_GROUP_BYTES};
    VkDeviceSize bytes = device->limits.software ? 128 << 20 : 512 << 20;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        if (limits[i] < bytes) bytes = limits[i];
    return bytes / COPY_GROUP_BYTES * COPY_GROUP_BYTES;
}

static void fill_pattern(int place, unsigned char *bytes) {
    struct sb_random random = sb_random_start(1, SB_STREAM_TEST, (uint64_t)place);
    for (size_t i = 0; i < PATTERN_BYTES; i += sizeof(uint32_t)) {
        const uint32_t word = sb_random_bits(&random);
        memcpy(bytes + i, &word, sizeof word);
    }
}

/* Begin, middle and end. */
enum { PATTERNS = 3 };
static VkDeviceSize pattern_offset(const struct vk_buffer *buffer, int place) {
    return (buffer->size - PATTERN_BYTES) / (PATTERNS - 1) / 16 * 16 * (VkDeviceSize)place;
}

static bool prepare_copy(struct measurement *measurement, struct simba_error *error) {
    struct vk_device *device = measurement->device;
    static const char purpose[] = "the measurement of its bandwidth";
    VkDeviceSize bytes = copy_bytes(device);
    /* Others may have most of the memory. */
    while (!vk_buffer_init(device, bytes, VK_MEMORY_DEVICE, purpose, &measurement->from, error) ||
           !vk_buffer_init(device, bytes, VK_MEMORY_DEVICE, purpose, &measurement->to, error)) {
        vk_buffer_finish(device, &measurement->from);
        bytes /= 2;
        if (error->code != SIMBA_ERROR_MEMORY || bytes < COPY_LEAST_BYTES) return false;
    }
    measurement->groups = (uint32_t)(bytes / COPY_GROUP_BYTES);
    /* Both whole buffers are written once, so that no page of them is the system's one page of zeros. */
    if (!vk_buffer_clear(device, &measurement->from, error) || !vk_buffer_clear(device, &measurement->to, error))
        return false;
    unsigned char *pattern = sb_allocate(1, PATTERN_BYTES, error);
    bool written = pattern != NULL;
    for (int place = 0; written && place < PATTERNS; place++) {
        fill_pattern(place, pattern);
        written = vk_buffer_write(device, &measurement->from, pattern_offset(&measurement->from, place), pattern,
                                  PATTERN_BYTES, error);
    }
    free(pattern);
    return written;
}

static void record_copy(const struct measurement *measurement, VkCommandBuffer commands) {
    const struct vk_buffer *from = &measurement->from, *to = &measurement->to;
    const struct vk_ceiling_copy_arguments arguments = {.x = from->address, .y = to->address};
    if (!measurement->variant->transfer) {
        vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, measurement->pipeline);
        vkCmdPushConstants(commands, measurement->device->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof arguments,
                           &arguments);
    }
    for (uint32_t i = 0; i < measurement->units; i++) {
        if (i) vk_full_barrier(commands);
        if (measurement->variant->transfer)
            vkCmdCopyBuffer(commands, from->handle, to->handle, 1, &(VkBufferCopy){.size = from->size});
        else
            vkCmdDispatch(commands, measurement->groups, 1, 1);
    }
}

static double copy_operations(const struct measurement *measurement) {
    return 2 * (double)measurement->groups * COPY_GROUP_BYTES;
}

static bool verify_copy(const struct measurement *measurement, struct simba_error *error) {
    unsigned char *pattern = sb_allocate(2, PATTERN_BYTES, error);
    bool fine = pattern != NULL;
    for (int place = 0; fine && place < PATTERNS; place++) {
        const VkDeviceSize offset = pattern_offset(&measurement->from, place);
        fill_pattern(place, pattern);
        fine = vk_buffer_read(measurement->device, (struct vk_buffer *)&measurement->to, offset,
                              pattern + PATTERN_BYTES, PATTERN_BYTES, error);
        if (fine && memcmp(pattern, pattern + PATTERN_BYTES, PATTERN_BYTES))
            fine = sb_fail(error, SIMBA_ERROR_DEVICE,
                           "%s cannot be measured: a copy of %llu bytes is not the original at byte %llu and after. No "
                           "result of this driver can be trusted; `simba parity` tells more.",
                           measurement->device->base.description.name, (unsigned long long)measurement->from.size,
                           (unsigned long long)offset);
    }
    free(pattern);
    return fine;
}

static void describe_copy(const struct measurement *measurement, char *text, size_t size) {
    snprintf(text, size, "%s, %u MiB to another %u MiB", measurement->variant->what,
             (unsigned)(measurement->from.size >> 20), (unsigned)(measurement->to.size >> 20));
}

static const struct method copies = {
    .least = 1,
    .most = 1024,
    .prepare = prepare_copy,
    .record = record_copy,
    .operations = copy_operations,
    .verify = verify_copy,
    .describe = describe_copy,
};

/* ---- every ceiling's variants */

static const struct variant variants[] = {
    {.kind = SB_CEILING_COPY, .what = "kernel", .method = &copies, .kernel = VK_KERNEL_CEILING_COPY},
    {.kind = SB_CEILING_COPY, .what = "vkCmdCopyBuffer", .method = &copies, .transfer = true},
    {.kind = SB_CEILING_MULTIPLY_ADD,
     .what = "x * factor + addend",
     .method = &chains,
     .kernel = VK_KERNEL_CEILING_MULTIPLY_ADD,
     .step_operations = 2,
     .factor = 1,
     .addend = 1.0f / ADDENDS_TO_ONE,
     .sum = multiply_add_sum},
    {.kind = SB_CEILING_SPECIAL,
     .what = "the driver's exp2",
     .method = &chains,
     .kernel = VK_KERNEL_CEILING_EXPONENTIAL,
     .step_operations = 1,
     .addend = 1.0f / 16,
     .sum = exponential_sum,
     .tolerance = 1e-4}, /* Mesa's is good to 2.5e-5 */
    {.kind = SB_CEILING_SPECIAL,
     .what = "exp2 as a polynomial",
     .method = &chains,
     .kernel = VK_KERNEL_CEILING_EXPONENTIAL,
     .constants = {[VK_CEILING_EXPONENTIAL_POLYNOMIAL] = 1},
     .step_operations = 1,
     .addend = 1.0f / 16,
     .sum = exponential_sum,
     .tolerance = 1e-5},
    {.kind = SB_CEILING_MATRIX,
     .what = "cooperative matrices",
     .method = &matrices,
     .kernel = VK_KERNEL_CEILING_COOPERATIVE,
     .step_operations = 1,
     .factor = 1,
     .addend = 0.125f / ADDENDS_TO_ONE,
     .sum = matrix_sum,
     .tolerance = 1e-6}, /* of the mean over an invocation's elements */
};
enum { VARIANTS = sizeof variants / sizeof variants[0] };

/* ---- time */

static void record(VkCommandBuffer commands, void *user) {
    const struct measurement *measurement = user;
    if (measurement->queries) {
        vkCmdResetQueryPool(commands, measurement->queries, 0, 2);
        vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, measurement->queries, 0);
    }
    measurement->variant->method->record(measurement, commands);
    if (measurement->queries)
        vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, measurement->queries, 1);
}

static bool run(struct measurement *measurement, uint32_t units, double *seconds, struct simba_error *error) {
    struct vk_device *device = measurement->device;
    measurement->units = units;
    const double begin = sb_now();
    if (!vk_device_run(device, record, measurement, error)) return false;
    *seconds = sb_now() - begin;
    if (!measurement->queries) return true;
    uint64_t stamps[2];
    VK(vkGetQueryPoolResults(device->handle, measurement->queries, 0, 2, sizeof stamps, stamps, sizeof stamps[0],
                             VK_QUERY_RESULT_64_BIT));
    *seconds = vk_device_seconds(device, stamps[0], stamps[1]);
    return true;
error:
    return false;
}

static void finish(struct measurement *measurement) {
    vk_buffer_finish(measurement->device, &measurement->from);
    vk_buffer_finish(measurement->device, &measurement->to);
    vkDestroyQueryPool(measurement->device->handle, measurement->queries, NULL);
}

static bool begin(struct measurement *measurement, struct vk_device *device, const struct variant *variant,
                  struct simba_error *error) {
    *measurement = (struct measurement){.device = device, .variant = variant};
    uint32_t constants[VK_MAX_CONSTANTS];
    memcpy(constants, variant->constants, sizeof constants);
    if (variant->method->specialise) variant->method->specialise(device, constants);
    if (!variant->transfer && !vk_pipeline_get(device, variant->kernel, constants, &measurement->pipeline, error))
        return false;
    if (device->capabilities.timestamp_bits)
        VK(vkCreateQueryPool(device->handle,
                             &(VkQueryPoolCreateInfo){.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                                      .queryType = VK_QUERY_TYPE_TIMESTAMP,
                                                      .queryCount = 2},
                             NULL, &measurement->queries));
    if (variant->method->prepare(measurement, error)) return true;
error:
    finish(measurement);
    return false;
}

/* How many units take long enough, by the faster of two runs: the other may have been held up. These runs also wake the
 * device's clocks. */
static bool scale(struct measurement *measurement, uint32_t *units, struct simba_error *error) {
    const struct method *method = measurement->variant->method;
    for (*units = method->least;;) {
        double seconds, again;
        if (!run(measurement, *units, &seconds, error) || !run(measurement, *units, &again, error)) return false;
        seconds = fmin(seconds, again);
        if (seconds >= enough_seconds || *units == method->most) return true;
        double factor = seconds > 0 ? 1.2 * enough_seconds / seconds : 8;
        factor = factor < 2 ? 2 : factor > 8 ? 8 : factor;
        *units = *units * factor < method->most ? (uint32_t)(*units * factor) : method->most;
    }
}

static bool measure(struct measurement *measurement, struct sb_ceiling *ceiling, struct simba_error *error) {
    uint32_t units;
    if (!scale(measurement, &units, error)) return false;
    const double begin = sb_now();
    double fastest = INFINITY;
    int runs = 0;
    for (; runs < LEAST_RUNS || sb_now() - begin < measuring_seconds; runs++) {
        double seconds;
        if (!run(measurement, units, &seconds, error)) return false;
        fastest = fmin(fastest, seconds);
    }
    if (!measurement->variant->method->verify(measurement, error)) return false;
    if (fastest <= 0)
        return sb_fail(error, SIMBA_ERROR_DEVICE, "The time stamps of %s stand still.",
                       measurement->device->base.description.name);
    const double per_second = units * measurement->variant->method->operations(measurement) / fastest;
    if (per_second <= ceiling->per_second) return true;
    char text[96];
    measurement->variant->method->describe(measurement, text, sizeof text);
    ceiling->per_second = per_second;
    snprintf(ceiling->how, sizeof ceiling->how, "%s; fastest of %d runs of %.1f ms by the %s's clock", text, runs,
             1e3 * fastest, measurement->queries ? "device" : "host");
    return true;
}

static bool has_needs(const struct vk_device *device, const struct variant *variant) {
    return variant->transfer || !(vk_kernels[variant->kernel].needs & ~device->capabilities.available);
}

bool vk_device_ceiling(struct sb_device *base, enum sb_ceiling_kind kind, struct sb_ceiling *ceiling,
                       struct simba_error *error) {
    struct vk_device *device = (struct vk_device *)base;
    int known = 0;
    for (int i = 0; i < VARIANTS; i++) {
        if (variants[i].kind != kind) continue;
        known++;
        if (!has_needs(device, &variants[i])) continue;
        struct measurement measurement;
        if (!begin(&measurement, device, &variants[i], error)) return false;
        const bool measured = measure(&measurement, ceiling, error);
        finish(&measurement);
        if (!measured) return false;
    }
    if (!ceiling->how[0])
        snprintf(ceiling->unsupported, sizeof ceiling->unsupported, "%s",
                 known ? "the device lacks, or --disable hides, what the kernel needs that would measure it"
                       : "this build has no kernel that would measure it");
    return true;
}

bool vk_ceiling_run(struct vk_device *device, enum sb_ceiling_kind kind, int variant, uint32_t units, double *seconds,
                    double *operations, bool *exists, struct simba_error *error) {
    *exists = false;
    for (int i = 0; i < VARIANTS; i++) {
        if (variants[i].kind != kind || variant-- || !has_needs(device, &variants[i])) continue;
        struct measurement measurement;
        *exists = true;
        if (!begin(&measurement, device, &variants[i], error)) return false;
        *operations = units * variants[i].method->operations(&measurement);
        const bool measured = run(&measurement, units, seconds, error) && /* the first one pays for the memory */
                              run(&measurement, units, seconds, error) &&
                              variants[i].method->verify(&measurement, error);
        finish(&measurement);
        return measured;
    }
    return true;
}
