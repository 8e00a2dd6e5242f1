// accumulate.comp for software drivers (common/quad.glsl).
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "common/quad.glsl"
#include "optimiser/step.glsl"

void main() {
    const uint i = gl_GlobalInvocationID.x;
    const int gradient_at = int(arguments.gradient_first + i), accumulator_at = int(arguments.accumulator_first + i);
    uint64_pointer8 accumulator = arguments.accumulator;
    const bool first = arguments.step.at[STEP_MICRO_BATCH] == 0;
    const float scale = arguments.scale;
    if (i >= arguments.count) return;
    vec4 sum = texelFetch(accumulator_texels, accumulator_at);
    if (first) sum = vec4(0);
    sum += scale * texelFetch(gradient_texels, gradient_at);
    STORE_QUAD(accumulator, i, sum);
}
