/* A module that does not fit, in one of three things (meson.build). */
#include "backend/cuda/module.h"

#ifndef STALE_VERSION
#define STALE_VERSION SIMBA_VERSION
#endif
#ifndef STALE_COMMIT
#define STALE_COMMIT SIMBA_COMMIT
#endif
#ifndef STALE_SIZE
#define STALE_SIZE sizeof(struct sb_backend)
#endif

const struct sb_cuda_module sb_cuda_module = {.version = STALE_VERSION, .commit = STALE_COMMIT, .sizes = {STALE_SIZE}};
