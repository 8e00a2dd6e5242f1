#include "io/csv.h"

#include "base/memory.h"
#include "io/gzip.h"

#include <stdlib.h>
#include <string.h>

enum {
    FIRST_BUFFER = 1 << 18,
    LONGEST_RECORD = 1 << 24,
    LONGEST_FIELD = 1 << 16,
    MOST_FIELDS = 1 << 16,
};

struct sb_csv {
    char *path;
    gzFile stream;
    char separator;
    bool stops[256]; /* what ends a run of ordinary characters */

    char *buffer;    /* `used` bytes, a line feed behind them that stops every loop */
    size_t capacity; /* the place for the line feed included */
    size_t used, start;
    bool ended; /* nothing comes behind the buffer */
    int64_t line;

    size_t *offsets; /* [2, capacity_fields]: begin and end of each field, from `start` */
    const char **fields;
    int field_capacity;
};

/* Reads on, with the record that begins at `start` moved to the front. False: failed. */
static bool fill(struct sb_csv *csv, struct simba_error *error) {
    if (csv->start > 0) {
        memmove(csv->buffer, csv->buffer + csv->start, csv->used - csv->start);
        csv->used -= csv->start;
        csv->start = 0;
    }
    if (csv->used + 1 >= csv->capacity) {
        if (csv->capacity >= LONGEST_RECORD)
            return sb_fail(error, SIMBA_ERROR_FORMAT,
                           "%s, line %lld: this row has more than %d bytes. Check that it is a table of text with a "
                           "row on each line.",
                           csv->path, (long long)csv->line, LONGEST_RECORD);
        char *larger = realloc(csv->buffer, csv->capacity * 2);
        if (!larger)
            return sb_fail(error, SIMBA_ERROR_MEMORY, "The host has no memory for line %lld of %s.",
                           (long long)csv->line, csv->path);
        csv->buffer = larger;
        csv->capacity *= 2;
    }
    const int got = gzread(csv->stream, csv->buffer + csv->used, (unsigned)(csv->capacity - 1 - csv->used));
    if (got < 0) return sb_gzip_fail(csv->stream, csv->path, "table", error);
    if (got == 0) {
        int code;
        gzerror(csv->stream, &code);
        if (code != Z_OK && code != Z_STREAM_END) return sb_gzip_fail(csv->stream, csv->path, "table", error);
        csv->ended = true;
    }
    csv->used += (size_t)got;
    csv->buffer[csv->used] = '\n';
    return true;
}

/* Counts the candidates in the record at *at, which moves behind it; false when its end is not in the buffer. */
static bool count_separators(const struct sb_csv *csv, size_t *at, int counts[3]) {
    bool quoted = false;
    memset(counts, 0, 3 * sizeof *counts);
    while (*at < csv->used && (csv->buffer[*at] == '\n' || csv->buffer[*at] == '\r')) ++*at;
    for (; *at < csv->used; ++*at) {
        const char letter = csv->buffer[*at];
        quoted ^= letter == '"';
        if (quoted) continue;
        if (letter == '\n' || letter == '\r') return true;
        counts[0] += letter == '\t';
        counts[1] += letter == ';';
        counts[2] += letter == ',';
    }
    return csv->ended;
}

static char find_separator(const struct sb_csv *csv) {
    static const char candidates[] = "\t;,";
    int first[3], second[3];
    size_t at = csv->start;
    count_separators(csv, &at, first);
    const bool both = at < csv->used && count_separators(csv, &at, second);
    const bool has_second = both && (second[0] || second[1] || second[2]);
    for (int i = 0; i < 3; i++)
        if (first[i] > 0 && (!has_second || second[i] == first[i])) return candidates[i];
    for (int i = 0; i < 3; i++)
        if (first[i] > 0) return candidates[i];
    return ',';
}

