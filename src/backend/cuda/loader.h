/* The library's side of the CUDA backend: finds, loads and checks the module. */
#ifndef SB_CUDA_LOADER_H
#define SB_CUDA_LOADER_H

#include "backend/backend.h"

/* Says why no CUDA device is listed (no module, a module that does not fit, no driver, no device) and what to do about
 * it. Returns false. */
bool sb_cuda_absent(struct simba_error *error);

#endif
