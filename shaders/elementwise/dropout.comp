// y = x / (1 - rate) or 0, four elements of a sample (the y axis of the grid) at a time: as one vector with WIDE, else
// one by one. y may be x.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "elementwise/dropout.glsl"

void main() {
    const uint count = arguments.count, quads = (count + 3) / 4, step = gl_NumWorkGroups.x * WORKGROUP;
    const float rate = arguments.rate, kept = arguments.kept;
    const uvec2 key = dropout_key();
    for (uint item = gl_WorkGroupID.y; item < arguments.batch; item += gl_NumWorkGroups.y) {
        const uvec4 counter = dropout_counter(item);
        for (uint quad = gl_GlobalInvocationID.x; quad < quads; quad += step) {
#ifdef WIDE
            const uint at = item * quads + quad;
            arguments.y.at[at] = drop(arguments.x.at[at], key, counter, quad, rate, kept);
#else
            const uint at = item * count + 4 * quad, left = min(count - 4 * quad, 4u);
            vec4 value = vec4(0);
            for (uint k = 0; k < left; k++) value[k] = arguments.x.at[at + k];
            value = drop(value, key, counter, quad, rate, kept);
            for (uint k = 0; k < left; k++) arguments.y.at[at + k] = value[k];
#endif
        }
    }
}
