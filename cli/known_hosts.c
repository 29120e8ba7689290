/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/known_hosts.h"

#include "cli/files.h"
#include "cli/signing_key.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *tg_person_file(const char *name)
{
    const char *base = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    char *path = NULL;
    int length = -1;
    if (base != NULL && *base == '/')
        length = asprintf(&path, "%s/tegata/%s", base, name);
    else if (home != NULL && *home == '/')
        length = asprintf(&path, "%s/.config/tegata/%s", home, name);
    return length < 0 ? NULL : path;
}

static char *compose(const struct tg_policy *policy)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    bool good = to != NULL;
    for (size_t i = 0; good && i < policy->host_ca_count; i++) {
        char *line = tg_public_key_line(policy->host_ca[i]);
        good = line != NULL && fprintf(to, "@cert-authority * %s\n", line) > 0;
        free(line);
    }
    if (to != NULL)
        good = fclose(to) == 0 && good;
    if (good)
        return text;
    free(text);
    return NULL;
}

int tg_known_hosts_write(const struct tg_policy *policy, struct tg_error *error)
{
    int result = -1;
    char *path = tg_person_file("known_hosts");
    if (policy->host_ca_count == 0 && (path == NULL || access(path, F_OK) != 0)) {
        free(path);
        return 0;
    }
    char *folder = tg_person_file("");
    char *text = compose(policy);
    if (path == NULL || folder == NULL || text == NULL)
        (void)tg_fail(error, TG_file_failed, "known_hosts: there is no HOME to put it into");
    else if (tg_directory_make(folder) != 0)
        (void)tg_fail(error, TG_file_failed, "%s: it cannot be made", folder);
    else
        result = tg_file_replace(path, 0644, text, strlen(text), error);
    free(text);
    free(folder);
    free(path);
    return result;
}
