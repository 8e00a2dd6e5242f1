/* Lists and ranges of shapes: "tokens=49,196,784 batch=1..8". */
#include "bench/bench.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_VALUES = 1024, MOST_SHAPES = 4096 };

/* Each value once. */
static bool add_value(struct sb_bench_axis *axis, int64_t value, struct simba_error *error) {
    for (int i = 0; i < axis->count; i++)
        if (axis->values[i] == value) return true;
    if (axis->count == MOST_VALUES)
        return sb_fail(error, SIMBA_ERROR_ARGUMENT, "Shapes: %s has more than %d values.", axis->name, MOST_VALUES);
    axis->values[axis->count++] = value;
    return true;
}

/* A whole number of at least 1 at *text, behind which *text then points. */
static bool read_number(const char **text, int64_t *number) {
    if (!isdigit((unsigned char)**text)) return false;
    char *end;
    errno = 0;
    const long long value = strtoll(*text, &end, 10);
    if (errno || value < 1 || value > INT32_MAX) return false;
    *number = value;
    *text = end;
    return true;
}

/* NUMBER, FIRST..LAST or FIRST..LAST+STEP. */
static bool read_item(const char *item, size_t length, struct sb_bench_axis *axis, struct simba_error *error) {
    const char *at = item, *end = item + length;
    int64_t first, last, step = 0;
    bool fine = read_number(&at, &first);
    last = first;
    if (fine && at < end) {
        fine = strncmp(at, "..", 2) == 0;
        at += 2;
        fine = fine && read_number(&at, &last) && last >= first;
        if (fine && at < end) fine = *at++ == '+' && read_number(&at, &step);
    }
    if (!fine || at != end)
        return sb_fail(error, SIMBA_ERROR_ARGUMENT,
                       "Shapes: behind \"%s=\" a whole number of at least 1, FIRST..LAST (doubled from FIRST) or "
                       "FIRST..LAST+STEP was expected, and \"%.*s\" was found.",
                       axis->name, (int)length, item);
    for (int64_t value = first;; value = step ? value + step : 2 * value) {
        if (value > last && !step && axis->values[axis->count - 1] != last)
            value = last; /* a doubled range ends there */
        if (value > last) return true;
        if (!add_value(axis, value, error)) return false;
        if (value == last) return true;
    }
}

static bool read_axis(const char *word, size_t length, struct sb_bench_axes *axes, struct simba_error *error) {
    const char *equals = memchr(word, '=', length);
    struct sb_bench_axis *axis = &axes->items[axes->count];
    if (!equals || equals == word || (size_t)(equals - word) >= sizeof axis->name)
        return sb_fail(error, SIMBA_ERROR_ARGUMENT,
                       "Shapes: NAME=VALUES was expected, as in \"tokens=49,196 batch=1..8\", and \"%.*s\" was found.",
                       (int)length, word);
    snprintf(axis->name, sizeof axis->name, "%.*s", (int)(equals - word), word);
    for (int i = 0; i < axes->count; i++)
        if (strcmp(axes->items[i].name, axis->name) == 0)
            return sb_fail(error, SIMBA_ERROR_ARGUMENT, "Shapes: %s is there twice; put all its values behind one.",
                           axis->name);
    axis->values = sb_allocate(MOST_VALUES, sizeof *axis->values, error);
    if (!axis->values) return false;
    axes->count++;
    for (const char *item = equals + 1;;) {
        const char *end = memchr(item, ',', (size_t)(word + length - item));
        const size_t item_length = (size_t)((end ? end : word + length) - item);
        if (!read_item(item, item_length, axis, error)) return false;
        if (!end) return true;
        item = end + 1;
    }
}

bool sb_bench_axes_read(const char *text, struct sb_bench_axes *axes, struct simba_error *error) {
    *axes = (struct sb_bench_axes){0};
    if (!text) return true;
    axes->items = sb_allocate(strlen(text) / 2 + 1, sizeof *axes->items, error);
    if (!axes->items) return false;
    for (const char *word = text + strspn(text, " \t"); *word; word += strspn(word, " \t")) {
        const size_t length = strcspn(word, " \t");
        if (!read_axis(word, length, axes, error)) return false;
        word += length;
    }
    return true;
}

void sb_bench_axes_finish(struct sb_bench_axes *axes) {
    for (int i = 0; i < axes->count; i++) free(axes->items[i].values);
    free(axes->items);
    *axes = (struct sb_bench_axes){0};
}

