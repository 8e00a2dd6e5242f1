/* Matrix products by cuBLAS, in float32 without TensorFloat-32 (device.c sets its mode), with our own epilogue, and the
 * gradient of the weights. cuBLAS counts columns first: what it is given as a matrix [rows, columns] of a pitch is
 * ours, transposed. */
#include "backend/cuda/numbers.h"
#include "backend/cuda/sums.h"

/* A product's sizes: rows of a, groups, and columns of a and of y to a group. */
struct product_sizes {
    int64_t rows, groups, depth, width;
};

static struct product_sizes sizes_of(const struct sb_node *node, const struct sb_tensor *a, const struct sb_tensor *y) {
    const int64_t groups = node->attributes.linear.groups ? node->attributes.linear.groups : 1;
    return {sb_rows(a), groups, sb_columns(a) / groups, sb_columns(y) / groups};
}

static __global__ void round_factors(int64_t count, cuda_matrix from, enum sb_precision precision, float *to) {
    CUDA_ELEMENTS(i, count) to[i] = cuda_factor(precision, from[i]);
}

/* The factors as the node's precision has them: `factors` itself, or rounded in *scratch, which is moved on. */
static bool rounded(struct cuda_arguments *arguments, int64_t rows, struct cuda_matrix *factors, float **scratch) {
    const enum sb_precision precision = arguments->node->precision;
    const int64_t count = rows * factors->columns;
    if (precision == SB_PRECISION_FP32) return true;
    if (!cuda_launch(arguments, count, round_factors, *factors, precision, *scratch)) return false;
    *factors = {*scratch, factors->columns, factors->columns};
    *scratch += count;
    return true;
}

static int64_t rounded_elements(const struct sb_node *node, const struct sb_tensor *first,
                                const struct sb_tensor *second) {
    return node->precision == SB_PRECISION_FP32 ? 0 : sb_elements(first) + sb_elements(second);
}

size_t cuda_linear_scratch(const struct sb_node *node) {
    return (size_t)(sb_elements(node->outputs[SB_LINEAR_Y]) +
                    rounded_elements(node, node->inputs[SB_LINEAR_A], node->inputs[SB_LINEAR_B])) *
           sizeof(float);
}

static __global__ void epilogue(int64_t count, const float *product, const float *bias, enum sb_activation_kind kind,
                                float threshold, const float *row_scale, int64_t elements_per_sample,
                                cuda_matrix residual, cuda_matrix saved, cuda_matrix y) {
    CUDA_ELEMENTS(i, count) {
        const double sum = (double)product[i] + (bias ? bias[i % y.columns] : 0);
        double result = cuda_activation(kind, threshold, sum);
        if (row_scale) result *= row_scale[i / elements_per_sample];
        if (residual.data) result += residual[i];
        if (saved.data) saved[i] = (float)sum;
        y[i] = (float)result;
    }
}

bool cuda_linear(struct cuda_arguments *arguments) {
    const struct sb_linear_attributes *attributes = &arguments->node->attributes.linear;
    const struct cuda_span *y = &arguments->out[SB_LINEAR_Y], *row_scale = &arguments->in[SB_LINEAR_ROW_SCALE];
    const struct product_sizes sizes = sizes_of(arguments->node, arguments->in[SB_LINEAR_A].tensor, y->tensor);
    const int64_t matrix = sizes.depth * sizes.width, b_columns = attributes->transpose_b ? sizes.depth : sizes.width;
    const int64_t count = sb_elements(y->tensor), samples = row_scale->data ? sb_elements(row_scale->tensor) : 1;
    struct cuda_matrix a = cuda_matrix_of(&arguments->in[SB_LINEAR_A]);
    struct cuda_matrix b = {cuda_floats(&arguments->in[SB_LINEAR_B]), b_columns, b_columns};
    struct simba_error *error = arguments->error;
    const float one = 1, zero = 0;
    float *product = (float *)arguments->scratch, *scratch = product + count;
    return rounded(arguments, sizes.rows, &a, &scratch) &&
           rounded(arguments, sizes.groups * matrix / b_columns, &b, &scratch) &&
           CUBLAS(cublasSgemmStridedBatched_64(
               arguments->device->blas, attributes->transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N, CUBLAS_OP_N, sizes.width,
               sizes.rows, sizes.depth, &one, b.data, b.pitch, matrix, a.data, a.pitch, sizes.depth, &zero, product,
               sizes.groups * sizes.width, sizes.width, sizes.groups)) &&
           cuda_launch(arguments, count, epilogue, product, cuda_floats(&arguments->in[SB_LINEAR_BIAS]),
                       attributes->activation, attributes->threshold, cuda_floats(row_scale), count / samples,
                       cuda_matrix_of(&arguments->in[SB_LINEAR_RESIDUAL]),
                       cuda_matrix_of(&arguments->out[SB_LINEAR_SAVED]), cuda_matrix_of(y));
}

