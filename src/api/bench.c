#include "bench/bench.h"

#include "api/api.h"

/* The rest of simba/bench.h is in src/bench itself. */
bool simba_bench_run(struct simba_bench *bench, struct simba_device *device, const struct simba_bench_options *options,
                     struct simba_error *error) {
    static const struct simba_bench_options defaults = {0};
    return sb_bench_run(bench, device->device, &device->info, options ? options : &defaults, error);
}
