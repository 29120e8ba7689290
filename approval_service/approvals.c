/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Approvals: verified on arrival by the same library as on the hosts, so that people learn at once what the
 * hosts would refuse. Whether a ticket is approved is the hosts' own judgement; the service only says the
 * same a little earlier.
 */
#include "approval_service/body.h"
#include "approval_service/ticket_view.h"

#include <string.h>

static const struct tg_held_approval *earlier_approval(const struct tg_held_ticket *held,
                                                       const char *approver)
{
    for (size_t i = 0; i < held->approval_count; i++) {
        const struct tg_held_approval *one = &held->approvals[i];
        if (one->approval != NULL && strcmp(one->approval->approver, approver) == 0)
            return one;
    }
    return NULL;
}

/* Does this approval, taken alone, fail for a reason of its own? approvals_missing only says that more are
 * needed. */
static int check_alone(struct tg_service *service, const struct tg_held_ticket *held,
                       const struct tg_held_approval *approval, struct tg_error *error)
{
    struct tg_held_approval copy = *approval;
    struct tg_held_ticket alone = *held;
    alone.approvals = &copy;
    alone.approval_count = 1;
    int64_t begins;
    int64_t ends;
    enum tg_reason reason = tg_judge_approvals(service, &alone, &begins, &ends, error);
    switch (reason) {
    case TG_allowed:
    case TG_approvals_missing:
    case TG_ticket_pending:
    case TG_approval_two_groups:
        return 0;
    default:
        return -1;
    }
}

static int check_rule(struct tg_service *service, const struct tg_ticket *ticket, struct tg_error *error)
{
    const struct tg_rule *rule = tg_policy_rule(service->policy, ticket->rule);
    if (rule == NULL)
        return tg_fail(error, TG_rule_gone, "the policy no longer has the rule %s", ticket->rule);
    char detail[160] = "";
    if (tg_rule_covers(service->policy, rule, ticket, detail, sizeof detail) != TG_allowed)
        return tg_fail(error, TG_rule_narrowed, "rule %s no longer covers the ticket: %s", ticket->rule,
                       detail);
    return 0;
}

static int check_approval(struct tg_service *service, const struct tg_held_ticket *held,
                          const struct tg_held_approval *approval, struct tg_error *error)
{
    const struct tg_ticket *ticket = held->ticket;
    const char *approver = approval->approval->approver;
    if (strcmp(approver, ticket->requester) == 0)
        return tg_fail(error, TG_approval_by_requester, "%s requested the ticket", approver);
    const struct tg_person *person = tg_policy_person(service->policy, approver);
    if (person != NULL && person->disabled)
        return tg_fail(error, TG_approver_disabled, "%s is disabled in the policy", approver);
    if (earlier_approval(held, approver) != NULL)
        return tg_fail(error, TG_approval_exists, "%s has approved ticket %s already", approver, ticket->id);
    if (held->state != TG_TICKET_PENDING)
        return tg_fail(error, TG_ticket_state, "ticket %s is %s", ticket->id,
                       tg_ticket_state_name(held->state));
    if (check_rule(service, ticket, error) < 0)
        return -1;
    if (!tg_may_approve(service->policy, ticket, approver))
        return tg_fail(error, TG_approval_not_in_group, "%s is in none of the groups that rule %s asks",
                       approver, ticket->rule);
    if (held->approval_count >= TG_APPROVALS_MAX)
        return tg_fail(error, TG_ticket_state, "ticket %s has %d approvals, more are not kept", ticket->id,
                       TG_APPROVALS_MAX);
    return check_alone(service, held, approval, error);
}

/* Stores the approval; with it, the ticket is approved if the verdict says so. */
static int store_approval(struct tg_service *service, const struct tg_held_ticket *held,
                          const struct tg_held_approval *approval, const char *signature,
                          struct tg_error *error)
{
    struct tg_held_approval all[TG_APPROVALS_MAX];
    struct tg_held_ticket with = *held;
    for (size_t i = 0; i < held->approval_count; i++)
        all[i] = held->approvals[i];
    all[with.approval_count++] = *approval;
    with.approvals = all;
    int64_t begins;
    int64_t ends;
    struct tg_error ignored;
    enum tg_reason reason = tg_judge_approvals(service, &with, &begins, &ends, &ignored);
    bool complete = reason == TG_allowed;
    if (tg_store_approval_add(service->store, held->ticket->id, approval->approval, signature, complete, ends,
                              tg_service_now(service), error) < 0)
        return -1;
    tg_ticket_changed(service, held->ticket);
    tg_log(&service->log, LOG_INFO, "ticket %s approved by %s%s", held->ticket->id,
           approval->approval->approver, complete ? "" : "; more approvals are needed");
    return 0;
}

int tg_post_approvals(struct tg_service *service, const struct tg_http_request *request,
                      struct tg_http_answer *answer, struct tg_error *error)
{
    struct tg_loaded_ticket loaded;
    if (tg_ticket_load(service, request->capture, &loaded, error) < 0)
        return -1;
    const char *signature = tg_body_text(request->parsed, "signature");
    struct tg_held_approval approval = {0};
    int result = tg_held_approval_verify(service->policy, loaded.held.ticket,
                                         tg_bytes_of_text(tg_body_text(request->parsed, "document")),
                                         signature, &approval, error);
    if (result == 0)
        result = check_approval(service, &loaded.held, &approval, error);
    if (result == 0)
        result = store_approval(service, &loaded.held, &approval, signature, error);
    if (result == 0)
        result = tg_answer_ticket(service, loaded.held.ticket->id, 201, answer, error);
    tg_held_approval_clear(&approval);
    tg_loaded_ticket_clear(&loaded);
    return result;
}
