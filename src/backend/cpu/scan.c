/* Reference: Mamba's selective scan, step by step. */
#include "backend/cpu/functions.h"
#include "ops/ops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Above 20 softplus(x) is x to the last bit of a float; the published kernel has the same switch. */
static double softplus(double x) {
    return x > 20 ? x : log1p(exp(x));
}

static double step_size(const struct sb_scan_attributes *attributes, double delta, const float *bias, int64_t e) {
    double x = delta + (bias ? bias[e] : 0);
    return attributes->softplus ? softplus(x) : x;
}

bool cpu_selective_scan(struct cpu_arguments *arguments) {
    const struct sb_scan_attributes *attributes = &arguments->node->attributes.scan;
    const struct cpu_span *u = &arguments->in[SB_SCAN_U], *delta = &arguments->in[SB_SCAN_DELTA];
    const struct cpu_span *b = &arguments->in[SB_SCAN_B], *c = &arguments->in[SB_SCAN_C],
                          *z = &arguments->in[SB_SCAN_Z];
    const struct cpu_span *y = &arguments->out[SB_SCAN_Y], *ungated = &arguments->out[SB_SCAN_UNGATED];
    const float *a = arguments->in[SB_SCAN_A].data, *d = arguments->in[SB_SCAN_D].data;
    const float *bias = arguments->in[SB_SCAN_BIAS].data;
    float *states = arguments->out[SB_SCAN_STATES].data;
    int64_t batch = cpu_axis(u, 0), length = cpu_axis(u, 1), channels = cpu_axis(u, 2);
    int64_t size = cpu_axis(&arguments->in[SB_SCAN_A], 1), all = channels * size;
    double *h = sb_allocate((size_t)all, sizeof(double), arguments->error);
    if (!h) return false;
    for (int64_t item = 0; item < batch; item++) {
        for (int64_t i = 0; i < all; i++) h[i] = 0;
        for (int64_t t = 0; t < length; t++) {
            int64_t row = item * length + t;
            const float *b_row = cpu_row(b, row), *c_row = cpu_row(c, row);
            if (states && t > 0 && t % attributes->chunk == 0)
                for (int64_t i = 0; i < all; i++) *states++ = (float)h[i];
            for (int64_t e = 0; e < channels; e++) {
                double step = step_size(attributes, cpu_row(delta, row)[e], bias, e), input = cpu_row(u, row)[e];
                double *state = h + e * size, sum = 0;
                for (int64_t n = 0; n < size; n++) {
                    state[n] = exp(step * a[e * size + n]) * state[n] + step * input * b_row[n];
                    sum += c_row[n] * state[n];
                }
                if (d) sum += d[e] * input;
                if (ungated->data) cpu_row(ungated, row)[e] = (float)sum;
                if (z->data) sum *= cpu_activation(SB_ACTIVATION_SILU, 0, cpu_row(z, row)[e]);
                cpu_row(y, row)[e] = (float)sum;
            }
        }
    }
    free(h);
    return true;
}

/* One channel of one sequence at a time: the states of all its tokens forwards, then the adjoint of the state
 * (lambda) backwards. The saved states are not used, everything is recomputed in double. */
