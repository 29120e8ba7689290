/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What comes from outside: policies, tickets, approvals, states. Each is judged alone; what fails is logged
 * and reported once, and left out.
 */
#include "agent/revocations.h"
#include "agent/session_right.h"
#include "lib/digest.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { JUDGE_AGAIN_MS = 1000 };

bool tg_noticed_before(struct tg_agent *agent, struct tg_bytes bytes)
{
    char digest[TG_DIGEST_SIZE];
    if (!tg_digest(bytes, digest))
        return false;
    digest[sizeof agent->noticed[0] - 1] = '\0';
    for (size_t i = 0; i < TG_NOTICED_MAX && agent->noticed[i][0] != '\0'; i++) {
        if (strcmp(agent->noticed[i], digest) == 0)
            return true;
    }
    memcpy(agent->noticed[agent->noticed_next], digest, sizeof agent->noticed[0]);
    agent->noticed_next = (agent->noticed_next + 1) % TG_NOTICED_MAX;
    return false;
}

void tg_tell_update(struct tg_agent *agent, const struct tg_refusal *refusal, const char *detail)
{
    bool of_ticket = refusal->ticket[0] != '\0';
    tg_log_refusal(&agent->log, refusal->reason, "%s%s%s", detail, of_ticket ? ": ticket " : "",
                   refusal->ticket);
    (void)tg_events_add(&agent->events,
                        &(struct tg_event){.kind = refusal->kind,
                                           .ticket = refusal->ticket,
                                           .person = refusal->person,
                                           .account = refusal->account,
                                           .code = refusal->reason,
                                           .detail = detail},
                        agent->now);
}

bool tg_report_update(struct tg_agent *agent, const char *kind, const struct tg_ticket *ticket,
                      const struct tg_error *error)
{
    struct tg_refusal refusal = {.gate = "update", .reason = error->reason};
    (void)snprintf(refusal.kind, sizeof refusal.kind, "%s", kind);
    if (ticket != NULL) {
        (void)snprintf(refusal.ticket, sizeof refusal.ticket, "%s", ticket->id);
        (void)snprintf(refusal.person, sizeof refusal.person, "%s", ticket->requester);
        (void)snprintf(refusal.account, sizeof refusal.account, "%s", ticket->account);
    }
    if (!tg_repeats_count(&agent->update_repeats, &refusal, agent->steady))
        return false;
    tg_tell_update(agent, &refusal, error->text);
    return true;
}

/* --- The policy -------------------------------------------------------------------------------------------
 */

static int verify_policy(struct tg_agent *agent, const json_t *file, struct tg_policy **policy,
                         struct tg_error *error)
{
    struct tg_bytes document;
    const char **signatures;
    size_t count;
    *policy = NULL;
    if (tg_policy_file_parse(file, &document, &signatures, &count, error) != 0)
        return -1;
    int result = tg_policy_verify(document, signatures, count, &agent->roots, agent->highest_serial,
                                  agent->now, policy, error);
    free(signatures);
    return result;
}

static void put_in_force(struct tg_agent *agent, struct tg_policy *policy)
{
    /* The old one goes last: nothing that is verified below may point into it. */
    struct tg_policy *old = agent->policy;
    if (policy == NULL && old == NULL)
        return;
    agent->policy = policy;
    if (policy != NULL)
        policy->revocations = agent->revocations.krl;
    /* Accounts come and go with it, and so do sessions. */
    agent->publish_due = agent->now;
    agent->sessions_unjudged = true;
    if (policy != NULL && policy->serial > agent->highest_serial)
        agent->highest_serial = policy->serial;
    tg_tickets_reverify(&agent->tickets, policy);
    /* What was too much for the old one may not be for this one. */
    if (agent->turned_away)
        tg_service_resync(agent);
    agent->turned_away = false;
    tg_policy_free(old);
}

void tg_agent_judge_policy(struct tg_agent *agent)
{
    struct tg_error error = {.reason = TG_policy_missing};
    struct tg_policy *policy = NULL;
    agent->policy_due = agent->steady + JUDGE_AGAIN_MS;
    if (agent->policy_file != NULL && verify_policy(agent, agent->policy_file, &policy, &error) != 0 &&
        agent->policy_problem != error.reason)
        tg_log_refusal(&agent->log, error.reason, "the policy in hand: %s", error.text);
    agent->policy_problem = error.reason;
    put_in_force(agent, policy);
}

