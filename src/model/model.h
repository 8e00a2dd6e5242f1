/* The models: configuration, parameters with the published names, and the graph that computes them. The vision model's
 * names, shapes and layouts on disk are exactly the state dictionary of the published code (badripatro/simba). For
 * series none was published: simba_series puts SiMBA's blocks where PatchTST (Nie et al., 2023) has its encoder, as
 * the paper describes; DLinear (Zeng et al., 2023) is there to compare with, under its published names. */
#ifndef SB_MODEL_MODEL_H
#define SB_MODEL_MODEL_H

#include "base/json.h"
#include "graph/graph.h"
#include "ops/ops.h"

enum { SB_MAX_STAGES = 8, SB_MAX_IMAGE_CHANNELS = 16 };
enum sb_architecture { SB_ARCHITECTURE_VISION, SB_ARCHITECTURE_SERIES, SB_ARCHITECTURE_DLINEAR };
enum sb_mixer { SB_MIXER_MLP, SB_MIXER_EINFFT };
enum sb_initialisation { SB_INITIALISATION_PUBLISHED, SB_INITIALISATION_MAMBA };

enum sb_forecaster_head {
    SB_HEAD_FLATTEN, /* all tokens side by side, then one product */
    SB_HEAD_MEAN     /* the mean of the tokens, then one product */
};

/* A model that forecasts the `horizon` rows behind the `look_back` rows of a window. */
struct sb_forecaster_config {
    int64_t look_back, horizon;
    enum sb_normalisation normalise; /* INSTANCE: reversible instance normalisation (Kim et al., 2022), not affine */
    /* simba_series */
    int64_t patch, stride, padding; /* values of a token, of the step between two, of the repeated end */
    bool mix_channels;              /* a token holds all channels; else every channel is a sequence of its own */
    bool bidirectional;             /* a second scan from the end, with weights of its own */
    bool final_norm;                /* LayerNorm in front of the head */
    enum sb_forecaster_head head;
    int64_t dim, depth;
    double mlp_ratio, dropout, head_dropout;
    /* DLinear */
    int64_t kernel; /* of the moving average that is the trend */
};

struct sb_model_config {
    enum sb_architecture architecture;
    struct sb_forecaster_config
        forecaster; /* the two that are not vision; of what follows they use mixer, d_state,
                       d_conv, expand, drop_path, initialisation, and channels: 0: as the data */
    char size[16];  /* "s", "b", "l" or "custom" */
    enum sb_mixer mixer;
    int stages;
    int64_t stem, dims[SB_MAX_STAGES], depths[SB_MAX_STAGES];
    double mlp_ratios[SB_MAX_STAGES];
    int64_t d_state, d_conv, expand;
    int64_t channels, classes, height, width;
    bool token_labels;
    double drop_path;
    enum sb_initialisation initialisation;
    /* How an image of any size is brought to the model's in evaluation (data/evaluation_transform.h). */
    double crop_fraction;
    int interpolation;                                                   /* enum sb_filter */
    float mean[SB_MAX_IMAGE_CHANNELS], deviation[SB_MAX_IMAGE_CHANNELS]; /* of the image channels, in 0..1 */
};

/* simba_s at 224 x 224, 1000 classes, mlp. */
struct sb_model_config sb_model_config_default(void);
/* From the "model" object of a configuration; unknown keys and impossible values are errors with their path. */
bool sb_model_config_read(struct sb_json json, struct sb_model_config *config, struct simba_error *error);
/* What a person calls it: "SiMBA s, mlp mixer", "SiMBA for series, einfft mixer", "DLinear". */
const char *sb_model_config_describe(const struct sb_model_config *config, char text[static 64]);
/* Names the size ("s", "b" or "l"), and takes its drop-path rate, when the architecture is a published one. */
void sb_model_config_recognise(struct sb_model_config *config);
/* As JSON text for checkpoints and `inspect`; the caller frees. Reading it back gives the same configuration. */
char *sb_model_config_write(const struct sb_model_config *config, struct simba_error *error);

/* One entry of the state dictionary. */
struct sb_parameter {
    const char *name; /* published: "block1.0.attn.mamba.A_log" */
    int rank;
    int64_t shape[SB_MAX_RANK];
    int64_t elements;
    size_t bytes;        /* in the parameter space, padding included */
    int64_t offset;      /* bytes into the parameter space (and, trainable ones, into the gradient and moment spaces) */
    const char *counter; /* a running variance: the name of the num_batches_tracked that follows it on disk */
    bool trainable;      /* false: running statistics, and what is frozen */
    bool frozen;         /* would be trainable */
    bool decay; /* weight decay applies, by the published rule: rank > 1 and the name does not end in ".bias" */
    int layer;  /* of layer-wise learning-rate decay, see sb_model_parameters */
    int stage;  /* from 0; the class block, the last norm and the heads: the number of stages */
};

/* All entries, in the published order in `entries`; in memory first the decayed, then the other trainable ones, both by
 * layer, then what is not trained, each padded to 256 bytes with zeros, so that the optimiser works on ranges. */
struct sb_parameter_list {
    struct sb_pool pool;
    struct sb_parameter *entries;
    int count, capacity;
    int layers;                                       /* ids of layers: all are below */
    size_t decay_bytes, trainable_bytes, total_bytes; /* ends of the ranges in the space */
    int64_t elements;                                 /* without padding and statistics: the published count */
    int64_t trainable_elements;                       /* of them, what is not frozen */
};
/* Layers are numbered as BEiT does it (Bao et al., 2021): the stem is 0, block i of all stages is i + 1, the class
 * block is one more, and the last norm and the heads have the highest number. What lies between the stages, a norm and
 * a down-sampling, goes with the block before it, as in Swin's fine-tuning code. */
