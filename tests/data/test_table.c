#include "temporary.h"

#include "base/file.h"
#include "io/csv.h"
#include "io/table.h"

#include <math.h>
#include <zlib.h>

/* What the log has heard last, and how often. */
static struct {
    int count;
    char last[2048];
} heard;
static void hear(void *user, enum simba_log_level level, const char *message) {
    (void)user;
    assert_int_equal(level, SIMBA_LOG_WARNING);
    heard.count++;
    snprintf(heard.last, sizeof heard.last, "%s", message);
}

static struct sb_table_parameters file_of(const char *text) {
    const char *path = temporary("table.csv");
    put_text(path, text);
    heard.count = 0;
    heard.last[0] = '\0';
    return (struct sb_table_parameters){.path = path, .log = {.function = hear}};
}

static struct sb_table read_with(struct sb_table_parameters parameters) {
    struct simba_error error = {0};
    struct sb_table table;
    if (!sb_table_read(&parameters, &table, &error)) fail_msg("%s", error.message);
    return table;
}

static void check_table(struct sb_table_parameters parameters, int64_t rows, int columns, const char *const *names,
                        const double *values) {
    struct sb_table table = read_with(parameters);
    assert_int_equal(table.rows, rows);
    assert_int_equal(table.columns, columns);
    for (int i = 0; i < columns; i++) assert_string_equal(table.names[i], names[i]);
    for (int64_t i = 0; i < rows * columns; i++)
        if (table.values[i] != values[i]) fail_msg("value %lld: %g", (long long)i, table.values[i]);
    sb_table_finish(&table);
}

static void check_failure(struct sb_table_parameters parameters, enum simba_code code, const char *part) {
    struct simba_error error = {0};
    struct sb_table table;
    if (sb_table_read(&parameters, &table, &error)) fail_msg("no error; expected \"%s\"", part);
    check_error(&error, code, part);
    check_error(&error, code, parameters.path);
    const size_t length = strlen(error.message);
    if (length == 0 || error.message[length - 1] != '.') fail_msg("no sentence: %s", error.message);
    assert_null(table.values);
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__})
#define VALUES(...) ((const double[]){__VA_ARGS__})

