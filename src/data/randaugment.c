#include "data/randaugment.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool parse_number(const char **text, double *value) {
    char *end;
    if (!isdigit((unsigned char)**text) && **text != '.') return false;
    *value = strtod(*text, &end);
    *text = end;
    return true;
}

bool sb_randaugment_parse(const char *text, const char *where, struct sb_randaugment *randaugment,
                          struct simba_error *error) {
    randaugment->operations = 0;
    if (!text[0]) return true;
    const char *at = text;
    double operations = 2, magnitude = 10, deviation = 0, increasing = 0;
    bool fine = strncmp(at, "rand", 4) == 0;
    if (fine) at += 4;
    while (fine && *at) {
        static const char *const keys[] = {"-mstd", "-inc", "-m", "-n"};
        double *const values[] = {&deviation, &increasing, &magnitude, &operations};
        int key = 0;
        while (key < 4 && strncmp(at, keys[key], strlen(keys[key])) != 0) key++;
        fine = key < 4;
        if (!fine) break;
        const char *number = at + strlen(keys[key]);
        fine = parse_number(&number, values[key]);
        if (fine) at = number;
    }
    if (fine) fine = magnitude <= 10 && deviation <= 100 && (increasing == 0 || increasing == 1);
    if (fine) fine = operations >= 1 && operations <= SB_RANDAUGMENT_MOST && operations == floor(operations);
    if (!fine)
        return sb_fail(error, SIMBA_ERROR_CONFIG,
                       "%s: \"%s\" is not understood at \"%s\". Expected \"rand\" and, in any order, -mMAGNITUDE (0 to "
                       "10), -mstdDEVIATION, -nOPERATIONS (1 to %d) and -inc0 or -inc1, as in "
                       "\"rand-m9-mstd0.5-inc1\"; \"\" for none.",
                       where, text, *at ? at : "its end", SB_RANDAUGMENT_MOST);
    randaugment->operations = (int)operations;
    randaugment->magnitude = magnitude;
    randaugment->deviation = deviation;
    randaugment->increasing = increasing == 1;
    return true;
}

static bool apply_affine(const struct sb_randaugment *randaugment, const double matrix[6], enum sb_filter filter,
                         struct sb_image *image, struct sb_buffer *work, struct sb_affine *affine,
                         struct simba_error *error) {
    if (!sb_image_affine(image, matrix, filter, randaugment->fill, work, error)) return false;
    const double width = image->width, height = image->height;
    *affine = (struct sb_affine){{matrix[0], matrix[1] * height / width, matrix[2] / width, matrix[3] * width / height,
                                  matrix[4], matrix[5] / height}};
    return true;
}

bool sb_randaugment_apply(const struct sb_randaugment *randaugment, enum sb_randaugment_operation operation,
                          double level, bool negative, enum sb_filter filter, struct sb_image *image,
                          struct sb_buffer *work, struct sb_affine *affine, bool *is_affine,
                          struct simba_error *error) {
    const bool increasing = randaugment->increasing;
    const double share = level / 10, sign = negative ? -1 : 1;
    /* ImageEnhance takes single precision, after a computation in double. */
    const float factor = (float)(increasing ? 1 + sign * (share * 0.9) : share * 1.8 + 0.1);
    double matrix[6] = {1, 0, 0, 0, 1, 0};
    *is_affine = false;
    switch (operation) {
    case SB_RANDAUGMENT_AUTOCONTRAST:
        sb_image_autocontrast(image);
        return true;
    case SB_RANDAUGMENT_EQUALIZE:
        sb_image_equalize(image);
        return true;
    case SB_RANDAUGMENT_INVERT:
        sb_image_invert(image);
        return true;
    case SB_RANDAUGMENT_POSTERIZE: {
        const int bits = (int)(share * 4);
        sb_image_posterize(image, increasing ? 4 - bits : bits);
        return true;
    }
    case SB_RANDAUGMENT_SOLARIZE: {
        const int threshold = (int)(share * 256);
        sb_image_solarize(image, increasing ? 256 - threshold : threshold);
        return true;
    }
    case SB_RANDAUGMENT_SOLARIZE_ADD:
        sb_image_solarize_add(image, (int)(share * 110));
        return true;
    case SB_RANDAUGMENT_COLOUR:
        sb_image_colour(image, factor);
        return true;
    case SB_RANDAUGMENT_CONTRAST:
        sb_image_contrast(image, factor);
        return true;
    case SB_RANDAUGMENT_BRIGHTNESS:
        sb_image_brightness(image, factor);
        return true;
    case SB_RANDAUGMENT_SHARPNESS:
        return sb_image_sharpness(image, factor, work, error);
    case SB_RANDAUGMENT_ROTATE:
        sb_rotation_matrix(image, sign * (share * 30), matrix);
        break;
    case SB_RANDAUGMENT_SHEAR_X:
        matrix[1] = sign * (share * 0.3);
        break;
    case SB_RANDAUGMENT_SHEAR_Y:
        matrix[3] = sign * (share * 0.3);
        break;
    case SB_RANDAUGMENT_TRANSLATE_X:
        matrix[2] = sign * (share * 0.45) * image->width;
        break;
    case SB_RANDAUGMENT_TRANSLATE_Y:
        matrix[5] = sign * (share * 0.45) * image->height;
        break;
    case SB_RANDAUGMENT_OPERATIONS:
        return true;
    }
    *is_affine = true;
    return apply_affine(randaugment, matrix, filter, image, work, affine, error);
}

bool sb_randaugment(const struct sb_randaugment *randaugment, struct sb_random *random, const enum sb_filter *filter,
                    struct sb_image *image, struct sb_buffer *work, struct sb_affine *affine, int *affine_count,
                    struct simba_error *error) {
    *affine_count = 0;
    for (int i = 0; i < randaugment->operations; i++) {
        const enum sb_randaugment_operation operation =
            (enum sb_randaugment_operation)sb_random_below(random, SB_RANDAUGMENT_OPERATIONS);
        if (sb_random_below(random, 2)) continue;
        double level = randaugment->magnitude;
        if (randaugment->deviation > 0) level += randaugment->deviation * sb_random_normal(random);
        level = level < 0 ? 0 : level > 10 ? 10 : level;
        const bool negative = sb_random_below(random, 2);
        const enum sb_filter chosen = filter                       ? *filter
                                      : sb_random_below(random, 2) ? SB_FILTER_BICUBIC
                                                                   : SB_FILTER_BILINEAR;
        bool is_affine;
        if (!sb_randaugment_apply(randaugment, operation, level, negative, chosen, image, work, &affine[*affine_count],
                                  &is_affine, error))
            return false;
        *affine_count += is_affine;
    }
    return true;
}
