/* PIL's affine transform. The pixels are PIL's bit for bit, so the arithmetic is PIL's, too: double precision, in its
 * order. What is saved is everything around it: the source is copied into a frame of its border pixels, where every
 * sample lies inside; the channels of a pixel are the lanes of a vector; and shearing and shifting along one axis, four
 * of RandAugment's five transforms, interpolate along that axis alone. */
#include "data/image_operations.h"

#include "base/vector.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A position inside the image has neighbours from two pixels before it to two behind. */
enum { FRAME = 2, LANES = 4 };

typedef double lanes __attribute__((vector_size(LANES * sizeof(double))));
typedef int32_t integers __attribute__((vector_size(LANES * sizeof(int32_t))));
typedef uint8_t bytes __attribute__((vector_size(LANES)));

/* The source with its frame: rows of `row` bytes; `origin` is pixel (0, 0). Four bytes are read at each pixel, so
 * there are some behind the last one. */
struct framed {
    const uint8_t *origin;
    size_t row;
    int width, height, channels;
};

static bool make_frame(const struct sb_image *image, struct sb_buffer *work, struct framed *framed,
                       struct simba_error *error) {
    const size_t channels = (size_t)image->channels, row_bytes = (size_t)image->width * channels;
    const size_t edge = FRAME * channels, row = row_bytes + 2 * edge, height = (size_t)image->height;
    if (!sb_buffer_reserve(work, row * (height + 2 * FRAME) + LANES, error)) return false;
    for (size_t y = 0; y < height; y++) {
        const uint8_t *from = image->pixels + row_bytes * y;
        uint8_t *to = work->bytes + row * (y + FRAME);
        memcpy(to + edge, from, row_bytes);
        for (size_t i = 0; i < edge; i++) {
            to[i] = from[i % channels];
            to[edge + row_bytes + i] = from[row_bytes - channels + i % channels];
        }
    }
    for (size_t y = 0; y < FRAME; y++) {
        memcpy(work->bytes + row * y, work->bytes + row * FRAME, row);
        memcpy(work->bytes + row * (FRAME + height + y), work->bytes + row * (FRAME + height - 1), row);
    }
    memset(work->bytes + row * (height + 2 * FRAME), 0, LANES);
    *framed = (struct framed){work->bytes + row * FRAME + edge, row, image->width, image->height, image->channels};
    return true;
}

/* Vectors are handed over by address: without AVX there is no settled way to hand these over by value. */
static inline __attribute__((always_inline)) void load(lanes *values, const uint8_t *pixel) {
    bytes narrow;
    memcpy(&narrow, pixel, sizeof narrow);
    *values = __builtin_convertvector(__builtin_convertvector(narrow, integers), lanes);
}

/* Interpolates between the values at -1, 0, 1 and 2 at 0 <= t < 1: Keys' cubic with a = -1. At t = 0 it is exactly the
 * value at 0. */
static inline __attribute__((always_inline)) void cubic(lanes *result, const lanes v[4], double t) {
    const lanes p2 = -v[0] + v[2], p3 = 2 * (v[0] - v[1]) + v[2] - v[3], p4 = -v[0] + v[1] - v[2] + v[3];
    *result = v[1] + t * (p2 + t * (p3 + t * p4));
}

static inline __attribute__((always_inline)) void cubic_of_pixels(lanes *result, const uint8_t *at, size_t step,
                                                                  double t) {
    lanes values[4];
    load(&values[0], at - step);
    load(&values[1], at);
    load(&values[2], at + step);
    load(&values[3], at + 2 * step);
    cubic(result, values, t);
}

static inline __attribute__((always_inline)) void linear_of_pixels(lanes *result, const uint8_t *at, size_t step,
                                                                   double t) {
    lanes first, second;
    load(&first, at);
    load(&second, at + step);
    *result = first + (second - first) * t;
}

/* The axes along which samples lie between pixels. */
enum axes { BOTH, ALONG_ROWS, ALONG_COLUMNS };

static inline __attribute__((always_inline)) void sample(lanes *result, const uint8_t *at, size_t column, size_t row,
                                                         double dx, double dy, enum sb_filter filter, enum axes axes) {
    const size_t step = axes == ALONG_COLUMNS ? row : column;
    const double along = axes == ALONG_COLUMNS ? dy : dx;
    if (filter == SB_FILTER_BILINEAR && axes == BOTH) {
        lanes upper, lower;
        linear_of_pixels(&upper, at, column, dx);
        linear_of_pixels(&lower, at + row, column, dx);
        *result = upper + (lower - upper) * dy;
    } else if (filter == SB_FILTER_BILINEAR) {
        linear_of_pixels(result, at, step, along);
    } else if (axes == BOTH) {
        lanes values[4];
        cubic_of_pixels(&values[0], at - row, column, dx);
        cubic_of_pixels(&values[1], at, column, dx);
        cubic_of_pixels(&values[2], at + row, column, dx);
        cubic_of_pixels(&values[3], at + 2 * row, column, dx);
        cubic(result, values, dy);
    } else {
        cubic_of_pixels(result, at, step, along);
    }
}