static bool begin(struct sb_csv *csv, char separator, struct simba_error *error) {
    do
        if (!fill(csv, error)) return false;
    while (!csv->ended && csv->used + 1 < csv->capacity);
    const uint8_t *bytes = (const uint8_t *)csv->buffer;
    if (csv->used >= 2 && ((bytes[0] == 0xff && bytes[1] == 0xfe) || (bytes[0] == 0xfe && bytes[1] == 0xff)))
        return sb_fail(error, SIMBA_ERROR_FORMAT, "%s: this text is in UTF-16; save it as UTF-8.", csv->path);
    if (csv->used >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) csv->start = 3;
    csv->separator = separator ? separator : find_separator(csv);
    static const char others[] = {'\n', '\r', '\0'};
    for (size_t i = 0; i < sizeof others; i++) csv->stops[(uint8_t)others[i]] = true;
    csv->stops[(uint8_t)csv->separator] = true;
    return true;
}

struct sb_csv *sb_csv_open(const char *path, char separator, struct simba_error *error) {
    struct sb_csv *csv = sb_allocate(1, sizeof *csv, error);
    if (!csv) return NULL;
    csv->line = 1;
    csv->capacity = FIRST_BUFFER;
    csv->path = sb_allocate(strlen(path) + 1, 1, error);
    if (csv->path) strcpy(csv->path, path);
    csv->buffer = csv->path ? sb_allocate(csv->capacity, 1, error) : NULL;
    csv->stream = csv->buffer ? sb_gzip_open(path, NULL, error) : NULL;
    if (csv->stream && begin(csv, separator, error)) return csv;
    sb_csv_close(csv);
    return NULL;
}

char sb_csv_separator(const struct sb_csv *csv) {
    return csv->separator;
}

void sb_csv_close(struct sb_csv *csv) {
    if (!csv) return;
    if (csv->stream) gzclose(csv->stream);
    free(csv->path);
    free(csv->buffer);
    free(csv->offsets);
    free(csv->fields);
    free(csv);
}

/* Where the reading of a record stands. */
struct scan {
    size_t at; /* from csv->start, as all offsets are, because the buffer moves */
    int count;
    int64_t lines; /* line ends within */
};

static bool fail_at(const struct sb_csv *csv, const struct scan *scan, const char *problem, struct simba_error *error) {
    return sb_fail(error, SIMBA_ERROR_FORMAT, "%s, line %lld, column %d: %s", csv->path,
                   (long long)(csv->line + scan->lines), scan->count + 1, problem);
}

/* The character at scan->at; a line feed when the file has ended, with *end set. */
static bool look(struct sb_csv *csv, const struct scan *scan, char *letter, bool *end, struct simba_error *error) {
    while (csv->start + scan->at >= csv->used && !csv->ended)
        if (!fill(csv, error)) return false;
    *end = csv->start + scan->at >= csv->used;
    *letter = csv->buffer[csv->start + scan->at];
    return true;
}

static bool is_blank(const struct sb_csv *csv, char letter) {
    return letter == ' ' || (letter == '\t' && csv->separator != '\t');
}

/* A field in quotes, from its first one: its text is moved to `to`, and *to is behind it. */
static bool scan_quoted(struct sb_csv *csv, struct scan *scan, size_t *to, struct simba_error *error) {
    const struct scan opening = *scan;
    char letter;
    bool end;
    for (scan->at++;;) {
        if (!look(csv, scan, &letter, &end, error)) return false;
        if (end) return fail_at(csv, &opening, "the quote that begins here is not closed. Add the missing one.", error);
        scan->at++;
        if (letter == '"') {
            if (!look(csv, scan, &letter, &end, error)) return false;
            if (end || letter != '"') break;
            scan->at++;
        }
        if (letter == '\0') return fail_at(csv, scan, "there is a zero byte; a table is a text file.", error);
        scan->lines += letter == '\n';
        csv->buffer[csv->start + (*to)++] = letter;
        if (scan->at - opening.at > LONGEST_FIELD)
            return fail_at(csv, &opening, "this quoted field has more than 65536 bytes. Look for a missing quote.",
                           error);
    }
    while (look(csv, scan, &letter, &end, error)) {
        if (end || letter == csv->separator || letter == '\n' || letter == '\r') return true;
        if (!is_blank(csv, letter))
            return fail_at(csv, &opening,
                           "something follows the quote that ends this field. Write two quotes for one within a field.",
                           error);
        scan->at++;
    }
    return false;
}

