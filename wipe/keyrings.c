/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A uid's keyrings belong to the uid, not to a session, and outlast it. Only the uid itself can reach all of
 * them (keyrings(7)), so a child becomes it for as long as that takes.
 */
#include "wipe/target.h"

#include <errno.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The child's status: how many keys, or that something failed. */
enum { STATUS_MOST = 250, STATUS_FAILED = 255 };

/* Counts the keys of a ring and, unless dry_run, takes them out. -1 if that is refused. */
static long clear_ring(long ring, bool dry_run)
{
    long size = syscall(SYS_keyctl, KEYCTL_READ, ring, NULL, 0);
    if (size < 0)
        return -1;
    if (!dry_run && syscall(SYS_keyctl, KEYCTL_CLEAR, ring) != 0)
        return -1;
    return size / (long)sizeof(int32_t);
}

/* 0 where the kernel has no persistent keyrings. */
static long clear_persistent(uint32_t uid, bool dry_run)
{
    long ring = syscall(SYS_keyctl, KEYCTL_GET_PERSISTENT, uid, KEY_SPEC_PROCESS_KEYRING);
    if (ring < 0)
        return errno == EOPNOTSUPP ? 0 : -1;
    return clear_ring(ring, dry_run);
}

static int clear_as_owner(uint32_t uid, bool dry_run)
{
    if (setgroups(0, NULL) != 0 || setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0)
        return STATUS_FAILED;
    long keys = clear_ring(KEY_SPEC_USER_KEYRING, dry_run);
    long session = clear_ring(KEY_SPEC_USER_SESSION_KEYRING, dry_run);
    long persistent = clear_persistent(uid, dry_run);
    if (keys < 0 || session < 0 || persistent < 0)
        return STATUS_FAILED;
    /* The link from the one to the other is the kernel's, made once; the next holder of the uid needs it. */
    if (!dry_run &&
        syscall(SYS_keyctl, KEYCTL_LINK, KEY_SPEC_USER_KEYRING, KEY_SPEC_USER_SESSION_KEYRING) != 0)
        return STATUS_FAILED;
    long all = keys + persistent + (session > 0 ? session - 1 : 0);
    return all < STATUS_MOST ? (int)all : STATUS_MOST;
}

void tg_target_clear_keyrings(struct tg_target *target)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        _exit(clear_as_owner(target->account.uid, target->dry_run));
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) ||
        WEXITSTATUS(status) == STATUS_FAILED)
        tg_target_fail(target, "the kernel keyrings of uid %u cannot be emptied", target->account.uid);
    else
        target->keys = (size_t)WEXITSTATUS(status);
}
