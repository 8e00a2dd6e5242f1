/* Measuring one tensor and adding it to a summary. */
#include "parity/parity.h"

#include <math.h>
#include <stdio.h>

double sb_parity_size(const float *numbers, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += (double)numbers[i] * numbers[i];
    return sqrt(sum / (double)count);
}

void sb_parity_measure(struct simba_parity_result *result, const float *got, const float *expected, int64_t count,
                       double scale) {
    double sum = 0, largest = 0;
    bool finite = true;
    for (int64_t i = 0; i < count; i++) {
        double difference = fabs((double)got[i] - expected[i]);
        finite = finite && isfinite(got[i]);
        sum += difference * difference;
        largest = fmax(largest, difference);
    }
    double error = sqrt(sum / (double)count);
    result->relative_error = !finite ? INFINITY : scale > 0 ? error / scale : error > 0 ? INFINITY : 0;
    result->largest_error = finite ? largest : INFINITY;
}

void sb_parity_add(struct sb_parity_report *report, struct simba_parity_result *result) {
    struct simba_parity_summary *summary = report->summary;
    double share = result->relative_error / result->tolerance;
    result->passed = share <= 1;
    summary->tensors++;
    if (!result->passed) summary->failed++;
    if (share > summary->worst || !summary->worst_tensor[0]) {
        summary->worst = share;
        snprintf(summary->worst_tensor, sizeof summary->worst_tensor, "%s: %s", result->case_name, result->tensor);
    }
    if (report->function) report->function(report->user, result);
}
