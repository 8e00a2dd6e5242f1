/* A text file with an image on each line: its path, relative to the file's own directory or absolute, and its class, a
 * number from 0 or a name. Between them stands the line's last comma, tab or blank; a path with such a character at its
 * end, or with blanks around it, is put in double quotes ("" within for one). Empty lines and those that begin with #
 * are skipped. */
#include "base/file.h"
#include "base/json.h"
#include "data/file_dataset.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static bool split(const struct line *line, char *text, char **path, char **label, struct simba_error *error) {
    char *rest;
    *path = text;
    if (*text == '"') {
        if (!unquote(text, &rest)) return bad_line(line, "the quote is not closed", text, error);
        rest += *rest == ',' || isspace((unsigned char)*rest);
    } else {
        char *separator = strrchr(text, ',');
        if (!separator) separator = strrchr(text, '\t');
        if (!separator) separator = strrchr(text, ' ');
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
};

static bool find_label(struct sb_file_dataset *dataset, struct names *names, const struct line *line, const char *text,
                       int32_t *label, struct simba_error *error) {
    for (int i = 0; i < names->count; i++)
        if (strcmp(names->list[i], text) == 0) {
            *label = i;
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
    dataset->root = (size_t)directory;
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
        if (!split(&line, here, &image, &label_text, error) ||
            !find_label(dataset, names, &line, label_text, &label, error))
            return false;
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
