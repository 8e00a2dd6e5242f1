/* The state dictionary: names, shapes and order of the published code, and where each entry stands in memory. */
#include "model/model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 256 }; /* bytes; what any device wants of a buffer's offset */

/* Of one parameter, far above what any memory holds: the bytes of all of a model's, with alignment, still fit in 64
 * bits. A configuration's keys, each within its bounds, can ask for more. */
#define MOST_ELEMENTS ((int64_t)1 << 40)

static bool ends_with(const char *name, const char *end) {
    size_t length = strlen(name), tail = strlen(end);
    return length >= tail && strcmp(name + length - tail, end) == 0;
}

bool sb_parameter_list_add(struct sb_parameter_list *list, const char *name, int rank, const int64_t *shape,
                           struct simba_error *error) {
    if (list->count == list->capacity) {
        int capacity = list->capacity ? 2 * list->capacity : 256;
        struct sb_parameter *larger = realloc(list->entries, (size_t)capacity * sizeof *larger);
        if (!larger) return sb_fail(error, SIMBA_ERROR_MEMORY, "No memory left for the list of parameters.");
        list->entries = larger;
        list->capacity = capacity;
    }
    struct sb_parameter entry = {.name = sb_pool_format(&list->pool, error, "%s", name), .rank = rank, .elements = 1};
    if (!entry.name) return false;
    for (int i = 0; i < rank; i++) {
        entry.shape[i] = shape[i];
        if (entry.elements && shape[i] > MOST_ELEMENTS / entry.elements)
            return sb_fail(error, SIMBA_ERROR_UNSUPPORTED,
                           "The model's %s would have more than %lld numbers. Make the model smaller.", name,
                           (long long)MOST_ELEMENTS);
        entry.elements *= shape[i];
    }
    entry.trainable = !ends_with(name, "running_mean") && !ends_with(name, "running_var");
    if (ends_with(name, "running_var")) {
        int stem = (int)(strlen(name) - strlen("running_var"));
        entry.counter = sb_pool_format(&list->pool, error, "%.*snum_batches_tracked", stem, name);
        if (!entry.counter) return false;
    }
    /* timm 0.4.5's rule, which the published recipe uses; Mamba's _no_weight_decay marks have no effect there.
     * Positions are what its models exempt by name. */
    entry.decay = entry.trainable && rank > 1 && !ends_with(name, ".bias") && strcmp(name, "position") != 0;
    list->entries[list->count++] = entry;
    if (!list->layers) list->layers = 1;
    return true;
}

