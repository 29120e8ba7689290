/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What /etc/passwd and /etc/group hold.
 */
#include "agent/roster_publish.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

static bool add(char ***names, uint32_t **ids, size_t *count, const char *name, uint32_t id)
{
    char **more_names = realloc(*names, (*count + 1) * sizeof **names);
    if (more_names != NULL)
        *names = more_names;
    uint32_t *more_ids = realloc(*ids, (*count + 1) * sizeof **ids);
    if (more_ids != NULL)
        *ids = more_ids;
    char *copy = strdup(name);
    if (more_names == NULL || more_ids == NULL || copy == NULL) {
        free(copy);
        return false;
    }
    more_names[*count] = copy;
    more_ids[*count] = id;
    (*count)++;
    return true;
}

static int read_users(struct tg_local_names *names, const char *path, struct tg_error *error)
{
    FILE *file = fopen(path, "re");
    bool ok = true;
    if (file == NULL)
        return tg_fail(error, TG_internal_error, "%s: cannot read: %s", path, strerror(errno));
    for (struct passwd *entry; ok && (entry = fgetpwent(file)) != NULL;)
        ok = add(&names->users, &names->uids, &names->user_count, entry->pw_name, entry->pw_uid);
    (void)fclose(file);
    return ok ? 0 : tg_fail(error, TG_internal_error, "no memory for %s", path);
}

static int read_groups(struct tg_local_names *names, const char *path, struct tg_error *error)
{
    FILE *file = fopen(path, "re");
    bool ok = true;
    if (file == NULL)
        return tg_fail(error, TG_internal_error, "%s: cannot read: %s", path, strerror(errno));
    for (struct group *entry; ok && (entry = fgetgrent(file)) != NULL;)
        ok = add(&names->groups, &names->gids, &names->group_count, entry->gr_name, entry->gr_gid);
    (void)fclose(file);
    return ok ? 0 : tg_fail(error, TG_internal_error, "no memory for %s", path);
}

int tg_local_names_read(struct tg_local_names *names, const char *passwd_path, const char *group_path,
                        struct tg_error *error)
{
    *names = (struct tg_local_names){0};
    if (read_users(names, passwd_path, error) == 0 && read_groups(names, group_path, error) == 0)
        return 0;
    tg_local_names_free(names);
    return -1;
}

static void free_names(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

void tg_local_names_free(struct tg_local_names *names)
{
    free_names(names->users, names->user_count);
    free_names(names->groups, names->group_count);
    free(names->uids);
    free(names->gids);
    *names = (struct tg_local_names){0};
}

const char *tg_local_names_clash(const struct tg_local_names *names, const char *name, uint32_t id)
{
    for (size_t i = 0; i < names->user_count; i++) {
        if (strcmp(names->users[i], name) == 0)
            return "a local user has this name";
        if (names->uids[i] == id)
            return "a local user has this number";
    }
    for (size_t i = 0; i < names->group_count; i++) {
        if (strcmp(names->groups[i], name) == 0)
            return "a local group has this name";
        if (names->gids[i] == id)
            return "a local group has this number";
    }
    return NULL;
}
