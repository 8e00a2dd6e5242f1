/* A device's rows as a picture. */
#include "bench/bench.h"

#include "io/roofline.h"
#include "simba/version.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool simba_bench_roofline(const struct simba_bench *bench, int device, const char *path, struct simba_error *error) {
    if (device < 0 || device >= bench->device_count)
        return sb_fail(error, SIMBA_ERROR_ARGUMENT, "%s: the report has %d devices, and no number %d of them.", path,
                       bench->device_count, device);
    const struct sb_bench_device *of = &bench->devices[device];
    struct sb_roofline_point *points = sb_allocate((size_t)of->count + 1, sizeof *points, error);
    if (!points) return false;
    const char *commit = simba_commit();
    char subtitle[512];
    snprintf(subtitle, sizeof subtitle, "driver %s; simba %s%s%s", of->info.driver, simba_version(),
             commit ? ", commit " : "", commit ? commit : "");
    struct sb_roofline roofline = {.title = of->info.name,
                                   .subtitle = subtitle,
                                   .copy = of->ceilings[SB_CEILING_COPY].per_second,
                                   .multiply_add = of->ceilings[SB_CEILING_MULTIPLY_ADD].per_second,
                                   .matrix = of->ceilings[SB_CEILING_MATRIX].per_second,
                                   .points = points};
    for (int i = 0; i < of->count; i++) {
        const struct simba_bench_row *row = &of->rows[i];
        if (!sb_bench_row_timed(row) || strcmp(row->kind, "ceiling") == 0) continue;
        points[roofline.count++] =
            (struct sb_roofline_point){.name = row->name,
                                       .detail = row->shape,
                                       .seconds = row->median,
                                       .bytes = row->bytes,
                                       .flops = row->flops,
                                       .share = row->ceiling_share,
                                       .bound_by = row->bound_by,
                                       .own_roof = row->bound_by && strcmp(row->bound_by, "special functions") == 0};
    }
    const bool drawn = sb_draw_roofline(path, &roofline, error);
    free(points);
    return drawn;
}
