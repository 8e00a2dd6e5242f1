/* Layer and batch normalisation and their gradients. */
#include "backend/vulkan/lowerings.h"
#include "backend/vulkan/partials.h"
#include "ops/ops.h"

#include <string.h>

enum { GRADIENT_DY, GRADIENT_X, GRADIENT_GAMMA, GRADIENT_STATS, GRADIENT_ADDEND, GRADIENT_Y = GRADIENT_ADDEND };
enum { GRADIENT_DX, GRADIENT_DGAMMA, GRADIENT_DBETA };

/* How the kernels are laid out in which an invocation walks down a block of rows of one column; see columns.glsl. */
struct blocks {
    uint32_t workgroup, groups[2];
    int64_t rows, count; /* rows of a block, blocks */
};

static struct blocks blocks_of(const struct vk_limits *limits, const struct sb_tensor *x, uint32_t workgroup,
                               int64_t columns) {
    const int64_t rows = sb_rows(x), down = columns < workgroup ? workgroup / columns : 1;
    struct blocks blocks = {.workgroup = workgroup};
    /* Short enough that many run at once, and few enough that the second stage stays small. */
    blocks.rows = (rows + 255) / 256;
    if (blocks.rows < 64) blocks.rows = 64;
    /* Two loops over them in one kernel; see lower.h. */
    if (blocks.rows > limits->iterations / 2) blocks.rows = limits->iterations / 2;
    blocks.count = (rows + blocks.rows - 1) / blocks.rows;
    blocks.groups[0] = (uint32_t)((columns + workgroup - 1) / workgroup);
    blocks.groups[1] = (uint32_t)((blocks.count + down - 1) / down);
    return blocks;
}

/* A column is a channel. */
static struct blocks blocks_of_channels(const struct vk_limits *limits, const struct sb_tensor *x) {
    return blocks_of(limits, x, 64, sb_columns(x));
}

/* A column is a texel: four channels. */
static bool blocks_of_texels(const struct vk_limits *limits, const struct sb_tensor *x, struct blocks *blocks) {
    if (!limits->software || !limits->int64 || sb_columns(x) % 4) return false;
    *blocks = blocks_of(limits, x, limits->subgroup_size, sb_columns(x) / 4);
    return true;
}

/* A subgroup of the device per row, or a row per invocation; then a workgroup takes some rows one after the other. */
static uint32_t row_groups(const struct vk_limits *limits, const struct sb_tensor *x) {
    const int64_t rows = sb_rows(x), at_once = limits->subgroup_arithmetic ? 1 : limits->subgroup_size;
    const int64_t lanes = limits->subgroup_arithmetic ? limits->subgroup_size : 1;
    /* Three loops over the columns of a row; see lower.h. */
    int64_t each = limits->iterations / (3 * ((sb_columns(x) + lanes - 1) / lanes) + 1);
    if (each < 1) each = 1;
    if (each > 8) each = 8;
    const int64_t groups = (rows + at_once * each - 1) / (at_once * each);
    return (uint32_t)(groups < 65535 ? groups : 65535);
}

/* For the kernels that keep a row in the registers of one subgroup: the quads of channels of an invocation, 0 where
 * they cannot be used, and the rows of a workgroup. */
struct quads {
    uint32_t quads, block_rows, groups;
};

static struct quads quads_of(const struct vk_limits *limits, const struct sb_tensor *x) {
    const int64_t channels = sb_columns(x), rows = sb_rows(x), lanes = limits->subgroup_size;
    struct quads result = {0};
    if (!limits->subgroup_arithmetic || !limits->subgroup_ballot || channels % 4) return result;
    const int64_t quads = (channels / 4 + lanes - 1) / lanes;
    if (quads > 16) return result;
    /* Every workgroup loads gamma and beta once: long blocks for a processor, many for a device that wants them. */
    const int64_t most = limits->software ? 64 : 2048, shortest = limits->software ? 8 : 2;
    int64_t block_rows = (rows + most - 1) / most;
    if (block_rows < shortest) block_rows = shortest;
    if (block_rows > limits->iterations) block_rows = limits->iterations;
    result.quads = (uint32_t)quads;
    result.block_rows = (uint32_t)block_rows;
    result.groups = (uint32_t)((rows + block_rows - 1) / block_rows);
    return result;
}

