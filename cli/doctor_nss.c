/* SPDX-License-Identifier: BSD-2-Clause
 *
 * /etc/nsswitch.conf, nsswitch.conf(5).
 */
#include "cli/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char area[] = "nsswitch";

/* The services of one database, without the comment; malloc'ed; NULL if the database has no line. */
static char *services_of(const char *text, const char *database)
{
    size_t length = strlen(database);
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n' ? 1 : 0) {
        const char *word = line + strspn(line, " \t");
        if (strncmp(word, database, length) != 0)
            continue;
        const char *colon = word + length + strspn(word + length, " \t");
        if (*colon == ':')
            return strndup(colon + 1, strcspn(colon + 1, "#\n"));
    }
    return NULL;
}

static void examine(struct tg_findings *findings, const char *path, const char *text, const char *database)
{
    char fix[96];
    bool files = false;
    bool returns = false;
    bool tegata = false;
    bool in_order = false;
    char *rest = NULL;
    char *services = services_of(text, database);
    (void)snprintf(fix, sizeof fix, "in %.40s: %s: files tegata", path, database);
    for (char *word = services != NULL ? strtok_r(services, " \t", &rest) : NULL; word != NULL;
         word = strtok_r(NULL, " \t", &rest)) {
        if (strcmp(word, "files") == 0 || strcmp(word, "compat") == 0)
            files = true;
        else if (word[0] == '[' && strstr(word, "return") != NULL && !tegata)
            returns = true;
        else if (strcmp(word, "tegata") == 0) {
            tegata = true;
            in_order = files;
        }
    }
    free(services);
    if (!tegata)
        tg_find(findings, TG_LEVEL_ERROR, area, fix,
                "%s: does not list tegata: people with a ticket do not exist here", database);
    else if (!in_order)
        tg_find(findings, TG_LEVEL_ERROR, area, fix,
                "%s: lists tegata before files: local accounts must come first", database);
    else if (returns)
        tg_find(findings, TG_LEVEL_WARNING, area, fix,
                "%s: an action in brackets before tegata can end the search early", database);
    else
        tg_find(findings, TG_LEVEL_OK, area, NULL, "%s: files, then tegata", database);
}

void tg_doctor_nsswitch(struct tg_findings *findings, const char *path, const char *text)
{
    examine(findings, path, text, "passwd");
    examine(findings, path, text, "group");
}
