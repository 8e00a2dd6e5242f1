#include "io/idx.h"

#include "base/memory.h"
#include "io/gzip.h"

#include <stdlib.h>

#define LARGEST ((uint64_t)4 << 30)

/* Deflate cannot shrink further than this, so a header that promises more than the file can hold is told before
 * memory is taken for it. */
enum { BEST_COMPRESSION = 1032, UNSIGNED_BYTES = 0x08 };

static bool read_exactly(gzFile stream, const char *path, uint8_t *bytes, size_t size, struct simba_error *error) {
    while (size > 0) {
        int got = gzread(stream, bytes, size < 1 << 24 ? (unsigned)size : 1u << 24);
        if (got <= 0) return sb_gzip_fail(stream, path, "IDX file", error);
        bytes += got;
        size -= (size_t)got;
    }
    return true;
}

static bool read_header(gzFile stream, const char *path, uint64_t file_size, struct sb_idx *idx,
                        struct simba_error *error) {
    uint8_t magic[4];
    if (!read_exactly(stream, path, magic, sizeof magic, error)) return false;
    if (magic[0] != 0 || magic[1] != 0)
        return sb_fail(error, SIMBA_ERROR_FORMAT,
                       "%s: not an IDX file: it begins with the bytes %02x %02x, expected 00 00.", path, magic[0],
                       magic[1]);
    if (magic[2] != UNSIGNED_BYTES)
        return sb_fail(error, SIMBA_ERROR_UNSUPPORTED,
                       "%s: its numbers are of type 0x%02x; expected unsigned bytes (0x08).", path, magic[2]);
    if (magic[3] < 1 || magic[3] > SB_IDX_RANK)
        return sb_fail(error, SIMBA_ERROR_FORMAT, "%s: it has %d dimensions; expected 1 to %d.", path, magic[3],
                       SB_IDX_RANK);
    idx->rank = magic[3];
    uint64_t size = 1;
    for (int axis = 0; axis < idx->rank; axis++) {
        uint8_t length[4];
        if (!read_exactly(stream, path, length, sizeof length, error)) return false;
        idx->shape[axis] = (int64_t)length[0] << 24 | length[1] << 16 | length[2] << 8 | length[3];
        if (__builtin_mul_overflow(size, (uint64_t)idx->shape[axis], &size)) size = UINT64_MAX;
    }
    uint64_t possible = gzdirect(stream) ? file_size : file_size * BEST_COMPRESSION;
    if (size > possible)
        return sb_fail(error, SIMBA_ERROR_FORMAT,
                       "%s: its header promises %llu bytes, more than the file can hold; it was cut short or is no IDX "
                       "file.",
                       path, (unsigned long long)size);
    if (size > LARGEST)
        return sb_fail(error, SIMBA_ERROR_UNSUPPORTED, "%s: it holds %llu bytes; at most %llu are read.", path,
                       (unsigned long long)size, (unsigned long long)LARGEST);
    idx->size = (size_t)size;
    return true;
}

static bool read_all(gzFile stream, const char *path, uint64_t file_size, struct sb_idx *idx,
                     struct simba_error *error) {
    if (!read_header(stream, path, file_size, idx, error)) return false;
    idx->bytes = sb_allocate(idx->size, 1, error);
    if (!idx->bytes || !read_exactly(stream, path, idx->bytes, idx->size, error)) return false;
    /* Asking for one byte more also makes zlib compare the checksum. */
    uint8_t extra;
    int got = gzread(stream, &extra, 1);
    if (got < 0) return sb_gzip_fail(stream, path, "IDX file", error);
    if (got > 0)
        return sb_fail(error, SIMBA_ERROR_FORMAT, "%s: bytes follow behind the %zu that its header promises.", path,
                       idx->size);
    int code;
    gzerror(stream, &code);
    if (code != Z_OK && code != Z_STREAM_END) return sb_gzip_fail(stream, path, "IDX file", error);
    return true;
}

bool sb_idx_read(const char *path, struct sb_idx *idx, struct simba_error *error) {
    *idx = (struct sb_idx){0};
    uint64_t size;
    gzFile stream = sb_gzip_open(path, &size, error);
    if (!stream) return false;
    bool done = read_all(stream, path, size, idx, error);
    gzclose(stream);
    if (!done) sb_idx_finish(idx);
    return done;
}

void sb_idx_finish(struct sb_idx *idx) {
    free(idx->bytes);
    *idx = (struct sb_idx){0};
}
