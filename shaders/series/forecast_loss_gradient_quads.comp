// forecast_loss_gradient.comp over all channels for software drivers (common/quad.glsl).
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "common/quad.glsl"
#include "series/loss.glsl"

void main() {
    const uint i = gl_GlobalInvocationID.x;
    const int prediction_at = int(arguments.prediction_first + i), goal_at = int(arguments.goal_first + i);
    uint64_pointer8 to = arguments.dprediction;
    const float delta = arguments.delta, factor = arguments.dloss.at[0] * arguments.factor;
    if (i >= arguments.count) return;
    const vec4 error = texelFetch(prediction_texels, prediction_at) - texelFetch(goal_texels, goal_at);
    vec4 slope;
    for (int k = 0; k < 4; k++) slope[k] = factor * slope_of(error[k], delta);
    STORE_QUAD(to, i, slope);
}
