#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int cli_failed(const struct simba_error *error) {
    fprintf(stderr, "simba: %s\n", error->message);
    return error->code == SIMBA_ERROR_INTERRUPTED ? CLI_INTERRUPTED : CLI_FAILED;
}

/* Bytes of the well-formed UTF-8 character at `text` (RFC 3629: no overlong forms, no surrogates); 0: there is none. */
static int character_bytes(const unsigned char *text) {
    if (text[0] < 0x80) return 1;
    const int length = text[0] >= 0xC2 && text[0] <= 0xDF   ? 2
                       : text[0] >= 0xE0 && text[0] <= 0xEF ? 3
                       : text[0] >= 0xF0 && text[0] <= 0xF4 ? 4
                                                            : 0;
    for (int i = 1; i < length; i++)
        if ((text[i] & 0xC0) != 0x80) return 0;
    if ((text[0] == 0xE0 && text[1] < 0xA0) || (text[0] == 0xED && text[1] > 0x9F) ||
        (text[0] == 0xF0 && text[1] < 0x90) || (text[0] == 0xF4 && text[1] > 0x8F))
        return 0;
    return length;
}

void cli_json_string(FILE *stream, const char *text) {
    if (!text) {
        fputs("null", stream);
        return;
    }
    fputc('"', stream);
    /* Names of files are bytes; JSON is UTF-8. Bytes that are none become replacement characters. */
    for (int bytes; *text; text += bytes ? bytes : 1) {
        const unsigned char c = (unsigned char)*text;
        bytes = character_bytes((const unsigned char *)text);
        if (!bytes)
            fputs("\\ufffd", stream);
        else if (c == '"' || c == '\\')
            fprintf(stream, "\\%c", c);
        else if (c < 32)
            fprintf(stream, "\\u%04x", c);
        else
            fwrite(text, 1, (size_t)bytes, stream);
    }
    fputc('"', stream);
}

void cli_json_number(FILE *stream, double number) {
    if (isfinite(number))
        fprintf(stream, "%.9g", number);
    else
        fputs("null", stream);
}

const char *cli_bytes(char text[32], double bytes) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    int unit = 0;
    while (bytes >= 1000 && unit < 4) bytes /= 1024, unit++;
    snprintf(text, 32, unit ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
    return text;
}

const char *cli_duration(char text[32], double seconds) {
    if (seconds < 0) seconds = 0;
    long whole = (long)(seconds + 0.5);
    if (whole >= 3600)
        snprintf(text, 32, "%ld h %02ld min", whole / 3600, whole / 60 % 60);
    else if (whole >= 60)
        snprintf(text, 32, "%ld min %02ld s", whole / 60, whole % 60);
    else
        snprintf(text, 32, "%ld s", whole);
    return text;
}

const char *cli_count(char text[32], double count) {
    static const char *const units[] = {"", " k", " M", " G", " T", " P"};
    int unit = 0;
    while (count >= 1000 && unit < 5) count /= 1000, unit++;
    snprintf(text, 32, unit ? "%.2f%s" : "%.0f%s", count, units[unit]);
    return text;
}

bool cli_is_terminal(FILE *stream) {
    return isatty(fileno(stream)) == 1;
}

static bool coloured(FILE *stream) {
    const char *none = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return cli_is_terminal(stream) && !(none && none[0]) && !(terminal && terminal[0] == 'd'); /* TERM=dumb */
}

const char *cli_bold(FILE *stream) {
    return coloured(stream) ? "\033[1m" : "";
}
const char *cli_plain(FILE *stream) {
    return coloured(stream) ? "\033[0m" : "";
}

double cli_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}