static void forms_of_text(void **state) {
    (void)state;
    static const char *const texts[] = {
        "a,b\n1,2\n3,4\n",
        "a,b\n1,2\n3,4",
        "a,b\r\n1,2\r\n3,4\r\n",
        "a,b\r1,2\r3,4\r",
        ("\xef\xbb\xbf"
         "a,b\n1,2\n3,4\n"),
        "a;b\n1;2\n3;4\n",
        "a\tb\n1\t2\n3\t4\n",
        "\"a\",\"b\"\n\"1\",\"2\"\n3,\"4\"\n",
        " a , \"b\" \n 1 ,\t2 \n3,+4e0\n",
        "\n\na,b\n\n1,2\n\n3,4\n\n\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check_table(file_of(texts[i]), 2, 2, NAMES("a", "b"), VALUES(1, 2, 3, 4));
    check_table(file_of("\"x, \"\"in\"\" m\",\"two\nlines\"\n1,2\n"), 1, 2, NAMES("x, \"in\" m", "two lines"),
                VALUES(1, 2));
    check_table(file_of("a\r\n1\r\n2\r\n"), 2, 1, NAMES("a"), VALUES(1, 2));
    check_table(file_of("a,\xb0\xb0\n1,2\n"), 1, 2, NAMES("a", "\xc2\xb0\xc2\xb0"), VALUES(1, 2));
    check_table(file_of("a;\"b,c,d\"\n1;2\n"), 1, 2, NAMES("a", "b,c,d"), VALUES(1, 2));
    check_table(file_of("W/m\xb2,\xc2\xb0"
                        "C\n1,2\n"),
                1, 2,
                NAMES("W/m\xc2\xb2", "\xc2\xb0"
                                     "C"),
                VALUES(1, 2));
    struct sb_table_parameters parameters = file_of("a;b\n1,5;2,25\n3,0;-4e1\n");
    parameters.decimal_comma = true;
    check_table(parameters, 2, 2, NAMES("a", "b"), VALUES(1.5, 2.25, 3, -40));
    parameters = file_of("a;b,c\n1;2,3\n");
    parameters.separator = ',';
    check_failure(parameters, SIMBA_ERROR_FORMAT, "line 2, column \"a;b\": \"1;2\" is not a number");
}

static void headers(void **state) {
    (void)state;
    check_table(file_of("1,2\n3,4\n"), 2, 2, NAMES("column 1", "column 2"), VALUES(1, 2, 3, 4));
    check_table(file_of("7\n8\n9\n"), 3, 1, NAMES("column 1"), VALUES(7, 8, 9));
    check_table(file_of("a,\n1,2\n"), 1, 2, NAMES("a", "column 2"), VALUES(1, 2));
    struct sb_table_parameters parameters = file_of("1,2\n3,4\n");
    parameters.header = SB_HEADER_PRESENT;
    check_table(parameters, 1, 2, NAMES("1", "2"), VALUES(3, 4));
    parameters = file_of("x,2\n3,4\n");
    parameters.header = SB_HEADER_ABSENT;
    check_failure(parameters, SIMBA_ERROR_FORMAT, "line 1, column \"column 1\": \"x\" is not a number");
    /* An index that pandas has written counts as dates. */
    struct sb_table table = read_with(file_of(",a\n0,5\n1,6\n2,7\n"));
    assert_int_equal(table.columns, 1);
    assert_int_equal(table.date_format.kind, SB_DATE_INDEX);
    assert_true(table.values[2] == 7.0 && table.dates[2] == 2 && table.interval.time == 1);
    sb_table_finish(&table);
}

static void compressed(void **state) {
    (void)state;
    const char *path = temporary("matrix.txt.gz");
    gzFile stream = gzopen(path, "wb");
    for (int row = 0; row < 5000; row++)
        for (int column = 0; column < 30; column++)
            gzprintf(stream, "%d%s", row * 30 + column, column == 29 ? "\n" : ",");
    gzclose(stream);
    const struct sb_table_parameters parameters = {.path = path};
    struct sb_table table = read_with(parameters);
    assert_true(table.rows == 5000 && table.columns == 30 && !table.dates && !table.named);
    for (int i = 0; i < 150000; i++) assert_true(table.values[i] == (double)i);
    assert_int_equal(table.lines[4999], 5000);
    sb_table_finish(&table);
    uint8_t *bytes;
    size_t size;
    struct simba_error error = {0};
    assert_true(sb_read_file(path, 0, &bytes, &size, &error));
    for (size_t length = 20; length < size; length += size / 50) {
        put_file(path, bytes, length);
        check_failure(parameters, SIMBA_ERROR_FORMAT, "damaged (it ends early)");
    }
    bytes[size / 2] ^= 1;
    put_file(path, bytes, size);
    assert_false(sb_table_read(&parameters, &table, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, path);
    free(bytes);
}

/* Records longer than the reader's buffer, and rows that its end cuts anywhere. */
static void long_records(void **state) {
    (void)state;
    const char *path = temporary("wide.csv");
    const int columns = 30000;
    FILE *file = fopen(path, "wb");
    for (int row = 0; row < 7; row++) {
        for (int column = 0; column < columns; column++)
            fprintf(file, column % 1000 == row ? "\"%d.25\"%s" : "%d.25%s", row * 7 + column,
                    column == columns - 1 ? "\r\n" : ",");
    }
    fclose(file);
    struct sb_table table = read_with((struct sb_table_parameters){.path = path});
    assert_true(table.rows == 7 && table.columns == columns);
    for (int row = 0; row < 7; row++)
        for (int column = 0; column < columns; column++)
            assert_true(table.values[row * columns + column] == row * 7 + column + 0.25);
    sb_table_finish(&table);

    for (int shift = 0; shift < 8; shift++) {
        file = fopen(path, "wb");
        fprintf(file, "%*s,b\n", shift + 1, "a");
        for (int row = 0; row < 60000; row++) fprintf(file, "%d,\"%d\"\r\n", row, 2 * row);
        fclose(file);
        table = read_with((struct sb_table_parameters){.path = path});
        assert_int_equal(table.rows, 60000);
        for (int row = 0; row < 60000; row++)
            assert_true(table.values[2 * row] == row && table.values[2 * row + 1] == 2 * row);
        sb_table_finish(&table);
    }
}

static void malformed(void **state) {
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"", "this file is empty"},
        {"\n\n", "this file is empty"},
        {"a,b\n", "there are no rows below the header"},
        {"a,b\n,\n,\n", "all of its rows are empty"},
        {"a,b\n1,2\n3,x\n", "line 3, column \"b\": \"x\" is not a number. Correct it"},
        {"a,b\r\n1,2\r\n3,x\r\n", "line 3, column \"b\": \"x\" is not a number"},
        {"\"a\n\n\",b\n1,2\n3,x\n", "line 5, column \"b\": \"x\" is not a number"},
        {"a,b\n1,2\n\n3,1.2.3\n", "line 4, column \"b\": \"1.2.3\" is not a number"},
        {"a,b\n1,2\n3\n", "line 3: this row has 1 field, expected 2 as in the first one"},
        {"a,b\n1,2\n3,4,5\n", "line 3: this row has 3 fields, expected 2"},
        {"a,b\n1,2\n3,inf\n", "line 3, column \"b\": \"inf\" is infinite or too large"},
        {"a,b\n1,1e999\n", "line 2, column \"b\": \"1e999\" is infinite or too large"},
        {"a;b\n1;1,5\n", "line 2, column \"b\": \"1,5\" is no number with a decimal point. If it is one with a comma, "
                         "say \"decimal_comma\": true"},
        {"a,b\n1,2\n3,\n", "line 3, column \"b\": the value is missing (\"\"). Fill it in"},
        {"a,b\nNA,2\n", "line 2, column \"a\": the value is missing (\"NA\")"},
        {"a,b\n1,nan\n", "column \"b\": the value is missing (\"nan\")"},
        {"a,b\n1,?\n", "column \"b\": the value is missing (\"?\")"},
        {"a,b\n1,2\n,\n3,4\n", "line 3, column \"a\": the value is missing"},
        {"a\n1\n\n2\n", "line 3, column \"a\": the value is missing"},
        {"a,b\n1,\"2\n3,4\n", "line 2, column 2: the quote that begins here is not closed"},
        {"a,b\n1,\"2\"x\n", "line 2, column 2: something follows the quote"},
        {"a,a\n1,2\n", "two columns are called \"a\""},
        {"date\n2016-07-01\n", "there is no column of numbers besides the dates"},
        {"a,day\n1,2016-07-01\n",
         "line 2, column \"day\": \"2016-07-01\" is a date where a number is expected. If these "
         "are the rows' dates, say \"date_column\": \"day\""},
        {("\xff\xfe"
          "a"),
         "UTF-16"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_failure(file_of(cases[i].text), SIMBA_ERROR_FORMAT, cases[i].part);

    struct sb_table_parameters parameters = file_of("");
    put_file(parameters.path, "a,b\n1,2\0\n", 9);
    check_failure(parameters, SIMBA_ERROR_FORMAT, "line 2, column 2: there is a zero byte");
    parameters.path = temporary("absent.csv");
    check_failure(parameters, SIMBA_ERROR_FILE, "No such file");
    parameters.path = temporary_directory;
    check_failure(parameters, SIMBA_ERROR_FILE, "Is a directory");
    parameters = file_of("a,b\n1,2\n");
    parameters.decimal_comma = true;
    check_failure(parameters, SIMBA_ERROR_CONFIG, "commas cannot separate columns and be decimal commas too");

    char *text = malloc(70001);
    assert_non_null(text);
    memset(text, 'x', 70000);
    text[70000] = '\0';
    check_failure(file_of(text), SIMBA_ERROR_FORMAT, "line 1, column 1: this field has more than 65536 bytes");
    text[0] = '"';
    check_failure(file_of(text), SIMBA_ERROR_FORMAT, "line 1, column 1: this quoted field has more than 65536 bytes");
    memset(text, ',', 70000);
    check_failure(file_of(text), SIMBA_ERROR_UNSUPPORTED, "more than 65536 columns");
    free(text);
}

static void interpolated(void **state) {
    (void)state;
    struct sb_table_parameters parameters = file_of("a,b\n,1\n2,NA\nnull,N/A\n?,4\n8,NaN\n,\n9,?\n");
    parameters.missing = SB_MISSING_INTERPOLATE;
    check_table(parameters, 7, 2, NAMES("a", "b"), VALUES(2, 1, 2, 2, 4, 3, 6, 4, 8, 4, 8.5, 4, 9, 4));
    assert_int_equal(heard.count, 1);
    assert_non_null(strstr(heard.last, "9 missing values were interpolated, the first one in line 2"));
    parameters = file_of("a\n1\n\n\n4\n\n");
    parameters.missing = SB_MISSING_INTERPOLATE;
    check_table(parameters, 4, 1, NAMES("a"), VALUES(1, 2, 3, 4));
    /* Rows of nothing: missing within the table, nothing at its end. */
    parameters = file_of("a,b\n1,2\n,\n3,4\n,\n,\n\n");
    parameters.missing = SB_MISSING_INTERPOLATE;
    check_table(parameters, 3, 2, NAMES("a", "b"), VALUES(1, 2, 2, 3, 3, 4));
    check_table(file_of("a,b\n1,2\n,\n\n,\n"), 1, 2, NAMES("a", "b"), VALUES(1, 2));
    parameters = file_of("a,b\n1,\n2,\n");
    parameters.missing = SB_MISSING_INTERPOLATE;
    check_failure(parameters, SIMBA_ERROR_FORMAT, "the column \"b\" has no value in any row");
}

static void chosen_columns(void **state) {
    (void)state;
    struct sb_table_parameters parameters = file_of("when,a,note,b,c\n2016-07-01,1,good,2,3\n2016-07-02,4,bad,5,6\n");
    parameters.columns = NAMES("c", "a");
    parameters.column_count = 2;
    check_table(parameters, 2, 2, NAMES("c", "a"), VALUES(3, 1, 6, 4));
    parameters.columns = NAMES("c", "aa");
    check_failure(parameters, SIMBA_ERROR_FORMAT,
                  "there is no column \"aa\", one of the 2 that are needed; the nearest "
                  "is \"a\". The columns are: when, a, note, b, c.");
    parameters.columns = NAMES("c", "c");
    check_failure(parameters, SIMBA_ERROR_CONFIG, "\"c\" is asked for twice");
    parameters.columns = NAMES("c", "when");
    check_failure(parameters, SIMBA_ERROR_CONFIG, "\"when\" holds the dates");
    parameters = file_of("1,2,3\n4,5,6\n");
    parameters.columns = NAMES("x", "y", "z");
    parameters.column_count = 3;
    check_table(parameters, 2, 3, NAMES("column 1", "column 2", "column 3"), VALUES(1, 2, 3, 4, 5, 6));
    parameters.column_count = 2;
    check_failure(parameters, SIMBA_ERROR_FORMAT, "there are 3 columns of numbers, expected 2");
}

static void date_columns(void **state) {
    (void)state;
    static const struct {
        const char *text, *column;
        bool dates;
    } cases[] = {
        {"a,date\n1,2016-07-01\n2,2016-07-02\n", NULL, true},
        {"a,DateTime\n1,2016-07-01\n2,2016-07-02\n", NULL, true},
        {"day,a\n2016-07-01,1\n2016-07-02,2\n", NULL, true},
        {"2016-07-01,1\n2016-07-02,2\n", NULL, true},
        {"a,b\n1,2016-07-01\n2,2016-07-02\n", "b", true},
        {"1,2016-07-01\n2,2016-07-02\n", "column 2", true},
        {"a,timestamp\n1,1467331200\n2,1467334800\n", NULL, true},
        {"year,a\n1990,1\n1991,2\n", "year", true},
        {"a\n1\n2\n", NULL, false},
        {"a\n1\n2\n", "", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sb_table_parameters parameters = file_of(cases[i].text);
        parameters.date_column = cases[i].column;
        struct sb_table table = read_with(parameters);
        if (table.columns != 1 || (table.dates != NULL) != cases[i].dates || table.values[0] != 1 ||
            table.values[1] != 2)
            fail_msg("case %zu: %d columns", i, table.columns);
        sb_table_finish(&table);
    }
    struct sb_table_parameters parameters = file_of("date,a\n2016-07-01,1\n2016-07-02,2\n");
    parameters.date_column = "dat";
    check_failure(parameters, SIMBA_ERROR_FORMAT,
                  "there is no column \"dat\", which \"date_column\" names; the nearest "
                  "is \"date\". The columns are: date, a.");
    parameters.date_column = "";
    check_failure(parameters, SIMBA_ERROR_FORMAT, "line 2, column \"date\": \"2016-07-01\" is a date where a number");
}

static void bad_dates(void **state) {
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"date,a\nsoon,1\n", "line 2, column \"date\": \"soon\" is no date of a form that is read (2016-07-01"},
        {"date,a\n2016-07-01,1\n,2\n", "line 3, column \"date\": the date is missing (\"\")"},
        {"date,a\n2016-07-01,1\n2016-07-32,2\n",
         "line 3, column \"date\": \"2016-07-32\" is a day that does not exist"},
        {"date,a\n2016-07-01,1\n2016/07/02,2\n",
         "line 3, column \"date\": \"2016/07/02\" is written in another form than the first date (\"2016-07-01\")"},
        {"date,a\n2016-07-01,1\n5,2\n", "\"5\" is written in another form"},
        {"date,a\n2016-07-01 00:00,1\n2016-07-01 01:00Z,2\n", "is written in another form"},
        {"date,a\n13/1/2016,1\n1/13/2016,2\n",
         "line 3, column \"date\": \"1/13/2016\" is a day that does not exist if the day comes first"},
        {"date,a\n2016-07-01,1\n2016-07-02,2\n2016-07-02,3\n2016-07-03,3\n",
         "line 4, column \"date\": the date 2016-07-02 is there twice, also in line 3"},
        {"date,a\n2016-07-01 00:00,1\n2016-07-01 01:00,2\n2016-06-30 23:00,3\n",
         "line 4, column \"date\": 2016-06-30 23:00 comes after 2016-07-01 01:00 in line 3; dates must ascend"},
        {"date,a\n2016-07-01 00:00,1\n2016-07-01 01:00,2\n2016-07-01 02:00,2\n2016-07-01 05:00,3\n",
         "line 5, column \"date\": 2016-07-01 05:00 follows 2016-07-01 02:00, while most rows are 1 hour apart: 2 rows "
         "are missing. Add the rows"},
        {"date,a\n2016-07-01 00:00,1\n2016-07-01 01:00,2\n2016-07-01 02:00,2\n2016-07-01 03:30,3\n",
         "line 5, column \"date\": 2016-07-01 03:30 follows 2016-07-01 02:00, while most rows are 1 hour apart. Add"},
        {"date,a\n2016070122,1\n2016070123,2\n2016070200,2\n2016070203,3\n",
         "line 5, column \"date\": 2016070203 follows 2016070200, while most rows are 1 hour apart: 2 rows are "
         "missing"},
        {"date,a\n2016-01-31,1\n2016-02-29,2\n2016-03-31,2\n2016-05-31,3\n",
         "line 5, column \"date\": 2016-05-31 follows 2016-03-31, while most rows are 1 month apart: 1 row is missing"},
        {"date,a\n3,1\n4,2\n5,2\n7,3\n", "line 5, column \"date\": 7 follows 5, while most rows are 1 apart: 1 row is"},
        {"date,a\n1/2/2016,1\n2/2/2016,2\n", "line 2, column \"date\": whether the day or the month comes first in "
                                             "\"1/2/2016\" cannot be told from the 2 dates. Say \"date_order\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_failure(file_of(cases[i].text), SIMBA_ERROR_FORMAT, cases[i].part);

    struct sb_table_parameters parameters = file_of(cases[9].text);
    parameters.date_rule = SB_DATES_WITH_GAPS;
    struct sb_table table = read_with(parameters);
    assert_int_equal(table.rows, 4);
    assert_true(table.interval.time == 3600 * SB_SECOND);
    assert_non_null(strstr(heard.last, "1 of the 4 rows do not follow the row above by 1 hour"));
    sb_table_finish(&table);
    parameters = file_of(cases[8].text);
    parameters.date_rule = SB_DATES_WITH_GAPS;
    check_failure(parameters, SIMBA_ERROR_FORMAT, "dates must ascend");
    parameters.date_rule = SB_DATES_ANY;
    table = read_with(parameters);
    assert_int_equal(table.rows, 3);
    sb_table_finish(&table);
    parameters = file_of("date,a\n1/13/2016,1\n1/14/2016,2\n");
    parameters.date_order = SB_DATE_ORDER_DAY_FIRST;
    check_failure(parameters, SIMBA_ERROR_FORMAT, "\"1/13/2016\" is a day that does not exist if the day comes first");
}

static char *content_of(const char *path) {
    uint8_t *bytes;
    size_t size;
    struct simba_error error = {0};
    if (!sb_read_file(path, 0, &bytes, &size, &error)) fail_msg("%s", error.message);
    return (char *)bytes;
}

/* Reads the text, continues it by two rows of 0.1 and checks what is written. */
static void check_continuation(struct sb_table_parameters parameters, const char *expected) {
    struct simba_error error = {0};
    struct sb_table table = read_with(parameters);
    const char *path = temporary("forecast.csv");
    if (!sb_continuation_write(&(struct sb_continuation){&table, table.rows, 2, 0, 1, VALUES(0.1, 2.0 / 3.0)}, path,
                               &error))
        fail_msg("%s", error.message);
    char *text = content_of(path);
    assert_string_equal(text, expected);
    free(text);
    sb_table_finish(&table);
}

static void continued(void **state) {
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"date,a\n2016-12-31 22:00:00,1\n2016-12-31 23:00:00,2\n",
         "date,a\n2017-01-01 00:00:00,0.1\n2017-01-01 01:00:00,0.6666666666666666\n"},
        {"when;a\n01.07.2016 23:30;1\n01.07.2016 23:45;2\n",
         "when;a\n02.07.2016 00:00;0.1\n02.07.2016 00:15;0.6666666666666666\n"},
        {"date,a\n2016-01-31,1\n2016-02-29,2\n", "date,a\n2016-03-31,0.1\n2016-04-30,0.6666666666666666\n"},
        {"date,a\n2016-06-30,1\n2016-09-30,2\n", "date,a\n2016-12-31,0.1\n2017-03-31,0.6666666666666666\n"},
        {"date,a\n2016-01-30,1\n2016-02-29,2\n", "date,a\n2016-03-30,0.1\n2016-04-30,0.6666666666666666\n"},
        {"date,a\n20161230,1\n20161231,2\n", "date,a\n20170101,0.1\n20170102,0.6666666666666666\n"},
        {"date,a\n2016123122,1\n2016123123,2\n", "date,a\n2017010100,0.1\n2017010101,0.6666666666666666\n"},
        {"date,a\n201602282330,1\n201602282345,2\n", "date,a\n201602290000,0.1\n201602290015,0.6666666666666666\n"},
        {"date,a\n20161231235958,1\n20161231235959,2\n",
         "date,a\n20170101000000,0.1\n20170101000001,0.6666666666666666\n"},
        /* The first one could be an hour; the second one has a 37th day: seconds. */
        {"date,a\n2016070100,1\n2016073700,2\n", "date,a\n2016077300,0.1\n2016080900,0.6666666666666666\n"},
        {"date,a\n1467331200,1\n1467334800,2\n", "date,a\n1467338400,0.1\n1467342000,0.6666666666666666\n"},
        {"date,a\n1467331200000,1\n1467331200500,2\n", "date,a\n1467331201000,0.1\n1467331201500,0.6666666666666666\n"},
        {"date,a\n7,1\n9,2\n", "date,a\n11,0.1\n13,0.6666666666666666\n"},
        {"2016-07-01T00:00Z,1\n2016-07-01T06:00Z,2\n",
         "column 1,column 2\n2016-07-01T12:00Z,0.1\n2016-07-01T18:00Z,0.6666666666666666\n"},
        {"date,a\n2016-10-30T02:00:00+02:00,1\n2016-10-30T02:00:00+01:00,2\n",
         "date,a\n2016-10-30T03:00:00+01:00,0.1\n2016-10-30T04:00:00+01:00,0.6666666666666666\n"},
        {"date,a\n2016-07-01,1\n2016-07-01 12:00,2\n",
         "date,a\n2016-07-02 00:00,0.1\n2016-07-02 12:00,0.6666666666666666\n"},
        /* Hourly only if the month comes first; daily only if the day does. */
        {"date,a\n7/1/2016 22:00,1\n7/1/2016 23:00,2\n7/2/2016 0:00,3\n",
         "date,a\n7/2/2016 1:00,0.1\n7/2/2016 2:00,0.6666666666666666\n"},
        {"date,a\n7/1/2016,1\n8/1/2016,2\n9/1/2016,2\n10/1/2016,2\n11/1/2016,2\n12/1/2016,2\n13/1/2016,3\n",
         "date,a\n14/1/2016,0.1\n15/1/2016,0.6666666666666666\n"},
        {"a,b\n1,2\n3,4\n", "step,a\n1,0.1\n2,0.6666666666666666\n"},
        {"\"a, \"\"b\"\"\"\n1\n3\n", "step,\"a, \"\"b\"\"\"\n1,0.1\n2,0.6666666666666666\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_continuation(file_of(cases[i].text), cases[i].expected);
    struct sb_table_parameters parameters = file_of("date;a\n01/02/16;1,5\n02/02/16;2\n");
    parameters.decimal_comma = true;
    parameters.date_order = SB_DATE_ORDER_MONTH_FIRST;
    check_continuation(parameters, "date;a\n03/02/16;0,1\n04/02/16;0,6666666666666666\n");

    struct simba_error error = {0};
    struct sb_table table = read_with(file_of("date,a,b\n2016-07-01,1,2\n2016-07-02,1,2\n"));
    assert_true(
        sb_continuation_write(&(struct sb_continuation){&table, 2, 1, 1, 1, VALUES(5)}, temporary("b.csv"), &error));
    char *text = content_of(temporary("b.csv"));
    assert_string_equal(text, "date,b\n2016-07-03,5\n");
    free(text);
    assert_false(sb_continuation_write(&(struct sb_continuation){&table, 2, 1, 0, 1, VALUES(5)},
                                       temporary("no/where.csv"), &error));
    check_error(&error, SIMBA_ERROR_FILE, "No such file");
    sb_table_finish(&table);
    table = read_with(file_of("date,a\n2016-07-01,1\n"));
    assert_false(
        sb_continuation_write(&(struct sb_continuation){&table, 1, 1, 0, 1, VALUES(5)}, temporary("c.csv"), &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "its dates do not tell how far apart the rows are");
    sb_table_finish(&table);

    /* Rows that are there keep their dates, also behind a gap. */
    parameters = file_of("date,a\n2016-07-01,1\n2016-07-02,2\n2016-07-05,3\n");
    parameters.date_rule = SB_DATES_WITH_GAPS;
    table = read_with(parameters);
    const struct sb_continuation behind = {&table, 1, 3, 0, 1, VALUES(4, 5, 6)};
    FILE *stream = fopen(temporary("d.csv"), "w");
    assert_non_null(stream);
    assert_true(sb_continuation_print(&behind, stream, &error));
    assert_int_equal(fclose(stream), 0);
    text = content_of(temporary("d.csv"));
    assert_string_equal(text, "date,a\n2016-07-02,4\n2016-07-05,5\n2016-07-06,6\n");
    free(text);
    stream = fopen("/dev/full", "w");
    if (stream) {
        assert_false(sb_continuation_print(&behind, stream, &error));
        check_error(&error, SIMBA_ERROR_FILE, "Cannot write the forecast: No space left");
        fclose(stream);
    }
    sb_table_finish(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(forms_of_text),  cmocka_unit_test(headers),
                                       cmocka_unit_test(compressed),     cmocka_unit_test(long_records),
                                       cmocka_unit_test(malformed),      cmocka_unit_test(interpolated),
                                       cmocka_unit_test(chosen_columns), cmocka_unit_test(date_columns),
                                       cmocka_unit_test(bad_dates),      cmocka_unit_test(continued)};
    return cmocka_run_group_tests_name("data table", tests, make_temporary, remove_temporary);
}
