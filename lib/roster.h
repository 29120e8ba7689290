/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writing the roster: the accounts and groups that NSS serves. lib/roster_format.h describes the file.
 */
#ifndef TEGATA_LIB_ROSTER_H
#define TEGATA_LIB_ROSTER_H

#include "lib/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tg_roster_user {
    const char *name;
    uint32_t uid; /* also the gid of the user's own group, which has the user's name */
    const char *gecos;
    const char *home;
    const char *shell;
    int64_t expires;   /* seconds since 1970: from then on the reader shows shell nologin and no groups ... */
    int64_t forgotten; /* ... and from then on nothing at all */
    const uint32_t *gids; /* supplementary groups; each must be among the roster's groups */
    size_t gid_count;
};

struct tg_roster_group {
    const char *name;
    uint32_t gid;
};

struct tg_roster {
    uint64_t generation; /* higher than that of the file that it replaces */
    int64_t built_at;
    const struct tg_roster_user *users;
    size_t user_count;
    const struct tg_roster_group *groups; /* without the users' own groups: the writer adds them */
    size_t group_count;
};

/* Writes the roster to `path`: temporary file beside it, fsync, mode 0644, rename, fsync of the directory,
 * then the `superseded` word in the old file. On failure the old file stays as it was. Refuses what the
 * reader would refuse: uids and gids below TG_FIRST_UID or in systemd's dynamic range, names that are not of
 * the form [a-z_][a-z0-9_-]{0,31} or are reserved, and duplicates: accounts and groups share one space of
 * names and one of ids, because each account has an own group. One writer at a time. */
int tg_roster_write(const char *path, const struct tg_roster *roster, struct tg_error *error);

/* May an account or group of this name and id stand in a roster? For the agent, which leaves one out rather
 * than publish nothing. Beside the form of the name and the range of the id, names that have power by default
 * (root, wheel, sudo, admin, ...) are refused. */
int tg_roster_check_identity(const char *name, uint32_t id, struct tg_error *error);

/* The generation of the file at `path`; 0 if there is none or it is not sound. */
uint64_t tg_roster_generation(const char *path);

/* Is the file at `path` one that the NSS module would serve? For tegatad at start and for tegata doctor,
 * which say what the module itself, as a guest in other programs, cannot: it never logs. On 0, *users is how
 * many accounts it would serve, without those that local files hold. */
int tg_roster_check(const char *path, size_t *users, struct tg_error *error);

#endif
