/* SPDX-License-Identifier: BSD-2-Clause */
#include "approval_service/ticket_view.h"

#include "lib/seats.h"

#include <stdlib.h>
#include <string.h>

enum { APPROVER_GROUPS_MAX = 64 };

void tg_loaded_ticket_clear(struct tg_loaded_ticket *loaded)
{
    for (size_t i = 0; i < loaded->held.approval_count; i++)
        tg_held_approval_clear(&loaded->held.approvals[i]);
    free(loaded->held.approvals);
    tg_ticket_free(loaded->held.ticket);
    json_decref(loaded->approvals);
    free(loaded->document);
    *loaded = (struct tg_loaded_ticket){0};
}

static int take_ticket(void *context, const struct tg_stored_ticket *ticket)
{
    struct tg_loaded_ticket *loaded = context;
    loaded->document = strdup(ticket->document);
    loaded->held.state = ticket->state;
    loaded->held.sessions_opened = ticket->opened < UINT32_MAX ? (uint32_t)ticket->opened : UINT32_MAX;
    loaded->opened = ticket->opened;
    loaded->revision = ticket->revision;
    return 0;
}

static int take_approval(void *context, const struct tg_stored_approval *approval)
{
    json_t *object =
        json_pack("{s:s, s:s}", "document", approval->document, "signature", approval->signature);
    return json_array_append_new(context, object); /* -1 for a NULL object too */
}

int tg_ticket_documents(struct tg_service *service, const char *id, struct tg_loaded_ticket *out,
                        enum tg_ticket_state *state, struct tg_error *error)
{
    *out = (struct tg_loaded_ticket){0};
    (void)tg_fail(error, TG_internal_error, "out of memory");
    out->approvals = json_array();
    if (out->approvals == NULL || tg_store_ticket(service->store, id, take_ticket, out, error) < 0 ||
        tg_store_approvals(service->store, id, take_approval, out->approvals, error) < 0 ||
        out->document == NULL) {
        tg_loaded_ticket_clear(out);
        return -1;
    }
    *state = out->held.state;
    return 0;
}

