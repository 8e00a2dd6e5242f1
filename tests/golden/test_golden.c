/* Runs golden cases on one device: test_golden DEVICE FILE... (or a folder: all cases in it). DEVICE is "cpu", or
 * "vulkan" for the Vulkan device that the environment wishes for. */
#include "device.h"
#include "parity/parity.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST_FILES = 256 };

static void print_failure(void *user, const struct simba_parity_result *result) {
    bool verbose = *(const bool *)user;
    if (result->passed && !verbose) return;
    printf("%s %s: %s: relative error %.3g (at most %.3g), largest error %.3g%s%s\n", result->passed ? "ok  " : "FAIL",
           result->case_name, result->tensor, result->relative_error, result->tolerance, result->largest_error,
           result->reason ? " -- " : "", result->reason ? result->reason : "");
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Adds the path, or the cases of the folder. */
static void add_files(char **files, int *count, const char *path) {
    struct stat status;
    char name[4096];
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode)) {
        if (*count < MOST_FILES) files[(*count)++] = strdup(path);
        return;
    }
    DIR *folder = opendir(path);
    int first = *count;
    for (struct dirent *entry; folder && (entry = readdir(folder)) && *count < MOST_FILES;) {
        const char *ending = strstr(entry->d_name, ".safetensors");
        if (!ending || strstr(entry->d_name, "_params")) continue;
        snprintf(name, sizeof name, "%.2000s/%s", path, entry->d_name);
        files[(*count)++] = strdup(name);
    }
    if (folder) closedir(folder);
    qsort(files + first, (size_t)(*count - first), sizeof *files, compare_names);
}

int main(int argument_count, char **arguments) {
    if (argument_count < 3) return 2;
    struct sb_device_parameters parameters = wished_device();
    if (strcmp(arguments[1], "vulkan") != 0) parameters.choice = arguments[1];
    struct sb_device *device = open_device(&parameters);
    static char *files[MOST_FILES];
    int count = 0, failed = 0;
    for (int i = 2; i < argument_count; i++) add_files(files, &count, arguments[i]);
    struct simba_error error;
    bool verbose = getenv("SIMBA_VERBOSE") != NULL;
    printf("%s\n", sb_device_describe(device)->name);
    for (int i = 0; i < count; i++) {
        struct simba_parity_summary summary = {0};
        struct sb_parity_report report = {print_failure, &verbose, &summary};
        bool ran = sb_parity_golden(device, files[i], &report, &error);
        const char *name = strrchr(files[i], '/');
        if (!ran) printf("FAIL %s\n", error.message);
        printf("%s %s: %d tensors, %d over tolerance, worst %.2f of the tolerance (%s)\n",
               ran && !summary.failed && summary.tensors ? "pass" : "FAIL", name ? name + 1 : files[i], summary.tensors,
               summary.failed, summary.worst, summary.worst_tensor);
        failed += !ran || summary.failed || !summary.tensors;
        fflush(stdout);
        free(files[i]);
    }
    printf("%d cases, %d failed\n", count, failed);
    return close_device(device) + failed ? 1 : 0;
}
