/* Zip archives as torch.save makes them: reading entries that are stored or deflated, from memory, and writing stored
 * ones, both with ZIP64. A library for it (libzip) would be one more dependency for structures that are this small. */
#ifndef SB_IO_ZIP_H
#define SB_IO_ZIP_H

#include "base/bytes.h"
#include "base/file.h"
#include "base/memory.h"

#include <stdbool.h>

struct sb_zip_entry {
    const char *name; /* in the pool */
    bool deflated;
    uint32_t crc;
    uint64_t size, stored_size, header; /* header: where the local header lies in the archive */
    uint64_t end;                       /* where the next entry's header lies, or the directory */
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
uint32_t sb_zip_crc(const uint8_t *bytes, uint64_t size);

/* Reads the directory. No two entries may have the same name or share bytes, local names and extra fields included
 * (those sb_zip_read looks at): all of them together unpack to no more than 1032 times the archive. Finish it also
 * after a failure. */
bool sb_zip_open(struct sb_zip *zip, const char *path, const uint8_t *bytes, size_t size, struct simba_error *error);
void sb_zip_finish(struct sb_zip *zip);

/* NULL when absent. */
const struct sb_zip_entry *sb_zip_find(const struct sb_zip *zip, const char *name);
/* The entry's bytes, checked against their checksum. Those of a stored entry lie in the archive itself (*owned NULL),
 * those of a deflated one are *owned, which the caller frees. NULL with *error set. */
const uint8_t *sb_zip_read(const struct sb_zip *zip, const struct sb_zip_entry *entry, uint8_t **owned,
                           struct simba_error *error);

/* Writing: entries are stored, their bytes begin at multiples of 64. Atomic (sb_writer): until commit the old file
 * stays what it was. Values that 32 bits do not hold make ZIP64's records, and those alone. */
struct sb_zip_writer {
    struct sb_writer file;
    struct sb_bytes directory;
    uint64_t at, count;
    uint64_t largest; /* what 32 bits hold; tests lower it */
};
bool sb_zip_begin(struct sb_zip_writer *writer, const char *path, struct simba_error *error);
bool sb_zip_add(struct sb_zip_writer *writer, const char *name, const void *bytes, size_t size,
                struct simba_error *error);
/* Both end the writer; commit also when it fails. */
bool sb_zip_commit(struct sb_zip_writer *writer, struct simba_error *error);
void sb_zip_discard(struct sb_zip_writer *writer);

#endif
