#include "base/memory.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SEPARATE_PIECES true
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SEPARATE_PIECES true
#elif !defined(SEPARATE_PIECES)
#define SEPARATE_PIECES false
#endif

enum { ALIGNMENT = 16, FIRST_BLOCK = 16 << 10, LARGEST_BLOCK = 1 << 20 };

struct sb_pool_block {
    struct sb_pool_block *next;
    size_t used, size;
    alignas(ALIGNMENT) unsigned char bytes[];
};

void *sb_allocate(size_t count, size_t size, struct simba_error *error) {
    if (count == 0 || size == 0) count = size = 1; /* still a pointer that is not NULL */
    void *memory = count > SIZE_MAX / size ? NULL : calloc(count, size);
    if (!memory)
        sb_fail(error, SIMBA_ERROR_MEMORY, "The host has no memory for %zu objects of %zu bytes.", count, size);
    return memory;
}

void *sb_pool_allocate(struct sb_pool *pool, size_t bytes, struct simba_error *error) {
    if (bytes > SIZE_MAX / 2) {
        sb_fail(error, SIMBA_ERROR_MEMORY, "The host has no memory for %zu bytes.", bytes);
        return NULL;
    }
    size_t rounded = (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (rounded == 0) rounded = ALIGNMENT;
    struct sb_pool_block *block = pool->blocks;
    if (SEPARATE_PIECES) rounded = bytes; /* each in a block of its own: the sanitizer sees a byte too far */
    if (SEPARATE_PIECES || !block || block->size - block->used < rounded) {
        size_t size = block ? block->size * 2 : FIRST_BLOCK;
        if (size > LARGEST_BLOCK) size = LARGEST_BLOCK;
        if (size < rounded || SEPARATE_PIECES) size = rounded;
        struct sb_pool_block *fresh = calloc(1, sizeof *fresh + size);
        if (!fresh) {
            sb_fail(error, SIMBA_ERROR_MEMORY, "The host has no memory for %zu bytes.", size);
            return NULL;
        }
        fresh->size = size;
        fresh->next = block;
        pool->blocks = block = fresh;
    }
    void *memory = block->bytes + block->used;
    block->used += rounded;
    return memory;
}

const char *sb_pool_format(struct sb_pool *pool, struct simba_error *error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) {
        sb_fail(error, SIMBA_ERROR_INTERNAL, "A text could not be formatted.");
        return NULL;
    }
    char *text = sb_pool_allocate(pool, (size_t)length + 1, error);
    if (!text) return NULL;
    va_start(arguments, format);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}

void sb_pool_finish(struct sb_pool *pool) {
    struct sb_pool_block *block = pool->blocks;
    while (block) {
        struct sb_pool_block *next = block->next;
        free(block);
        block = next;
    }
    pool->blocks = NULL;
}

bool sb_buffer_reserve(struct sb_buffer *buffer, size_t size, struct simba_error *error) {
    if (buffer->size >= size && buffer->bytes) return true;
    uint8_t *larger = realloc(buffer->bytes, size ? size : 1);
    if (!larger) return sb_fail(error, SIMBA_ERROR_MEMORY, "The host has no memory for %zu bytes.", size);
    buffer->bytes = larger;
    buffer->size = size;
    return true;
}
