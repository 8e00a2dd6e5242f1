#include "model/weights.h"

#include "io/torch_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing */

bool sb_weights_entries(const struct sb_parameter_list *list, const float *space, struct sb_safetensors_entry **entries,
                        int *count, struct simba_error *error) {
    static const int64_t zero = 0;
    *entries = sb_allocate(2 * (size_t)list->count + 1, sizeof **entries, error);
    if (!*entries) return false;
    *count = 0;
    for (int i = 0; i < list->count; i++) {
        const struct sb_parameter *parameter = &list->entries[i];
        (*entries)[(*count)++] = (struct sb_safetensors_entry){.name = parameter->name,
                                                               .type = SB_STORED_F32,
                                                               .rank = parameter->rank,
                                                               .shape = parameter->shape,
                                                               .bytes = (const char *)space + parameter->offset};
        if (parameter->counter)
            (*entries)[(*count)++] = (struct sb_safetensors_entry){
                .name = parameter->counter, .type = SB_STORED_I64, .rank = 0, .shape = &zero, .bytes = &zero};
    }
    return true;
}

static const char *architecture_name(const struct sb_model_config *config) {
    static const char *const names[] = {"simba_s mlp",    "simba_b mlp",    "simba_l mlp",      "simba_s einfft",
                                        "simba_b einfft", "simba_l einfft", "simba_custom mlp", "simba_custom einfft"};
    if (config->architecture == SB_ARCHITECTURE_DLINEAR) return "dlinear";
    if (config->architecture == SB_ARCHITECTURE_SERIES)
        return config->mixer == SB_MIXER_EINFFT ? "simba_series einfft" : "simba_series mlp";
    const char *sizes = "sbl", *size = strchr(sizes, config->size[0]);
    bool einfft = config->mixer == SB_MIXER_EINFFT;
    return size && !config->size[1] ? names[size - sizes + (einfft ? 3 : 0)] : names[einfft ? 7 : 6];
}

bool sb_weights_notes(const struct sb_model_config *config, struct sb_safetensors_note notes[SB_WEIGHTS_NOTES],
                      char **text, struct simba_error *error) {
    *text = sb_model_config_write(config, error);
    if (!*text) return false;
    notes[0] = (struct sb_safetensors_note){"format", "pt"};
    notes[1] = (struct sb_safetensors_note){"architecture", architecture_name(config)};
    notes[2] = (struct sb_safetensors_note){"model", *text};
    return true;
}

bool sb_weights_save(const char *path, const struct sb_model_config *config, const struct sb_parameter_list *list,
                     const float *space, struct simba_error *error) {
    struct sb_safetensors_entry *entries;
    struct sb_safetensors_note notes[SB_WEIGHTS_NOTES];
    char *text;
    int count;
    if (!sb_weights_entries(list, space, &entries, &count, error)) return false;
    bool saved = sb_weights_notes(config, notes, &text, error);
    if (saved) {
        saved = sb_safetensors_write(path, entries, count, notes, SB_WEIGHTS_NOTES, error);
        free(text);
    }
    free(entries);
    return saved;
}

/* ---- loading */

/* Collects what differs: the first few by name, the rest by number. */
struct differences {
    char text[1400];
    size_t length;
    int listed, more;
};

static const char *shape_text(char *text, size_t size, int rank, const int64_t *shape) {
    size_t length = (size_t)snprintf(text, size, "[");
    for (int i = 0; i < rank && length < size; i++)
        length += (size_t)snprintf(text + length, size - length, "%s%lld", i ? ", " : "", (long long)shape[i]);
    if (length < size) snprintf(text + length, size - length, "]");
    return text;
}

static void differ(struct differences *differences, const char *format, ...) SB_PRINTF(2, 3);
static void differ(struct differences *differences, const char *format, ...) {
    enum { LISTED = 8 };
    char line[240];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (differences->listed == LISTED || length < 0 || (size_t)length >= sizeof line) {
        differences->more++;
        return;
    }
    differences->length += (size_t)snprintf(differences->text + differences->length,
                                            sizeof differences->text - differences->length, "\n  %s", line);
    differences->listed++;
}

static bool same_shape(const struct sb_safetensor *tensor, const struct sb_parameter *parameter) {
    if (tensor->rank != parameter->rank) return false;
    for (int i = 0; i < tensor->rank; i++)
        if (tensor->shape[i] != parameter->shape[i]) return false;
    return true;
}

static bool ends_with(const char *name, const char *end) {
    size_t length = strlen(name), tail = strlen(end);
    return length >= tail && strcmp(name + length - tail, end) == 0;
}

