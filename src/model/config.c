/* The "model" object of a configuration: defaults, the named sizes, strict reading, writing. */
#include "model/forecaster_config.h"

#include <cjson/cJSON.h>
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const known_keys[] = {
    "architecture", "size",           "mixer",  "stem",      "dims",          "depths",        "mlp_ratios",
    "d_state",      "d_conv",         "expand", "channels",  "classes",       "image_size",    "token_labels",
    "drop_path",    "initialisation", "mean",   "deviation", "crop_fraction", "interpolation", NULL};
static const char *const architecture_names[] = {"vision", "series", "dlinear", NULL};
static const char *const size_names[] = {"s", "b", "l", "custom", NULL};
static const char *const mixer_names[] = {"mlp", "einfft", NULL};
static const char *const initialisation_names[] = {"published", "mamba", NULL};

static const char *const interpolation_names[] = {"bilinear", "bicubic", NULL}; /* enum sb_filter */
enum { INTERPOLATION_BICUBIC = 1 };

enum { SIZE_S, SIZE_B, SIZE_L, SIZE_CUSTOM };

/* The published table; drop_path as in the published configuration files of the sizes. */
static const struct size {
    int64_t stem, dims[4], depths[4];
    double mlp_ratios[4], drop_path;
} sizes[] = {
    [SIZE_S] = {32, {64, 128, 320, 448}, {3, 4, 6, 3}, {8, 8, 4, 4}, 0.1},
    [SIZE_B] = {64, {64, 128, 320, 512}, {3, 4, 12, 3}, {8, 8, 4, 4}, 0.1},
    [SIZE_L] = {64, {96, 192, 384, 512}, {3, 6, 18, 3}, {8, 8, 4, 4}, 0.3},
};

static void set_size(struct sb_model_config *config, int size) {
    strcpy(config->size, size_names[size]);
    const struct size *published = &sizes[size];
    config->stages = 4;
    config->stem = published->stem;
    config->drop_path = published->drop_path;
    config->crop_fraction = 0.96; /* 224 out of 233, as published */
    for (int i = 0; i < 4; i++) {
        config->dims[i] = published->dims[i];
        config->depths[i] = published->depths[i];
        config->mlp_ratios[i] = published->mlp_ratios[i];
    }
}

/* ImageNet's for three channels; otherwise 0..1 becomes -1..1. */
static void set_image_statistics(struct sb_model_config *config) {
    static const float mean[3] = {0.485f, 0.456f, 0.406f}, deviation[3] = {0.229f, 0.224f, 0.225f};
    for (int c = 0; c < SB_MAX_IMAGE_CHANNELS; c++) {
        bool used = c < config->channels;
        config->mean[c] = !used ? 0 : config->channels == 3 ? mean[c] : 0.5f;
        config->deviation[c] = !used ? 0 : config->channels == 3 ? deviation[c] : 0.5f;
    }
}

struct sb_model_config sb_model_config_default(void) {
    struct sb_model_config config = {.d_state = 64,
                                     .d_conv = 4,
                                     .expand = 2,
                                     .channels = 3,
                                     .classes = 1000,
                                     .height = 224,
                                     .width = 224,
                                     .interpolation = INTERPOLATION_BICUBIC};
    set_size(&config, SIZE_S);
    set_image_statistics(&config);
    return config;
}

const char *sb_model_config_describe(const struct sb_model_config *config, char text[static 64]) {
    if (config->architecture == SB_ARCHITECTURE_DLINEAR)
        snprintf(text, 64, "DLinear");
    else
        snprintf(text, 64, "SiMBA %s, %s mixer",
                 config->architecture == SB_ARCHITECTURE_SERIES ? "for series" : config->size,
                 mixer_names[config->mixer]);
    return text;
}

void sb_model_config_recognise(struct sb_model_config *config) {
    for (int size = SIZE_S; size < SIZE_CUSTOM; size++) {
        struct sb_model_config published = *config;
        set_size(&published, size);
        bool same = config->stages == 4 && config->stem == published.stem;
        for (int i = 0; i < 4; i++)
            same = same && config->dims[i] == published.dims[i] && config->depths[i] == published.depths[i] &&
                   (config->mixer == SB_MIXER_EINFFT || config->mlp_ratios[i] == published.mlp_ratios[i]);
        if (same) *config = published;
    }
}

static bool fail_at(struct sb_json json, struct simba_error *error, const char *sentence) {
    return sb_fail(error, SIMBA_ERROR_CONFIG, "%s: %s: %s", json.file, json.path, sentence);
}

