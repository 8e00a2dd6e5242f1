#include "base/file.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *advice(int number) {
    switch (number) {
    case ENOENT:
        return " Check the path.";
    case EACCES:
    case EPERM:
        return " Check the permissions of the file and of the directories above it.";
    case EROFS:
        return " The file system is mounted read-only; choose another place.";
    case ENOSPC:
    case EDQUOT:
        return " Free some space or choose another place.";
    case EFBIG:
        return " Raise the limit on file sizes (ulimit -f) or choose another file system.";
    case ENOTDIR:
        return " A part of the path is a file where a directory is needed.";
    case EISDIR:
        return " Give the path of a file.";
    case EMFILE:
    case ENFILE:
        return " Too many files are open; raise the limit (ulimit -n).";
    case ENAMETOOLONG:
        return " Choose a shorter path.";
    case EIO:
        return " The disk or the network file system reports a fault.";
    default:
        return "";
    }
}

bool sb_fail_errno(struct simba_error *error, int number, const char *doing, const char *path) {
    char reason[128];
    enum simba_code code = number == ENOMEM ? SIMBA_ERROR_MEMORY : SIMBA_ERROR_FILE;
    return sb_fail(error, code, "Cannot %s %.1024s: %s.%s", doing, path, strerror_r(number, reason, sizeof reason),
                   advice(number));
}

static bool read_stream(FILE *stream, const char *path, size_t limit, size_t expected, uint8_t **bytes, size_t *size,
                        struct simba_error *error) {
    /* One byte more than the file should have, so that its end is met without growing. */
    size_t capacity = expected + 2, used = 0;
    uint8_t *buffer = sb_allocate(capacity, 1, error);
    if (!buffer) return false;
    for (;;) {
        used += fread(buffer + used, 1, capacity - 1 - used, stream);
        if (used < capacity - 1) break;
        if (used > limit) {
            free(buffer);
            return sb_fail(error, SIMBA_ERROR_FORMAT, "%s is larger than the %zu bytes such a file may have.", path,
                           limit);
        }
        uint8_t *larger = realloc(buffer, capacity * 2);
        if (!larger) {
            free(buffer);
            return sb_fail(error, SIMBA_ERROR_MEMORY, "The host has no memory for the content of %s.", path);
        }
        buffer = larger;
        capacity *= 2;
    }
    if (ferror(stream)) {
        int number = errno;
        free(buffer);
        return sb_fail_errno(error, number, "read", path);
    }
    if (used > limit) {
        free(buffer);
        return sb_fail(error, SIMBA_ERROR_FORMAT, "%s is larger than the %zu bytes such a file may have.", path, limit);
    }
    buffer[used] = 0;
    *bytes = buffer;
    *size = used;
    return true;
}

bool sb_read_file(const char *path, size_t limit, uint8_t **bytes, size_t *size, struct simba_error *error) {
    if (limit == 0) limit = (size_t)2 << 30;
    FILE *stream = fopen(path, "rbe");
    if (!stream) return sb_fail_errno(error, errno, "open", path);
    struct stat status;
    if (fstat(fileno(stream), &status) != 0) {
        int number = errno;
        fclose(stream);
        return sb_fail_errno(error, number, "read", path);
    }
    if (S_ISDIR(status.st_mode)) {
        fclose(stream);
        return sb_fail_errno(error, EISDIR, "read", path);
    }
    size_t expected = S_ISREG(status.st_mode) && status.st_size > 0 ? (size_t)status.st_size : 4096;
    if (S_ISREG(status.st_mode) && expected > limit && status.st_size > 0) {
        fclose(stream);
        return sb_fail(error, SIMBA_ERROR_FORMAT, "%s has %zu bytes; such a file may have at most %zu.", path, expected,
                       limit);
    }
    bool done = read_stream(stream, path, limit, expected, bytes, size, error);
    fclose(stream);
    return done;
}

/* The descriptor of the temporary file, locked and empty; -1 with errno. */
static int open_temporary(const char *path) {
    for (;;) {
        int descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (descriptor < 0) return -1;
        int number = 0;
        struct stat ours, named;
        /* A file system without locks cannot tell of a second writer; that is no reason to write nothing. */
        if (flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) number = EWOULDBLOCK;
        /* Between open and lock another writer may have renamed its file away: then ours is its finished one. */
        else if (fstat(descriptor, &ours) != 0)
            number = errno;
        else if (stat(path, &named) != 0 || ours.st_ino != named.st_ino || ours.st_dev != named.st_dev) {
            close(descriptor);
            continue;
        } else if (ftruncate(descriptor, 0) != 0)
            number = errno;
        if (number == 0) return descriptor;
        close(descriptor);
        errno = number;
        return -1;
    }
}

