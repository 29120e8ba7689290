/* SPDX-License-Identifier: BSD-2-Clause */
#include "wipe/report.h"

#include "lib/log.h"

#include <stdlib.h>
#include <string.h>

enum { LINE_SIZE = 512 };

void tg_report_line(const struct tg_target *target, char *out, size_t size)
{
    (void)snprintf(out, size,
                   "%s: %s %zu processes, %zu in its home, %zu elsewhere, %zu IPC objects, %zu keys",
                   target->account.name, target->dry_run ? "there are" : "removed", target->processes,
                   target->home, target->places, target->ipc, target->keys);
}

bool tg_target_is_wiped(const struct tg_target *target)
{
    return target->failed == 0 && !target->dry_run;
}

void tg_report_show(const struct tg_target *targets, const struct tg_search *search, FILE *stream)
{
    char line[LINE_SIZE];
    for (size_t i = 0; i < search->count; i++) {
        const struct tg_target *target = &targets[i];
        const struct tg_found *found = &search->list[i];
        tg_report_line(target, line, sizeof line);
        (void)fprintf(stream, "%s\n", line);
        if (target->failed > 0)
            (void)fprintf(stream, "%s: %zu could not be removed; the first: %s\n", target->account.name,
                          target->failed, target->complaint);
        if (found->count == 0)
            continue;
        (void)fprintf(stream, "%s: %u files with number %u are left:\n", target->account.name, found->count,
                      target->account.uid);
        for (size_t j = 0; j < found->count && j < TG_FOUND_SHOWN; j++)
            (void)fprintf(stream, "    %s\n", found->first[j]);
    }
    if (search->unseen > 0)
        (void)fprintf(stream, "%zu places could not be searched; the first: %s\n", search->unseen,
                      search->complaint);
}

/* One line of a report, cut to what the agent takes of it anyway; printable. */
static void write_report(FILE *stream, const char *text)
{
    char escaped[LINE_SIZE];
    if (text[0] != '\0')
        (void)fprintf(stream, "report %s\n", tg_escape(text, escaped, sizeof escaped));
}

static void write_target(FILE *stream, const struct tg_target *target, const struct tg_found *found,
                         size_t unseen)
{
    char line[LINE_SIZE];
    /* Where nobody has looked there may be files too. */
    uint64_t left = (uint64_t)found->count + unseen;
    if (left > UINT32_MAX)
        left = UINT32_MAX;
    if (tg_target_is_wiped(target))
        (void)fprintf(stream, "account %s\n", target->account.name);
    if (left > 0)
        (void)fprintf(stream, "left %s %u\n", target->account.name, (unsigned int)left);
    tg_report_line(target, line, sizeof line);
    write_report(stream, line);
    if (target->failed > 0) {
        (void)snprintf(line, sizeof line, "%zu failed: %s", target->failed, target->complaint);
        write_report(stream, line);
    }
    if (found->count > 0) {
        (void)snprintf(line, sizeof line, "%u left: %s", found->count, found->first[0]);
        write_report(stream, line);
    }
}

char *tg_report_text(const struct tg_target *targets, const struct tg_search *search, bool host)
{
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    if (stream == NULL)
        return NULL;
    for (size_t i = 0; i < search->count; i++)
        write_target(stream, &targets[i], &search->list[i], search->unseen);
    if (search->unseen > 0)
        write_report(stream, search->complaint);
    if (host)
        (void)fprintf(stream, "host\n");
    if (fclose(stream) == 0)
        return text;
    free(text);
    return NULL;
}
