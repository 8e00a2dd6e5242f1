#include "parity/formula.h"

#include <math.h>
#include <string.h>

/* FNV-1a, 32 bits. */
static uint32_t name_hash(const char *name) {
    uint32_t hash = 0x811C9DC5u;
    for (; *name; name++) hash = (hash ^ (uint8_t)*name) * 0x01000193u;
    return hash;
}

static double uniform(uint32_t key, int64_t index) {
    uint32_t hash = (uint32_t)index * 0x9E3779B1u + key;
    hash = (hash ^ (hash >> 16)) * 0x7FEB352Du;
    hash = (hash ^ (hash >> 15)) * 0x846CA68Bu;
    hash ^= hash >> 16;
    return (double)(hash >> 8) / 8388608.0 - 1.0;
}

double sb_formula_uniform(const char *name, int64_t index) {
    return uniform(name_hash(name), index);
}

static bool ends_with(const char *name, const char *end) {
    size_t length = strlen(name), tail = strlen(end);
    return length >= tail && strcmp(name + length - tail, end) == 0;
}

/* A value is offset + scale * u. */
static void kind_of(const struct sb_parameter *parameter, double *offset, double *scale) {
    const char *name = parameter->name;
    int64_t fan_in = 1;
    for (int i = 1; i < parameter->rank; i++) fan_in *= parameter->shape[i];
    *offset = 0;
    *scale = 0.05; /* biases */
    if (ends_with(name, ".A_log") || ends_with(name, ".running_mean")) {
        *scale = 0.1;
    } else if (ends_with(name, ".D") || ends_with(name, ".running_var") ||
               (parameter->rank == 1 && ends_with(name, ".weight"))) {
        *offset = 1;
        *scale = 0.25;
    } else if (ends_with(name, ".dt_proj.bias")) {
        *offset = -3;
        *scale = 1.5;
    } else if (strstr(name, ".complex_weight_")) {
        *scale = sqrt(1.5 / (double)parameter->shape[parameter->rank - 1]);
    } else if (ends_with(name, ".weight")) {
        *scale = sqrt(3.0 / (double)fan_in);
    }
}

void sb_formula_parameters(const struct sb_parameter_list *list, float *space) {
    for (int i = 0; i < list->count; i++) {
        const struct sb_parameter *parameter = &list->entries[i];
        uint32_t key = name_hash(parameter->name);
        float *values = space + parameter->offset / (int64_t)sizeof(float);
        int64_t columns = parameter->shape[parameter->rank - 1];
        bool a_log = ends_with(parameter->name, ".A_log");
        double offset, scale;
        kind_of(parameter, &offset, &scale);
        for (int64_t k = 0; k < parameter->elements; k++) {
            double base = a_log ? log((double)(k % columns + 1)) : offset;
            values[k] = (float)(base + scale * uniform(key, k));
        }
    }
}

void sb_formula_image(float *image, int64_t height, int64_t width, int64_t channels) {
    uint32_t key = name_hash("input");
    for (int64_t c = 0; c < channels; c++)
        for (int64_t r = 0; r < height; r++)
            for (int64_t w = 0; w < width; w++) {
                double u = uniform(key, (c * height + r) * width + w); /* channels first, as in the published code */
                double value = sin(0.05 * (double)(c + 1) * (double)r) + 0.5 * cos(0.11 * (double)w + (double)c);
                image[(r * width + w) * channels + c] = (float)(value + 0.5 * u);
            }
}
