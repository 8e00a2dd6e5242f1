/* Writing IDX files, plain or compressed. */
#ifndef TESTS_DATA_IDX_FILES_H
#define TESTS_DATA_IDX_FILES_H

#include "temporary.h"

#include <zlib.h>

static inline void put_idx(const char *path, int rank, const uint32_t *shape, const uint8_t *bytes, size_t size,
                           bool compressed) {
    uint8_t header[4 + 4 * 8] = {0, 0, 8, (uint8_t)rank};
    for (int axis = 0; axis < rank; axis++)
        for (int i = 0; i < 4; i++) header[4 + 4 * axis + i] = (uint8_t)(shape[axis] >> (24 - 8 * i));
    unsigned header_size = 4 + 4 * (unsigned)rank;
    gzFile file = gzopen(path, compressed ? "wb" : "wbT");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, header, header_size), header_size);
    if (size > 0) assert_int_equal(gzwrite(file, bytes, (unsigned)size), size);
    assert_int_equal(gzclose(file), Z_OK);
}

#endif
