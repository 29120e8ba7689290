/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/granted.h"

#include "agent/process_table.h"
#include "agent/session_right.h"
#include "lib/grow.h"
#include "lib/roster_reader.h"

#include <errno.h>
#include <stdlib.h>

static bool has(const struct tg_granted *granted, uint32_t gid)
{
    for (size_t i = 0; i < granted->count; i++) {
        if (granted->gids[i] == gid)
            return true;
    }
    return false;
}

static bool add(struct tg_granted *granted, uint32_t gid)
{
    if (has(granted, gid))
        return true;
    uint32_t *gids = tg_grow(granted->gids, granted->count, &granted->size, sizeof *gids);
    if (gids == NULL)
        return false;
    granted->gids = gids;
    granted->gids[granted->count++] = gid;
    return true;
}

bool tg_granted_collect(struct tg_granted *granted, struct tg_agent *agent, uint32_t uid)
{
    enum tg_reason problem;
    const struct tg_policy *policy = tg_agent_policy(agent, &problem);
    bool ok = true;
    granted->count = 0;
    for (size_t i = 0; ok && policy != NULL && i < agent->sessions.count; i++) {
        const struct tg_session *session = &agent->sessions.list[i];
        uint32_t gids[TG_AGENT_GIDS_MAX];
        size_t count = 0;
        if (session->uid != uid || session->ended != 0 || session->ending.phase != TG_ENDING_NOT)
            continue;
        const struct tg_ticket_entry *entry = tg_tickets_find(&agent->tickets, session->ticket);
        if (entry != NULL)
            (void)tg_ticket_gids(policy, entry->held.ticket, gids, &count);
        for (size_t j = 0; ok && j < count; j++)
            ok = add(granted, gids[j]);
    }
    return ok;
}

bool tg_granted_is_exceeded(const struct tg_granted *granted, const char *proc_root, uint32_t uid, pid_t pid)
{
    struct tg_process_groups groups;
    int result = tg_process_groups(proc_root, pid, &groups);
    bool exceeded = result != 0 && result != -ENOENT && result != -ESRCH;
    for (size_t i = 0; result == 0 && !exceeded && i < groups.count; i++) {
        uint32_t gid = groups.list[i];
        /* The account's own group has the number of its uid. */
        exceeded = tg_roster_id_allowed(gid) && gid != uid && !has(granted, gid);
    }
    return exceeded;
}

void tg_granted_free(struct tg_granted *granted)
{
    free(granted->gids);
    *granted = (struct tg_granted){0};
}
