/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/ticket_view.h"

#include <stdlib.h>
#include <string.h>

static int read_ticket(const json_t *json, struct tg_ticket_view *view, struct tg_problem *problem)
{
    struct tg_error error = {0};
    const json_t *document = json_object_get(json, "ticket");
    const char *digest = json_string_value(json_object_get(json, "digest"));
    const char *state = json_string_value(json_object_get(json, "state"));
    if (!json_is_string(document) || state == NULL || !tg_ticket_state_from_name(state, &view->held.state))
        return tg_problem_set(problem, TG_ticket_malformed, "the service's answer is not a ticket");
    if (tg_ticket_parse(tg_bytes_of(json_string_value(document), json_string_length(document)),
                        &view->held.ticket, &error) != 0)
        return tg_problem_from_error(problem, &error);
    if (digest != NULL && strcmp(digest, view->held.ticket->digest) != 0)
        return tg_problem_set(problem, TG_ticket_malformed,
                              "%s: the service names another digest than the ticket's bytes have: "
                              "do not trust it",
                              view->held.ticket->id);
    return 0;
}

static int read_approvals(const json_t *json, const struct tg_policy *policy, struct tg_ticket_view *view,
                          struct tg_problem *problem)
{
    const json_t *approvals = json_object_get(json, "approvals");
    size_t count = json_array_size(approvals);
    if (!json_is_array(approvals) || count > TG_APPROVALS_MAX)
        return tg_problem_set(problem, TG_ticket_malformed, "the ticket has no list of at most %d approvals",
                              TG_APPROVALS_MAX);
    view->held.approvals = calloc(count + 1, sizeof *view->held.approvals);
    if (view->held.approvals == NULL)
        return tg_problem_set(problem, TG_internal_error, "out of memory");
    for (size_t i = 0; i < count; i++) {
        const json_t *approval = json_array_get(approvals, i);
        const json_t *document = json_object_get(approval, "document");
        const char *signature = json_string_value(json_object_get(approval, "signature"));
        if (!json_is_string(document) || signature == NULL)
            return tg_problem_set(problem, TG_approval_malformed,
                                  "approval %zu has no document and signature", i + 1);
        /* One that is refused stays in the list, with its reason, to be shown. */
        struct tg_error error = {0};
        (void)tg_held_approval_verify(policy, view->held.ticket,
                                      tg_bytes_of(json_string_value(document), json_string_length(document)),
                                      signature, &view->held.approvals[i], &error);
        view->held.approval_count = i + 1;
    }
    return 0;
}

static int judge(const struct tg_policy *policy, int64_t now, struct tg_ticket_view *view,
                 struct tg_problem *problem)
{
    view->rule = tg_policy_rule(policy, view->held.ticket->rule);
    view->covered = TG_rule_gone;
    view->approvals = TG_rule_gone;
    if (view->rule == NULL)
        return 0;
    view->missing = calloc(view->rule->approver_count + 1, sizeof *view->missing);
    if (view->missing == NULL)
        return tg_problem_set(problem, TG_internal_error, "out of memory");
    view->covered =
        tg_rule_covers(policy, view->rule, view->held.ticket, view->uncovered, sizeof view->uncovered);
    view->approvals = tg_verdict_approvals(policy, view->rule, &view->held, now, &view->begins, &view->ends,
                                           view->missing, view->missing_detail, sizeof view->missing_detail);
    return 0;
}

int tg_ticket_view_read(json_t *json, const struct tg_policy *policy, int64_t now,
                        struct tg_ticket_view *view, struct tg_problem *problem)
{
    *view = (struct tg_ticket_view){.json = json_incref(json)};
    if (read_ticket(json, view, problem) == 0 && read_approvals(json, policy, view, problem) == 0 &&
        judge(policy, now, view, problem) == 0)
        return 0;
    tg_ticket_view_clear(view);
    return -1;
}

void tg_ticket_view_clear(struct tg_ticket_view *view)
{
    for (size_t i = 0; i < view->held.approval_count; i++)
        tg_held_approval_clear(&view->held.approvals[i]);
    free(view->held.approvals);
    tg_ticket_free(view->held.ticket);
    free(view->missing);
    json_decref(view->json);
    *view = (struct tg_ticket_view){0};
}

bool tg_ticket_view_acknowledged(const struct tg_ticket_view *view)
{
    const json_t *hosts = json_object_get(view->json, "hosts");
    size_t named = 0;
    size_t index = 0;
    const json_t *host = NULL;
    json_array_foreach(hosts, index, host)
    {
        if (json_integer_value(json_object_get(host, "acknowledged")) != 1)
            return false;
        named++;
    }
    return named >= view->held.ticket->host_count;
}
