#include "train/schedule.h"

#include <math.h>

/* `time`, `warmup` and `end` in one unit, whatever it is. Multiplied and divided in timm's order, so that the published
 * sequence comes out to the last digit. */
static double rate_at(const struct sb_schedule *schedule, double time, double warmup, double end) {
    static const double pi = 3.14159265358979323846;
    if (time < warmup) return schedule->warmup_start + time * ((schedule->peak - schedule->warmup_start) / warmup);
    if (schedule->kind == SB_SCHEDULE_CONSTANT) return schedule->peak;
    if (time >= end) return schedule->minimum;
    /* The published scheduler does not subtract the warm-up from the cosine's time. */
    const double skipped = schedule->kind == SB_SCHEDULE_PUBLISHED ? 0 : warmup;
    const double angle = pi * (time - skipped) / (end - skipped);
    return schedule->minimum + 0.5 * (schedule->peak - schedule->minimum) * (1 + cos(angle));
}

double sb_schedule_rate(const struct sb_schedule *schedule, int64_t step) {
    if (schedule->kind == SB_SCHEDULE_PUBLISHED) {
        int64_t epoch = step / schedule->epoch_steps;
        return rate_at(schedule, epoch > 0 ? (double)(epoch - 1) : 0, schedule->warmup_epochs,
                       (double)(schedule->epochs - schedule->tail_epochs));
    }
    if (schedule->kind == SB_SCHEDULE_EXPONENTIAL &&
        (double)step >= (double)schedule->epoch_steps * schedule->warmup_epochs) {
        const int64_t decays = step / schedule->epoch_steps - schedule->hold_epochs;
        return fmax(schedule->peak * pow(schedule->decay, decays > 0 ? (double)decays : 0), schedule->minimum);
    }
    /* The last step runs at the minimum: the cosine spans one step fewer than there are. */
    double steps = (double)schedule->epoch_steps * (double)schedule->epochs;
    return rate_at(schedule, (double)step, floor(schedule->warmup_epochs * (double)schedule->epoch_steps), steps - 1);
}
