/* Everything that can be measured, in the order of reports. */
#include "bench/measure.h"

#include <string.h>

const char sb_bench_once[] = "inputs and results, 4 bytes each, once";

static const struct simba_bench_parameter no_parameters[] = {{0}};
static const char *const one_shape[] = {"", NULL};

#define CEILING(name_, summary_)                                                                                       \
    {                                                                                                                  \
        .kind = "ceiling", .name = name_, .summary = summary_, .formula = "shaders/ceiling", .bytes = "of one second", \
        .flops = "of one second", .parameters = no_parameters, .shapes = one_shape                                     \
    }

const struct simba_bench_entry sb_bench_ceilings[SB_CEILING_COUNT] = {
    [SB_CEILING_COPY] = CEILING("ceiling/copy", "bytes read and written by copies beyond the caches"),
    [SB_CEILING_MULTIPLY_ADD] = CEILING("ceiling/multiply_add", "float32 operations of multiply-adds, two to each"),
    [SB_CEILING_SPECIAL] = CEILING("ceiling/special", "evaluations of 2^x"),
    [SB_CEILING_MATRIX] = CEILING("ceiling/matrix", "operations of the matrix units: 16-bit factors, float32 sums")};

static const struct sb_bench_kernel *const kernels[] = {sb_bench_mamba,          sb_bench_einfft,   sb_bench_products,
                                                        sb_bench_normalisations, sb_bench_training, sb_bench_series};
enum { TABLES = sizeof kernels / sizeof *kernels };

const struct simba_bench_entry *simba_bench_entry(int index) {
    if (index < 0) return NULL;
    if (index < SB_CEILING_COUNT) return &sb_bench_ceilings[index];
    index -= SB_CEILING_COUNT;
    for (int table = 0; table < TABLES; table++)
        for (const struct sb_bench_kernel *kernel = kernels[table]; kernel->entry.name; kernel++)
            if (!index--) return &kernel->entry;
    for (const struct sb_bench_model *model = sb_bench_models; model->entry.name; model++)
        if (!index--) return &model->entry;
    return NULL;
}

const struct sb_bench_kernel *sb_bench_kernel_of(const struct simba_bench_entry *entry) {
    for (int table = 0; table < TABLES; table++)
        for (const struct sb_bench_kernel *kernel = kernels[table]; kernel->entry.name; kernel++)
            if (&kernel->entry == entry) return kernel;
    return NULL;
}
