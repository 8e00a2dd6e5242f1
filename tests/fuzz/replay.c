/* Runs a target on files, without libFuzzer: the inputs that fuzzing began with, and those that it found. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

static int run_file(const char *path) {
    struct simba_error error = {0};
    uint8_t *bytes, *exact;
    size_t size;
    if (!sb_read_file(path, 0, &bytes, &size, &error)) {
        fprintf(stderr, "%s\n", error.message);
        return -1;
    }
    /* Memory that ends with the input, so that sanitizers see a byte too far. */
    exact = malloc(size ? size : 1);
    if (!exact) exit(1);
    memcpy(exact, bytes, size);
    free(bytes);
    printf("%s\n", path);
    fflush(stdout); /* the last one named is the one that failed */
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return 1;
}

static int run_directory(const char *directory) {
    struct dirent **entries;
    const int found = scandir(directory, &entries, NULL, alphasort);
    int done = 0;
    for (int i = 0; i < found; i++) {
        char path[4096];
        struct stat status;
        snprintf(path, sizeof path, "%s/%s", directory, entries[i]->d_name);
        free(entries[i]);
        if (stat(path, &status) == 0 && S_ISREG(status.st_mode) && done >= 0) done = run_file(path) < 0 ? -1 : done + 1;
    }
    if (found >= 0) free(entries);
    return done;
}

int main(int count, char **arguments) {
    for (int i = 1; i < count; i++) {
        struct stat status;
        const bool is_directory = stat(arguments[i], &status) == 0 && S_ISDIR(status.st_mode);
        const int done = is_directory ? run_directory(arguments[i]) : run_file(arguments[i]);
        if (done > 0) continue;
        fprintf(stderr, "%s: no input there\n", arguments[i]);
        return 1;
    }
    return count > 1 ? 0 : 2;
}
