/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/teardown_gate.h"

#include "agent/gates.h"

#include <string.h>

/* --- TEARDOWN --------------------------------------------------------------------------------------------
 */

static void answer_due(struct tg_agent *agent, struct tg_client *client)
{
    struct tg_agent_answer answer = {.reason = TG_allowed};
    (void)snprintf(answer.text, sizeof answer.text, "%s", agent->dedicated.owner);
    (void)tg_client_answer(agent, client, &answer);
}

void tg_gate_teardown(struct tg_agent *agent, struct tg_client *client)
{
    if (agent->dedicated.due) {
        answer_due(agent, client);
        return;
    }
    client->phase = TG_CLIENT_TEARDOWN;
    client->until = INT64_MAX;
}

void tg_teardown_answer_all(struct tg_agent *agent)
{
    for (size_t i = agent->client_count; i-- > 0;) {
        if (agent->clients[i]->phase == TG_CLIENT_TEARDOWN)
            answer_due(agent, agent->clients[i]);
    }
}

/* --- ACCOUNTS --------------------------------------------------------------------------------------------
 */

static uint32_t sessions_of(const struct tg_agent *agent, const char *account)
{
    uint32_t count = 0;
    for (size_t i = 0; i < agent->sessions.count; i++) {
        const struct tg_session *session = &agent->sessions.list[i];
        count += session->ended == 0 && strcmp(session->account, account) == 0;
    }
    return count;
}

void tg_gate_accounts(struct tg_agent *agent, struct tg_agent_answer *answer)
{
    const struct tg_uid_entries *published = &agent->uid_ledger.published;
    size_t left_out = 0;
    *answer = (struct tg_agent_answer){.reason = TG_allowed};
    for (size_t i = 0; i < published->count; i++) {
        const struct tg_uid_entry *entry = &published->list[i];
        struct tg_wipe_account account = {.uid = entry->uid, .sessions = sessions_of(agent, entry->name)};
        memcpy(account.name, entry->name, sizeof account.name);
        (void)snprintf(account.home, sizeof account.home, "%.24s/%s", agent->home_root, entry->name);
        left_out += !tg_wipe_account_write(&account, answer->text, sizeof answer->text);
    }
    tg_uid_ledger_list(&agent->uid_ledger);
    agent->dedicated.listed = true;
    if (left_out > 0)
        (void)snprintf(answer->detail, sizeof answer->detail, "%zu more accounts do not fit", left_out);
}

/* --- WIPED -----------------------------------------------------------------------------------------------
 */

/* The account's name need not linger any more: there are no files that would show it. */
static void forget_lingering(struct tg_agent *agent, const char *name)
{
    for (size_t i = 0; i < agent->accounts.count; i++) {
        struct tg_remembered_account *account = &agent->accounts.list[i];
        if (strcmp(account->name, name) == 0 && account->expires <= agent->now)
            account->forgotten = agent->now;
    }
}

/* Returns why the account's number stays reserved, or NULL. */
static const char *free_account(struct tg_agent *agent, const struct tg_wiped_account *wiped)
{
    if (!wiped->wiped)
        return "it was not wiped";
    if (wiped->count > 0)
        return "files of it are left";
    if (sessions_of(agent, wiped->name) > 0)
        return "it has a session";
    if (!tg_uid_ledger_is_listed(&agent->uid_ledger, wiped->name))
        return "it had a session meanwhile, or is not known";
    if (!tg_uid_ledger_wiped(agent, wiped->name))
        return "that cannot be recorded";
    forget_lingering(agent, wiped->name);
    return NULL;
}

static void report(struct tg_agent *agent, const char *owner, const struct tg_wiped *wiped)
{
    tg_log(&agent->log, LOG_NOTICE, "wiped%s: %s", wiped->host ? " as a whole" : "",
           wiped->report[0] == '\0' ? "no report" : wiped->report);
    (void)tg_events_add(&agent->events,
                        &(struct tg_event){.kind = "wiped", .person = owner, .detail = wiped->report},
                        agent->now);
}

void tg_gate_wiped(struct tg_agent *agent, struct tg_bytes text, struct tg_agent_answer *answer)
{
    struct tg_wiped wiped;
    char owner[TG_ACCOUNT_SIZE];
    if (!tg_wiped_read(text, &wiped)) {
        tg_refuse(answer, TG_message_malformed, "", "");
        return;
    }
    *answer = (struct tg_agent_answer){.reason = TG_allowed};
    memcpy(owner, agent->dedicated.owner, sizeof owner);
    for (size_t i = 0; i < wiped.count; i++) {
        const char *why = free_account(agent, &wiped.list[i]);
        if (why != NULL)
            tg_log(&agent->log, LOG_WARNING, "the number of account %s stays reserved: %s",
                   wiped.list[i].name, why);
    }
    if (wiped.host && !tg_dedicated_wiped(agent))
        tg_refuse(
            answer, TG_internal_error, "",
            "the host stays its owner's: a session has opened, or the state directory cannot be written");
    report(agent, owner, &wiped);
    tg_wiped_free(&wiped);
    /* Those who waited for a number. */
    agent->publish_due = agent->now;
}
