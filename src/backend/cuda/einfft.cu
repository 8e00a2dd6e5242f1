/* EinFFT's two-dimensional transform over (tokens, 4 blocks of channels) by cuFFT, in double, and its weights. */
#include "backend/cuda/kernel.h"
#include "backend/cuda/transform.h"

enum { BLOCKS = 4 };

/* A batch of transforms: channel i of the blocks of an item is one, [length, BLOCKS] numbers. */
struct transform_sizes {
    int64_t batch, length, size; /* size: channels of a block */
};

static struct transform_sizes sizes_of(const struct sb_tensor *x) {
    return {x->shape[0], x->shape[1], x->shape[2] / BLOCKS};
}

/* Which number of which transform element i of the scratch memory is: an inverse of `place`. */
struct place {
    int64_t row, channel, block;
};

static __device__ struct place place_of(int64_t i, const struct transform_sizes &sizes) {
    const int64_t transform = i / (sizes.length * BLOCKS), token = i / BLOCKS % sizes.length;
    return {transform / sizes.size * sizes.length + token, transform % sizes.size, i % BLOCKS};
}

/* "ortho": each direction is scaled by the root of the number of values. */
static __device__ double scale_of(int64_t row, const struct transform_sizes &sizes, const float *row_scale) {
    return (row_scale ? row_scale[row / sizes.length] : 1) / sqrt((double)(sizes.length * BLOCKS));
}

static size_t scratch_of(const struct sb_tensor *x) {
    return (size_t)sb_elements(x) * sizeof(cufftDoubleComplex);
}

static bool prepare(struct cuda_device *device, const struct sb_tensor *x, struct simba_error *error) {
    const struct transform_sizes sizes = sizes_of(x);
    return cuda_plan_prepare(device, sizes.length, sizes.batch * sizes.size, error);
}

size_t cuda_spectrum_scratch(const struct sb_node *node) {
    return scratch_of(node->inputs[0]);
}

bool cuda_spectrum_prepare(struct cuda_device *device, const struct sb_node *node, struct simba_error *error) {
    return prepare(device, node->inputs[0], error);
}

static __global__ void gather_channels(int64_t count, cuda_matrix x, const float *row_scale,
                                       struct transform_sizes sizes, cufftDoubleComplex *values) {
    CUDA_ELEMENTS(i, count) {
        const struct place place = place_of(i, sizes);
        values[i].x =
            x.row(place.row)[place.block * sizes.size + place.channel] * scale_of(place.row, sizes, row_scale);
        values[i].y = 0;
    }
}

static __global__ void scatter_spectrum(int64_t count, const cufftDoubleComplex *values, struct transform_sizes sizes,
                                        cuda_matrix z) {
    CUDA_ELEMENTS(i, count) {
        const struct place place = place_of(i, sizes);
        float *to = z.row(place.row) + place.block * 2 * sizes.size + place.channel;
        to[0] = (float)values[i].x;
        to[sizes.size] = (float)values[i].y;
    }
}

bool cuda_spectrum(struct cuda_arguments *arguments) {
    const struct cuda_span *x = &arguments->in[0];
    const struct transform_sizes sizes = sizes_of(x->tensor);
    const int64_t count = sb_elements(x->tensor);
    cufftDoubleComplex *values = (cufftDoubleComplex *)arguments->scratch;
    return cuda_launch(arguments, count, gather_channels, cuda_matrix_of(x), cuda_floats(&arguments->in[1]), sizes,
                       values) &&
           cuda_plan_run(arguments->device, sizes.length, sizes.batch * sizes.size, values, CUFFT_FORWARD,
                         arguments->error) &&
           cuda_launch(arguments, count, scatter_spectrum, values, sizes, cuda_matrix_of(&arguments->out[0]));
}

size_t cuda_synthesis_scratch(const struct sb_node *node) {
    return scratch_of(node->outputs[0]);
}