bool cpu_selective_scan_gradient(struct cpu_arguments *arguments) {
    const struct sb_scan_attributes *attributes = &arguments->node->attributes.scan;
    const struct cpu_span *dy = &arguments->in[SB_SCAN_GRADIENT_DY], *u = &arguments->in[SB_SCAN_GRADIENT_U];
    const struct cpu_span *delta = &arguments->in[SB_SCAN_GRADIENT_DELTA], *b = &arguments->in[SB_SCAN_GRADIENT_B];
    const struct cpu_span *c = &arguments->in[SB_SCAN_GRADIENT_C], *z = &arguments->in[SB_SCAN_GRADIENT_Z];
    const float *a = arguments->in[SB_SCAN_GRADIENT_A].data, *d = arguments->in[SB_SCAN_GRADIENT_D].data;
    const float *bias = arguments->in[SB_SCAN_GRADIENT_BIAS].data;
    const struct cpu_span *du = &arguments->out[SB_SCAN_GRADIENT_DU], *dz = &arguments->out[SB_SCAN_GRADIENT_DZ];
    const struct cpu_span *ddelta = &arguments->out[SB_SCAN_GRADIENT_DDELTA];
    const struct cpu_span *db = &arguments->out[SB_SCAN_GRADIENT_DB], *dc = &arguments->out[SB_SCAN_GRADIENT_DC];
    float *da = arguments->out[SB_SCAN_GRADIENT_DA].data, *dd = arguments->out[SB_SCAN_GRADIENT_DD].data;
    float *dbias = arguments->out[SB_SCAN_GRADIENT_DBIAS].data;
    int64_t batch = cpu_axis(u, 0), length = cpu_axis(u, 1), channels = cpu_axis(u, 2);
    int64_t size = cpu_axis(&arguments->in[SB_SCAN_GRADIENT_A], 1), tokens = length * size;
    double *memory =
        sb_allocate((size_t)(3 * tokens + 2 * size + channels * (size + 2)), sizeof(double), arguments->error);
    if (!memory) return false;
    double *states = memory;                                         /* [L + 1, N], states[t] before token t */
    double *b_sum = states + tokens + size, *c_sum = b_sum + tokens; /* [L, N] */
    double *lambda = c_sum + tokens;                                 /* [N] */
    double *a_sum = lambda + size, *d_sum = a_sum + channels * size, *bias_sum = d_sum + channels;
    for (int64_t item = 0; item < batch; item++) {
        memset(b_sum, 0, (size_t)(2 * tokens) * sizeof(double));
        for (int64_t e = 0; e < channels; e++) {
            const float *rate = a + e * size;
            memset(states, 0, (size_t)size * sizeof(double));
            for (int64_t t = 0; t < length; t++) {
                int64_t row = item * length + t;
                double step = step_size(attributes, cpu_row(delta, row)[e], bias, e);
                double input = step * cpu_row(u, row)[e], *before = states + t * size, *after = before + size;
                for (int64_t n = 0; n < size; n++)
                    after[n] = exp(step * rate[n]) * before[n] + input * cpu_row(b, row)[n];
            }
            memset(lambda, 0, (size_t)size * sizeof(double));
            for (int64_t t = length - 1; t >= 0; t--) {
                int64_t row = item * length + t;
                const float *b_row = cpu_row(b, row), *c_row = cpu_row(c, row);
                const double *before = states + t * size, *after = before + size;
                double input = cpu_row(u, row)[e], g = cpu_row(dy, row)[e];
                double step = step_size(attributes, cpu_row(delta, row)[e], bias, e);
                if (z->data) {
                    double gate = cpu_row(z, row)[e], sum = d ? d[e] * input : 0;
                    for (int64_t n = 0; n < size; n++) sum += c_row[n] * after[n];
                    if (dz->data)
                        cpu_row(dz, row)[e] = (float)(g * sum * cpu_activation_slope(SB_ACTIVATION_SILU, gate));
                    g *= cpu_activation(SB_ACTIVATION_SILU, 0, gate);
                }
                double input_sum = d ? d[e] * g : 0, step_sum = 0;
                d_sum[e] += g * input;
                for (int64_t n = 0; n < size; n++) {
                    double decay = exp(step * rate[n]), carried = decay * before[n];
                    double adjoint = lambda[n] + g * c_row[n];
                    c_sum[t * size + n] += g * after[n];
                    b_sum[t * size + n] += adjoint * step * input;
                    input_sum += adjoint * b_row[n] * step;
                    step_sum += adjoint * (b_row[n] * input + rate[n] * carried);
                    a_sum[e * size + n] += adjoint * step * carried;
                    lambda[n] = decay * adjoint;
                }
                if (attributes->softplus) {
                    double argument = cpu_row(delta, row)[e] + (double)(bias ? bias[e] : 0);
                    if (argument <= 20) step_sum *= cpu_sigmoid(argument);
                }
                cpu_row(du, row)[e] = (float)input_sum;
                cpu_row(ddelta, row)[e] = (float)step_sum;
                bias_sum[e] += step_sum;
            }
        }
        for (int64_t t = 0; t < length; t++)
            for (int64_t n = 0; n < size; n++) {
                if (db->data) cpu_row(db, item * length + t)[n] = (float)b_sum[t * size + n];
                if (dc->data) cpu_row(dc, item * length + t)[n] = (float)c_sum[t * size + n];
            }
    }
    for (int64_t i = 0; da && i < channels * size; i++) da[i] = (float)a_sum[i];
    for (int64_t e = 0; dd && e < channels; e++) dd[e] = (float)d_sum[e];
    for (int64_t e = 0; dbias && e < channels; e++) dbias[e] = (float)bias_sum[e];
    free(memory);
    return true;
}
