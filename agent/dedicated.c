/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/dedicated.h"

#include "agent/gates.h"
#include "agent/state.h"
#include "agent/teardown_gate.h"

#include <string.h>

/* While the owner has no session, the tickets are looked at so often. */
enum { LOOK_MS = 1000 };

bool tg_dedicated_may_open(const struct tg_agent *agent, const char *person, const char *ticket,
                           struct tg_agent_answer *answer)
{
    char detail[128];
    const struct tg_dedicated *dedicated = &agent->dedicated;
    if (!agent->config.dedicated || dedicated->owner[0] == '\0')
        return true;
    if (strcmp(dedicated->owner, person) == 0 && !dedicated->due)
        return true;
    (void)snprintf(detail, sizeof detail, "it %s %.64s",
                   dedicated->due ? "is to be wiped after" : "belongs to", dedicated->owner);
    tg_refuse(answer, TG_host_dedicated, ticket, detail);
    return false;
}

bool tg_dedicated_may_pass(const struct tg_agent *agent, const char *person, const char *ticket,
                           struct tg_agent_answer *answer)
{
    return strcmp(agent->config.deny_in, "session") == 0 ||
           tg_dedicated_may_open(agent, person, ticket, answer);
}

static void report(struct tg_agent *agent, const char *kind, const char *ticket, const char *account,
                   const char *session)
{
    tg_log(&agent->log, LOG_NOTICE, "%s: owner %s", kind, agent->dedicated.owner);
    (void)tg_events_add(&agent->events,
                        &(struct tg_event){.kind = kind,
                                           .ticket = ticket,
                                           .person = agent->dedicated.owner,
                                           .account = account,
                                           .session = session},
                        agent->now);
}

/* Makes the session's person the owner. False: it is not on disk, and nobody owns the host. */
static bool take(struct tg_agent *agent, const struct tg_session *session)
{
    (void)snprintf(agent->dedicated.owner, sizeof agent->dedicated.owner, "%s", session->person);
    if (!tg_agent_save_owner(agent)) {
        agent->dedicated.owner[0] = '\0';
        return false;
    }
    report(agent, "owner_taken", session->ticket, session->account, session->id);
    return true;
}

bool tg_dedicated_opened(struct tg_agent *agent, const struct tg_session *session)
{
    /* What tegata-wipe may be doing now has not seen what this one will leave. */
    tg_uid_ledger_opened(&agent->uid_ledger, session->account);
    agent->dedicated.listed = false;
    if (!agent->config.dedicated)
        return true;
    if (agent->dedicated.owner[0] == '\0')
        return take(agent, session);
    return !agent->dedicated.due && strcmp(agent->dedicated.owner, session->person) == 0;
}

void tg_dedicated_session_gone(struct tg_agent *agent)
{
    agent->dedicated.look_at = agent->steady;
}

/* Sessions that were open before the host was made a one-person server: the first of them owns it. */
static void adopt(struct tg_agent *agent)
{
    const struct tg_session *first = NULL;
    for (size_t i = 0; i < agent->sessions.count; i++) {
        const struct tg_session *session = &agent->sessions.list[i];
        if (session->ended == 0 && (first == NULL || session->opened < first->opened))
            first = session;
    }
    if (first != NULL)
        (void)take(agent, first);
}

/* May a ticket of the owner's still open a session here, now or once its window begins? */
static bool has_ticket(struct tg_agent *agent, const struct tg_policy *policy)
{
    struct tg_ticket_cursor cursor = {0};
    for (struct tg_ticket_entry *entry; (entry = tg_tickets_next(&agent->tickets, &cursor)) != NULL;) {
        const struct tg_held_ticket *held = &entry->held;
        struct tg_connection connection = {.host = agent->config.name, .account = held->ticket->account};
        struct tg_verdict verdict;
        if (strcmp(held->ticket->requester, agent->dedicated.owner) != 0)
            continue;
        /* By the sessions' clock: one that was set forward must not have the host wiped. */
        tg_verdict(policy, &held, 1, NULL, &connection, tg_session_now(agent), &verdict);
        if (verdict.reason == TG_allowed || verdict.reason == TG_ticket_early)
            return true;
    }
    return false;
}

/* Without a policy in force nobody can say that the owner's tickets are over. */
static bool is_over(struct tg_agent *agent)
{
    enum tg_reason problem;
    const struct tg_policy *policy = tg_agent_policy(agent, &problem);
    return policy != NULL && tg_sessions_open_count(&agent->sessions) == 0 && !has_ticket(agent, policy);
}

int64_t tg_dedicated_turn(struct tg_agent *agent)
{
    struct tg_dedicated *dedicated = &agent->dedicated;
    if (!agent->config.dedicated)
        return INT64_MAX;
    if (dedicated->owner[0] == '\0')
        adopt(agent);
    if (dedicated->owner[0] == '\0' || dedicated->due || agent->config.teardown[0] == '\0' ||
        tg_sessions_open_count(&agent->sessions) > 0)
        return INT64_MAX;
    if (agent->steady < dedicated->look_at)
        return dedicated->look_at;
    dedicated->look_at = agent->steady + LOOK_MS;
    if (!is_over(agent))
        return dedicated->look_at;
    dedicated->due = true;
    if (!tg_agent_save_owner(agent)) {
        dedicated->due = false;
        return dedicated->look_at;
    }
    report(agent, "teardown", NULL, NULL, NULL);
    tg_teardown_answer_all(agent);
    return INT64_MAX;
}

bool tg_dedicated_wiped(struct tg_agent *agent)
{
    struct tg_dedicated before = agent->dedicated;
    if (tg_sessions_open_count(&agent->sessions) > 0 || !agent->dedicated.listed)
        return false;
    agent->dedicated = (struct tg_dedicated){0};
    if (tg_agent_save_owner(agent))
        return true;
    agent->dedicated = before;
    return false;
}

json_t *tg_dedicated_to_json(const struct tg_dedicated *dedicated)
{
    return json_pack("{s:s, s:I}", "owner", dedicated->owner, "due", (json_int_t)dedicated->due);
}

bool tg_dedicated_from_json(struct tg_dedicated *dedicated, const json_t *object)
{
    int64_t due;
    struct tg_dedicated read = {0};
    *dedicated = read;
    if (!tg_state_text(object, "owner", read.owner, sizeof read.owner) ||
        !tg_state_number(object, "due", &due) || due > 1 || (due == 1 && read.owner[0] == '\0'))
        return false;
    read.due = due == 1;
    *dedicated = read;
    return true;
}
