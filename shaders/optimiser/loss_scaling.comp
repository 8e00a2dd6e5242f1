// Dynamic loss scaling, by one invocation; see ops.h.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "arguments.glsl"
#include "common/finite.glsl"
#include "optimiser/scaled.glsl"

// 1 - beta^t from take = 1 - beta, which would lose digits as a difference of powers near 1: by the binary digits of t
// from the highest on. With c = 1 - beta^n, 1 - beta^(2 n) is c (2 - c) and 1 - beta^(n + 1) is c + take (1 - c).
float correction(float take, uint t) {
    float c = 0.0;
    for (int digit = findMSB(t); digit >= 0; digit--) {
        c *= 2.0 - c;
        if ((t >> digit & 1u) != 0u) c += take * (1.0 - c);
    }
    return c;
}

void main() {
    const float norm = arguments.norm.at[0], scale = arguments.state.at[STATE_SCALE], factor = 1.0 / scale;
    float good = arguments.state.at[STATE_GOOD], taken = arguments.state.at[STATE_TAKEN];
    float skipped = arguments.state.at[STATE_SKIPPED], next = scale;
    const bool take = is_finite(norm) && (!HAS_LOSS || is_finite(arguments.loss.at[0]));
    if (take) {
        taken += 1.0;
        good += 1.0;
        if (good >= arguments.interval) {
            if (is_finite(2.0 * scale)) next = 2.0 * scale;
            good = 0.0;
        }
    } else {
        skipped += 1.0;
        good = 0.0;
        next = max(0.5 * scale, arguments.smallest);
    }
    arguments.state.at[STATE_SCALE] = next;
    arguments.state.at[STATE_GOOD] = good;
    arguments.state.at[STATE_TAKEN] = taken;
    arguments.state.at[STATE_SKIPPED] = skipped;
    arguments.scaled.at[SCALED_NORM] = norm * factor;
    arguments.scaled.at[SCALED_TAKEN] = take ? 1.0 : 0.0;
    arguments.scaled.at[SCALED_FACTOR] = factor;
    arguments.scaled.at[SCALED_CORRECTION1] = correction(arguments.take1, uint(taken));
    arguments.scaled.at[SCALED_CORRECTION2] = correction(arguments.take2, uint(taken));
    arguments.scaled.at[SCALED_SCALE] = scale;
    arguments.scaled.at[SCALED_SKIPPED] = skipped;
    arguments.scaled.at[SCALED_UNUSED] = 0.0;
}
