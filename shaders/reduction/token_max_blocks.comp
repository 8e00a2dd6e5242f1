// Second stage of token_max: the first largest of the blocks' results [block, count], with its token.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void main() {
    const uint i = gl_GlobalInvocationID.x;
    if (i >= arguments.count) return;
    float largest = arguments.x.at[i];
    int index = arguments.block_index.at[i];
    for (uint block = 1; block < arguments.blocks; block++) {
        const uint at = block * arguments.count + i;
        const float x = arguments.x.at[at];
        if (x > largest) {
            largest = x;
            index = arguments.block_index.at[at];
        }
    }
    arguments.y.at[i] = largest;
    arguments.index.at[i] = index;
}
