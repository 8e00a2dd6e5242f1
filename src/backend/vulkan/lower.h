/* How a node becomes dispatches. One file per operation family (linear.c, scan.c, ...) holds the lowerings of its
 * operations; lowerings.c is the table. A lowering is called twice, first to measure scratch, then for real: it must
 * do the same both times and have no other effect than the calls below.
 *
 * Kernels are described in shaders/kernels.json, the one table from which tools/kernels.py generates, at build time,
 * the argument block that each shader includes (common/arguments of that kernel), the C struct with the same layout
 * (scalar, 8-byte addresses), the enumeration of kernels and constants, and the embedded SPIR-V. An argument block of
 * more than 128 bytes travels through a buffer instead of push constants; shader and lowering look the same. */
#ifndef SB_VULKAN_LOWER_H
#define SB_VULKAN_LOWER_H

#include "graph/graph.h"
#include "vulkan_kernels.h" /* generated: enum vk_kernel, struct vk_NAME_arguments, VK_NAME_CONSTANT indices */

enum { VK_MAX_CONSTANTS = 16, VK_MAX_TEXELS = 4 };

/* The cooperative matrices of a device, which a subgroup multiplies at once: [rows, depth] halves times [depth,
 * columns] halves, summed in float32. */
struct vk_cooperative {
    uint32_t rows, columns, depth; /* 0: it has none */
};

/* What lowerings may depend on. Everything here passes the --disable mask. */
struct vk_limits {
    uint32_t subgroup_size;    /* the size pipelines really run with (required size where controllable) */
    uint32_t max_invocations;  /* per workgroup, at least 128 */
    uint32_t max_shared_bytes; /* at least 16384 */
    uint32_t max_groups[3];
    bool subgroup_arithmetic; /* subgroupAdd and friends, in compute */
    bool subgroup_ballot;     /* subgroupBroadcast */
    bool subgroup_shuffle;
    struct vk_cooperative cooperative;
    bool int64;       /* 64-bit integers: two floats per load on software drivers */
    bool texel_fetch; /* texel buffers are the fastest way to read; else vk_dispatch takes their kernels' twins */
    bool polynomial_exponential; /* exp2 is not to be trusted: shaders/common/exponential.glsl */
    uint32_t iterations; /* of all loops of an invocation together: kernels split their work so that it stays below */
    uint32_t registers;  /* of 32 bits that kernels fill in an invocation without a spill; 0: nobody has looked */
    bool software;       /* a CPU: one lane of a gather costs as much as a load; see DESIGN notes */
    uint32_t processors; /* that a software device computes on; 0: not a software device */
};
/* What limits->iterations is. Mesa's software driver ends EVERY loop of an invocation, silently, once all its loops
 * together have gone round 65535 times (the quirk short-loops); other drivers go on for as long as any kernel may. */
enum { VK_SOFTWARE_ITERATIONS = 60000, VK_MANY_ITERATIONS = 1 << 28 };

/* Kernels index the elements of a tensor with 32 bits, which SPIR-V's OpAccessChain takes as signed; and they step by
 * up to a whole grid past its end, which must not wrap. */
enum { VK_MAX_ELEMENTS = INT32_MAX };

struct vk_lowering;
const struct vk_limits *vk_lowering_limits(const struct vk_lowering *lowering);
/* Device address of a tensor's first element; 0 for NULL. */
uint64_t vk_tensor_address(struct vk_lowering *lowering, const struct sb_tensor *tensor);
/* Scratch memory for this node only, 256-byte aligned. Contents are undefined at the start of the node. */
uint64_t vk_scratch_address(struct vk_lowering *lowering, size_t bytes);

struct vk_dispatch {
    enum vk_kernel kernel;
    const void *arguments;                /* struct vk_KERNEL_arguments, copied */
    uint32_t constants[VK_MAX_CONSTANTS]; /* specialisation constants by the table's order; 0: the table's default */
    uint32_t groups[3];                   /* 0: 1 */
    bool concurrent; /* does not depend on the previous dispatch of this node: no barrier between them */
    /* An address within the memory that each of the kernel's texel buffers shows; 0: as the first. */
    uint64_t texels[VK_MAX_TEXELS];
};
bool vk_dispatch(struct vk_lowering *lowering, const struct vk_dispatch *dispatch);

/* Memory seen as a texel buffer of vec4, for kernels whose table entry has "texels": some versions of Mesa's software
 * driver fetch a texel several times faster than they load through an address. *first is the texel at `address`. False
 * when the address is not a multiple of 16 bytes or `bytes` from there go beyond what the device's views can show.
 * Where limits->texel_fetch is false vk_dispatch runs the kernel's twin, which reads the same memory through addresses;
 * the lowering need not know. */
bool vk_texels(struct vk_lowering *lowering, uint64_t address, uint64_t bytes, uint32_t *first);
/* The same for a whole tensor, whose address it writes, too; an absent one (NULL, address 0) is fine. */
bool vk_tensor_texels(struct vk_lowering *lowering, const struct sb_tensor *tensor, uint64_t *address, uint32_t *first);

/* Complex FFT in place over the middle axis of [batch, length, columns] complex (interleaved float pairs) in the
 * program's FFT workspace, which is valid for this node only. Not normalised. Through VkFFT. */
uint64_t vk_fft_workspace(struct vk_lowering *lowering, int64_t batch, int64_t length, int64_t columns);
bool vk_fft(struct vk_lowering *lowering, int64_t batch, int64_t length, int64_t columns, bool inverse);

/* Fails the program's creation with a sentence. Returns false. */
bool vk_lowering_fail(struct vk_lowering *lowering, enum simba_code code, const char *format, ...) SB_PRINTF(3, 4);

typedef bool (*vk_lower_function)(struct vk_lowering *lowering, const struct sb_node *node);
extern const vk_lower_function vk_lower_functions[SB_OP_COUNT]; /* lowerings.c; NULL: a view, nothing to do */

#endif
