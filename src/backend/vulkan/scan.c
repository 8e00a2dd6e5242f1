/* The selective scan and its gradient: which kernel, with which shape of the work. */
#include "backend/vulkan/lowerings.h"
#include "backend/vulkan/partials.h"
#include "backend/vulkan/short_sequences.h"
#include "ops/ops.h"

static int64_t divide_up(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

static int64_t smallest(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static uint32_t power_of_two_from(int64_t x) {
    uint32_t power = 1;
    while (power < x) power *= 2;
    return power;
}

struct sizes {
    int64_t batch, tokens, channels, states;
};

static struct sizes sizes_of(const struct sb_tensor *u, const struct sb_tensor *a) {
    return (struct sizes){u->shape[0], u->shape[1], u->shape[2], a->shape[1]};
}

/* ---- many short sequences with few states, on drivers that compute on a CPU */

/* Four states are a texel of B. With more than 16 the kernels that exchange lanes have enough to do for each token. */
static bool is_short(const struct vk_limits *limits, struct sizes size) {
    return vk_short_sequences(limits, size.tokens, size.channels) && limits->subgroup_shuffle && size.states <= 16 &&
           size.states % 4 == 0;
}

/* All that the kernels read as texels lies in one memory. */
static bool short_texels(struct vk_lowering *lowering, const struct sb_tensor *tensor, uint32_t *first,
                         uint32_t *pitch) {
    return !tensor ||
           (sb_storage(tensor)->space == SB_SPACE_ACTIVATION && vk_short_texels(lowering, tensor, first, pitch));
}

/* ---- forward */

/* For any device. About 8 states per invocation, so that they stay in registers; 128 invocations, fewer where the
 * channels are few; tiles of up to 16 tokens, as shared memory allows. On a GPU that is what limits how many workgroups
 * run at once: with 8 tokens twice as many have a place. */
static bool scan_anywhere(struct vk_lowering *lowering, const struct sb_node *node, struct sizes size,
                          const struct vk_selective_scan_arguments *arguments) {
    struct sb_tensor *const *in = node->inputs, *const *out = node->outputs;
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    uint32_t slices = power_of_two_from(divide_up(size.states, 8));
    if (slices > 16) slices = 16;
    const uint32_t states = (uint32_t)divide_up(size.states, 4 * slices) * 4;
    const uint32_t workgroup = (uint32_t)smallest(128, power_of_two_from(size.channels) * (int64_t)slices);
    const uint32_t channels = workgroup / slices;
    const uint32_t per_token = 2 * states * slices + 2 * channels + workgroup;
    uint32_t tokens = limits->software ? 16 : 8;
    while (tokens > 1 && tokens * per_token * sizeof(float) > limits->max_shared_bytes) tokens /= 2;

    const int64_t rounds = divide_up(tokens * states * slices, workgroup) +
                           (3 + slices) * divide_up(tokens * channels, workgroup) + tokens;
    if (divide_up(size.tokens, tokens) * rounds > limits->iterations)
        return vk_lowering_fail(lowering, SIMBA_ERROR_UNSUPPORTED,
                                "%s: a sequence of %lld tokens is too long for this device, whose loops end early and "
                                "which has no subgroup operations.",
                                node->name, (long long)size.tokens);
    const struct vk_dispatch dispatch = {.kernel = VK_KERNEL_SELECTIVE_SCAN,
                                         .arguments = arguments,
                                         .groups = {(uint32_t)divide_up(size.channels, channels), (uint32_t)size.batch},
                                         .constants = {[VK_SELECTIVE_SCAN_WORKGROUP] = workgroup,
                                                       [VK_SELECTIVE_SCAN_SLICES] = slices,
                                                       [VK_SELECTIVE_SCAN_STATES] = states,
                                                       [VK_SELECTIVE_SCAN_TOKENS] = tokens,
                                                       [VK_SELECTIVE_SCAN_POLYNOMIAL] = limits->polynomial_exponential,
                                                       [VK_SELECTIVE_SCAN_SOFTPLUS] = node->attributes.scan.softplus,
                                                       [VK_SELECTIVE_SCAN_HAS_D] = in[SB_SCAN_D] != NULL,
                                                       [VK_SELECTIVE_SCAN_HAS_Z] = in[SB_SCAN_Z] != NULL,
                                                       [VK_SELECTIVE_SCAN_HAS_BIAS] = in[SB_SCAN_BIAS] != NULL,
                                                       [VK_SELECTIVE_SCAN_SAVE_UNGATED] = out[SB_SCAN_UNGATED] != NULL,
                                                       [VK_SELECTIVE_SCAN_SAVE_STATES] = out[SB_SCAN_STATES] != NULL}};
    return vk_dispatch(lowering, &dispatch);
}

/* 64-bit words: the price of a gather is per lane, but LLVM has no good code for 16 lanes of 64 bits. */
static bool pairs_pay(const struct vk_limits *limits) {
    return limits->int64 && limits->subgroup_size <= 8;
}

/* Whether every row of a tensor can be read as pairs of floats. */
static bool in_pairs(const struct sb_tensor *tensor) {
    return !tensor || (sb_columns(tensor) % 2 == 0 && tensor->pitch % 2 == 0 && sb_address(tensor) % 8 == 0);
}

/* For drivers that compute on a CPU. */
static bool scan_in_lanes(struct vk_lowering *lowering, const struct sb_node *node, struct sizes size,
                          const struct vk_selective_scan_arguments *arguments) {
    struct sb_tensor *const *in = node->inputs, *const *out = node->outputs;
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    bool pairs = pairs_pay(limits);
    for (int i = 0; i <= SB_SCAN_BIAS; i++) pairs = pairs && in_pairs(in[i]);
    for (int i = 0; i <= SB_SCAN_STATES; i++) pairs = pairs && in_pairs(out[i]);
    if (size.tokens + divide_up(size.tokens, arguments->chunk) > limits->iterations)
        return vk_lowering_fail(lowering, SIMBA_ERROR_UNSUPPORTED,
                                "%s: a sequence of %lld tokens is too long for this device, whose loops end early.",
                                node->name, (long long)size.tokens);
    const struct vk_dispatch dispatch = {
        .kernel = pairs ? VK_KERNEL_SELECTIVE_SCAN_LANES_PAIRS : VK_KERNEL_SELECTIVE_SCAN_LANES,
        .arguments = arguments, /* the same arguments, other types */
        .groups = {(uint32_t)divide_up(size.channels, 2 * limits->subgroup_size), (uint32_t)size.batch},
        .constants = {[VK_SELECTIVE_SCAN_LANES_WORKGROUP] = limits->subgroup_size,
                      [VK_SELECTIVE_SCAN_LANES_STATES] = (uint32_t)size.states,
                      [VK_SELECTIVE_SCAN_LANES_SINGLE] = size.tokens == 1,
                      [VK_SELECTIVE_SCAN_LANES_POLYNOMIAL] = limits->polynomial_exponential,
                      [VK_SELECTIVE_SCAN_LANES_SOFTPLUS] = node->attributes.scan.softplus,
                      [VK_SELECTIVE_SCAN_LANES_HAS_D] = in[SB_SCAN_D] != NULL,
                      [VK_SELECTIVE_SCAN_LANES_HAS_Z] = in[SB_SCAN_Z] != NULL,
                      [VK_SELECTIVE_SCAN_LANES_HAS_BIAS] = in[SB_SCAN_BIAS] != NULL,
                      [VK_SELECTIVE_SCAN_LANES_SAVE_UNGATED] = out[SB_SCAN_UNGATED] != NULL,
                      [VK_SELECTIVE_SCAN_LANES_SAVE_STATES] = out[SB_SCAN_STATES] != NULL}};
    return vk_dispatch(lowering, &dispatch);
}

/* *done stays false, and nothing is done, where the kernel does not fit. */
static bool short_scan(struct vk_lowering *lowering, const struct sb_node *node, struct sizes size, bool *done) {
    struct sb_tensor *const *in = node->inputs, *const *out = node->outputs;
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    struct vk_selective_scan_short_arguments arguments = {.y = vk_tensor_address(lowering, out[SB_SCAN_Y]),
                                                          .ungated = vk_tensor_address(lowering, out[SB_SCAN_UNGATED]),
                                                          .d = vk_tensor_address(lowering, in[SB_SCAN_D]),
                                                          .bias = vk_tensor_address(lowering, in[SB_SCAN_BIAS]),
                                                          .samples = (uint32_t)size.batch,
                                                          .channel_quads = (uint32_t)(size.channels / 4)};
    uint32_t dense;
    *done = is_short(limits, size) && !out[SB_SCAN_STATES] && vk_short_target(out[SB_SCAN_Y]) &&
            vk_short_target(out[SB_SCAN_UNGATED]) &&
            short_texels(lowering, in[SB_SCAN_U], &arguments.u_first, &dense) &&
            short_texels(lowering, in[SB_SCAN_DELTA], &arguments.delta_first, &dense) &&
            short_texels(lowering, in[SB_SCAN_A], &arguments.a_first, &dense) &&
            short_texels(lowering, in[SB_SCAN_B], &arguments.b_first, &arguments.b_pitch) &&
            short_texels(lowering, in[SB_SCAN_C], &arguments.c_first, &arguments.c_pitch) &&
            short_texels(lowering, in[SB_SCAN_Z], &arguments.z_first, &arguments.z_pitch);
    if (!*done) return true;
    uint32_t groups[2];
    vk_short_groups(limits, size.channels, size.batch, size.states / 4 + 1, groups);
    return vk_dispatch(
        lowering,
        &(struct vk_dispatch){.kernel = VK_KERNEL_SELECTIVE_SCAN_SHORT,
                              .arguments = &arguments,
                              .groups = {groups[0], groups[1]},
                              .texels = {vk_tensor_address(lowering, in[SB_SCAN_U])},
                              .constants = {[VK_SELECTIVE_SCAN_SHORT_WORKGROUP] = limits->subgroup_size,
                                            [VK_SELECTIVE_SCAN_SHORT_TOKENS] = (uint32_t)size.tokens,
                                            [VK_SELECTIVE_SCAN_SHORT_QUADS] = (uint32_t)(size.states / 4),
                                            [VK_SELECTIVE_SCAN_SHORT_POLYNOMIAL] = limits->polynomial_exponential,
                                            [VK_SELECTIVE_SCAN_SHORT_SOFTPLUS] = node->attributes.scan.softplus,
                                            [VK_SELECTIVE_SCAN_SHORT_HAS_D] = in[SB_SCAN_D] != NULL,
                                            [VK_SELECTIVE_SCAN_SHORT_HAS_Z] = in[SB_SCAN_Z] != NULL,
                                            [VK_SELECTIVE_SCAN_SHORT_HAS_BIAS] = in[SB_SCAN_BIAS] != NULL,
                                            [VK_SELECTIVE_SCAN_SHORT_SAVE_UNGATED] = out[SB_SCAN_UNGATED] != NULL}});
}

bool vk_lower_selective_scan(struct vk_lowering *lowering, const struct sb_node *node) {
    struct sb_tensor *const *in = node->inputs, *const *out = node->outputs;
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const struct sizes size = sizes_of(in[SB_SCAN_U], in[SB_SCAN_A]);
    bool done;
    if (!short_scan(lowering, node, size, &done)) return false;
    if (done) return true;
    const struct sb_tensor *z = in[SB_SCAN_Z];
    const struct vk_selective_scan_arguments arguments = {
        .u = vk_tensor_address(lowering, in[SB_SCAN_U]),
        .delta = vk_tensor_address(lowering, in[SB_SCAN_DELTA]),
        .a = vk_tensor_address(lowering, in[SB_SCAN_A]),
        .b = vk_tensor_address(lowering, in[SB_SCAN_B]),
        .c = vk_tensor_address(lowering, in[SB_SCAN_C]),
        .d = vk_tensor_address(lowering, in[SB_SCAN_D]),
        .z = vk_tensor_address(lowering, z),
        .bias = vk_tensor_address(lowering, in[SB_SCAN_BIAS]),
        .y = vk_tensor_address(lowering, out[SB_SCAN_Y]),
        .ungated = vk_tensor_address(lowering, out[SB_SCAN_UNGATED]),
        .states = vk_tensor_address(lowering, out[SB_SCAN_STATES]),
        .tokens = (uint32_t)size.tokens,
        .channels = (uint32_t)size.channels,
        .states_count = (uint32_t)size.states,
        .b_pitch = (uint32_t)in[SB_SCAN_B]->pitch,
        .c_pitch = (uint32_t)in[SB_SCAN_C]->pitch,
        .z_pitch = z ? (uint32_t)z->pitch : 0,
        .chunk = out[SB_SCAN_STATES] ? (uint32_t)node->attributes.scan.chunk : (uint32_t)size.tokens};
    return limits->software && limits->subgroup_shuffle ? scan_in_lanes(lowering, node, size, &arguments)
                                                        : scan_anywhere(lowering, node, size, &arguments);
}

/* ---- gradient */

/* An output that nobody wants still needs a place to be written to. */
static uint64_t address_or_scratch(struct vk_lowering *lowering, const struct sb_tensor *tensor, int64_t elements) {
    return tensor ? vk_tensor_address(lowering, tensor)
                  : vk_scratch_address(lowering, (size_t)elements * sizeof(float));
}

/* dD and dbias. */
static bool gradient_sums(struct vk_lowering *lowering, const struct sb_node *node, uint64_t ddelta) {
    struct sb_tensor *const *in = node->inputs, *const *out = node->outputs;
    const struct sb_tensor *dd = out[SB_SCAN_GRADIENT_DD], *dbias = out[SB_SCAN_GRADIENT_DBIAS];
    const struct sb_tensor *z = in[SB_SCAN_GRADIENT_Z];
    if (!dd && !dbias) return true;
    const struct sb_tensor *u = in[SB_SCAN_GRADIENT_U];
    const int64_t channels = sb_columns(u), rows = sb_rows(u);
    /* Blocks of 64 rows or more, at most 256 of them: enough to share out, few enough to add. */
    int64_t block_rows = divide_up(rows, 256);
    if (block_rows < 64) block_rows = 64;
    block_rows = smallest(block_rows, vk_lowering_limits(lowering)->iterations);
    const int64_t blocks = divide_up(rows, block_rows);
    const size_t bytes = (size_t)(blocks * channels) * sizeof(float);
    const struct vk_selective_scan_gradient_sums_arguments arguments = {
        .dy = vk_tensor_address(lowering, in[SB_SCAN_GRADIENT_DY]),
        .u = vk_tensor_address(lowering, u),
        .z = vk_tensor_address(lowering, z),
        .ddelta = ddelta,
        .dd = dd ? vk_scratch_address(lowering, bytes) : 0,
        .dbias = dbias ? vk_scratch_address(lowering, bytes) : 0,
        .rows = (uint32_t)rows,
        .block_rows = (uint32_t)block_rows,
        .channels = (uint32_t)channels,
        .z_pitch = z ? (uint32_t)z->pitch : 0};
    const struct vk_dispatch dispatch = {.kernel = VK_KERNEL_SELECTIVE_SCAN_GRADIENT_SUMS,
                                         .arguments = &arguments,
                                         .groups = {(uint32_t)divide_up(channels, 64), (uint32_t)blocks},
                                         .constants = {[VK_SELECTIVE_SCAN_GRADIENT_SUMS_WORKGROUP] = 64,
                                                       [VK_SELECTIVE_SCAN_GRADIENT_SUMS_POLYNOMIAL] =
                                                           vk_lowering_limits(lowering)->polynomial_exponential,
                                                       [VK_SELECTIVE_SCAN_GRADIENT_SUMS_HAS_D] = dd != NULL,
                                                       [VK_SELECTIVE_SCAN_GRADIENT_SUMS_HAS_Z] = z != NULL,
                                                       [VK_SELECTIVE_SCAN_GRADIENT_SUMS_HAS_BIAS] = dbias != NULL}};
    if (!vk_dispatch(lowering, &dispatch)) return false;
    if (dd && !vk_sum_partials(lowering, arguments.dd, blocks, dd, false)) return false;
    return !dbias || vk_sum_partials(lowering, arguments.dbias, blocks, dbias, dd != NULL);
}

/* The kernels of the gradient differ in how they share out the states; the work of a workgroup is the same. */
struct gradient_plan {
    uint32_t workgroup;
    int64_t rounds; /* of a software device's loops for each channel of a chunk */
};

/* For any device: one state per invocation, more when there are more than 64. */
static struct gradient_plan plan_anywhere(const struct vk_limits *limits, struct sizes size, int64_t chunk) {
    uint32_t workgroup = size.states > 32 ? 64 : 32;
    while (workgroup > 1 &&
           (2 * chunk * (workgroup + 1) + 3 * chunk) * (int64_t)sizeof(float) > (int64_t)limits->max_shared_bytes)
        workgroup /= 2;
    const int64_t states = divide_up(size.states, workgroup);
    return (struct gradient_plan){.workgroup = workgroup,
                                  .rounds = 4 * chunk * (states + 1) + divide_up(chunk, workgroup) * (workgroup + 2) +
                                            4 * states + 4};
}

static bool gradient_anywhere(struct vk_lowering *lowering, const struct sb_node *node, struct sizes size,
                              uint32_t workgroup, struct vk_dispatch dispatch) {
    dispatch.kernel = VK_KERNEL_SELECTIVE_SCAN_GRADIENT;
    uint32_t *constants = dispatch.constants;
    constants[VK_SELECTIVE_SCAN_GRADIENT_WORKGROUP] = workgroup;
    constants[VK_SELECTIVE_SCAN_GRADIENT_STATES] = (uint32_t)divide_up(size.states, workgroup);
    constants[VK_SELECTIVE_SCAN_GRADIENT_TOKENS] = (uint32_t)node->attributes.scan.chunk;
    constants[VK_SELECTIVE_SCAN_GRADIENT_POLYNOMIAL] = vk_lowering_limits(lowering)->polynomial_exponential;
    constants[VK_SELECTIVE_SCAN_GRADIENT_SOFTPLUS] = node->attributes.scan.softplus;
    constants[VK_SELECTIVE_SCAN_GRADIENT_HAS_D] = node->inputs[SB_SCAN_GRADIENT_D] != NULL;
    constants[VK_SELECTIVE_SCAN_GRADIENT_HAS_Z] = node->inputs[SB_SCAN_GRADIENT_Z] != NULL;
    constants[VK_SELECTIVE_SCAN_GRADIENT_HAS_BIAS] = node->inputs[SB_SCAN_GRADIENT_BIAS] != NULL;
    return vk_dispatch(lowering, &dispatch);
}

/* For devices with shuffles. By AMD's compiler's estimate for RDNA 3 the 16 tokens of a channel with 64 states occupy a
 * SIMD unit for 335 cycles, with the kernel for any device for 396 and with barriers. */
static bool gradient_in_lanes(struct vk_lowering *lowering, const struct sb_node *node, struct sizes size, bool pairs,
                              struct vk_dispatch dispatch) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    dispatch.kernel = pairs ? VK_KERNEL_SELECTIVE_SCAN_GRADIENT_LANES_PAIRS : VK_KERNEL_SELECTIVE_SCAN_GRADIENT_LANES;
    uint32_t *constants = dispatch.constants;
    constants[VK_SELECTIVE_SCAN_GRADIENT_LANES_WORKGROUP] = limits->subgroup_size;
    constants[VK_SELECTIVE_SCAN_GRADIENT_LANES_STATES_COUNT] = (uint32_t)size.states;
    constants[VK_SELECTIVE_SCAN_GRADIENT_LANES_TOKENS] = (uint32_t)node->attributes.scan.chunk;
    constants[VK_SELECTIVE_SCAN_GRADIENT_LANES_SINGLE] = node->inputs[SB_SCAN_GRADIENT_STATES] == NULL;
    constants[VK_SELECTIVE_SCAN_GRADIENT_LANES_POLYNOMIAL] = limits->polynomial_exponential;
    constants[VK_SELECTIVE_SCAN_GRADIENT_LANES_SOFTPLUS] = node->attributes.scan.softplus;
    constants[VK_SELECTIVE_SCAN_GRADIENT_LANES_HAS_D] = node->inputs[SB_SCAN_GRADIENT_D] != NULL;
    constants[VK_SELECTIVE_SCAN_GRADIENT_LANES_HAS_Z] = node->inputs[SB_SCAN_GRADIENT_Z] != NULL;
    constants[VK_SELECTIVE_SCAN_GRADIENT_LANES_HAS_BIAS] = node->inputs[SB_SCAN_GRADIENT_BIAS] != NULL;
    return vk_dispatch(lowering, &dispatch);
}

static bool gradient_in_pairs(const struct sb_node *node) {
    bool pairs = true;
    for (int i = 0; i <= SB_SCAN_GRADIENT_STATES; i++) pairs = pairs && in_pairs(node->inputs[i]);
    for (int i = 0; i <= SB_SCAN_GRADIENT_DBIAS; i++) pairs = pairs && in_pairs(node->outputs[i]);
    return pairs;
}

/* As short_scan. */
static bool short_gradient(struct vk_lowering *lowering, const struct sb_node *node, struct sizes size, bool *done) {
    struct sb_tensor *const *in = node->inputs, *const *out = node->outputs;
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const struct sb_tensor *z = in[SB_SCAN_GRADIENT_Z], *dz = out[SB_SCAN_GRADIENT_DZ];
    const int64_t elements = size.batch * size.tokens * size.channels, rows = size.batch * size.tokens;
    uint32_t grid[2];
    vk_short_groups(limits, size.channels, size.batch, size.states / 4 + 1, grid);
    const int64_t groups = grid[0], batch_groups = grid[1];
    const size_t partial_bytes = (size_t)(groups * rows * size.states) * sizeof(float);
    struct vk_selective_scan_gradient_short_arguments arguments = {.dz_pitch =
                                                                       (uint32_t)((dz ? dz->pitch : size.channels) / 4),
                                                                   .samples = (uint32_t)size.batch,
                                                                   .channel_quads = (uint32_t)(size.channels / 4)};
    uint32_t dense;
    *done = is_short(limits, size) && !in[SB_SCAN_GRADIENT_STATES] && 2 * partial_bytes <= (size_t)512 << 20 &&
            vk_short_target(out[SB_SCAN_GRADIENT_DU]) && vk_short_target(out[SB_SCAN_GRADIENT_DDELTA]) &&
            vk_short_target(dz) && short_texels(lowering, in[SB_SCAN_GRADIENT_DY], &arguments.dy_first, &dense) &&
            short_texels(lowering, in[SB_SCAN_GRADIENT_U], &arguments.u_first, &dense) &&
            short_texels(lowering, in[SB_SCAN_GRADIENT_DELTA], &arguments.delta_first, &dense) &&
            short_texels(lowering, in[SB_SCAN_GRADIENT_A], &arguments.a_first, &dense) &&
            short_texels(lowering, in[SB_SCAN_GRADIENT_B], &arguments.b_first, &arguments.b_pitch) &&
            short_texels(lowering, in[SB_SCAN_GRADIENT_C], &arguments.c_first, &arguments.c_pitch) &&
            short_texels(lowering, z, &arguments.z_first, &arguments.z_pitch) &&
            short_texels(lowering, in[SB_SCAN_GRADIENT_UNGATED], &arguments.ungated_first, &dense);
    if (!*done) return true;

    /* A workgroup's share of dA, dD and dbias is one more to store and to add. */
    const size_t vector_bytes = (size_t)(batch_groups * size.channels) * sizeof(float);
    arguments.du = address_or_scratch(lowering, out[SB_SCAN_GRADIENT_DU], elements);
    arguments.ddelta = address_or_scratch(lowering, out[SB_SCAN_GRADIENT_DDELTA], elements);
    arguments.dz = z ? address_or_scratch(lowering, dz, elements) : 0;
    arguments.da = vk_scratch_address(lowering, vector_bytes * (size_t)size.states);
    arguments.dd = vk_scratch_address(lowering, vector_bytes);
    arguments.dbias = vk_scratch_address(lowering, vector_bytes);
    arguments.db_dc = vk_scratch_address(lowering, 2 * partial_bytes);
    arguments.d = vk_tensor_address(lowering, in[SB_SCAN_GRADIENT_D]);
    arguments.bias = vk_tensor_address(lowering, in[SB_SCAN_GRADIENT_BIAS]);
    if (!vk_dispatch(
            lowering,
            &(struct vk_dispatch){
                .kernel = VK_KERNEL_SELECTIVE_SCAN_GRADIENT_SHORT,
                .arguments = &arguments,
                .groups = {grid[0], grid[1]},
                .texels = {vk_tensor_address(lowering, in[SB_SCAN_GRADIENT_U])},
                .constants = {[VK_SELECTIVE_SCAN_GRADIENT_SHORT_WORKGROUP] = limits->subgroup_size,
                              [VK_SELECTIVE_SCAN_GRADIENT_SHORT_TOKENS] = (uint32_t)size.tokens,
                              [VK_SELECTIVE_SCAN_GRADIENT_SHORT_QUADS] = (uint32_t)(size.states / 4),
                              [VK_SELECTIVE_SCAN_GRADIENT_SHORT_POLYNOMIAL] = limits->polynomial_exponential,
                              [VK_SELECTIVE_SCAN_GRADIENT_SHORT_SOFTPLUS] = node->attributes.scan.softplus,
                              [VK_SELECTIVE_SCAN_GRADIENT_SHORT_HAS_D] = in[SB_SCAN_GRADIENT_D] != NULL,
                              [VK_SELECTIVE_SCAN_GRADIENT_SHORT_HAS_Z] = z != NULL,
                              [VK_SELECTIVE_SCAN_GRADIENT_SHORT_HAS_BIAS] = in[SB_SCAN_GRADIENT_BIAS] != NULL}}))
        return false;
    /* The first of the sums waits for the kernel above, the others run beside it. */
    const struct {
        uint64_t partials;
        int64_t parts;
        const struct sb_tensor *sum;
    } sums[] = {{arguments.db_dc, groups, out[SB_SCAN_GRADIENT_DB]},
                {arguments.db_dc + partial_bytes, groups, out[SB_SCAN_GRADIENT_DC]},
                {arguments.da, batch_groups, out[SB_SCAN_GRADIENT_DA]},
                {arguments.dd, batch_groups, out[SB_SCAN_GRADIENT_DD]},
                {arguments.dbias, batch_groups, out[SB_SCAN_GRADIENT_DBIAS]}};
    bool waited = false;
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) {
        if (!sums[i].sum) continue;
        if (!vk_sum_partials(lowering, sums[i].partials, sums[i].parts, sums[i].sum, waited)) return false;
        waited = true;
    }
    return true;
}

