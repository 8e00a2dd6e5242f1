/* Reference: EinFFT's two-dimensional transform over (tokens, 4 blocks of channels), in double, of any length. */
#include "backend/cpu/functions.h"
#include "ops/ops.h"

#include <math.h>
#include <stdlib.h>

enum { BLOCKS = 4 };

struct complex_number {
    double re, im;
};

static struct complex_number product(struct complex_number a, struct complex_number b) {
    return (struct complex_number){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

static int64_t smallest_factor(int64_t n) {
    for (int64_t p = 2; p * p <= n; p++)
        if (n % p == 0) return p;
    return n;
}

/* out[f] = sum over t of in[t * stride] root^(f t), root = roots[length / n]: decimation in time by the smallest prime
 * factor of n, down to length 1. `roots` has the `length` powers of the root of the whole transform. `part` holds as
 * many numbers as the largest prime factor. */
static void transform(int64_t n, int64_t stride, const struct complex_number *in, struct complex_number *out,
                      const struct complex_number *roots, int64_t length, struct complex_number *part) {
    if (n == 1) {
        out[0] = in[0];
        return;
    }
    int64_t radix = smallest_factor(n), m = n / radix, root = length / n;
    for (int64_t r = 0; r < radix; r++) transform(m, stride * radix, in + r * stride, out + r * m, roots, length, part);
    for (int64_t k = 0; k < m; k++) {
        for (int64_t r = 0; r < radix; r++) part[r] = out[r * m + k];
        for (int64_t q = 0; q < radix; q++) {
            struct complex_number sum = {0, 0};
            for (int64_t r = 0; r < radix; r++) {
                struct complex_number term = product(part[r], roots[r * (q * m + k) % n * root]);
                sum.re += term.re;
                sum.im += term.im;
            }
            out[q * m + k] = sum;
        }
    }
}

/* What both directions need: the roots of unity and two columns of tokens for each block. */
struct workspace {
    int64_t length;
    struct complex_number *roots, *part;
    struct complex_number *in[BLOCKS], *out[BLOCKS];
};

static bool workspace_init(struct workspace *work, int64_t length, bool inverse, struct simba_error *error) {
    work->length = length;
    work->roots = sb_allocate((size_t)(length * (2 + 2 * BLOCKS)), sizeof(struct complex_number), error);
    if (!work->roots) return false;
    work->part = work->roots + length;
    for (int block = 0; block < BLOCKS; block++) {
        work->in[block] = work->roots + (2 + block) * length;
        work->out[block] = work->roots + (2 + BLOCKS + block) * length;
    }
    for (int64_t i = 0; i < length; i++) {
        double angle = 2 * 3.14159265358979323846 * (double)i / (double)length;
        work->roots[i] = (struct complex_number){cos(angle), inverse ? sin(angle) : -sin(angle)};
    }
    return true;
}

static void transform_tokens(struct workspace *work) {
    for (int block = 0; block < BLOCKS; block++)
        transform(work->length, 1, work->in[block], work->out[block], work->roots, work->length, work->part);
}

/* sum over j of values[j] root^(k j) where root is -i, or i for the inverse. */
static struct complex_number transform_blocks(const struct complex_number values[BLOCKS], int k, bool inverse) {
    static const struct complex_number powers[BLOCKS] = {{1, 0}, {0, -1}, {-1, 0}, {0, 1}};
    struct complex_number sum = {0, 0};
    for (int j = 0; j < BLOCKS; j++) {
        struct complex_number term = product(values[j], powers[(inverse ? BLOCKS - k * j % BLOCKS : k * j) % BLOCKS]);
        sum.re += term.re;
        sum.im += term.im;
    }
    return sum;
}

bool cpu_spectrum(struct cpu_arguments *arguments) {
    const struct cpu_span *x = &arguments->in[0], *z = &arguments->out[0];
    const float *row_scale = arguments->in[1].data;
    int64_t batch = cpu_axis(x, 0), length = cpu_axis(x, 1), size = cpu_axis(x, 2) / BLOCKS;
    struct workspace work;
    if (!workspace_init(&work, length, false, arguments->error)) return false;
    for (int64_t item = 0; item < batch; item++) {
        double scale = (row_scale ? row_scale[item] : 1) / sqrt((double)(length * BLOCKS));
        for (int64_t i = 0; i < size; i++) {
            for (int64_t t = 0; t < length; t++)
                for (int block = 0; block < BLOCKS; block++)
                    work.in[block][t] =
                        (struct complex_number){cpu_row(x, item * length + t)[block * size + i] * scale, 0};
            transform_tokens(&work);
            for (int64_t f = 0; f < length; f++) {
                struct complex_number values[BLOCKS];
                for (int block = 0; block < BLOCKS; block++) values[block] = work.out[block][f];
                for (int k = 0; k < BLOCKS; k++) {
                    struct complex_number sum = transform_blocks(values, k, false);
                    float *to = cpu_row(z, item * length + f) + k * 2 * size + i;
                    to[0] = (float)sum.re;
                    to[size] = (float)sum.im;
                }
            }
        }
    }
    free(work.roots);
    return true;
}

bool cpu_synthesis(struct cpu_arguments *arguments) {
    const struct cpu_span *z = &arguments->in[0], *residual = &arguments->in[1], *y = &arguments->out[0];
    const float *row_scale = arguments->in[2].data;
    int64_t batch = cpu_axis(y, 0), length = cpu_axis(y, 1), size = cpu_axis(y, 2) / BLOCKS;
    struct workspace work;
    if (!workspace_init(&work, length, true, arguments->error)) return false;
    for (int64_t item = 0; item < batch; item++) {
        double scale = (row_scale ? row_scale[item] : 1) / sqrt((double)(length * BLOCKS));
        for (int64_t i = 0; i < size; i++) {
            for (int64_t f = 0; f < length; f++)
                for (int k = 0; k < BLOCKS; k++) {
                    const float *from = cpu_row(z, item * length + f) + k * 2 * size + i;
                    work.in[k][f] = (struct complex_number){from[0], from[size]};
                }
            transform_tokens(&work);
            for (int64_t t = 0; t < length; t++) {
                struct complex_number values[BLOCKS];
                for (int k = 0; k < BLOCKS; k++) values[k] = work.out[k][t];
                for (int block = 0; block < BLOCKS; block++) {
                    int64_t column = block * size + i;
                    double sum = scale * transform_blocks(values, block, true).re;
                    if (residual->data) sum += cpu_row(residual, item * length + t)[column];
                    cpu_row(y, item * length + t)[column] = (float)sum;
                }
            }
        }
    }
    free(work.roots);
    return true;
}

bool cpu_complex_matrix(struct cpu_arguments *arguments) {
    const struct cpu_span *weight = &arguments->in[0];
    const float *re = weight->data, *im = re + sb_elements(weight->tensor) / 2;
    float *matrix = arguments->out[0].data;
    int64_t groups = cpu_axis(weight, 1), depth = cpu_axis(weight, 2), width = cpu_axis(weight, 3);
    for (int64_t g = 0; g < groups; g++)
        for (int64_t k = 0; k < depth; k++)
            for (int64_t n = 0; n < width; n++) {
                int64_t at = (g * depth + k) * width + n;
                float *top = matrix + (g * 2 * depth + k) * 2 * width + n, *bottom = top + depth * 2 * width;
                top[0] = re[at];
                top[width] = im[at];
                bottom[0] = -im[at];
                bottom[width] = re[at];
            }
    return true;
}

bool cpu_complex_matrix_gradient(struct cpu_arguments *arguments) {
    const struct cpu_span *dweight = &arguments->out[0];
    const float *matrix = arguments->in[0].data;
    float *re = dweight->data, *im = re + sb_elements(dweight->tensor) / 2;
    int64_t groups = cpu_axis(dweight, 1), depth = cpu_axis(dweight, 2), width = cpu_axis(dweight, 3);
    for (int64_t g = 0; g < groups; g++)
        for (int64_t k = 0; k < depth; k++)
            for (int64_t n = 0; n < width; n++) {
                int64_t at = (g * depth + k) * width + n;
                const float *top = matrix + (g * 2 * depth + k) * 2 * width + n, *bottom = top + depth * 2 * width;
                re[at] = (float)((double)top[0] + bottom[width]);
                im[at] = (float)((double)top[width] - bottom[0]);
            }
    return true;
}
