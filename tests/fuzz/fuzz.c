#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void fuzz_expect(bool holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "expected: %s\n", what);
    abort();
}

const char *fuzz_file(const void *bytes, size_t size) {
    static int descriptor = -1;
    static char path[64];
    if (descriptor < 0) {
        descriptor = memfd_create("fuzz", MFD_CLOEXEC);
        fuzz_expect(descriptor >= 0, "a file in memory");
        snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    }
    fuzz_expect(ftruncate(descriptor, 0) == 0 && pwrite(descriptor, bytes, size, 0) == (ssize_t)size,
                "the bytes are written");
    return path;
}

void fuzz_refused(const struct simba_error *error, const char *path) {
    if (error->code != SIMBA_OK && error->code != SIMBA_ERROR_INTERNAL && strstr(error->message, path)) return;
    fprintf(stderr, "code %d: %s\n", (int)error->code, error->message);
    fuzz_expect(false, "an error that names the file");
}

void fuzz_touch(const void *bytes, size_t size) {
    uint8_t all = 0;
    for (size_t i = 0; i < size; i++) all ^= ((const uint8_t *)bytes)[i];
    volatile uint8_t seen = all;
    (void)seen;
}
