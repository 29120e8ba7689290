/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/state.h"

#include "lib/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 1280, HEADER_SIZE = 128 };

static const char header_format[] = "tegata-state 1 %s\n";

static bool write_all(int fd, struct tg_bytes bytes)
{
    while (bytes.length > 0) {
        ssize_t written = write(fd, bytes.data, bytes.length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes = tg_bytes_of(bytes.data + written, bytes.length - (size_t)written);
    }
    return true;
}

static bool sync_directory(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = fsync(fd) == 0;
    (void)close(fd);
    return ok;
}

static bool write_file(const char *path, struct tg_bytes bytes, mode_t mode, bool wait)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    /* The umask has its say in open(). */
    bool ok = fchmod(fd, mode) == 0 && write_all(fd, bytes) && (!wait || fsync(fd) == 0);
    return close(fd) == 0 && ok;
}

/* `wait` until it is on the disk. */
static int replace(const char *directory, const char *name, struct tg_bytes bytes, bool wait,
                   struct tg_error *error)
{
    char path[PATH_SIZE];
    char temporary[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    (void)snprintf(temporary, sizeof temporary, "%s/%s.new", directory, name);
    if (write_file(temporary, bytes, 0600, wait) && rename(temporary, path) == 0 &&
        (!wait || sync_directory(directory)))
        return 0;
    int cause = errno;
    (void)unlink(temporary);
    return tg_fail(error, TG_internal_error, "%s: cannot write: %s", path, strerror(cause));
}

int tg_file_replace(const char *directory, const char *name, struct tg_bytes bytes, struct tg_error *error)
{
    return replace(directory, name, bytes, true, error);
}

int tg_file_publish(const char *path, struct tg_bytes bytes, struct tg_error *error)
{
    char temporary[PATH_SIZE];
    (void)snprintf(temporary, sizeof temporary, "%s.new", path);
    if (write_file(temporary, bytes, 0644, false) && rename(temporary, path) == 0)
        return 0;
    int cause = errno;
    (void)unlink(temporary);
    return tg_fail(error, TG_internal_error, "%s: cannot write: %s", path, strerror(cause));
}

static bool read_all(int fd, char *data, size_t size, size_t *length)
{
    *length = 0;
    while (*length < size) {
        ssize_t count = read(fd, data + *length, size - *length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return false;
        if (count == 0)
            break;
        *length += (size_t)count;
    }
    return true;
}

int tg_file_read(const char *directory, const char *name, size_t max, char **out, size_t *length,
                 struct tg_error *error)
{
    char path[PATH_SIZE];
    struct stat status;
    char *data = NULL;
    *out = NULL;
    *length = 0;
    (void)snprintf(path, sizeof path, "%s%s%s", directory, directory[0] == '\0' ? "" : "/", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT
                   ? 1
                   : tg_fail(error, TG_internal_error, "%s: cannot read: %s", path, strerror(errno));
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || (uintmax_t)status.st_size > max) {
        (void)tg_fail(error, TG_internal_error, "%s: not a regular file of at most %zu bytes", path, max);
        goto fail;
    }
    data = malloc((size_t)status.st_size + 1);
    if (data == NULL || !read_all(fd, data, (size_t)status.st_size, length)) {
        (void)tg_fail(error, TG_internal_error, "%s: cannot read: %s", path, strerror(errno));
        goto fail;
    }
    (void)close(fd);
    data[*length] = '\0';
    *out = data;
    return 0;
fail:
    free(data);
    (void)close(fd);
    *length = 0;
    return -1;
}

void tg_file_set_aside(const char *directory, const char *name, int64_t now)
{
    char path[PATH_SIZE];
    char aside[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    (void)snprintf(aside, sizeof aside, "%s/%s.damaged-%lld", directory, name, (long long)now);
    /* If it cannot be moved it is written over by the next save: it is of no use to the agent either way. */
    (void)rename(path, aside);
}

static int write_object(const char *directory, const char *name, const json_t *object, bool wait,
                        struct tg_error *error)
{
    char digest[TG_DIGEST_SIZE];
    char header[HEADER_SIZE];
    int result = -1;
    char *file = NULL;
    char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    size_t length = text == NULL ? 0 : strlen(text);
    if (text != NULL && tg_digest(tg_bytes_of(text, length), digest)) {
        int used = snprintf(header, sizeof header, header_format, digest);
        file = malloc((size_t)used + length + 1);
        if (file != NULL) {
            memcpy(file, header, (size_t)used);
            memcpy(file + used, text, length + 1);
            result = replace(directory, name, tg_bytes_of(file, (size_t)used + length), wait, error);
        }
    }
    if (file == NULL)
        (void)tg_fail(error, TG_internal_error, "%s/%s: no memory to write it", directory, name);
    free(file);
    free(text);
    return result;
}

int tg_state_write(const char *directory, const char *name, const json_t *object, struct tg_error *error)
{
    return write_object(directory, name, object, true, error);
}

int tg_state_write_soon(const char *directory, const char *name, const json_t *object, struct tg_error *error)
{
    return write_object(directory, name, object, false, error);
}

json_t *tg_state_parse(struct tg_bytes bytes)
{
    char digest[TG_DIGEST_SIZE];
    char header[HEADER_SIZE];
    const uint8_t *line_end = bytes.length == 0 ? NULL : memchr(bytes.data, '\n', bytes.length);
    if (line_end == NULL)
        return NULL;
    struct tg_bytes first = tg_bytes_of(bytes.data, (size_t)(line_end - bytes.data) + 1);
    struct tg_bytes rest = tg_bytes_of(line_end + 1, bytes.length - first.length);
    if (!tg_digest(rest, digest))
        return NULL;
    (void)snprintf(header, sizeof header, header_format, digest);
    if (!tg_bytes_equal_text(first, header))
        return NULL;
    json_t *object = json_loadb((const char *)rest.data, rest.length, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(object))
        return object;
    json_decref(object);
    return NULL;
}

int tg_state_read(const char *directory, const char *name, int64_t now, json_t **out, struct tg_error *error)
{
    char *data;
    size_t length;
    *out = NULL;
    int result = tg_file_read(directory, name, TG_STATE_FILE_MAX, &data, &length, error);
    if (result != 0)
        return result == 1 ? 0 : -1;
    *out = tg_state_parse(tg_bytes_of(data, length));
    free(data);
    if (*out != NULL)
        return 0;
    tg_file_set_aside(directory, name, now);
    return tg_fail(error, TG_internal_error, "%s/%s: damaged; set aside as %s.damaged-%lld", directory, name,
                   name, (long long)now);
}

bool tg_state_number(const json_t *object, const char *key, int64_t *out)
{
    const json_t *value = json_object_get(object, key);
    *out = json_is_integer(value) ? json_integer_value(value) : -1;
    return *out >= 0 && *out <= INT64_C(9007199254740991);
}

bool tg_state_text(const json_t *object, const char *key, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(object, key));
    out[0] = '\0';
    if (text == NULL || strlen(text) >= size)
        return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}
