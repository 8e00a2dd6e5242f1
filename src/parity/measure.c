/* Measuring one tensor and adding it to a summary. */
#include "parity/parity.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- units in the last place */

static int64_t place_on_line(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const int64_t size = bits & 0x7fffffffu;
    return bits >> 31 ? -size : size;
}

uint32_t sb_parity_ulps(float a, float b) {
    const int64_t distance = place_on_line(a) - place_on_line(b);
    return (uint32_t)(distance < 0 ? -distance : distance);
}

/* A histogram of distances, so that their median takes no memory that grows with the tensor: one bin for each below
 * 2^11, then 32 for each power of two. */
enum { EXACT_BITS = 11, FINE_BITS = 5, BINS = (1 << EXACT_BITS) + (32 - EXACT_BITS) * (1 << FINE_BITS) };
struct histogram {
    int64_t bins[BINS], count;
    uint32_t worst;
};

static int bin_of(uint32_t distance) {
    if (distance < 1u << EXACT_BITS) return (int)distance;
    int power = EXACT_BITS;
    while (power < 31 && distance >> (power + 1)) power++;
    const uint32_t fine = distance >> (power - FINE_BITS) & ((1u << FINE_BITS) - 1);
    return (1 << EXACT_BITS) + (power - EXACT_BITS) * (1 << FINE_BITS) + (int)fine;
}

static double smallest_of(int bin) {
    if (bin < 1 << EXACT_BITS) return bin;
    bin -= 1 << EXACT_BITS;
    return ldexp(1 + (double)(bin % (1 << FINE_BITS)) / (1 << FINE_BITS), EXACT_BITS + bin / (1 << FINE_BITS));
}

static struct simba_parity_ulps summarise(const struct histogram *histogram) {
    int64_t below = 0;
    for (int bin = 0; bin < BINS; bin++) {
        below += histogram->bins[bin];
        if (2 * below >= histogram->count)
            return (struct simba_parity_ulps){histogram->count ? smallest_of(bin) : 0, histogram->worst};
    }
    return (struct simba_parity_ulps){0};
}

/* ---- a tensor */

double sb_parity_size(const float *numbers, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += isfinite(numbers[i]) ? (double)numbers[i] * numbers[i] : 0;
    return sqrt(sum / (double)count);
}

static bool same_non_finite(float a, float b) {
    return isnan(a) ? isnan(b) : a == b;
}

void sb_parity_measure(struct simba_parity_result *result, const float *got, const float *expected, int64_t count,
                       double scale) {
    struct histogram histogram = {0};
    const double large = sb_parity_size(expected, count) * (1 - 1e-12); /* all elements equal: they are large */
    double sum = 0, largest = -1, element = 0;
    int64_t worst = 0, different = 0, alike = 0, zeros = 0;
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(got[i]) || !isfinite(expected[i])) {
            if (same_non_finite(got[i], expected[i]))
                alike++;
            else if (!different++)
                worst = i;
            continue;
        }
        zeros += got[i] == 0 && expected[i] == 0;
        const double difference = fabs((double)got[i] - expected[i]);
        sum += difference * difference;
        if (difference > largest && !different) largest = difference, worst = i;
        if (difference > 0) element = fmax(element, difference / fmax(scale, fabs((double)expected[i])));
        if (!(fabs((double)expected[i]) >= large)) continue;
        const uint32_t ulps = sb_parity_ulps(got[i], expected[i]);
        histogram.bins[bin_of(ulps)]++;
        histogram.count++;
        if (ulps > histogram.worst) histogram.worst = ulps;
    }
    const double error = sqrt(sum / (double)count);
    result->relative_error = different ? INFINITY : scale > 0 ? error / scale : error > 0 ? INFINITY : 0;
    result->largest_error = different ? INFINITY : fmax(largest, 0);
    result->element_error = different ? INFINITY : element;
    result->non_finite = different;
    result->both_non_finite = alike;
    result->all_zero = zeros == count;
    result->not_compared = alike && !different;
    result->elements = count;
    result->worst_element = worst;
    result->got = got[worst];
    result->expected = expected[worst];
    result->ulps = summarise(&histogram);
}

double simba_parity_share(const struct simba_parity_result *result) {
    const double errors[] = {result->relative_error, result->element_error};
    const double tolerances[] = {result->tolerance, result->element_tolerance};
    double share = 0;
    for (int i = 0; i < 2; i++) {
        if (i && !(tolerances[i] > 0)) continue;
        const double part = errors[i] == 0 ? 0 : tolerances[i] > 0 ? errors[i] / tolerances[i] : INFINITY;
        if (!(part <= share)) share = isnan(part) ? INFINITY : part; /* what is not a number is not within anything */
    }
    return share;
}

void sb_parity_add(struct sb_parity_report *report, struct simba_parity_result *result) {
    struct simba_parity_summary *summary = report->summary;
    const double share = simba_parity_share(result);
    result->passed = share <= 1 && !result->not_compared;
    summary->tensors++;
    if (!(share <= 1))
        summary->failed++;
    else if (result->not_compared)
        summary->not_compared++;
    if (result->mode == SIMBA_PARITY_ISOLATED && result->all_zero) summary->all_zero++;
    if (share > summary->worst || !summary->worst_tensor[0]) {
        summary->worst = share;
        snprintf(summary->worst_tensor, sizeof summary->worst_tensor, "%s: %s", result->case_name, result->tensor);
    }
    if (report->function) report->function(report->user, result);
}

const char *simba_parity_mode_name(enum simba_parity_mode mode) {
    static const char *const names[] = {"golden", "isolated", "accumulated", "steps", "repeated"};
    return (unsigned)mode < SIMBA_PARITY_MODES ? names[mode] : "unknown";
}
