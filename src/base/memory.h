/* Host memory. The library never aborts: every allocation may fail, and says so. */
#ifndef SB_BASE_MEMORY_H
#define SB_BASE_MEMORY_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

/* Zeroed memory for `count` objects of `size` bytes, or NULL with *error set (overflow included). Free with free(). */
void *sb_allocate(size_t count, size_t size, struct simba_error *error);

/* Memory that lives and dies together (a graph's tensors, nodes and names). Pointers stay valid until the finish. */
struct sb_pool {
    struct sb_pool_block *blocks;
};

/* Zeroed, aligned to 16 bytes; NULL with *error set when the host has no memory left. */
void *sb_pool_allocate(struct sb_pool *pool, size_t bytes, struct simba_error *error);

/* A formatted string in the pool. */
const char *sb_pool_format(struct sb_pool *pool, struct simba_error *error, const char *format, ...) SB_PRINTF(3, 4);

/* Frees everything; the pool may be used again. */
void sb_pool_finish(struct sb_pool *pool);

/* A buffer that grows and is used again: zeroed at first, its bytes freed by the caller at last. */
struct sb_buffer {
    uint8_t *bytes;
    size_t size;
};
bool sb_buffer_reserve(struct sb_buffer *buffer, size_t size, struct simba_error *error);

#endif
