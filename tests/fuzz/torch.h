/* PyTorch files out of any bytes. */
#ifndef TESTS_FUZZ_TORCH_H
#define TESTS_FUZZ_TORCH_H

#include "archive.h"
#include "fuzz.h"

#include "io/torch_file.h"

/* A file as it is, where it begins as one that torch.save writes; else the bytes are the pickle of an archive whose
 * checksums are right, with the storages "0" of 64 bytes and "1", deflated, of 4096: mutations would never get past
 * the checksums otherwise. NULL: there is too much of it. */
static inline const char *fuzz_torch_file(const uint8_t *bytes, size_t size) {
    static struct archive archive;
    static uint8_t zeros[4096];
    if (sb_is_torch_file(bytes, size)) return fuzz_file(bytes, size);
    archive.size = 0;
    archive.count = 0;
    /* The numbers 1, 2, ... as halves and a bit of everything as floats. */
    uint8_t numbers[64];
    for (size_t i = 0; i < sizeof numbers; i++) numbers[i] = (uint8_t)(i % 2 ? 0x3c + i / 16 : i);
    if (!archive_add(&archive, "archive/data.pkl", bytes, size, false) ||
        !archive_add(&archive, "archive/data/0", numbers, sizeof numbers, false) ||
        !archive_add(&archive, "archive/data/1", zeros, sizeof zeros, true))
        return NULL;
    archive_finish(&archive);
    return fuzz_file(archive.bytes, archive.size);
}

#endif