const struct tg_policy *tg_agent_policy(struct tg_agent *agent, enum tg_reason *problem)
{
    /* A policy that was refused for its dates may be right by now: the clock of a host that boots is often
     * late. But it may be large, and whoever has a certificate can make us ask. */
    if (agent->policy == NULL && agent->policy_file != NULL && agent->steady >= agent->policy_due)
        tg_agent_judge_policy(agent);
    *problem = agent->policy == NULL ? agent->policy_problem : TG_allowed;
    return agent->policy;
}

/* Both dates are judged last: such a policy is signed, and no older than what was seen. */
static void keep_for_later(struct tg_agent *agent, json_t *file)
{
    json_t *before = agent->policy_later;
    agent->policy_later = json_incref(file);
    json_decref(before);
}

/* True if there is a new policy in force. */
static bool take_policy(struct tg_agent *agent, json_t *file)
{
    struct tg_error error;
    struct tg_policy *policy;
    char detail[64];
    if (agent->policy != NULL && json_equal(agent->policy_file, file) == 1)
        return false;
    int result = verify_policy(agent, file, &policy, &error);
    /* The one in force, with other signatures around it: no news. */
    if (result == 0 && agent->policy != NULL && tg_bytes_equal(policy->document, agent->policy->document)) {
        tg_policy_free(policy);
        return false;
    }
    if (result == 0 && agent->policy != NULL && policy->serial == agent->policy->serial) {
        tg_policy_free(policy);
        result = tg_fail(&error, TG_policy_old, "another policy with the serial in force, %" PRIu64,
                         agent->policy->serial);
    }
    if (result != 0) {
        const char *text = json_string_value(json_object_get(file, "document"));
        if (!tg_noticed_before(agent, tg_bytes_of_text(text == NULL ? "" : text)))
            (void)tg_report_update(agent, "policy_refused", NULL, &error);
        if (error.reason == TG_policy_early || error.reason == TG_policy_expired)
            keep_for_later(agent, file);
        return false;
    }
    keep_for_later(agent, NULL);
    json_decref(agent->policy_file);
    agent->policy_file = json_incref(file);
    put_in_force(agent, policy);
    (void)snprintf(detail, sizeof detail, "serial %" PRIu64, policy->serial);
    tg_log(&agent->log, LOG_NOTICE, "policy accepted: %s", detail);
    (void)tg_events_add(&agent->events, &(struct tg_event){.kind = "policy_accepted", .detail = detail},
                        agent->now);
    return true;
}

/* --- Tickets
 * ------------------------------------------------------------------------------------------------ */

static void approval_refused(void *context, const struct tg_ticket *ticket, const struct tg_error *error,
                             struct tg_bytes signature)
{
    struct tg_agent *agent = context;
    /* Without a policy nothing can be judged: it is when one comes, so there is nothing to report. */
    if (error->reason != TG_policy_missing && !tg_noticed_before(agent, signature))
        (void)tg_report_update(agent, "approval_refused", ticket, error);
}

/* Reports a refused ticket under its id where it has one. */
static void ticket_refused(struct tg_agent *agent, struct tg_bytes document, const struct tg_error *error)
{
    struct tg_ticket *ticket = NULL;
    if (tg_noticed_before(agent, document))
        return;
    if (document.data == NULL || tg_ticket_parse(document, &ticket, NULL) != 0)
        ticket = NULL;
    (void)tg_report_update(agent, "ticket_refused", ticket, error);
    tg_ticket_free(ticket);
}

static enum tg_intake take_ticket(struct tg_agent *agent, const struct tg_update_ticket *offered,
                                  struct tg_error *error)
{
    enum tg_intake intake = TG_INTAKE_REFUSED;
    if (!offered->well_formed)
        *error = offered->problem;
    else
        intake = tg_tickets_take(&agent->tickets, agent->policy, agent->config.name,
                                 tg_tickets_latest(agent->policy, agent->now), offered, approval_refused,
                                 agent, error);
    if (intake == TG_INTAKE_REFUSED && error->reason == TG_rule_narrowed)
        agent->turned_away = true;
    if (intake == TG_INTAKE_REFUSED)
        ticket_refused(agent, offered->well_formed ? offered->document : tg_bytes_of_text(error->text),
                       error);
    else if (offered->odd_approvals > 0) {
        struct tg_error odd;
        (void)tg_fail(&odd, TG_approval_malformed, "%zu approvals in an update are not ones",
                      offered->odd_approvals);
        (void)tg_report_update(agent, "approval_refused", NULL, &odd);
    }
    return intake;
}

