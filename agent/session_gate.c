/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SESSION_OPEN, the gate that counts: the certificate is the one that was really used. The verdict is taken
 * again, over the very ticket whose restrictions sshd was given; the service is asked first if it has not
 * been heard of within the lease; a session of a limited ticket is counted at the service, and only then is
 * the session registered and the answer given.
 */
#include "agent/ending.h"
#include "agent/gates.h"
#include "agent/network_grants.h"
#include "agent/process_table.h"
#include "agent/recording.h"
#include "agent/service_request.h"
#include "agent/session_right.h"

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
                                  &error) != 0) {
        tg_refuse(answer, error.reason, "", error.text);
        return false;
    }
    if (tg_is_of_type(client->certificate, client->request.key_type))
        return true;
    tg_refuse(answer, TG_certificate_malformed, "", "it is of another type than sshd says");
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

/* --- What else stands in the way
 * ------------------------------------------------------------------------------------- */

/* What the host must be able to tell from others: the kernel's audit session id, which every process of the
 * session inherits. If pam_loginuid has not run before us, the monitor has none, or that of whoever started
 * sshd: then ending the session would end nothing, or too much. False: *answer says what is wrong. */
static bool is_tracked(struct tg_agent *agent, const struct tg_client *client, const char *ticket,
                       uint32_t *audit_id, struct tg_agent_answer *answer)
{
    char detail[128] = "";
    uint32_t parents;
    const struct tg_session *other = NULL;
    int result = tg_process_audit_id(agent->proc_root, client->process.pid, audit_id);
    if (result == 0)
        result = tg_process_audit_id(agent->proc_root, client->parent, &parents);
    if (result == 0)
        other = tg_sessions_find_audit(&agent->sessions, *audit_id);
    if (result != 0)
        (void)snprintf(detail, sizeof detail, "its audit session cannot be read: %s", strerror(-result));
    else if (*audit_id == TG_AUDIT_UNSET)
        (void)snprintf(detail, sizeof detail, "it has no audit session");
    else if (*audit_id == parents)
        (void)snprintf(detail, sizeof detail, "it has the audit session of the sshd that started it");
    else if (other != NULL)
        (void)snprintf(detail, sizeof detail, "it has the audit session of session %s", other->id);
    else
        return true;
    tg_refuse(answer, TG_session_untracked, ticket, detail);
    return false;
}

/* Does nothing on this host stand in the way of a session by this ticket? Then *answer has the shell of a
 * recorded session. False: *answer says what does. */
static bool host_allows(struct tg_agent *agent, const struct tg_client *client,
                        const struct tg_ticket *ticket, uint32_t *audit_id, struct tg_agent_answer *answer)
{
    return is_tracked(agent, client, ticket->id, audit_id, answer) &&
           tg_dedicated_may_open(agent, ticket->requester, ticket->id, answer) &&
           tg_home_may_open(agent, ticket->account, ticket->uid, ticket->id, answer) &&
           tg_recording_may_open(agent, ticket, &client->process, answer) &&
           tg_network_may_open(agent, ticket, answer);
}

/* --- Registering
 * -------------------------------------------------------------------------------------------------- */

/* Everything about the session but its pidfd. False: *answer says why there cannot be one. */
static bool describe_session(struct tg_agent *agent, const struct tg_client *client,
                             const struct tg_ticket *ticket, const char *source, struct tg_session *session,
                             struct tg_agent_answer *answer)
{
    struct tg_right right;
    *session = (struct tg_session){.monitor = client->process,
                                   .pidfd = -1,
                                   .uid = ticket->uid,
                                   .certificate = client->certificate,
                                   .opened = agent->now,
                                   .counted = ticket->sessions > 0};
    memcpy(session->ticket, ticket->id, sizeof session->ticket);
    (void)snprintf(session->person, sizeof session->person, "%s", ticket->requester);
    (void)snprintf(session->account, sizeof session->account, "%s", client->request.account);
    (void)snprintf(session->source, sizeof session->source, "%s", source);
    tg_session_right(agent, session, &right);
    if (right.reason != TG_allowed) {
        tg_refuse(answer, right.reason, ticket->id, right.detail);
        return false;
    }
    memcpy(session->carrier, right.ticket->ticket->id, sizeof session->carrier);
    session->ends = right.ends;
    session->limit = right.limit;
    session->warned = tg_session_warning(agent, session);
    return host_allows(agent, client, ticket, &session->audit_id, answer);
}

/* Puts the session on disk. NULL: it could not be, and is not to be opened. */
static struct tg_session *register_session(struct tg_agent *agent, struct tg_client *client,
                                           struct tg_ticket_entry *entry, struct tg_session *session)
{
    if (!tg_events_have_room(&agent->events))
        return NULL;
    if (client->session[0] == '\0' && !tg_session_new_id(client->session))
        return NULL;
    memcpy(session->id, client->session, sizeof session->id);
    session->pidfd = tg_process_open(agent->proc_root, &client->process);
    if (session->pidfd < 0)
        return NULL;
    struct tg_session *added = tg_sessions_add(&agent->sessions, session);
    if (added == NULL) {
        (void)close(session->pidfd);
        return NULL;
    }
    added->certificate->references++;
    entry->held.sessions_opened++;
    /* How often an unlimited ticket was used decides nothing, so it need not be on disk at once. */
    if (tg_session_save(agent, added) && (!added->counted || tg_agent_save_tickets(agent)))
        return added;
    tg_session_drop(agent, added);
    return NULL;
}

