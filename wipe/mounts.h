/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The mounts of this namespace, as /proc/self/mountinfo lists them (proc_pid_mountinfo(5)).
 */
#ifndef TEGATA_WIPE_MOUNTS_H
#define TEGATA_WIPE_MOUNTS_H

#include "lib/wire.h"

struct tg_mount {
    uint64_t id;
    char device[24]; /* "8:1" */
    char *root;      /* of the mount within its file system */
    char *place;     /* where it is mounted */
    char type[32];   /* of the file system, "ext4"; cut if longer */
};

struct tg_mounts {
    struct tg_mount *list;
    size_t count;
    size_t size;
};

/* Parses the text of a mountinfo file. False, with everything empty, for a line that is not understood. */
bool tg_mounts_parse(struct tg_bytes text, struct tg_mounts *mounts);

/* Reads the file. 0 or -errno; -EPROTO if it is not understood. */
int tg_mounts_read(const char *path, struct tg_mounts *mounts);
void tg_mounts_free(struct tg_mounts *mounts);

/* Does a file system of this type lie on this machine, and hold files? Those on block devices, which
 * `filesystems` (the text of /proc/filesystems) lists without "nodev", and those in memory. */
bool tg_mount_is_local(const char *type, const char *filesystems);

/* Does `wide` show everything that `narrow` shows? */
bool tg_mount_covers(const struct tg_mount *wide, const struct tg_mount *narrow);

#endif
