/* Random erasing, Mixup and CutMix. */
#include "backend/cuda/numbers.h"

/* A batch of images and what is done to it. */
struct images {
    const float *data;
    int64_t batch, height, width, channels;
    const float *erase; /* [batch, boxes, 4]; NULL: nothing */
    int64_t boxes;
    const float *mix; /* [batch, 5]; NULL: nothing */
    const struct sb_step_numbers *step;
    enum sb_erasing kind;
};

/* Horner's rule, the highest power first. */
template <int count> static __device__ double polynomial(const double (&coefficients)[count], double x) {
    double value = 0;
    for (int i = 0; i < count; i++) value = value * x + coefficients[i];
    return value;
}

static __device__ double normal_number(const struct sb_step_numbers *step, uint32_t sample, uint32_t element) {
    const double middle[] = {2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
                             -0.00125372503, -0.00417768164, 0.246640727,    1.50140941};
    const double tail[] = {-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
                           -0.0076224613,   0.00943887047,  1.00167406,    2.83297682};
    const uint32_t counter[4] = {sample, element, step->step[0], SB_STREAM_ERASING};
    uint32_t words[4];
    cuda_philox(step->seed, counter, words);
    const double u = ((words[0] >> 8) + 0.5) / 16777216.0, w = -log(4 * u * (1 - u));
    const double p = w < 5 ? polynomial(middle, w - 2.5) : polynomial(tail, sqrt(w) - 3);
    return sqrt(2.0) * p * (2 * u - 1);
}

static __device__ bool inside(const float *box, int64_t row, int64_t column) {
    return (float)row >= box[0] && (float)column >= box[1] && (float)row < box[2] && (float)column < box[3];
}

static __device__ double erased(const struct images &images, int64_t item, int64_t row, int64_t column,
                                int64_t channel) {
    const int64_t element = (row * images.width + column) * images.channels + channel;
    for (int64_t k = 0; k < images.boxes; k++) {
        if (!inside(images.erase + (item * images.boxes + k) * 4, row, column)) continue;
        if (images.kind == SB_ERASING_CONSTANT) return 0;
        const int64_t number = images.kind == SB_ERASING_PIXEL ? element : 0x80000000 + k * images.channels + channel;
        return normal_number(images.step, (uint32_t)(images.step->micro_batch * images.batch + item), (uint32_t)number);
    }
    return images.data[item * images.height * images.width * images.channels + element];
}

static __global__ void mix_images(int64_t count, struct images images, float *y) {
    CUDA_ELEMENTS(i, count) {
        const int64_t channel = i % images.channels, column = i / images.channels % images.width;
        const int64_t row = i / images.channels / images.width % images.height;
        const int64_t item = i / images.channels / images.width / images.height;
        double weight = images.mix ? images.mix[item * 5] : 1;
        if (images.mix && inside(images.mix + item * 5 + 1, row, column)) weight = 0;
        double value = erased(images, item, row, column, channel);
        if (weight != 1)
            value = weight * value + (1 - weight) * erased(images, images.batch - 1 - item, row, column, channel);
        y[i] = (float)value;
    }
}

bool cuda_mix_images(struct cuda_arguments *arguments) {
    const struct cuda_span *x = &arguments->in[0], *erase = &arguments->in[1];
    const struct images images = {cuda_floats(x),
                                  cuda_axis(x, 0),
                                  cuda_axis(x, 1),
                                  cuda_axis(x, 2),
                                  cuda_axis(x, 3),
                                  cuda_floats(erase),
                                  erase->tensor ? cuda_axis(erase, 1) / 4 : 0,
                                  cuda_floats(&arguments->in[2]),
                                  (const struct sb_step_numbers *)arguments->in[3].data,
                                  arguments->node->attributes.mix_images.erasing};
    return cuda_launch(arguments, sb_elements(x->tensor), mix_images, images, cuda_floats(&arguments->out[0]));
}
