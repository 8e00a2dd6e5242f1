#include "data/mixing.h"

#include "base/random.h"

#include <math.h>
#include <string.h>

enum { ERASING_TRIES = 10 };

static double between(struct sb_random *random, double low, double high) {
    return low + (high - low) * (double)sb_random_uniform(random);
}

/* Keyed by the image, so that its boxes do not depend on the batch around it. */
void sb_draw_erasing(const struct sb_mixing *mixing, uint64_t seed, uint64_t batch_number, int batch, int height,
                     int width, float *erase) {
    const double area = (double)height * width;
    memset(erase, 0, (size_t)batch * (size_t)mixing->erasing_boxes * 4 * sizeof *erase);
    for (int b = 0; b < batch; b++) {
        struct sb_random random =
            sb_random_start(seed, SB_STREAM_ERASING, batch_number * (uint64_t)batch + (uint64_t)b);
        if (!((double)sb_random_uniform(&random) < mixing->erasing)) continue;
        for (int k = 0; k < mixing->erasing_boxes; k++)
            for (int i = 0; i < ERASING_TRIES; i++) {
                const double wanted = area * between(&random, 0.02, 1.0 / 3) / mixing->erasing_boxes;
                const double aspect = exp(between(&random, log(0.3), log(1 / 0.3)));
                const double h = nearbyint(sqrt(wanted * aspect)), w = nearbyint(sqrt(wanted / aspect));
                if (!(h < height && w < width)) continue;
                const double top = sb_random_below(&random, (uint32_t)(height - (int)h) + 1);
                const double left = sb_random_below(&random, (uint32_t)(width - (int)w) + 1);
                float *box = erase + ((size_t)b * (size_t)mixing->erasing_boxes + (size_t)k) * 4;
                box[0] = (float)top, box[1] = (float)left, box[2] = (float)(top + h), box[3] = (float)(left + w);
                break;
            }
    }
}

/* One draw into a row of `mix`; returns lambda. */
static double draw(const struct sb_mixing *mixing, struct sb_random *random, int height, int width, float row[5]) {
    const float nothing[5] = {1, 0, 0, 0, 0};
    memcpy(row, nothing, sizeof nothing);
    if (!((double)sb_random_uniform(random) < mixing->probability)) return 1;
    bool cuts = mixing->cutmix > 0;
    if (cuts && mixing->mixup > 0) cuts = (double)sb_random_uniform(random) < mixing->switch_probability;
    const double lambda = sb_random_beta(random, cuts ? mixing->cutmix : mixing->mixup);
    if (!cuts) {
        row[0] = (float)lambda;
        return (double)row[0];
    }
    const double side = sqrt(1 - lambda);
    const int box_height = (int)(height * side), box_width = (int)(width * side);
    const int y = (int)sb_random_below(random, (uint32_t)height), x = (int)sb_random_below(random, (uint32_t)width);
    const int top = y - box_height / 2, left = x - box_width / 2;
    const int bottom = y + box_height / 2, right = x + box_width / 2;
    row[1] = (float)(top < 0 ? 0 : top);
    row[2] = (float)(left < 0 ? 0 : left);
    row[3] = (float)(bottom > height ? height : bottom);
    row[4] = (float)(right > width ? width : right);
    return 1 - (double)((row[3] - row[1]) * (row[4] - row[2])) / ((double)height * width);
}

void sb_draw_mixing(const struct sb_mixing *mixing, uint64_t seed, uint64_t batch_number, int batch, int height,
                    int width, const int32_t *labels, int64_t classes, double smoothing, float *mix, float *targets) {
    struct sb_random random = sb_random_start(seed, SB_STREAM_MIXING, batch_number);
    const float off = (float)(smoothing / (double)classes), on = (float)(1 - smoothing);
    double lambda = 1;
    for (int b = 0; b < batch; b++) {
        float *row = mix + 5 * b;
        const int other = batch - 1 - b;
        const bool second = mixing->mode == SB_MIX_PAIR && other < b;
        if (mixing->mode == SB_MIX_ELEMENT || b == 0 || (mixing->mode == SB_MIX_PAIR && !second))
            lambda = draw(mixing, &random, height, width, row);
        else
            memcpy(row, mixing->mode == SB_MIX_PAIR ? mix + 5 * other : mix, 5 * sizeof *row);
        /* The second of a pair comes long after the first: its lambda follows from the row. */
        if (second) {
            const double share = (double)((row[3] - row[1]) * (row[4] - row[2])) / ((double)height * width);
            lambda = share > 0 ? 1 - share : (double)row[0];
        }
        float *target = targets + (int64_t)b * classes;
        for (int64_t k = 0; k < classes; k++) target[k] = off;
        target[labels[b]] += on * (float)lambda;
        target[labels[other]] += on * (float)(1 - lambda);
    }
}

static int32_t clamped(int value, int largest) {
    return value < 0 ? 0 : value > largest ? largest : value;
}

void sb_draw_token_box(uint64_t seed, uint64_t batch_number, int batch, int height, int width, int64_t classes,
                       int32_t box[4], float *class_targets) {
    struct sb_random random = sb_random_start(seed, SB_STREAM_MIXING, batch_number);
    const double side = sqrt(1 - sb_random_beta(&random, 1));
    const int box_height = (int)(height * side), box_width = (int)(width * side);
    const int y = (int)sb_random_below(&random, (uint32_t)height), x = (int)sb_random_below(&random, (uint32_t)width);
    box[0] = clamped(y - box_height / 2, height), box[1] = clamped(x - box_width / 2, width);
    box[2] = clamped(y + box_height / 2, height), box[3] = clamped(x + box_width / 2, width);
    const float other = (float)((box[2] - box[0]) * (box[3] - box[1])) / (float)(height * width), own = 1 - other;
    if (other <= 0) return;
    for (int b = 0; b < batch / 2; b++) /* of an odd batch the middle image is its own counterpart */
        for (int64_t k = 0; k < classes; k++) {
            float *one = class_targets + b * classes + k, *two = class_targets + (batch - 1 - b) * classes + k;
            const float first = *one, second = *two;
            *one = own * first + other * second;
            *two = own * second + other * first;
        }
}
