/* IDX files, plain and gzipped. */
#include "fuzz.h"

#include "io/idx.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    const char *path = fuzz_file(bytes, size);
    struct simba_error error = {0};
    struct sb_idx idx;
    if (!sb_idx_read(path, &idx, &error)) {
        fuzz_refused(&error, path);
        return 0;
    }
    size_t product = 1;
    for (int axis = 0; axis < idx.rank; axis++) product *= (size_t)idx.shape[axis];
    fuzz_expect(idx.rank >= 1 && product == idx.size, "the size that the shape says");
    fuzz_touch(idx.bytes, idx.size);
    sb_idx_finish(&idx);
    return 0;
}
