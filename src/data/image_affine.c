/* PIL's affine transform, in double precision as there. */
#include "data/image_operations.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int within(int at, int size) {
    return at < 0 ? 0 : at < size ? at : size - 1;
}

/* Interpolates between the values at -1, 0, 1 and 2 at 0 <= t < 1: Keys' cubic with a = -1. */
static double cubic(const double v[4], double t) {
    const double p2 = -v[0] + v[2], p3 = 2 * (v[0] - v[1]) + v[2] - v[3], p4 = -v[0] + v[1] - v[2] + v[3];
    return v[1] + t * (p2 + t * (p3 + t * p4));
}

static void sample_bilinear(const struct sb_image *source, double x, double y, uint8_t *pixel) {
    const int channels = source->channels, left = (int)floor(x), top = (int)floor(y);
    const double dx = x - left, dy = y - top;
    const size_t row = (size_t)source->width * (size_t)channels;
    const size_t near = (size_t)within(left, source->width) * (size_t)channels;
    const size_t far = (size_t)within(left + 1, source->width) * (size_t)channels;
    const uint8_t *upper = source->pixels + row * (size_t)within(top, source->height);
    const uint8_t *lower = top + 1 >= 0 && top + 1 < source->height ? source->pixels + row * (size_t)(top + 1) : upper;
    for (int c = 0; c < channels; c++) {
        const size_t l = near + (size_t)c, r = far + (size_t)c;
        const double first = upper[l] + (upper[r] - upper[l]) * dx;
        const double second = lower[l] + (lower[r] - lower[l]) * dx;
        pixel[c] = (uint8_t)(first + (second - first) * dy);
    }
}

static void sample_bicubic(const struct sb_image *source, double x, double y, uint8_t *pixel) {
    const int channels = source->channels, left = (int)floor(x) - 1, top = (int)floor(y) - 1;
    const double dx = x - (left + 1), dy = y - (top + 1);
    const size_t row = (size_t)source->width * (size_t)channels;
    size_t columns[4];
    const uint8_t *rows[4];
    for (int k = 0; k < 4; k++) columns[k] = (size_t)within(left + k, source->width) * (size_t)channels;
    rows[0] = source->pixels + row * (size_t)within(top, source->height);
    for (int k = 1; k < 4; k++)
        rows[k] = top + k >= 0 && top + k < source->height ? source->pixels + row * (size_t)(top + k) : rows[k - 1];
    for (int c = 0; c < channels; c++) {
        double values[4];
        for (int k = 0; k < 4; k++) {
            const uint8_t *from = rows[k] + c;
            const double across[4] = {from[columns[0]], from[columns[1]], from[columns[2]], from[columns[3]]};
            values[k] = cubic(across, dx);
        }
        const double value = cubic(values, dy);
        pixel[c] = value <= 0 ? 0 : value >= 255 ? 255 : (uint8_t)value;
    }
}

void sb_image_affine(const struct sb_image *source, const double matrix[6], enum sb_filter filter, const uint8_t *fill,
                     uint8_t *pixels) {
    const size_t channels = (size_t)source->channels;
    for (int row = 0; row < source->height; row++)
        for (int column = 0; column < source->width; column++, pixels += channels) {
            const double x_out = column + 0.5, y_out = row + 0.5;
            const double x = matrix[0] * x_out + matrix[1] * y_out + matrix[2];
            const double y = matrix[3] * x_out + matrix[4] * y_out + matrix[5];
            if (!(x >= 0 && x < source->width && y >= 0 && y < source->height))
                memcpy(pixels, fill, channels);
            else if (filter == SB_FILTER_BILINEAR)
                sample_bilinear(source, x - 0.5, y - 0.5, pixels);
            else
                sample_bicubic(source, x - 0.5, y - 0.5, pixels);
        }
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
