/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SUDO and STEP_UP: may the session of the peer process use sudo, or su, now? Asked on every call, so that
 * neither a timestamp that sudo keeps nor NOPASSWD opens anything. The session is found by what the kernel
 * says of the peer, and judged anew each time.
 */
#include "agent/sudo_gate.h"

#include "agent/ending.h"
#include "agent/process_table.h"
#include "agent/session_right.h"

#include <string.h>

enum { ANCESTORS_MAX = 64 };

/* Who asks, about which session, and for what. */
struct asking {
    struct tg_session *session; /* NULL: none */
    struct tg_right right;
    char command[TG_COMMAND_SIZE];
};

bool tg_account_is_ours(const struct tg_agent *agent, const char *account)
{
    for (size_t i = 0; i < agent->accounts.count; i++) {
        if (strcmp(agent->accounts.list[i].name, account) == 0)
            return true;
    }
    return false;
}

static struct tg_session *session_of_monitor(struct tg_agent *agent, const struct tg_process *process)
{
    for (size_t i = 0; i < agent->sessions.count; i++) {
        struct tg_session *session = &agent->sessions.list[i];
        if (session->ended == 0 && tg_process_same(&session->monitor, process))
            return session;
    }
    return NULL;
}

/* By the kernel's audit session id; for a process that was given another one, by descent from a monitor. */
static struct tg_session *session_of(struct tg_agent *agent, const struct tg_client *client)
{
    uint32_t audit_id = TG_AUDIT_UNSET;
    struct tg_process process = client->process;
    pid_t parent = client->parent;
    if (tg_process_audit_id(agent->proc_root, process.pid, &audit_id) == 0 && audit_id != TG_AUDIT_UNSET) {
        struct tg_session *session = tg_sessions_find_audit(&agent->sessions, audit_id);
        if (session != NULL && session->ended == 0)
            return session;
    }
    for (int i = 0; i < ANCESTORS_MAX && process.pid > 1; i++) {
        struct tg_session *session = session_of_monitor(agent, &process);
        if (session != NULL)
            return session;
        if (tg_process_read(agent->proc_root, parent, &process, &parent) != 0)
            return NULL;
    }
    return NULL;
}

static const char *ticket_of(const struct asking *asking)
{
    return asking->session == NULL ? "" : asking->session->ticket;
}

/* False: *answer is the refusal. */
static bool judge(struct tg_agent *agent, const struct tg_client *client, const char *account,
                  struct asking *asking, struct tg_agent_answer *answer)
{
    *asking = (struct asking){.session = session_of(agent, client)};
    const struct tg_session *session = asking->session;
    tg_command_line(agent->proc_root, client->process.pid, asking->command, sizeof asking->command);
    if (session == NULL) {
        tg_refuse(answer, TG_session_none, "", "");
        return false;
    }
    if (session->ending.phase != TG_ENDING_NOT) {
        tg_refuse(answer, TG_session_over, session->ticket, "");
        return false;
    }
    if (strcmp(session->account, account) != 0) {
        tg_refuse(answer, TG_sudo_not_granted, session->ticket,
                  "asked as another account than the session's");
        return false;
    }
    tg_session_right(agent, session, &asking->right);
    if (asking->right.reason != TG_allowed || asking->right.ticket == NULL || asking->right.rule == NULL) {
        tg_refuse(answer, asking->right.reason, session->ticket, asking->right.detail);
        return false;
    }
    if (asking->right.ticket->ticket->sudo_count == 0) {
        tg_refuse(answer, TG_sudo_not_granted, session->ticket, "");
        return false;
    }
    return true;
}

/* Appends a text to an answer's detail; what does not fit ends in "...". */
static void add_detail(struct tg_agent_answer *answer, const char *text)
{
    static const char cut[] = "...";
    char *at = answer->detail + strlen(answer->detail);
    size_t room = (size_t)(answer->detail + sizeof answer->detail - at);
    size_t length = strlen(text);
    if (length < room) {
        memcpy(at, text, length + 1);
    } else if (room >= sizeof cut) {
        memcpy(at, text, room - sizeof cut);
        memcpy(at + room - sizeof cut, cut, sizeof cut);
    }
}

/* Logs and queues a refusal. The host's own accounts outside of any session are not ours to report. */
static void report(struct tg_agent *agent, const struct tg_client *client, const char *account,
                   const struct asking *asking, struct tg_agent_answer *answer)
{
    struct tg_agent_request request = client->request;
    const struct tg_session *session = asking->session;
    if (session == NULL && !tg_account_is_ours(agent, account))
        return;
    request.account = account;
    if (answer->detail[0] != '\0')
        add_detail(answer, ": ");
    add_detail(answer, asking->command);
    tg_report_refusal(
        agent, "sudo_refused", client->request.kind == TG_AGENT_SUDO ? client->request.service : "step_up",
        session == NULL ? "" : session->person, &request, session == NULL ? "" : session->source, answer);
}

static void add_event(struct tg_agent *agent, const struct asking *asking, const char *kind,
                      const char *detail)
{
    const struct tg_session *session = asking->session;
    struct tg_event event = tg_session_event(session, kind, detail);
    (void)tg_events_add(&agent->events, &event, agent->now);
    tg_log(&agent->log, LOG_INFO, "%s: session %s of %s (%s), ticket %s: %s", kind, session->id,
           session->person, session->account, session->ticket, detail);
}

