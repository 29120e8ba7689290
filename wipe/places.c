/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The places where accounts leave things. Their own paths lie in the system's hands and are taken as they
 * are; below them nothing is trusted (tree.h).
 */
#include "wipe/target.h"

#include "wipe/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIRST_PERSON = 1000 }; /* lower numbers are the system's */

/* Looked through for what the uid owns. ssh-agent's sockets are in /tmp; at keeps its jobs below
 * /var/spool/cron on Debian, and cron its tables everywhere. */
static const char *const shared[] = {
    "/tmp",      "/var/tmp",        "/dev/shm",        "/run/lock",     "/run/screen",
    "/var/mail", "/var/spool/mail", "/var/spool/cron", "/var/spool/at", "/var/crash",
};

/* Files that are named after an account, or its uid, whoever owns them. */
static const struct {
    const char *directory;
    bool by_uid;
} named[] = {
    {"/var/spool/cron/crontabs", false}, {"/var/spool/cron", false},       {"/var/mail", false},
    {"/var/spool/mail", false},          {"/run/sudo/ts", false},          {"/run/sudo/ts", true},
    {"/var/lib/sudo/lectured", false},   {"/var/lib/sudo/lectured", true}, {"/run/faillock", false},
    {"/var/lib/systemd/linger", false},
};

void tg_target_fail(struct tg_target *target, const char *format, ...)
{
    va_list arguments;
    target->failed++;
    if (target->complaint[0] != '\0')
        return;
    va_start(arguments, format);
    (void)vsnprintf(target->complaint, sizeof target->complaint, format, arguments);
    va_end(arguments);
}

/* Adds what a walk did to `count`. */
static void take_over(struct tg_target *target, const struct tg_tree *tree, size_t *count)
{
    *count += tree->removed;
    if (tree->failed == 0)
        return;
    tg_target_fail(target, "%s", tree->complaint[0] == '\0' ? tree->path : tree->complaint);
    target->failed += tree->failed - 1;
}

/* Opens a directory of the system's. -ENOENT: there is none, which is well. Anything else is a failure. */
static int open_system_directory(struct tg_target *target, const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return -ENOENT;
    if (fd < 0 || fstat(fd, &status) != 0) {
        tg_target_fail(target, "%s: %s", path, strerror(errno));
    } else if (status.st_uid >= FIRST_PERSON) {
        tg_target_fail(target, "%s belongs to uid %u, not to the system", path, status.st_uid);
    } else {
        return fd;
    }
    if (fd >= 0)
        (void)close(fd);
    return -EPERM;
}

static void sift(struct tg_target *target, const char *path)
{
    struct tg_tree tree = {.dry_run = target->dry_run, .uid = target->account.uid};
    int fd = open_system_directory(target, path);
    if (fd < 0)
        return;
    tg_tree_begin(&tree, path);
    tg_tree_sift(&tree, fd);
    take_over(target, &tree, &target->places);
}

static void remove_named(struct tg_target *target, const char *directory, const char *name)
{
    struct stat status;
    int fd = open_system_directory(target, directory);
    if (fd < 0)
        return;
    if (fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(status.st_mode)) {
        if (target->dry_run || unlinkat(fd, name, 0) == 0)
            target->places++;
        else
            tg_target_fail(target, "%s/%s: %s", directory, name, strerror(errno));
    }
    (void)close(fd);
}

/* The directory `name` in `parent`, which must be the account's own, with all that is in it. */
static void remove_own_directory(struct tg_target *target, int parent, const char *parent_path,
                                 const char *name, size_t *count)
{
    struct tg_tree tree = {.dry_run = target->dry_run, .uid = target->account.uid};
    struct stat status;
    int fd = tg_open_directory(parent, name);
    if (fd == -ENOENT)
        return;
    if (fd < 0 || fstat(fd, &status) != 0) {
        tg_target_fail(target, "%s/%s: %s", parent_path, name,
                       fd == -EXDEV ? "something is mounted there" : strerror(fd < 0 ? -fd : errno));
        if (fd >= 0)
            (void)close(fd);
        return;
    }
    if (status.st_uid != target->account.uid) {
        tg_target_fail(target, "%s/%s belongs to uid %u and is left alone", parent_path, name, status.st_uid);
        (void)close(fd);
        return;
    }
    tg_tree_begin(&tree, parent_path);
    (void)tg_tree_enter(&tree, name);
    tg_tree_empty(&tree, fd);
    take_over(target, &tree, count);
    if (target->dry_run || unlinkat(parent, name, AT_REMOVEDIR) == 0)
        (*count)++;
    else if (tree.failed == 0)
        tg_target_fail(target, "%s/%s: %s", parent_path, name, strerror(errno));
}

static void remove_home(struct tg_target *target)
{
    char parent[TG_WIPE_HOME_SIZE];
    (void)snprintf(parent, sizeof parent, "%s", target->account.home);
    char *slash = strrchr(parent, '/');
    *slash = '\0';
    int fd = open_system_directory(target, parent[0] == '\0' ? "/" : parent);
    if (fd < 0)
        return;
    remove_own_directory(target, fd, parent, slash + 1, &target->home);
    (void)close(fd);
}

static bool is_mount(int parent, const char *name)
{
    int fd = tg_open_directory(parent, name);
    if (fd >= 0)
        (void)close(fd);
    return fd == -EXDEV;
}

/* systemd mounts a file system of its own at /run/user/UID, and takes it away after the last session; here
 * it is for those that stayed. What is in it goes with it. */
static void remove_runtime_directory(struct tg_target *target)
{
    static const char parent[] = "/run/user";
    char name[12];
    char path[sizeof parent + sizeof name];
    int fd = open_system_directory(target, parent);
    if (fd < 0)
        return;
    (void)snprintf(name, sizeof name, "%u", target->account.uid);
    (void)snprintf(path, sizeof path, "%s/%s", parent, name);
    while (!target->dry_run && is_mount(fd, name)) {
        if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) != 0)
            break;
        target->places++;
    }
    remove_own_directory(target, fd, parent, name, &target->places);
    (void)close(fd);
}

void tg_target_clear_places(struct tg_target *target)
{
    char uid[12];
    (void)snprintf(uid, sizeof uid, "%u", target->account.uid);
    remove_home(target);
    remove_runtime_directory(target);
    for (size_t i = 0; i < sizeof shared / sizeof shared[0]; i++)
        sift(target, shared[i]);
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++)
        remove_named(target, named[i].directory, named[i].by_uid ? uid : target->account.name);
}