static bool lower_layer_norm_quads(struct vk_lowering *lowering, const struct sb_node *node, struct quads quads) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const struct sb_tensor *x = node->inputs[0], *gamma = node->inputs[1], *beta = node->inputs[2];
    struct vk_layer_norm_texels_arguments texels = {.y = vk_tensor_address(lowering, node->outputs[0]),
                                                    .stats = vk_tensor_address(lowering, node->outputs[1]),
                                                    .rows = (uint32_t)sb_rows(x),
                                                    .block_rows = quads.block_rows,
                                                    .channels = (uint32_t)sb_columns(x),
                                                    .epsilon = node->attributes.norm.epsilon};
    uint64_t addresses[3];
    const bool shown = vk_tensor_texels(lowering, x, &addresses[0], &texels.x_first) &&
                       vk_tensor_texels(lowering, gamma, &addresses[1], &texels.gamma_first) &&
                       vk_tensor_texels(lowering, beta, &addresses[2], &texels.beta_first);
    if (shown && limits->software && limits->int64)
        return vk_dispatch(lowering,
                           &(struct vk_dispatch){.kernel = VK_KERNEL_LAYER_NORM_TEXELS,
                                                 .arguments = &texels,
                                                 .constants = {[VK_LAYER_NORM_TEXELS_WORKGROUP] = limits->subgroup_size,
                                                               [VK_LAYER_NORM_TEXELS_QUADS] = quads.quads},
                                                 .groups = {quads.groups},
                                                 .texels = {addresses[0], addresses[1], addresses[2]}});
    const struct vk_layer_norm_quads_arguments arguments = {.x = vk_tensor_address(lowering, x),
                                                            .gamma = vk_tensor_address(lowering, gamma),
                                                            .beta = vk_tensor_address(lowering, beta),
                                                            .y = texels.y,
                                                            .stats = texels.stats,
                                                            .rows = texels.rows,
                                                            .block_rows = texels.block_rows,
                                                            .channels = texels.channels,
                                                            .epsilon = texels.epsilon};
    return vk_dispatch(
        lowering,
        &(struct vk_dispatch){
            .kernel = VK_KERNEL_LAYER_NORM_QUADS,
            .arguments = &arguments,
            .constants =
                {[VK_LAYER_NORM_QUADS_WORKGROUP] = limits->subgroup_size, [VK_LAYER_NORM_QUADS_QUADS] = quads.quads},
            .groups = {quads.groups}});
}

bool vk_lower_layer_norm(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const struct sb_tensor *x = node->inputs[0];
    const struct quads quads = quads_of(limits, x);
    if (quads.quads) return lower_layer_norm_quads(lowering, node, quads);
    const struct vk_layer_norm_arguments arguments = {.x = vk_tensor_address(lowering, x),
                                                      .gamma = vk_tensor_address(lowering, node->inputs[1]),
                                                      .beta = vk_tensor_address(lowering, node->inputs[2]),
                                                      .y = vk_tensor_address(lowering, node->outputs[0]),
                                                      .stats = vk_tensor_address(lowering, node->outputs[1]),
                                                      .rows = (uint32_t)sb_rows(x),
                                                      .channels = (uint32_t)sb_columns(x),
                                                      .epsilon = node->attributes.norm.epsilon};
    return vk_dispatch(lowering,
                       &(struct vk_dispatch){.kernel = limits->subgroup_arithmetic ? VK_KERNEL_LAYER_NORM_SUBGROUP
                                                                                   : VK_KERNEL_LAYER_NORM,
                                             .arguments = &arguments,
                                             .constants = {[VK_LAYER_NORM_WORKGROUP] = limits->subgroup_size},
                                             .groups = {row_groups(limits, x)}});
}

