/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/session_right.h"

/* Without a policy or without the ticket itself, all that can be known is that the ticket was taken back. */
static void judge_by_state_alone(const struct tg_agent *agent, const struct tg_session *session,
                                 const struct tg_ticket_entry *entry, struct tg_right *right)
{
    const struct tg_mark *mark = tg_marks_find(&agent->tickets.marks, session->ticket);
    enum tg_ticket_state state = TG_TICKET_ACTIVE;
    if (entry != NULL)
        state = entry->held.state;
    else if (mark != NULL)
        state = mark->state;
    if (state == TG_TICKET_REVOKED)
        right->reason = TG_ticket_revoked;
    else if (state == TG_TICKET_RELEASED)
        right->reason = TG_ticket_released;
    else
        right->reason = entry == NULL ? TG_ticket_none : TG_policy_missing;
}

void tg_session_right(struct tg_agent *agent, const struct tg_session *session, struct tg_right *right)
{
    enum tg_reason problem;
    const struct tg_policy *policy = tg_agent_policy(agent, &problem);
    const struct tg_ticket_entry *entry = tg_tickets_find(&agent->tickets, session->ticket);
    *right = (struct tg_right){.reason = TG_internal_error, .limit = session->limit};
    if (entry != NULL)
        right->ticket = &entry->held;
    if (policy == NULL || entry == NULL) {
        judge_by_state_alone(agent, session, entry, right);
        return;
    }
    struct tg_running_session running = {.ticket = &entry->held, .limit = session->limit};
    struct tg_connection connection = {
        .host = agent->config.name, .account = session->account, .source = session->source};
    if (session->certificate != NULL)
        running.certificate = session->certificate->certificate;
    if (tg_tickets_extensions(&agent->tickets, entry->held.ticket, &running.extensions,
                              &running.extension_count))
        tg_verdict_running(policy, &running, &connection, tg_session_now(agent), right);
}

static bool add_gids(const struct tg_policy *policy, const char *const *names, size_t name_count,
                     uint32_t gids[TG_AGENT_GIDS_MAX], size_t *count)
{
    for (size_t i = 0; i < name_count; i++) {
        const struct tg_unix_group *group = tg_policy_group(policy, names[i]);
        if (group == NULL)
            continue;
        if (*count == TG_AGENT_GIDS_MAX)
            return false;
        gids[(*count)++] = group->gid;
    }
    return true;
}

bool tg_ticket_gids(const struct tg_policy *policy, const struct tg_ticket *ticket,
                    uint32_t gids[TG_AGENT_GIDS_MAX], size_t *count)
{
    *count = 0;
    return add_gids(policy, ticket->groups, ticket->group_count, gids, count) &&
           add_gids(policy, ticket->sudo, ticket->sudo_count, gids, count);
}
