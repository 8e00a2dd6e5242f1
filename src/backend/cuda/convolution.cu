/* Convolutions. Images are [B, H, W, C], filters [O, I, kh, kw] as PyTorch keeps them. Gradients of images gather what
 * the reference scatters; those of filters are sums over all pixels. */
#include "backend/cuda/numbers.h"
#include "backend/cuda/sums.h"

/* The sizes of a convolution from its tensors: x and y are images before and after. */
struct geometry {
    int64_t height, width, channels;             /* x */
    int64_t out_height, out_width, out_channels; /* y */
    int64_t kernel_height, kernel_width, stride, padding;
    enum sb_precision precision;
};

static struct geometry geometry_of(const struct sb_node *node, const struct sb_tensor *x, const struct sb_tensor *y) {
    const struct sb_convolution_attributes *attributes = &node->attributes.convolution;
    struct geometry g = {};
    g.height = x->shape[1];
    g.width = x->shape[2];
    g.channels = x->shape[3];
    g.out_height = y->shape[1];
    g.out_width = y->shape[2];
    g.out_channels = y->shape[3];
    g.kernel_height = attributes->kernel_height;
    g.kernel_width = attributes->kernel_width;
    g.stride = attributes->stride ? attributes->stride : 1;
    g.padding = attributes->padding;
    g.precision = node->precision;
    return g;
}

/* Index of the pixel (row) of x that filter tap (i, j) of output pixel `at` reads; -1 in the padding. Pixels are
 * counted through the batch. */
static __device__ int64_t pixel_under(const struct geometry &g, int64_t at, int64_t i, int64_t j) {
    const int64_t row = at / g.out_width % g.out_height * g.stride - g.padding + i;
    const int64_t column = at % g.out_width * g.stride - g.padding + j;
    if (row < 0 || row >= g.height || column < 0 || column >= g.width) return -1;
    return (at / g.out_width / g.out_height * g.height + row) * g.width + column;
}

/* The other way round: the output pixel whose filter tap (i, j) reads pixel `at` of x; -1 where there is none. */
static __device__ int64_t pixel_over(const struct geometry &g, int64_t at, int64_t i, int64_t j) {
    const int64_t row = at / g.width % g.height + g.padding - i, column = at % g.width + g.padding - j;
    if (row < 0 || row % g.stride || row / g.stride >= g.out_height) return -1;
    if (column < 0 || column % g.stride || column / g.stride >= g.out_width) return -1;
    return (at / g.width / g.height * g.out_height + row / g.stride) * g.out_width + column / g.stride;
}

/* Of two factors, each rounded to the node's precision. */
static __device__ double product(const struct geometry &g, float a, float b) {
    return (double)cuda_factor(g.precision, a) * cuda_factor(g.precision, b);
}

static __device__ int64_t weight_index(const struct geometry &g, int64_t o, int64_t c, int64_t i, int64_t j) {
    return ((o * g.channels + c) * g.kernel_height + i) * g.kernel_width + j;
}

static __global__ void conv2d(int64_t count, struct geometry g, const float *x, const float *weight, const float *bias,
                              float *y) {
    CUDA_ELEMENTS(element, count) {
        const int64_t at = element / g.out_channels, o = element % g.out_channels;
        double sum = bias ? bias[o] : 0;
        for (int64_t i = 0; i < g.kernel_height; i++)
            for (int64_t j = 0; j < g.kernel_width; j++) {
                const int64_t pixel = pixel_under(g, at, i, j);
                if (pixel < 0) continue;
                for (int64_t c = 0; c < g.channels; c++)
                    sum += product(g, x[pixel * g.channels + c], weight[weight_index(g, o, c, i, j)]);
            }
        y[element] = (float)sum;
    }
}

bool cuda_conv2d(struct cuda_arguments *arguments) {
    const struct cuda_span *x = &arguments->in[SB_CONV2D_X], *y = &arguments->out[0];
    return cuda_launch(arguments, sb_elements(y->tensor), conv2d, geometry_of(arguments->node, x->tensor, y->tensor),
                       cuda_floats(x), cuda_floats(&arguments->in[SB_CONV2D_WEIGHT]),
                       cuda_floats(&arguments->in[SB_CONV2D_BIAS]), cuda_floats(y));
}

static __global__ void conv2d_input_gradient(int64_t count, struct geometry g, const float *dy, const float *weight,
                                             const float *addend, float *dx) {
    CUDA_ELEMENTS(element, count) {
        const int64_t pixel = element / g.channels, c = element % g.channels;
        double sum = 0;
        for (int64_t i = 0; i < g.kernel_height; i++)
            for (int64_t j = 0; j < g.kernel_width; j++) {
                const int64_t at = pixel_over(g, pixel, i, j);
                if (at < 0) continue;
                for (int64_t o = 0; o < g.out_channels; o++)
                    sum += product(g, dy[at * g.out_channels + o], weight[weight_index(g, o, c, i, j)]);
            }
        dx[element] = (float)(sum + (addend ? addend[element] : 0));
    }
}

bool cuda_conv2d_input_gradient(struct cuda_arguments *arguments) {
    const struct cuda_span *dy = &arguments->in[0], *dx = &arguments->out[0];
    return cuda_launch(arguments, sb_elements(dx->tensor), conv2d_input_gradient,
                       geometry_of(arguments->node, dx->tensor, dy->tensor), cuda_floats(dy),
                       cuda_floats(&arguments->in[1]), cuda_floats(&arguments->in[2]), cuda_floats(dx));
}

