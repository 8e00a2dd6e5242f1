#include "temporary.h"

#include "base/file.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static void check_content(const char *path, const char *text) {
    struct simba_error error = {0};
    uint8_t *bytes;
    size_t size;
    if (!sb_read_file(path, 0, &bytes, &size, &error)) fail_msg("%s", error.message);
    assert_int_equal(size, strlen(text));
    assert_string_equal((char *)bytes, text);
    free(bytes);
}

static bool write_text(const char *path, const char *text, struct simba_error *error) {
    struct sb_writer writer;
    if (!sb_writer_open(&writer, path, error)) return false;
    if (sb_writer_write(&writer, text, strlen(text), error)) return sb_writer_commit(&writer, error);
    sb_writer_discard(&writer);
    return false;
}

static int count_entries(void) {
    int count = 0;
    DIR *directory = opendir(temporary_directory);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));) count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

static void reads_whole_files(void **state) {
    (void)state;
    struct simba_error error = {0};
    uint8_t *bytes;
    size_t size;
    put_text(temporary("text"), "twelve bytes");
    check_content(temporary("text"), "twelve bytes");
    put_text(temporary("empty"), "");
    check_content(temporary("empty"), "");
    assert_true(sb_read_file(temporary("text"), 12, &bytes, &size, &error));
    free(bytes);
    assert_false(sb_read_file(temporary("text"), 11, &bytes, &size, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "12 bytes");
    assert_false(sb_read_file(temporary("absent"), 0, &bytes, &size, &error));
    check_error(&error, SIMBA_ERROR_FILE, "No such file or directory. Check the path.");
    assert_false(sb_read_file(temporary_directory, 0, &bytes, &size, &error));
    check_error(&error, SIMBA_ERROR_FILE, "Is a directory");
    assert_false(sb_read_file("/dev/zero", 100000, &bytes, &size, &error));
    check_error(&error, SIMBA_ERROR_FORMAT, "larger than the 100000 bytes");
}

static void replaces_at_commit_only(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct sb_writer writer;
    const char *path = temporary("result");
    assert_true(write_text(path, "old", &error));
    assert_true(sb_writer_open(&writer, path, &error));
    assert_true(sb_writer_write(&writer, "new", 3, &error));
    check_content(path, "old");
    assert_true(sb_writer_commit(&writer, &error));
    check_content(path, "new");

    assert_true(sb_writer_open(&writer, path, &error));
    assert_true(sb_writer_write(&writer, "newer", 5, &error));
    sb_writer_discard(&writer);
    sb_writer_discard(&writer);
    check_content(path, "new");
    assert_int_not_equal(access(temporary("result.partial"), F_OK), 0);
    struct sb_writer zero = {0};
    sb_writer_discard(&zero);

    /* A link stays one. */
    assert_int_equal(symlink("result", temporary("link")), 0);
    assert_true(write_text(temporary("link"), "through", &error));
    check_content(path, "through");
    struct stat status;
    assert_int_equal(lstat(temporary("link"), &status), 0);
    assert_true(S_ISLNK(status.st_mode));
}

static void second_writer_is_refused(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct sb_writer first, second;
    assert_true(sb_writer_open(&first, temporary("shared"), &error));
    assert_false(sb_writer_open(&second, temporary("shared"), &error));
    check_error(&error, SIMBA_ERROR_FILE, "another process is writing it");
    sb_writer_discard(&second);
    assert_true(sb_writer_write(&first, "one", 3, &error));
    assert_true(sb_writer_commit(&first, &error));
    check_content(temporary("shared"), "one");
}

static void impossible_places(void **state) {
    (void)state;
    struct simba_error error = {0};
    struct sb_writer writer;
    put_text(temporary("file"), "x");
    assert_false(sb_writer_open(&writer, temporary("nowhere/x"), &error));
    check_error(&error, SIMBA_ERROR_FILE, "No such file");
    assert_false(sb_writer_open(&writer, temporary("file/x"), &error));
    check_error(&error, SIMBA_ERROR_FILE, "Not a directory");
    assert_false(sb_writer_open(&writer, temporary_directory, &error));
    check_error(&error, SIMBA_ERROR_FILE, "Is a directory");
    char *longest = malloc(6000);
    memset(longest, 'a', 5999);
    longest[5999] = 0;
    assert_false(sb_writer_open(&writer, longest, &error));
    check_error(&error, SIMBA_ERROR_FILE, "shorter path");
    free(longest);
    if (geteuid() == 0) return; /* root may write everywhere */
    assert_int_equal(mkdir(temporary("locked"), 0500), 0);
    assert_false(sb_writer_open(&writer, temporary("locked/x"), &error));
    check_error(&error, SIMBA_ERROR_FILE, "permissions");
}

static void full_disk(void **state) {
    (void)state;
    struct simba_error error = {0};
    if (access("/dev/full", W_OK) != 0) skip();
    assert_false(write_text("/dev/full", "no room for this", &error));
    check_error(&error, SIMBA_ERROR_FILE, "No space left on device. Free some space or choose another place.");
    struct sb_writer writer;
    char block[65536] = {0};
    assert_true(sb_writer_open(&writer, "/dev/full", &error));
    assert_false(sb_writer_write(&writer, block, sizeof block, &error));
    check_error(&error, SIMBA_ERROR_FILE, "No space left");
    sb_writer_discard(&writer);
    assert_true(write_text("/dev/null", "devices are written directly", &error));
}

/* A file that may not grow stands for a disk that fills up half-way: the old file must survive. */
static void failure_half_way_keeps_the_old_file(void **state) {
    (void)state;
    struct simba_error error = {0};
    const char *path = temporary("kept");
    assert_true(write_text(path, "precious", &error));
    int entries = count_entries();
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 100000;
    signal(SIGXFSZ, SIG_IGN);
    struct sb_writer writer;
    char block[65536] = {0};
    bool done = sb_writer_open(&writer, path, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int i = 0; i < 4 && done; i++) done = sb_writer_write(&writer, block, sizeof block, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_false(done);
    check_error(&error, SIMBA_ERROR_FILE, "File too large");
    sb_writer_discard(&writer);
    check_content(path, "precious");
    assert_int_equal(count_entries(), entries);
}

/* Whatever the moment of a SIGKILL, the file is one of those that were written whole. */
static void kill_leaves_a_whole_file(void **state) {
    (void)state;
    struct simba_error error = {0};
    enum { SIZE = 300000 };
    char *block = malloc(SIZE);
    const char *path = temporary("checkpoint");
    memset(block, 'a', SIZE);
    struct sb_writer writer;
    assert_true(sb_writer_open(&writer, path, &error));
    assert_true(sb_writer_write(&writer, block, SIZE, &error));
    assert_true(sb_writer_commit(&writer, &error));
    for (int round = 0; round < 12; round++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            for (int letter = 0;; letter++) {
                memset(block, 'a' + letter % 26, SIZE);
                struct sb_writer own;
                if (!sb_writer_open(&own, path, NULL)) _exit(1);
                for (int i = 0; i < 3; i++)
                    if (!sb_writer_write(&own, block, SIZE / 3, NULL)) _exit(1);
                if (!sb_writer_commit(&own, NULL)) _exit(1);
            }
        }
        usleep((useconds_t)(2000 + round * 1700));
        kill(child, SIGKILL);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        uint8_t *bytes;
        size_t size;
        if (!sb_read_file(path, 0, &bytes, &size, &error)) fail_msg("%s", error.message);
        assert_int_equal(size, SIZE);
        for (size_t i = 1; i < size; i++) assert_int_equal(bytes[i], bytes[0]);
        free(bytes);
    }
    /* What the killed one left behind is taken over. */
    assert_true(write_text(path, "after", &error));
    check_content(path, "after");
    assert_int_not_equal(access(temporary("checkpoint.partial"), F_OK), 0);
    free(block);
}

static void directories(void **state) {
    (void)state;
    struct simba_error error = {0};
    assert_true(sb_make_directories(temporary("a/b//c/"), &error));
    assert_true(sb_make_directories(temporary("a/b/c"), &error));
    assert_int_equal(access(temporary("a/b/c"), F_OK), 0);
    put_text(temporary("a/file"), "x");
    assert_false(sb_make_directories(temporary("a/file/d"), &error));
    check_error(&error, SIMBA_ERROR_FILE, "file where a directory is needed");
    assert_false(sb_make_directories("", &error));
    assert_true(sb_make_directories("/", &error));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_whole_files),
        cmocka_unit_test(replaces_at_commit_only),
        cmocka_unit_test(second_writer_is_refused),
        cmocka_unit_test(impossible_places),
        cmocka_unit_test(full_disk),
        cmocka_unit_test(failure_half_way_keeps_the_old_file),
        cmocka_unit_test(kill_leaves_a_whole_file),
        cmocka_unit_test(directories),
    };
    return cmocka_run_group_tests_name("base file", tests, make_temporary, remove_temporary);
}