/* dgamma and dbeta of either normalisation, in two stages. */
static bool lower_sums(struct vk_lowering *lowering, const struct sb_node *node, bool batch,
                       const struct sb_tensor *y) {
    const struct sb_tensor *dy = node->inputs[GRADIENT_DY], *x = node->inputs[GRADIENT_X];
    struct blocks blocks;
    struct vk_norm_sums_texels_arguments texels = {.stats = vk_tensor_address(lowering, node->inputs[GRADIENT_STATS]),
                                                   .rows = (uint32_t)sb_rows(x),
                                                   .channels = (uint32_t)sb_columns(x)};
    uint64_t addresses[3];
    const bool shown = batch && blocks_of_texels(vk_lowering_limits(lowering), x, &blocks) &&
                       vk_tensor_texels(lowering, dy, &addresses[0], &texels.dy_first) &&
                       vk_tensor_texels(lowering, x, &addresses[1], &texels.x_first) &&
                       vk_tensor_texels(lowering, y, &addresses[2], &texels.y_first);
    if (!shown) blocks = blocks_of_channels(vk_lowering_limits(lowering), x);
    const size_t bytes = (size_t)(blocks.count * sb_columns(x)) * sizeof(float);
    texels.block_rows = (uint32_t)blocks.rows;
    texels.dgamma = vk_scratch_address(lowering, bytes);
    texels.dbeta = vk_scratch_address(lowering, bytes);
    const struct vk_norm_sums_arguments arguments = {.dy = vk_tensor_address(lowering, dy),
                                                     .x = vk_tensor_address(lowering, x),
                                                     .y = vk_tensor_address(lowering, y),
                                                     .stats = texels.stats,
                                                     .dgamma = texels.dgamma,
                                                     .dbeta = texels.dbeta,
                                                     .rows = texels.rows,
                                                     .block_rows = texels.block_rows,
                                                     .channels = texels.channels};
    struct vk_dispatch dispatch = {.kernel = shown ? VK_KERNEL_NORM_SUMS_TEXELS : VK_KERNEL_NORM_SUMS,
                                   .arguments = shown ? (const void *)&texels : &arguments,
                                   .constants = {[VK_NORM_SUMS_WORKGROUP] = blocks.workgroup,
                                                 [VK_NORM_SUMS_BATCH] = batch,
                                                 [VK_NORM_SUMS_RELU] = y != NULL},
                                   .groups = {blocks.groups[0], blocks.groups[1]}};
    if (shown) memcpy(dispatch.texels, addresses, sizeof(addresses));
    return vk_dispatch(lowering, &dispatch) &&
           vk_sum_partials(lowering, texels.dgamma, blocks.count, node->outputs[GRADIENT_DGAMMA], false) &&
           vk_sum_partials(lowering, texels.dbeta, blocks.count, node->outputs[GRADIENT_DBETA], true);
}

