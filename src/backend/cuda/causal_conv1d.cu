/* The causal convolution along the tokens. Its gradient repeats the forward pass to know the activation's slope. */
#include "backend/cuda/numbers.h"
#include "backend/cuda/sums.h"

/* Rows of x [B, L, C] are counted through the batch. */
struct sequences {
    struct cuda_matrix x;
    const float *weight, *bias; /* [C, 1, K]; [C] or NULL */
    int64_t length, channels, taps;
    enum sb_activation_kind activation;
};

/* x, weight and bias are the inputs from `first` on. */
static struct sequences sequences_of(const struct cuda_arguments *arguments, int first) {
    const struct cuda_span *x = &arguments->in[first], *weight = x + 1, *bias = x + 2;
    return {cuda_matrix_of(x),
            cuda_floats(weight),
            cuda_floats(bias),
            cuda_axis(x, 1),
            cuda_axis(x, 2),
            cuda_axis(weight, 2),
            arguments->node->attributes.convolution.activation};
}

/* The argument of the activation. */
static __device__ double causal_sum(const struct sequences &s, int64_t row, int64_t c) {
    double sum = s.bias ? s.bias[c] : 0;
    for (int64_t k = 0; k < s.taps; k++) {
        const int64_t back = s.taps - 1 - k;
        if (back <= row % s.length) sum += (double)s.weight[c * s.taps + k] * s.x.row(row - back)[c];
    }
    return sum;
}

static __global__ void causal_conv1d(int64_t count, struct sequences s, float *y) {
    CUDA_ELEMENTS(i, count)
    y[i] = (float)(cuda_activation(s.activation, 0, causal_sum(s, i / s.channels, i % s.channels)));
}

bool cuda_causal_conv1d(struct cuda_arguments *arguments) {
    return cuda_launch(arguments, sb_elements(arguments->out[0].tensor), causal_conv1d, sequences_of(arguments, 0),
                       cuda_floats(&arguments->out[0]));
}

/* dp [B, L, C]: of the activation's argument. */
static __global__ void argument_gradient(int64_t count, struct sequences s, const float *dy, double *dp) {
    CUDA_ELEMENTS(i, count)
    dp[i] = dy[i] * cuda_activation_slope(s.activation, causal_sum(s, i / s.channels, i % s.channels));
}

static __global__ void input_gradient(int64_t count, struct sequences s, const double *dp, struct cuda_matrix dx) {
    CUDA_ELEMENTS(i, count) {
        const int64_t row = i / s.channels, c = i % s.channels;
        double sum = 0;
        for (int64_t k = 0; k < s.taps; k++) {
            const int64_t ahead = s.taps - 1 - k;
            if (row % s.length + ahead < s.length) sum += dp[(row + ahead) * s.channels + c] * s.weight[c * s.taps + k];
        }
        dx.row(row)[c] = (float)sum;
    }
}

/* The gradient of weights [C, 1, K] is a sum over the tokens. */
struct weight_term {
    struct sequences s;
    const double *dp;

    __device__ double operator()(int64_t row, int64_t element) const {
        const int64_t c = element / s.taps, back = s.taps - 1 - element % s.taps;
        return back <= row % s.length ? dp[row * s.channels + c] * s.x.row(row - back)[c] : 0;
    }
};

bool cuda_causal_conv1d_gradient(struct cuda_arguments *arguments) {
    const struct sequences s = sequences_of(arguments, 1);
    const int64_t rows = sb_rows(arguments->in[1].tensor), count = rows * s.channels;
    double *dp = (double *)arguments->scratch, *parts = dp + count;
    float *dbias = cuda_floats(&arguments->out[2]);
    const struct weight_term term = {s, dp};
    return cuda_launch(arguments, count, argument_gradient, s, cuda_floats(&arguments->in[0]), dp) &&
           cuda_launch(arguments, count, input_gradient, s, dp, cuda_matrix_of(&arguments->out[0])) &&
           cuda_sum_terms(arguments, rows, s.channels * s.taps, term, parts, cuda_floats(&arguments->out[1])) &&
           (!dbias || cuda_sum_terms(arguments, rows, s.channels, cuda_doubles{dp, s.channels}, parts, dbias));
}

size_t cuda_causal_conv1d_gradient_scratch(const struct sb_node *node) {
    return (size_t)sb_elements(node->inputs[0]) * sizeof(double) +
           cuda_parts_bytes(sb_rows(node->inputs[0]), sb_elements(node->outputs[1]));
}
