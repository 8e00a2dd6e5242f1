/* The factors of stochastic depth. */
#include "backend/cuda/numbers.h"
#include "base/random.h"

static __global__ void drop_path_scale(int64_t batch, const struct sb_step_numbers *step,
                                       struct sb_drop_path_attributes attributes, float *scale) {
    CUDA_ELEMENTS(b, batch) {
        const uint32_t sample = step->micro_batch * (uint32_t)batch + (uint32_t)b;
        const uint32_t counter[4] = {sample, attributes.branch, step->step[0], SB_STREAM_DROP_PATH};
        uint32_t words[4];
        cuda_philox(step->seed, counter, words);
        const float uniform = (float)(words[0] >> 8) / 16777216.0f;
        scale[b] = uniform < attributes.rate ? 0 : 1 / (1 - attributes.rate);
    }
}

bool cuda_drop_path_scale(struct cuda_arguments *arguments) {
    return cuda_launch(arguments, sb_elements(arguments->out[0].tensor), drop_path_scale,
                       (const struct sb_step_numbers *)arguments->in[0].data, arguments->node->attributes.drop_path,
                       cuda_floats(&arguments->out[0]));
}
