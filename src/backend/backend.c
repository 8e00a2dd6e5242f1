/* The list of all devices, the choice of one, and the forwarding to its backend. */
#include "backend/backend.h"
#include "backend/cuda/loader.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* In the order of the device list: those that are used only when asked for are last, so that they are never an
 * accident, and CUDA behind the reference, whose index then does not depend on whether CUDA was asked. */
static const struct sb_backend *const backends[] = {&sb_backend_vulkan, &sb_backend_cpu, &sb_backend_cuda};
enum { BACKEND_COUNT = sizeof(backends) / sizeof(backends[0]) };

static int compare_descriptions(const void *left, const void *right) {
    const struct sb_device_description *a = left, *b = right;
    if (a->only_when_asked != b->only_when_asked) return (int)a->only_when_asked - (int)b->only_when_asked;
    if (!a->only_when_asked && a->kind != b->kind) return (int)a->kind - (int)b->kind;
    return a->index - b->index;
}

/* Which backends are asked for their devices. */
enum scope { BEST, ALL_BUT_CUDA, ALL };

static bool list_devices(enum scope scope, struct sb_device_description **list, int *count, char *note,
                         struct simba_error *error) {
    *list = NULL;
    *count = 0;
    if (note) note[0] = '\0';
    for (int i = 0; i < BACKEND_COUNT; i++) {
        if (backends[i]->only_when_asked && scope == BEST) continue;
        if (backends[i] == &sb_backend_cuda && scope != ALL) continue;
        struct sb_device_description *part = NULL;
        int part_count = 0;
        char part_note[256] = "";
        if (!backends[i]->list(&part, &part_count, part_note, error)) {
            free(*list);
            *list = NULL;
            *count = 0;
            return false;
        }
        if (note && !note[0]) memcpy(note, part_note, sizeof(part_note));
        if (!part_count) {
            free(part);
            continue;
        }
        struct sb_device_description *longer = realloc(*list, (size_t)(*count + part_count) * sizeof(**list));
        if (!longer) {
            free(part);
            free(*list);
            *list = NULL;
            *count = 0;
            return sb_fail(error, SIMBA_ERROR_MEMORY, "No memory for the list of devices.");
        }
        *list = longer;
        memcpy(longer + *count, part, (size_t)part_count * sizeof(*part));
        for (int k = 0; k < part_count; k++) longer[*count + k].only_when_asked = backends[i]->only_when_asked;
        free(part);
        *count += part_count;
    }
    /* qsort is not stable: the order of discovery is the second key. */
    for (int i = 0; i < *count; i++) (*list)[i].index = i;
    if (*count) qsort(*list, (size_t)*count, sizeof(**list), compare_descriptions);
    for (int i = 0; i < *count; i++) (*list)[i].index = i;
    return true;
}

bool sb_device_list(struct sb_device_description **list, int *count, char *note, struct simba_error *error) {
    return list_devices(ALL, list, count, note, error);
}

static bool contains_ignoring_case(const char *text, const char *part) {
    size_t length = strlen(part);
    for (; *text; text++) {
        size_t i = 0;
        while (i < length && text[i] && tolower((unsigned char)text[i]) == tolower((unsigned char)part[i])) i++;
        if (i == length) return true;
    }
    return false;
}

/* Whether `text` is a UUID (32 hexadecimal digits, dashes anywhere); writes the bare digits in lower case. */
static bool parse_uuid(const char *text, char digits[33]) {
    int count = 0;
    for (; *text; text++) {
        if (*text == '-') continue;
        if (!isxdigit((unsigned char)*text) || count == 32) return false;
        digits[count++] = (char)tolower((unsigned char)*text);
    }
    digits[count] = '\0';
    return count == 32;
}

static bool is_cuda(const struct sb_device_description *description) {
    return !strcmp(description->backend, sb_backend_cuda.name);
}

