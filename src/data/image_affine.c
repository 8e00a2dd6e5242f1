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

/* A position inside the image has neighbours from two pixels before it to two behind. Every pixel of the frame takes
 * LANES bytes, whatever the number of channels; the others have no meaning. */
enum { FRAME = 2, LANES = 4 };

typedef double lanes __attribute__((vector_size(LANES * sizeof(double))));
typedef int32_t integers __attribute__((vector_size(LANES * sizeof(int32_t))));

/* Of the pixels of a row: where in the frame the one to the upper left lies, and how far behind it they are. */
struct places {
    double *dx, *dy;
    int32_t *at;
};

struct framed {
    const uint8_t *origin; /* pixel (0, 0) */
    size_t row;            /* bytes from one to the next */
    struct places places;  /* room for a row */
    int32_t *line;         /* [width, LANES]: a row of the result, not yet clipped */
    int width, height, channels;
};

static void frame_row(const uint8_t *from, size_t width, size_t channels, uint8_t *to) {
    const size_t edge = FRAME * LANES, size = width * channels;
    size_t x = 0;
    for (; channels * x + LANES <= size; x++) memcpy(to + edge + LANES * x, from + channels * x, LANES);
    for (; x < width; x++)
        for (size_t c = 0; c < channels; c++) to[edge + LANES * x + c] = from[channels * x + c];
    uint8_t *last = to + edge + LANES * (width - 1);
    for (size_t i = 1; i <= FRAME; i++) {
        memcpy(to + edge - LANES * i, to + edge, LANES);
        memcpy(last + LANES * i, last, LANES);
    }
}

static bool make_frame(const struct sb_image *image, struct sb_buffer *work, struct framed *framed,
                       struct simba_error *error) {
    const size_t channels = (size_t)image->channels, width = (size_t)image->width, height = (size_t)image->height;
    const size_t row = (width + 2 * FRAME) * LANES, line_bytes = width * LANES * sizeof(int32_t);
    const size_t place_bytes = width * (2 * sizeof(double) + sizeof(int32_t));
    if (!sb_buffer_reserve(work, line_bytes + place_bytes + row * (height + 2 * FRAME), error)) return false;
    uint8_t *places = work->bytes + line_bytes, *frame = places + place_bytes;
    for (size_t y = 0; y < height; y++)
        frame_row(image->pixels + width * channels * y, width, channels, frame + row * (FRAME + y));
    for (size_t y = 0; y < FRAME; y++) {
        memcpy(frame + row * y, frame + row * FRAME, row);
        memcpy(frame + row * (FRAME + height + y), frame + row * (FRAME + height - 1), row);
    }
    *framed = (struct framed){
        .origin = frame + row * FRAME + LANES * FRAME,
        .row = row,
        .places = {(double *)places, (double *)places + width, (int32_t *)((double *)places + 2 * width)},
        .line = (int32_t *)work->bytes,
        .width = image->width,
        .height = image->height,
        .channels = image->channels};
    return true;
}

/* Vectors of this size are handed over by address: without AVX there is no settled way to do it by value. With AVX2 the
 * loop becomes one instruction, which converting a vector of four bytes does not. (As the last digits of 2^52, bytes
 * are doubles with less work yet: a tenth faster, but a third as fast without AVX2.) */