static bool lower_layer_norm_quads_gradient(struct vk_lowering *lowering, const struct sb_node *node,
                                            struct quads quads) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const struct sb_tensor *dy = node->inputs[GRADIENT_DY], *x = node->inputs[GRADIENT_X];
    const struct sb_tensor *gamma = node->inputs[GRADIENT_GAMMA], *addend = node->inputs[GRADIENT_ADDEND];
    const size_t bytes = (size_t)(quads.groups * sb_columns(x)) * sizeof(float);
    struct vk_layer_norm_texels_gradient_arguments texels = {
        .stats = vk_tensor_address(lowering, node->inputs[GRADIENT_STATS]),
        .dx = vk_tensor_address(lowering, node->outputs[GRADIENT_DX]),
        .dgamma = vk_scratch_address(lowering, bytes),
        .dbeta = vk_scratch_address(lowering, bytes),
        .rows = (uint32_t)sb_rows(x),
        .block_rows = quads.block_rows,
        .channels = (uint32_t)sb_columns(x)};
    uint64_t addresses[4];
    const bool shown = vk_tensor_texels(lowering, dy, &addresses[0], &texels.dy_first) &&
                       vk_tensor_texels(lowering, x, &addresses[1], &texels.x_first) &&
                       vk_tensor_texels(lowering, gamma, &addresses[2], &texels.gamma_first) &&
                       vk_tensor_texels(lowering, addend, &addresses[3], &texels.addend_first);
    if (shown && limits->software && limits->int64) {
        const struct vk_dispatch dispatch = {
            .kernel = VK_KERNEL_LAYER_NORM_TEXELS_GRADIENT,
            .arguments = &texels,
            .constants = {[VK_LAYER_NORM_TEXELS_GRADIENT_WORKGROUP] = limits->subgroup_size,
                          [VK_LAYER_NORM_TEXELS_GRADIENT_QUADS] = quads.quads,
                          [VK_LAYER_NORM_TEXELS_GRADIENT_HAS_ADDEND] = addend != NULL},
            .groups = {quads.groups},
            .texels = {addresses[0], addresses[1], addresses[2], addresses[3]}};
        if (!vk_dispatch(lowering, &dispatch)) return false;
    } else {
        const struct vk_layer_norm_quads_gradient_arguments arguments = {.dy = vk_tensor_address(lowering, dy),
                                                                         .x = vk_tensor_address(lowering, x),
                                                                         .gamma = vk_tensor_address(lowering, gamma),
                                                                         .stats = texels.stats,
                                                                         .addend = vk_tensor_address(lowering, addend),
                                                                         .dx = texels.dx,
                                                                         .dgamma = texels.dgamma,
                                                                         .dbeta = texels.dbeta,
                                                                         .rows = texels.rows,
                                                                         .block_rows = texels.block_rows,
                                                                         .channels = texels.channels};
        const struct vk_dispatch dispatch = {
            .kernel = VK_KERNEL_LAYER_NORM_QUADS_GRADIENT,
            .arguments = &arguments,
            .constants = {[VK_LAYER_NORM_QUADS_GRADIENT_WORKGROUP] = limits->subgroup_size,
                          [VK_LAYER_NORM_QUADS_GRADIENT_QUADS] = quads.quads,
                          [VK_LAYER_NORM_QUADS_GRADIENT_HAS_ADDEND] = addend != NULL},
            .groups = {quads.groups}};
        if (!vk_dispatch(lowering, &dispatch)) return false;
    }
    return vk_sum_partials(lowering, texels.dgamma, quads.groups, node->outputs[GRADIENT_DGAMMA], false) &&
           vk_sum_partials(lowering, texels.dbeta, quads.groups, node->outputs[GRADIENT_DBETA], true);
}

bool vk_lower_layer_norm_gradient(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct vk_limits *limits = vk_lowering_limits(lowering);
    const struct sb_tensor *x = node->inputs[GRADIENT_X], *addend = node->inputs[GRADIENT_ADDEND];
    const struct quads quads = quads_of(limits, x);
    if (quads.quads) return lower_layer_norm_quads_gradient(lowering, node, quads);
    const struct vk_layer_norm_gradient_arguments arguments = {
        .dy = vk_tensor_address(lowering, node->inputs[GRADIENT_DY]),
        .x = vk_tensor_address(lowering, x),
        .gamma = vk_tensor_address(lowering, node->inputs[GRADIENT_GAMMA]),
        .stats = vk_tensor_address(lowering, node->inputs[GRADIENT_STATS]),
        .addend = vk_tensor_address(lowering, addend),
        .dx = vk_tensor_address(lowering, node->outputs[GRADIENT_DX]),
        .rows = (uint32_t)sb_rows(x),
        .channels = (uint32_t)sb_columns(x)};
    const struct vk_dispatch dispatch = {.kernel = limits->subgroup_arithmetic ? VK_KERNEL_LAYER_NORM_GRADIENT_SUBGROUP
                                                                               : VK_KERNEL_LAYER_NORM_GRADIENT,
                                         .arguments = &arguments,
                                         .constants = {[VK_LAYER_NORM_GRADIENT_WORKGROUP] = limits->subgroup_size,
                                                       [VK_LAYER_NORM_GRADIENT_HAS_ADDEND] = addend != NULL},
                                         .groups = {row_groups(limits, x)}};
    /* The sums first: dx may take the place of dy. */
    return lower_sums(lowering, node, false, NULL) && vk_dispatch(lowering, &dispatch);
}