/* "0: NVIDIA A100, 1: llvmpipe (...)" of the devices whose name contains `part` (NULL: all). */
static void describe_all(const struct sb_device_description *list, int count, const char *part, char *text,
                         size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < count && used + 1 < size; i++) {
        if (part && (is_cuda(&list[i]) || !contains_ignoring_case(list[i].name, part))) continue;
        int written = snprintf(text + used, size - used, "%s%d: %s", used ? ", " : "", list[i].index, list[i].name);
        if (written < 0) return;
        used += (size_t)written;
    }
}

static bool choose_best(const struct sb_device_description *list, int count, const char *note, int *chosen,
                        struct simba_error *error) {
    char reasons[1024] = "";
    size_t used = 0;
    for (int i = 0; i < count; i++) {
        if (list[i].usable) {
            *chosen = i;
            return true;
        }
        int written = snprintf(reasons + used, sizeof(reasons) - used, "%s%s: %s", used ? "; " : "", list[i].name,
                               list[i].reason);
        if (written > 0) used += (size_t)written;
        if (used >= sizeof(reasons)) break;
    }
    if (!used) snprintf(reasons, sizeof(reasons), "%s", note[0] ? note : "no Vulkan driver reports a device");
    return sb_fail(error, SIMBA_ERROR_DEVICE,
                   "There is no usable Vulkan device (%s). Install a Vulkan 1.2 driver (a software one is Mesa's "
                   "lavapipe: mesa-vulkan-drivers), or choose the slow reference with `--device cpu`.",
                   reasons);
}

/* `number`: which of the CUDA devices, from 0. */
static bool choose_cuda(const struct sb_device_description *list, int count, const char *number, int *chosen,
                        struct simba_error *error) {
    int devices = 0;
    for (int i = 0; i < count; i++) {
        if (!is_cuda(&list[i])) continue;
        if (strtol(number, NULL, 10) == devices) *chosen = i;
        devices++;
    }
    if (!devices) return sb_cuda_absent(error);
    if (*chosen >= 0) return true;
    return sb_fail(error, SIMBA_ERROR_DEVICE, "There is no device cuda:%s: CUDA devices are numbered from 0 to %d.",
                   number, devices - 1);
}

/* A card has the same name and UUID in Vulkan and in CUDA, and these mean Vulkan's: CUDA's are "cuda" or an index. */
static bool choose_named(const struct sb_device_description *list, int count, const char *choice, int *chosen,
                         struct simba_error *error) {
    char names[1200], uuid[33];
    *chosen = -1;
    if (!strcasecmp(choice, "cpu")) {
        for (int i = 0; i < count; i++)
            if (list[i].kind == SB_DEVICE_REFERENCE) *chosen = i;
    } else if (!strcasecmp(choice, "cuda")) {
        return choose_cuda(list, count, "0", chosen, error);
    } else if (!strncasecmp(choice, "cuda:", 5) && choice[5] &&
               strspn(choice + 5, "0123456789") == strlen(choice + 5)) {
        return choose_cuda(list, count, choice + 5, chosen, error);
    } else if (parse_uuid(choice, uuid)) {
        for (int i = 0; i < count && *chosen < 0; i++)
            if (!is_cuda(&list[i]) && !strcmp(list[i].uuid, uuid)) *chosen = i;
    } else if (choice[0] && strspn(choice, "0123456789") == strlen(choice)) {
        long index = strtol(choice, NULL, 10);
        if (index < count) {
            *chosen = (int)index;
        } else {
            describe_all(list, count, NULL, names, sizeof(names));
            return sb_fail(error, SIMBA_ERROR_DEVICE,
                           "Device index %s is out of range: there are %d devices (%s). `simba devices` lists them.",
                           choice, count, names);
        }
    } else if (choice[0]) {
        int matches = 0;
        for (int i = 0; i < count; i++) {
            if (is_cuda(&list[i]) || !contains_ignoring_case(list[i].name, choice)) continue;
            *chosen = i;
            matches++;
        }
        if (matches > 1) {
            describe_all(list, count, choice, names, sizeof(names));
            return sb_fail(error, SIMBA_ERROR_DEVICE,
                           "The device name \"%s\" fits %d devices (%s). Choose one by its index, its UUID or more of "
                           "its name.",
                           choice, matches, names);
        }
    }
    if (*chosen >= 0) return true;
    describe_all(list, count, NULL, names, sizeof(names));
    return sb_fail(error, SIMBA_ERROR_DEVICE,
                   "No device fits \"%s\"; expected an index, part of a name, a UUID, \"cpu\" or \"cuda\". There "
                   "are %s.",
                   choice, names);
}

