/* libFuzzer's mutations of images, after which the checksums of a PNG's chunks are right again: hardly any input would
 * get past them otherwise. */
#include "fuzz.h"

#include "io/png.h"

#include <string.h>
#include <zlib.h>

size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t room);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned seed);

static uint32_t big(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned seed) {
    size = LLVMFuzzerMutate(bytes, size, room);
    if (seed % 8 == 0 || !sb_is_png(bytes, size)) return size;
    for (size_t at = 8; size - at >= 12;) {
        const uint32_t length = big(bytes + at);
        if (length > size - at - 12) break;
        const uint32_t crc = (uint32_t)crc32(0, bytes + at + 4, length + 4);
        for (int i = 0; i < 4; i++) bytes[at + 8 + length + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
        at += 12 + (size_t)length;
    }
    return size;
}
