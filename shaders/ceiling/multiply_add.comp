// The rate of float32 multiply-adds: 12 x 8 of them to a turn. Written as a product and a sum, which a compiler makes one
// instruction of where that is the fastest; with factor 1 and a power of two as addend both are exact.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"

#define START(x) (x)
#define STEP(x) x = x * factor + addend;
#include "ceiling/chains.glsl"