/* The CUDA module takes time and memory to load, so it is left alone where a choice cannot mean a device of it. */
static enum scope scope_of(const char *choice) {
    if (!choice) return BEST;
    const bool index = choice[0] && strspn(choice, "0123456789") == strlen(choice);
    return index || !strncasecmp(choice, "cuda", 4) ? ALL : ALL_BUT_CUDA;
}

const struct sb_quirk *sb_known_quirk(int index) {
    for (int i = 0; i < BACKEND_COUNT; i++) {
        if (index < backends[i]->quirk_count) return &backends[i]->quirks[index];
        index -= backends[i]->quirk_count;
    }
    return NULL;
}

static const struct sb_backend *find_backend(const char *name) {
    for (int i = 0; i < BACKEND_COUNT; i++)
        if (!strcmp(backends[i]->name, name)) return backends[i];
    return NULL;
}

bool sb_device_open(const struct sb_device_parameters *parameters, struct sb_device **device,
                    struct simba_error *error) {
    struct sb_device_description *list;
    int count, chosen = -1;
    char note[256];
    unsigned tiers;
    struct sb_quirk_wishes wishes;
    *device = NULL;
    /* Names that a backend has no use for must be right all the same. */
    if (!sb_tiers_read(parameters->disable, &tiers, error) || !sb_quirks_read(parameters->quirks, &wishes, error))
        return false;
    if (!list_devices(scope_of(parameters->choice), &list, &count, note, error)) return false;
    bool done = parameters->choice ? choose_named(list, count, parameters->choice, &chosen, error)
                                   : choose_best(list, count, note, &chosen, error);
    if (done && !list[chosen].usable)
        done = sb_fail(error, SIMBA_ERROR_DEVICE, "Device %d (%s) cannot be used: %s", chosen, list[chosen].name,
                       list[chosen].reason);
    if (done) {
        sb_log(&parameters->log, SIMBA_LOG_DEBUG, "device %d: %s (%s)", chosen, list[chosen].name, list[chosen].driver);
        done = find_backend(list[chosen].backend)->open(parameters, &list[chosen], device, error);
    }
    free(list);
    return done;
}

void sb_device_close(struct sb_device *device) {
    if (device) device->backend->close(device);
}

const struct sb_device_description *sb_device_describe(const struct sb_device *device) {
    return &device->description;
}

const char *sb_device_tier(const struct sb_device *device, int index) {
    return device->backend->has_tiers && index >= 0 && index < SB_TIER_COUNT ? sb_tier_names[index] : NULL;
}

int sb_device_validation_messages(const struct sb_device *device) {
    return device->backend->validation_messages(device);
}

bool sb_device_ceiling(struct sb_device *device, enum sb_ceiling_kind kind, struct sb_ceiling *ceiling,
                       struct simba_error *error) {
    *ceiling = (struct sb_ceiling){0};
    if (device->backend->ceiling) return device->backend->ceiling(device, kind, ceiling, error);
    snprintf(ceiling->unsupported, sizeof ceiling->unsupported, "%.100s is there to be compared with, not for speed",
             device->description.name);
    return true;
}

bool sb_memory_create(struct sb_device *device, size_t bytes, const char *name, struct sb_memory **memory,
                      struct simba_error *error) {
    return device->backend->memory_create(device, bytes, name, memory, error);
}

void sb_memory_destroy(struct sb_memory *memory) {
    if (memory) memory->device->backend->memory_destroy(memory);
}

size_t sb_memory_size(const struct sb_memory *memory) {
    return memory->size;
}

