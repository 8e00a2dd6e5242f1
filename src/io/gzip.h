/* Files that may be compressed with gzip, or not: what their readers share. */
#ifndef SB_IO_GZIP_H
#define SB_IO_GZIP_H

#include "base/status.h"

#include <stdint.h>
#include <zlib.h>

/* Open for reading, plain or compressed; `size` (or NULL) is what it takes on the disk. NULL with *error set. */
gzFile sb_gzip_open(const char *path, uint64_t *size, struct simba_error *error);

/* The error after a read that gave less than it had to; `kind` is what the file should be: "IDX file". */
bool sb_gzip_fail(gzFile stream, const char *path, const char *kind, struct simba_error *error);

#endif
