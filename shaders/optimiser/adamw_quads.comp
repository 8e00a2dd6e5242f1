// adamw.comp for software drivers (common/quad.glsl).
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "common/quad.glsl"
#include "optimiser/adamw.glsl"

void main() {
    const uint i = gl_GlobalInvocationID.x;
    uint64_pointer8 parameters = arguments.parameter, moments1 = arguments.moment1, moments2 = arguments.moment2;
    const int parameter_at = int(arguments.parameter_first + i), gradient_at = int(arguments.gradient_first + i);
    const int moment1_at = int(arguments.moment1_first + i), moment2_at = int(arguments.moment2_first + i);
    const bool wanted = prepare();
    if (!wanted || i >= arguments.count) return;
    vec4 parameter = texelFetch(parameter_texels, parameter_at), moment1 = texelFetch(moment1_texels, moment1_at);
    vec4 moment2 = texelFetch(moment2_texels, moment2_at);
    update(parameter, texelFetch(gradient_texels, gradient_at), moment1, moment2);
    STORE_QUAD(parameters, i, parameter);
    STORE_QUAD(moments1, i, moment1);
    STORE_QUAD(moments2, i, moment2);
}
