// Four neighbouring channels at once. TEXELS, for software drivers (see common/quad.glsl): FETCH_QUAD(x, i) reads
// x_texels from x_first on, and results are written as 64-bit words. Otherwise through vec4 pointers. COPY_QUADS(x) comes
// first: reading arguments inside a loop costs software drivers a load for each lane.
#ifndef SIMBA_NORMALISATION_QUAD
#define SIMBA_NORMALISATION_QUAD

#ifdef TEXELS
#include "common/quad.glsl"
#define COPY_QUADS(name) const uint name##_start = arguments.name##_first
#define FETCH_QUAD(name, index) texelFetch(name##_texels, int(name##_start + (index)))
#define QUAD_POINTER uint64_pointer8
void store_quad(uint64_pointer8 pointer, uint index, vec4 value) {
    STORE_QUAD(pointer, index, value);
}
#else
#define COPY_QUADS(name) vec4_const_pointer16 name##_start = arguments.name
#define FETCH_QUAD(name, index) name##_start.at[index]
#define QUAD_POINTER vec4_pointer16
void store_quad(vec4_pointer16 pointer, uint index, vec4 value) {
    pointer.at[index] = value;
}
#endif

float add_quad(vec4 x) {
    return (x.x + x.y) + (x.z + x.w);
}

#endif