/* The gradient of filters [O, I, kh, kw] is a sum over the output pixels. */
struct filter_term {
    struct geometry g;
    const float *x, *dy;

    __device__ double operator()(int64_t at, int64_t element) const {
        const int64_t j = element % g.kernel_width, i = element / g.kernel_width % g.kernel_height;
        const int64_t c = element / g.kernel_width / g.kernel_height % g.channels;
        const int64_t o = element / g.kernel_width / g.kernel_height / g.channels;
        const int64_t pixel = pixel_under(g, at, i, j);
        if (pixel < 0) return 0;
        return product(g, x[pixel * g.channels + c], dy[at * g.out_channels + o]);
    }
};

bool cuda_conv2d_weight_gradient(struct cuda_arguments *arguments) {
    const struct cuda_span *x = &arguments->in[0], *dy = &arguments->in[1];
    const int64_t rows = sb_rows(dy->tensor);
    const struct filter_term term = {geometry_of(arguments->node, x->tensor, dy->tensor), cuda_floats(x),
                                     cuda_floats(dy)};
    float *dbias = cuda_floats(&arguments->out[1]);
    double *parts = (double *)arguments->scratch;
    return cuda_sum_terms(arguments, rows, sb_elements(arguments->out[0].tensor), term, parts,
                          cuda_floats(&arguments->out[0])) &&
           (!dbias || cuda_sum_rows(arguments, cuda_matrix_of(dy), rows, parts, dbias));
}

size_t cuda_conv2d_weight_gradient_scratch(const struct sb_node *node) {
    return cuda_parts_bytes(sb_rows(node->inputs[1]), sb_elements(node->outputs[0]));
}

static __global__ void depthwise_conv2d(int64_t count, struct geometry g, enum sb_activation_kind activation,
                                        const float *x, const float *weight, const float *bias, float *y,
                                        float *saved) {
    CUDA_ELEMENTS(element, count) {
        const int64_t at = element / g.channels, c = element % g.channels, taps = g.kernel_height * g.kernel_width;
        double sum = bias ? bias[c] : 0;
        for (int64_t tap = 0; tap < taps; tap++) {
            const int64_t pixel = pixel_under(g, at, tap / g.kernel_width, tap % g.kernel_width);
            if (pixel < 0) continue;
            sum += product(g, weight[c * taps + tap], x[pixel * g.channels + c]);
        }
        if (saved) saved[element] = (float)sum;
        y[element] = (float)cuda_activation(activation, 0, sum);
    }
}

bool cuda_depthwise_conv2d(struct cuda_arguments *arguments) {
    const struct cuda_span *x = &arguments->in[0], *y = &arguments->out[0];
    return cuda_launch(
        arguments, sb_elements(y->tensor), depthwise_conv2d, geometry_of(arguments->node, x->tensor, y->tensor),
        arguments->node->attributes.convolution.activation, cuda_floats(x), cuda_floats(&arguments->in[1]),
        cuda_floats(&arguments->in[2]), cuda_floats(y), cuda_floats(&arguments->out[1]));
}

static __global__ void depthwise_input_gradient(int64_t count, struct geometry g, const float *dp, const float *weight,
                                                float *dx) {
    CUDA_ELEMENTS(element, count) {
        const int64_t pixel = element / g.channels, c = element % g.channels, taps = g.kernel_height * g.kernel_width;
        double sum = 0;
        for (int64_t tap = 0; tap < taps; tap++) {
            const int64_t at = pixel_over(g, pixel, tap / g.kernel_width, tap % g.kernel_width);
            if (at < 0) continue;
            sum += product(g, weight[c * taps + tap], dp[at * g.channels + c]);
        }
        dx[element] = (float)sum;
    }
}

/* The gradient of filters [C, 1, k, k] is a sum over the pixels. */
struct depthwise_term {
    struct geometry g;
    const float *x, *dp;

    __device__ double operator()(int64_t at, int64_t element) const {
        const int64_t taps = g.kernel_height * g.kernel_width, c = element / taps, tap = element % taps;
        const int64_t pixel = pixel_under(g, at, tap / g.kernel_width, tap % g.kernel_width);
        if (pixel < 0) return 0;
        return product(g, x[pixel * g.channels + c], dp[at * g.channels + c]);
    }
};

bool cuda_depthwise_conv2d_gradient(struct cuda_arguments *arguments) {
    const struct cuda_span *dp = &arguments->in[0], *x = &arguments->in[1];
    const struct geometry g = geometry_of(arguments->node, x->tensor, dp->tensor);
    const struct depthwise_term term = {g, cuda_floats(x), cuda_floats(dp)};
    const int64_t rows = sb_rows(x->tensor);
    float *dx = cuda_floats(&arguments->out[0]), *dbias = cuda_floats(&arguments->out[2]);
    double *parts = (double *)arguments->scratch;
    if (dx && !cuda_launch(arguments, sb_elements(x->tensor), depthwise_input_gradient, g, cuda_floats(dp),
                           cuda_floats(&arguments->in[2]), dx))
        return false;
    return cuda_sum_terms(arguments, rows, sb_elements(arguments->out[1].tensor), term, parts,
                          cuda_floats(&arguments->out[1])) &&
           (!dbias || cuda_sum_rows(arguments, cuda_matrix_of(dp), rows, parts, dbias));
}

size_t cuda_depthwise_conv2d_gradient_scratch(const struct sb_node *node) {
    return cuda_parts_bytes(sb_rows(node->inputs[0]), sb_elements(node->outputs[1]));
}
