/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SESSION_OPEN, the gate that counts: the certificate is the one that was really used. The verdict is taken
 * again, over the very ticket whose restrictions sshd was given; the service is asked first if it has not
 * been heard of within the lease; a session of a limited ticket is counted at the service, and only then is
 * the session registered and the answer given.
 */
#include "agent/ending.h"
#include "agent/gates.h"
#include "agent/recording.h"
#include "agent/service_request.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COUNT_MS = 2000, COUNT_ANSWER_MAX = 65536, DOOMED_AFTER_MS = 1000 };

/* --- Ending
 * ---------------------------------------------------------------------------------------------------- */

/* sshd would keep an -N connection open and idle after a refusal: it gets a moment to deliver the refusal,
 * and is ended. */
static void doom(struct tg_agent *agent, const struct tg_client *client)
{
    /* Whoever opens sessions without SSH_CONNECTION is no sshd, and is not ours to end. */
    if (client->request.connection[0] == '\0' || client->process.pid <= 1 ||
        agent->doomed_count == TG_DOOMED_MAX)
        return;
    int pidfd = tg_process_open(agent->proc_root, &client->process);
    if (pidfd < 0)
        return;
    agent->doomed[agent->doomed_count++] = (struct tg_doomed){
        .pidfd = pidfd, .pid = client->process.pid, .due = agent->steady + DOOMED_AFTER_MS};
}

void tg_agent_end_doomed(struct tg_agent *agent)
{
    for (size_t i = agent->doomed_count; i-- > 0;) {
        struct tg_doomed *doomed = &agent->doomed[i];
        if (doomed->due > agent->steady)
            continue;
        int result = tg_process_signal(doomed->pidfd, SIGTERM);
        if (result != 0 && result != -ESRCH)
            tg_log(&agent->log, LOG_ERR, "cannot end the refused connection of process %d: %s", doomed->pid,
                   strerror(-result));
        (void)close(doomed->pidfd);
        *doomed = agent->doomed[--agent->doomed_count];
    }
}

/* --- Refusing
 * ------------------------------------------------------------------------------------------------- */

/* The client is gone afterwards. */
static void refuse(struct tg_agent *agent, struct tg_client *client, const struct tg_agent_answer *answer)
{
    char source[TG_SOURCE_SIZE];
    tg_client_source(&client->request, source);
    tg_report_refusal(agent, "session_refused", "session", tg_person_of(agent, client->certificate),
                      &client->request, source, answer);
    doom(agent, client);
    (void)tg_client_answer(agent, client, answer);
}

static void refuse_with(struct tg_agent *agent, struct tg_client *client, enum tg_reason reason,
                        const char *ticket, const char *detail)
{
    struct tg_agent_answer answer;
    tg_refuse(&answer, reason, ticket, detail);
    refuse(agent, client, &answer);
}

/* --- What was admitted
 * ----------------------------------------------------------------------------------------- */

/* Reads the certificate. False: *answer says why. */
static bool read_certificate(struct tg_agent *agent, struct tg_client *client, struct tg_agent_answer *answer)
{
    struct tg_error error;
    if (client->certificate != NULL)
        return true;
    if (client->request.certificate.length == 0) {
        tg_refuse(answer, TG_certificate_missing, "", "");
        return false;
    }
    if (tg_admissions_certificate(&agent->admissions, client->request.certificate, &client->certificate,
                                  &error) == 0)
        return true;
    tg_refuse(answer, error.reason, "", error.text);
    return false;
}

/* The admission of this connection for the certificate that was used. NULL: *answer says why. */
static const struct tg_admission *find_admission(struct tg_agent *agent, const struct tg_client *client,
                                                 const char *source, struct tg_agent_answer *answer)
{
    size_t cursor = 0;
    size_t any = 0;
    const struct tg_admission *admission = tg_admissions_find(
        &agent->admissions, &client->process, client->certificate->digest, agent->steady, &cursor);
    if (admission != NULL && tg_admission_fits(admission, client->request.account, source))
        return admission;
    if (admission != NULL)
        tg_refuse(answer, TG_not_admitted, admission->ticket,
                  "it was admitted for another account or address");
    else if (tg_admissions_find(&agent->admissions, &client->process, NULL, agent->steady, &any) != NULL)
        tg_refuse(answer, TG_certificate_not_admitted, "", "");
    else
        tg_refuse(answer, TG_not_admitted, "", "");
    return NULL;
}