void sb_parameter_list_place(struct sb_parameter_list *list) {
    size_t offset = 0;
    list->elements = list->trainable_elements = 0;
    enum { DECAYED, UNDECAYED, UNTRAINED, KINDS };
    for (int kind = DECAYED; kind < KINDS; kind++) {
        for (int layer = 0; layer < list->layers; layer++)
            for (int i = 0; i < list->count; i++) {
                struct sb_parameter *entry = &list->entries[i];
                const int own = !entry->trainable ? UNTRAINED : entry->decay ? DECAYED : UNDECAYED;
                if (own != kind || entry->layer != layer) continue;
                entry->offset = (int64_t)offset;
                if (entry->trainable) list->trainable_elements += entry->elements;
                if (entry->trainable || entry->frozen) list->elements += entry->elements;
                entry->bytes = ((size_t)entry->elements * sizeof(float) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
                offset += entry->bytes;
            }
        if (kind == DECAYED) list->decay_bytes = offset;
        if (kind == UNDECAYED) list->trainable_bytes = offset;
    }
    list->total_bytes = offset;
}

void sb_parameter_list_freeze(struct sb_parameter_list *list, int64_t stages) {
    for (int i = 0; i < list->count; i++) {
        struct sb_parameter *entry = &list->entries[i];
        if (!entry->trainable || entry->stage >= stages) continue;
        entry->trainable = false;
        entry->frozen = true;
    }
    sb_parameter_list_place(list);
}

/* Adds entries; after a failure it does nothing any more. */
struct adder {
    struct sb_parameter_list *list;
    struct simba_error *error;
    bool ok;
    int layer, stage; /* of what is added now */
};

#define SHAPE(...)                                                         \
    (int)(sizeof(int64_t[]){__VA_ARGS__} / sizeof(int64_t)), (int64_t[]) { \
        __VA_ARGS__                                                        \
    }

static void add(struct adder *adder, int rank, const int64_t *shape, const char *format, ...) SB_PRINTF(4, 5);
static void add(struct adder *adder, int rank, const int64_t *shape, const char *format, ...) {
    char name[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    adder->ok = adder->ok && sb_parameter_list_add(adder->list, name, rank, shape, adder->error);
    if (!adder->ok) return;
    struct sb_parameter *entry = &adder->list->entries[adder->list->count - 1];
    entry->layer = adder->layer;
    entry->stage = adder->stage;
}

static void add_linear(struct adder *adder, const char *module, const char *name, int64_t in, int64_t out) {
    add(adder, SHAPE(out, in), "%s%s.weight", module, name);
    add(adder, SHAPE(out), "%s%s.bias", module, name);
}

static void add_layer_norm(struct adder *adder, const char *module, const char *name, int64_t dim) {
    add(adder, SHAPE(dim), "%s%s.weight", module, name);
    add(adder, SHAPE(dim), "%s%s.bias", module, name);
}

static void add_batch_norm(struct adder *adder, const char *module, const char *name, int64_t dim) {
    add_layer_norm(adder, module, name, dim);
    add(adder, SHAPE(dim), "%s%s.running_mean", module, name);
    add(adder, SHAPE(dim), "%s%s.running_var", module, name);
}

static void add_projection(struct adder *adder, const char *module, int64_t in, int64_t out) {
    add(adder, SHAPE(out, in, 3, 3), "%sproj.weight", module);
    add(adder, SHAPE(out), "%sproj.bias", module);
    add_layer_norm(adder, module, "norm", out);
}

static void add_stem(struct adder *adder, const char *module, int64_t channels, int64_t stem, int64_t dim) {
    add(adder, SHAPE(stem, channels, 7, 7), "%sconv.0.weight", module);
    add_batch_norm(adder, module, "conv.1", stem);
    add(adder, SHAPE(stem, stem, 3, 3), "%sconv.3.weight", module);
    add_batch_norm(adder, module, "conv.4", stem);
    add(adder, SHAPE(stem, stem, 3, 3), "%sconv.6.weight", module);
    add_batch_norm(adder, module, "conv.7", stem);
    add_projection(adder, module, stem, dim);
}

static void add_mamba(struct adder *adder, const struct sb_model_config *config, const char *module, int64_t dim) {
    int64_t inner = config->expand * dim, rank = (dim + 15) / 16, state = config->d_state;
    add(adder, SHAPE(inner, state), "%sA_log", module);
    add(adder, SHAPE(inner), "%sD", module);
    add(adder, SHAPE(2 * inner, dim), "%sin_proj.weight", module);
    add(adder, SHAPE(inner, 1, config->d_conv), "%sconv1d.weight", module);
    add(adder, SHAPE(inner), "%sconv1d.bias", module);
    add(adder, SHAPE(rank + 2 * state, inner), "%sx_proj.weight", module);
    add(adder, SHAPE(inner, rank), "%sdt_proj.weight", module);
    add(adder, SHAPE(inner), "%sdt_proj.bias", module);
    add(adder, SHAPE(dim, inner), "%sout_proj.weight", module);
}

static void add_mixer(struct adder *adder, const struct sb_model_config *config, const char *module, int64_t dim,
                      double mlp_ratio, bool depthwise) {
    if (config->mixer == SB_MIXER_EINFFT) {
        int64_t block = dim / 4;
        for (int layer = 1; layer <= 2; layer++)
            add(adder, SHAPE(2, 4, block, block), "%scomplex_weight_%d", module, layer);
        for (int layer = 1; layer <= 2; layer++) add(adder, SHAPE(2, 4, block), "%scomplex_bias_%d", module, layer);
        return;
    }
    int64_t hidden = (int64_t)((double)dim * mlp_ratio);
    add_linear(adder, module, "fc1", dim, hidden);
    if (depthwise) {
        add(adder, SHAPE(hidden, 1, 3, 3), "%sdwconv.dwconv.weight", module);
        add(adder, SHAPE(hidden), "%sdwconv.dwconv.bias", module);
    }
    add_linear(adder, module, "fc2", hidden, dim);
}

static void add_block(struct adder *adder, const struct sb_model_config *config, int64_t dim, double mlp_ratio,
                      bool depthwise, const char *module) {
    char path[96];
    add_layer_norm(adder, module, "norm2", dim);
    add_layer_norm(adder, module, "attn.norm", dim);
    snprintf(path, sizeof path, "%sattn.mamba.", module);
    add_mamba(adder, config, path, dim);
    if (config->forecaster.bidirectional) {
        snprintf(path, sizeof path, "%sattn.mamba_reverse.", module);
        add_mamba(adder, config, path, dim);
    }
    snprintf(path, sizeof path, "%smlp.", module);
    add_mixer(adder, config, path, dim, mlp_ratio, depthwise);
}

static void add_forecaster(struct adder *adder, const struct sb_model_config *config) {
    const struct sb_forecaster_config *forecaster = &config->forecaster;
    if (config->architecture == SB_ARCHITECTURE_DLINEAR) {
        add_linear(adder, "", "Linear_Seasonal", forecaster->look_back, forecaster->horizon);
        add_linear(adder, "", "Linear_Trend", forecaster->look_back, forecaster->horizon);
        return;
    }
    const int64_t dim = forecaster->dim, tokens = sb_forecaster_tokens(forecaster);
    const int64_t mixed = forecaster->mix_channels ? config->channels : 1;
    adder->list->layers = (int)forecaster->depth + 2; /* the embedding, the head */
    add_linear(adder, "", "patch_embed", mixed * forecaster->patch, dim);
    add(adder, SHAPE(tokens, dim), "position");
    for (int64_t block = 0; block < forecaster->depth; block++) {
        char module[64];
        snprintf(module, sizeof module, "blocks.%lld.", (long long)block);
        adder->layer++;
        add_block(adder, config, dim, forecaster->mlp_ratio, false, module);
    }
    adder->layer++;
    if (forecaster->final_norm) add_layer_norm(adder, "", "norm", dim);
    const int64_t features = forecaster->head == SB_HEAD_MEAN ? dim : tokens * dim;
    add_linear(adder, "", "head", features, mixed * forecaster->horizon);
}

static void add_vision(struct adder *adder, const struct sb_model_config *config) {
    char module[64];
    int blocks = 0;
    for (int stage = 0; stage < config->stages; stage++) blocks += (int)config->depths[stage];
    adder->list->layers = blocks + 3; /* the stem, the class block, the heads */
    for (int stage = 0; stage < config->stages; stage++) {
        adder->stage = stage;
        snprintf(module, sizeof module, "patch_embed%d.", stage + 1);
        if (stage == 0)
            add_stem(adder, module, config->channels, config->stem, config->dims[0]);
        else
            add_projection(adder, module, config->dims[stage - 1], config->dims[stage]);
        for (int64_t block = 0; block < config->depths[stage]; block++) {
            snprintf(module, sizeof module, "block%d.%lld.", stage + 1, (long long)block);
            adder->layer++;
            add_block(adder, config, config->dims[stage], config->mlp_ratios[stage], true, module);
        }
        snprintf(module, sizeof module, "norm%d", stage + 1);
        if (stage + 1 == config->stages) { /* behind the class block */
            adder->layer = blocks + 2;
            adder->stage = config->stages;
        }
        add_layer_norm(adder, "", module, config->dims[stage]);
    }
    int last = config->stages - 1;
    adder->layer = blocks + 1;
    add_block(adder, config, config->dims[last], config->mlp_ratios[last], false, "post_network.0.");
    adder->layer = blocks + 2;
    add_linear(adder, "", "head", config->dims[last], config->classes);
    if (config->token_labels) add_linear(adder, "", "aux_head", config->dims[last], config->classes);
}

bool sb_model_parameters(const struct sb_model_config *config, struct sb_parameter_list *list,
                         struct simba_error *error) {
    memset(list, 0, sizeof *list);
    struct adder adder = {list, error, true, 0, 0};
    (config->architecture == SB_ARCHITECTURE_VISION ? add_vision : add_forecaster)(&adder, config);
    if (!adder.ok) {
        sb_parameter_list_finish(list);
        return false;
    }
    sb_parameter_list_place(list);
    return true;
}

void sb_parameter_list_finish(struct sb_parameter_list *list) {
    if (!list) return;
    free(list->entries);
    sb_pool_finish(&list->pool);
    memset(list, 0, sizeof *list);
}

const struct sb_parameter *sb_parameter_find(const struct sb_parameter_list *list, const char *name) {
    for (int i = 0; i < list->count; i++)
        if (strcmp(list->entries[i].name, name) == 0) return &list->entries[i];
    return NULL;
}
