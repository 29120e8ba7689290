/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a session's own process gets: exactly the groups of its ticket, and, for confined accounts without
 * sudo, no way to gain privileges.
 */
#ifndef TEGATA_PAM_MODULE_CREDENTIALS_H
#define TEGATA_PAM_MODULE_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tg_pam_credentials {
    uint32_t flags;     /* enum tg_session_flag */
    bool by_shell_last; /* the session's shell gives up gaining privileges itself (tegata-record(8)): tlog's
                           helper utempter needs its group before any program of the person's runs */
    const uint32_t *gids;
    size_t gid_count;
};

/* Sets them for this process and what it starts. 0; or -errno, and then the process has no groups at all but
 * its primary one: after a login by public key sshd goes on whatever pam_setcred() says. */
int tg_pam_credentials_set(const struct tg_pam_credentials *credentials);

/* The groups that a process of this primary group is to have: those of `have` that are not Tegata's, and
 * `gids`. `out` has room for both. Returns how many there are. */
size_t tg_pam_credentials_groups(const gid_t *have, size_t have_count, gid_t primary,
                                 const struct tg_pam_credentials *credentials, gid_t *out);

#endif
