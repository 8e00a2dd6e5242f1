// y[b, c] = mean over tokens of x[b, t, c]; one invocation for each (b, c), tokens in order.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void main() {
    const uint channels = arguments.channels, tokens = arguments.tokens;
    const uint i = gl_GlobalInvocationID.x;
    if (i >= arguments.batch * channels) return;
    const uint item = i / channels;
    uint at = item * tokens * channels + (i - item * channels);
    float sum = 0;
    for (uint token = 0; token < tokens; token++, at += channels) sum += arguments.x.at[at];
    arguments.y.at[i] = sum / float(tokens);
}
