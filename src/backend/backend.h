/* The contract of a device. Everything above this line knows only these types; each backend fills the tables. */
#ifndef SB_BACKEND_BACKEND_H
#define SB_BACKEND_BACKEND_H

#include "graph/graph.h"
#include "graph/plan.h"

struct sb_device;
struct sb_memory;
struct sb_program;

enum sb_device_kind {
    SB_DEVICE_DISCRETE,
    SB_DEVICE_INTEGRATED,
    SB_DEVICE_VIRTUAL,
    SB_DEVICE_SOFTWARE,
    SB_DEVICE_REFERENCE
};

/* What is known of a device before it is opened. */
struct sb_device_description {
    char name[256];
    char backend[16]; /* "vulkan", "cpu", "cuda" */
    char driver[256]; /* name and version */
    char uuid[40];    /* 32 hexadecimal digits, or empty */
    enum sb_device_kind kind;
    int index;             /* in the list of `simba devices` */
    uint64_t memory_bytes; /* what a program may hope for; 0: unknown */
    bool usable;
    bool only_when_asked; /* never the best device: it is there to compare others with */
    char reason[256];     /* why it is not usable, or why it was chosen or passed over */
    char features[512];   /* "subgroup 8..16, int64, float16, timestamps, ..." */
    int subgroup_size;    /* with which kernels run; 0: it has no subgroups */
    char quirks[256]; /* names of what its driver gets wrong, and is reckoned with: "short-loops, ..."; mostly empty */
};

/* Optional features of devices. Every backend leaves out those of them that it has. */
enum sb_tier {
    SB_TIER_INT64,      /* 64-bit integers in kernels: two floats in a load, on software drivers */
    SB_TIER_FP16,       /* 16-bit floats in kernels and memory */
    SB_TIER_INT8,       /* 8-bit integers in kernels and memory */
    SB_TIER_SUBGROUP,   /* sums, broadcasts and shuffles among the lanes of a subgroup */
    SB_TIER_COOPMAT,    /* cooperative matrices */
    SB_TIER_UNIFIED,    /* memory of the device that the host maps; without, everything is copied */
    SB_TIER_TEXEL,      /* texel buffers, where they are the fastest way to read */
    SB_TIER_TIMESTAMPS, /* the device's clock; without, no times of nodes */
    SB_TIER_COUNT
};
extern const char *const sb_tier_names[SB_TIER_COUNT];
/* "int64,subgroup" as bits (1 << tier); NULL: none. An unknown word is an error that lists those there are. */
bool sb_tiers_read(const char *words, unsigned *tiers, struct simba_error *error);

/* What some drivers get wrong, or do so slowly that another way is better. */
struct sb_quirk {
    const char *name;      /* "short-loops" */
    const char *drivers;   /* which have it */
    const char *effect;    /* what is done about it */
    const char *reason;    /* what goes wrong otherwise */
    const char *reference; /* where that was seen */
};
/* All that are known, by index; NULL past the last. */
const struct sb_quirk *sb_known_quirk(int index);
struct sb_quirk_wishes {
    unsigned on, off; /* bits (1 << index) */
};
/* "short-loops=on,slow-texel-fetch=off"; NULL: none. An unknown name is an error that lists those there are. */
bool sb_quirks_read(const char *words, struct sb_quirk_wishes *wishes, struct simba_error *error);

struct sb_device_parameters {
    const char *choice;  /* index, part of a name, UUID, "cpu", "cuda", "cuda:1"; NULL: the best real device */
    const char *disable; /* feature tiers to leave unused, as sb_tiers_read reads them; NULL: none */
    const char
        *quirks;   /* of the driver, to reckon with or not, as sb_quirks_read reads them; NULL: as is known of it */
    bool validate; /* Vulkan's validation layer; its messages become errors of the device */
    bool no_cache; /* leave the pipeline cache on disk alone */
    struct simba_log log;
};

/* All devices of all backends: Vulkan's, the CPU reference, CUDA's. The caller frees *list. Having none but
 * the reference is no error; `note` (256 bytes, may be NULL) then says why (no loader, no driver). */
