/* SPDX-License-Identifier: BSD-2-Clause */
#include "pam_module/local_account.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>

enum { LINE_MAX_BYTES = 4096 };

static bool find(const char *path, const char *name, uid_t *uid)
{
    char line[LINE_MAX_BYTES];
    struct passwd entry;
    struct passwd *found = NULL;
    bool local = false;
    *uid = (uid_t)-1;
    /* A name with such a start is a directive of the old compat format, not an account. */
    if (name[0] == '\0' || name[0] == '+' || name[0] == '-')
        return false;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    while (!local && fgetpwent_r(file, &entry, line, sizeof line, &found) == 0 && found != NULL)
        local = strcmp(found->pw_name, name) == 0;
    if (local)
        *uid = found->pw_uid;
    (void)fclose(file);
    return local;
}

bool tg_pam_account_is_local(const char *path, const char *name)
{
    uid_t uid;
    return find(path, name, &uid);
}

bool tg_pam_account_is_root(const char *path, const char *name)
{
    uid_t uid;
    return find(path, name, &uid) && uid == 0;
}
