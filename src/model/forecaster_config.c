/* One table describes every key of a forecaster; reading and writing go by it. */
#include "model/forecaster_config.h"

#include "base/json_keys.h"

#include <stddef.h>

static const char *const mixers[] = {"mlp", "einfft", NULL};                    /* enum sb_mixer */
static const char *const initialisations[] = {"published", "mamba", NULL};      /* enum sb_initialisation */
static const char *const normalisations[] = {"none", "mean", "instance", NULL}; /* enum sb_normalisation */
static const char *const heads[] = {"flatten", "mean", NULL};                   /* enum sb_forecaster_head */

enum { SERIES = 1, DLINEAR = 2, BOTH = 3 };
#define AT(member) offsetof(struct sb_model_config, member)
#define INTEGER SB_JSON_INTEGER
#define REAL SB_JSON_REAL
#define SWITCH SB_JSON_SWITCH
#define CHOICE SB_JSON_CHOICE
static const struct {
    int architectures;
    struct sb_json_key key;
} keys[] = {
    {BOTH, {"look_back", INTEGER, AT(forecaster.look_back), 1, 1 << 20}},
    {BOTH, {"horizon", INTEGER, AT(forecaster.horizon), 1, 1 << 20}},
    {BOTH, {"channels", INTEGER, AT(channels), 1, 1 << 20}},
    {BOTH, {"normalise", CHOICE, AT(forecaster.normalise), .choices = normalisations}},
    {SERIES, {"mix_channels", SWITCH, AT(forecaster.mix_channels)}},
    {SERIES, {"patch", INTEGER, AT(forecaster.patch), 1, 1 << 20}},
    {SERIES, {"stride", INTEGER, AT(forecaster.stride), 1, 1 << 20}},
    {SERIES, {"end_padding", INTEGER, AT(forecaster.padding), 0, 1 << 20}},
    {SERIES, {"dim", INTEGER, AT(forecaster.dim), 1, 16384}},
    {SERIES, {"depth", INTEGER, AT(forecaster.depth), 1, 1024}},
    {SERIES, {"mixer", CHOICE, AT(mixer), .choices = mixers}},
    {SERIES, {"mlp_ratio", REAL, AT(forecaster.mlp_ratio), 0.01, 64}},
    {SERIES, {"bidirectional", SWITCH, AT(forecaster.bidirectional)}},
    {SERIES, {"final_norm", SWITCH, AT(forecaster.final_norm)}},
    {SERIES, {"d_state", INTEGER, AT(d_state), 1, 256}},
    {SERIES, {"d_conv", INTEGER, AT(d_conv), 1, 16}},
    {SERIES, {"expand", INTEGER, AT(expand), 1, 16}},
    {SERIES, {"head", CHOICE, AT(forecaster.head), .choices = heads}},
    {SERIES, {"dropout", REAL, AT(forecaster.dropout), 0, 0.99}},
    {SERIES, {"head_dropout", REAL, AT(forecaster.head_dropout), 0, 0.99}},
    {SERIES, {"drop_path", REAL, AT(drop_path), 0, 0.99}},
    {SERIES, {"initialisation", CHOICE, AT(initialisation), .choices = initialisations}},
    {DLINEAR, {"kernel", INTEGER, AT(forecaster.kernel), 1, 1 << 20}},
};
enum { KEYS = sizeof keys / sizeof keys[0] };

static bool belongs(int key, const struct sb_model_config *config) {
    return keys[key].architectures & (config->architecture == SB_ARCHITECTURE_SERIES ? SERIES : DLINEAR);
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
        if (belongs(i, config)) known[count++] = keys[i].key.name;
    known[count] = NULL;
    if (!sb_json_only(json, known, error)) return false;
    for (int i = 0; i < KEYS; i++)
        if (belongs(i, config) && !sb_json_read_key(json, &keys[i].key, config, error)) return false;
    return check(json, config, error);
}

bool sb_forecaster_config_write(struct cJSON *object, const struct sb_model_config *config) {
    for (int i = 0; i < KEYS; i++) {
        if (!belongs(i, config) || (keys[i].key.offset == AT(channels) && !config->channels /* not known yet */))
            continue;
        if (!sb_json_write_key(object, &keys[i].key, config)) return false;
    }
    return true;
}
