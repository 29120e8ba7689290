/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Homes of accounts that only the roster knows: who makes them, and whose they are.
 */
#include "cli/doctor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { SHOWN_MAX = 8 };

static const char area[] = "homes";

/* pam_mkhomedir.so or pam_oddjob_mkhomedir.so in a session line. */
static bool names_mkhomedir(const char *text)
{
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n' ? 1 : 0) {
        const char *word = line + strspn(line, " \t-");
        const char *module = strstr(word, "mkhomedir.so");
        if (strncmp(word, "session", 7) == 0 && module != NULL && module < line + strcspn(line, "#\n"))
            return true;
    }
    return false;
}

void tg_doctor_makes_homes(struct tg_findings *findings, const char *path, const char *text,
                           const char *included)
{
    if (!names_mkhomedir(text) && !names_mkhomedir(included))
        tg_find(findings, TG_LEVEL_WARNING, area,
                "after the other session lines: session required pam_mkhomedir.so umask=0077",
                "%.120s makes no homes: whoever has none on this host starts in /", path);
}

/* The same that the agent looks at when a session opens. */
static bool is_wrong(const char *root, const char *name, uint32_t uid, char *what, size_t size)
{
    char path[512];
    struct stat status;
    if (uid == 0 || snprintf(path, sizeof path, "%s/%s", root, name) >= (int)sizeof path ||
        lstat(path, &status) != 0)
        return false;
    if (!S_ISDIR(status.st_mode))
        (void)snprintf(what, size, "%.120s is no directory", path);
    else if (status.st_uid != uid)
        (void)snprintf(what, size, "%.120s belongs to uid %" PRIu32 ", and the account is %" PRIu32, path,
                       (uint32_t)status.st_uid, uid);
    else
        return false;
    return true;
}

static void examine(struct tg_findings *findings, const char *root, const char *name, uint32_t uid,
                    size_t *wrong)
{
    char what[256];
    if (!is_wrong(root, name, uid, what, sizeof what))
        return;
    if (++*wrong <= SHOWN_MAX)
        tg_find(findings, TG_LEVEL_WARNING, area, "move it away, or, if it is the account's, chown it",
                "%s: sessions of %.64s are refused (uid_in_use)", what, name);
}

void tg_doctor_homes(struct tg_findings *findings, const struct tg_policy *policy, const char *root)
{
    size_t wrong = 0;
    if (policy == NULL)
        return;
    for (size_t i = 0; i < policy->person_count; i++)
        examine(findings, root, policy->people[i].name, policy->people[i].uid, &wrong);
    for (size_t i = 0; i < policy->account_count; i++)
        examine(findings, root, policy->accounts[i].name, policy->accounts[i].uid, &wrong);
    if (wrong > SHOWN_MAX)
        tg_find(findings, TG_LEVEL_WARNING, area, NULL, "and %zu more homes with other owners",
                wrong - SHOWN_MAX);
    else if (wrong == 0)
        tg_find(findings, TG_LEVEL_OK, area, NULL, "no home under %.60s is somebody else's", root);
}
