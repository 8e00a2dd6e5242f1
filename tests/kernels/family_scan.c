/* Cases: the selective scan. */
#include "families.h"

#include <math.h>

enum { BATCH, LENGTH, CHANNELS, STATES, FLAGS };
enum { D = 1, Z = 2, BIAS = 4, SOFTPLUS = 8, PITCHED = 16, EXTREME = 32, ALIGNED = 64 };

static void draw(struct check *check, int64_t *sizes) {
    static const int64_t states[] = {64, 64, 16, 1, 2, 5, 33, 100, 256};
    sizes[BATCH] = check_between(check, 1, 3);
    sizes[LENGTH] = check_size(check, 200);
    sizes[CHANNELS] = check_size(check, 70);
    sizes[STATES] = states[check_between(check, 0, 8)];
    sizes[FLAGS] = check_between(check, 0, 63);
    if (check_chance(check, 0.4)) {
        /* Around the bounds of the kernels for short sequences; one sample or several to a workgroup. */
        static const int64_t lengths[] = {1, 2, 4, 5, 12, 15, 16, 17}, few[] = {4, 4, 8, 12, 16, 16, 1, 3, 5, 17};
        if (check_chance(check, 0.5)) sizes[BATCH] = 33 + check_size(check, 60);
        sizes[LENGTH] = lengths[check_between(check, 0, 7)];
        sizes[CHANNELS] = check_chance(check, 0.8) ? 4 * check_size(check, 35) : check_size(check, 70);
        sizes[STATES] = few[check_between(check, 0, 9)];
        if (check_chance(check, 0.8)) sizes[FLAGS] |= ALIGNED;
        return;
    }
    if (!check_chance(check, 0.25)) return;
    /* So many samples that a workgroup takes several. */
    sizes[BATCH] = 33 + check_size(check, 60);
    sizes[LENGTH] = check_size(check, 40);
    sizes[CHANNELS] = check_size(check, 20);
}

static struct sb_tensor *row(struct check *check, const char *name, const int64_t *shape, int64_t flags) {
    if (!(flags & PITCHED)) return check_normal(check, name, 0, 1, 3, shape);
    /* Columns that begin on a texel, or anywhere. */
    return flags & ALIGNED ? check_columns(check, name, 1, 3, shape, 4) : check_pitched(check, name, 1, 3, shape);
}

static void build(struct check *check, const int64_t *sizes) {
    int64_t batch = sizes[BATCH], length = sizes[LENGTH], channels = sizes[CHANNELS], states = sizes[STATES];
    int64_t flags = sizes[FLAGS];
    const int64_t *shape = CHECK_SHAPE(batch, length, channels), *state_shape = CHECK_SHAPE(batch, length, states);
    struct sb_scan_parameters p = {.name = "scan", .softplus = flags & SOFTPLUS};
    p.u = check_normal(check, "u", 0, 1, 3, shape);
    /* Without softplus delta must be positive by itself. Extreme: linear softplus above 20, and decays that underflow.
     */
    if (flags & SOFTPLUS)
        p.delta = check_normal(check, "delta", flags & EXTREME ? 10 : -1, flags & EXTREME ? 12 : 1, 3, shape);
    else
        p.delta = check_uniform(check, "delta", 0.01, flags & EXTREME ? 30 : 1, 3, shape);
    p.a = check_uniform(check, "a", -2, -0.05, 2, CHECK_SHAPE(channels, states));
    if (p.a)
        for (int64_t i = 0; i < channels * states; i++) check_values(check, p.a)[i] *= (float)(1 + i % states * 0.3);
    p.b = row(check, "b", state_shape, flags);
    p.c = row(check, "c", state_shape, flags);
    if (flags & D) p.d = check_normal(check, "d", 1, 0.3, 1, CHECK_SHAPE(channels));
    if (flags & Z) p.z = row(check, "z", shape, flags);
    if (flags & BIAS) p.bias = check_uniform(check, "bias", 0, 0.5, 1, CHECK_SHAPE(channels));
    check_root(check, sb_op_selective_scan(&check->graph, p));
}

const struct check_family check_selective_scan = {
    .name = "selective_scan",
    .draw = draw,
    .build = build,
    .large = {{1, 40001, 3, 4, D | Z | SOFTPLUS}, {1100, 3, 2, 4, D | Z | SOFTPLUS}, {1100, 17, 3, 2, BIAS}},
    .bench = {{"short series, 4 states", {896, 4, 128, 4, 15 | PITCHED | ALIGNED}},
              {"short series, 16 states", {896, 12, 128, 16, 15 | PITCHED | ALIGNED}},
              {"stage 1", {1, 3136, 128, 64, 15}},
              {"stage 2", {1, 784, 256, 64, 15}},
              {"stage 3", {1, 196, 640, 64, 15}},
              {"stage 4", {1, 49, 896, 64, 15}},
              {"stage 1 batch 4", {4, 3136, 128, 64, 15}},
              {"series, 4 states", {896, 12, 256, 4, 15}},
              {"series", {896, 12, 256, 16, 15}},
              {"series, 64 states", {896, 12, 256, 64, 15}},
              {"narrow series", {896, 12, 32, 16, 15}},
              {"many series", {5136, 12, 256, 16, 15}}},
};
