// AdamW (Loshchilov and Hutter, 2019) on one range of the parameter space, in place; see ops.h.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "common/element.glsl"
#include "optimiser/step.glsl"

// By its bits: a compiler may take isnan and isinf for false.
bool is_finite(float x) { return (floatBitsToUint(x) & 0x7f800000u) != 0x7f800000u; }

void main() {
    const float norm = arguments.norm.at[0];
    if (!is_finite(norm) || (HAS_LOSS && !is_finite(arguments.loss.at[0]))) return;
    const float learning_rate = uintBitsToFloat(arguments.step.at[STEP_LEARNING_RATE]);
    const float correction1 = uintBitsToFloat(arguments.step.at[STEP_CORRECTION1]);
    const float correction2 = uintBitsToFloat(arguments.step.at[STEP_CORRECTION2]);
    // beta and 1 - beta: the difference of a float32 beta from 1 would be off by 1e-5 for 0.999.
    const float keep1 = arguments.keep1, keep2 = arguments.keep2, take1 = arguments.take1, take2 = arguments.take2;
    const float decay = 1.0 - learning_rate * arguments.weight_decay, epsilon = arguments.epsilon;
    const float rate = learning_rate / correction1, root = 1.0 / sqrt(correction2);
    float clip = 1.0;
    if (arguments.clip_norm > 0.0) clip = min(1.0, arguments.clip_norm / (norm + 1e-6));
    const uint count = arguments.count, step = gl_NumWorkGroups.x * WORKGROUP;
    for (uint i = gl_GlobalInvocationID.x; i < count; i += step) {
        const element gradient = clip * LOAD(arguments.gradient, i);
        const element moment1 = keep1 * LOAD(arguments.moment1, i) + take1 * gradient;
        const element moment2 = keep2 * LOAD(arguments.moment2, i) + take2 * gradient * gradient;
        const element parameter = decay * LOAD(arguments.parameter, i);
        STORE(arguments.moment1, i, moment1);
        STORE(arguments.moment2, i, moment2);
        STORE(arguments.parameter, i, parameter - rate * moment1 / (sqrt(moment2) * root + epsilon));
    }
}
