/* Loads the CUDA module when devices are listed, once for the process. That there is none, or no driver, or no device,
 * is no error: no CUDA device is listed then, and whoever asks for one is told why. */
#include "backend/cuda/loader.h"
#include "backend/cuda/module.h"

#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MODULE_VARIABLE "SIMBA_CUDA_MODULE"
#define MODULE_FILE "libsimba_cuda.so"

/* From the folder of the library: where both are installed, and where a build directory has them. The third is where
 * this build installs the module: with a library that is part of a program, the folder is the program's. */
static const char *const places[] = {"simba/" MODULE_FILE, "../src/backend/cuda/" MODULE_FILE,
                                     SIMBA_MODULE_FOLDER "/" MODULE_FILE};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const struct sb_cuda_module
    *module; /* NULL: absence says why; stays loaded, CUDA does not like to be unloaded */
static struct simba_error absence;
static bool asked_for; /* by the variable: then a failure is worth a note */

static bool find_module(char path[PATH_MAX]) {
    Dl_info self;
    char library[PATH_MAX];
    if (!dladdr((const void *)&sb_backend_cuda, &self) || !self.dli_fname || !realpath(self.dli_fname, library))
        return sb_fail(&absence, SIMBA_ERROR_DEVICE,
                       "The folder of simba's library is not known, so its CUDA module cannot be looked for. Name the "
                       "module with the variable " MODULE_VARIABLE ".");
    const char *folder = dirname(library);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        const bool absolute = places[i][0] == '/';
        const int length = snprintf(path, PATH_MAX, "%s%s%s", absolute ? "" : folder, absolute ? "" : "/", places[i]);
        if (length > 0 && length < PATH_MAX && !access(path, R_OK)) return true;
    }
    return sb_fail(&absence, SIMBA_ERROR_DEVICE,
                   "This simba has no CUDA module (%s/%s). Build one with `meson setup -Dcuda=enabled`, which needs "
                   "nvcc, or name one with the variable " MODULE_VARIABLE ".",
                   folder, places[0]);
}

/* Asked before the module is loaded, which would drag in cuBLAS and cuFFT for nothing. */
static bool find_driver(void) {
    void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (driver) {
        dlclose(driver);
        return true;
    }
    return sb_fail(&absence, SIMBA_ERROR_DEVICE,
                   "There is no NVIDIA driver (%s). Install the one for your card; Vulkan devices need no CUDA.",
                   dlerror());
}

static bool check_module(const struct sb_cuda_module *found, const char *path) {
    const uint32_t sizes[] = SB_CUDA_SHARED_SIZES;
    const int version_length = (int)sizeof(found->version), commit_length = (int)sizeof(found->commit);
    if (strncmp(found->version, SIMBA_VERSION, sizeof(found->version)) ||
        strncmp(found->commit, SIMBA_COMMIT, sizeof(found->commit)))
        return sb_fail(
            &absence, SIMBA_ERROR_DEVICE,
            "The CUDA module %s was built with simba %.*s (%.*s), and this is simba %s (%s). Install the two "
            "from one build.",
            path, (int)strnlen(found->version, (size_t)version_length), found->version,
            (int)strnlen(found->commit, (size_t)commit_length), found->commit, SIMBA_VERSION, SIMBA_COMMIT);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        if (found->sizes[i] != sizes[i])
            return sb_fail(&absence, SIMBA_ERROR_DEVICE,
                           "The CUDA module %s was compiled with other declarations than this library (shared size %zu "
                           "is %u there and %u here). Build the two again, together.",
                           path, i, found->sizes[i], sizes[i]);
    return true;
}

static void load(void) {
    char found[PATH_MAX];
    const char *path = getenv(MODULE_VARIABLE);
    asked_for = path && path[0];
    if (!asked_for) {
        if (!find_module(found) || !find_driver()) return;
        path = found;
    }
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        sb_fail(&absence, SIMBA_ERROR_DEVICE,
                "The CUDA module could not be loaded%s: %s. Expected the " MODULE_FILE
                " of this build and the CUDA libraries that it needs (cuBLAS, cuFFT).",
                asked_for ? " (" MODULE_VARIABLE " names it)" : "", dlerror());
        return;
    }
    const struct sb_cuda_module *loaded = dlsym(handle, SB_CUDA_MODULE_SYMBOL);
    if (!loaded)
        sb_fail(&absence, SIMBA_ERROR_DEVICE,
                "%s is a shared library, but not simba's CUDA module: it has no symbol " SB_CUDA_MODULE_SYMBOL
                ". Expected the " MODULE_FILE " of this build.",
                path);
    if (!loaded || !check_module(loaded, path)) {
        dlclose(handle);
        return;
    }
    module = loaded;
}

static bool list_devices(struct sb_device_description **list, int *count, char *note, struct simba_error *error) {
    pthread_once(&once, load);
    if (module) return module->backend->list(list, count, note, error);
    if (note && asked_for) snprintf(note, 256, "%.255s", absence.message);
    return true;
}

static bool open_device(const struct sb_device_parameters *parameters, const struct sb_device_description *description,
                        struct sb_device **device, struct simba_error *error) {
    return module->backend->open(parameters, description, device, error);
}

bool sb_cuda_absent(struct simba_error *error) {
    struct sb_device_description *list = NULL;
    int count = 0;
    char note[256] = "";
    if (!list_devices(&list, &count, note, error)) return false;
    free(list);
    return sb_fail(error, SIMBA_ERROR_DEVICE, "There is no CUDA device. %s", module ? note : absence.message);
}

/* An opened device carries the module's own table: only listing and opening go through this one. */
const struct sb_backend sb_backend_cuda = {
    .name = "cuda", .only_when_asked = true, .list = list_devices, .open = open_device};