static inline __attribute__((always_inline)) void load(lanes *values, const uint8_t *pixel) {
    int32_t wide[LANES];
    for (int i = 0; i < LANES; i++) wide[i] = pixel[i];
    integers vector;
    memcpy(&vector, wide, sizeof vector);
    *values = __builtin_convertvector(vector, lanes);
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

static inline __attribute__((always_inline)) void sample(lanes *result, const uint8_t *at, size_t row, double dx,
                                                         double dy, enum sb_filter filter, enum axes axes) {
    if (axes != BOTH) {
        const size_t step = axes == ALONG_ROWS ? LANES : row;
        (filter == SB_FILTER_BILINEAR ? linear_of_pixels : cubic_of_pixels)(result, at, step,
                                                                            axes == ALONG_ROWS ? dx : dy);
    } else if (filter == SB_FILTER_BILINEAR) {
        lanes upper, lower;
        linear_of_pixels(&upper, at, LANES, dx);
        linear_of_pixels(&lower, at + row, LANES, dx);
        *result = upper + (lower - upper) * dy;
    } else {
        lanes values[4];
        cubic_of_pixels(&values[0], at - row, LANES, dx);
        cubic_of_pixels(&values[1], at, LANES, dx);
        cubic_of_pixels(&values[2], at + row, LANES, dx);
        cubic_of_pixels(&values[3], at + 2 * row, LANES, dx);
        cubic(result, values, dy);
    }
}

/* floor() of what is greater than -1. */
static inline int floor_of(double value) {
    const int truncated = (int)value;
    return truncated - (value < truncated);
}

/* Where the pixels of a row of the result lie in the source. Along one axis the other coordinate is what the sum would
 * give, with nothing to round. */
struct row {
    double matrix[6], x_of_row, y_of_row, y_out;
};

static inline __attribute__((always_inline)) void locate(const struct row *row, int column, enum axes axes, double *x,
                                                         double *y) {
    const double *m = row->matrix, x_out = column + 0.5;
    *x = axes == ALONG_COLUMNS ? x_out + m[2] : m[0] * x_out + row->x_of_row + m[2];
    *y = axes == ALONG_ROWS ? row->y_out + m[5] : m[3] * x_out + row->y_of_row + m[5];
}

static inline __attribute__((always_inline)) bool is_inside(const struct framed *source, const struct row *row,
                                                            int column, enum axes axes) {
    double x, y;
    locate(row, column, axes, &x, &y);
    return x >= 0 && x < source->width && y >= 0 && y < source->height;
}

/* A row of the result. Coordinates grow or shrink along it, rounding included: what lies inside is one piece. */
static inline __attribute__((always_inline)) void transform_row(const struct framed *source, const double matrix[6],
                                                                int y_out, integers fill, enum sb_filter filter,
                                                                enum axes axes) {
    struct row row = {
        .x_of_row = matrix[1] * (y_out + 0.5), .y_of_row = matrix[4] * (y_out + 0.5), .y_out = y_out + 0.5};
    memcpy(row.matrix, matrix, sizeof row.matrix);
    int begin = 0, end = source->width;
    while (begin < end && !is_inside(source, &row, begin, axes)) begin++;
    while (end > begin && !is_inside(source, &row, end - 1, axes)) end--;
    double *restrict dx = source->places.dx, *restrict dy = source->places.dy;
    int32_t *restrict at = source->places.at;
    const int row_bytes = (int)source->row; /* times the height it is less than 2^31 */
    for (int i = begin; i < end; i++) {
        double x, y;
        locate(&row, i, axes, &x, &y);
        x -= 0.5, y -= 0.5;
        const int left = floor_of(x), top = floor_of(y);
        at[i] = row_bytes * top + LANES * left;
        if (axes != ALONG_COLUMNS) dx[i] = x - left;
        if (axes != ALONG_ROWS) dy[i] = y - top;
    }
    for (int i = 0; i < begin; i++) memcpy(source->line + LANES * i, &fill, sizeof fill);
    for (int i = begin; i < end; i++) {
        lanes values;
        sample(&values, source->origin + at[i], source->row, axes == ALONG_COLUMNS ? 0 : dx[i],
               axes == ALONG_ROWS ? 0 : dy[i], filter, axes);
        const integers whole = __builtin_convertvector(values, integers);
        memcpy(source->line + LANES * i, &whole, sizeof whole);
    }
    for (int i = end; i < source->width; i++) memcpy(source->line + LANES * i, &fill, sizeof fill);
}

static void clip_row(const int32_t *line, int width, int channels, uint8_t *pixels) {
    for (int x = 0; x < width; x++)
        for (int c = 0; c < channels; c++) {
            int32_t value = line[LANES * x + c];
            value = value < 0 ? 0 : value;
            value = value > 255 ? 255 : value;
            pixels[channels * x + c] = (uint8_t)value;
        }
}

/* A loop for each combination of what is constant in it. */
SB_VECTOR_CLONES
static void transform(const struct framed *source, const double matrix[6], const uint8_t *fill, enum sb_filter filter,
                      enum axes axes, uint8_t *pixels) {
    integers outside = {0};
    for (int c = 0; c < source->channels; c++) outside[c] = fill[c];
    for (int row = 0; row < source->height; row++, pixels += source->width * source->channels) {
        if (filter == SB_FILTER_BILINEAR && axes == BOTH)
            transform_row(source, matrix, row, outside, SB_FILTER_BILINEAR, BOTH);
        else if (filter == SB_FILTER_BILINEAR && axes == ALONG_ROWS)
            transform_row(source, matrix, row, outside, SB_FILTER_BILINEAR, ALONG_ROWS);
        else if (filter == SB_FILTER_BILINEAR)
            transform_row(source, matrix, row, outside, SB_FILTER_BILINEAR, ALONG_COLUMNS);
        else if (axes == BOTH)
            transform_row(source, matrix, row, outside, SB_FILTER_BICUBIC, BOTH);
        else if (axes == ALONG_ROWS)
            transform_row(source, matrix, row, outside, SB_FILTER_BICUBIC, ALONG_ROWS);
        else
            transform_row(source, matrix, row, outside, SB_FILTER_BICUBIC, ALONG_COLUMNS);
        if (source->channels == 3)
            clip_row(source->line, source->width, 3, pixels);
        else
            clip_row(source->line, source->width, 1, pixels);
    }
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
    transform(&source, matrix, fill, filter, axes, image->pixels);
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