bool sb_model_parameters(const struct sb_model_config *config, struct sb_parameter_list *list,
                         struct simba_error *error);
void sb_parameter_list_finish(struct sb_parameter_list *list);
/* Takes the stem and the first `stages` stages out of what is trained; offsets change. */
void sb_parameter_list_freeze(struct sb_parameter_list *list, int64_t stages);
/* For lists that are no whole model (golden cases of single modules): an entry at the end, its rules taken from its
 * name; once all are there, their offsets and the list's totals. */
bool sb_parameter_list_add(struct sb_parameter_list *list, const char *name, int rank, const int64_t *shape,
                           struct simba_error *error);
void sb_parameter_list_place(struct sb_parameter_list *list);
const struct sb_parameter *sb_parameter_find(const struct sb_parameter_list *list, const char *name);

/* Fills a host image of the parameter space (total_bytes, zeroed). Deterministic in the seed, parameter by parameter.
 */
bool sb_model_initialise(const struct sb_model_config *config, const struct sb_parameter_list *list, uint64_t seed,
                         float *space, struct simba_error *error);

/* Inputs and results of a forward graph. Tensors are named by module path as in PyTorch ("block1.0.attn.norm"). */
struct sb_model_graph {
    struct sb_tensor *image;       /* float [B, H, W, channels], normalised; or the uint8 input when from_bytes */
    struct sb_tensor *constants;   /* input [2, channels]: mean, deviation (from_bytes) */
    struct sb_tensor *box;         /* int32 [4], when mix_tokens */
    struct sb_tensor *erase, *mix; /* of MIX_IMAGES, when erase_boxes and mix_images */
    struct sb_tensor *logits; /* [B, classes]: the class head; in evaluation with token labels + 0.5 * max auxiliary */
    struct sb_tensor *auxiliary; /* [B, tokens, classes] of the last stage, or NULL */
};
struct sb_model_graph_parameters {
    int64_t batch;
    bool from_bytes;         /* the input is uint8 [B, H, W, channels], normalised on the device */
    bool mix_tokens;         /* training with token labels: exchange a box of stem tokens with the reversed batch */
    int erase_boxes;         /* random erasing: boxes for each image */
    enum sb_erasing erasing; /* what comes into them */
    bool mix_images;         /* Mixup or CutMix */
    bool drop_path;          /* stochastic depth at the configured rate (training) */
    int64_t frozen_stages; /* stem and stages that compute as in evaluation: running statistics, no stochastic depth */
    struct sb_tensor *image; /* use this tensor instead of making an input */
};
/* Appends the forward pass; the graph's `training` decides on batch statistics and on what is saved. */
bool sb_model_forward(struct sb_graph *graph, const struct sb_model_config *config,
                      const struct sb_parameter_list *list, const struct sb_model_graph_parameters *parameters,
                      struct sb_model_graph *model, struct simba_error *error);

/* The same for a forecaster. */
struct sb_forecaster_graph {
    struct sb_tensor *window;   /* input float [B, look_back, channels] */
    struct sb_tensor *forecast; /* [B, horizon, channels] */
};
bool sb_forecaster_forward(struct sb_graph *graph, const struct sb_model_config *config,
                           const struct sb_parameter_list *list, int64_t batch, struct sb_forecaster_graph *model,
                           struct simba_error *error);
/* Tokens of a sequence. */
int64_t sb_forecaster_tokens(const struct sb_forecaster_config *config);

/* What all nodes of a graph cost together. */
struct sb_cost sb_graph_cost(const struct sb_graph *graph);

/* The parts of the network, for golden cases of single modules. `scope` names are the graph's current scope. */
/* -> [B, H/4 * W/4, dims[0]], halves rounded up; batch_statistics: BatchNorm as in training */
struct sb_tensor *sb_module_stem(struct sb_graph *, const struct sb_parameter_list *, struct sb_tensor *image,
                                 bool batch_statistics);
struct sb_tensor *sb_module_downsample(struct sb_graph *, const struct sb_parameter_list *, struct sb_tensor *image);
struct sb_tensor *sb_module_mamba(struct sb_graph *, const struct sb_parameter_list *, struct sb_tensor *x,
                                  struct sb_tensor *residual, struct sb_tensor *row_scale);
struct sb_tensor *sb_module_einfft(struct sb_graph *, const struct sb_parameter_list *, struct sb_tensor *x,
                                   struct sb_tensor *residual, struct sb_tensor *row_scale);
/* height 0: no depth-wise convolution (the class block's FFN) */
struct sb_tensor *sb_module_mlp(struct sb_graph *, const struct sb_parameter_list *, struct sb_tensor *x,
                                int64_t height, int64_t width, struct sb_tensor *residual, struct sb_tensor *row_scale);
struct sb_tensor *sb_module_block(struct sb_graph *, enum sb_mixer, const struct sb_parameter_list *,
                                  struct sb_tensor *x, int64_t height, int64_t width, struct sb_tensor *scale_mamba,
                                  struct sb_tensor *scale_mixer);
struct sb_tensor *sb_module_class_block(struct sb_graph *, enum sb_mixer, const struct sb_parameter_list *,
                                        struct sb_tensor *x /* [B, 1 + L, C] */);

#endif