bool cuda_synthesis_prepare(struct cuda_device *device, const struct sb_node *node, struct simba_error *error) {
    return prepare(device, node->outputs[0], error);
}

static __global__ void gather_spectrum(int64_t count, cuda_matrix z, struct transform_sizes sizes,
                                       cufftDoubleComplex *values) {
    CUDA_ELEMENTS(i, count) {
        const struct place place = place_of(i, sizes);
        const float *from = z.row(place.row) + place.block * 2 * sizes.size + place.channel;
        values[i].x = from[0];
        values[i].y = from[sizes.size];
    }
}

static __global__ void scatter_channels(int64_t count, const cufftDoubleComplex *values, const float *row_scale,
                                        struct transform_sizes sizes, cuda_matrix residual, cuda_matrix y) {
    CUDA_ELEMENTS(i, count) {
        const struct place place = place_of(i, sizes);
        const int64_t column = place.block * sizes.size + place.channel;
        double sum = scale_of(place.row, sizes, row_scale) * values[i].x;
        if (residual.data) sum += residual.row(place.row)[column];
        y.row(place.row)[column] = (float)sum;
    }
}

bool cuda_synthesis(struct cuda_arguments *arguments) {
    const struct cuda_span *y = &arguments->out[0];
    const struct transform_sizes sizes = sizes_of(y->tensor);
    const int64_t count = sb_elements(y->tensor);
    cufftDoubleComplex *values = (cufftDoubleComplex *)arguments->scratch;
    return cuda_launch(arguments, count, gather_spectrum, cuda_matrix_of(&arguments->in[0]), sizes, values) &&
           cuda_plan_run(arguments->device, sizes.length, sizes.batch * sizes.size, values, CUFFT_INVERSE,
                         arguments->error) &&
           cuda_launch(arguments, count, scatter_channels, values, cuda_floats(&arguments->in[2]), sizes,
                       cuda_matrix_of(&arguments->in[1]), cuda_matrix_of(y));
}

/* Where the real part of a weight [G, K, N] goes in the matrix [G, 2K, 2N]; the other three are `width` to the right
 * and `depth` rows of 2 * width below. */
static __device__ int64_t matrix_index(int64_t i, int64_t depth, int64_t width) {
    const int64_t group = i / (depth * width), k = i / width % depth, n = i % width;
    return (group * 2 * depth + k) * 2 * width + n;
}

static __global__ void complex_matrix(int64_t count, const float *weight, int64_t depth, int64_t width, float *matrix) {
    CUDA_ELEMENTS(i, count) {
        const float re = weight[i], im = weight[count + i];
        float *top = matrix + matrix_index(i, depth, width), *bottom = top + depth * 2 * width;
        top[0] = re;
        top[width] = im;
        bottom[0] = -im;
        bottom[width] = re;
    }
}

bool cuda_complex_matrix(struct cuda_arguments *arguments) {
    const struct cuda_span *weight = &arguments->in[0];
    return cuda_launch(arguments, sb_elements(weight->tensor) / 2, complex_matrix, cuda_floats(weight),
                       cuda_axis(weight, 2), cuda_axis(weight, 3), cuda_floats(&arguments->out[0]));
}

static __global__ void complex_matrix_gradient(int64_t count, const float *matrix, int64_t depth, int64_t width,
                                               float *dweight) {
    CUDA_ELEMENTS(i, count) {
        const float *top = matrix + matrix_index(i, depth, width), *bottom = top + depth * 2 * width;
        dweight[i] = (float)((double)top[0] + bottom[width]);
        dweight[count + i] = (float)((double)top[width] - bottom[0]);
    }
}

bool cuda_complex_matrix_gradient(struct cuda_arguments *arguments) {
    const struct cuda_span *dweight = &arguments->out[0];
    return cuda_launch(arguments, sb_elements(dweight->tensor) / 2, complex_matrix_gradient,
                       cuda_floats(&arguments->in[0]), cuda_axis(dweight, 2), cuda_axis(dweight, 3),
                       cuda_floats(dweight));
}
