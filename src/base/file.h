/* Files: reading whole ones, and writing so that a crash or a full disk never leaves half a file. */
#ifndef SB_BASE_FILE_H
#define SB_BASE_FILE_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The whole file, one zero byte behind it; the caller frees. At most `limit` bytes (0: 2 GiB). */
bool sb_read_file(const char *path, size_t limit, uint8_t **bytes, size_t *size, struct simba_error *error);

/* Fails with "Cannot DOING PATH: REASON. What to do." for an errno value. */
bool sb_fail_errno(struct simba_error *error, int number, const char *doing, const char *path);

/* Writing in two steps: a temporary file beside `path`, then fsync, rename, fsync of the directory. Until commit the
 * old file stays what it was; discard removes the temporary one. A process that is killed leaves "PATH.partial", which
 * the next writer of the same path takes over; a second living writer of the same path is refused. Devices and pipes
 * are written directly. Commit ends the writer, also when it fails; discard is fine at any time, also on a writer that
 * is all zero. */
struct sb_writer {
    FILE *stream;
    char path[4096];
    char temporary[4200];
};
bool sb_writer_open(struct sb_writer *writer, const char *path, struct simba_error *error);
bool sb_writer_write(struct sb_writer *writer, const void *bytes, size_t size, struct simba_error *error);
bool sb_writer_commit(struct sb_writer *writer, struct simba_error *error);
void sb_writer_discard(struct sb_writer *writer);

/* A directory and its parents; fine when it is there. */
bool sb_make_directories(const char *path, struct simba_error *error);

#endif
