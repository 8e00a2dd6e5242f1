#include "data/dataset.h"

#include "base/file.h"
#include "base/json.h"
#include "data/resample.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* A directory that links to one above it would be walked for ever. */
enum { DEEPEST = 16 };

struct image {
    const char *path;
    int32_t label;
};

struct image_folder {
    struct sb_dataset base;
    struct sb_pool pool;
    struct image *images;
    int64_t capacity;
    int64_t others; /* files of the class being walked that are no PNG images */
};

static bool is_png(const char *name) {
    size_t length = strlen(name);
    return length > 4 && strcasecmp(name + length - 4, ".png") == 0;
}

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

static bool add_image(struct image_folder *folder, const char *path, int32_t label, struct simba_error *error) {
    if (folder->base.count == folder->capacity) {
        int64_t capacity = folder->capacity ? folder->capacity * 2 : 1024;
        struct image *larger = realloc(folder->images, (size_t)capacity * sizeof *larger);
        if (!larger) return sb_fail(error, SIMBA_ERROR_MEMORY, "The host has no memory for the list of images.");
        folder->images = larger;
        folder->capacity = capacity;
    }
    folder->images[folder->base.count++] = (struct image){path, label};
    return true;
}

/* Every PNG file at any depth below a class' directory, in byte order of the names. */
static bool walk(struct image_folder *folder, const char *path, int32_t label, int depth, struct simba_error *error) {
    if (depth > DEEPEST)
        return sb_fail(error, SIMBA_ERROR_FILE, "%s: nested deeper than %d directories; does a link lead upwards?",
                       path, DEEPEST);
    struct dirent **entries;
    int count = scandir(path, &entries, is_visible, compare_entries);
    if (count < 0) return sb_fail_errno(error, errno, "read the directory", path);
    bool done = true;
    for (int i = 0; i < count && done; i++) {
        const char *child = sb_pool_format(&folder->pool, error, "%s/%s", path, entries[i]->d_name);
        bool inside = child && (entries[i]->d_type == DT_DIR || (entries[i]->d_type != DT_REG && is_directory(child)));
        if (!child)
            done = false;
        else if (inside)
            done = walk(folder, child, label, depth + 1, error);
        else if (is_png(child))
            done = add_image(folder, child, label, error);
        else
            folder->others++;
    }
    free_entries(entries, count);
    return done;
}

/* The classes are the directories below `path`, unless names are given: then every directory must be one of them. */
static bool name_classes(struct image_folder *folder, const struct sb_dataset_parameters *parameters,
                         struct dirent **entries, int count, struct simba_error *error) {
    bool given = parameters->class_names != NULL;
    int capacity = given ? parameters->classes : count;
    /* One more, so that the list ends with NULL as sb_nearest_word wants it. */
    const char **names = sb_pool_allocate(&folder->pool, sizeof(char *) * ((size_t)capacity + 1), error);
    if (!names) return false;
    for (int i = 0; i < count; i++) {
        char child[4096];
        snprintf(child, sizeof child, "%s/%s", parameters->path, entries[i]->d_name);
        if (!is_directory(child)) {
            if (!is_png(child)) continue;
            return sb_fail(error, SIMBA_ERROR_FORMAT,
                           "%s: this image lies beside the class directories; each image belongs into the directory "
                           "of its class.",
                           child);
        }
        if (given) continue;
        if (!(names[folder->base.classes] = sb_pool_format(&folder->pool, error, "%s", entries[i]->d_name)))
            return false;
        folder->base.classes++;
    }
    for (int i = 0; given && i < capacity; i++)
        if (!(names[i] = sb_pool_format(&folder->pool, error, "%s", parameters->class_names[i]))) return false;
    if (given) folder->base.classes = capacity;
    folder->base.class_names = names;
    if (folder->base.classes == 0)
        return sb_fail(error, SIMBA_ERROR_FORMAT,
                       "%s: no class directory in it. Expected one directory per class with its PNG images, or the "
                       "IDX files train-images-idx3-ubyte(.gz) and so on.",
                       parameters->path);
    if (!given && parameters->classes > 0 && parameters->classes != folder->base.classes)
        return sb_fail(error, SIMBA_ERROR_CONFIG, "%s: it has %d class directories, %d classes are configured.",
                       parameters->path, folder->base.classes, parameters->classes);
    return true;
}

