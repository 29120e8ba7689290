/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Putting a roster in its place. The order matters:
 *
 *   1. the new file is written beside the old one, complete and on disk;
 *   2. the old file gets a second name, PATH.old;
 *   3. the new file takes the name PATH;
 *   4. the old file is marked as superseded, and PATH.old is removed.
 *
 * Processes that hold the old file look at its mark alone. Were it to lose its only name before it has the
 * mark, a writer that dies in between would leave them with the old roster for as long as they run; so the
 * next writer finds PATH.old and marks that first.
 */
#include "lib/roster.h"

#include "lib/roster_build.h"
#include "lib/roster_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PATH_SIZE = 512,
};

struct place {
    char directory[PATH_SIZE];
    char name[PATH_SIZE];     /* the file's name inside the directory */
    char new_name[PATH_SIZE]; /* NAME.new */
    char old_name[PATH_SIZE]; /* NAME.old */
};

static int find_place(const char *path, struct place *place, struct tg_error *error)
{
    const char *slash = strrchr(path, '/');
    if (path[0] != '/' || slash == path || slash[1] == '\0' || strlen(path) + sizeof ".new" > PATH_SIZE)
        return tg_fail(error, TG_config_bad, "roster: '%s' is not an absolute path of a file below /", path);
    (void)snprintf(place->directory, sizeof place->directory, "%.*s", (int)(slash - path), path);
    (void)snprintf(place->name, sizeof place->name, "%s", slash + 1);
    (void)snprintf(place->new_name, sizeof place->new_name, "%.*s.new", (int)sizeof place->name - 5,
                   slash + 1);
    (void)snprintf(place->old_name, sizeof place->old_name, "%.*s.old", (int)sizeof place->name - 5,
                   slash + 1);
    return 0;
}

static int write_all(int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t put = write(fd, bytes, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        bytes += put;
        size -= (size_t)put;
    }
    return 0;
}

/* Space is reserved first: on a full disk it fails here, and no reader ever meets a page that cannot be had.
 */