/* An array of exactly or, with `count` 0, at most `limit` elements; *found stays 0 when it is absent. */
static bool read_array(struct sb_json object, const char *name, int count, int limit, struct sb_json *array, int *found,
                       struct simba_error *error) {
    *found = 0;
    if (!sb_json_member(object, name, array, error)) return false;
    if (!array->value) return true;
    int elements = sb_json_is_array(*array) ? sb_json_count(*array) : -1;
    char sentence[160];
    if (count && elements != count) {
        int length = snprintf(sentence, sizeof sentence, "expected an array of %d numbers", count);
        if (elements >= 0) snprintf(sentence + length, sizeof sentence - (size_t)length, ", found one of %d", elements);
        return fail_at(*array, error, sentence);
    }
    if (elements < 1 || elements > limit) {
        snprintf(sentence, sizeof sentence, "expected an array of 1 to %d numbers", limit);
        return fail_at(*array, error, sentence);
    }
    *found = elements;
    return true;
}

static bool read_ints(struct sb_json object, const char *name, int count, int limit, int64_t maximum, int64_t *values,
                      int *found, struct simba_error *error) {
    struct sb_json array;
    if (!read_array(object, name, count, limit, &array, found, error)) return false;
    for (int i = 0; i < *found; i++)
        if (!sb_json_int(sb_json_element(array, i), NULL, 1, maximum, &values[i], error)) return false;
    return true;
}

static bool read_doubles(struct sb_json object, const char *name, int count, int limit, double minimum, double maximum,
                         double *values, int *found, struct simba_error *error) {
    struct sb_json array;
    if (!read_array(object, name, count, limit, &array, found, error)) return false;
    for (int i = 0; i < *found; i++)
        if (!sb_json_double(sb_json_element(array, i), NULL, minimum, maximum, &values[i], error)) return false;
    return true;
}

/* stem, dims, depths and mlp_ratios. With a named size they may be spelled out, but not changed. */
static bool read_architecture(struct sb_json json, int size, struct sb_model_config *config,
                              struct simba_error *error) {
    struct sb_model_config read = *config;
    int dims = 0, depths = 0, ratios = 0;
    int expected = size == SIZE_CUSTOM ? 0 : 4;
    struct sb_json member;
    if (!sb_json_member(json, "stem", &member, error)) return false;
    bool stem = member.value;
    if (!sb_json_int(json, "stem", 1, 4096, &read.stem, error)) return false;
    if (!read_ints(json, "dims", expected, SB_MAX_STAGES, 16384, read.dims, &dims, error)) return false;
    if (!expected) expected = dims;
    if (!read_ints(json, "depths", expected, SB_MAX_STAGES, 1024, read.depths, &depths, error)) return false;
    if (!read_doubles(json, "mlp_ratios", expected, SB_MAX_STAGES, 0.01, 64, read.mlp_ratios, &ratios, error))
        return false;
    if (size != SIZE_CUSTOM) {
        const char *changed = memcmp(read.dims, config->dims, sizeof read.dims)                     ? "dims"
                              : memcmp(read.depths, config->depths, sizeof read.depths)             ? "depths"
                              : memcmp(read.mlp_ratios, config->mlp_ratios, sizeof read.mlp_ratios) ? "mlp_ratios"
                              : read.stem != config->stem                                           ? "stem"
                                                                                                    : NULL;
        if (!changed) return true;
        if (!sb_json_member(json, changed, &member, error)) return false;
        char sentence[160];
        snprintf(sentence, sizeof sentence,
                 "differs from what size \"%s\" has; say \"size\": \"custom\" to choose the architecture yourself",
                 config->size);
        return fail_at(member, error, sentence);
    }
    const char *missing = !stem ? "stem" : !dims ? "dims" : !depths ? "depths" : NULL;
    if (!missing && !ratios && config->mixer == SB_MIXER_MLP) missing = "mlp_ratios";
    if (missing) {
        char sentence[96];
        snprintf(sentence, sizeof sentence, "size \"custom\" needs \"%s\", which is missing", missing);
        return fail_at(json, error, sentence);
    }
    for (int i = 0; i < SB_MAX_STAGES; i++) {
        if (i >= dims) read.dims[i] = read.depths[i] = 0;
        if (i >= ratios) read.mlp_ratios[i] = i < dims && !ratios ? 4 : 0;
    }
    read.stages = dims;
    *config = read;
    return true;
}

