/* Weights and an image from a closed formula, so that full-size models can be checked without storing any: a hash of
 * the name and the flat index gives u in [-1, 1), and the parameter's kind says what becomes of it. */
#ifndef SB_PARITY_FORMULA_H
#define SB_PARITY_FORMULA_H

#include "model/model.h"

/* u of element `index` of the tensor `name`. */
double sb_formula_uniform(const char *name, int64_t index);
/* Fills a host image of the parameter space. */
void sb_formula_parameters(const struct sb_parameter_list *list, float *space);
/* The image [height, width, channels]. */
void sb_formula_image(float *image, int64_t height, int64_t width, int64_t channels);

#endif
