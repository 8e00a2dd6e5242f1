/* A text file with an image on each line: its path, relative to the file's own directory or absolute, and its class, a
 * number from 0 or a name. Between them stands the first comma, tab or blank behind a name that ends as an image's
 * does; without such a name the last tab, else the last comma, else the last blank. A path that this does not do
 * justice to is put in double quotes ("" within for one). Empty lines, those that begin with # and a table's heading
 * are skipped. */
#include "base/file.h"
#include "base/json.h"
#include "data/file_dataset.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct line {
    const char *file;
    int number;
};

static bool bad_line(const struct line *line, const char *problem, const char *found, struct simba_error *error) {
    return sb_fail(
        error, SIMBA_ERROR_FORMAT,
        "%s, line %d: %s: \"%.100s\". Expected a path and a class (a number from 0, or a name), separated by "
        "a comma, a tab or a blank.",
        line->file, line->number, problem, found);
}

static char *trimmed(char *text) {
    while (isspace((unsigned char)*text)) text++;
    size_t length = strlen(text);
    while (length && isspace((unsigned char)text[length - 1])) text[--length] = '\0';
    return text;
}

/* Removes the quotes around a field that begins with one; *end is what follows. */
static bool unquote(char *field, char **end) {
    char *to = field, *from = field + 1;
    for (; *from; from++) {
        if (*from == '"' && from[1] != '"') break;
        if (*from == '"') from++;
        *to++ = *from;
    }
    if (*from != '"') return false;
    *end = from + 1;
    *to = '\0';
    return true;
}

/* The end of the path in a line; NULL: there is none. */
static char *find_separator(char *text) {
    enum { LONGEST_ENDING = 8 }; /* ".jpeg" and a letter before it; looking at more takes hours for a long line */
    for (char *at = text; *at; at++) {
        if (*at != ',' && *at != '\t' && *at != ' ') continue;
        const char kept = *at;
        *at = '\0';
        const bool is_end = sb_is_image_name(at - text > LONGEST_ENDING ? at - LONGEST_ENDING : text);
        *at = kept;
        if (is_end) return at;
    }
    static const char separators[] = "\t, ";
    for (int i = 0; separators[i]; i++) {
        char *last = strrchr(text, separators[i]);
        if (last) return last;
    }
    return NULL;
}

/* The first line of a table: "path,label" or the like. */
static bool is_heading(const char *path, const char *label) {
    static const char *const paths[] = {"path", "file", "filename", "file_name", "image", "image_path", "id", NULL};
    static const char *const labels[] = {"label", "labels", "class", "class_name", "category", "target", NULL};
    bool is_path = false, is_label = false;
    for (int i = 0; paths[i]; i++) is_path = is_path || strcasecmp(path, paths[i]) == 0;
    for (int i = 0; labels[i]; i++) is_label = is_label || strcasecmp(label, labels[i]) == 0;
    return is_path && is_label;
}

static bool split(const struct line *line, char *text, char **path, char **label, struct simba_error *error) {
    char *rest;
    *path = text;
    if (*text == '"') {
        if (!unquote(text, &rest)) return bad_line(line, "the quote is not closed", text, error);
        while (*rest == ' ' || *rest == '\t') rest++;
        rest += *rest == ',';
    } else {
        char *separator = find_separator(text);
        if (!separator) return bad_line(line, "there is no class", text, error);
        *separator = '\0';
        rest = separator + 1;
    }
    *path = trimmed(*path);
    *label = trimmed(rest);
    if (**label == '"' && (!unquote(*label, &rest) || *rest)) return bad_line(line, "a stray quote", *label, error);
    if (!**path || !**label) return bad_line(line, "the path or the class is empty", text, error);
    return true;
}

struct names {
    const char **list; /* NULL-terminated */
    int count, capacity;
    bool given;     /* the model's; no other may occur */
    int64_t number; /* largest number that was used as a class, -1: none */

    /* Where a name is in `list`, plus 1; 0: a free place. Sets of millions of images have thousands of classes. */
    int32_t *table;
    uint32_t table_size; /* a power of two, at least twice `count` */
};

/* Where the name is, or belongs. */
static uint32_t place_of(const struct names *names, const char *name) {
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (const char *at = name; *at; at++) hash = (hash ^ (uint8_t)*at) * 16777619u;
    uint32_t place = hash & (names->table_size - 1);
    while (names->table[place] && strcmp(names->list[names->table[place] - 1], name) != 0)
        place = (place + 1) & (names->table_size - 1);
    return place;
}

/* Makes room for one name more. */
static bool grow_table(struct names *names, struct simba_error *error) {
    if ((uint32_t)names->count + 1 <= names->table_size / 2) return true;
    uint32_t size = names->table_size ? names->table_size : 64;
    while (size / 2 < (uint32_t)names->count + 1) size *= 2;
    int32_t *larger = sb_allocate(size, sizeof *larger, error);
    if (!larger) return false;
    free(names->table);
    names->table = larger;
    names->table_size = size;
    for (int i = names->count - 1; i >= 0; i--) { /* of two equal names the first one counts */
        const uint32_t place = place_of(names, names->list[i]);
        names->table[place] = i + 1;
    }
    return true;
}

