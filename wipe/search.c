/* SPDX-License-Identifier: BSD-2-Clause */
#include "wipe/search.h"

#include "lib/log.h"
#include "wipe/kernel.h"
#include "wipe/mounts.h"
#include "wipe/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILESYSTEMS_SIZE = 16384 };

static void complain(struct tg_search *search, const char *path, const char *why)
{
    char escaped[TG_FOUND_PATH_SIZE];
    search->unseen++;
    if (search->complaint[0] == '\0')
        (void)snprintf(search->complaint, sizeof search->complaint, "%.180s: %.60s",
                       tg_escape(path, escaped, sizeof escaped), why);
}

static void look_at(struct tg_search *search, const struct stat *status, const char *path)
{
    for (size_t i = 0; i < search->count; i++) {
        struct tg_found *found = &search->list[i];
        if (status->st_uid != found->uid && status->st_gid != found->uid)
            continue;
        if (found->count < TG_FOUND_SHOWN)
            (void)tg_escape(path, found->first[found->count], TG_FOUND_PATH_SIZE);
        if (found->count < UINT32_MAX)
            found->count++;
    }
}

/* Keeps a directory for afterwards: a chain of any length is searched with few descriptors. Takes `fd` over.
 */
static void put_off(struct tg_search *search, int fd, const char *path)
{
    struct tg_deep *grown = realloc(search->deep, (search->deep_count + 1) * sizeof *grown);
    char *copy = strdup(path);
    if (grown != NULL)
        search->deep = grown;
    if (grown == NULL || copy == NULL) {
        complain(search, path, "no memory");
        free(copy);
        (void)close(fd);
        return;
    }
    search->deep[search->deep_count++] = (struct tg_deep){.fd = fd, .path = copy};
}

static void search_directory(struct tg_search *search, struct tg_tree *walk, int fd, unsigned int depth);

static void search_name(struct tg_search *search, struct tg_tree *walk, int parent, const char *name,
                        unsigned int depth)
{
    struct stat status;
    if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
        if (errno != ENOENT)
            complain(search, walk->path, strerror(errno));
        return;
    }
    look_at(search, &status, walk->path);
    if (!S_ISDIR(status.st_mode))
        return;
    int fd = tg_open_directory(parent, name);
    if (fd >= 0) {
        if (depth < TG_TREE_DEEPEST)
            search_directory(search, walk, fd, depth + 1);
        else
            put_off(search, fd, walk->path);
        return;
    }
    /* What is mounted there is searched in its own right. */
    if (fd != -ENOENT && fd != -EXDEV)
        complain(search, walk->path, strerror(-fd));
}

/* Takes `fd` over. */
static void search_directory(struct tg_search *search, struct tg_tree *walk, int fd, unsigned int depth)
{
    const struct dirent *entry;
    DIR *stream = fdopendir(fd);
    if (stream == NULL) {
        complain(search, walk->path, strerror(errno));
        (void)close(fd);
        return;
    }
    errno = 0;
    while ((entry = readdir(stream)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            size_t mark = tg_tree_enter(walk, entry->d_name);
            search_name(search, walk, dirfd(stream), entry->d_name, depth);
            tg_tree_leave(walk, mark);
        }
        errno = 0;
    }
    if (errno != 0)
        complain(search, walk->path, strerror(errno));
    (void)closedir(stream);
}

void tg_search_below(struct tg_search *search, int fd, const char *path)
{
    struct tg_tree walk = {0};
    struct stat status;
    if (fstat(fd, &status) == 0)
        look_at(search, &status, path);
    tg_tree_begin(&walk, strcmp(path, "/") == 0 ? "" : path);
    search_directory(search, &walk, fd, 0);
    while (search->deep_count > 0) {
        struct tg_deep deep = search->deep[--search->deep_count];
        tg_tree_begin(&walk, deep.path);
        search_directory(search, &walk, deep.fd, 0);
        free(deep.path);
    }
    free(search->deep);
    search->deep = NULL;
}

/* Is what a path leads to this very mount, and nothing that was mounted over it? */
static bool is_reachable(const struct tg_mount *mount)
{
    int fd = tg_open_place(mount->place);
    bool reachable = fd >= 0 && tg_mount_id(fd) == mount->id;
    if (fd >= 0)
        (void)close(fd);
    return reachable;
}

static void search_mount(struct tg_search *search, const struct tg_mount *mount)
{
    struct stat status;
    int clone = tg_clone_mount(mount->place);
    if (clone < 0) {
        complain(search, mount->place, strerror(-clone));
        return;
    }
    if (fstat(clone, &status) != 0) {
        complain(search, mount->place, strerror(errno));
    } else if (!S_ISDIR(status.st_mode)) {
        look_at(search, &status, mount->place);
    } else {
        int fd = tg_open_directory(clone, ".");
        if (fd >= 0)
            tg_search_below(search, fd, mount->place);
        else
            complain(search, mount->place, strerror(-fd));
    }
    (void)close(clone);
}

/* Those that are local; of several that show the same, the one that shows most, or else the first; and of
 * those that nothing leads to, whoever is not shown by another. */
static bool is_to_be_searched(const struct tg_mounts *mounts, const bool *local, const bool *reachable,
                              size_t index)
{
    const struct tg_mount *mount = &mounts->list[index];
    if (!local[index])
        return false;
    for (size_t i = 0; i < mounts->count; i++) {
        const struct tg_mount *other = &mounts->list[i];
        if (i == index || !local[i] || !reachable[i] || !tg_mount_covers(other, mount))
            continue;
        if (!reachable[index] || !tg_mount_covers(mount, other) || i < index)
            return false;
    }
    return true;
}

static void search_mounts(struct tg_search *search, const struct tg_mounts *mounts, const char *filesystems)
{
    bool *local = calloc(2 * mounts->count + 1, sizeof *local);
    bool *reachable = local == NULL ? NULL : local + mounts->count;
    if (local == NULL) {
        complain(search, "/", "no memory");
        return;
    }
    for (size_t i = 0; i < mounts->count; i++) {
        local[i] = tg_mount_is_local(mounts->list[i].type, filesystems);
        reachable[i] = local[i] && is_reachable(&mounts->list[i]);
    }
    for (size_t i = 0; i < mounts->count; i++) {
        if (!is_to_be_searched(mounts, local, reachable, i))
            continue;
        if (reachable[i])
            search_mount(search, &mounts->list[i]);
        else
            complain(search, mounts->list[i].place, "something else is mounted over it");
    }
    free(local);
}

static bool read_filesystems(char *text, size_t size)
{
    FILE *file = fopen("/proc/filesystems", "re");
    size_t length = file == NULL ? 0 : fread(text, 1, size - 1, file);
    text[length] = '\0';
    if (file != NULL)
        (void)fclose(file);
    return length > 0 && length < size - 1;
}

void tg_search_everything(struct tg_search *search)
{
    char filesystems[FILESYSTEMS_SIZE];
    struct tg_mounts mounts;
    if (!read_filesystems(filesystems, sizeof filesystems)) {
        complain(search, "/proc/filesystems", "it cannot be read");
        return;
    }
    int result = tg_mounts_read("/proc/self/mountinfo", &mounts);
    if (result != 0) {
        complain(search, "/proc/self/mountinfo", strerror(-result));
        return;
    }
    search_mounts(search, &mounts, filesystems);
    tg_mounts_free(&mounts);
}
