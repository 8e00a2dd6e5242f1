/* One table describes every key of a forecaster; reading and writing go by it. */
#include "model/forecaster_config.h"

#include <cjson/cJSON.h>
#include <stddef.h>
#include <string.h>

enum key_type { INTEGER, REAL, SWITCH, CHOICE };

static const char *const mixers[] = {"mlp", "einfft", NULL};                    /* enum sb_mixer */
static const char *const initialisations[] = {"published", "mamba", NULL};      /* enum sb_initialisation */
static const char *const normalisations[] = {"none", "mean", "instance", NULL}; /* enum sb_normalisation */
static const char *const heads[] = {"flatten", "mean", NULL};                   /* enum sb_forecaster_head */

enum { SERIES = 1, DLINEAR = 2, BOTH = 3 };
#define AT(member) offsetof(struct sb_model_config, member)
static const struct key {
    const char *name;
    int architectures;
    enum key_type type;
    size_t offset;
    double minimum, maximum;
    const char *const *choices;
} keys[] = {
    {"look_back", BOTH, INTEGER, AT(forecaster.look_back), 1, 1 << 20},
    {"horizon", BOTH, INTEGER, AT(forecaster.horizon), 1, 1 << 20},
    {"channels", BOTH, INTEGER, AT(channels), 1, 1 << 20},
    {"normalise", BOTH, CHOICE, AT(forecaster.normalise), .choices = normalisations},
    {"mix_channels", SERIES, SWITCH, AT(forecaster.mix_channels)},
    {"patch", SERIES, INTEGER, AT(forecaster.patch), 1, 1 << 20},
    {"stride", SERIES, INTEGER, AT(forecaster.stride), 1, 1 << 20},
    {"end_padding", SERIES, INTEGER, AT(forecaster.padding), 0, 1 << 20},
    {"dim", SERIES, INTEGER, AT(forecaster.dim), 1, 16384},
    {"depth", SERIES, INTEGER, AT(forecaster.depth), 1, 1024},
    {"mixer", SERIES, CHOICE, AT(mixer), .choices = mixers},
    {"mlp_ratio", SERIES, REAL, AT(forecaster.mlp_ratio), 0.01, 64},
    {"bidirectional", SERIES, SWITCH, AT(forecaster.bidirectional)},
    {"final_norm", SERIES, SWITCH, AT(forecaster.final_norm)},
    {"d_state", SERIES, INTEGER, AT(d_state), 1, 256},
    {"d_conv", SERIES, INTEGER, AT(d_conv), 1, 16},
    {"expand", SERIES, INTEGER, AT(expand), 1, 16},
    {"head", SERIES, CHOICE, AT(forecaster.head), .choices = heads},
    {"dropout", SERIES, REAL, AT(forecaster.dropout), 0, 0.99},
    {"head_dropout", SERIES, REAL, AT(forecaster.head_dropout), 0, 0.99},
    {"drop_path", SERIES, REAL, AT(drop_path), 0, 0.99},
    {"initialisation", SERIES, CHOICE, AT(initialisation), .choices = initialisations},
    {"kernel", DLINEAR, INTEGER, AT(forecaster.kernel), 1, 1 << 20},
};
enum { KEYS = sizeof keys / sizeof keys[0] };

static bool belongs(const struct key *key, const struct sb_model_config *config) {
    return key->architectures & (config->architecture == SB_ARCHITECTURE_SERIES ? SERIES : DLINEAR);
}

int64_t sb_forecaster_tokens(const struct sb_forecaster_config *config) {
    return (config->look_back + config->padding - config->patch) / config->stride + 1;
}

/* PatchTST's patches; d_state and the widths are what forecasts ETTh1 well. */
static void set_defaults(struct sb_model_config *config) {
    config->forecaster = (struct sb_forecaster_config){
        .look_back = 96,
        .horizon = 96,
        .normalise = config->architecture == SB_ARCHITECTURE_SERIES ? SB_NORMALISE_INSTANCE : SB_NORMALISE_NONE,
        .final_norm = true,
        .patch = 16,
        .stride = 8,
        .padding = 8,
        .dim = 64,
        .depth = 2,
        .mlp_ratio = 2,
        .kernel = 25};
    config->mixer = SB_MIXER_EINFFT;
    config->d_state = 16;
    config->d_conv = 4;
    config->expand = 2;
}

