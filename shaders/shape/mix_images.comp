// Random erasing, then Mixup or CutMix (ops.h, MIX_IMAGES). The y axis of the grid goes over image rows [batch, height],
// x over the elements of a row. A mixed image reads its counterpart as erased, so that both agree on the noise.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "common/random.glsl"
#include "optimiser/step.glsl"

const uint STREAM_ERASING = 7; // enum sb_stream
const uint ERASING_PIXEL = 0, ERASING_CONSTANT = 1;
const uint COLOUR = 0x80000000u;

// Of a number that is not denormal: the drivers' own logarithms are not all good enough.
float logarithm(float x) {
    const int bits = floatBitsToInt(x) - 0x3f3504f3; // so that the mantissa lies around 1
    const int exponent = bits >> 23;
    const float mantissa = intBitsToFloat((bits & 0x7fffff) + 0x3f3504f3);
    const float s = (mantissa - 1.0) / (mantissa + 1.0), q = s * s;
    const float series = 1.0 + q * (1.0 / 3.0 + q * (1.0 / 5.0 + q * (1.0 / 7.0 + q * (1.0 / 9.0))));
    return float(exponent) * 0.693147180559945 + 2.0 * s * series;
}

float normal_number(uint item, uint element) {
    const uvec2 key = uvec2(arguments.step.at[STEP_SEED], arguments.step.at[STEP_SEED + 1]);
    const uint first = arguments.step.at[STEP_MICRO_BATCH] * arguments.batch;
    const uint word = philox(key, uvec4(first + item, element, arguments.step.at[STEP_STEP], STREAM_ERASING)).x;
    const float u = (float(word >> 8) + 0.5) * 5.9604644775390625e-8;
    const float x = float(int(word >> 8) - 0x800000) * 1.1920928955078125e-7 + 5.9604644775390625e-8; // 2 u - 1
    float w = -logarithm(4.0 * u * (1.0 - u)), p;
    if (w < 5.0) {
        w -= 2.5;
        p = 2.81022636e-08;
        p = 3.43273939e-07 + p * w;
        p = -3.5233877e-06 + p * w;
        p = -4.39150654e-06 + p * w;
        p = 0.00021858087 + p * w;
        p = -0.00125372503 + p * w;
        p = -0.00417768164 + p * w;
        p = 0.246640727 + p * w;
        p = 1.50140941 + p * w;
    } else {
        w = sqrt(w) - 3.0;
        p = -0.000200214257;
        p = 0.000100950558 + p * w;
        p = 0.00134934322 + p * w;
        p = -0.00367342844 + p * w;
        p = 0.00573950773 + p * w;
        p = -0.0076224613 + p * w;
        p = 0.00943887047 + p * w;
        p = 1.00167406 + p * w;
        p = 2.83297682 + p * w;
    }
    return 1.4142135623730951 * p * x;
}

// An element of an image after erasing.
float erased(uint item, uint line, uint i) {
    const uint channels = arguments.channels, count = arguments.width * channels;
    const float row = float(line), column = float(i / channels);
    for (uint box = 0; box < arguments.boxes; box++) {
        const uint at = (item * arguments.boxes + box) * 4;
        if (row >= arguments.erase.at[at] && column >= arguments.erase.at[at + 1] && row < arguments.erase.at[at + 2] &&
            column < arguments.erase.at[at + 3]) {
            if (ERASING == ERASING_CONSTANT) return 0.0;
            return normal_number(item, ERASING == ERASING_PIXEL ? line * count + i : COLOUR + box * channels + i % channels);
        }
    }
    return arguments.x.at[(item * arguments.height + line) * count + i];
}

void main() {
    const uint height = arguments.height, channels = arguments.channels, count = arguments.width * channels;
    const uint rows = arguments.batch * height, step = gl_NumWorkGroups.x * WORKGROUP;
    for (uint row = gl_WorkGroupID.y; row < rows; row += gl_NumWorkGroups.y) {
        const uint item = row / height, line = row - item * height, other = arguments.batch - 1 - item;
        for (uint i = gl_GlobalInvocationID.x; i < count; i += step) {
            float value = erased(item, line, i);
            if (MIXES) {
                const uint at = item * 5;
                const float column = float(i / channels);
                const bool inside = float(line) >= arguments.mix_table.at[at + 1] && column >= arguments.mix_table.at[at + 2] &&
                                    float(line) < arguments.mix_table.at[at + 3] && column < arguments.mix_table.at[at + 4];
                const float weight = inside ? 0.0 : arguments.mix_table.at[at];
                if (weight != 1.0) value = weight * value + (1.0 - weight) * erased(other, line, i);
            }
            arguments.y.at[row * count + i] = value;
        }
    }
}
