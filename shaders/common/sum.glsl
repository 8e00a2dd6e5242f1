// A sum or a maximum over the LANES invocations of a workgroup that work together, in a fixed order, so that it repeats
// bit for bit. LANES is a power of two and divides WORKGROUP; 1 is free. All invocations of the workgroup must call.
#ifndef SIMBA_COMMON_SUM
#define SIMBA_COMMON_SUM

shared float sum_values[LANES == 1 ? 1 : WORKGROUP];

float lanes_sum(float value) {
    if (LANES == 1) return value;
    const uint me = gl_LocalInvocationIndex, lane = me % LANES;
    sum_values[me] = value;
    barrier();
    for (uint half_way = LANES / 2; half_way > 0; half_way /= 2) {
        if (lane < half_way) sum_values[me] += sum_values[me + half_way];
        barrier();
    }
    const float sum = sum_values[me - lane];
    barrier();
    return sum;
}

float lanes_max(float value) {
    if (LANES == 1) return value;
    const uint me = gl_LocalInvocationIndex, lane = me % LANES;
    sum_values[me] = value;
    barrier();
    for (uint half_way = LANES / 2; half_way > 0; half_way /= 2) {
        if (lane < half_way) sum_values[me] = max(sum_values[me], sum_values[me + half_way]);
        barrier();
    }
    const float largest = sum_values[me - lane];
    barrier();
    return largest;
}

#endif
