/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/ticket.h"

#include "lib/form.h"

#include <string.h>

/* Is every one of the texts among the others? No text stands twice in a document's list. */
static bool is_within(const char *const *texts, size_t count, const char *const *others, size_t other_count)
{
    for (size_t i = 0; i < count; i++) {
        if (!tg_is_among(texts[i], others, other_count))
            return false;
    }
    return true;
}

static bool is_same(const char *const *texts, size_t count, const char *const *others, size_t other_count)
{
    return count == other_count && is_within(texts, count, others, other_count);
}

/* Who, with what key, as whom. */
static const char *gap_of_person(const struct tg_ticket *extension, const struct tg_ticket *running)
{
    if (strcmp(extension->extends, running->id) != 0)
        return "extends";
    if (strcmp(extension->requester, running->requester) != 0)
        return "requester";
    if (strcmp(extension->key, running->key) != 0)
        return "key";
    if (strcmp(extension->account, running->account) != 0)
        return "account";
    if (extension->uid != running->uid)
        return "uid";
    if (strcmp(extension->shell, running->shell) != 0)
        return "shell";
    return NULL;
}

const char *tg_ticket_extension_gap(const struct tg_ticket *extension, const struct tg_ticket *running)
{
    const struct tg_ticket *a = extension, *b = running;
    const char *gap = gap_of_person(a, b);
    if (gap != NULL)
        return gap;
    if (!is_within(a->hosts, a->host_count, b->hosts, b->host_count))
        return "hosts";
    if (!is_same(a->groups, a->group_count, b->groups, b->group_count))
        return "groups";
    if (!is_same(a->sudo, a->sudo_count, b->sudo, b->sudo_count))
        return "sudo";
    if (!is_same(a->options, a->option_count, b->options, b->option_count))
        return "options";
    if (!is_same(a->permit_open, a->permit_open_count, b->permit_open, b->permit_open_count))
        return "permit_open";
    if (strcmp(a->command, b->command) != 0)
        return "command";
    if (!is_same(a->source, a->source_count, b->source, b->source_count))
        return "source";
    return a->sessions != b->sessions ? "sessions" : NULL;
}

void tg_ticket_wish_extension(const struct tg_ticket *running, uint32_t seconds, const char *reason,
                              struct tg_ticket_wish *wish)
{
    *wish = (struct tg_ticket_wish){
        .requester = running->requester,
        .key = running->key,
        .hosts = running->hosts,
        .host_count = running->host_count,
        .account = running->account,
        .shell = running->shell,
        .groups = running->groups,
        .group_count = running->group_count,
        .sudo = running->sudo,
        .sudo_count = running->sudo_count,
        .options = running->options,
        .option_count = running->option_count,
        .permit_open = running->permit_open,
        .permit_open_count = running->permit_open_count,
        .command = running->command,
        .source = running->source,
        .source_count = running->source_count,
        .seconds = seconds,
        .sessions = running->sessions,
        .reason = reason != NULL ? reason : running->reason,
        .reference = running->reference,
        .rule = running->rule,
        .emergency = running->emergency,
        .extends = running->id,
    };
}
