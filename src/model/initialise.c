/* Fresh weights. `published` is the state in which the published code starts training; `mamba` keeps what Mamba itself
 * does for the step size delta, which the published code overwrites (its _init_weights ignores Mamba's _no_reinit). */
#include "base/random.h"
#include "model/model.h"

#include <math.h>
#include <string.h>

struct fill {
    const struct sb_parameter *parameter;
    float *values;
    struct sb_random random;
};

static bool named(const struct fill *fill, const char *end) {
    const char *name = fill->parameter->name;
    size_t length = strlen(name), tail = strlen(end);
    return length >= tail && strcmp(name + length - tail, end) == 0;
}

static void fill_constant(struct fill *fill, float value) {
    for (int64_t i = 0; i < fill->parameter->elements; i++) fill->values[i] = value;
}

static void fill_normal(struct fill *fill, double deviation) {
    for (int64_t i = 0; i < fill->parameter->elements; i++)
        fill->values[i] = (float)(deviation * sb_random_normal(&fill->random));
}

/* Normal with numbers outside -2 .. 2 drawn again: timm's trunc_normal_, whose bounds are absolute. */
static void fill_truncated_normal(struct fill *fill, double deviation) {
    for (int64_t i = 0; i < fill->parameter->elements; i++) {
        double value;
        do value = deviation * sb_random_normal(&fill->random);
        while (fabs(value) > 2);
        fill->values[i] = (float)value;
    }
}

static void fill_uniform(struct fill *fill, double bound) {
    for (int64_t i = 0; i < fill->parameter->elements; i++)
        fill->values[i] = (float)(bound * (2.0 * sb_random_uniform(&fill->random) - 1.0));
}

/* Each row log(1), log(2), ... (S4D-Real). */
static void fill_a_log(struct fill *fill) {
    int64_t columns = fill->parameter->shape[1];
    for (int64_t i = 0; i < fill->parameter->elements; i++) fill->values[i] = (float)log((double)(i % columns + 1));
}

/* Inverse soft plus of step sizes spread log-uniformly over 0.001 .. 0.1. */
static void fill_delta_bias(struct fill *fill) {
    for (int64_t i = 0; i < fill->parameter->elements; i++) {
        double delta = exp(sb_random_uniform(&fill->random) * (log(0.1) - log(0.001)) + log(0.001));
        if (delta < 1e-4) delta = 1e-4;
        fill->values[i] = (float)(delta + log(-expm1(-delta)));
    }
}

/* False when there is no rule for such a parameter. */
static bool fill_parameter(struct fill *fill, const struct sb_model_config *config) {
    const struct sb_parameter *p = fill->parameter;
    bool mamba = config->initialisation == SB_INITIALISATION_MAMBA;
    if (named(fill, ".A_log")) {
        fill_a_log(fill);
    } else if (named(fill, ".D") || named(fill, ".running_var")) {
        fill_constant(fill, 1);
    } else if (strstr(p->name, ".complex_")) {
        fill_normal(fill, 0.02);
    } else if (named(fill, ".conv1d.weight") || named(fill, ".conv1d.bias")) {
        /* PyTorch's default for a convolution whose filters see d_conv inputs. */
        fill_uniform(fill, 1 / sqrt((double)config->d_conv));
    } else if (mamba && named(fill, ".dt_proj.weight")) {
        fill_uniform(fill, 1 / sqrt((double)p->shape[1]));
    } else if (mamba && named(fill, ".dt_proj.bias")) {
        fill_delta_bias(fill);
    } else if (p->rank == 4) {
        /* Kaiming, by outputs: kernel area times output channels over groups; depth-wise filters have one each. */
        bool depthwise = named(fill, ".dwconv.weight");
        int64_t fan_out = p->shape[2] * p->shape[3] * (depthwise ? 1 : p->shape[0]);
        fill_normal(fill, sqrt(2.0 / (double)fan_out));
    } else if (config->architecture == SB_ARCHITECTURE_DLINEAR) {
        fill_uniform(fill, 1 / sqrt((double)config->forecaster.look_back)); /* PyTorch's default, weights and biases */
    } else if (!strcmp(p->name, "position")) {
        fill_uniform(fill, 0.02); /* as PatchTST's */
    } else if (p->rank == 2) {
        fill_truncated_normal(fill, 0.02);
    } else if (p->rank == 1) {
        fill_constant(fill, named(fill, ".weight") ? 1 : 0); /* normalisation weights; biases, running means */
    } else {
        return false;
    }
    return true;
}

bool sb_model_initialise(const struct sb_model_config *config, const struct sb_parameter_list *list, uint64_t seed,
                         float *space, struct simba_error *error) {
    for (int i = 0; i < list->count; i++) {
        const struct sb_parameter *parameter = &list->entries[i];
        struct fill fill = {parameter, space + parameter->offset / (int64_t)sizeof(float),
                            sb_random_start(seed, SB_STREAM_INITIALISATION, (uint64_t)i)};
        if (!fill_parameter(&fill, config))
            return sb_fail(error, SIMBA_ERROR_INTERNAL, "There is no rule to initialise the parameter \"%s\".",
                           parameter->name);
    }
    return true;
}