/* Rows that cuBLAS sums in float32; the sums of all such parts are added in double and in fixed order. So the error
 * does not grow with the batch, nor depend on how cuBLAS divides a long sum. */
static const int64_t PRODUCT_PART_ROWS = 16384;

static int64_t product_parts(int64_t rows) {
    return (rows + PRODUCT_PART_ROWS - 1) / PRODUCT_PART_ROWS;
}

size_t cuda_linear_weight_gradient_scratch(const struct sb_node *node) {
    const struct sb_tensor *a = node->inputs[SB_WEIGHT_GRADIENT_A], *dy = node->inputs[SB_WEIGHT_GRADIENT_DY];
    const int64_t weights = sb_elements(node->outputs[SB_WEIGHT_GRADIENT_DB]);
    const size_t products =
        (size_t)(rounded_elements(node, a, dy) + product_parts(sb_rows(a)) * weights) * sizeof(float);
    const size_t parts = node->outputs[SB_WEIGHT_GRADIENT_DBIAS] ? cuda_parts_bytes(sb_rows(dy), sb_columns(dy)) : 0;
    return products > parts ? products : parts;
}

static __global__ void add_products(int64_t count, const float *products, int64_t parts, const float *addend,
                                    float *db) {
    CUDA_ELEMENTS(i, count) {
        double sum = addend ? addend[i] : 0;
        for (int64_t part = 0; part < parts; part++) sum += products[part * count + i];
        db[i] = (float)sum;
    }
}

bool cuda_linear_weight_gradient(struct cuda_arguments *arguments) {
    const struct cuda_span *db = &arguments->out[SB_WEIGHT_GRADIENT_DB];
    float *dbias = cuda_floats(&arguments->out[SB_WEIGHT_GRADIENT_DBIAS]), *scratch = (float *)arguments->scratch;
    const struct product_sizes sizes = sizes_of(arguments->node, arguments->in[SB_WEIGHT_GRADIENT_A].tensor,
                                                arguments->in[SB_WEIGHT_GRADIENT_DY].tensor);
    struct cuda_matrix a = cuda_matrix_of(&arguments->in[SB_WEIGHT_GRADIENT_A]);
    struct cuda_matrix dy = cuda_matrix_of(&arguments->in[SB_WEIGHT_GRADIENT_DY]);
    struct simba_error *error = arguments->error;
    const float one = 1, zero = 0;
    /* The bias' gradient has the numbers as they are. */
    if (dbias && !cuda_sum_rows(arguments, dy, sizes.rows, (double *)arguments->scratch, dbias)) return false;
    if (!rounded(arguments, sizes.rows, &a, &scratch) || !rounded(arguments, sizes.rows, &dy, &scratch)) return false;
    /* db is a^T dy, or with transpose_b dy^T a. */
    const bool transposed = arguments->node->attributes.linear.transpose_b;
    const struct cuda_matrix left = transposed ? dy : a, right = transposed ? a : dy;
    const int64_t rows = transposed ? sizes.width : sizes.depth, columns = transposed ? sizes.depth : sizes.width;
    const int64_t weights = sb_elements(db->tensor);
    for (int64_t part = 0; part < product_parts(sizes.rows); part++) {
        const int64_t first = part * PRODUCT_PART_ROWS, rest = sizes.rows - first;
        if (!CUBLAS(cublasSgemmStridedBatched_64(arguments->device->blas, CUBLAS_OP_N, CUBLAS_OP_T, columns, rows,
                                                 rest < PRODUCT_PART_ROWS ? rest : PRODUCT_PART_ROWS, &one,
                                                 right.data + first * right.pitch, right.pitch, columns,
                                                 left.data + first * left.pitch, left.pitch, rows, &zero,
                                                 scratch + part * weights, columns, rows * columns, sizes.groups)))
            return false;
    }
    return cuda_launch(arguments, weights, add_products, scratch, product_parts(sizes.rows),
                       cuda_floats(&arguments->in[SB_WEIGHT_GRADIENT_ADDEND]), cuda_floats(db));
}