bool vk_lower_batch_norm(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_norm_attributes *attributes = &node->attributes.norm;
    const struct sb_tensor *x = node->inputs[SB_BATCH_NORM_X];
    const uint32_t rows = (uint32_t)sb_rows(x), channels = (uint32_t)sb_columns(x);
    struct blocks blocks;
    uint64_t address;
    uint32_t first = 0;
    const bool shown =
        blocks_of_texels(vk_lowering_limits(lowering), x, &blocks) && vk_tensor_texels(lowering, x, &address, &first);
    if (!shown) blocks = blocks_of_channels(vk_lowering_limits(lowering), x);
    address = vk_tensor_address(lowering, x);
    uint64_t block_statistics = 0;
    if (attributes->training) {
        block_statistics = vk_scratch_address(lowering, (size_t)(2 * blocks.count * channels) * sizeof(float));
        const struct vk_batch_norm_blocks_arguments arguments = {.x = address,
                                                                 .blocks = block_statistics,
                                                                 .rows = rows,
                                                                 .block_rows = (uint32_t)blocks.rows,
                                                                 .channels = channels};
        const struct vk_batch_norm_blocks_texels_arguments texels = {.blocks = block_statistics,
                                                                     .x_first = first,
                                                                     .rows = rows,
                                                                     .block_rows = (uint32_t)blocks.rows,
                                                                     .channels = channels};
        const struct vk_dispatch dispatch = {.kernel = shown ? VK_KERNEL_BATCH_NORM_BLOCKS_TEXELS
                                                             : VK_KERNEL_BATCH_NORM_BLOCKS,
                                             .arguments = shown ? (const void *)&texels : &arguments,
                                             .constants = {[VK_BATCH_NORM_BLOCKS_WORKGROUP] = blocks.workgroup},
                                             .groups = {blocks.groups[0], blocks.groups[1]},
                                             .texels = {shown ? address : 0}};
        if (!vk_dispatch(lowering, &dispatch)) return false;
    }
    const struct vk_batch_norm_statistics_arguments statistics = {
        .blocks = block_statistics,
        .running_mean = vk_tensor_address(lowering, node->inputs[SB_BATCH_NORM_RUNNING_MEAN]),
        .running_var = vk_tensor_address(lowering, node->inputs[SB_BATCH_NORM_RUNNING_VAR]),
        .stats = vk_tensor_address(lowering, node->outputs[1]),
        .rows = rows,
        .block_rows = (uint32_t)blocks.rows,
        .channels = channels,
        .momentum = attributes->momentum,
        .epsilon = attributes->epsilon};
    if (!vk_dispatch(lowering,
                     &(struct vk_dispatch){.kernel = VK_KERNEL_BATCH_NORM_STATISTICS,
                                           .arguments = &statistics,
                                           .constants = {[VK_BATCH_NORM_STATISTICS_WORKGROUP] = 64,
                                                         [VK_BATCH_NORM_STATISTICS_TRAINING] = attributes->training},
                                           .groups = {(channels + 63) / 64}}))
        return false;
    const struct vk_batch_norm_arguments arguments = {
        .x = address,
        .gamma = vk_tensor_address(lowering, node->inputs[SB_BATCH_NORM_GAMMA]),
        .beta = vk_tensor_address(lowering, node->inputs[SB_BATCH_NORM_BETA]),
        .stats = statistics.stats,
        .y = vk_tensor_address(lowering, node->outputs[0]),
        .rows = rows,
        .block_rows = (uint32_t)blocks.rows,
        .channels = channels};
    const struct vk_batch_norm_texels_arguments texels = {.gamma = arguments.gamma,
                                                          .beta = arguments.beta,
                                                          .stats = arguments.stats,
                                                          .y = arguments.y,
                                                          .x_first = first,
                                                          .rows = rows,
                                                          .block_rows = (uint32_t)blocks.rows,
                                                          .channels = channels};
    const struct vk_dispatch dispatch = {
        .kernel = shown ? VK_KERNEL_BATCH_NORM_TEXELS : VK_KERNEL_BATCH_NORM,
        .arguments = shown ? (const void *)&texels : &arguments,
        .constants = {[VK_BATCH_NORM_WORKGROUP] = blocks.workgroup, [VK_BATCH_NORM_RELU] = attributes->relu},
        .groups = {blocks.groups[0], blocks.groups[1]},
        .texels = {shown ? address : 0}};
    return vk_dispatch(lowering, &dispatch);
}