static int verify_approvals(struct tg_service *service, struct tg_loaded_ticket *loaded,
                            struct tg_error *error)
{
    size_t count = json_array_size(loaded->approvals);
    loaded->held.approvals = calloc(count > 0 ? count : 1, sizeof *loaded->held.approvals);
    if (loaded->held.approvals == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    for (size_t i = 0; i < count; i++) {
        const json_t *object = json_array_get(loaded->approvals, i);
        /* One that no longer verifies is held as refused: the verdict then says why it does not count. */
        struct tg_error refusal;
        (void)tg_held_approval_verify(
            service->policy, loaded->held.ticket,
            tg_bytes_of_text(json_string_value(json_object_get(object, "document"))),
            json_string_value(json_object_get(object, "signature")), &loaded->held.approvals[i], &refusal);
        loaded->held.approval_count++;
    }
    return 0;
}

int tg_ticket_load(struct tg_service *service, const char *id, struct tg_loaded_ticket *out,
                   struct tg_error *error)
{
    enum tg_ticket_state state;
    if (tg_ticket_documents(service, id, out, &state, error) < 0)
        return -1;
    if (tg_ticket_parse(tg_bytes_of_text(out->document), &out->held.ticket, error) < 0 ||
        verify_approvals(service, out, error) < 0) {
        tg_loaded_ticket_clear(out);
        return -1;
    }
    return 0;
}

bool tg_may_approve(const struct tg_policy *policy, const struct tg_ticket *ticket, const char *name)
{
    const struct tg_person *person = tg_policy_person(policy, name);
    const struct tg_rule *rule = tg_policy_rule(policy, ticket->rule);
    if (person == NULL || rule == NULL || person->disabled || strcmp(name, ticket->requester) == 0)
        return false;
    for (size_t i = 0; i < rule->approver_count; i++) {
        if (tg_person_in_group(person, rule->approvers[i].group))
            return true;
    }
    return false;
}

int tg_check_may_see(const struct tg_service *service, const struct tg_ticket *ticket, const char *person,
                     struct tg_error *error)
{
    if (strcmp(ticket->requester, person) == 0 || tg_may_approve(service->policy, ticket, person))
        return 0;
    return tg_fail(error, TG_not_found, "there is no ticket %s", ticket->id);
}

enum tg_reason tg_judge_approvals(const struct tg_service *service, const struct tg_held_ticket *held,
                                  int64_t *begins, int64_t *ends, struct tg_error *error)
{
    *begins = 0;
    *ends = 0;
    const struct tg_rule *rule = tg_policy_rule(service->policy, held->ticket->rule);
    char detail[160] = "";
    enum tg_reason reason = TG_rule_gone;
    if (rule != NULL)
        reason = tg_verdict_approvals(service->policy, rule, held, tg_service_now(service), begins, ends,
                                      NULL, detail, sizeof detail);
    if (reason != TG_allowed)
        (void)tg_fail(error, reason, "%s%s%s", tg_reason_text(reason), detail[0] == '\0' ? "" : ": ", detail);
    return reason;
}

json_t *tg_verdict_json(const struct tg_verdict *verdict, bool with_ticket)
{
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "code", tg_reason_name(verdict->reason), "text",
                  tg_reason_text(verdict->reason), "advice", tg_reason_advice(verdict->reason), "detail",
                  verdict->detail, "begins", (json_int_t)verdict->begins, "ends", (json_int_t)verdict->ends);
    const char *ticket = verdict->ticket != NULL ? verdict->ticket->ticket->id : "";
    if (with_ticket && json_object_set_new(object, "ticket", json_string(ticket)) < 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static bool has_approved(const struct tg_held_ticket *held, const char *person)
{
    for (size_t i = 0; i < held->approval_count; i++) {
        const struct tg_held_approval *approval = &held->approvals[i];
        if (approval->approval != NULL && strcmp(approval->approval->approver, person) == 0)
            return true;
    }
    return false;
}

/* The seats of the rule, with whoever has approved in them. */
static void seat_approvers(const struct tg_policy *policy, const struct tg_rule *rule,
                           const struct tg_held_ticket *held, struct tg_seats *seats)
{
    tg_seats_of_rule(seats, rule);
    for (size_t i = 0; i < held->approval_count; i++) {
        const struct tg_held_approval *approval = &held->approvals[i];
        const struct tg_person *person = approval->approval == NULL || approval->refused != TG_allowed
                                             ? NULL
                                             : tg_policy_person(policy, approval->approval->approver);
        if (person != NULL)
            (void)tg_seats_add(seats, person);
    }
}

/* Would this person fill a seat? Those who sit may move for it. */
static bool is_wanted(const struct tg_seats *seats, const struct tg_person *person)
{
    struct tg_seats with = *seats;
    return tg_seats_add(&with, person);
}

/* `missing` and `approvers`: who is still needed while the ticket is pending. */
static void list_missing(const struct tg_service *service, const struct tg_held_ticket *held, json_t *missing,
                         json_t *approvers)
{
    const struct tg_policy *policy = service->policy;
    const struct tg_rule *rule = tg_policy_rule(policy, held->ticket->rule);
    uint32_t counts[APPROVER_GROUPS_MAX] = {0};
    if (rule == NULL || rule->approver_count > APPROVER_GROUPS_MAX || held->state != TG_TICKET_PENDING)
        return;
    int64_t begins;
    int64_t ends;
    char detail[160];
    (void)tg_verdict_approvals(policy, rule, held, tg_service_now(service), &begins, &ends, counts, detail,
                               sizeof detail);
    for (size_t i = 0; i < rule->approver_count; i++) {
        if (counts[i] > 0)
            (void)json_array_append_new(missing, json_pack("{s:s, s:I}", "group", rule->approvers[i].group,
                                                           "count", (json_int_t)counts[i]));
    }
    struct tg_seats seats;
    seat_approvers(policy, rule, held, &seats);
    for (size_t i = 0; i < policy->person_count; i++) {
        const struct tg_person *person = &policy->people[i];
        if (tg_may_approve(policy, held->ticket, person->name) && !has_approved(held, person->name) &&
            is_wanted(&seats, person))
            (void)json_array_append_new(approvers, json_string(person->name));
    }
}

static int take_ticket_host(void *context, const struct tg_stored_ticket_host *host)
{
    return json_array_append_new(context, json_pack("{s:s, s:i, s:s}", "name", host->host, "acknowledged",
                                                    host->acknowledged ? 1 : 0, "problem", host->problem));
}

static int take_extension(void *context, const struct tg_stored_ticket *extension)
{
    return json_array_append_new(context, json_pack("{s:s, s:s}", "ticket", extension->id, "state",
                                                    tg_ticket_state_name(extension->state)));
}

int tg_ticket_view(struct tg_service *service, const struct tg_loaded_ticket *loaded, json_t **view,
                   struct tg_error *error)
{
    const struct tg_ticket *ticket = loaded->held.ticket;
    const struct tg_held_ticket *held = &loaded->held;
    struct tg_connection connection = {.host = ticket->hosts[0], .account = ticket->account};
    struct tg_verdict verdict;
    tg_verdict(service->policy, &held, 1, NULL, &connection, tg_service_now(service), &verdict);

    json_t *missing = json_array();
    json_t *approvers = json_array();
    json_t *hosts = json_array();
    json_t *extensions = json_array();
    (void)tg_fail(error, TG_internal_error, "out of memory");
    list_missing(service, held, missing, approvers);
    int result = tg_store_ticket_hosts(service->store, ticket->id, take_ticket_host, hosts, error);
    if (result == 0)
        result = tg_store_extensions(service->store, ticket->id, take_extension, extensions, error);
    *view =
        json_pack("{s:s, s:s, s:s, s:O, s:o, s:o, s:o, s:o, s:I, s:o}", "ticket", loaded->document, "digest",
                  ticket->digest, "state", tg_ticket_state_name(held->state), "approvals", loaded->approvals,
                  "missing", missing, "approvers", approvers, "verdict", tg_verdict_json(&verdict, false),
                  "hosts", hosts, "opened", (json_int_t)loaded->opened, "extensions", extensions);
    if (result == 0 && *view != NULL)
        return 0;
    json_decref(*view);
    *view = NULL;
    return -1;
}

int tg_answer_ticket(struct tg_service *service, const char *id, unsigned status,
                     struct tg_http_answer *answer, struct tg_error *error)
{
    struct tg_loaded_ticket loaded;
    if (tg_ticket_load(service, id, &loaded, error) < 0)
        return -1;
    json_t *view;
    int result = tg_ticket_view(service, &loaded, &view, error);
    tg_loaded_ticket_clear(&loaded);
    return result < 0 ? -1 : tg_http_answer_json(answer, status, view, error);
}
