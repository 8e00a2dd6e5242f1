/* Real data that are not ours to hand out: where a test looks for them, and how it is skipped without them. */
#ifndef TESTS_REAL_DATA_H
#define TESTS_REAL_DATA_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { EXIT_NO_DATA = 77 };

/* DIRECTORY/NAME, the directory being SIMBA_TEST_DATA or else `usual`. Ends the process as skipped when it is not
 * there. */
static inline const char *find_real_data(const char *usual, const char *name) {
    static char path[4096];
    const char *given = getenv("SIMBA_TEST_DATA");
    snprintf(path, sizeof path, "%s/%s", given && *given ? given : usual, name);
    if (access(path, R_OK) == 0) return path;
    printf("skipped: there is no %s; SIMBA_TEST_DATA names another directory with %s\n", path, name);
    exit(EXIT_NO_DATA);
}

#endif
