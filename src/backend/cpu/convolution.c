/* Reference: convolutions. Images are [B, H, W, C], filters [O, I, kh, kw] as PyTorch keeps them. */
#include "backend/cpu/functions.h"
#include "ops/ops.h"

#include <stdlib.h>

/* The sizes of a convolution from its tensors: x and y are images before and after. */
struct geometry {
    int64_t batch, height, width, channels;      /* x */
    int64_t out_height, out_width, out_channels; /* y */
    int64_t kernel_height, kernel_width, stride, padding;
};

static struct geometry geometry_of(const struct sb_node *node, const struct sb_tensor *x, const struct sb_tensor *y) {
    const struct sb_convolution_attributes *attributes = &node->attributes.convolution;
    return (struct geometry){
        .batch = x->shape[0],
        .height = x->shape[1],
        .width = x->shape[2],
        .channels = x->shape[3],
        .out_height = y->shape[1],
        .out_width = y->shape[2],
        .out_channels = y->shape[3],
        .kernel_height = attributes->kernel_height,
        .kernel_width = attributes->kernel_width,
        .stride = attributes->stride ? attributes->stride : 1,
        .padding = attributes->padding,
    };
}

/* Index of the pixel (row) of x that filter tap (i, j) of output pixel (r, c) reads; -1 in the padding. */
static int64_t pixel_under(const struct geometry *g, int64_t image, int64_t r, int64_t c, int64_t i, int64_t j) {
    int64_t row = r * g->stride - g->padding + i, column = c * g->stride - g->padding + j;
    if (row < 0 || row >= g->height || column < 0 || column >= g->width) return -1;
    return (image * g->height + row) * g->width + column;
}

/* The filters as double [kh, kw, I, O], so that the inner loops run along the output channels. */
static double *unpack_filters(const struct cpu_arguments *arguments, const struct geometry *g, const float *weight) {
    int64_t taps = g->kernel_height * g->kernel_width;
    double *filters = sb_allocate((size_t)(taps * g->channels * g->out_channels), sizeof(double), arguments->error);
    if (!filters) return NULL;
    for (int64_t o = 0; o < g->out_channels; o++)
        for (int64_t c = 0; c < g->channels; c++)
            for (int64_t tap = 0; tap < taps; tap++)
                filters[(tap * g->channels + c) * g->out_channels + o] =
                    cpu_factor(arguments, weight[(o * g->channels + c) * taps + tap]);
    return filters;
}

bool cpu_conv2d(struct cpu_arguments *arguments) {
    struct geometry g = geometry_of(arguments->node, arguments->in[SB_CONV2D_X].tensor, arguments->out[0].tensor);
    const float *bias = arguments->in[SB_CONV2D_BIAS].data;
    double *filters = unpack_filters(arguments, &g, arguments->in[SB_CONV2D_WEIGHT].data);
    double *sum = sb_allocate((size_t)g.out_channels, sizeof(double), arguments->error);
    if (!filters || !sum) goto error;
    int64_t pixels = g.out_height * g.out_width;
    for (int64_t at = 0; at < g.batch * pixels; at++) {
        for (int64_t o = 0; o < g.out_channels; o++) sum[o] = bias ? bias[o] : 0;
        for (int64_t i = 0; i < g.kernel_height; i++)
            for (int64_t j = 0; j < g.kernel_width; j++) {
                int64_t pixel =
                    pixel_under(&g, at / pixels, at % pixels / g.out_width, at % pixels % g.out_width, i, j);
                if (pixel < 0) continue;
                const float *x = cpu_row(&arguments->in[SB_CONV2D_X], pixel);
                const double *filter = filters + (i * g.kernel_width + j) * g.channels * g.out_channels;
                for (int64_t c = 0; c < g.channels; c++) {
                    double factor = cpu_factor(arguments, x[c]);
                    const double *row = filter + c * g.out_channels;
                    for (int64_t o = 0; o < g.out_channels; o++) sum[o] += factor * row[o];
                }
            }
        float *y = cpu_row(&arguments->out[0], at);
        for (int64_t o = 0; o < g.out_channels; o++) y[o] = (float)sum[o];
    }
    free(sum);
    free(filters);
    return true;

error:
    free(sum);
    free(filters);
    return false;
}

