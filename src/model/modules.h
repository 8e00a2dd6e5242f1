/* What the modules and the whole network share inside src/model. */
#ifndef SB_MODEL_MODULES_H
#define SB_MODEL_MODULES_H

#include "model/model.h"
#include "ops/ops.h"

/* The parameter `name` below the graph's scope; NULL once the graph has failed. */
struct sb_tensor *sb_module_parameter(struct sb_graph *graph, const struct sb_parameter_list *list, const char *name);

/* Gives the result of a module the module's own path: `name` below the scope, or the scope itself for "". */
void sb_module_rename(struct sb_graph *graph, struct sb_tensor *tensor, const char *name);

struct sb_tensor *sb_module_norm(struct sb_graph *graph, const struct sb_parameter_list *list, const char *name,
                                 struct sb_tensor *x, float epsilon);
/* norm1 .. norm4, which end the stages. */
struct sb_tensor *sb_module_final_norm(struct sb_graph *graph, const struct sb_parameter_list *list, const char *name,
                                       struct sb_tensor *x);

/* nn.Linear: `name`.weight and, with `bias`, `name`.bias. */
struct sb_module_linear {
    const char *name;
    struct sb_tensor *x, *residual, *row_scale;
    bool bias;
    enum sb_activation_kind activation;
};
struct sb_tensor *sb_module_linear(struct sb_graph *graph, const struct sb_parameter_list *list,
                                   struct sb_module_linear linear);

/* The class block on the class token alone, [B, 1, C]. */
struct sb_tensor *sb_module_class_token(struct sb_graph *graph, enum sb_mixer mixer,
                                        const struct sb_parameter_list *list, struct sb_tensor *token);

#endif
