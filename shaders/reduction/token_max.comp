// y[b, c] = the largest of x[b, t, c] over tokens, index[b, c] the first token that has it; one invocation each.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void main() {
    const uint channels = arguments.channels, tokens = arguments.tokens;
    const uint i = gl_GlobalInvocationID.x;
    if (i >= arguments.batch * channels) return;
    const uint item = i / channels;
    uint at = item * tokens * channels + (i - item * channels);
    float largest = arguments.x.at[at];
    int index = 0;
    for (uint token = 1; token < tokens; token++) {
        at += channels;
        const float x = arguments.x.at[at];
        if (x > largest) {
            largest = x;
            index = int(token);
        }
    }
    arguments.y.at[i] = largest;
    arguments.index.at[i] = index;
}