/* An extension that is over may be what led to the one that carries the session now. */
static void mark_extensions(struct tg_agent *agent, const struct tg_ticket *opening, bool needed)
{
    const struct tg_held_ticket *const *extensions;
    size_t count;
    (void)tg_tickets_extensions(&agent->tickets, opening, &extensions, &count);
    for (size_t i = 0; i < count; i++)
        tg_ticket_entry_of(extensions[i])->needed = needed;
}

static void mark_needed(struct tg_agent *agent, bool needed)
{
    for (size_t i = 0; i < agent->sessions.count; i++) {
        const struct tg_session *session = &agent->sessions.list[i];
        struct tg_ticket_entry *entry = tg_tickets_find(&agent->tickets, session->ticket);
        if (session->ended != 0 || entry == NULL)
            continue;
        entry->needed = needed;
        mark_extensions(agent, entry->held.ticket, needed);
    }
}

size_t tg_agent_purge(struct tg_agent *agent)
{
    mark_needed(agent, true);
    size_t purged = tg_tickets_purge(&agent->tickets, agent->now);
    mark_needed(agent, false);
    return purged;
}

bool tg_agent_apply_update(struct tg_agent *agent, const struct tg_update *update)
{
    bool changed = false;
    bool saved = true;
    enum tg_reason problem;
    (void)tg_agent_policy(agent, &problem);
    json_t *offered = json_incref(update->policy != NULL ? update->policy : agent->policy_later);
    if (offered != NULL && take_policy(agent, offered)) {
        changed = true;
        saved = tg_agent_save_policy(agent);
    }
    json_decref(offered);
    if (update->krl != NULL && tg_revocations_take(agent, update->krl)) {
        changed = true;
        saved = tg_agent_save_revocations(agent) && saved;
    }
    for (size_t i = 0; i < update->ticket_count; i++) {
        struct tg_error error;
        changed |= take_ticket(agent, &update->tickets[i], &error) == TG_INTAKE_CHANGED;
    }
    agent->sessions_unjudged |= changed;
    changed |= tg_agent_purge(agent) > 0;
    agent->unsaved |= changed;
    uint64_t before = agent->service.revision;
    agent->service.revision = update->revision;
    if (agent->sessions_unjudged)
        tg_sessions_judge(agent);
    /* The next poll acknowledges: by then the roster must show the account and the disk must know the ticket.
     */
    if ((changed || agent->now >= agent->publish_due) && !tg_agent_publish(agent))
        saved = false;
    if (agent->unsaved && !tg_agent_save_tickets(agent))
        saved = false;
    if (!saved)
        agent->service.revision = before;
    return saved;
}

enum tg_reason tg_agent_import(struct tg_agent *agent, struct tg_bytes text, char id[TG_TICKET_ID_SIZE],
                               char *detail, size_t detail_size)
{
    struct tg_error error = {0};
    struct tg_update_ticket offered;
    struct tg_ticket *ticket = NULL;
    struct tg_verdict verdict = {.reason = TG_internal_error};
    json_t *json;
    id[0] = '\0';
    detail[0] = '\0';
    if (tg_import_parse(text, &json, &offered, &error) != 0 ||
        tg_ticket_parse(offered.document, &ticket, &error) != 0 ||
        take_ticket(agent, &offered, &error) == TG_INTAKE_REFUSED) {
        (void)snprintf(detail, detail_size, "%s", error.text);
        verdict.reason = error.reason;
        goto out;
    }
    memcpy(id, ticket->id, TG_TICKET_ID_SIZE);
    struct tg_ticket_entry *entry = tg_tickets_find(&agent->tickets, id);
    entry->imported = true;
    agent->unsaved = agent->sessions_unjudged = true;
    (void)tg_events_add(
        &agent->events,
        &(struct tg_event){
            .kind = "imported", .ticket = id, .person = ticket->requester, .account = ticket->account},
        agent->now);
    tg_log(&agent->log, LOG_NOTICE, "root brought ticket %s for %s", id, ticket->account);
    if (!tg_agent_publish(agent) || !tg_agent_save_tickets(agent)) {
        (void)snprintf(detail, detail_size, "the ticket could not be stored");
        goto out;
    }
    const struct tg_policy *policy = tg_agent_policy(agent, &verdict.reason);
    if (policy == NULL)
        goto out;
    const struct tg_held_ticket *held = &entry->held;
    struct tg_connection connection = {.host = agent->config.name, .account = ticket->account};
    tg_verdict(policy, &held, 1, NULL, &connection, agent->now, &verdict);
    (void)snprintf(detail, detail_size, "%s", verdict.detail);
out:
    tg_ticket_free(ticket);
    tg_update_ticket_clear(&offered);
    json_decref(json);
    return verdict.reason;
}
