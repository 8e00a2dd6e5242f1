/* Tables of numbers: the first byte says how they are read. What is accepted is finite, and is continued to a table
 * that can be read again. */
#include "fuzz.h"

#include "io/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char written[128];

static void remove_written(void) {
    unlink(written);
}

static void continue_table(const struct sb_table *table) {
    struct simba_error error = {0};
    if (!written[0]) {
        snprintf(written, sizeof written, "%s/simba-fuzz-%d.csv", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm",
                 (int)getpid());
        fuzz_expect(atexit(remove_written) == 0, "a file to write");
    }
    /* Dates may come to an end. */
    const struct sb_continuation continuation = {
        .table = table, .begin = table->rows, .rows = 1, .columns = table->columns, .values = table->values};
    if (!sb_continuation_write(&continuation, written, &error)) {
        fuzz_expect(error.code != SIMBA_OK && error.code != SIMBA_ERROR_INTERNAL, "an error that says what is wrong");
        return;
    }
    struct sb_table again = {0};
    const struct sb_table_parameters parameters = {.path = written, .header = SB_HEADER_PRESENT};
    if (!sb_table_read(&parameters, &again, &error)) fuzz_refused(&error, written);
    sb_table_finish(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (size == 0) return 0;
    const char *path = fuzz_file(bytes + 1, size - 1);
    const unsigned how = bytes[0];
    struct simba_error error = {0};
    struct sb_table table = {0};
    const struct sb_table_parameters parameters = {.path = path,
                                                   .header = (enum sb_header)(how % 3),
                                                   .decimal_comma = how / 4 % 2,
                                                   .missing = (enum sb_missing)(how / 8 % 2),
                                                   .date_rule = (enum sb_date_rule)(how / 16 % 3),
                                                   .date_column = how & 128 ? "" : NULL};
    if (!sb_table_read(&parameters, &table, &error)) {
        fuzz_refused(&error, path);
    } else {
        fuzz_expect(table.rows > 0 && table.columns > 0, "rows and columns");
        for (int column = 0; column < table.columns; column++) fuzz_expect(table.names[column], "a column has a name");
        for (int64_t i = 0; i < table.rows * table.columns; i++)
            fuzz_expect(isfinite(table.values[i]), "finite values");
        continue_table(&table);
    }
    sb_table_finish(&table);
    return 0;
}
