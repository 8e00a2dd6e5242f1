/* Inside the Vulkan room: the objects behind backend.h, and what its files call of each other. */
#ifndef SB_VULKAN_RUNTIME_H
#define SB_VULKAN_RUNTIME_H

#include <volk.h>

#include "backend/backend.h"
#include "backend/vulkan/lower.h"

#include <pthread.h>
#include <stdatomic.h>

/* ---- error.c */

/* Calls Vulkan; a failure fills *error with a sentence and jumps to the function's one label `error`. */
#define VK(call)                                                   \
    do {                                                           \
        VkResult vk_result_ = (call);                              \
        if (vk_result_ != VK_SUCCESS) {                            \
            vk_fail(error, vk_result_, #call, __FILE__, __LINE__); \
            goto error;                                            \
        }                                                          \
    } while (0)
bool vk_fail(struct simba_error *error, VkResult result, const char *call, const char *file, int line);
const char *vk_result_name(VkResult result);

/* ---- instance.c */

struct vk_instance {
    VkInstance handle;
    bool debug_utils;
    VkDebugUtilsMessengerEXT messenger;
    const struct simba_log *log; /* the messenger's; outlives the instance */
    atomic_int messages;         /* of the validation layer */
};
/* Loads Vulkan on first use. When the machine has no loader or no driver that is no error: *available is false and
 * `note` (256 bytes) says why. */
bool vk_instance_init(struct vk_instance *instance, bool validate, const struct simba_log *log, bool *available,
                      char *note, struct simba_error *error);
void vk_instance_finish(struct vk_instance *instance);
/* Vulkan's devices in its own order; the caller frees *devices. */
bool vk_instance_devices(const struct vk_instance *instance, VkPhysicalDevice **devices, uint32_t *count,
                         struct simba_error *error);

/* ---- debug.c */

/* Makes the messenger; needs instance->debug_utils. */
bool vk_debug_init(struct vk_instance *instance, struct simba_error *error);
void vk_debug_finish(struct vk_instance *instance);

/* ---- capabilities.c: what a physical device can do */

struct vk_capabilities {
    VkPhysicalDeviceProperties properties;
    uint8_t uuid[VK_UUID_SIZE];
    char driver[256];
    VkDeviceSize max_buffer;
    VkDeviceSize max_allocation; /* what surely works: software drivers and NVIDIA's give more than they say (4 GiB) */
    VkPhysicalDeviceMemoryProperties memory;
    uint32_t queue_family;
    uint32_t timestamp_bits;    /* 0: no time stamps */
    struct vk_limits limits;    /* before the mask */
    uint32_t available;         /* VK_NEEDS_... that the device has */
    bool subgroup_size_control; /* pipelines require limits.subgroup_size */
    bool full_subgroups;        /* pipelines can require that no subgroup has idle invocations */
    bool memory_budget;
    unsigned quirks; /* bits (1 << enum vk_quirk) */
    char quirk_text[256];
    bool unified;      /* the host can map the memory in which the device computes, and both are fast there */
    char missing[256]; /* empty when the device is usable */
};
/* Of the parameters `disable` and `quirks` matter; an unknown word there is an error. */
bool vk_capabilities_read(VkPhysicalDevice device, const struct sb_device_parameters *parameters,
                          struct vk_capabilities *capabilities, struct simba_error *error);
void vk_capabilities_text(const struct vk_capabilities *capabilities, char *text, size_t size);

/* ---- device.c */

struct vk_pipeline {
    struct vk_pipeline *next; /* of the same kernel */
    VkPipeline handle;
    uint32_t constants[VK_MAX_CONSTANTS];
};

/* Memory of one purpose with one Vulkan buffer over all of it. */
struct vk_buffer {
    VkBuffer handle;
    VkDeviceMemory memory;
    VkDeviceSize size;
    uint64_t address;
    unsigned char *mapped; /* NULL: only the device sees it */
    VkBufferView texels;   /* all of it, or as much as a view can show; only memory of the device */
};

struct vk_device {
    struct sb_device base;
    struct vk_instance instance;
    VkPhysicalDevice physical;
    VkDevice handle;
    VkQueue queue;
    pthread_mutex_t mutex;         /* of the queue, the transfer objects and the pipelines */
    pthread_mutex_t staging_mutex; /* of the staging memory; taken first */
    bool has_mutexes;
    struct vk_capabilities capabilities;
    struct vk_limits limits;
    VkDescriptorSetLayout texel_layout;
    VkPipelineLayout layout;
    struct vk_pipeline *pipelines[VK_KERNEL_COUNT];
    VkPipelineCache cache;
    size_t cache_bytes;      /* of the cache as it was read */
    char cache_prefix[4096]; /* of the files on disk; empty: none */
    VkCommandPool transfer_pool;
    VkCommandBuffer transfer_commands;
    VkFence transfer_fence;
    struct vk_buffer staging; /* made when first needed */
};

/* One command buffer from `record` to the end, synchronously. Holds the device's mutex meanwhile. */
typedef void (*vk_record_function)(VkCommandBuffer commands, void *user);
bool vk_device_run(struct vk_device *device, vk_record_function record, void *user, struct simba_error *error);
/* An object's name, for validation messages and captures; does nothing without debug utilities. */
void vk_device_name(const struct vk_device *device, VkObjectType type, uint64_t object, const char *name);
/* Between two time stamps, of which the later one may have begun anew from 0. */
double vk_device_seconds(const struct vk_device *device, uint64_t begin, uint64_t end);
/* Waits, with a sentence when the device is lost. */
bool vk_device_wait(struct vk_device *device, VkFence fence, struct simba_error *error);

/* ---- ceilings.c */

bool vk_device_ceiling(struct sb_device *device, enum sb_ceiling_kind kind, struct sb_ceiling *ceiling,
                       struct simba_error *error);
/* For tests: how long the ceiling's variant (from 0) takes for so many of its units, and what it did in that time. The
 * results are verified. *exists: false behind the last variant, and where the device cannot run it. */
bool vk_ceiling_run(struct vk_device *device, enum sb_ceiling_kind kind, int variant, uint32_t units, double *seconds,
                    double *operations, bool *exists, struct simba_error *error);

/* ---- memory.c */

enum vk_memory_kind {
    VK_MEMORY_DEVICE,   /* where the device computes; mapped on unified devices */
    VK_MEMORY_UPLOAD,   /* written by the host in order */
    VK_MEMORY_READBACK, /* read by the host */
};
/* `purpose` names the buffer and completes "... for PURPOSE". Contents are undefined. */
bool vk_buffer_init(struct vk_device *device, VkDeviceSize size, enum vk_memory_kind kind, const char *purpose,
                    struct vk_buffer *buffer, struct simba_error *error);
void vk_buffer_finish(struct vk_device *device, struct vk_buffer *buffer);
bool vk_buffer_clear(struct vk_device *device, struct vk_buffer *buffer, struct simba_error *error);
bool vk_buffer_write(struct vk_device *device, struct vk_buffer *buffer, VkDeviceSize offset, const void *bytes,
                     size_t size, struct simba_error *error);
bool vk_buffer_read(struct vk_device *device, struct vk_buffer *buffer, VkDeviceSize offset, void *bytes, size_t size,
                    struct simba_error *error);

struct vk_memory {
    struct sb_memory base;
    struct vk_buffer buffer;
};
bool vk_memory_create(struct sb_device *device, size_t bytes, const char *name, struct sb_memory **memory,
                      struct simba_error *error);
void vk_memory_destroy(struct sb_memory *memory);
bool vk_memory_write(struct sb_memory *memory, size_t offset, const void *bytes, size_t size,
                     struct simba_error *error);
bool vk_memory_read(struct sb_memory *memory, size_t offset, void *bytes, size_t size, struct simba_error *error);

/* ---- pipeline.c, cache.c */

/* The pipeline of a kernel with these constants (0: default), made on first use. */
bool vk_pipeline_get(struct vk_device *device, enum vk_kernel kernel, const uint32_t *constants, VkPipeline *pipeline,
                     struct simba_error *error);
void vk_pipelines_finish(struct vk_device *device);
/* What is kept on disk for this device and driver, by name; the caller frees *bytes. */
bool vk_disk_cache_read(const struct vk_device *device, const char *name, uint8_t **bytes, size_t *size);
void vk_disk_cache_write(const struct vk_device *device, const char *name, const void *bytes, size_t size);
/* The driver's own cache of pipelines. */
bool vk_cache_init(struct vk_device *device, bool no_cache, struct simba_error *error);
void vk_cache_finish(struct vk_device *device);

/* ---- program.c, submit.c */

/* What the measuring pass found out about a node. */
struct vk_node_needs {
    size_t scratch;         /* bytes */
    size_t workspace;       /* bytes of the FFT workspace */
    size_t arguments_first; /* in the argument buffer */
    size_t arguments;       /* bytes there */
};

/* One dispatch of the program: what the measuring pass saw. */
struct vk_dispatch_record {
    int node;
    enum vk_kernel kernel; /* VK_KERNEL_COUNT: VkFFT, and the constants are batch, length, columns, direction */
    uint32_t constants[VK_MAX_CONSTANTS];
};

/* Descriptor sets of texel buffers, one for each combination of memories that a dispatch has used. */
struct vk_texel_sets {
    VkDescriptorPool pool;
    struct vk_texel_set *first;
};

struct vk_commands {
    VkCommandBuffer *buffers;
    uint32_t count, capacity;
};

struct vk_program {
    struct sb_program base;
    bool profile;
    char name[64];
    const struct vk_buffer *spaces[SB_SPACE_COUNT];
    struct vk_buffer activations, scratch, workspace, arguments;
    struct vk_buffer upload[SB_SLOTS], download[SB_SLOTS];
    int64_t *host_offset;        /* by tensor index: bytes into upload or download; -1: neither */
    struct vk_node_needs *needs; /* by node index */
    VkCommandPool pool;
    VkCommandBuffer begin[SB_SLOTS][SB_PHASE_COUNT], end[SB_SLOTS], single;
    struct vk_commands phases[SB_SLOTS][SB_PHASE_COUNT]; /* slots share slot 0's unless profiled */
    VkSubmitInfo *submits;                               /* room for the largest submit */
    VkFence fences[SB_SLOTS], single_fence;
    bool running[SB_SLOTS];
    VkQueryPool queries[SB_SLOTS];
    unsigned timed_phases[SB_SLOTS]; /* of the last submit */
    bool accounts;                   /* for its dispatches; also without time stamps */
    bool profile_dispatches;
    struct vk_dispatch_record *dispatches; /* the account, in the order of nodes */
    int dispatch_count, dispatch_capacity;
    struct vk_fft *ffts; /* plans, fft.c */
    struct vk_texel_sets texels;
};

bool vk_program_create(struct sb_device *device, const struct sb_program_parameters *parameters,
                       struct sb_program **program, struct simba_error *error);
void vk_program_destroy(struct sb_program *program);
size_t vk_program_memory(const struct sb_program *program);
void *vk_program_host(struct sb_program *program, int slot, const struct sb_tensor *tensor);
bool vk_program_submit(struct sb_program *program, int slot, unsigned phases, struct simba_error *error);
bool vk_program_wait(struct sb_program *program, int slot, struct simba_error *error);
bool vk_program_run_node(struct sb_program *program, int slot, int node, struct simba_error *error);
bool vk_program_read(struct sb_program *program, const struct sb_tensor *tensor, void *dense,
                     struct simba_error *error);
bool vk_program_write(struct sb_program *program, const struct sb_tensor *tensor, const void *dense,
                      struct simba_error *error);
bool vk_program_times(struct sb_program *program, int slot, double *seconds, struct simba_error *error);
bool vk_program_dispatches(struct sb_program *program, int slot, int node,
                           void (*visit)(void *user, const struct sb_dispatch *dispatch), void *user,
                           struct simba_error *error);

/* ---- profile.c: time stamps, and the account of dispatches */

/* Makes the slot's queries: one for each node, for the beginning of each phase, and, where they are asked for, for each
 * dispatch. After the measuring pass. */
bool vk_profile_init(struct vk_program *program, int slot, struct simba_error *error);
/* At the beginning of a phase's first command buffer. */
void vk_profile_begin(struct vk_program *program, VkCommandBuffer commands, int slot, enum sb_phase phase);
void vk_profile_node(struct vk_program *program, VkCommandBuffer commands, int slot, int node);
/* After each dispatch, in both passes: enters it into the account, or writes its time stamp. */
bool vk_profile_dispatch(struct vk_lowering *lowering, const struct vk_dispatch_record *record);

/* ---- lowering.c */

struct vk_range {
    uint64_t begin, end; /* device addresses */
};
enum { VK_MAX_RANGES = 96 };

/* What is recorded since the last barrier, and the node that is being lowered. `commands` NULL: the measuring pass. */
struct vk_lowering {
    struct vk_device *device;
    struct vk_program *program;
    VkCommandBuffer commands;
    const struct sb_node *node;
    struct simba_error *error;
    int dispatches, barriers; /* of this node so far */
    int slot;                 /* whose time stamps the dispatches write; -1: none */
    bool begins;              /* the node needs a barrier in front */
    struct vk_node_needs used;
    struct vk_range reads[VK_MAX_RANGES], writes[VK_MAX_RANGES];
    int read_count, write_count;
};
void vk_lowering_init(struct vk_lowering *lowering, struct vk_program *program, VkCommandBuffer commands,
                      struct simba_error *error);
/* Lowers one node: measures into, or records with, program->needs[node->index]. */
bool vk_lower_node(struct vk_lowering *lowering, const struct sb_node *node);
/* To be called in front of each dispatch: the barrier that orders it after what it depends on. */
void vk_lowering_order(struct vk_lowering *lowering, bool concurrent);
/* Everything before is visible to everything after, transfers and the host's reads included. */
void vk_full_barrier(VkCommandBuffer commands);

/* ---- texels.c */

bool vk_texel_layout_create(struct vk_device *device, struct simba_error *error);
bool vk_texel_view_create(struct vk_device *device, struct vk_buffer *buffer, struct simba_error *error);
/* Where the memory begins in which the address lies: the address of its texel 0. */
uint64_t vk_texel_memory(const struct vk_program *program, uint64_t address);
/* The set that shows these memories to a kernel with `count` texel buffers. */
bool vk_texel_set_get(struct vk_lowering *lowering, const uint64_t *addresses, uint32_t count, VkDescriptorSet *set);
void vk_texel_sets_finish(struct vk_program *program);

/* ---- fft.c */
void vk_ffts_finish(struct vk_program *program);

#endif
