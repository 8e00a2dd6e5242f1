/* Weights between file formats: safetensors and what PyTorch's torch.save writes. */
#ifndef SIMBA_CONVERT_H
#define SIMBA_CONVERT_H

#include "simba/status.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct simba_convert_options {
    const char *input;  /* safetensors (also a checkpoint of simba), or a PyTorch file of the zip or the older format */
    const char *output; /* the ending decides: .safetensors, or .pth, .pt, .tar for PyTorch */
    /* PyTorch files: the key below which the state dictionary lies. NULL: "model", "state_dict" or "model_state_dict"
     * when there is one of them, else the one key below which everything lies, or the whole file. */
    const char *key;
    /* JSON file whose "model" object says the architecture; NULL: as names and shapes (or the file's metadata) say. */
    const char *configuration;
};

struct simba_conversion {
    char size[16], mixer[16]; /* "s", "b", "l" or "custom"; "mlp" or "einfft" */
    int tensors;
    int64_t parameters; /* trainable numbers */
    int classes;
    bool token_labels;
    char ignored[512]; /* what else was in the input, for a person; "" for nothing */
};

/* Writes the state dictionary of the published code: its names in its order, float32 (and the int64 counters of batch
 * normalisation), whatever the input had; "module." in front of names (DistributedDataParallel) is removed. A
 * safetensors file gets the architecture in its metadata. No code in a PyTorch file is ever run. Weights that do not
 * fit the architecture are an error that lists the first differences. Atomic. `result` may be NULL. */
SIMBA_API bool simba_convert(const struct simba_convert_options *options, struct simba_conversion *result,
                             struct simba_error *error);

#ifdef __cplusplus
}
#endif
#endif
