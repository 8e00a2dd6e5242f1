#include "data/random_resized_crop.h"

#include <math.h>

enum { TRIES = 10 };

static double between(struct sb_random *random, double low, double high) {
    return low + (high - low) * (double)sb_random_uniform(random);
}

struct sb_region sb_random_resized_crop(struct sb_random *random, int width, int height, const double scale[2],
                                        const double ratio[2]) {
    const double area = (double)width * height;
    for (int i = 0; i < TRIES; i++) {
        const double wanted = area * between(random, scale[0], scale[1]);
        const double aspect = exp(between(random, log(ratio[0]), log(ratio[1])));
        const double w = nearbyint(sqrt(wanted * aspect)), h = nearbyint(sqrt(wanted / aspect));
        if (!(w >= 1 && h >= 1 && w <= width && h <= height)) continue;
        const double top = sb_random_below(random, (uint32_t)(height - (int)h) + 1);
        const double left = sb_random_below(random, (uint32_t)(width - (int)w) + 1);
        return (struct sb_region){left, top, w, h};
    }
    double w = width, h = height;
    if (w / h < ratio[0])
        h = fmin(h, fmax(1, nearbyint(w / ratio[0])));
    else if (w / h > ratio[1])
        w = fmin(w, fmax(1, nearbyint(h * ratio[1])));
    return (struct sb_region){floor((width - w) / 2), floor((height - h) / 2), w, h};
}