bool vk_lower_selective_scan_gradient(struct vk_lowering *lowering, const struct sb_node *node) {
    struct sb_tensor *const *in = node->inputs, *const *out = node->outputs;
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const struct sizes size = sizes_of(in[SB_SCAN_GRADIENT_U], in[SB_SCAN_GRADIENT_A]);
    bool done;
    if (!short_gradient(lowering, node, size, &done)) return false;
    if (done) return true;
    const struct sb_tensor *z = in[SB_SCAN_GRADIENT_Z], *da = out[SB_SCAN_GRADIENT_DA];
    const struct sb_tensor *db = out[SB_SCAN_GRADIENT_DB], *dc = out[SB_SCAN_GRADIENT_DC];
    const struct sb_tensor *dz = out[SB_SCAN_GRADIENT_DZ];
    const int64_t chunk = node->attributes.scan.chunk, chunks = divide_up(size.tokens, chunk);
    const int64_t rows = size.batch * size.tokens, elements = rows * size.channels;
    const bool pairs = pairs_pay(limits) && gradient_in_pairs(node);

    /* All states of a chunk, six times over, lie in registers, and all else that is live takes no more than two such
     * arrays. With idle lanes to be told apart some of AMD's GPUs spill; a CPU's driver puts the rest on the stack, but
     * takes minutes to compile code for many more than 128. */
    const int64_t unrolled = chunk * divide_up(size.states, limits->subgroup_size);
    const bool fits =
        limits->software ? unrolled <= 160 : 8 * unrolled <= limits->registers && size.states >= limits->subgroup_size;
    const bool lanes = limits->subgroup_shuffle && fits;
    const struct gradient_plan plan =
        lanes ? (struct gradient_plan){limits->subgroup_size, 2} : plan_anywhere(limits, size, chunk);

    /* Groups of channels: enough workgroups to fill the device and no more, because B, C, dB and dC are moved once for
     * each group, but partial sums of dB and dC within 512 MB, and a chunk within what a device's loops can
     * do. */
    int64_t groups = smallest(divide_up(limits->software ? limits->processors : 1024, size.batch), size.channels);
    const int64_t group_bytes = 2 * rows * size.states * (int64_t)sizeof(float);
    groups = smallest(groups, 1 + (512 << 20) / group_bytes);
    int64_t group_channels = divide_up(size.channels, groups), dispatch_chunks = chunks;
    group_channels = smallest(group_channels, (limits->iterations / 2 - 8) / plan.rounds);
    if (pairs) group_channels = divide_up(group_channels, 2) * 2;
    dispatch_chunks = smallest(chunks, limits->iterations / 2 / (group_channels * plan.rounds + 1));
    groups = divide_up(size.channels, group_channels);
    /* A workgroup takes one sample after another, as its loops allow: its share of dA is one more to store and to add.
     */
    const int64_t rounds = dispatch_chunks * (group_channels * plan.rounds + 1) + 1;
    int64_t batch_groups = divide_up(limits->software ? 16 * limits->processors : 1024, groups);
    if (batch_groups < divide_up(size.batch * rounds, limits->iterations / 2))
        batch_groups = divide_up(size.batch * rounds, limits->iterations / 2);
    batch_groups = smallest(smallest(batch_groups, size.batch), limits->max_groups[1]);

    const bool split_b = groups > 1 || !db, split_c = groups > 1 || !dc, split_a = batch_groups > 1 || !da;
    const size_t partial_bytes = (size_t)(groups * group_bytes / 2);
    struct vk_selective_scan_gradient_arguments arguments = {
        .dy = vk_tensor_address(lowering, in[SB_SCAN_GRADIENT_DY]),
        .u = vk_tensor_address(lowering, in[SB_SCAN_GRADIENT_U]),
        .delta = vk_tensor_address(lowering, in[SB_SCAN_GRADIENT_DELTA]),
        .a = vk_tensor_address(lowering, in[SB_SCAN_GRADIENT_A]),
        .b = vk_tensor_address(lowering, in[SB_SCAN_GRADIENT_B]),
        .c = vk_tensor_address(lowering, in[SB_SCAN_GRADIENT_C]),
        .d = vk_tensor_address(lowering, in[SB_SCAN_GRADIENT_D]),
        .z = vk_tensor_address(lowering, z),
        .bias = vk_tensor_address(lowering, in[SB_SCAN_GRADIENT_BIAS]),
        .ungated = vk_tensor_address(lowering, in[SB_SCAN_GRADIENT_UNGATED]),
        .states = vk_tensor_address(lowering, in[SB_SCAN_GRADIENT_STATES]),
        .du = address_or_scratch(lowering, out[SB_SCAN_GRADIENT_DU], elements),
        .ddelta = address_or_scratch(lowering, out[SB_SCAN_GRADIENT_DDELTA], elements),
        .da = address_or_scratch(lowering, split_a ? NULL : da, batch_groups * size.channels * size.states),
        .db = split_b ? vk_scratch_address(lowering, partial_bytes) : vk_tensor_address(lowering, db),
        .dc = split_c ? vk_scratch_address(lowering, partial_bytes) : vk_tensor_address(lowering, dc),
        .dz = z ? address_or_scratch(lowering, dz, elements) : 0,
        .carry = chunks > 1
                     ? vk_scratch_address(lowering, (size_t)(size.batch * size.channels * size.states) * sizeof(float))
                     : 0,
        .rows = (uint32_t)rows,
        .samples = (uint32_t)size.batch,
        .tokens = (uint32_t)size.tokens,
        .channels = (uint32_t)size.channels,
        .group_channels = (uint32_t)group_channels,
        .states_count = (uint32_t)size.states,
        .b_pitch = (uint32_t)in[SB_SCAN_GRADIENT_B]->pitch,
        .c_pitch = (uint32_t)in[SB_SCAN_GRADIENT_C]->pitch,
        .z_pitch = z ? (uint32_t)z->pitch : 0,
        .db_pitch = (uint32_t)(split_b ? size.states : db->pitch),
        .dc_pitch = (uint32_t)(split_c ? size.states : dc->pitch),
        .dz_pitch = (uint32_t)(dz ? dz->pitch : size.channels)};
    for (int64_t end = chunks; end > 0; end -= dispatch_chunks) {
        arguments.end_chunk = (uint32_t)end;
        arguments.first_chunk = (uint32_t)(end > dispatch_chunks ? end - dispatch_chunks : 0);
        const struct vk_dispatch dispatch = {.arguments = &arguments,
                                             .groups = {(uint32_t)groups, (uint32_t)batch_groups}};
        if (!(lanes ? gradient_in_lanes(lowering, node, size, pairs, dispatch)
                    : gradient_anywhere(lowering, node, size, plan.workgroup, dispatch)))
            return false;
    }
    /* The first of the sums waits for the kernel above, the others run beside it. */
    bool waited = false;
    if (db && split_b) {
        if (!vk_sum_partials(lowering, arguments.db, groups, db, waited)) return false;
        waited = true;
    }
    if (dc && split_c) {
        if (!vk_sum_partials(lowering, arguments.dc, groups, dc, waited)) return false;
        waited = true;
    }
    if (da && split_a && !vk_sum_partials(lowering, arguments.da, batch_groups, da, waited)) return false;
    return gradient_sums(lowering, node, arguments.ddelta);
}
