// y[block, b, c] = the largest of x[b, t, c] over the block's tokens, index[block, b, c] the first token that has it; one
// invocation each. Where there are several blocks, token_max_blocks takes the largest of them.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "reduction/block.glsl"

void main() {
    token_block block;
    if (!take_block(block)) return;
    const uint channels = arguments.channels;
    uint at = block.at;
    float largest = arguments.x.at[at];
    uint index = block.start;
    for (uint token = block.start + 1; token < block.end; token++) {
        at += channels;
        const float x = arguments.x.at[at];
        if (x > largest) {
            largest = x;
            index = token;
        }
    }
    const uint place = block_place(block);
    arguments.y.at[place] = largest;
    arguments.index.at[place] = int(index);
}
