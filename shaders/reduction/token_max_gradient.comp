// dx[b, t, c] = dy[b, c] where t = index[b, c], else 0; one invocation for each (b, c).
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void main() {
    const uint channels = arguments.channels, tokens = arguments.tokens;
    const uint i = gl_GlobalInvocationID.x;
    if (i >= arguments.batch * channels) return;
    const uint item = i / channels;
    uint at = item * tokens * channels + (i - item * channels);
    const float gradient = arguments.dy.at[i];
    const uint index = uint(arguments.index.at[i]);
    for (uint token = 0; token < tokens; token++, at += channels)
        arguments.dx.at[at] = token == index ? gradient : 0.0;
}
