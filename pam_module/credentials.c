/* SPDX-License-Identifier: BSD-2-Clause */
#include "pam_module/credentials.h"

#include "lib/agent_protocol.h"
#include "lib/roster_reader.h"
#include "pam_module/socket_families.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static bool has(const gid_t *list, size_t count, gid_t gid)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i] == gid)
            return true;
    }
    return false;
}

size_t tg_pam_credentials_groups(const gid_t *have, size_t have_count, gid_t primary,
                                 const struct tg_pam_credentials *credentials, gid_t *out)
{
    size_t count = 0;
    for (size_t i = 0; i < have_count; i++) {
        if (!tg_roster_id_allowed(have[i]) || have[i] == primary)
            out[count++] = have[i];
    }
    for (size_t i = 0; i < credentials->gid_count; i++) {
        if (!has(out, count, credentials->gids[i]))
            out[count++] = credentials->gids[i];
    }
    return count;
}

static int set_groups(const struct tg_pam_credentials *credentials)
{
    gid_t *want = NULL;
    int result = -ENOMEM;
    int count = getgroups(0, NULL);
    if (count < 0)
        return -errno;
    gid_t *have = calloc((size_t)count + 1, sizeof *have);
    if (have == NULL)
        goto out;
    count = getgroups(count, have);
    if (count < 0) {
        result = -errno;
        goto out;
    }
    want = calloc((size_t)count + credentials->gid_count + 1, sizeof *want);
    if (want == NULL)
        goto out;
    size_t wanted = tg_pam_credentials_groups(have, (size_t)count, getegid(), credentials, want);
    result = setgroups(wanted, want) == 0 ? 0 : -errno;
out:
    free(have);
    free(want);
    return result;
}

/* The filter here in any case, where nothing of the person's has run yet. It is refused to a root without
 * CAP_SYS_ADMIN that may still gain privileges; then the shell sets it with the other. */
static int confine(const struct tg_pam_credentials *credentials)
{
    if (!credentials->by_shell_last && prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) != 0)
        return -errno;
    int result = tg_pam_socket_families_restrict();
    return result == -EACCES && credentials->by_shell_last ? 0 : result;
}

int tg_pam_credentials_set(const struct tg_pam_credentials *credentials)
{
    int result = 0;
    if ((credentials->flags & TG_SESSION_GROUPS) != 0)
        result = set_groups(credentials);
    if (result != 0)
        (void)setgroups(0, NULL);
    if (result == 0 && (credentials->flags & TG_SESSION_NO_PRIVILEGES) != 0)
        result = confine(credentials);
    return result;
}
