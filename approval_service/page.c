/* SPDX-License-Identifier: BSD-2-Clause */
#include "approval_service/page.h"

#include "lib/digest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MAX = 256, BYTES_MAX = 8 << 20 };

struct tg_page {
    struct tg_page_file *files[FILES_MAX];
    size_t count;
    size_t bytes;
};

static const struct {
    const char *extension;
    const char *type;
} types[] = {
    {"html", "text/html; charset=utf-8"},
    {"css", "text/css; charset=utf-8"},
    {"js", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"txt", "text/plain; charset=utf-8"},
    {"svg", "image/svg+xml"},
    {"png", "image/png"},
    {"ico", "image/x-icon"},
    {"woff2", "font/woff2"},
    {"webmanifest", "application/manifest+json"},
};

/* The type of a file that may be served; NULL for any other name. */
static const char *type_of(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";
    const char *dot = strrchr(name, '.');
    if (dot == NULL || dot == name || name[0] == '.' || strlen(name) >= TG_PAGE_NAME_SIZE ||
        name[strspn(name, allowed)] != '\0')
        return NULL;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i].extension, dot + 1) == 0)
            return types[i].type;
    }
    return NULL;
}

static int read_content(int descriptor, size_t size, uint8_t *content)
{
    size_t used = 0;
    while (used < size) {
        ssize_t count = read(descriptor, content + used, size - used);
        if (count == 0)
            errno = EIO; /* it became shorter */
        if (count == 0 || (count < 0 && errno != EINTR))
            return -1;
        used += count > 0 ? (size_t)count : 0;
    }
    return 0;
}

/* Makes a file of an open descriptor; NULL with errno set. */
static struct tg_page_file *make_file(int descriptor, const char *name, size_t size)
{
    struct tg_page_file *file = calloc(1, sizeof *file + size);
    char digest[TG_DIGEST_SIZE];
    if (file == NULL)
        return NULL;
    uint8_t *content = (uint8_t *)(file + 1);
    file->holders = 1;
    file->content = tg_bytes_of(content, size);
    file->type = type_of(name);
    (void)snprintf(file->path, sizeof file->path, "/%.*s", TG_PAGE_NAME_SIZE - 1, name);
    if (read_content(descriptor, size, content) < 0 || !tg_digest(file->content, digest)) {
        free(file);
        return NULL;
    }
    (void)snprintf(file->etag, sizeof file->etag, "\"%s\"", digest);
    return file;
}

static int add_file(struct tg_page *page, int directory, const char *name, struct tg_error *error)
{
    struct stat status;
    int result = 0;
    int descriptor = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor < 0 && errno == ELOOP)
        return 0; /* a symbolic link */
    if (descriptor < 0 || fstat(descriptor, &status) < 0) {
        result = tg_fail(error, TG_config_bad, "[page] directory: %s: %s", name, strerror(errno));
    } else if (S_ISREG(status.st_mode)) {
        if (page->count == FILES_MAX || status.st_size > (off_t)(BYTES_MAX - page->bytes))
            result = tg_fail(error, TG_config_bad, "[page] directory: more than %d files or %d bytes",
                             FILES_MAX, BYTES_MAX);
        else if ((page->files[page->count] = make_file(descriptor, name, (size_t)status.st_size)) == NULL)
            result = tg_fail(error, TG_config_bad, "[page] directory: %s: %s", name, strerror(errno));
        else
            page->bytes += page->files[page->count++]->content.length;
    }
    if (descriptor >= 0)
        (void)close(descriptor);
    return result;
}

static int read_files(struct tg_page *page, const char *directory, struct tg_error *error)
{
    DIR *stream = opendir(directory);
    if (stream == NULL)
        return tg_fail(error, TG_config_bad, "[page] directory: %s: %s", directory, strerror(errno));
    int result = 0;
    const struct dirent *entry;
    while (result == 0 && (entry = readdir(stream)) != NULL) {
        if (type_of(entry->d_name) != NULL)
            result = add_file(page, dirfd(stream), entry->d_name, error);
    }
    (void)closedir(stream);
    if (result == 0 && tg_page_find(page, "/") == NULL)
        result = tg_fail(error, TG_config_bad, "[page] directory: %s has no index.html", directory);
    return result;
}

int tg_page_read(const char *directory, struct tg_page **out, struct tg_error *error)
{
    *out = NULL;
    struct tg_page *page = calloc(1, sizeof *page);
    if (page == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    if (directory[0] != '\0' && read_files(page, directory, error) < 0) {
        tg_page_free(page);
        return -1;
    }
    *out = page;
    return 0;
}

struct tg_page_file *tg_page_find(const struct tg_page *page, const char *path)
{
    const char *wanted = strcmp(path, "/") == 0 ? "/index.html" : path;
    for (size_t i = 0; page != NULL && i < page->count; i++) {
        if (strcmp(page->files[i]->path, wanted) == 0)
            return page->files[i];
    }
    return NULL;
}

struct tg_page_file *tg_page_file_hold(struct tg_page_file *file)
{
    file->holders++;
    return file;
}

void tg_page_file_release(struct tg_page_file *file)
{
    if (file != NULL && --file->holders == 0)
        free(file);
}

void tg_page_free(struct tg_page *page)
{
    for (size_t i = 0; page != NULL && i < page->count; i++)
        tg_page_file_release(page->files[i]);
    free(page);
}