/* What may be in a file for this architecture without being one of its parameters. */
static bool may_stay(const struct sb_safetensor *tensor) {
    return strchr(tensor->name, '/') || ends_with(tensor->name, ".num_batches_tracked") ||
           strncmp(tensor->name, "aux_head.", 9) == 0;
}

struct sb_safetensors *sb_weights_open(const char *path, const char *key, char *ignored, struct simba_error *error) {
    uint8_t start[32];
    FILE *stream = fopen(path, "rbe");
    const size_t size = stream ? fread(start, 1, sizeof start, stream) : 0;
    if (stream) fclose(stream);
    if (ignored) ignored[0] = '\0';
    if (sb_is_torch_file(start, size)) return sb_torch_state_dictionary(path, key, ignored, error);
    struct sb_safetensors *file = sb_safetensors_open(path, error); /* which also says why it cannot be opened */
    for (int i = 0; file && ignored && !ignored[0] && i < file->count; i++)
        if (strchr(file->tensors[i].name, '/')) snprintf(ignored, 512, "the state of the training");
    if (!file || !key) return file;
    sb_fail(error, SIMBA_ERROR_ARGUMENT, "%s: \"%s\" is to be taken out of it, but a safetensors file has no parts.",
            path, key);
    sb_safetensors_close(file);
    return NULL;
}

static bool is_head(const char *name) {
    return strncmp(name, "head.", 5) == 0 || strncmp(name, "aux_head.", 9) == 0;
}

/* `fresh` NULL: everything must fit. */
static bool load(const struct sb_safetensors *file, const struct sb_parameter_list *list, float *space, char *fresh,
                 size_t fresh_size, struct simba_error *error) {
    struct differences differences = {.length = 0};
    char expected[96], found[128];
    for (int i = 0; i < list->count; i++) {
        const struct sb_parameter *parameter = &list->entries[i];
        const struct sb_safetensor *tensor = sb_safetensors_find(file, parameter->name);
        if (fresh && is_head(parameter->name)) continue;
        if (!tensor)
            differ(&differences, "missing: %s %s", parameter->name,
                   shape_text(expected, sizeof expected, parameter->rank, parameter->shape));
        else if (!same_shape(tensor, parameter))
            differ(&differences, "other shape: %s, expected %s, found %s", parameter->name,
                   shape_text(expected, sizeof expected, parameter->rank, parameter->shape),
                   shape_text(found, sizeof found, tensor->rank, tensor->shape));
    }
    for (int i = 0; i < file->count; i++) {
        const struct sb_safetensor *tensor = &file->tensors[i];
        if (!may_stay(tensor) && !sb_parameter_find(list, tensor->name))
            differ(&differences, "not expected: %s %s", tensor->name,
                   shape_text(found, sizeof found, tensor->rank, tensor->shape));
    }
    if (differences.listed + differences.more > 0) {
        char more[64] = "";
        if (differences.more) snprintf(more, sizeof more, "\n  and %d more", differences.more);
        return sb_fail(error, SIMBA_ERROR_FORMAT,
                       "%s: these weights are for another architecture. The first differences:%s%s", file->path,
                       differences.text, more);
    }
    for (int i = 0; i < list->count; i++) {
        const struct sb_parameter *parameter = &list->entries[i];
        const struct sb_safetensor *tensor = sb_safetensors_find(file, parameter->name);
        if (fresh && is_head(parameter->name) && (!tensor || !same_shape(tensor, parameter))) {
            const size_t length = strlen(fresh);
            snprintf(fresh + length, fresh_size - length, "%s%s", length ? ", " : "", parameter->name);
            continue;
        }
        if (!sb_safetensors_read_floats(file, tensor, space + parameter->offset / (int64_t)sizeof(float), error))
            return false;
    }
    return true;
}

bool sb_weights_load(const struct sb_safetensors *file, const struct sb_parameter_list *list, float *space,
                     struct simba_error *error) {
    return load(file, list, space, NULL, 0, error);
}

bool sb_weights_begin_with(const struct sb_safetensors *file, const struct sb_parameter_list *list, float *space,
                           char *fresh, size_t size, struct simba_error *error) {
    fresh[0] = '\0';
    return load(file, list, space, fresh, size, error);
}

/* ---- the configuration of a file */