static int write_new(int directory, const struct place *place, const uint8_t *bytes, size_t size,
                     struct tg_error *error)
{
    int status = -1;
    if (unlinkat(directory, place->new_name, 0) != 0 && errno != ENOENT)
        return tg_fail(error, TG_internal_error, "%s/%s: cannot be removed: %s", place->directory,
                       place->new_name, strerror(errno));
    int fd = openat(directory, place->new_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return tg_fail(error, TG_internal_error, "%s/%s: cannot be created: %s", place->directory,
                       place->new_name, strerror(errno));
    errno = posix_fallocate(fd, 0, (off_t)size);
    if (errno != 0 || write_all(fd, bytes, size) != 0 || fchmod(fd, 0644) != 0 || fsync(fd) != 0)
        (void)tg_fail(error, TG_internal_error, "%s/%s: cannot be written: %s", place->directory,
                      place->new_name, strerror(errno));
    else
        status = 0;
    (void)close(fd);
    if (status != 0)
        (void)unlinkat(directory, place->new_name, 0);
    return status;
}

/* Opens a file that may have to be marked. Returns 0 with *fd, or with *fd -1 if there is none. */
static int open_to_mark(int directory, const char *name, const struct place *place, int *fd,
                        struct tg_error *error)
{
    struct stat file;
    *fd = openat(directory, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*fd < 0 && errno == ENOENT)
        return 0;
    if (*fd >= 0 && fstat(*fd, &file) == 0 && S_ISREG(file.st_mode))
        return 0;
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
    return tg_fail(error, TG_internal_error,
                   "%s/%s: cannot be replaced, because it cannot be marked as superseded: it must be a file "
                   "that belongs to the "
                   "agent's user. Remove it and restart the programs that run for long",
                   place->directory, name);
}

static int mark_superseded(int fd)
{
    static const uint8_t word[sizeof(uint32_t)] = {1};
    struct stat file;
    if (fstat(fd, &file) != 0)
        return -1;
    /* Something so short was never mapped by anybody, and must not grow. */
    if (file.st_size < (off_t)sizeof(struct tg_roster_header))
        return 0;
    return pwrite(fd, word, sizeof word, offsetof(struct tg_roster_header, superseded)) == sizeof word ? 0
                                                                                                       : -1;
}

/* Finishes the work of a writer that died between two steps. */
static int mark_left_over(int directory, const struct place *place, struct tg_error *error)
{
    int fd = -1;
    if (open_to_mark(directory, place->old_name, place, &fd, error) != 0)
        return -1;
    if (fd < 0)
        return 0;
    int status = mark_superseded(fd);
    (void)close(fd);
    if (status != 0 || unlinkat(directory, place->old_name, 0) != 0)
        return tg_fail(error, TG_internal_error, "%s/%s: cannot be marked and removed: %s", place->directory,
                       place->old_name, strerror(errno));
    return 0;
}

/* The old file, if there is one, keeps PATH.old until it is marked. */
static int swap_names(int directory, const struct place *place, bool is_old, struct tg_error *error)
{
    if (is_old && linkat(directory, place->name, directory, place->old_name, 0) != 0)
        return tg_fail(error, TG_internal_error, "%s/%s: cannot be created: %s", place->directory,
                       place->old_name, strerror(errno));
    if (renameat(directory, place->new_name, directory, place->name) == 0)
        return 0;
    (void)tg_fail(error, TG_internal_error, "%s/%s: cannot be renamed: %s", place->directory, place->new_name,
                  strerror(errno));
    (void)unlinkat(directory, place->old_name, 0);
    return -1;
}

static int finish(int directory, const struct place *place, int old, struct tg_error *error)
{
    if (old >= 0 && mark_superseded(old) != 0)
        return tg_fail(error, TG_internal_error, "%s/%s: cannot be marked as superseded: %s",
                       place->directory, place->old_name, strerror(errno));
    if (old >= 0 && unlinkat(directory, place->old_name, 0) != 0)
        return tg_fail(error, TG_internal_error, "%s/%s: cannot be removed: %s", place->directory,
                       place->old_name, strerror(errno));
    if (fsync(directory) != 0)
        return tg_fail(error, TG_internal_error, "%s: cannot be written: %s", place->directory,
                       strerror(errno));
    return 0;
}

static int replace(int directory, const struct place *place, struct tg_error *error)
{
    int old = -1;
    int status = open_to_mark(directory, place->name, place, &old, error);
    if (status == 0)
        status = swap_names(directory, place, old >= 0, error);
    if (status == 0)
        status = finish(directory, place, old, error);
    if (old >= 0)
        (void)close(old);
    return status;
}

static int store(const char *path, const uint8_t *bytes, size_t size, struct tg_error *error)
{
    struct place place;
    if (find_place(path, &place, error) != 0)
        return -1;
    int directory = open(place.directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory < 0)
        return tg_fail(error, TG_internal_error, "%s: cannot be opened: %s", place.directory,
                       strerror(errno));
    int status = write_new(directory, &place, bytes, size, error);
    if (status == 0)
        status = mark_left_over(directory, &place, error);
    if (status == 0)
        status = replace(directory, &place, error);
    if (status != 0)
        (void)unlinkat(directory, place.new_name, 0);
    (void)close(directory);
    return status;
}

int tg_roster_write(const char *path, const struct tg_roster *roster, struct tg_error *error)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    int status = tg_roster_build(roster, &bytes, &size, error);
    if (status == 0)
        status = store(path, bytes, size, error);
    free(bytes);
    return status;
}

static int load(const char *path, const struct tg_roster_paths *paths, struct tg_roster_view **view,
                const char **problem)
{
    *view = NULL;
    int fd = tg_roster_open(path, problem);
    if (fd < 0)
        return fd;
    int status = tg_roster_load(fd, paths, view, problem);
    (void)close(fd);
    return status;
}

uint64_t tg_roster_generation(const char *path)
{
    const struct tg_roster_paths paths = {.roster = path, .passwd = "/dev/null", .group = "/dev/null"};
    struct tg_roster_view *view = NULL;
    const char *problem = NULL;
    uint64_t generation = 0;
    if (load(path, &paths, &view, &problem) == 0)
        generation = view->header.generation;
    tg_roster_unload(view);
    return generation;
}

int tg_roster_check(const char *path, size_t *users, struct tg_error *error)
{
    const struct tg_roster_paths paths = {.roster = path, .passwd = "/etc/passwd", .group = "/etc/group"};
    struct tg_roster_view *view = NULL;
    const char *problem = NULL;
    *users = 0;
    int status = load(path, &paths, &view, &problem);
    if (status != 0)
        return tg_fail(
            error, TG_internal_error,
            "%s: no account can be served from it: %s (%s). tegatad writes a new one when it starts", path,
            problem, strerror(-status));
    for (uint32_t uid = 0;; (*users)++) {
        uint32_t index = tg_roster_user_after(view, uid, INT64_MIN);
        if (index == TG_ROSTER_NONE)
            break;
        struct tg_roster_account account;
        tg_roster_account(view, index, INT64_MIN, &account);
        uid = account.uid;
    }
    tg_roster_unload(view);
    return 0;
}
