/* Weights on disk: safetensors with exactly the published state dictionary, so that PyTorch loads ours (strict=True)
 * and we load its. Metadata: "format" = "pt", "architecture" = "simba_s mlp", "model" = the model's configuration. */
#ifndef SB_MODEL_WEIGHTS_H
#define SB_MODEL_WEIGHTS_H

#include "io/safetensors.h"
#include "model/model.h"

/* Entries of the file in the published order: the list's, and after every running_var the num_batches_tracked that
 * PyTorch's dictionaries have (int64, 0: nothing reads it with a momentum). `bytes` points into `space`, a host image
 * of the parameter space. A trainer can append its own; the caller frees *entries. */
bool sb_weights_entries(const struct sb_parameter_list *list, const float *space, struct sb_safetensors_entry **entries,
                        int *count, struct simba_error *error);

/* The metadata of a model, in three notes. "model" is *text, which the caller frees after writing. */
enum { SB_WEIGHTS_NOTES = 3 };
bool sb_weights_notes(const struct sb_model_config *config, struct sb_safetensors_note notes[SB_WEIGHTS_NOTES],
                      char **text, struct simba_error *error);

/* Writes a weights file, atomically. */
bool sb_weights_save(const char *path, const struct sb_model_config *config, const struct sb_parameter_list *list,
                     const float *space, struct simba_error *error);

/* Fills a host image of the parameter space; numbers of any floating type are converted. Names with a '/' are a
 * trainer's own and num_batches_tracked is skipped; so is aux_head when the model has none. A file for another
 * architecture is an error that lists the first tensors that are missing, not expected or of another shape. */
bool sb_weights_load(const struct sb_safetensors *file, const struct sb_parameter_list *list, float *space,
                     struct simba_error *error);

/* The same to begin a training with: tensors of the heads ("head.", "aux_head.") that are missing or of another shape
 * stay as they are in the space. `fresh` gets their names, for a person. */
bool sb_weights_begin_with(const struct sb_safetensors *file, const struct sb_parameter_list *list, float *space,
                           char *fresh, size_t size, struct simba_error *error);

/* Opens a weights file of either kind: safetensors, or what torch.save wrote (of which `key` names the part to take, as
 * in io/torch_file.h). *ignored (512 bytes, or NULL) gets what else is in it. */
struct sb_safetensors *sb_weights_open(const char *path, const char *key, char *ignored, struct simba_error *error);

/* The model's configuration: from the metadata when the file is ours, otherwise worked out from names and shapes (the
 * image's size and statistics are then the defaults: a weights file says nothing about them). */
bool sb_weights_config(const struct sb_safetensors *file, struct sb_model_config *config, struct simba_error *error);

#endif
