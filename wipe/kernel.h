/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The system calls that make a walk safe, which older C libraries have no functions for. Linux 5.8 and later.
 */
#ifndef TEGATA_WIPE_KERNEL_H
#define TEGATA_WIPE_KERNEL_H

#include <stdint.h>

/* Opens the directory `name` of `parent`: never through a symbolic link, never across a mount, bind mounts
 * included. Returns an fd or -errno; -EXDEV: something is mounted there. */
int tg_open_directory(int parent, const char *name);

/* Opens what stands at an absolute path, for tg_mount_id() and fstat(): no symbolic link at its end. */
int tg_open_place(const char *path);

/* The id of the mount that an fd lies on, as in /proc/self/mountinfo; 0 if the kernel does not say. */
uint64_t tg_mount_id(int fd);

/* A detached copy of the mount at `path`, with nothing mounted on it: what is hidden under other mounts can
 * be seen in it. Returns an fd or -errno. */
int tg_clone_mount(const char *path);

/* The POSIX message queues as a directory, whether they are mounted anywhere or not. Returns an fd or -errno.
 */
int tg_open_message_queues(void);

#endif