bool cpu_conv2d_input_gradient(struct cpu_arguments *arguments) {
    const struct cpu_span *dy = &arguments->in[0], *addend = &arguments->in[2], *dx = &arguments->out[0];
    struct geometry g = geometry_of(arguments->node, dx->tensor, dy->tensor);
    int64_t elements = sb_elements(dx->tensor), pixels = g.out_height * g.out_width;
    double *filters = unpack_filters(arguments, &g, arguments->in[1].data);
    double *sum = sb_allocate((size_t)(elements + g.out_channels), sizeof(double), arguments->error);
    if (!filters || !sum) goto error;
    double *factors = sum + elements; /* a pixel of dy */
    for (int64_t at = 0; at < g.batch * pixels; at++) {
        for (int64_t o = 0; o < g.out_channels; o++) factors[o] = cpu_factor(arguments, cpu_row(dy, at)[o]);
        for (int64_t i = 0; i < g.kernel_height; i++)
            for (int64_t j = 0; j < g.kernel_width; j++) {
                int64_t pixel =
                    pixel_under(&g, at / pixels, at % pixels / g.out_width, at % pixels % g.out_width, i, j);
                if (pixel < 0) continue;
                const double *filter = filters + (i * g.kernel_width + j) * g.channels * g.out_channels;
                for (int64_t c = 0; c < g.channels; c++) {
                    const double *row = filter + c * g.out_channels;
                    double total = 0;
                    for (int64_t o = 0; o < g.out_channels; o++) total += row[o] * factors[o];
                    sum[pixel * g.channels + c] += total;
                }
            }
    }
    for (int64_t row = 0; row < g.batch * g.height * g.width; row++)
        for (int64_t c = 0; c < g.channels; c++)
            cpu_row(dx, row)[c] = (float)(sum[row * g.channels + c] + (addend->data ? cpu_row(addend, row)[c] : 0));
    free(sum);
    free(filters);
    return true;

error:
    free(sum);
    free(filters);
    return false;
}

bool cpu_conv2d_weight_gradient(struct cpu_arguments *arguments) {
    const struct cpu_span *x = &arguments->in[0], *dy = &arguments->in[1];
    float *dweight = arguments->out[0].data, *dbias = arguments->out[1].data;
    struct geometry g = geometry_of(arguments->node, x->tensor, dy->tensor);
    int64_t pixels = g.out_height * g.out_width, taps = g.kernel_height * g.kernel_width;
    int64_t size = taps * g.channels * g.out_channels;
    double *sum = sb_allocate((size_t)(size + 2 * g.out_channels), sizeof(double), arguments->error);
    if (!sum) return false;
    double *bias_sum = sum + size, *factors = bias_sum + g.out_channels;
    for (int64_t at = 0; at < g.batch * pixels; at++) {
        const float *from = cpu_row(dy, at);
        for (int64_t o = 0; o < g.out_channels; o++) {
            bias_sum[o] += from[o];
            factors[o] = cpu_factor(arguments, from[o]);
        }
        for (int64_t tap = 0; tap < taps; tap++) {
            int64_t pixel = pixel_under(&g, at / pixels, at % pixels / g.out_width, at % pixels % g.out_width,
                                        tap / g.kernel_width, tap % g.kernel_width);
            if (pixel < 0) continue;
            for (int64_t c = 0; c < g.channels; c++) {
                double factor = cpu_factor(arguments, cpu_row(x, pixel)[c]);
                double *row = sum + (tap * g.channels + c) * g.out_channels;
                for (int64_t o = 0; o < g.out_channels; o++) row[o] += factor * factors[o];
            }
        }
    }
    for (int64_t o = 0; o < g.out_channels; o++) {
        for (int64_t c = 0; c < g.channels; c++)
            for (int64_t tap = 0; tap < taps; tap++)
                dweight[(o * g.channels + c) * taps + tap] = (float)sum[(tap * g.channels + c) * g.out_channels + o];
        if (dbias) dbias[o] = (float)bias_sum[o];
    }
    free(sum);
    return true;
}

bool cpu_depthwise_conv2d(struct cpu_arguments *arguments) {
    const struct cpu_span *x = &arguments->in[0], *y = &arguments->out[0], *saved = &arguments->out[1];
    const float *weight = arguments->in[1].data, *bias = arguments->in[2].data;
    enum sb_activation_kind activation = arguments->node->attributes.convolution.activation;
    struct geometry g = geometry_of(arguments->node, x->tensor, y->tensor);
    int64_t pixels = g.height * g.width, taps = g.kernel_height * g.kernel_width;
    double *sum = sb_allocate((size_t)g.channels, sizeof(double), arguments->error);
    if (!sum) return false;
    for (int64_t at = 0; at < g.batch * pixels; at++) {
        for (int64_t c = 0; c < g.channels; c++) sum[c] = bias ? bias[c] : 0;
        for (int64_t tap = 0; tap < taps; tap++) {
            int64_t pixel = pixel_under(&g, at / pixels, at % pixels / g.width, at % pixels % g.width,
                                        tap / g.kernel_width, tap % g.kernel_width);
            if (pixel < 0) continue;
            const float *from = cpu_row(x, pixel);
            for (int64_t c = 0; c < g.channels; c++)
                sum[c] += cpu_factor(arguments, weight[c * taps + tap]) * cpu_factor(arguments, from[c]);
        }
        for (int64_t c = 0; c < g.channels; c++) {
            if (saved->data) cpu_row(saved, at)[c] = (float)sum[c];
            cpu_row(y, at)[c] = (float)cpu_activation(activation, 0, sum[c]);
        }
    }
    free(sum);
    return true;
}

