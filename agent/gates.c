/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The answers to what is asked on the socket. Every answer begins as a refusal.
 *
 * PRINCIPALS and ACCOUNT are decided from memory. SESSION_OPEN (session_gate.c) is the gate that counts.
 */
#include <config.h>

#include "agent/ending.h"
#include "agent/gates.h"
#include "agent/network_grants.h"
#include "agent/recording.h"
#include "agent/sudo_gate.h"
#include "agent/teardown_gate.h"

#include "lib/canonical_json.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- What the gates share
 * ----------------------------------------------------------------------------------- */

void tg_refuse(struct tg_agent_answer *answer, enum tg_reason reason, const char *ticket, const char *detail)
{
    *answer = (struct tg_agent_answer){.reason = reason == TG_allowed ? TG_internal_error : reason};
    (void)snprintf(answer->ticket, sizeof answer->ticket, "%s", ticket == NULL ? "" : ticket);
    (void)tg_escape(detail == NULL ? "" : detail, answer->detail, sizeof answer->detail);
}

void tg_refuse_by_verdict(struct tg_agent_answer *answer, const struct tg_verdict *verdict)
{
    tg_refuse(answer, verdict->reason, verdict->ticket == NULL ? "" : verdict->ticket->ticket->id,
              verdict->detail);
}

