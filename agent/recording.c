/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/recording.h"

#include "agent/gates.h"
#include "lib/recording.h"

#include <string.h>
#include <unistd.h>

const char *tg_recording_shell(const struct tg_remembered_account *account)
{
    return account->recorded ? TG_RECORDER_SHELL : account->shell;
}

static bool is_shown(const struct tg_remembered_account *account, const struct tg_roster_user *users,
                     size_t user_count)
{
    for (size_t i = 0; i < user_count; i++) {
        if (users[i].uid == account->uid && strcmp(users[i].name, account->name) == 0)
            return true;
    }
    return false;
}

/* An account that a local file holds is not published: its shell is not ours to choose. */
void tg_recording_published(struct tg_accounts *accounts, const struct tg_roster_user *users,
                            size_t user_count, int64_t now_ms)
{
    for (size_t i = 0; i < accounts->count; i++) {
        struct tg_remembered_account *account = &accounts->list[i];
        if (!account->recorded)
            continue;
        if (!is_shown(account, users, user_count))
            account->recorded_since = 0;
        else if (account->recorded_since == 0)
            account->recorded_since = now_ms;
    }
}

static bool asks_for_recording(const struct tg_agent *agent, const struct tg_ticket *ticket)
{
    const struct tg_rule *rule = agent->policy == NULL ? NULL : tg_policy_rule(agent->policy, ticket->rule);
    return rule != NULL && rule->record;
}

static bool refuse(const struct tg_ticket *ticket, const char *detail, struct tg_agent_answer *answer)
{
    tg_refuse(answer, TG_recording_unavailable, ticket->id, detail);
    return false;
}

bool tg_recording_may_pass(const struct tg_agent *agent, const struct tg_ticket *ticket,
                           struct tg_agent_answer *answer)
{
    const struct tg_recording_paths paths = TG_RECORDING_PATHS;
    struct tg_error error;
    if (!asks_for_recording(agent, ticket))
        return true;
    if (ticket->uid == 0)
        return refuse(ticket, "the account is the host's own: Tegata does not choose its shell", answer);
    if (tg_recording_check(&agent->config, &paths, &error) != 0)
        return refuse(ticket, error.text, answer);
    return true;
}

static const struct tg_remembered_account *find_account(const struct tg_agent *agent, const char *name)
{
    for (size_t i = 0; i < agent->accounts.count; i++) {
        if (strcmp(agent->accounts.list[i].name, name) == 0)
            return &agent->accounts.list[i];
    }
    return NULL;
}

/* Milliseconds of the steady clock, not later than the process's true start: the kernel counts in ticks. */
static int64_t start_ms(const struct tg_process *process)
{
    return (int64_t)(process->start * 1000 / (uint64_t)sysconf(_SC_CLK_TCK));
}

bool tg_recording_may_open(const struct tg_agent *agent, const struct tg_ticket *ticket,
                           const struct tg_process *monitor, struct tg_agent_answer *answer)
{
    const struct tg_remembered_account *account = find_account(agent, ticket->account);
    answer->shell[0] = '\0';
    if (!tg_recording_may_pass(agent, ticket, answer))
        return false;
    if (account == NULL || !account->recorded || ticket->uid == 0)
        return !asks_for_recording(agent, ticket) ||
               refuse(ticket, "the roster does not show the account yet", answer);
    if (account->recorded_since == 0 || start_ms(monitor) <= account->recorded_since)
        return refuse(ticket, "the connection is older than the recording of the account", answer);
    (void)snprintf(answer->shell, sizeof answer->shell, "%s", ticket->shell);
    return true;
}