bool cpu_depthwise_conv2d_gradient(struct cpu_arguments *arguments) {
    const struct cpu_span *dp = &arguments->in[0], *x = &arguments->in[1], *dx = &arguments->out[0];
    const float *weight = arguments->in[2].data;
    float *dweight = arguments->out[1].data, *dbias = arguments->out[2].data;
    struct geometry g = geometry_of(arguments->node, x->tensor, dp->tensor);
    int64_t pixels = g.height * g.width, taps = g.kernel_height * g.kernel_width;
    int64_t rows = g.batch * pixels;
    double *sum = sb_allocate((size_t)(g.channels * (rows + taps + 1)), sizeof(double), arguments->error);
    if (!sum) return false;
    double *weight_sum = sum + g.channels * rows, *bias_sum = weight_sum + g.channels * taps;
    for (int64_t at = 0; at < rows; at++) {
        const float *from = cpu_row(dp, at);
        for (int64_t c = 0; c < g.channels; c++) bias_sum[c] += from[c];
        for (int64_t tap = 0; tap < taps; tap++) {
            int64_t pixel = pixel_under(&g, at / pixels, at % pixels / g.width, at % pixels % g.width,
                                        tap / g.kernel_width, tap % g.kernel_width);
            if (pixel < 0) continue;
            for (int64_t c = 0; c < g.channels; c++) {
                const double arrived = cpu_factor(arguments, from[c]);
                sum[pixel * g.channels + c] += cpu_factor(arguments, weight[c * taps + tap]) * arrived;
                weight_sum[tap * g.channels + c] += cpu_factor(arguments, cpu_row(x, pixel)[c]) * arrived;
            }
        }
    }
    for (int64_t row = 0; dx->data && row < rows; row++)
        for (int64_t c = 0; c < g.channels; c++) cpu_row(dx, row)[c] = (float)sum[row * g.channels + c];
    for (int64_t c = 0; c < g.channels; c++) {
        for (int64_t tap = 0; dweight && tap < taps; tap++)
            dweight[c * taps + tap] = (float)weight_sum[tap * g.channels + c];
        if (dbias) dbias[c] = (float)bias_sum[c];
    }
    free(sum);
    return true;
}

/* The argument of the causal convolution's activation at token t of the sequence whose first row is `start`. */
static double causal_sum(const struct cpu_span *x, const float *weight, const float *bias, int64_t taps, int64_t start,
                         int64_t t, int64_t c) {
    double sum = bias ? bias[c] : 0;
    for (int64_t k = 0; k < taps; k++)
        if (t - taps + 1 + k >= 0) sum += (double)weight[c * taps + k] * cpu_row(x, start + t - taps + 1 + k)[c];
    return sum;
}

bool cpu_causal_conv1d(struct cpu_arguments *arguments) {
    const struct cpu_span *x = &arguments->in[0], *y = &arguments->out[0];
    const float *weight = arguments->in[1].data, *bias = arguments->in[2].data;
    enum sb_activation_kind activation = arguments->node->attributes.convolution.activation;
    int64_t length = cpu_axis(x, 1), channels = cpu_axis(x, 2), taps = cpu_axis(&arguments->in[1], 2);
    for (int64_t row = 0; row < sb_rows(x->tensor); row++) {
        int64_t t = row % length;
        float *to = cpu_row(y, row);
        for (int64_t c = 0; c < channels; c++)
            to[c] = (float)cpu_activation(activation, 0, causal_sum(x, weight, bias, taps, row - t, t, c));
    }
    return true;
}

bool cpu_causal_conv1d_gradient(struct cpu_arguments *arguments) {
    const struct cpu_span *dy = &arguments->in[0], *x = &arguments->in[1], *dx = &arguments->out[0];
    const float *weight = arguments->in[2].data, *bias = arguments->in[3].data;
    float *dweight = arguments->out[1].data, *dbias = arguments->out[2].data;
    enum sb_activation_kind activation = arguments->node->attributes.convolution.activation;
    int64_t rows = sb_rows(x->tensor), length = cpu_axis(x, 1), channels = cpu_axis(x, 2);
    int64_t taps = cpu_axis(&arguments->in[2], 2);
    double *sum = sb_allocate((size_t)(channels * (rows + taps + 1)), sizeof(double), arguments->error);
    if (!sum) return false;
    double *weight_sum = sum + channels * rows, *bias_sum = weight_sum + channels * taps;
    for (int64_t row = 0; row < rows; row++) {
        int64_t t = row % length;
        for (int64_t c = 0; c < channels; c++) {
            double argument = causal_sum(x, weight, bias, taps, row - t, t, c);
            double arrived = cpu_row(dy, row)[c] * cpu_activation_slope(activation, argument);
            bias_sum[c] += arrived;
            for (int64_t k = 0; k < taps; k++) {
                int64_t source = t - taps + 1 + k;
                if (source < 0) continue;
                sum[(row - t + source) * channels + c] += arrived * weight[c * taps + k];
                weight_sum[c * taps + k] += arrived * cpu_row(x, row - t + source)[c];
            }
        }
    }
    for (int64_t row = 0; dx->data && row < rows; row++)
        for (int64_t c = 0; c < channels; c++) cpu_row(dx, row)[c] = (float)sum[row * channels + c];
    for (int64_t i = 0; dweight && i < channels * taps; i++) dweight[i] = (float)weight_sum[i];
    for (int64_t c = 0; dbias && c < channels; c++) dbias[c] = (float)bias_sum[c];
    free(sum);
    return true;
}