/* floor() of what is greater than -1. */
static inline int floor_of(double value) {
    const int truncated = (int)value;
    return truncated - (value < truncated);
}

static inline __attribute__((always_inline)) void transform(const struct framed *source, const double matrix[6],
                                                            const uint8_t *fill, uint8_t *pixels, int channels,
                                                            enum sb_filter filter, enum axes axes) {
    const size_t step = (size_t)channels;
    for (int row = 0; row < source->height; row++) {
        const double y_out = row + 0.5, x_of_row = matrix[1] * y_out, y_of_row = matrix[4] * y_out;
        for (int column = 0; column < source->width; column++, pixels += channels) {
            const double x_out = column + 0.5;
            const double x = matrix[0] * x_out + x_of_row + matrix[2], y = matrix[3] * x_out + y_of_row + matrix[5];
            if (!(x >= 0 && x < source->width && y >= 0 && y < source->height)) {
                memcpy(pixels, fill, step);
                continue;
            }
            const int left = floor_of(x - 0.5), top = floor_of(y - 0.5);
            const uint8_t *at = source->origin + (ptrdiff_t)source->row * top + channels * left;
            lanes values;
            sample(&values, at, step, source->row, x - 0.5 - left, y - 0.5 - top, filter, axes);
            for (int c = 0; c < channels; c++)
                pixels[c] = values[c] <= 0 ? 0 : values[c] >= 255 ? 255 : (uint8_t)values[c];
        }
    }
}

/* A copy for each combination, as the loop above wants its constants. */
SB_VECTOR_CLONES
static void transform_bilinear(const struct framed *source, const double matrix[6], const uint8_t *fill,
                               uint8_t *pixels, enum axes axes) {
    const bool grey = source->channels == 1;
    if (axes == BOTH)
        transform(source, matrix, fill, pixels, grey ? 1 : 3, SB_FILTER_BILINEAR, BOTH);
    else if (axes == ALONG_ROWS)
        transform(source, matrix, fill, pixels, grey ? 1 : 3, SB_FILTER_BILINEAR, ALONG_ROWS);
    else
        transform(source, matrix, fill, pixels, grey ? 1 : 3, SB_FILTER_BILINEAR, ALONG_COLUMNS);
}

SB_VECTOR_CLONES
static void transform_bicubic(const struct framed *source, const double matrix[6], const uint8_t *fill, uint8_t *pixels,
                              enum axes axes) {
    const bool grey = source->channels == 1;
    if (axes == BOTH)
        transform(source, matrix, fill, pixels, grey ? 1 : 3, SB_FILTER_BICUBIC, BOTH);
    else if (axes == ALONG_ROWS)
        transform(source, matrix, fill, pixels, grey ? 1 : 3, SB_FILTER_BICUBIC, ALONG_ROWS);
    else
        transform(source, matrix, fill, pixels, grey ? 1 : 3, SB_FILTER_BICUBIC, ALONG_COLUMNS);
}

bool sb_image_affine(struct sb_image *image, const double matrix[6], enum sb_filter filter, const uint8_t *fill,
                     struct sb_buffer *work, struct simba_error *error) {
    struct framed source;
    if (!make_frame(image, work, &source, error)) return false;
    /* Where a coordinate stays, or moves by whole pixels, nothing lies between two pixels of that axis. */
    enum axes axes = BOTH;
    if (matrix[3] == 0 && matrix[4] == 1 && matrix[5] == floor(matrix[5]))
        axes = ALONG_ROWS;
    else if (matrix[0] == 1 && matrix[1] == 0 && matrix[2] == floor(matrix[2]))
        axes = ALONG_COLUMNS;
    (filter == SB_FILTER_BILINEAR ? transform_bilinear : transform_bicubic)(&source, matrix, fill, image->pixels, axes);
    return true;
}

/* Python's round(value, 15), which is correctly rounded in decimal. */
static double rounded(double value) {
    char text[64];
    snprintf(text, sizeof text, "%.15f", value);
    return strtod(text, NULL);
}

void sb_rotation_matrix(const struct sb_image *image, double degrees, double matrix[6]) {
    const double angle = -(fmod(fmod(degrees, 360) + 360, 360) * (acos(-1) / 180));
    const double x = image->width / 2.0, y = image->height / 2.0;
    matrix[0] = rounded(cos(angle)), matrix[1] = rounded(sin(angle));
    matrix[3] = rounded(-sin(angle)), matrix[4] = rounded(cos(angle));
    matrix[2] = matrix[0] * -x + matrix[1] * -y + 0.0 + x;
    matrix[5] = matrix[3] * -x + matrix[4] * -y + 0.0 + y;
}
