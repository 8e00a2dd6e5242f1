// average.comp for software drivers (common/quad.glsl).
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "common/quad.glsl"
#include "common/finite.glsl"

void main() {
    const uint i = gl_GlobalInvocationID.x;
    const int value_at = int(arguments.value_first + i), average_at = int(arguments.average_first + i);
    uint64_pointer8 averages = arguments.average;
    const float share = arguments.share;
    const bool wanted = is_finite(arguments.norm.at[0]) && (!HAS_LOSS || is_finite(arguments.loss.at[0]));
    if (!wanted || i >= arguments.count) return;
    const vec4 average = texelFetch(average_texels, average_at);
    STORE_QUAD(averages, i, average + share * (texelFetch(value_texels, value_at) - average));
}
