/* IDX files, the format of MNIST and Fashion-MNIST; plain or gzip-compressed, which is told from the content. */
#ifndef SB_IO_IDX_H
#define SB_IO_IDX_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum { SB_IDX_RANK = 4 };

/* Unsigned bytes (type 0x08), which is what images and labels are stored as. */
struct sb_idx {
    int rank;
    int64_t shape[SB_IDX_RANK];
    size_t size; /* product of the shape */
    uint8_t *bytes;
};

/* At most 4 GiB of content. On success the caller frees with sb_idx_finish. */
bool sb_idx_read(const char *path, struct sb_idx *idx, struct simba_error *error);
void sb_idx_finish(struct sb_idx *idx);

#endif
