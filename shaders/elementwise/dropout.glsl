// Four neighbouring elements of a sample, each kept and made larger, or 0, by its own number.
#include "common/random.glsl"
#include "optimiser/step.glsl"

const uint STREAM_DROPOUT = 8; // enum sb_stream

// The four numbers' counter but for its second word, the quad within the sample.
uvec4 dropout_counter(uint item) {
    return uvec4(arguments.step.at[STEP_MICRO_BATCH] * arguments.batch + item, 0, arguments.step.at[STEP_STEP],
                 STREAM_DROPOUT + 256 * arguments.branch);
}

uvec2 dropout_key() { return uvec2(arguments.step.at[STEP_SEED], arguments.step.at[STEP_SEED + 1]); }

vec4 drop(vec4 x, uvec2 key, uvec4 counter, uint quad, float rate, float kept) {
    const uvec4 words = philox(key, uvec4(counter.x, quad, counter.zw));
    for (int k = 0; k < 4; k++) x[k] = philox_uniform(words[k]) < rate ? 0.0 : x[k] * kept;
    return x;
}
