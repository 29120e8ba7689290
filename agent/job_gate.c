/* SPDX-License-Identifier: BSD-2-Clause
 *
 * JOB: may cron or at run a job of this account now? Only while a session of the account is open and has a
 * right: what a person left behind has nobody's. When the last session has gone, jobs that run are ended with
 * everything else of the account's (ending.h).
 */
#include "agent/ending.h"
#include "agent/session_right.h"
#include "agent/sudo_gate.h"

#include <string.h>

void tg_gate_job(struct tg_agent *agent, const struct tg_client *client, struct tg_agent_answer *answer)
{
    const char *account = client->request.account;
    const struct tg_session *nearest = NULL;
    tg_refuse(answer, TG_session_none, "", "");
    for (size_t i = 0; i < agent->sessions.count; i++) {
        const struct tg_session *session = &agent->sessions.list[i];
        struct tg_right right = {.reason = TG_session_over};
        if (session->ended != 0 || strcmp(session->account, account) != 0)
            continue;
        if (session->ending.phase == TG_ENDING_NOT)
            tg_session_right(agent, session, &right);
        if (right.reason == TG_allowed) {
            *answer = (struct tg_agent_answer){.reason = TG_allowed};
            memcpy(answer->ticket, session->ticket, sizeof answer->ticket);
            return;
        }
        tg_refuse(answer, right.reason, session->ticket, right.detail);
        nearest = session;
    }
    if (nearest != NULL || tg_account_is_ours(agent, account))
        tg_report_refusal(agent, "job_refused", client->request.service,
                          nearest == NULL ? "" : nearest->person, &client->request,
                          nearest == NULL ? "" : nearest->source, answer);
}