/* A number for a square, or [height, width]. */
static bool read_image_size(struct sb_json json, struct sb_model_config *config, struct simba_error *error) {
    struct sb_json member;
    if (!sb_json_member(json, "image_size", &member, error)) return false;
    enum { LARGEST = 16384 };
    if (member.value && sb_json_is_array(member)) {
        int64_t sides[2];
        int found;
        if (!read_ints(json, "image_size", 2, 2, LARGEST, sides, &found, error)) return false;
        config->height = sides[0];
        config->width = sides[1];
    } else if (member.value) {
        if (!sb_json_int(json, "image_size", 1, LARGEST, &config->height, error)) return false;
        config->width = config->height;
    }
    /* The stem halves twice, every further stage once: the last one must have something to halve. */
    int64_t smallest = ((int64_t)1 << config->stages) + 1;
    if (config->height >= smallest && config->width >= smallest) return true;
    char sentence[200];
    snprintf(sentence, sizeof sentence,
             "an image of %lld x %lld is too small: %d stages halve it %d times, which takes at least %lld x %lld",
             (long long)config->height, (long long)config->width, config->stages, config->stages + 1,
             (long long)smallest, (long long)smallest);
    if (!member.value) snprintf(member.path, sizeof member.path, "%.140s.image_size", json.path);
    return fail_at(member, error, sentence);
}

static bool read_image_statistics(struct sb_json json, struct sb_model_config *config, struct simba_error *error) {
    set_image_statistics(config);
    static const struct {
        const char *name;
        double minimum;
    } members[] = {{"mean", -1e6}, {"deviation", 1e-6}};
    for (int i = 0; i < 2; i++) {
        double values[SB_MAX_IMAGE_CHANNELS];
        int found;
        if (!read_doubles(json, members[i].name, (int)config->channels, SB_MAX_IMAGE_CHANNELS, members[i].minimum, 1e6,
                          values, &found, error))
            return false;
        for (int c = 0; c < found; c++) (i ? config->deviation : config->mean)[c] = (float)values[c];
    }
    return true;
}

static bool check_widths(struct sb_json json, const struct sb_model_config *config, struct simba_error *error) {
    struct sb_json dims, ratios;
    if (!sb_json_member(json, "dims", &dims, error) || !sb_json_member(json, "mlp_ratios", &ratios, error))
        return false;
    char sentence[200];
    for (int i = 0; i < config->stages; i++) {
        if (config->mixer == SB_MIXER_EINFFT && config->dims[i] % 4) {
            snprintf(sentence, sizeof sentence,
                     "mixer \"einfft\" divides channels into 4 blocks: expected a multiple of 4, found %lld",
                     (long long)config->dims[i]);
            return fail_at(sb_json_element(dims, i), error, sentence);
        }
        if (config->mixer == SB_MIXER_MLP && (int64_t)((double)config->dims[i] * config->mlp_ratios[i]) < 1) {
            snprintf(sentence, sizeof sentence, "%lld channels times %g leave no hidden channel",
                     (long long)config->dims[i], config->mlp_ratios[i]);
            return fail_at(sb_json_element(ratios, i), error, sentence);
        }
    }
    return true;
}

bool sb_model_config_read(struct sb_json json, struct sb_model_config *result, struct simba_error *error) {
    struct sb_model_config config = sb_model_config_default();
    if (!json.value) {
        *result = config;
        return true;
    }
    int architecture = SB_ARCHITECTURE_VISION;
    if (!sb_json_is_object(json)) return fail_at(json, error, "expected an object { ... }");
    if (!sb_json_choice(json, "architecture", architecture_names, &architecture, error)) return false;
    if (architecture != SB_ARCHITECTURE_VISION) {
        config = (struct sb_model_config){.architecture = (enum sb_architecture)architecture};
        if (!sb_forecaster_config_read(json, &config, error)) return false;
        *result = config;
        return true;
    }
    if (!sb_json_only(json, known_keys, error)) return false;
    int size = SIZE_S, mixer = SB_MIXER_MLP, initialisation = SB_INITIALISATION_PUBLISHED;
    if (!sb_json_choice(json, "size", size_names, &size, error)) return false;
    if (!sb_json_choice(json, "mixer", mixer_names, &mixer, error)) return false;
    if (!sb_json_choice(json, "initialisation", initialisation_names, &initialisation, error)) return false;
    config.mixer = (enum sb_mixer)mixer;
    config.initialisation = (enum sb_initialisation)initialisation;
    if (size == SIZE_CUSTOM) {
        strcpy(config.size, size_names[size]);
        config.drop_path = 0;
        config.crop_fraction = 1;
    } else {
        set_size(&config, size);
    }
    if (!read_architecture(json, size, &config, error)) return false;
    /* 256 is what the scan kernels hold of a channel's state, as in the published CUDA kernel. */
    if (!sb_json_int(json, "d_state", 1, 256, &config.d_state, error)) return false;
    if (!sb_json_int(json, "d_conv", 1, 16, &config.d_conv, error)) return false;
    if (!sb_json_int(json, "expand", 1, 16, &config.expand, error)) return false;
    if (!sb_json_int(json, "channels", 1, SB_MAX_IMAGE_CHANNELS, &config.channels, error)) return false;
    if (!sb_json_int(json, "classes", 2, 1 << 20, &config.classes, error)) return false;
    if (!sb_json_bool(json, "token_labels", &config.token_labels, error)) return false;
    if (!sb_json_double(json, "drop_path", 0, 0.99, &config.drop_path, error)) return false;
    if (!sb_json_double(json, "crop_fraction", 0.05, 1, &config.crop_fraction, error)) return false;
    if (!sb_json_choice(json, "interpolation", interpolation_names, &config.interpolation, error)) return false;
    if (!read_image_size(json, &config, error)) return false;
    if (!read_image_statistics(json, &config, error)) return false;
    if (!check_widths(json, &config, error)) return false;
    *result = config;
    return true;
}

