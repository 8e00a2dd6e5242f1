/* What the library and the CUDA module must agree on. The module is a shared library of its own (libsimba_cuda.so), so
 * that simba itself needs no CUDA; it exports one object, which describes what the module was compiled with. */
#ifndef SB_CUDA_MODULE_H
#define SB_CUDA_MODULE_H

#include "backend/backend.h"
#include "commit.h"
#include "ops/ops.h"

#define SB_CUDA_MODULE_SYMBOL "sb_cuda_module"

/* Everything that crosses the border, by size: what a stale module most likely differs in. */
#define SB_CUDA_SHARED_SIZES                                                                                   \
    {                                                                                                          \
        sizeof(struct sb_backend), sizeof(struct sb_device), sizeof(struct sb_device_description),             \
            sizeof(struct sb_device_parameters), sizeof(struct sb_memory), sizeof(struct sb_program),          \
            sizeof(struct sb_program_parameters), sizeof(struct sb_graph), sizeof(struct sb_node),             \
            sizeof(struct sb_tensor), sizeof(union sb_attributes), sizeof(struct sb_plan), sizeof(enum sb_op), \
            sizeof(struct sb_step_numbers), sizeof(struct sb_loss_scaling), sizeof(struct sb_scaled_step),     \
            sizeof(struct simba_error), SB_OP_COUNT                                                            \
    }

struct sb_cuda_module {
    char version[32]; /* of simba; these two members stay where they are in all versions */
    char commit[64];  /* empty: not built from a checkout */
    uint32_t sizes[sizeof((uint32_t[])SB_CUDA_SHARED_SIZES) / sizeof(uint32_t)];
    const struct sb_backend *backend;
};

/* The module's one exported object. */
extern SIMBA_API const struct sb_cuda_module sb_cuda_module;

#endif