static bool read_key(struct sb_json json, const struct key *key, char *config, struct simba_error *error) {
    void *target = config + key->offset;
    int choice;
    switch (key->type) {
    case INTEGER:
        return sb_json_int(json, key->name, (int64_t)key->minimum, (int64_t)key->maximum, target, error);
    case REAL:
        return sb_json_double(json, key->name, key->minimum, key->maximum, target, error);
    case SWITCH:
        return sb_json_bool(json, key->name, target, error);
    case CHOICE:
        memcpy(&choice, target, sizeof choice);
        if (!sb_json_choice(json, key->name, key->choices, &choice, error)) return false;
        memcpy(target, &choice, sizeof choice);
        return true;
    }
    return true;
}

/* What one key alone cannot tell. */
static bool check(struct sb_json json, const struct sb_model_config *config, struct simba_error *error) {
    const struct sb_forecaster_config *forecaster = &config->forecaster;
    if (config->architecture == SB_ARCHITECTURE_DLINEAR)
        return forecaster->kernel % 2 ||
               sb_json_fail(error, json,
                            "\"kernel\" is %lld; a moving average around a value takes an odd "
                            "number of them",
                            (long long)forecaster->kernel);
    if (forecaster->patch > forecaster->look_back + forecaster->padding)
        return sb_json_fail(error, json,
                            "\"patch\" is %lld, but \"look_back\" and \"end_padding\" together have only %lld values",
                            (long long)forecaster->patch, (long long)(forecaster->look_back + forecaster->padding));
    if (config->mixer == SB_MIXER_EINFFT && forecaster->dim % 4)
        return sb_json_fail(error, json,
                            "mixer \"einfft\" divides channels into 4 blocks: expected \"dim\" to be a multiple of 4, "
                            "found %lld",
                            (long long)forecaster->dim);
    if (config->mixer == SB_MIXER_MLP && (int64_t)((double)forecaster->dim * forecaster->mlp_ratio) < 1)
        return sb_json_fail(error, json, "\"dim\" %lld times \"mlp_ratio\" %g leave no hidden channel",
                            (long long)forecaster->dim, forecaster->mlp_ratio);
    return true;
}

bool sb_forecaster_config_read(struct sb_json json, struct sb_model_config *config, struct simba_error *error) {
    set_defaults(config);
    const char *known[KEYS + 2];
    int count = 0;
    known[count++] = "architecture";
    for (int i = 0; i < KEYS; i++)
        if (belongs(&keys[i], config)) known[count++] = keys[i].name;
    known[count] = NULL;
    if (!sb_json_only(json, known, error)) return false;
    for (int i = 0; i < KEYS; i++)
        if (belongs(&keys[i], config) && !read_key(json, &keys[i], (char *)config, error)) return false;
    return check(json, config, error);
}

bool sb_forecaster_config_write(struct cJSON *object, const struct sb_model_config *config) {
    bool fine = true;
    for (int i = 0; i < KEYS; i++) {
        const struct key *key = &keys[i];
        const char *value = (const char *)config + key->offset;
        int choice;
        if (!belongs(key, config)) continue;
        switch (key->type) {
        case INTEGER:
            /* Channels may not be known yet. */
            if (*(const int64_t *)(const void *)value >= (int64_t)key->minimum)
                fine =
                    fine && cJSON_AddNumberToObject(object, key->name, (double)*(const int64_t *)(const void *)value);
            break;
        case REAL:
            fine = fine && cJSON_AddNumberToObject(object, key->name, *(const double *)(const void *)value);
            break;
        case SWITCH:
            fine = fine && cJSON_AddBoolToObject(object, key->name, *(const bool *)value);
            break;
        case CHOICE:
            memcpy(&choice, value, sizeof choice);
            fine = fine && cJSON_AddStringToObject(object, key->name, key->choices[choice]);
            break;
        }
    }
    return fine;
}