/* The verdict over the admitted ticket. Allowed only if *entry is that ticket. */
static void judge_admitted(struct tg_agent *agent, const struct tg_client *client,
                           const struct tg_admission *admission, const char *source,
                           struct tg_agent_answer *answer, struct tg_ticket_entry **entry)
{
    struct tg_verdict verdict;
    bool without_ticket = admission->ticket[0] == '\0';
    *entry = NULL;
    tg_judge(agent, client->certificate, client->request.account, source,
             without_ticket ? NULL : admission->ticket, &verdict);
    if (verdict.reason != TG_allowed) {
        tg_refuse_by_verdict(answer, &verdict);
        return;
    }
    /* sshd enforces the restrictions of the line that it was given: a ticket that came later was not on it.
     */
    if (without_ticket) {
        tg_refuse(answer, TG_not_admitted, verdict.ticket->ticket->id,
                  "the ticket came after the certificate check");
        return;
    }
    const struct tg_ticket *ticket = verdict.ticket->ticket;
    if (!tg_dedicated_may_open(agent, ticket->requester, ticket->id, answer) ||
        !tg_home_may_open(agent, ticket->account, ticket->uid, ticket->id, answer))
        return;
    *answer = (struct tg_agent_answer){.reason = TG_allowed};
    *entry = tg_ticket_entry_of(verdict.ticket);
}

/* With the service out of reach: may this ticket be used from what is in hand? */
static bool may_do_without_service(const struct tg_agent *agent, const struct tg_ticket_entry *entry)
{
    if (entry->held.ticket->sessions > 0)
        return false;
    return entry->imported || tg_service_within_grace(agent);
}

/* --- Counting a session of a limited ticket
 * ---------------------------------------------------------------------- */

static void count_done(struct tg_agent *agent, struct tg_transfer *transfer)
{
    struct tg_client *client = transfer->context;
    char problem[256];
    client->counting = NULL;
    if (tg_transfer_is(transfer, 201) || tg_transfer_is(transfer, 200)) {
        client->phase = TG_CLIENT_COUNTED;
        tg_gate_session_open(agent, client);
        return;
    }
    if (tg_transfer_is(transfer, 409)) {
        refuse_with(agent, client, TG_ticket_used_up, client->counted_ticket, "");
        return;
    }
    (void)tg_transfer_problem(transfer, problem, sizeof problem);
    refuse_with(agent, client, TG_service_unreachable, client->counted_ticket, problem);
}

static void start_counting(struct tg_agent *agent, struct tg_client *client, const struct tg_ticket *ticket)
{
    char *body = NULL;
    memcpy(client->counted_ticket, ticket->id, sizeof client->counted_ticket);
    if (!tg_session_new_id(client->session) ||
        asprintf(&body, "{\"ticket\":\"%s\",\"session\":\"%s\"}", ticket->id, client->session) < 0) {
        refuse_with(agent, client, TG_internal_error, ticket->id, "no memory");
        return;
    }
    client->phase = TG_CLIENT_COUNTING;
    client->counting = tg_transfer_start(agent, &(struct tg_transfer_wish){.method = "POST",
                                                                           .target = "/v1/host/sessions",
                                                                           .body = body,
                                                                           .timeout_ms = COUNT_MS,
                                                                           .answer_max = COUNT_ANSWER_MAX,
                                                                           .done = count_done,
                                                                           .context = client});
    if (client->counting == NULL)
        refuse_with(agent, client, TG_service_unreachable, ticket->id, "no request could be made");
}

/* --- Registering
 * -------------------------------------------------------------------------------------------------- */

/* Puts the session on disk. NULL: it could not be, and is not to be opened. */
static struct tg_session *register_session(struct tg_agent *agent, struct tg_client *client,
                                           struct tg_ticket_entry *entry, const char *source)
{
    struct tg_session session = {
        .monitor = client->process, .opened = agent->now, .counted = entry->held.ticket->sessions > 0};
    if (!tg_events_have_room(&agent->events))
        return NULL;
    if (client->session[0] == '\0' && !tg_session_new_id(client->session))
        return NULL;
    session.pidfd = tg_process_open(agent->proc_root, &client->process);
    if (session.pidfd < 0)
        return NULL;
    memcpy(session.id, client->session, sizeof session.id);
    memcpy(session.ticket, entry->held.ticket->id, sizeof session.ticket);
    (void)snprintf(session.person, sizeof session.person, "%s", entry->held.ticket->requester);
    (void)snprintf(session.account, sizeof session.account, "%s", client->request.account);
    (void)snprintf(session.source, sizeof session.source, "%s", source);
    struct tg_session *added = tg_sessions_add(&agent->sessions, &session);
    if (added == NULL) {
        (void)close(session.pidfd);
        return NULL;
    }
    entry->held.sessions_opened++;
    /* How often an unlimited ticket was used decides nothing, so it need not be on disk at once. */
    if (tg_agent_save_sessions(agent) && (!session.counted || tg_agent_save_tickets(agent)))
        return added;
    added->counted = false;
    tg_sessions_remove(&agent->sessions, added);
    return NULL;
}