bool tg_is_address(const char *text)
{
    uint8_t bytes[16];
    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

void tg_client_source(const struct tg_agent_request *request, char out[TG_SOURCE_SIZE])
{
    char words[4][TG_SOURCE_SIZE] = {"", "", "", ""};
    char excess;
    out[0] = '\0';
    /* sshd's %C puts the server first, whatever its manual says (OpenSSH 9.4 to 10); SSH_CONNECTION puts the
     * client first. */
    size_t client = request->kind == TG_AGENT_PRINCIPALS ? 2 : 0;
    if (sscanf(request->connection, "%63s %63s %63s %63s %c", words[0], words[1], words[2], words[3],
               &excess) == 4 &&
        tg_is_address(words[client]))
        (void)snprintf(out, TG_SOURCE_SIZE, "%s", words[client]);
    else if (tg_is_address(request->rhost) && strlen(request->rhost) < TG_SOURCE_SIZE)
        (void)snprintf(out, TG_SOURCE_SIZE, "%s", request->rhost);
}

const char *tg_person_of(const struct tg_agent *agent, const struct tg_known_certificate *certificate)
{
    const struct tg_person_key *entry;
    if (agent->policy == NULL || certificate == NULL)
        return "";
    const struct tg_person *person =
        tg_policy_key_owner(agent->policy, certificate->certificate->key, &entry);
    return person == NULL ? "" : person->name;
}

bool tg_is_of_type(const struct tg_known_certificate *certificate, const char *key_type)
{
    struct tg_bytes type;
    struct tg_reader reader = tg_reader_of(certificate->certificate->blob);
    return tg_read_string(&reader, &type) && tg_bytes_equal_text(type, key_type);
}

void tg_judge(struct tg_agent *agent, const struct tg_known_certificate *certificate, const char *account,
              const char *source, const char *ticket_id, struct tg_verdict *verdict)
{
    enum tg_reason problem;
    const struct tg_held_ticket *const *candidates;
    size_t count;
    struct tg_connection connection = {.host = agent->config.name, .account = account, .source = source};
    *verdict = (struct tg_verdict){.reason = TG_internal_error};
    const struct tg_policy *policy = tg_agent_policy(agent, &problem);
    if (policy == NULL) {
        verdict->reason = problem;
        return;
    }
    if (ticket_id == NULL) {
        count = tg_tickets_candidates(&agent->tickets, account, certificate->certificate, &candidates);
        tg_verdict(policy, candidates, count, certificate->certificate, &connection, agent->now, verdict);
        return;
    }
    const struct tg_ticket_entry *entry = tg_tickets_find(&agent->tickets, ticket_id);
    const struct tg_held_ticket *one = entry == NULL ? NULL : &entry->held;
    tg_verdict(policy, &one, one == NULL ? 0 : 1, certificate->certificate, &connection, agent->now, verdict);
}

static const char *or_dash(const char *text)
{
    return text[0] == '\0' ? "-" : text;
}

static void report(struct tg_agent *agent, const struct tg_refusal *refusal, const char *detail)
{
    char account[TG_ACCOUNT_SIZE];
    tg_log_refusal(&agent->log, refusal->reason, "%s: account %s, person %s, from %s, ticket %s", detail,
                   tg_escape(refusal->account, account, sizeof account), or_dash(refusal->person),
                   or_dash(refusal->source), or_dash(refusal->ticket));
    (void)tg_events_add(&agent->events,
                        &(struct tg_event){.kind = refusal->kind,
                                           .ticket = refusal->ticket,
                                           .person = refusal->person,
                                           .account = refusal->account,
                                           .source = refusal->source,
                                           .code = refusal->reason,
                                           .detail = detail},
                        agent->now);
}

void tg_report_refusal(struct tg_agent *agent, const char *kind, const char *gate, const char *person,
                       const struct tg_agent_request *request, const char *source,
                       const struct tg_agent_answer *answer)
{
    struct tg_refusal refusal = {.reason = answer->reason};
    char detail[256];
    (void)snprintf(refusal.kind, sizeof refusal.kind, "%s", kind);
    (void)snprintf(refusal.gate, sizeof refusal.gate, "%s", gate);
    (void)snprintf(refusal.ticket, sizeof refusal.ticket, "%s", answer->ticket);
    (void)snprintf(refusal.person, sizeof refusal.person, "%s", person);
    (void)snprintf(refusal.account, sizeof refusal.account, "%s", request->account);
    (void)snprintf(refusal.source, sizeof refusal.source, "%s", source);
    if (!tg_repeats_count(&agent->repeats, &refusal, agent->steady))
        return;
    (void)snprintf(detail, sizeof detail, "%s%s%s", gate, answer->detail[0] == '\0' ? "" : ": ",
                   answer->detail);
    report(agent, &refusal, detail);
}

typedef void tell(struct tg_agent *agent, const struct tg_refusal *refusal, const char *detail);

static void report_counted(struct tg_agent *agent, struct tg_repeats *repeats, tell *tell_of, int64_t now_ms)
{
    struct tg_refusal refusal;
    uint64_t more;
    char detail[96];
    while (tg_repeats_take(repeats, now_ms, &refusal, &more)) {
        if (more == 0)
            continue;
        if (refusal.gate[0] != '\0')
            (void)snprintf(detail, sizeof detail, "%s: %" PRIu64 " more within a minute", refusal.gate, more);
        else
            (void)snprintf(detail, sizeof detail, "%" PRIu64 " refusals of many kinds; this is the last",
                           more);
        tell_of(agent, &refusal, detail);
    }
}

void tg_report_repeats(struct tg_agent *agent, int64_t now_ms)
{
    report_counted(agent, &agent->repeats, report, now_ms);
    report_counted(agent, &agent->update_repeats, tg_tell_update, now_ms);
}

/* --- PRINCIPALS
 * ----------------------------------------------------------------------------------------------- */

/* A certificate that is in order but has no ticket: the owner of its key, if it names that person. Else NULL.
 */
static const char *person_without_ticket(const struct tg_agent *agent,
                                         const struct tg_known_certificate *certificate,
                                         enum tg_reason reason)
{
    const struct tg_person_key *entry;
    /* The verdict judges policy and certificate before tickets: a reason from the ticket's part of the table
     * says that they passed. */
    if (reason < TG_ticket_none || reason >= TG_not_admitted || agent->policy == NULL)
        return NULL;
    const struct tg_person *person =
        tg_policy_key_owner(agent->policy, certificate->certificate->key, &entry);
    if (person == NULL || person->disabled ||
        !tg_certificate_has_principal(certificate->certificate, person->name))
        return NULL;
    return person->name;
}

/* Fills in the line for sshd and which ticket it is by. False: the answer is a refusal. */
static bool make_line(struct tg_agent *agent, const struct tg_agent_request *request,
                      struct tg_known_certificate *certificate, const char *source,
                      struct tg_admission *admission, struct tg_agent_answer *answer)
{
    struct tg_verdict verdict;
    tg_judge(agent, certificate, request->account, source[0] == '\0' ? NULL : source, NULL, &verdict);
    if (verdict.reason == TG_allowed) {
        const struct tg_ticket *ticket = verdict.ticket->ticket;
        if (!tg_dedicated_may_pass(agent, ticket->requester, ticket->id, answer))
            return false;
        if (!tg_recording_may_pass(agent, ticket, answer))
            return false;
        if (!tg_principals_line(ticket, verdict.ends, answer->text, sizeof answer->text)) {
            tg_refuse(answer, TG_ticket_command, ticket->id, "sshd cannot carry what the ticket asks for");
            return false;
        }
        memcpy(admission->ticket, ticket->id, sizeof admission->ticket);
        memcpy(answer->ticket, ticket->id, sizeof answer->ticket);
        return true;
    }
    const char *person = strcmp(agent->config.deny_in, "session") == 0
                             ? person_without_ticket(agent, certificate, verdict.reason)
                             : NULL;
    if (person != NULL && tg_principals_line_without_ticket(person, answer->text, sizeof answer->text))
        return true;
    tg_refuse_by_verdict(answer, &verdict);
    return false;
}

static void remember_refusal(struct tg_agent *agent, const struct tg_process *monitor,
                             const struct tg_agent_answer *answer)
{
    struct tg_remembered_refusal refusal = {.monitor = *monitor, .reason = answer->reason};
    (void)snprintf(refusal.ticket, sizeof refusal.ticket, "%s", answer->ticket);
    (void)snprintf(refusal.detail, sizeof refusal.detail, "%.159s", answer->detail);
    tg_admissions_refuse(&agent->admissions, &refusal, agent->steady);
}

static bool admit(struct tg_agent *agent, const struct tg_agent_request *request,
                  const struct tg_process *monitor, const char *source,
                  struct tg_known_certificate *certificate, struct tg_agent_answer *answer)
{
    struct tg_admission admission = {.monitor = *monitor, .certificate = certificate};
    if (strlen(request->account) >= sizeof admission.account ||
        !make_line(agent, request, certificate, source, &admission, answer))
        return false;
    (void)snprintf(admission.account, sizeof admission.account, "%s", request->account);
    (void)snprintf(admission.source, sizeof admission.source, "%s", source);
    tg_admissions_add(&agent->admissions, &admission, agent->steady);
    answer->reason = TG_allowed;
    return true;
}

static void gate_principals(struct tg_agent *agent, struct tg_client *client, struct tg_agent_answer *answer)
{
    const struct tg_agent_request *request = &client->request;
    struct tg_known_certificate *certificate = NULL;
    struct tg_process monitor;
    struct tg_error error;
    char source[TG_SOURCE_SIZE];
    bool allowed = false;
    tg_client_source(request, source);
    if (tg_process_read(agent->proc_root, client->parent, &monitor, NULL) != 0 || monitor.pid <= 1) {
        tg_refuse(answer, TG_peer_refused, "", "not started by sshd");
        goto out;
    }
    if (tg_service_clock_is_wrong(agent))
        tg_refuse(answer, TG_clock_wrong, "", "");
    else if (request->certificate.length == 0)
        tg_refuse(answer, TG_certificate_missing, "", "");
    else if (tg_admissions_certificate(&agent->admissions, request->certificate, &certificate, &error) != 0)
        tg_refuse(answer, error.reason, "", error.text);
    else if (!tg_is_of_type(certificate, request->key_type))
        tg_refuse(answer, TG_certificate_malformed, "", "it is of another type than sshd says");
    else
        allowed = admit(agent, request, &monitor, source, certificate, answer);
    if (!allowed)
        remember_refusal(agent, &monitor, answer);
out:
    if (!allowed)
        tg_report_refusal(agent, "login_refused", "principals", tg_person_of(agent, certificate), request,
                          source, answer);
    tg_known_certificate_release(certificate);
}

/* --- ACCOUNT
 * --------------------------------------------------------------------------------------------------- */

bool tg_admission_fits(const struct tg_admission *admission, const char *account, const char *source)
{
    return strcmp(admission->account, account) == 0 &&
           (admission->source[0] == '\0' || source[0] == '\0' || strcmp(admission->source, source) == 0);
}

/* Judges one admission anew. True: it lets the connection on to the session. */
static bool still_admitted(struct tg_agent *agent, const struct tg_admission *admission, const char *account,
                           const char *source, struct tg_agent_answer *answer)
{
    struct tg_verdict verdict;
    if (!tg_admission_fits(admission, account, source))
        return false;
    bool without_ticket = admission->ticket[0] == '\0';
    tg_judge(agent, admission->certificate, account, source, without_ticket ? NULL : admission->ticket,
             &verdict);
    if (without_ticket ? person_without_ticket(agent, admission->certificate, verdict.reason) != NULL
                       : verdict.reason == TG_allowed) {
        if (!without_ticket && !tg_dedicated_may_pass(agent, verdict.ticket->ticket->requester,
                                                      verdict.ticket->ticket->id, answer))
            return false;
        if (!without_ticket && !tg_recording_may_pass(agent, verdict.ticket->ticket, answer))
            return false;
        *answer = (struct tg_agent_answer){.reason = TG_allowed};
        memcpy(answer->ticket, admission->ticket, sizeof answer->ticket);
        return true;
    }
    if (verdict.reason != TG_allowed)
        tg_refuse_by_verdict(answer, &verdict);
    return false;
}

static bool admitted_by(struct tg_agent *agent, const struct tg_process *monitor, const char *account,
                        const char *source, struct tg_agent_answer *answer)
{
    const struct tg_admission *admission;
    size_t cursor = 0;
    bool any = false;
    while ((admission = tg_admissions_find(&agent->admissions, monitor, NULL, agent->steady, &cursor)) !=
           NULL) {
        any = true;
        if (still_admitted(agent, admission, account, source, answer))
            return true;
    }
    /* Nothing was admitted: what the certificate check said is what the person needs to know. */
    const struct tg_remembered_refusal *refusal =
        any ? NULL : tg_admissions_refusal(&agent->admissions, monitor, agent->steady);
    if (refusal != NULL)
        tg_refuse(answer, refusal->reason, refusal->ticket, refusal->detail);
    return false;
}

static void gate_account(struct tg_agent *agent, struct tg_client *client, struct tg_agent_answer *answer)
{
    const struct tg_agent_request *request = &client->request;
    struct tg_process parent;
    char source[TG_SOURCE_SIZE];
    tg_client_source(request, source);
    tg_refuse(answer, TG_not_admitted, "", "");
    if (tg_service_clock_is_wrong(agent))
        tg_refuse(answer, TG_clock_wrong, "", "");
    else if (admitted_by(agent, &client->process, request->account, source, answer))
        return;
    else if (tg_process_read(agent->proc_root, client->parent, &parent, NULL) == 0 && parent.pid > 1 &&
             admitted_by(agent, &parent, request->account, source, answer))
        return;
    tg_report_refusal(agent, "login_refused", "account", "", request, source, answer);
}

/* --- The others
 * -------------------------------------------------------------------------------------------------- */

static void gate_session_close(struct tg_agent *agent, const struct tg_client *client,
                               struct tg_agent_answer *answer)
{
    char id[TG_SESSION_ID_SIZE] = "";
    struct tg_bytes text = client->request.text;
    if (text.length == sizeof id - 1)
        memcpy(id, text.data, text.length);
    struct tg_session *session = tg_sessions_find(&agent->sessions, id);
    if (session == NULL || !tg_process_same(&session->monitor, &client->process)) {
        tg_refuse(answer, TG_not_found, "", "no such session of this process");
        return;
    }
    *answer = (struct tg_agent_answer){.reason = TG_allowed};
    memcpy(answer->ticket, session->ticket, sizeof answer->ticket);
    tg_session_end(agent, session, TG_allowed, "");
}

static json_int_t teardown_waiters(const struct tg_agent *agent)
{
    json_int_t count = 0;
    for (size_t i = 0; i < agent->client_count; i++)
        count += agent->clients[i]->phase == TG_CLIENT_TEARDOWN;
    return count;
}

/* docs/protocol.md describes it. */
static json_t *describe_status(const struct tg_agent *agent)
{
    const struct tg_dedicated *dedicated = &agent->dedicated;
    const struct tg_policy *policy = agent->policy;
    char problem[256];
    json_t *status = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "accounts",
        (json_int_t)agent->accounts.count, "clock_offset", (json_int_t)llabs(tg_service_clock_offset(agent)),
        "dedicated", (json_int_t)agent->config.dedicated, "events_waiting", (json_int_t)agent->events.count,
        "last_contact", (json_int_t)agent->service.contact_time, "policy_expires",
        (json_int_t)(policy == NULL ? 0 : policy->expires), "policy_serial",
        (json_int_t)(policy == NULL ? 0 : policy->serial), "revocations",
        (json_int_t)(agent->revocations.krl == NULL ? 0 : tg_krl_version(agent->revocations.krl)), "sessions",
        (json_int_t)tg_sessions_open_count(&agent->sessions), "teardown_due", (json_int_t)dedicated->due,
        "teardown_waiting", teardown_waiters(agent), "tickets", (json_int_t)agent->tickets.count);
    json_t *texts =
        json_pack("{s:s, s:s, s:s, s:s}", "host", agent->config.name, "network_problem",
                  tg_escape(tg_network_grants_problem(agent->network_grants), problem, sizeof problem),
                  "owner", dedicated->owner, "version", PACKAGE_VERSION);
    if (json_object_update(status, texts) != 0) {
        json_decref(status);
        status = NULL;
    }
    json_decref(texts);
    return status;
}