int sb_bench_parameter(const struct simba_bench_entry *entry, const char *name) {
    for (int i = 0; entry->parameters[i].name; i++)
        if (strcmp(entry->parameters[i].name, name) == 0) return i;
    return -1;
}

/* One of the entry's own shapes. */
static bool read_usual(const struct simba_bench_entry *entry, const char *text, struct sb_bench_shape *shape,
                       struct simba_error *error) {
    struct sb_bench_axes axes;
    bool fine = sb_bench_axes_read(text, &axes, error);
    *shape = (struct sb_bench_shape){0};
    for (int i = 0; fine && i < axes.count; i++) {
        const int parameter = sb_bench_parameter(entry, axes.items[i].name);
        fine = parameter >= 0;
        if (fine) shape->values[parameter] = axes.items[i].values[0];
    }
    sb_bench_axes_finish(&axes);
    for (int i = 0; fine && entry->parameters[i].name; i++) fine = shape->values[i] > 0;
    return fine || sb_fail(error, SIMBA_ERROR_INTERNAL, "%s: its shape \"%s\" is not that of its parameters.",
                           entry->name, text);
}

/* How many combinations the axes of the entry have; more than MOST_SHAPES are not counted. */
static int combinations(const struct simba_bench_entry *entry, const struct sb_bench_axes *axes) {
    int product = 1;
    for (int i = 0; product <= MOST_SHAPES && i < axes->count; i++)
        if (sb_bench_parameter(entry, axes->items[i].name) >= 0) product *= axes->items[i].count;
    return product;
}

/* The shape with the first value of each axis: two usual shapes that are then the same have the same combinations. */
static struct sb_bench_shape first_of(const struct simba_bench_entry *entry, const struct sb_bench_axes *axes,
                                      struct sb_bench_shape shape) {
    for (int i = 0; i < axes->count; i++) {
        const int parameter = sb_bench_parameter(entry, axes->items[i].name);
        if (parameter >= 0) shape.values[parameter] = axes->items[i].values[0];
    }
    return shape;
}

static bool is_among(const struct sb_bench_shape *shapes, int count, int stride, const struct sb_bench_shape *shape) {
    for (int i = 0; i < count; i += stride)
        if (memcmp(&shapes[i], shape, sizeof *shape) == 0) return true;
    return false;
}

/* All combinations of the axes from `from` on, the first of each axis first. */
static void combine(const struct simba_bench_entry *entry, const struct sb_bench_axes *axes, int from,
                    struct sb_bench_shape shape, struct sb_bench_shape *shapes, int *count) {
    while (from < axes->count && sb_bench_parameter(entry, axes->items[from].name) < 0) from++;
    if (from == axes->count) {
        shapes[(*count)++] = shape;
        return;
    }
    const struct sb_bench_axis *axis = &axes->items[from];
    for (int i = 0; i < axis->count; i++) {
        shape.values[sb_bench_parameter(entry, axis->name)] = axis->values[i];
        combine(entry, axes, from + 1, shape, shapes, count);
    }
}

bool sb_bench_shapes(const struct simba_bench_entry *entry, const struct sb_bench_axes *axes,
                     struct sb_bench_shape **shapes, int *count, struct simba_error *error) {
    const int each = combinations(entry, axes);
    *count = 0;
    *shapes = sb_allocate(MOST_SHAPES, sizeof **shapes, error);
    if (!*shapes) return false;
    bool fine = true;
    for (int i = 0; fine && entry->shapes[i]; i++) {
        struct sb_bench_shape usual;
        fine = read_usual(entry, entry->shapes[i], &usual, error);
        if (!fine) break;
        usual = first_of(entry, axes, usual);
        if (is_among(*shapes, *count, each, &usual)) continue;
        if (each > MOST_SHAPES - *count)
            fine = sb_fail(error, SIMBA_ERROR_ARGUMENT, "Shapes: %s would have more than %d combinations.", entry->name,
                           MOST_SHAPES);
        else
            combine(entry, axes, 0, usual, *shapes, count);
    }
    if (fine) return true;
    free(*shapes);
    *shapes = NULL;
    *count = 0;
    return false;
}

const char *sb_bench_shape_text(const struct simba_bench_entry *entry, const struct sb_bench_shape *shape, char *text,
                                size_t size) {
    size_t at = 0;
    text[0] = '\0';
    for (int i = 0; entry->parameters[i].name && at < size; i++)
        at += (size_t)snprintf(text + at, size - at, "%s%s=%" PRId64, i ? " " : "", entry->parameters[i].name,
                               shape->values[i]);
    return text;
}
