// A loop of nothing but STEP(x): twelve independent chains in each invocation, so that the latency of one step hides
// behind the others however few subgroups a processor holds, and eight steps of each to a turn, written out, so that the
// loop itself does not count. Chains begin at different values in neighbouring invocations, lest a compiler computes
// one of them for all; what happens in the steps depends on arguments, and their sum is stored.
#ifndef SIMBA_CEILING_CHAINS
#define SIMBA_CEILING_CHAINS

#define STEP_ALL STEP(x0) STEP(x1) STEP(x2)

void main() {
    const uint turns = arguments.turns;
    const float factor = arguments.factor, addend = arguments.addend;
    const vec4 first = vec4(gl_LocalInvocationID.x & 7u) + vec4(0.0, 1.0, 2.0, 3.0);
    vec4 x0 = START(first), x1 = START(first + 4.0), x2 = START(first + 8.0);
    for (uint turn = 0u; turn < turns; turn++) {
        STEP_ALL STEP_ALL STEP_ALL STEP_ALL
        STEP_ALL STEP_ALL STEP_ALL STEP_ALL
    }
    const vec4 sum = (x0 + x1) + x2;
    arguments.sums.at[gl_GlobalInvocationID.x] = (sum.x + sum.y) + (sum.z + sum.w);
}

#endif
