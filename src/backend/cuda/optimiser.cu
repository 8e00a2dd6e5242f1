/* Gradient accumulation, the global norm, loss scaling, AdamW, the moving average. They change their inputs in place.
 */
#include "backend/cuda/sums.h"

static __global__ void accumulate(int64_t count, const struct sb_step_numbers *step, double scale,
                                  const float *gradient, float *accumulator) {
    CUDA_ELEMENTS(i, count)
    accumulator[i] = (float)((step->micro_batch ? accumulator[i] : 0) + scale * gradient[i]);
}

bool cuda_accumulate(struct cuda_arguments *arguments) {
    return cuda_launch(arguments, sb_elements(arguments->in[0].tensor), accumulate,
                       (const struct sb_step_numbers *)arguments->in[2].data,
                       arguments->node->attributes.accumulate.scale, cuda_floats(&arguments->in[0]),
                       cuda_floats(&arguments->in[1]));
}

struct square_term {
    const float *values;

    __device__ double operator()(int64_t row, int64_t) const { return (double)values[row] * values[row]; }
};

static __global__ void square_root(int64_t count, const double *x, float *y) {
    CUDA_ELEMENTS(i, count) y[i] = (float)sqrt(x[i]);
}

bool cuda_gradient_norm(struct cuda_arguments *arguments) {
    const struct square_term term = {cuda_floats(&arguments->in[0])};
    double *square = (double *)arguments->scratch;
    return cuda_sum_terms(arguments, sb_elements(arguments->in[0].tensor), 1, term, square + 1, square) &&
           cuda_launch(arguments, 1, square_root, square, cuda_floats(&arguments->out[0]));
}

size_t cuda_gradient_norm_scratch(const struct sb_node *node) {
    return sizeof(double) + cuda_parts_bytes(sb_elements(node->inputs[0]), 1);
}

/* Whether a step may change anything; `loss`: or NULL. */
static __device__ bool is_finite(const float *norm, const float *loss) {
    return isfinite(*norm) && (!loss || isfinite(*loss));
}

static __global__ void loss_scaling(int64_t count, struct sb_loss_scaling_attributes attributes, const float *norm,
                                    const float *loss, struct sb_loss_scaling *state, struct sb_scaled_step *step) {
    CUDA_ELEMENTS(i, count) {
        const bool taken = is_finite(norm, loss);
        *step = {};
        step->norm = (float)((double)*norm / state->scale);
        step->taken = taken;
        step->factor = 1 / state->scale;
        step->scale = state->scale;
        if (taken) {
            state->taken++;
            state->good++;
            if (state->good >= (float)attributes.interval) {
                if (isfinite(2 * state->scale)) state->scale *= 2;
                state->good = 0;
            }
        } else {
            state->skipped++;
            state->scale = fmaxf(state->scale / 2, SB_SMALLEST_LOSS_SCALE);
            state->good = 0;
        }
        step->skipped = state->skipped;
        step->correction1 = (float)(1 - pow(attributes.beta1, (double)state->taken));
        step->correction2 = (float)(1 - pow(attributes.beta2, (double)state->taken));
    }
}

bool cuda_loss_scaling(struct cuda_arguments *arguments) {
    return cuda_launch(arguments, 1, loss_scaling, arguments->node->attributes.loss_scaling,
                       cuda_floats(&arguments->in[0]), cuda_floats(&arguments->in[1]),
                       (struct sb_loss_scaling *)arguments->out[0].data,
                       (struct sb_scaled_step *)arguments->out[1].data);
}

/* A group of parameters, and what is known of the step. */
struct group {
    struct sb_adamw_attributes attributes;
    float *parameter, *moment1, *moment2;
    const float *gradient, *norm, *loss;
    const struct sb_step_numbers *step;
    const struct sb_scaled_step *scaled; /* in place of norm and loss; or NULL */
};

static __global__ void adamw(int64_t count, struct group p) {
    const struct sb_adamw_attributes &attributes = p.attributes;
    if (p.scaled ? p.scaled->taken == 0 : !is_finite(p.norm, p.loss)) return;
    const double norm = p.scaled ? p.scaled->norm : *p.norm;
    double clip = attributes.clip_norm > 0 ? fmin(1.0, attributes.clip_norm / (norm + 1e-6)) : 1;
    if (p.scaled) clip *= p.scaled->factor;
    const double correction1 = p.scaled ? p.scaled->correction1 : p.step->correction1;
    const double correction2 = p.scaled ? p.scaled->correction2 : p.step->correction2;
    const double beta1 = attributes.beta1, beta2 = attributes.beta2;
    const double rate = (double)p.step->learning_rate * attributes.rate_factor;
    CUDA_ELEMENTS(i, count) {
        const double g = p.gradient[i] * clip;
        const double m = beta1 * p.moment1[i] + (1 - beta1) * g, v = beta2 * p.moment2[i] + (1 - beta2) * g * g;
        const double decayed = p.parameter[i] * (1 - rate * attributes.weight_decay);
        p.moment1[i] = (float)m;
        p.moment2[i] = (float)v;
        p.parameter[i] = (float)(decayed - rate / correction1 * m / (sqrt(v) / sqrt(correction2) + attributes.epsilon));
    }
}

bool cuda_adamw(struct cuda_arguments *arguments) {
    enum { PARAMETER, GRADIENT, MOMENT1, MOMENT2, STEP, NORM, LOSS, SCALED };
    const struct cuda_span *in = arguments->in;
    struct group p = {};
    p.attributes = arguments->node->attributes.adamw;
    p.parameter = cuda_floats(&in[PARAMETER]);
    p.moment1 = cuda_floats(&in[MOMENT1]);
    p.moment2 = cuda_floats(&in[MOMENT2]);
    p.gradient = cuda_floats(&in[GRADIENT]);
    p.norm = cuda_floats(&in[NORM]);
    p.loss = cuda_floats(&in[LOSS]);
    p.step = (const struct sb_step_numbers *)in[STEP].data;
    p.scaled = (const struct sb_scaled_step *)in[SCALED].data;
    return cuda_launch(arguments, sb_elements(in[PARAMETER].tensor), adamw, p);
}

static __global__ void update_average(int64_t count, double share, const float *value, const float *norm,
                                      const float *loss, float *average) {
    if (!is_finite(norm, loss)) return;
    CUDA_ELEMENTS(i, count)
    average[i] = (float)(average[i] + share * ((double)value[i] - average[i]));
}

bool cuda_average(struct cuda_arguments *arguments) {
    enum { VALUE, AVERAGE, NORM, LOSS };
    const struct cuda_span *in = arguments->in;
    return cuda_launch(arguments, sb_elements(in[VALUE].tensor), update_average,
                       (double)arguments->node->attributes.average.share, cuda_floats(&in[VALUE]),
                       cuda_floats(&in[NORM]), cuda_floats(&in[LOSS]), cuda_floats(&in[AVERAGE]));
}
