#include "bench/bench.h"

#include <math.h>
#include <stdlib.h>

static int compare_doubles(const void *left, const void *right) {
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* `part` of the way from the smallest to the largest. */
static double percentile(const double *sorted, int count, double part) {
    const double at = part * (count - 1);
    const int below = (int)floor(at), above = below + 1 < count ? below + 1 : below;
    return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

struct sb_bench_statistics sb_bench_statistics(double *samples, int count) {
    if (!count) return (struct sb_bench_statistics){0};
    qsort(samples, (size_t)count, sizeof *samples, compare_doubles);
    return (struct sb_bench_statistics){
        .median = percentile(samples, count, 0.5), .minimum = samples[0], .p95 = percentile(samples, count, 0.95)};
}
