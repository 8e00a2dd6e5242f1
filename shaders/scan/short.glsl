// What the two kernels of the scan for short sequences share (selective_scan_short.comp says how they work).
#ifndef SIMBA_SCAN_SHORT
#define SIMBA_SCAN_SHORT

#include "common/exponential.glsl"
#include "common/quad.glsl"

vec4 decay(vec4 power) {
    return SOFTPLUS ? vec4(exponential2_of_negative(power.x), exponential2_of_negative(power.y),
                           exponential2_of_negative(power.z), exponential2_of_negative(power.w))
                    : vec4(exponential2(power.x), exponential2(power.y), exponential2(power.z), exponential2(power.w));
}

vec4 steps_of(vec4 x) {
    return SOFTPLUS ? vec4(softplus(x.x), softplus(x.y), softplus(x.z), softplus(x.w)) : x;
}

#define FLOATS(pointer, quad) \
    vec4(pointer.at[4 * (quad)], pointer.at[4 * (quad) + 1], pointer.at[4 * (quad) + 2], pointer.at[4 * (quad) + 3])

#endif