static bool check_range(const struct sb_memory *memory, size_t offset, size_t size, struct simba_error *error) {
    if (offset <= memory->size && size <= memory->size - offset) return true;
    return sb_fail(error, SIMBA_ERROR_INTERNAL, "Bytes %zu to %zu of a memory of %zu bytes were asked for.", offset,
                   offset + size, memory->size);
}

bool sb_memory_write(struct sb_memory *memory, size_t offset, const void *bytes, size_t size,
                     struct simba_error *error) {
    return check_range(memory, offset, size, error) &&
           memory->device->backend->memory_write(memory, offset, bytes, size, error);
}

bool sb_memory_read(struct sb_memory *memory, size_t offset, void *bytes, size_t size, struct simba_error *error) {
    return check_range(memory, offset, size, error) &&
           memory->device->backend->memory_read(memory, offset, bytes, size, error);
}

bool sb_program_create(struct sb_device *device, const struct sb_program_parameters *parameters,
                       struct sb_program **program, struct simba_error *error) {
    *program = NULL;
    /* Every tensor must lie inside the memory it is given, or no backend can be trusted with the graph. */
    for (int i = 0; i < parameters->graph->tensor_count; i++) {
        const struct sb_tensor *tensor = parameters->graph->tensors[i];
        enum sb_space space = sb_storage(tensor)->space;
        size_t size;
        if (space == SB_SPACE_ACTIVATION)
            size = parameters->plan->activation_bytes;
        else if (parameters->spaces[space])
            size = parameters->spaces[space]->size;
        else
            return sb_fail(error, SIMBA_ERROR_INTERNAL, "Program \"%s\" was given no memory for tensor \"%s\".",
                           parameters->name ? parameters->name : "", tensor->name);
        if ((size_t)sb_address(tensor) + sb_bytes(tensor) > size)
            return sb_fail(error, SIMBA_ERROR_INTERNAL,
                           "Tensor \"%s\" lies at bytes %" PRId64 " to %" PRId64 " of a memory of %zu bytes.",
                           tensor->name, sb_address(tensor), sb_address(tensor) + (int64_t)sb_bytes(tensor), size);
    }
    return device->backend->program_create(device, parameters, program, error);
}

void sb_program_destroy(struct sb_program *program) {
    if (program) program->device->backend->program_destroy(program);
}

size_t sb_program_memory(const struct sb_program *program) {
    return program->device->backend->program_memory(program);
}

void *sb_program_host(struct sb_program *program, int slot, const struct sb_tensor *tensor) {
    return program->device->backend->program_host(program, slot, tensor);
}

bool sb_program_submit(struct sb_program *program, int slot, unsigned phases, struct simba_error *error) {
    return program->device->backend->program_submit(program, slot, phases, error);
}

bool sb_program_wait(struct sb_program *program, int slot, struct simba_error *error) {
    return program->device->backend->program_wait(program, slot, error);
}

bool sb_program_run_node(struct sb_program *program, int slot, int node, struct simba_error *error) {
    return program->device->backend->program_run_node(program, slot, node, error);
}

bool sb_program_read(struct sb_program *program, const struct sb_tensor *tensor, void *dense,
                     struct simba_error *error) {
    return program->device->backend->program_read(program, tensor, dense, error);
}

bool sb_program_write(struct sb_program *program, const struct sb_tensor *tensor, const void *dense,
                      struct simba_error *error) {
    return program->device->backend->program_write(program, tensor, dense, error);
}

bool sb_program_times(struct sb_program *program, int slot, double *seconds, struct simba_error *error) {
    return program->device->backend->program_times(program, slot, seconds, error);
}

bool sb_program_dispatches(struct sb_program *program, int slot, int node,
                           void (*visit)(void *user, const struct sb_dispatch *dispatch), void *user,
                           struct simba_error *error) {
    const struct sb_backend *backend = program->device->backend;
    return !backend->program_dispatches || backend->program_dispatches(program, slot, node, visit, user, error);
}