static void open_session(struct tg_agent *agent, struct tg_client *client, struct tg_ticket_entry *entry,
                         const char *source)
{
    struct tg_agent_answer answer = {.reason = TG_allowed};
    const struct tg_ticket *ticket = entry->held.ticket;
    char id[TG_SESSION_ID_SIZE];
    /* Once more: while this one was counted, somebody else's may have opened. */
    if (!tg_dedicated_may_open(agent, ticket->requester, ticket->id, &answer) ||
        !tg_recording_may_open(agent, ticket, &client->process, &answer)) {
        refuse(agent, client, &answer);
        return;
    }
    struct tg_session *session = register_session(agent, client, entry, source);
    if (session != NULL && !tg_dedicated_opened(agent, session)) {
        session->counted = false;
        tg_sessions_remove(&agent->sessions, session);
        (void)tg_agent_save_sessions(agent);
        session = NULL;
    }
    if (session == NULL) {
        refuse_with(agent, client, TG_internal_error, ticket->id, "the session could not be recorded");
        return;
    }
    (void)tg_events_add(&agent->events,
                        &(struct tg_event){.kind = "session_opened",
                                           .ticket = ticket->id,
                                           .person = ticket->requester,
                                           .account = client->request.account,
                                           .source = source,
                                           .session = client->session},
                        agent->now);
    tg_log(&agent->log, LOG_INFO, "session %s opened: %s as %s from %s by ticket %s", client->session,
           ticket->requester, ticket->account, source[0] == '\0' ? "-" : source, ticket->id);
    tg_admissions_forget(&agent->admissions, &client->process);
    memcpy(id, client->session, sizeof id);
    memcpy(answer.ticket, ticket->id, sizeof answer.ticket);
    memcpy(answer.text, id, sizeof id);
    if (!tg_client_answer(agent, client, &answer)) {
        session = tg_sessions_find(&agent->sessions, id);
        if (session != NULL)
            tg_session_end(agent, session, TG_allowed, "nobody waited for the answer");
    }
}

/* --- The gate
 * ------------------------------------------------------------------------------------------------------ */

/* The service has counted this session. The verdict once more, for what came meanwhile: other sessions too,
 * because this host's own count holds whatever the service says. But that the ticket is now exhausted is our
 * own doing: the service marks it so with its last session. */
static void go_on_when_counted(struct tg_agent *agent, struct tg_client *client, const char *source)
{
    enum tg_reason problem;
    struct tg_verdict verdict = {.reason = TG_ticket_none};
    struct tg_agent_answer answer;
    struct tg_connection connection = {
        .host = agent->config.name, .account = client->request.account, .source = source};
    const struct tg_policy *policy = tg_agent_policy(agent, &problem);
    struct tg_ticket_entry *entry = tg_tickets_find(&agent->tickets, client->counted_ticket);
    if (policy != NULL && entry != NULL) {
        struct tg_held_ticket seen = entry->held;
        const struct tg_held_ticket *one = &seen;
        if (seen.state == TG_TICKET_EXHAUSTED)
            seen.state = TG_TICKET_ACTIVE;
        tg_verdict(policy, &one, 1, client->certificate->certificate, &connection, agent->now, &verdict);
        if (verdict.reason == TG_allowed) {
            open_session(agent, client, entry, source);
            return;
        }
    }
    tg_refuse(&answer, policy == NULL ? problem : verdict.reason, client->counted_ticket, verdict.detail);
    refuse(agent, client, &answer);
}

void tg_gate_session_open(struct tg_agent *agent, struct tg_client *client)
{
    struct tg_agent_answer answer = {.reason = TG_internal_error};
    struct tg_ticket_entry *entry = NULL;
    char source[TG_SOURCE_SIZE];
    tg_client_source(&client->request, source);
    if (client->phase == TG_CLIENT_COUNTED) {
        go_on_when_counted(agent, client, source);
        return;
    }
    const struct tg_admission *admission =
        read_certificate(agent, client, &answer) ? find_admission(agent, client, source, &answer) : NULL;
    if (admission == NULL) {
        refuse(agent, client, &answer);
        return;
    }
    if (!tg_service_is_fresh(agent) && !client->checked) {
        client->checked = true;
        client->phase = TG_CLIENT_CHECKING;
        tg_service_check(agent);
        if (agent->service.checking)
            return;
    }
    if (tg_service_clock_is_wrong(agent))
        tg_refuse(&answer, TG_clock_wrong, "", "");
    else
        judge_admitted(agent, client, admission, source, &answer, &entry);
    if (entry != NULL && !tg_service_is_fresh(agent) && !may_do_without_service(agent, entry)) {
        tg_refuse(&answer, TG_service_unreachable, entry->held.ticket->id, "");
        entry = NULL;
    }
    if (entry == NULL)
        refuse(agent, client, &answer);
    else if (entry->held.ticket->sessions > 0)
        start_counting(agent, client, entry->held.ticket);
    else
        open_session(agent, client, entry, source);
}
