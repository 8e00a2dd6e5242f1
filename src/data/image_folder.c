#include "base/file.h"
#include "base/json.h"
#include "data/file_dataset.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* A directory that links to one above it would be walked for ever. */
enum { DEEPEST = 16 };

/* The set in the making. */
struct folder {
    struct sb_file_dataset *set;
    int64_t others; /* files of the class being walked that are no images */
};

static int is_visible(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

/* alphasort follows the locale; the order of images and classes must not. */
static int compare_entries(const struct dirent **left, const struct dirent **right) {
    return strcmp((*left)->d_name, (*right)->d_name);
}

static void free_entries(struct dirent **entries, int count) {
    for (int i = 0; i < count; i++) free(entries[i]);
    free(entries);
}

static bool is_directory(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Every image file at any depth below a class' directory, in byte order of the names. */
static bool walk(struct folder *folder, const char *path, int32_t label, int depth, struct simba_error *error) {
    if (depth > DEEPEST)
        return sb_fail(error, SIMBA_ERROR_FILE, "%s: nested deeper than %d directories; does a link lead upwards?",
                       path, DEEPEST);
    struct dirent **entries;
    int count = scandir(path, &entries, is_visible, compare_entries);
    if (count < 0) return sb_fail_errno(error, errno, "read the directory", path);
    bool done = true;
    for (int i = 0; i < count && done; i++) {
        const char *child = sb_pool_format(&folder->set->pool, error, "%s/%s", path, entries[i]->d_name);
        bool inside = child && (entries[i]->d_type == DT_DIR || (entries[i]->d_type != DT_REG && is_directory(child)));
        if (!child)
            done = false;
        else if (inside)
            done = walk(folder, child, label, depth + 1, error);
        else if (sb_is_image_name(child))
            done = sb_file_dataset_add(folder->set, child, label, error);
        else
            folder->others++;
    }
    free_entries(entries, count);
    return done;
}

/* The classes are the directories below `path`, unless names are given: then every directory must be one of them. */
static bool name_classes(struct folder *folder, const struct sb_dataset_parameters *parameters, struct dirent **entries,
                         int count, struct simba_error *error) {
    bool given = parameters->class_names != NULL;
    int capacity = given ? parameters->classes : count;
    /* One more, so that the list ends with NULL as sb_nearest_word wants it. */
    const char **names = sb_pool_allocate(&folder->set->pool, sizeof(char *) * ((size_t)capacity + 1), error);
    if (!names) return false;
    for (int i = 0; i < count; i++) {
        char child[4096];
        snprintf(child, sizeof child, "%s/%s", parameters->path, entries[i]->d_name);
        if (!is_directory(child)) {
            if (!sb_is_image_name(child)) continue;
            return sb_fail(error, SIMBA_ERROR_FORMAT,
                           "%s: this image lies beside the class directories; each image belongs into the directory "
                           "of its class.",
                           child);
        }
        if (given) continue;
        if (!(names[folder->set->base.classes] = sb_pool_format(&folder->set->pool, error, "%s", entries[i]->d_name)))
            return false;
        folder->set->base.classes++;
    }
    for (int i = 0; given && i < capacity; i++)
        if (!(names[i] = sb_pool_format(&folder->set->pool, error, "%s", parameters->class_names[i]))) return false;
    if (given) folder->set->base.classes = capacity;
    folder->set->base.class_names = names;
    if (folder->set->base.classes == 0)
        return sb_fail(error, SIMBA_ERROR_FORMAT,
                       "%s: no class directory in it. Expected one directory per class with its JPEG or PNG images, "
                       "or the files of an IDX or CIFAR data set.",
                       parameters->path);
    if (!given && parameters->classes > 0 && parameters->classes != folder->set->base.classes)
        return sb_fail(error, SIMBA_ERROR_CONFIG, "%s: it has %d class directories, %d classes are configured.",
                       parameters->path, folder->set->base.classes, parameters->classes);
    return true;
}

/* A class is called as its directory, or else, alone, begins with that name and a blank ("n01440764 tench"): the
 * class "dog house" must not take the directory "dog". -1: none, -2: several. */
static int32_t class_of(const struct sb_dataset *set, const char *directory) {
    const size_t length = strlen(directory);
    int32_t found = -1;
    for (int32_t label = 0; label < set->classes; label++) {
        const char *name = set->class_names[label];
        if (strncmp(name, directory, length) != 0) continue;
        if (name[length] == '\0') return label;
        if (name[length] == ' ' || name[length] == '\t') found = found == -1 ? label : -2;
    }
    return found;
}

static bool walk_classes(struct folder *folder, const char *path, struct dirent **entries, int count,
                         struct simba_error *error) {
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        const char *child = sb_pool_format(&folder->set->pool, error, "%s/%s", path, name);
        if (!child) return false;
        if (!is_directory(child)) continue;
        const int32_t label = class_of(&folder->set->base, name);
        if (label == -2)
            return sb_fail(error, SIMBA_ERROR_FORMAT,
                           "%s: several of the model's classes begin with \"%s\"; name the directory as one of them.",
                           child, name);
        if (label == -1) {
            const char *nearest = sb_nearest_word(name, folder->set->base.class_names);
            return sb_fail(error, SIMBA_ERROR_FORMAT, "%s: \"%s\" is none of the model's %d classes%s%s%s.", child,
                           name, folder->set->base.classes, nearest ? "; the nearest is \"" : "",
                           nearest ? nearest : "", nearest ? "\"" : "");
        }
        int64_t before = folder->set->base.count;
        folder->others = 0;
        if (!walk(folder, child, label, 0, error)) return false;
        if (folder->set->base.count == before)
            return sb_fail(error, SIMBA_ERROR_FORMAT,
                           "%s: no JPEG or PNG image in this class directory (other files: %lld). Add images or remove "
                           "the directory.",
                           child, (long long)folder->others);
    }
    if (folder->set->base.count == 0)
        return sb_fail(error, SIMBA_ERROR_FORMAT, "%s: no class directory with images in it.", path);
    return true;
}

struct sb_dataset *sb_image_folder_open(const struct sb_dataset_parameters *parameters, struct simba_error *error) {
    struct folder folder = {.set = sb_file_dataset_create(parameters, error)};
    if (!folder.set) return NULL;
    struct sb_dataset *base = &folder.set->base;
    folder.set->root = sb_pool_format(&folder.set->pool, error, "%s/", parameters->path);
    struct dirent **entries;
    int count = folder.set->root ? scandir(parameters->path, &entries, is_visible, compare_entries) : 0;
    if (count < 0) sb_fail_errno(error, errno, "read the directory", parameters->path);
    if (count < 0 || !folder.set->root) {
        sb_dataset_destroy(base);
        return NULL;
    }
    bool done = name_classes(&folder, parameters, entries, count, error) &&
                walk_classes(&folder, parameters->path, entries, count, error);
    free_entries(entries, count);
    if (!done) {
        sb_dataset_destroy(base);
        return NULL;
    }
    snprintf(base->description, sizeof base->description, "%lld images, %d classes, from %.160s",
             (long long)base->count, base->classes, parameters->path);
    return base;
}