static bool find_label(struct sb_file_dataset *dataset, struct names *names, const struct line *line, const char *text,
                       int32_t *label, struct simba_error *error) {
    if (!grow_table(names, error)) return false;
    uint32_t place = place_of(names, text);
    if (names->table[place]) {
        *label = names->table[place] - 1;
        return true;
    }
    char *end;
    const long number = strtol(text, &end, 10);
    if (isdigit((unsigned char)text[0]) && !*end && (names->given || names->count == 0)) {
        if (number >= (names->given ? names->count : 1 << 20))
            return bad_line(line, "a class beyond the last one", text, error);
        if (number > names->number) names->number = number;
        *label = (int32_t)number;
        return true;
    }
    if (names->given) {
        const char *nearest = sb_nearest_word(text, names->list);
        return sb_fail(error, SIMBA_ERROR_FORMAT, "%s, line %d: \"%.100s\" is none of the %d classes%s%s%s.",
                       line->file, line->number, text, names->count, nearest ? "; the nearest is \"" : "",
                       nearest ? nearest : "", nearest ? "\"" : "");
    }
    if (names->number >= 0) return bad_line(line, "a name after classes that were numbers", text, error);
    if (names->count + 1 >= names->capacity) {
        const int capacity = names->capacity ? 2 * names->capacity : 64;
        const char **larger = realloc(names->list, (size_t)capacity * sizeof *larger);
        if (!larger) return sb_fail(error, SIMBA_ERROR_MEMORY, "The host has no memory for the names of the classes.");
        names->list = larger;
        names->capacity = capacity;
    }
    *label = names->count;
    names->list[names->count] = sb_pool_format(&dataset->pool, error, "%s", text);
    if (!names->list[names->count]) return false;
    names->list[++names->count] = NULL;
    names->table[place] = names->count;
    return true;
}

/* Classes that were found come in byte order, as those of an image folder. */
static int compare_names(const void *left, const void *right) {
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static bool finish_classes(struct sb_file_dataset *dataset, struct names *names,
                           const struct sb_dataset_parameters *parameters, struct simba_error *error) {
    struct sb_dataset *base = &dataset->base;
    const bool numbers = names->count == 0;
    int count = names->count;
    if (numbers) count = parameters->classes ? parameters->classes : (int)names->number + 1;
    if (names->number >= count || (!names->given && !numbers && parameters->classes && parameters->classes != count))
        return sb_fail(error, SIMBA_ERROR_CONFIG, "%s: it has %lld classes, %d are configured.", parameters->path,
                       (long long)(numbers ? names->number + 1 : count), parameters->classes);
    const char **list = sb_pool_allocate(&dataset->pool, (size_t)count * sizeof *list, error);
    if (!list) return false;
    for (int i = 0; i < count; i++) {
        list[i] = numbers ? sb_pool_format(&dataset->pool, error, "%d", i) : names->list[i];
        if (!list[i]) return false;
    }
    if (!names->given && !numbers) {
        qsort(list, (size_t)count, sizeof *list, compare_names);
        for (int64_t i = 0; i < base->count; i++) {
            const char **found =
                bsearch(&names->list[dataset->entries[i].label], list, (size_t)count, sizeof *list, compare_names);
            dataset->entries[i].label = (int32_t)(found - list);
        }
    }
    base->class_names = list;
    base->classes = count;
    return true;
}

static bool read_lines(struct sb_file_dataset *dataset, struct names *names, const char *path, char *text, size_t size,
                       struct simba_error *error) {
    const char *slash = strrchr(path, '/');
    const int directory = slash ? (int)(slash - path) + 1 : 0;
    dataset->root = sb_pool_format(&dataset->pool, error, "%.*s", directory, path);
    if (!dataset->root) return false;
    struct line line = {path, 0};
    if (strlen(text) != size)
        return sb_fail(error, SIMBA_ERROR_FORMAT, "%s: there is a zero byte in it; a list is a text file.", path);
    for (char *next = text; next;) {
        char *here = next;
        next = strchr(here, '\n');
        if (next) *next++ = '\0';
        line.number++;
        here = trimmed(here);
        if (!*here || *here == '#') continue;
        char *image = NULL, *label_text = NULL;
        int32_t label = 0;
        if (!split(&line, here, &image, &label_text, error)) return false;
        if (dataset->base.count == 0 && is_heading(image, label_text)) continue;
        if (!find_label(dataset, names, &line, label_text, &label, error)) return false;
        const char *full = *image == '/' ? sb_pool_format(&dataset->pool, error, "%s", image)
                                         : sb_pool_format(&dataset->pool, error, "%.*s%s", directory, path, image);
        if (!full || !sb_file_dataset_add(dataset, full, label, error)) return false;
    }
    return dataset->base.count > 0 || sb_fail(error, SIMBA_ERROR_FORMAT, "%s: there is no image in this list.", path);
}

static bool load(struct sb_file_dataset *dataset, const struct sb_dataset_parameters *parameters,
                 struct simba_error *error) {
    struct names names = {.given = parameters->class_names, .number = -1};
    uint8_t *text = NULL;
    size_t size;
    bool fine = sb_read_file(parameters->path, 0, &text, &size, error);
    if (fine && names.given) {
        names.count = parameters->classes;
        names.list = sb_allocate((size_t)names.count + 1, sizeof *names.list, error);
        fine = names.list;
        for (int i = 0; fine && i < names.count; i++) {
            names.list[i] = sb_pool_format(&dataset->pool, error, "%s", parameters->class_names[i]);
            fine = names.list[i];
        }
    }
    fine = fine && read_lines(dataset, &names, parameters->path, (char *)text, size, error) &&
           finish_classes(dataset, &names, parameters, error);
    free(text);
    free(names.list);
    free(names.table);
    return fine;
}

struct sb_dataset *sb_list_dataset_open(const struct sb_dataset_parameters *parameters, struct simba_error *error) {
    struct sb_file_dataset *dataset = sb_file_dataset_create(parameters, error);
    if (!dataset) return NULL;
    struct sb_dataset *base = &dataset->base;
    if (!load(dataset, parameters, error)) {
        sb_dataset_destroy(base);
        return NULL;
    }
    snprintf(base->description, sizeof base->description, "%lld images, %d classes, from the list %.150s",
             (long long)base->count, base->classes, parameters->path);
    return base;
}
