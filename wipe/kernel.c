/* SPDX-License-Identifier: BSD-2-Clause */
#include "wipe/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int or_errno(long result)
{
    return result < 0 ? -errno : (int)result;
}

int tg_open_directory(int parent, const char *name)
{
    struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
    return or_errno(syscall(SYS_openat2, parent, name, &how, sizeof how));
}

int tg_open_place(const char *path)
{
    return or_errno(open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC));
}

uint64_t tg_mount_id(int fd)
{
    struct statx status = {0};
    if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &status) != 0 || (status.stx_mask & STATX_MNT_ID) == 0)
        return 0;
    return status.stx_mnt_id;
}

int tg_clone_mount(const char *path)
{
    return or_errno(
        syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW));
}

int tg_open_message_queues(void)
{
    int directory = -1;
    int mount = -1;
    int context = or_errno(syscall(SYS_fsopen, "mqueue", FSOPEN_CLOEXEC));
    if (context < 0)
        return context;
    int result = or_errno(syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
    if (result >= 0)
        result = mount = or_errno(syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0));
    if (result >= 0)
        result = directory = tg_open_directory(mount, ".");
    (void)close(context);
    if (mount >= 0)
        (void)close(mount);
    return result < 0 ? result : directory;
}
