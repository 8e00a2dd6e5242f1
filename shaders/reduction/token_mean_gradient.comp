// dx[b, t, c] = dy[b, c] / tokens; one invocation for each (b, c) and block of tokens.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "reduction/block.glsl"

void main() {
    token_block block;
    if (!take_block(block)) return;
    const uint channels = arguments.channels;
    uint at = block.at;
    const float gradient = arguments.dy.at[block.i] / float(arguments.tokens);
    for (uint token = block.start; token < block.end; token++, at += channels) arguments.dx.at[at] = gradient;
}
