#include "io/gzip.h"

#include "base/file.h"

#include <errno.h>
#include <sys/stat.h>

gzFile sb_gzip_open(const char *path, uint64_t *size, struct simba_error *error) {
    struct stat status;
    if (stat(path, &status) != 0) {
        sb_fail_errno(error, errno, "open", path);
        return NULL;
    }
    if (S_ISDIR(status.st_mode)) {
        sb_fail_errno(error, EISDIR, "read", path);
        return NULL;
    }
    errno = 0;
    gzFile stream = gzopen(path, "rbe");
    if (!stream) {
        sb_fail_errno(error, errno ? errno : ENOMEM, "open", path);
        return NULL;
    }
    gzbuffer(stream, 1 << 16);
    if (size) *size = (uint64_t)status.st_size;
    return stream;
}

bool sb_gzip_fail(gzFile stream, const char *path, const char *kind, struct simba_error *error) {
    int code;
    int number = errno;
    const char *reason = gzerror(stream, &code);
    if (code == Z_ERRNO) return sb_fail_errno(error, number, "read", path);
    if (code == Z_MEM_ERROR) return sb_fail_errno(error, ENOMEM, "read", path);
    if (code == Z_OK || code == Z_BUF_ERROR) reason = "it ends early";
    return sb_fail(error, SIMBA_ERROR_FORMAT, "%s: this %s is damaged (%s); copy or download it again.", path, kind,
                   reason);
}