bool sb_writer_open(struct sb_writer *writer, const char *path, struct simba_error *error) {
    *writer = (struct sb_writer){0};
    struct stat status;
    bool there = stat(path, &status) == 0;
    if (there && S_ISDIR(status.st_mode)) return sb_fail_errno(error, EISDIR, "write", path);

    /* A symbolic link stays one: what it points to is replaced. */
    char *resolved = there && S_ISREG(status.st_mode) ? realpath(path, NULL) : NULL;
    int length = snprintf(writer->path, sizeof writer->path, "%s", resolved ? resolved : path);
    free(resolved);
    if (length < 0 || (size_t)length >= sizeof writer->path) return sb_fail_errno(error, ENAMETOOLONG, "write", path);

    if (there && !S_ISREG(status.st_mode)) {
        writer->stream = fopen(writer->path, "wbe");
        return writer->stream ? true : sb_fail_errno(error, errno, "write", path);
    }
    if (there && access(writer->path, W_OK) != 0) return sb_fail_errno(error, errno, "write", path);

    snprintf(writer->temporary, sizeof writer->temporary, "%s.partial", writer->path);
    int descriptor = open_temporary(writer->temporary);
    if (descriptor < 0) {
        int number = errno;
        writer->temporary[0] = 0;
        if (number == EWOULDBLOCK)
            return sb_fail(error, SIMBA_ERROR_FILE,
                           "Cannot write %s: another process is writing it just now. Wait for it to end, or choose "
                           "another output.",
                           path);
        return sb_fail_errno(error, number, "write", path);
    }
    writer->stream = fdopen(descriptor, "wb");
    if (!writer->stream) {
        int number = errno;
        unlink(writer->temporary);
        close(descriptor);
        return sb_fail_errno(error, number, "write", path);
    }
    return true;
}

bool sb_writer_write(struct sb_writer *writer, const void *bytes, size_t size, struct simba_error *error) {
    if (size == 0 || fwrite(bytes, 1, size, writer->stream) == size) return true;
    return sb_fail_errno(error, errno, "write", writer->path);
}

/* Makes the new name last through a power cut. Some file systems cannot sync a directory; the rename has happened. */
static void sync_directory(const char *path) {
    char directory[sizeof((struct sb_writer *)0)->path];
    snprintf(directory, sizeof directory, "%s", path);
    char *slash = strrchr(directory, '/');
    if (!slash)
        snprintf(directory, sizeof directory, ".");
    else if (slash == directory)
        directory[1] = 0;
    else
        *slash = 0;
    int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return;
    fsync(descriptor);
    close(descriptor);
}

bool sb_writer_commit(struct sb_writer *writer, struct simba_error *error) {
    int number = 0;
    bool direct = !writer->temporary[0];
    if (ferror(writer->stream))
        number = EIO;
    else if (fflush(writer->stream) != 0)
        number = errno;
    else if (fsync(fileno(writer->stream)) != 0 && !(direct && (errno == EINVAL || errno == ENOTSUP)))
        number = errno;
    else if (!direct && rename(writer->temporary, writer->path) != 0)
        number = errno;
    if (number != 0) {
        sb_fail_errno(error, number, "write", writer->path);
        sb_writer_discard(writer);
        return false;
    }
    /* The rename comes before the close: as long as we hold the lock nobody else may take the temporary name. */
    writer->temporary[0] = 0;
    int closed = fclose(writer->stream);
    writer->stream = NULL;
    if (closed != 0) return sb_fail_errno(error, errno, "write", writer->path);
    if (!direct) sync_directory(writer->path);
    return true;
}

void sb_writer_discard(struct sb_writer *writer) {
    if (!writer->stream) return;
    if (writer->temporary[0]) unlink(writer->temporary);
    writer->temporary[0] = 0;
    fclose(writer->stream);
    writer->stream = NULL;
}

bool sb_make_directories(const char *path, struct simba_error *error) {
    char prefix[PATH_MAX];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof prefix)
        return sb_fail_errno(error, length ? ENAMETOOLONG : ENOENT, "make the directory", path);
    memcpy(prefix, path, length + 1);
    for (size_t i = 1; i <= length; i++) {
        if (prefix[i] != '/' && prefix[i] != 0) continue;
        char kept = prefix[i];
        prefix[i] = 0;
        if (mkdir(prefix, 0777) != 0) {
            int number = errno;
            struct stat status;
            /* A parent that exists may answer EROFS or EACCES before EEXIST. */
            bool there = stat(prefix, &status) == 0;
            if (there && !S_ISDIR(status.st_mode)) number = ENOTDIR;
            if (!there || !S_ISDIR(status.st_mode)) return sb_fail_errno(error, number, "make the directory", prefix);
        }
        prefix[i] = kept;
    }
    return true;
}
