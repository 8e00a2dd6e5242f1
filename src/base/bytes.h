/* Bytes in the making: they grow as they are put. */
#ifndef SB_BASE_BYTES_H
#define SB_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sb_bytes {
    uint8_t *bytes; /* freed by the caller */
    size_t size, capacity;
    bool failed; /* the host had no memory: asked once, at the end */
};

void sb_put(struct sb_bytes *bytes, const void *from, size_t size);
void sb_put_text(struct sb_bytes *bytes, const char *text); /* without its zero */
/* The lowest `count` bytes of a number, the lowest one first. */
void sb_put_little(struct sb_bytes *bytes, uint64_t value, int count);

#endif