bool sb_device_list(struct sb_device_description **list, int *count, char *note, struct simba_error *error);
bool sb_device_open(const struct sb_device_parameters *parameters, struct sb_device **device,
                    struct simba_error *error);
void sb_device_close(struct sb_device *device); /* NULL is fine; after everything made from it is gone */
const struct sb_device_description *sb_device_describe(const struct sb_device *device);
/* The words that sb_device_parameters.disable knows, by index from 0; NULL behind the last. */
const char *sb_device_tier(const struct sb_device *device, int index);
/* Messages of the validation layer so far (0 without it). */
int sb_device_validation_messages(const struct sb_device *device);

/* What the device can do at most, measured on the spot: the roof over every kernel's figures. */
enum sb_ceiling_kind {
    SB_CEILING_COPY,         /* bytes read and written, between buffers far larger than the caches */
    SB_CEILING_MULTIPLY_ADD, /* floating-point operations in float32, two to a multiply-add */
    SB_CEILING_SPECIAL,      /* evaluations of 2^x */
    SB_CEILING_MATRIX,       /* floating-point operations of the matrix units: 16-bit factors, float32 sums */
    SB_CEILING_COUNT
};
struct sb_ceiling {
    double per_second;     /* 0: not measured */
    char how[160];         /* by which kernel, how much of it, by which clock */
    char unsupported[160]; /* why it was not measured; empty: it was */
};
/* Measures for about a second, on a device that nothing else should be using: the work grows until it takes long enough
 * for the clock, then the fastest of many runs counts, and of several ways to do the same the fastest. The results are
 * verified. False only when the device fails. */
bool sb_device_ceiling(struct sb_device *device, enum sb_ceiling_kind kind, struct sb_ceiling *ceiling,
                       struct simba_error *error);

/* Device memory for a shared space. Zeroed. */
bool sb_memory_create(struct sb_device *device, size_t bytes, const char *name, struct sb_memory **memory,
                      struct simba_error *error);
void sb_memory_destroy(struct sb_memory *memory);
size_t sb_memory_size(const struct sb_memory *memory);
/* Synchronous; must not overlap a running program that uses the memory. */
bool sb_memory_write(struct sb_memory *memory, size_t offset, const void *bytes, size_t size,
                     struct simba_error *error);
bool sb_memory_read(struct sb_memory *memory, size_t offset, void *bytes, size_t size, struct simba_error *error);

enum { SB_SLOTS = 2 }; /* inputs and outputs are double-buffered: slot = step % 2 */

struct sb_program_parameters {
    const struct sb_graph *graph; /* planned; must outlive the program */
    const struct sb_plan *plan;
    struct sb_memory *spaces[SB_SPACE_COUNT]; /* shared spaces that the graph uses; ACTIVATION is the program's own */
    bool profile;                             /* time stamps around every node */
    bool profile_dispatches;                  /* and behind every dispatch of a node; only with `profile` */
    const char *name;
};

/* Compiles the graph: pipelines, scratch memory, recorded command buffers. Allocates everything it will ever need. */
bool sb_program_create(struct sb_device *device, const struct sb_program_parameters *parameters,
                       struct sb_program **program, struct simba_error *error);
void sb_program_destroy(struct sb_program *program); /* waits for what is running */
/* Bytes of device memory held: activations, scratch, staging. */
size_t sb_program_memory(const struct sb_program *program);

/* Host memory of an input tensor (to be filled before submit) or an output tensor (valid after wait) in a slot. */
void *sb_program_host(struct sb_program *program, int slot, const struct sb_tensor *tensor);
/* Starts the phases whose bit (1 << phase) is set, in order, with the slot's inputs. A slot that is still running is
 * waited for first. Work of successive submits runs in order. */
bool sb_program_submit(struct sb_program *program, int slot, unsigned phases, struct simba_error *error);
bool sb_program_wait(struct sb_program *program, int slot, struct simba_error *error);

/* For inspection (parity, finding a non-finite value): synchronous, slow. */
bool sb_program_run_node(struct sb_program *program, int slot, int node, struct simba_error *error);
bool sb_program_read(struct sb_program *program, const struct sb_tensor *tensor, void *dense,
                     struct simba_error *error);
