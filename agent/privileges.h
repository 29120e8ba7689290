/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the agent needs root for, done once, and then root given up.
 */
#ifndef TEGATA_AGENT_PRIVILEGES_H
#define TEGATA_AGENT_PRIVILEGES_H

#include "lib/config.h"

#include <sys/resource.h>
#include <sys/types.h>

struct tg_user {
    uid_t uid;
    gid_t gid;
};

/* Finds the user that the agent is to be: [agent] user when started as root, else whoever it is already. */
int tg_user_find(const struct tg_host_config *config, struct tg_user *user, struct tg_error *error);

/* Creates `path` with this owner and mode if it is missing; checks that it is a directory that nobody else
 * can write to. */
int tg_directory_prepare(const char *path, const struct tg_user *user, mode_t mode, struct tg_error *error);

/* Binds the socket, 0660, root and the user's group. Refuses if another agent answers there. */
int tg_socket_bind(const char *path, const struct tg_user *user, int *fd, struct tg_error *error);

/* Allows this many open descriptors, or as many as the system lets us have: each session is watched by one.
 */
void tg_descriptors_allow(rlim_t wanted);

/* Goes before others on the processors, where root may say so: what is to be ended may keep them all busy. */
void tg_priority_raise(void);

/* Becomes `user` for good: no groups but its own and tty, no capabilities but CAP_KILL (to end processes of
 * sessions) and CAP_NET_ADMIN (for the network rules of confined accounts), if root has that here, no new
 * privileges, no core dumps. Without root only the last two. */
int tg_privileges_drop(const struct tg_user *user, struct tg_error *error);

#endif
