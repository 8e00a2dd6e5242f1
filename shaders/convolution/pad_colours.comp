// pad_channels for images of three channels on software drivers: three texels are four pixels and become four texels.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

void store(uint64_pointer8 to, uint pixel, vec3 colour) {
    to.at[2u * pixel] = packUint2x32(floatBitsToUint(colour.xy));
    to.at[2u * pixel + 1u] = packUint2x32(floatBitsToUint(vec2(colour.z, 0.0)));
}

void main() {
    const uint quads = arguments.quads;
    uint64_pointer8 y = arguments.y;
    const uint group = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    const uint wanted = group * WORKGROUP + gl_LocalInvocationID.x;
    const uint quad = min(wanted, quads - 1u);
    const int first = int(arguments.x_first + 3u * quad);
    const vec4 a = texelFetch(x_texels, first);
    const vec4 b = texelFetch(x_texels, first + 1);
    const vec4 c = texelFetch(x_texels, first + 2);
    if (wanted >= quads) return;
    store(y, 4u * quad, a.xyz);
    store(y, 4u * quad + 1u, vec3(a.w, b.xy));
    store(y, 4u * quad + 2u, vec3(b.zw, c.x));
    store(y, 4u * quad + 3u, c.yzw);
}