static void gate_status(const struct tg_agent *agent, struct tg_agent_answer *answer)
{
    char *text = NULL;
    size_t length;
    json_t *status = describe_status(agent);
    tg_refuse(answer, TG_internal_error, "", "");
    if (status != NULL && tg_canonical_json_write(status, &text, &length) == 0 &&
        length < sizeof answer->text) {
        *answer = (struct tg_agent_answer){.reason = TG_allowed};
        memcpy(answer->text, text, length + 1);
    }
    free(text);
    json_decref(status);
}

static void gate_exempt(struct tg_agent *agent, const struct tg_agent_request *request,
                        struct tg_agent_answer *answer)
{
    char account[TG_ACCOUNT_SIZE];
    char rhost[TG_ACCOUNT_SIZE];
    tg_log(&agent->log, LOG_NOTICE, "exempt login: account %s, from %s",
           tg_escape(request->account, account, sizeof account),
           tg_escape(request->rhost, rhost, sizeof rhost));
    bool queued = tg_events_add(&agent->events,
                                &(struct tg_event){.kind = "exempt_login",
                                                   .account = request->account,
                                                   .source = request->rhost,
                                                   .detail = request->service},
                                agent->now);
    *answer = (struct tg_agent_answer){.reason = queued ? TG_allowed : TG_internal_error};
}