bool sb_program_write(struct sb_program *program, const struct sb_tensor *tensor, const void *dense,
                      struct simba_error *error);
/* Seconds of each node (by index) in the last finished run of the slot; needs `profile`. */
bool sb_program_times(struct sb_program *program, int slot, double *seconds, struct simba_error *error);

/* One dispatch of a node. */
struct sb_dispatch {
    const char *kernel;    /* "selective_scan_lanes"; "VkFFT" for a transform that VkFFT runs, whatever its kernels */
    const char *constants; /* "WORKGROUP=8, ROWS=4": what the kernel was compiled with; empty: nothing */
    double seconds;        /* in the last finished run of the slot, since the end of what came before it in the order of
                              recording: of concurrent dispatches only the sum means something. NAN: not profiled */
};
/* Shows what a program made with `profile` runs for a node, in order; the strings are valid during the call. Nothing is
 * visited for a view, or on a device whose backend has no account of its kernels (the reference, CUDA). */
bool sb_program_dispatches(struct sb_program *program, int slot, int node,
                           void (*visit)(void *user, const struct sb_dispatch *dispatch), void *user,
                           struct simba_error *error);

/* ---- for backends: the table behind the functions above. Each backend's structs begin with these. */
struct sb_backend {
    const char *name;
    bool only_when_asked;          /* of all its devices; they are not even listed where the best device is wanted */
    bool has_tiers;                /* its devices may have optional features */
    const struct sb_quirk *quirks; /* of its drivers; NULL: none. Only one backend has any, or bits would mean two */
    int quirk_count;
    bool (*list)(struct sb_device_description **list, int *count, char *note, struct simba_error *error);
    bool (*open)(const struct sb_device_parameters *parameters, const struct sb_device_description *description,
                 struct sb_device **device, struct simba_error *error);
    void (*close)(struct sb_device *device);
    int (*validation_messages)(const struct sb_device *device);
    /* NULL: a backend that others are compared with, and that is no measure of speed. */
    bool (*ceiling)(struct sb_device *device, enum sb_ceiling_kind kind, struct sb_ceiling *ceiling,
                    struct simba_error *error);
    bool (*memory_create)(struct sb_device *device, size_t bytes, const char *name, struct sb_memory **memory,
                          struct simba_error *error);
    void (*memory_destroy)(struct sb_memory *memory);
    bool (*memory_write)(struct sb_memory *, size_t offset, const void *bytes, size_t size, struct simba_error *error);
    bool (*memory_read)(struct sb_memory *, size_t offset, void *bytes, size_t size, struct simba_error *error);
    bool (*program_create)(struct sb_device *device, const struct sb_program_parameters *parameters,
                           struct sb_program **program, struct simba_error *error);
    void (*program_destroy)(struct sb_program *program);
    size_t (*program_memory)(const struct sb_program *program);
    void *(*program_host)(struct sb_program *program, int slot, const struct sb_tensor *tensor);
    bool (*program_submit)(struct sb_program *program, int slot, unsigned phases, struct simba_error *error);
    bool (*program_wait)(struct sb_program *program, int slot, struct simba_error *error);
    bool (*program_run_node)(struct sb_program *program, int slot, int node, struct simba_error *error);
    bool (*program_read)(struct sb_program *, const struct sb_tensor *, void *dense, struct simba_error *error);
    bool (*program_write)(struct sb_program *, const struct sb_tensor *, const void *dense, struct simba_error *error);
    bool (*program_times)(struct sb_program *program, int slot, double *seconds, struct simba_error *error);
    /* NULL: no account of what runs for a node */
    bool (*program_dispatches)(struct sb_program *program, int slot, int node,
                               void (*visit)(void *user, const struct sb_dispatch *dispatch), void *user,
                               struct simba_error *error);
};
struct sb_device {
    const struct sb_backend *backend;
    struct sb_device_description description;
    struct simba_log log;
};
struct sb_memory {
    struct sb_device *device;
    size_t size;
};
struct sb_program {
    struct sb_device *device;
    const struct sb_graph *graph;
};
extern const struct sb_backend sb_backend_vulkan, sb_backend_cuda, sb_backend_cpu;

#endif