/* Size of an axis of a tensor that every SiMBA model has; 0 when the tensor is not there. */
static int64_t axis(const struct sb_safetensors *file, int axis, const char *format, ...) SB_PRINTF(3, 4);
static int64_t axis(const struct sb_safetensors *file, int axis, const char *format, ...) {
    char name[128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    const struct sb_safetensor *tensor = sb_safetensors_find(file, name);
    return tensor && axis < tensor->rank ? tensor->shape[axis] : 0;
}

/* The ratio whose product with `dim`, cut to an integer, is `hidden`. */
static double ratio_of(int64_t hidden, int64_t dim) {
    double ratio = (double)hidden / (double)dim;
    return (int64_t)((double)dim * ratio) == hidden ? ratio : nextafter(ratio, INFINITY);
}

/* A file's shapes may say anything: a model that is worked out from them is held to the limits of a configuration, so
 * that no product of them overflows. */
static bool check_limits(const struct sb_safetensors *file, struct sb_model_config config, struct simba_error *error) {
    enum { LARGEST_IMAGE = 16384 };
    config.height = config.width = LARGEST_IMAGE; /* of which shapes say nothing: any number of stages fits in */
    char name[512], *text = sb_model_config_write(&config, error);
    if (!text) return false;
    snprintf(name, sizeof name, "%.400s, as the shapes of its tensors say", file->path);
    struct sb_json_document *document = sb_json_read_text(name, text, error);
    const bool fine = document && sb_model_config_read(sb_json_root(document), &config, error);
    sb_json_destroy(document);
    free(text);
    if (!fine && error && error->code == SIMBA_ERROR_CONFIG) error->code = SIMBA_ERROR_FORMAT;
    return fine;
}

static bool infer_config(const struct sb_safetensors *file, struct sb_model_config *result, struct simba_error *error) {
    struct sb_model_config config = sb_model_config_default();
    snprintf(config.size, sizeof config.size, "custom");
    config.drop_path = 0;
    config.mixer = sb_safetensors_find(file, "block1.0.mlp.complex_weight_1") ? SB_MIXER_EINFFT : SB_MIXER_MLP;
    config.stem = axis(file, 0, "patch_embed1.conv.0.weight");
    config.channels = axis(file, 1, "patch_embed1.conv.0.weight");
    config.classes = axis(file, 0, "head.weight");
    config.token_labels = sb_safetensors_find(file, "aux_head.weight");
    int64_t inner = axis(file, 0, "block1.0.attn.mamba.A_log");
    config.d_state = axis(file, 1, "block1.0.attn.mamba.A_log");
    config.d_conv = axis(file, 2, "block1.0.attn.mamba.conv1d.weight");
    for (config.stages = 0; config.stages < SB_MAX_STAGES; config.stages++) {
        int stage = config.stages;
        int64_t dim = axis(file, 0, "patch_embed%d.norm.weight", stage + 1), depth = 0;
        if (!dim) break;
        while (axis(file, 0, "block%d.%lld.norm2.weight", stage + 1, (long long)depth)) depth++;
        int64_t hidden = axis(file, 0, "block%d.0.mlp.fc1.weight", stage + 1);
        config.dims[stage] = dim;
        config.depths[stage] = depth;
        config.mlp_ratios[stage] = hidden ? ratio_of(hidden, dim) : 4;
    }
    for (int i = config.stages; i < SB_MAX_STAGES; i++) config.dims[i] = config.depths[i] = 0;
    for (int i = config.stages; i < SB_MAX_STAGES; i++) config.mlp_ratios[i] = 0;
    config.expand = config.stages ? inner / config.dims[0] : 0;
    if (!config.stages || !config.stem || !config.channels || !config.classes || !config.d_state || !config.d_conv ||
        !config.expand || config.channels > SB_MAX_IMAGE_CHANNELS)
        return sb_fail(error, SIMBA_ERROR_FORMAT,
                       "%s: this is no SiMBA vision model: expected its state dictionary with tensors such as "
                       "\"patch_embed1.conv.0.weight\", \"block1.0.attn.mamba.A_log\" and \"head.weight\".",
                       file->path);
    if (!check_limits(file, config, error)) return false;
    sb_model_config_recognise(&config);
    *result = config;
    return true;
}

bool sb_weights_config(const struct sb_safetensors *file, struct sb_model_config *config, struct simba_error *error) {
    const char *text = sb_safetensors_note(file, "model");
    if (!text) return infer_config(file, config, error);
    char name[512];
    snprintf(name, sizeof name, "%.400s, metadata \"model\"", file->path);
    struct sb_json_document *document = sb_json_read_text(name, text, error);
    if (!document) return false;
    bool read = sb_model_config_read(sb_json_root(document), config, error);
    sb_json_destroy(document);
    return read;
}
