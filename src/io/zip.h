/* Zip archives as torch.save makes them, in memory: reading entries that are stored or deflated, ZIP64 included. A
 * library for it (libzip) would be one more dependency for two structures that are this small. */
#ifndef SB_IO_ZIP_H
#define SB_IO_ZIP_H

#include "base/memory.h"

#include <stdbool.h>

struct sb_zip_entry {
    const char *name; /* in the pool */
    bool deflated;
    uint32_t crc;
    uint64_t size, stored_size, header; /* header: where the local header lies in the archive */
};

struct sb_zip {
    const char *path; /* for messages; of the caller, like the bytes */
    const uint8_t *bytes;
    size_t size;
    struct sb_pool pool;
    struct sb_zip_entry *entries; /* by name */
    int64_t count;
};

bool sb_is_zip(const uint8_t *bytes, size_t size);

/* Reads the directory. No two entries may have the same name or share bytes: all of them together unpack to no more
 * than 1032 times the archive. Finish it also after a failure. */
bool sb_zip_open(struct sb_zip *zip, const char *path, const uint8_t *bytes, size_t size, struct simba_error *error);
void sb_zip_finish(struct sb_zip *zip);

/* NULL when absent. */
const struct sb_zip_entry *sb_zip_find(const struct sb_zip *zip, const char *name);
/* The entry's bytes, checked against their checksum. Those of a stored entry lie in the archive itself (*owned NULL),
 * those of a deflated one are *owned, which the caller frees. NULL with *error set. */
const uint8_t *sb_zip_read(const struct sb_zip *zip, const struct sb_zip_entry *entry, uint8_t **owned,
                           struct simba_error *error);

#endif
