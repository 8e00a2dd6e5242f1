// The rate of 2^x: 12 x 8 of them to a turn. Each is of the one before, times -1, which every chain follows to the one
// solution of x = 2^-x. The product with -1 is a modifier of the instruction, or one instruction among many.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "common/exponential.glsl"

vec4 exponentials2(vec4 x) {
    return POLYNOMIAL ? vec4(exponential2_in_range(x.x), exponential2_in_range(x.y), exponential2_in_range(x.z),
                             exponential2_in_range(x.w))
                      : exp2(x);
}

#define START(x) (addend * (x))
#define STEP(x) x = exponentials2(-x);
#include "ceiling/chains.glsl"
