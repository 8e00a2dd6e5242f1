/* What the targets share. A target is one file with LLVMFuzzerTestOneInput, which libFuzzer or replay.c calls: it gives
 * the bytes to a parser and checks what must hold whatever they are. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* A file in memory with these bytes. Its path, which stays the same from call to call. */
const char *fuzz_file(const void *bytes, size_t size);

/* Ends the process, which is what counts as a finding, unless it holds. */
void fuzz_expect(bool holds, const char *what);

/* The error of a file that was refused: it says where and is not an internal one. */
void fuzz_refused(const struct simba_error *error, const char *path);

/* Reads every byte, so that one beyond its memory is noticed. */
void fuzz_touch(const void *bytes, size_t size);

#endif
