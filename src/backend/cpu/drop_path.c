/* Reference: the factors of stochastic depth. */
#include "backend/cpu/functions.h"
#include "base/random.h"
#include "ops/ops.h"

bool cpu_drop_path_scale(struct cpu_arguments *arguments) {
    const struct sb_drop_path_attributes *attributes = &arguments->node->attributes.drop_path;
    const struct sb_step_numbers *step = arguments->in[0].data;
    float *scale = arguments->out[0].data;
    uint32_t batch = (uint32_t)sb_elements(arguments->out[0].tensor), first = step->micro_batch * batch;
    for (uint32_t b = 0; b < batch; b++) {
        uint32_t counter[4] = {first + b, attributes->branch, step->step[0], SB_STREAM_DROP_PATH}, words[4];
        sb_philox(step->seed, counter, words);
        float uniform = (float)(words[0] >> 8) / 16777216.0f;
        scale[b] = uniform < attributes->rate ? 0 : 1 / (1 - attributes->rate);
    }
    return true;
}
