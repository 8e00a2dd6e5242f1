// 0 or 1 / (1 - rate) for each sample, by the uniform number that belongs to (seed, sample of the step, branch, step).
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "common/random.glsl"
#include "optimiser/step.glsl"

const uint STREAM_DROP_PATH = 4; // enum sb_stream

void main() {
    const uint i = gl_GlobalInvocationID.x;
    if (i >= arguments.batch) return;
    const uvec2 key = uvec2(arguments.step.at[STEP_SEED], arguments.step.at[STEP_SEED + 1]);
    const uint first = arguments.step.at[STEP_MICRO_BATCH] * arguments.batch;
    const uvec4 counter = uvec4(first + i, arguments.branch, arguments.step.at[STEP_STEP], STREAM_DROP_PATH);
    const float number = philox_uniform(philox(key, counter).x);
    arguments.scale.at[i] = number < arguments.rate ? 0.0 : arguments.kept;
}