static bool may_ask(const struct tg_agent *agent, const struct tg_client *client)
{
    if (client->peer.uid == 0)
        return true;
    return client->request.kind == TG_AGENT_PRINCIPALS && agent->principals_uid != (uid_t)-1 &&
           client->peer.uid == agent->principals_uid;
}

void tg_gate(struct tg_agent *agent, struct tg_client *client)
{
    struct tg_agent_answer answer = {.reason = TG_internal_error};
    if (!may_ask(agent, client)) {
        tg_log_refusal(&agent->log, TG_peer_refused, "uid %u, pid %d asked for kind %d", client->peer.uid,
                       client->peer.pid, (int)client->request.kind);
        tg_refuse(&answer, TG_peer_refused, "", "");
        (void)tg_client_answer(agent, client, &answer);
        return;
    }
    switch (client->request.kind) {
    case TG_AGENT_PRINCIPALS:
        gate_principals(agent, client, &answer);
        break;
    case TG_AGENT_ACCOUNT:
        gate_account(agent, client, &answer);
        break;
    case TG_AGENT_SESSION_OPEN:
        tg_gate_session_open(agent, client);
        return;
    case TG_AGENT_SESSION_CLOSE:
        gate_session_close(agent, client, &answer);
        break;
    case TG_AGENT_STATUS:
        gate_status(agent, &answer);
        break;
    case TG_AGENT_IMPORT:
        answer.reason =
            tg_agent_import(agent, client->request.text, answer.ticket, answer.detail, sizeof answer.detail);
        break;
    case TG_AGENT_EXEMPT:
        gate_exempt(agent, &client->request, &answer);
        break;
    case TG_AGENT_SUDO:
        tg_gate_sudo(agent, client, &answer);
        break;
    case TG_AGENT_STEP_UP:
        tg_gate_step_up(agent, client, &answer);
        break;
    case TG_AGENT_STEP_UP_PROOF:
        tg_gate_step_up_proof(agent, client, &answer);
        break;
    case TG_AGENT_JOB:
        tg_gate_job(agent, client, &answer);
        break;
    case TG_AGENT_TEARDOWN:
        tg_gate_teardown(agent, client);
        return;
    case TG_AGENT_WIPED:
        tg_gate_wiped(agent, client->request.text, &answer);
        break;
    case TG_AGENT_ACCOUNTS:
        tg_gate_accounts(agent, &answer);
        break;
    }
    (void)tg_client_answer(agent, client, &answer);
}
