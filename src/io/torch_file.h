/* Files of torch.save: the zip format and the older one of torch before 1.6. Only data is taken from them (pickle.h):
 * tensors inside dictionaries and lists, by the path of keys that leads to them. Tensors are written in the zip format,
 * which every torch reads, also with weights_only=True. */
#ifndef SB_IO_TORCH_FILE_H
#define SB_IO_TORCH_FILE_H

#include "base/memory.h"
#include "io/safetensors.h"

struct sb_torch_tensor {
    const char *name; /* keys joined by dots; "" for a file that is one tensor */
    enum sb_stored_type type;
    int rank;
    int64_t shape[SB_SAFETENSORS_RANK], stride[SB_SAFETENSORS_RANK]; /* in elements of the storage */
    int64_t elements;
    const uint8_t *first; /* its first element */
};

struct sb_torch_file {
    struct sb_pool pool;
    struct sb_torch_tensor *tensors;
    int count, capacity;
    char ignored[512]; /* what else is in the file, as a list of names for a person; "" for nothing */
    uint8_t *bytes;    /* the file */
    size_t size;
    uint8_t **owned; /* unpacked storages */
    int owned_count;
    uint64_t unpacked; /* bytes of those */
};

bool sb_is_torch_file(const uint8_t *bytes, size_t size);

/* Reads the file whole. Every length and reference is checked; time and memory are in proportion to the file's size
 * (a deflated archive's: to what it unpacks to). Finish it also after a failure. */
bool sb_torch_file_open(struct sb_torch_file *file, const char *path, struct simba_error *error);
void sb_torch_file_finish(struct sb_torch_file *file);

/* The tensor's numbers, dense and row-major: elements * sb_stored_size(type) bytes. */
void sb_torch_file_read(const struct sb_torch_tensor *tensor, void *bytes);

/* A state dictionary as an open safetensors file (an unnamed temporary one): those tensors whose names begin with `key`
 * and a dot, without that; `key` NULL: the first of "model", "state_dict" and "model_state_dict" that is there, else
 * the one key below which everything lies, or the whole file. "module." in front of all names (DistributedDataParallel)
 * is removed. *ignored (512 bytes, or NULL) gets what was left out. */
struct sb_safetensors *sb_torch_state_dictionary(const char *path, const char *key, char *ignored,
                                                 struct simba_error *error);

/* An ordered dictionary of tensors, or (`entries` with one of the name "") one tensor. entries[i].bytes are written.
 * Atomic. */
bool sb_torch_write(const char *path, const struct sb_safetensors_entry *entries, int count, struct simba_error *error);

#endif
