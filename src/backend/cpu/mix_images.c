/* Reference: random erasing, Mixup and CutMix. */
#include "backend/cpu/functions.h"
#include "base/random.h"
#include "ops/ops.h"

#include <math.h>

/* Horner's rule, the highest power first. */
static double polynomial(const double *coefficients, int count, double x) {
    double value = 0;
    for (int i = 0; i < count; i++) value = value * x + coefficients[i];
    return value;
}

static double normal_number(const struct sb_step_numbers *step, uint32_t sample, uint32_t element) {
    static const double middle[] = {2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
                                    -0.00125372503, -0.00417768164, 0.246640727,    1.50140941};
    static const double tail[] = {-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
                                  -0.0076224613,   0.00943887047,  1.00167406,    2.83297682};
    uint32_t counter[4] = {sample, element, step->step[0], SB_STREAM_ERASING}, words[4];
    sb_philox(step->seed, counter, words);
    const double u = ((words[0] >> 8) + 0.5) / 0x1p24, w = -log(4 * u * (1 - u));
    const double p = w < 5 ? polynomial(middle, 9, w - 2.5) : polynomial(tail, 9, sqrt(w) - 3);
    return sqrt(2) * p * (2 * u - 1);
}

static bool inside(const float box[4], int64_t row, int64_t column) {
    return (float)row >= box[0] && (float)column >= box[1] && (float)row < box[2] && (float)column < box[3];
}

static double erased(const struct cpu_arguments *arguments, int64_t item, int64_t row, int64_t column,
                     int64_t channel) {
    const struct sb_tensor *x = arguments->in[0].tensor, *erase = arguments->in[1].tensor;
    const int64_t boxes = erase ? erase->shape[1] / 4 : 0,
                  element = (row * x->shape[2] + column) * x->shape[3] + channel;
    const enum sb_erasing kind = arguments->node->attributes.mix_images.erasing;
    const struct sb_step_numbers *step = arguments->in[3].data;
    for (int64_t k = 0; k < boxes; k++) {
        if (!inside((const float *)arguments->in[1].data + (item * boxes + k) * 4, row, column)) continue;
        if (kind == SB_ERASING_CONSTANT) return 0;
        const int64_t number = kind == SB_ERASING_PIXEL ? element : 0x80000000 + k * x->shape[3] + channel;
        return normal_number(step, (uint32_t)(step->micro_batch * x->shape[0] + item), (uint32_t)number);
    }
    return (double)((const float *)arguments->in[0].data)[item * x->shape[1] * x->shape[2] * x->shape[3] + element];
}

bool cpu_mix_images(struct cpu_arguments *arguments) {
    const struct sb_tensor *x = arguments->in[0].tensor;
    const float *mix = arguments->in[2].tensor ? arguments->in[2].data : NULL;
    float *y = arguments->out[0].data;
    for (int64_t b = 0; b < x->shape[0]; b++)
        for (int64_t row = 0; row < x->shape[1]; row++)
            for (int64_t column = 0; column < x->shape[2]; column++) {
                double weight = mix ? (double)mix[b * 5] : 1;
                if (mix && inside(mix + b * 5 + 1, row, column)) weight = 0;
                for (int64_t c = 0; c < x->shape[3]; c++) {
                    double value = erased(arguments, b, row, column, c);
                    if (weight != 1)
                        value = weight * value + (1 - weight) * erased(arguments, x->shape[0] - 1 - b, row, column, c);
                    *y++ = (float)value;
                }
            }
    return true;
}
