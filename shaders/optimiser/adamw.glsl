// AdamW (Loshchilov and Hutter, 2019) on one `element`, a float or a vector of them; see ops.h.
#include "common/finite.glsl"
#include "optimiser/scaled.glsl"
#include "optimiser/step.glsl"

// keep is beta and take 1 - beta, which as the difference of a float beta from 1 would be off by 1e-5 for 0.999.
float keep1, keep2, take1, take2, decay, rate, root, epsilon, clip;

// The step's numbers; false when the step must not be made.
bool prepare() {
    const float norm = SCALED ? arguments.scaled.at[SCALED_NORM] : arguments.norm.at[0];
    const float learning_rate = arguments.rate_factor * uintBitsToFloat(arguments.step.at[STEP_LEARNING_RATE]);
    const float correction1 =
        SCALED ? arguments.scaled.at[SCALED_CORRECTION1] : uintBitsToFloat(arguments.step.at[STEP_CORRECTION1]);
    const float correction2 =
        SCALED ? arguments.scaled.at[SCALED_CORRECTION2] : uintBitsToFloat(arguments.step.at[STEP_CORRECTION2]);
    keep1 = arguments.keep1;
    keep2 = arguments.keep2;
    take1 = arguments.take1;
    take2 = arguments.take2;
    decay = 1.0 - learning_rate * arguments.weight_decay;
    rate = learning_rate / correction1;
    root = 1.0 / sqrt(correction2);
    epsilon = arguments.epsilon;
    clip = arguments.clip_norm > 0.0 ? min(1.0, arguments.clip_norm / (norm + 1e-6)) : 1.0;
    if (SCALED) {
        clip *= arguments.scaled.at[SCALED_FACTOR];
        return arguments.scaled.at[SCALED_TAKEN] != 0.0;
    }
    return is_finite(norm) && (!HAS_LOSS || is_finite(arguments.loss.at[0]));
}

void update(inout element parameter, element gradient, inout element moment1, inout element moment2) {
    gradient *= clip;
    moment1 = keep1 * moment1 + take1 * gradient;
    moment2 = keep2 * moment2 + take2 * gradient * gradient;
    parameter = decay * parameter - rate * moment1 / (sqrt(moment2) * root + epsilon);
}