static bool scan_plain(struct sb_csv *csv, struct scan *scan, size_t from, size_t *to, struct simba_error *error) {
    for (;;) {
        const char *here = csv->buffer + csv->start + scan->at;
        while (!csv->stops[(uint8_t)*here]) here++;
        scan->at = (size_t)(here - csv->buffer) - csv->start;
        if (csv->start + scan->at < csv->used || csv->ended) break;
        if (scan->at - from > LONGEST_FIELD) break;
        if (!fill(csv, error)) return false;
    }
    if (scan->at - from > LONGEST_FIELD)
        return fail_at(csv, scan, "this field has more than 65536 bytes. Check that it is a table of text.", error);
    if (csv->buffer[csv->start + scan->at] == '\0')
        return fail_at(csv, scan, "there is a zero byte; a table is a text file.", error);
    *to = scan->at;
    while (*to > from && is_blank(csv, csv->buffer[csv->start + *to - 1])) --*to;
    return true;
}

static bool reserve_field(struct sb_csv *csv, const struct scan *scan, struct simba_error *error) {
    if (scan->count < csv->field_capacity) return true;
    if (scan->count >= MOST_FIELDS)
        return sb_fail(error, SIMBA_ERROR_UNSUPPORTED, "%s, line %lld: there are more than %d columns.", csv->path,
                       (long long)csv->line, MOST_FIELDS);
    const int capacity = csv->field_capacity ? 2 * csv->field_capacity : 64;
    size_t *offsets = realloc(csv->offsets, 2 * (size_t)capacity * sizeof *offsets);
    if (offsets) csv->offsets = offsets;
    const char **fields = realloc(csv->fields, (size_t)capacity * sizeof *fields);
    if (fields) csv->fields = fields;
    if (!offsets || !fields)
        return sb_fail(error, SIMBA_ERROR_MEMORY, "The host has no memory for the columns of %s.", csv->path);
    csv->field_capacity = capacity;
    return true;
}

/* Fields up to the end of the line; scan->at is behind it. */
static bool scan_record(struct sb_csv *csv, struct scan *scan, struct simba_error *error) {
    char letter;
    bool end;
    for (;;) {
        if (!reserve_field(csv, scan, error) || !look(csv, scan, &letter, &end, error)) return false;
        while (!end && is_blank(csv, letter)) {
            scan->at++;
            if (!look(csv, scan, &letter, &end, error)) return false;
        }
        size_t from = scan->at, to = from;
        if (!end && letter == '"') {
            if (!scan_quoted(csv, scan, &to, error)) return false;
        } else if (!scan_plain(csv, scan, from, &to, error))
            return false;
        csv->offsets[2 * scan->count] = from;
        csv->offsets[2 * scan->count + 1] = to;
        scan->count++;
        if (!look(csv, scan, &letter, &end, error)) return false;
        if (end) return true;
        scan->at++;
        if (letter == csv->separator) continue;
        scan->lines++;
        if (letter == '\r') {
            if (!look(csv, scan, &letter, &end, error)) return false;
            scan->at += !end && letter == '\n';
        }
        return true;
    }
}

bool sb_csv_next(struct sb_csv *csv, struct sb_record *record, struct simba_error *error) {
    struct scan scan = {0};
    *record = (struct sb_record){.line = csv->line};
    char letter;
    bool end;
    if (!look(csv, &scan, &letter, &end, error)) return false;
    if (end) return true;
    if (!scan_record(csv, &scan, error)) return false;
    for (int i = 0; i < scan.count; i++) {
        csv->fields[i] = csv->buffer + csv->start + csv->offsets[2 * i];
        csv->buffer[csv->start + csv->offsets[2 * i + 1]] = '\0';
    }
    record->fields = csv->fields;
    record->count = scan.count;
    csv->start += scan.at;
    csv->line += scan.lines;
    return true;
}
