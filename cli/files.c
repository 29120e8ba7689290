/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int tg_file_read_bytes(const char *path, size_t max, enum tg_reason reason, char **bytes, size_t *length,
                       struct tg_error *error)
{
    int result = -1;
    size_t used = 0;
    char *buffer = NULL;
    *bytes = NULL;
    *length = 0;
    FILE *stream = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (stream == NULL)
        return tg_fail(error, reason, "%s: %s", path, strerror(errno));
    buffer = malloc(max + 2);
    if (buffer == NULL) {
        (void)tg_fail(error, TG_internal_error, "out of memory");
        goto out;
    }
    used = fread(buffer, 1, max + 1, stream);
    if (ferror(stream)) {
        (void)tg_fail(error, reason, "%s: it cannot be read: %s", path, strerror(errno));
        goto out;
    }
    if (used > max) {
        (void)tg_fail(error, reason, "%s: the file is too large", path);
        goto out;
    }
    buffer[used] = '\0';
    *bytes = buffer;
    *length = used;
    buffer = NULL;
    result = 0;
out:
    free(buffer);
    if (stream != stdin)
        (void)fclose(stream);
    return result;
}

int tg_file_read(const char *path, size_t max, enum tg_reason reason, char **text, size_t *length,
                 struct tg_error *error)
{
    if (tg_file_read_bytes(path, max, reason, text, length, error) != 0)
        return -1;
    if (memchr(*text, '\0', *length) == NULL)
        return 0;
    free(*text);
    *text = NULL;
    *length = 0;
    return tg_fail(error, reason, "%s: it is not a text file", path);
}

static int write_all(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, text, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        text += written;
        length -= (size_t)written;
    }
    return fsync(fd);
}

int tg_file_create(const char *path, mode_t mode, const char *text, size_t length, struct tg_error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return tg_fail(error, TG_file_failed, "%s: %s", path, strerror(errno));
    int failed = fchmod(fd, mode) != 0 || write_all(fd, text, length) != 0 ? errno : 0;
    (void)close(fd);
    if (failed == 0)
        return 0;
    (void)unlink(path);
    return tg_fail(error, TG_file_failed, "%s: %s", path, strerror(failed));
}

int tg_file_replace(const char *path, mode_t mode, const char *text, size_t length, struct tg_error *error)
{
    char *temporary = NULL;
    if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
        return tg_fail(error, TG_internal_error, "out of memory");
    int result = -1;
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        (void)tg_fail(error, TG_file_failed, "%s: %s", path, strerror(errno));
        goto out;
    }
    if (fchmod(fd, mode) != 0 || write_all(fd, text, length) != 0 || rename(temporary, path) != 0) {
        (void)tg_fail(error, TG_file_failed, "%s: %s", path, strerror(errno));
        (void)unlink(temporary);
        goto out;
    }
    result = 0;
out:
    if (fd >= 0)
        (void)close(fd);
    free(temporary);
    return result;
}

int tg_directory_make(const char *path)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return 0;
    if (errno != ENOENT)
        return -1;
    char *parent = strdup(path);
    char *slash = parent != NULL ? strrchr(parent, '/') : NULL;
    int result = -1;
    if (slash != NULL && slash != parent) {
        *slash = '\0';
        if (tg_directory_make(parent) == 0 && (mkdir(path, 0700) == 0 || errno == EEXIST))
            result = 0;
    }
    free(parent);
    return result;
}