static void allow(const struct asking *asking, struct tg_agent_answer *answer)
{
    *answer = (struct tg_agent_answer){.reason = TG_allowed};
    (void)snprintf(answer->ticket, sizeof answer->ticket, "%s", ticket_of(asking));
}

/* --- SUDO
 * -------------------------------------------------------------------------------------------------------- */

/* Where the rule asks for it: has this very process stepped up, for what it is about to run? What it proved
 * is good once. */
static bool stepped_up(struct tg_agent *agent, const struct tg_client *client, const struct asking *asking)
{
    if (!asking->right.rule->step_up)
        return true;
    struct tg_step_up *one = tg_step_ups_find(&agent->step_ups, &client->process, agent->steady);
    if (one == NULL || one->message != NULL || strcmp(one->session, asking->session->id) != 0 ||
        strcmp(one->command, asking->command) != 0)
        return false;
    tg_step_ups_remove(&agent->step_ups, one);
    return true;
}

void tg_gate_sudo(struct tg_agent *agent, const struct tg_client *client, struct tg_agent_answer *answer)
{
    struct asking asking;
    char detail[TG_COMMAND_SIZE + 80];
    bool allowed = judge(agent, client, client->request.account, &asking, answer);
    if (allowed && !stepped_up(agent, client, &asking)) {
        tg_refuse(answer, TG_step_up_missing, ticket_of(&asking), "");
        allowed = false;
    }
    if (!allowed) {
        report(agent, client, client->request.account, &asking, answer);
        return;
    }
    (void)snprintf(detail, sizeof detail, "%s: %s", client->request.service, asking.command);
    add_event(agent, &asking, "sudo_allowed", detail);
    allow(&asking, answer);
}

/* --- STEP_UP
 * ----------------------------------------------------------------------------------------------------- */

/* The login key of the ticket, which the policy lists; NULL: it is none that can step up. */
static const struct tg_person_key *login_key(const struct tg_agent *agent, const struct tg_ticket *ticket)
{
    const struct tg_person *person =
        agent->policy == NULL ? NULL : tg_policy_person(agent->policy, ticket->requester);
    const struct tg_person_key *key = person == NULL ? NULL : tg_person_key(person, ticket->key);
    return key != NULL && tg_key_type_is_security_key(key->key->type) ? key : NULL;
}

/* False: *answer is the refusal. */
static bool challenge(struct tg_agent *agent, const struct tg_client *client, const struct asking *asking,
                      struct tg_agent_answer *answer)
{
    const struct tg_session *session = asking->session;
    const struct tg_person_key *key = login_key(agent, asking->right.ticket->ticket);
    const struct tg_step_up_subject subject = {.account = session->account,
                                               .command = asking->command,
                                               .host = agent->config.name,
                                               .session = session->id,
                                               .ticket = session->ticket};
    if (key == NULL) {
        tg_refuse(answer, TG_step_up_failed, session->ticket, "the login key is not a security key");
        return false;
    }
    const struct tg_step_up *one =
        tg_step_ups_open(&agent->step_ups, &client->process, &subject, tg_session_now(agent), agent->steady);
    allow(asking, answer);
    if (one != NULL && tg_step_up_text(one, key->key, answer->text, sizeof answer->text)) {
        add_detail(answer, asking->command);
        return true;
    }
    tg_refuse(answer, TG_step_up_failed, session->ticket,
              "no challenge can be made: too many are open, or there is no memory");
    return false;
}

void tg_gate_step_up(struct tg_agent *agent, const struct tg_client *client, struct tg_agent_answer *answer)
{
    struct asking asking;
    bool allowed = judge(agent, client, client->request.account, &asking, answer);
    if (allowed && asking.right.rule->step_up)
        allowed = challenge(agent, client, &asking, answer);
    else if (allowed)
        allow(&asking, answer);
    if (!allowed)
        report(agent, client, client->request.account, &asking, answer);
}

/* False: *answer is the refusal. */
static bool prove(struct tg_agent *agent, const struct tg_client *client, const struct asking *asking,
                  struct tg_agent_answer *answer)
{
    struct tg_error error;
    const struct tg_person_key *key = login_key(agent, asking->right.ticket->ticket);
    struct tg_step_up *one = tg_step_ups_find(&agent->step_ups, &client->process, agent->steady);
    if (one == NULL || key == NULL || strcmp(one->session, asking->session->id) != 0) {
        tg_refuse(answer, TG_step_up_failed, ticket_of(asking), "no challenge is open for this process");
        return false;
    }
    if (tg_step_up_prove(one, key->key, asking->right.rule->user_verification || key->user_verification,
                         client->request.text, agent->steady, &error) == 0)
        return true;
    /* One challenge, one answer. */
    tg_step_ups_remove(&agent->step_ups, one);
    tg_refuse(answer, error.reason, ticket_of(asking), error.text);
    return false;
}

void tg_gate_step_up_proof(struct tg_agent *agent, const struct tg_client *client,
                           struct tg_agent_answer *answer)
{
    struct asking asking;
    const struct tg_session *session = session_of(agent, client);
    const char *account = session == NULL ? "" : session->account;
    if (!judge(agent, client, account, &asking, answer) || !prove(agent, client, &asking, answer)) {
        report(agent, client, account, &asking, answer);
        return;
    }
    add_event(agent, &asking, "stepped_up", asking.command);
    allow(&asking, answer);
}
