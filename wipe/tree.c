/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A directory is read again until a pass removes nothing more, because what a reader sees of a directory that
 * changes under it is not defined. What could not be removed is counted in a last walk of its own.
 */
#include "wipe/tree.h"

#include "lib/log.h"
#include "wipe/kernel.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What lies deeper in a tree that is removed as a whole is moved to its top first: a chain of a million
 * directories must exhaust neither descriptors nor the stack. */
enum { MOVE_DEPTH = 100 };

/* A walk within one directory. */
struct level {
    int top;            /* of the tree that goes as a whole; -1: not in one */
    unsigned int depth; /* below `top`, or below the place where the walk began */
};

void tg_tree_begin(struct tg_tree *tree, const char *path)
{
    (void)snprintf(tree->path, sizeof tree->path, "%s", path);
    tree->path_length = strlen(tree->path);
}

size_t tg_tree_enter(struct tg_tree *tree, const char *name)
{
    size_t mark = tree->path_length;
    int length = snprintf(tree->path + mark, sizeof tree->path - mark, "/%s", name);
    if (length > 0 && (size_t)length < sizeof tree->path - mark)
        tree->path_length += (size_t)length;
    else
        tree->path[mark] = '\0';
    return mark;
}

void tg_tree_leave(struct tg_tree *tree, size_t mark)
{
    tree->path_length = mark;
    tree->path[mark] = '\0';
}

void tg_tree_complain(struct tg_tree *tree, int cause)
{
    char path[TG_TREE_COMPLAINT_SIZE];
    if (tree->complaint[0] != '\0')
        return;
    const char *why = cause == EXDEV || cause == EBUSY ? "something is mounted there" : strerror(cause);
    (void)snprintf(tree->complaint, sizeof tree->complaint, "%.140s: %.50s",
                   tg_escape(tree->path, path, sizeof path), why);
}

static const struct dirent *next_entry(DIR *stream)
{
    const struct dirent *entry;
    while ((entry = readdir(stream)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            return entry;
    }
    return NULL;
}

/* True if it is gone, by whatever hand. */
static bool unlink_name(struct tg_tree *tree, int parent, const char *name, int flags)
{
    if (unlinkat(parent, name, flags) == 0) {
        tree->removed++;
        return true;
    }
    if (errno == ENOENT)
        return true;
    tg_tree_complain(tree, errno);
    return false;
}

/* True if it is now at the top, where a later pass finds it. */
static bool move_up(struct tg_tree *tree, const struct level *level, int parent, const char *name)
{
    char unique[40];
    (void)snprintf(unique, sizeof unique, ".tegata-wipe-%d-%llu", (int)getpid(),
                   (unsigned long long)tree->moved++);
    if (renameat2(parent, name, level->top, unique, RENAME_NOREPLACE) == 0)
        return true;
    tg_tree_complain(tree, errno);
    return false;
}

static void remove_below(struct tg_tree *tree, int fd, const struct level *level);

/* A directory of the tree, or of somebody else (`mine` says whose, as far as the name tells). True if its
 * name is gone. */
static bool remove_directory(struct tg_tree *tree, int parent, const char *name, bool mine,
                             const struct level *level)
{
    struct stat status;
    if (level->top >= 0 && level->depth >= MOVE_DEPTH)
        return move_up(tree, level, parent, name);
    if (level->depth >= TG_TREE_DEEPEST)
        return false;
    int fd = tg_open_directory(parent, name);
    if (fd < 0 || fstat(fd, &status) != 0) {
        if (fd != -ENOENT && (fd != -EXDEV || mine))
            tg_tree_complain(tree, fd < 0 ? -fd : errno);
        if (fd >= 0)
            (void)close(fd);
        return fd == -ENOENT;
    }
    /* By what was opened, not by what the name meant before. */
    bool whole = level->top >= 0 || status.st_uid == tree->uid;
    struct level below = {.top = level->top, .depth = level->depth + 1};
    if (whole && level->top < 0)
        below = (struct level){.top = fd, .depth = 0};
    remove_below(tree, fd, &below);
    (void)close(fd);
    return whole && unlink_name(tree, parent, name, AT_REMOVEDIR);
}

/* True if the name is gone. */
static bool remove_name(struct tg_tree *tree, int parent, const char *name, const struct level *level)
{
    struct stat status;
    if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
        if (errno != ENOENT)
            tg_tree_complain(tree, errno);
        return errno == ENOENT;
    }
    bool mine = level->top >= 0 || status.st_uid == tree->uid;
    if (S_ISDIR(status.st_mode))
        return remove_directory(tree, parent, name, mine, level);
    return mine && unlink_name(tree, parent, name, 0);
}

/* A stream of the directory's own, so that `fd` stays good. */
static DIR *open_stream(struct tg_tree *tree, int fd)
{
    int own = tg_open_directory(fd, ".");
    DIR *stream = own < 0 ? NULL : fdopendir(own);
    if (stream != NULL)
        return stream;
    tg_tree_complain(tree, own < 0 ? -own : errno);
    if (own >= 0)
        (void)close(own);
    return NULL;
}

static void remove_below(struct tg_tree *tree, int fd, const struct level *level)
{
    bool progress = true;
    DIR *stream = open_stream(tree, fd);
    while (stream != NULL && progress) {
        const struct dirent *entry;
        progress = false;
        rewinddir(stream);
        while ((entry = next_entry(stream)) != NULL) {
            size_t mark = tg_tree_enter(tree, entry->d_name);
            progress |= remove_name(tree, fd, entry->d_name, level);
            tg_tree_leave(tree, mark);
        }
    }
    if (stream != NULL)
        (void)closedir(stream);
}

/* Counts what is to be removed, or still is. `whole`: everything counts, else what tree->uid owns. */
static size_t count_below(struct tg_tree *tree, int fd, bool whole, unsigned int depth)
{
    size_t count = 0;
    const struct dirent *entry;
    struct stat status;
    DIR *stream = open_stream(tree, fd);
    if (stream == NULL)
        return 1;
    while ((entry = next_entry(stream)) != NULL) {
        if (fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0)
            continue;
        bool counts = whole || status.st_uid == tree->uid;
        count += counts;
        if (!S_ISDIR(status.st_mode))
            continue;
        size_t mark = tg_tree_enter(tree, entry->d_name);
        int below = depth < TG_TREE_DEEPEST ? tg_open_directory(fd, entry->d_name) : -ELOOP;
        if (below >= 0) {
            count += count_below(tree, below, counts, depth + 1);
            (void)close(below);
        }
        tg_tree_leave(tree, mark);
    }
    (void)closedir(stream);
    return count;
}

static void walk(struct tg_tree *tree, int fd, bool whole)
{
    struct level level = {.top = whole ? fd : -1};
    if (tree->dry_run) {
        tree->removed += count_below(tree, fd, whole, 0);
    } else {
        remove_below(tree, fd, &level);
        tree->failed += count_below(tree, fd, whole, 0);
    }
    (void)close(fd);
}

void tg_tree_empty(struct tg_tree *tree, int fd)
{
    walk(tree, fd, true);
}

void tg_tree_sift(struct tg_tree *tree, int fd)
{
    walk(tree, fd, false);
}