/* What the session's processes may be: an account of Tegata's gets the groups of its ticket, its sudo roles
 * among them, and no others. False: *answer says why not. */
static bool give_identity(struct tg_agent *agent, const struct tg_ticket *ticket,
                          struct tg_agent_answer *answer)
{
    enum tg_reason problem;
    const struct tg_policy *policy = tg_agent_policy(agent, &problem);
    if (policy == NULL) {
        tg_refuse(answer, problem, ticket->id, "");
        return false;
    }
    answer->reason = TG_allowed;
    if (ticket->uid == 0)
        return true;
    answer->flags |= TG_SESSION_GROUPS;
    if (tg_account_is_confined(policy, ticket->account) && ticket->sudo_count == 0)
        answer->flags |= TG_SESSION_NO_PRIVILEGES;
    if (tg_ticket_gids(policy, ticket, answer->gids, &answer->gid_count))
        return true;
    tg_refuse(answer, TG_internal_error, ticket->id, "the ticket names too many groups");
    return false;
}

/* Of a recorded session the event says where to find it, by a number that no person can make up: the kernel's
 * audit session, which the recorder and the journal write down as well. */
static void report_opened(struct tg_agent *agent, const struct tg_session *session, bool recorded)
{
    char detail[64] = "";
    if (recorded)
        (void)snprintf(detail, sizeof detail, "recorded in audit session %" PRIu32, session->audit_id);
    struct tg_event event = tg_session_event(session, "session_opened", detail);
    event.ends = session->ends;
    (void)tg_events_add(&agent->events, &event, agent->now);
    tg_log(&agent->log, LOG_INFO, "session %s opened: %s as %s from %s by ticket %s", session->id,
           session->person, session->account, session->source[0] == '\0' ? "-" : session->source,
           session->ticket);
}

/* Answers; whoever did not wait for it has no session. */
static void hand_over(struct tg_agent *agent, struct tg_client *client, const struct tg_session *session,
                      struct tg_agent_answer *answer)
{
    char id[TG_SESSION_ID_SIZE];
    int64_t seconds = session->limit - tg_session_now(agent);
    memcpy(id, session->id, sizeof id);
    memcpy(answer->ticket, session->ticket, sizeof answer->ticket);
    memcpy(answer->text, id, sizeof id);
    (void)snprintf(answer->person, sizeof answer->person, "%.63s", session->person);
    answer->seconds = seconds < 1 ? 1 : seconds > UINT32_MAX ? UINT32_MAX : (uint32_t)seconds;
    if (tg_client_answer(agent, client, answer))
        return;
    struct tg_session *unwanted = tg_sessions_find(&agent->sessions, id);
    if (unwanted != NULL)
        tg_session_end(agent, unwanted, TG_allowed, "nobody waited for the answer");
}

/* What depends on the session being there. False: it is gone again, and *answer says why. */
static bool settle(struct tg_agent *agent, struct tg_session *session, const struct tg_ticket *ticket,
                   struct tg_agent_answer *answer)
{
    if (tg_network_may_open(agent, ticket, answer)) {
        if (tg_dedicated_opened(agent, session))
            return true;
        tg_refuse(answer, TG_internal_error, ticket->id, "the session could not be recorded");
    }
    tg_session_drop(agent, session);
    (void)tg_network_grants_update(agent);
    return false;
}

static void open_session(struct tg_agent *agent, struct tg_client *client, struct tg_ticket_entry *entry,
                         const char *source)
{
    struct tg_agent_answer answer = {.reason = TG_internal_error};
    const struct tg_ticket *ticket = entry->held.ticket;
    struct tg_session wanted;
    if (!describe_session(agent, client, ticket, source, &wanted, &answer) ||
        !give_identity(agent, ticket, &answer)) {
        refuse(agent, client, &answer);
        return;
    }
    struct tg_session *session = register_session(agent, client, entry, &wanted);
    if (session == NULL) {
        refuse_with(agent, client, TG_internal_error, ticket->id, "the session could not be recorded");
        return;
    }
    if (!settle(agent, session, ticket, &answer)) {
        refuse(agent, client, &answer);
        return;
    }
    report_opened(agent, session, answer.shell[0] != '\0');
    tg_admissions_forget(&agent->admissions, &client->process);
    hand_over(agent, client, session, &answer);
}

/* A session that could not open anyway must not use up the ticket. */
static void count_session(struct tg_agent *agent, struct tg_client *client, const struct tg_ticket *ticket)
{
    struct tg_agent_answer answer;
    uint32_t audit_id;
    if (host_allows(agent, client, ticket, &audit_id, &answer))
        start_counting(agent, client, ticket);
    else
        refuse(agent, client, &answer);
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
        count_session(agent, client, entry->held.ticket);
    else
        open_session(agent, client, entry, source);
}
