#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

void sb_put(struct sb_bytes *bytes, const void *from, size_t size) {
    if (bytes->failed || size == 0) return;
    if (size > bytes->capacity - bytes->size) {
        const size_t capacity = 2 * (bytes->size + size) + 256;
        uint8_t *larger = realloc(bytes->bytes, capacity);
        bytes->failed = !larger;
        if (!larger) return;
        bytes->bytes = larger;
        bytes->capacity = capacity;
    }
    memcpy(bytes->bytes + bytes->size, from, size);
    bytes->size += size;
}

void sb_put_text(struct sb_bytes *bytes, const char *text) {
    sb_put(bytes, text, strlen(text));
}

void sb_put_little(struct sb_bytes *bytes, uint64_t value, int count) {
    for (int i = 0; i < count; i++) {
        const uint8_t byte = (uint8_t)(value >> 8 * i);
        sb_put(bytes, &byte, 1);
    }
}
