/* safetensors files: a little-endian u64 with the header's length, a JSON header, the tensors' bytes. Golden cases,
 * weights and training checkpoints are such files. Format: huggingface/safetensors, "Format". */
#ifndef SB_IO_SAFETENSORS_H
#define SB_IO_SAFETENSORS_H

#include "base/file.h"

enum { SB_SAFETENSORS_RANK = 8 };

enum sb_stored_type {
    SB_STORED_F64,
    SB_STORED_F32,
    SB_STORED_F16,
    SB_STORED_BF16,
    SB_STORED_I64,
    SB_STORED_I32,
    SB_STORED_U8,
    SB_STORED_COUNT
};
const char *sb_stored_name(enum sb_stored_type type); /* "F32" */
size_t sb_stored_size(enum sb_stored_type type);      /* bytes of one number */

/* One tensor of an open file; dense, row-major. */
struct sb_safetensor {
    const char *name;
    enum sb_stored_type type;
    int rank;
    int64_t shape[SB_SAFETENSORS_RANK];
    int64_t elements;
    uint64_t offset, bytes; /* within the file */
};

/* One pair of strings of "__metadata__". */
struct sb_safetensors_note {
    const char *key, *value;
};

/* An open file. Tensors are read on demand; reading from several threads at once is fine. */
struct sb_safetensors {
    char *path;
    int descriptor;
    struct sb_pool *pool;          /* owns names and notes */
    struct sb_safetensor *tensors; /* in the order of their bytes */
    int count;
    struct sb_safetensor **by_name;
    struct sb_safetensors_note *notes;
    int note_count;
};

/* NULL with *error set when the file is missing or anything in it is not as the format wants it: every header field,
 * shape and offset is checked, the tensors must fill the file without holes or overlaps. */
struct sb_safetensors *sb_safetensors_open(const char *path, struct simba_error *error);
void sb_safetensors_close(struct sb_safetensors *file);

/* NULL when absent. */
const struct sb_safetensor *sb_safetensors_find(const struct sb_safetensors *file, const char *name);
const char *sb_safetensors_note(const struct sb_safetensors *file, const char *key);

/* The bytes as they are in the file (tensor->bytes of them). */
bool sb_safetensors_read(const struct sb_safetensors *file, const struct sb_safetensor *tensor, void *bytes,
                         struct simba_error *error);
/* tensor->elements numbers converted to float32, whatever they are stored as (F64 rounds to nearest). */
bool sb_safetensors_read_floats(const struct sb_safetensors *file, const struct sb_safetensor *tensor, float *numbers,
                                struct simba_error *error);

/* Writing: the tensors are declared first, then their bytes are appended in the declared order, in pieces of any size;
 * commit fails when they are not all there. Atomic (sb_writer): until commit the old file stays what it was. */
struct sb_safetensors_entry {
    const char *name;
    enum sb_stored_type type;
    int rank;
    const int64_t *shape;
    const void *bytes; /* for sb_safetensors_write only */
};
struct sb_safetensors_writer {
    struct sb_writer file;
    uint64_t left; /* bytes that are still to come */
};
bool sb_safetensors_begin(struct sb_safetensors_writer *writer, const char *path,
                          const struct sb_safetensors_entry *entries, int count,
                          const struct sb_safetensors_note *notes, int note_count, struct simba_error *error);
bool sb_safetensors_append(struct sb_safetensors_writer *writer, const void *bytes, size_t size,
                           struct simba_error *error);
/* Both end the writer; commit also when it fails. */
bool sb_safetensors_commit(struct sb_safetensors_writer *writer, struct simba_error *error);
void sb_safetensors_discard(struct sb_safetensors_writer *writer);

/* All in one, from entries[i].bytes. */
bool sb_safetensors_write(const char *path, const struct sb_safetensors_entry *entries, int count,
                          const struct sb_safetensors_note *notes, int note_count, struct simba_error *error);

#endif