static bool walk_classes(struct image_folder *folder, const char *path, struct dirent **entries, int count,
                         struct simba_error *error) {
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        const char *child = sb_pool_format(&folder->pool, error, "%s/%s", path, name);
        if (!child) return false;
        if (!is_directory(child)) continue;
        int32_t label = 0;
        while (label < folder->base.classes && strcmp(folder->base.class_names[label], name) != 0) label++;
        if (label == folder->base.classes) {
            const char *nearest = sb_nearest_word(name, folder->base.class_names);
            return sb_fail(error, SIMBA_ERROR_FORMAT, "%s: \"%s\" is none of the model's %d classes%s%s%s.", child,
                           name, folder->base.classes, nearest ? "; the nearest is \"" : "", nearest ? nearest : "",
                           nearest ? "\"" : "");
        }
        int64_t before = folder->base.count;
        folder->others = 0;
        if (!walk(folder, child, label, 0, error)) return false;
        if (folder->base.count == before)
            return sb_fail(error, SIMBA_ERROR_FORMAT,
                           "%s: no PNG image in this class directory (other files: %lld; only PNG is read). Add images "
                           "or remove the directory.",
                           child, (long long)folder->others);
    }
    if (folder->base.count == 0)
        return sb_fail(error, SIMBA_ERROR_FORMAT, "%s: no class directory with PNG images in it.", path);
    return true;
}

static bool read_image(const struct sb_dataset *base, int64_t index, uint8_t *pixels, int32_t *label,
                       struct sb_scratch *scratch, struct simba_error *error) {
    const struct image *image = &((const struct image_folder *)base)->images[index];
    int height, width;
    *label = image->label;
    return sb_png_read(image->path, base->channels, &scratch->image, &height, &width, error) &&
           sb_resample(scratch->image.bytes, height, width, pixels, base->height, base->width, base->channels,
                       &scratch->work, error);
}

static void destroy(struct sb_dataset *base) {
    struct image_folder *folder = (struct image_folder *)base;
    sb_pool_finish(&folder->pool);
    free(folder->images);
    free(folder);
}

struct sb_dataset *sb_image_folder_open(const struct sb_dataset_parameters *parameters, struct simba_error *error) {
    if (parameters->height < 1 || parameters->width < 1 || (parameters->channels != 1 && parameters->channels != 3)) {
        sb_fail(error, SIMBA_ERROR_CONFIG,
                "%s: images of a folder are read with 1 or 3 channels and brought to one size; %d channels and %d x %d "
                "pixels are configured.",
                parameters->path, parameters->channels, parameters->height, parameters->width);
        return NULL;
    }
    struct dirent **entries;
    int count = scandir(parameters->path, &entries, is_visible, compare_entries);
    if (count < 0) {
        sb_fail_errno(error, errno, "read the directory", parameters->path);
        return NULL;
    }
    struct image_folder *folder = sb_allocate(1, sizeof *folder, error);
    bool done = folder != NULL;
    if (done) {
        folder->base.height = parameters->height;
        folder->base.width = parameters->width;
        folder->base.channels = parameters->channels;
        folder->base.read = read_image;
        folder->base.destroy = destroy;
        done = name_classes(folder, parameters, entries, count, error) &&
               walk_classes(folder, parameters->path, entries, count, error);
    }
    free_entries(entries, count);
    if (!done) {
        if (folder) destroy(&folder->base);
        return NULL;
    }
    struct sb_dataset *base = &folder->base;
    snprintf(base->description, sizeof base->description,
             "%lld images, brought to %d x %d x %d, %d classes, from %.160s", (long long)base->count, base->height,
             base->width, base->channels, base->classes, parameters->path);
    return base;
}
