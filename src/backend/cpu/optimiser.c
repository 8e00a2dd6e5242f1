/* Reference: gradient accumulation, the global norm, AdamW, the moving average. They change their inputs in place. */
#include "backend/cpu/functions.h"
#include "ops/ops.h"

#include <math.h>

bool cpu_accumulate(struct cpu_arguments *arguments) {
    const float *gradient = arguments->in[0].data;
    float *accumulator = arguments->in[1].data;
    const struct sb_step_numbers *step = arguments->in[2].data;
    double scale = arguments->node->attributes.accumulate.scale;
    for (int64_t i = 0; i < sb_elements(arguments->in[0].tensor); i++)
        accumulator[i] = (float)((step->micro_batch ? accumulator[i] : 0) + scale * gradient[i]);
    return true;
}

bool cpu_gradient_norm(struct cpu_arguments *arguments) {
    const float *gradient = arguments->in[0].data;
    double sum = 0;
    for (int64_t i = 0; i < sb_elements(arguments->in[0].tensor); i++) sum += (double)gradient[i] * gradient[i];
    *(float *)arguments->out[0].data = (float)sqrt(sum);
    return true;
}

bool cpu_loss_scaling(struct cpu_arguments *arguments) {
    const struct sb_loss_scaling_attributes *attributes = &arguments->node->attributes.loss_scaling;
    const float norm = *(const float *)arguments->in[0].data, *loss = arguments->in[1].data;
    struct sb_loss_scaling *state = arguments->out[0].data;
    struct sb_scaled_step *step = arguments->out[1].data;
    const bool taken = isfinite(norm) && (!loss || isfinite(*loss));
    *step = (struct sb_scaled_step){.norm = (float)((double)norm / state->scale),
                                    .taken = taken,
                                    .factor = 1 / state->scale,
                                    .scale = state->scale};
    if (taken) {
        state->taken++;
        state->good++;
        if (state->good >= (float)attributes->interval) {
            if (isfinite(2 * state->scale)) state->scale *= 2;
            state->good = 0;
        }
    } else {
        state->skipped++;
        state->scale = fmaxf(state->scale / 2, SB_SMALLEST_LOSS_SCALE);
        state->good = 0;
    }
    step->skipped = state->skipped;
    step->correction1 = (float)(1 - pow(attributes->beta1, state->taken));
    step->correction2 = (float)(1 - pow(attributes->beta2, state->taken));
    return true;
}

bool cpu_adamw(struct cpu_arguments *arguments) {
    enum { PARAMETER, GRADIENT, MOMENT1, MOMENT2, STEP, NORM, LOSS, SCALED };
    const struct sb_adamw_attributes *attributes = &arguments->node->attributes.adamw;
    float *parameter = arguments->in[PARAMETER].data, *moment1 = arguments->in[MOMENT1].data;
    float *moment2 = arguments->in[MOMENT2].data;
    const float *gradient = arguments->in[GRADIENT].data, *loss = arguments->in[LOSS].data;
    const struct sb_step_numbers *step = arguments->in[STEP].data;
    const struct sb_scaled_step *scaled = arguments->in[SCALED].data;
    double norm = scaled ? scaled->norm : *(const float *)arguments->in[NORM].data, clip = 1;
    if (scaled ? scaled->taken == 0 : !isfinite(norm) || (loss && !isfinite(*loss))) return true;
    if (attributes->clip_norm > 0) clip = fmin(1, attributes->clip_norm / (norm + 1e-6));
    double beta1 = attributes->beta1, beta2 = attributes->beta2,
           rate = (double)step->learning_rate * attributes->rate_factor;
    if (scaled) clip *= scaled->factor;
    double correction1 = scaled ? scaled->correction1 : step->correction1;
    double correction2 = scaled ? scaled->correction2 : step->correction2;
    for (int64_t i = 0; i < sb_elements(arguments->in[PARAMETER].tensor); i++) {
        double g = gradient[i] * clip;
        double m = beta1 * moment1[i] + (1 - beta1) * g, v = beta2 * moment2[i] + (1 - beta2) * g * g;
        double p = parameter[i] * (1 - rate * attributes->weight_decay);
        p -= rate / correction1 * m / (sqrt(v) / sqrt(correction2) + attributes->epsilon);
        moment1[i] = (float)m;
        moment2[i] = (float)v;
        parameter[i] = (float)p;
    }
    return true;
}

bool cpu_average(struct cpu_arguments *arguments) {
    enum { VALUE, AVERAGE, NORM, LOSS };
    const float *value = arguments->in[VALUE].data, *norm = arguments->in[NORM].data;
    const float *loss = arguments->in[LOSS].data;
    float *average = arguments->in[AVERAGE].data;
    const double share = arguments->node->attributes.average.share;
    if (!isfinite(*norm) || (loss && !isfinite(*loss))) return true;
    for (int64_t i = 0; i < sb_elements(arguments->in[VALUE].tensor); i++)
        average[i] = (float)(average[i] + share * ((double)value[i] - average[i]));
    return true;
}