bool vk_lower_batch_norm_gradient(struct vk_lowering *lowering, const struct sb_node *node) {
    const struct sb_tensor *dy = node->inputs[GRADIENT_DY], *x = node->inputs[GRADIENT_X];
    const struct sb_tensor *y = node->inputs[GRADIENT_Y];
    if (!lower_sums(lowering, node, true, y)) return false;
    struct blocks blocks;
    uint64_t addresses[3];
    struct vk_batch_norm_gradient_texels_arguments texels = {
        .gamma = vk_tensor_address(lowering, node->inputs[GRADIENT_GAMMA]),
        .stats = vk_tensor_address(lowering, node->inputs[GRADIENT_STATS]),
        .dgamma = vk_tensor_address(lowering, node->outputs[GRADIENT_DGAMMA]),
        .dbeta = vk_tensor_address(lowering, node->outputs[GRADIENT_DBETA]),
        .dx = vk_tensor_address(lowering, node->outputs[GRADIENT_DX]),
        .rows = (uint32_t)sb_rows(x),
        .channels = (uint32_t)sb_columns(x)};
    const bool shown = blocks_of_texels(vk_lowering_limits(lowering), x, &blocks) &&
                       vk_tensor_texels(lowering, dy, &addresses[0], &texels.dy_first) &&
                       vk_tensor_texels(lowering, x, &addresses[1], &texels.x_first) &&
                       vk_tensor_texels(lowering, y, &addresses[2], &texels.y_first);
    if (!shown) blocks = blocks_of_channels(vk_lowering_limits(lowering), x);
    texels.block_rows = (uint32_t)blocks.rows;
    const struct vk_batch_norm_gradient_arguments arguments = {.dy = vk_tensor_address(lowering, dy),
                                                               .x = vk_tensor_address(lowering, x),
                                                               .y = vk_tensor_address(lowering, y),
                                                               .gamma = texels.gamma,
                                                               .stats = texels.stats,
                                                               .dgamma = texels.dgamma,
                                                               .dbeta = texels.dbeta,
                                                               .dx = texels.dx,
                                                               .rows = texels.rows,
                                                               .block_rows = texels.block_rows,
                                                               .channels = texels.channels};
    struct vk_dispatch dispatch = {.kernel =
                                       shown ? VK_KERNEL_BATCH_NORM_GRADIENT_TEXELS : VK_KERNEL_BATCH_NORM_GRADIENT,
                                   .arguments = shown ? (const void *)&texels : &arguments,
                                   .constants = {[VK_BATCH_NORM_GRADIENT_WORKGROUP] = blocks.workgroup,
                                                 [VK_BATCH_NORM_GRADIENT_TRAINING] = node->attributes.norm.training,
                                                 [VK_BATCH_NORM_GRADIENT_RELU] = y != NULL},
                                   .groups = {blocks.groups[0], blocks.groups[1]}};
    if (shown) memcpy(dispatch.texels, addresses, sizeof(addresses));
    return vk_dispatch(lowering, &dispatch);
}