static bool write_numbers(struct cJSON *object, const char *name, int count, const double *values) {
    struct cJSON *array = cJSON_CreateDoubleArray(values, count);
    if (!array) return false;
    if (cJSON_AddItemToObject(object, name, array)) return true;
    cJSON_Delete(array);
    return false;
}

static bool write_ints(struct cJSON *object, const char *name, int count, const int64_t *values) {
    double numbers[SB_MAX_STAGES];
    for (int i = 0; i < count; i++) numbers[i] = (double)values[i];
    return write_numbers(object, name, count, numbers);
}

/* The shortest decimal that is the same float: "0.485", not "0.48500001430511475". */
static double shortest(float value) {
    for (int digits = 1; digits <= FLT_DECIMAL_DIG; digits++) {
        char text[32];
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        double number = strtod(text, NULL);
        if ((float)number == value) return number;
    }
    return (double)value;
}

static bool write_floats(struct cJSON *object, const char *name, int count, const float *values) {
    double numbers[SB_MAX_IMAGE_CHANNELS];
    for (int i = 0; i < count; i++) numbers[i] = shortest(values[i]);
    return write_numbers(object, name, count, numbers);
}

static bool write_vision(struct cJSON *object, const struct sb_model_config *config) {
    int64_t image[2] = {config->height, config->width};
    return cJSON_AddStringToObject(object, "size", config->size) &&
           cJSON_AddStringToObject(object, "mixer", mixer_names[config->mixer]) &&
           cJSON_AddNumberToObject(object, "stem", (double)config->stem) &&
           write_ints(object, "dims", config->stages, config->dims) &&
           write_ints(object, "depths", config->stages, config->depths) &&
           write_numbers(object, "mlp_ratios", config->stages, config->mlp_ratios) &&
           cJSON_AddNumberToObject(object, "d_state", (double)config->d_state) &&
           cJSON_AddNumberToObject(object, "d_conv", (double)config->d_conv) &&
           cJSON_AddNumberToObject(object, "expand", (double)config->expand) &&
           cJSON_AddNumberToObject(object, "channels", (double)config->channels) &&
           cJSON_AddNumberToObject(object, "classes", (double)config->classes) &&
           write_ints(object, "image_size", 2, image) &&
           cJSON_AddBoolToObject(object, "token_labels", config->token_labels) &&
           cJSON_AddNumberToObject(object, "drop_path", config->drop_path) &&
           cJSON_AddStringToObject(object, "initialisation", initialisation_names[config->initialisation]) &&
           write_floats(object, "mean", (int)config->channels, config->mean) &&
           write_floats(object, "deviation", (int)config->channels, config->deviation) &&
           cJSON_AddNumberToObject(object, "crop_fraction", config->crop_fraction) &&
           cJSON_AddStringToObject(object, "interpolation", interpolation_names[config->interpolation]);
}

char *sb_model_config_write(const struct sb_model_config *config, struct simba_error *error) {
    struct cJSON *object = cJSON_CreateObject();
    char *text = NULL;
    const bool vision = config->architecture == SB_ARCHITECTURE_VISION;
    bool complete =
        object && (vision ? write_vision(object, config)
                          : cJSON_AddStringToObject(object, "architecture", architecture_names[config->architecture]) &&
                                sb_forecaster_config_write(object, config));
    if (complete) text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    if (!text) sb_fail(error, SIMBA_ERROR_MEMORY, "No memory left to write the model's configuration.");
    return text;
}
