// y[block, b, c] = sum over the block's tokens of x[b, t, c] / tokens; one invocation each, tokens in order. Where there
// are several blocks, sum_partials adds them.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "reduction/block.glsl"

void main() {
    token_block block;
    if (!take_block(block)) return;
    const uint channels = arguments.channels;
    uint at = block.at;
    float sum = 0;
    for (uint token = block.start; token < block.end; token++, at += channels) sum += arguments.x.at[at];
    arguments.y.at[block_place(block)] = sum / float(arguments.tokens);
}
