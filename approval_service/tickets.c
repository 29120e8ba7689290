/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Tickets: submitted, listed, shown, denied, cancelled, released, revoked.
 */
#include "approval_service/body.h"
#include "approval_service/ticket_view.h"

#include <stdlib.h>
#include <string.h>

enum {
    LIST_MAX = 200,
    STATE_MASK_PENDING = 1 << TG_TICKET_PENDING,
    STATE_MASK_GRANTED = 1 << TG_TICKET_APPROVED | 1 << TG_TICKET_ACTIVE | 1 << TG_TICKET_EXHAUSTED
};

void tg_ticket_changed(struct tg_service *service, const struct tg_ticket *ticket)
{
    tg_waiting_wake(&service->waiting, TG_WAIT_TICKET, ticket->id);
    for (size_t i = 0; i < ticket->host_count; i++)
        tg_waiting_wake(&service->waiting, TG_WAIT_HOST, ticket->hosts[i]);
    service->next_due = tg_service_now(service); /* the timer looks anew */
}

static int no_host(void *context, const struct tg_stored_host *host)
{
    (void)context;
    (void)host;
    return 0;
}

static int check_hosts(struct tg_service *service, const struct tg_ticket *ticket, struct tg_error *error)
{
    for (size_t i = 0; i < ticket->host_count; i++) {
        if (tg_store_host(service->store, ticket->hosts[i], no_host, NULL, error) < 0)
            return -1;
    }
    return 0;
}

/* What sshd's line of principals cannot carry. The strict parse that follows refuses it too; this comes first
 * so that it has the code of its own. */
static int check_command(struct tg_bytes body, struct tg_error *error)
{
    json_t *object = json_loadb((const char *)body.data, body.length, JSON_REJECT_DUPLICATES, NULL);
    const char *command = json_string_value(json_object_get(object, "command"));
    int result = 0;
    for (const char *at = command; at != NULL && *at != '\0' && result == 0; at++) {
        if (strchr("#\"\\", *at) != NULL || (unsigned char)*at < 0x20 || *at == 0x7f)
            result =
                tg_fail(error, TG_ticket_command,
                        "ticket: key 'command': '#', '\"', '\\' and control characters cannot be carried");
    }
    json_decref(object);
    return result;
}

static int check_times(const struct tg_ticket *ticket, int64_t now, struct tg_error *error)
{
    if (ticket->created > now + TG_CLOCK_SKEW)
        return tg_fail(error, TG_ticket_from_future,
                       "ticket: key 'created': %lld s ahead of the service's clock",
                       (long long)(ticket->created - now));
    if (ticket->created < now - TG_CLOCK_SKEW)
        return tg_fail(error, TG_request_time, "ticket: key 'created': %lld s behind the service's clock",
                       (long long)(now - ticket->created));
    if (ticket->approve_by < now)
        return tg_fail(error, TG_ticket_lapsed, "ticket: key 'approve_by': has passed already");
    return 0;
}

static int check_rule(const struct tg_service *service, const struct tg_ticket *ticket,
                      struct tg_error *error)
{
    const struct tg_policy *policy = service->policy;
    if (ticket->policy > policy->serial)
        return tg_fail(error, TG_policy_old, "ticket: key 'policy': %llu, but the service's policy is %llu",
                       (unsigned long long)ticket->policy, (unsigned long long)policy->serial);
    const struct tg_rule *rule = tg_policy_rule(policy, ticket->rule);
    if (rule == NULL)
        return tg_fail(error, TG_ticket_no_rule, "the policy has no rule '%s'", ticket->rule);
    char detail[160] = "";
    if (tg_rule_covers(policy, rule, ticket, detail, sizeof detail) != TG_allowed)
        return tg_fail(error, TG_ticket_no_rule, "rule %s does not cover it: %s", ticket->rule, detail);
    return 0;
}

/* What the hosts' own verdict would say of it now. Anything but that it waits for approvals would make it
 * useless: better to say so at once than to have somebody approve it. */
static int check_verdict(const struct tg_service *service, struct tg_ticket *ticket, struct tg_error *error)
{
    const struct tg_held_ticket held = {.ticket = ticket, .state = TG_TICKET_PENDING};
    const struct tg_held_ticket *const one = &held;
    const struct tg_connection connection = {.host = ticket->hosts[0], .account = ticket->account};
    struct tg_verdict verdict;
    tg_verdict(service->policy, &one, 1, NULL, &connection, tg_service_now(service), &verdict);
    if (verdict.reason == TG_ticket_pending)
        return 0;
    return tg_fail(error, verdict.reason, "ticket: %s",
                   verdict.detail[0] != '\0' ? verdict.detail : tg_reason_text(verdict.reason));
}

static int check_ticket(struct tg_service *service, struct tg_ticket *ticket, const char *person,
                        struct tg_error *error)
{
    if (strcmp(ticket->requester, person) != 0)
        return tg_fail(error, TG_request_forbidden, "%s cannot request a ticket for %s", person,
                       ticket->requester);
    const struct tg_person *requester = tg_policy_person(service->policy, person);
    if (requester == NULL)
        return tg_fail(error, TG_requester_unknown, "the policy does not know %s", person);
    if (tg_person_key(requester, ticket->key) == NULL)
        return tg_fail(error, TG_certificate_key_unknown, "ticket: key 'key': %s is none of %s's keys",
                       ticket->key, person);
    if (check_times(ticket, tg_service_now(service), error) < 0 || check_rule(service, ticket, error) < 0)
        return -1;
    if (check_hosts(service, ticket, error) < 0 || tg_check_extension(service, ticket, error) < 0)
        return -1;
    return check_verdict(service, ticket, error);
}

int tg_post_tickets(struct tg_service *service, const struct tg_http_request *request,
                    struct tg_http_answer *answer, struct tg_error *error)
{
    struct tg_ticket *ticket = NULL;
    if (check_command(request->body, error) < 0 || tg_ticket_parse(request->body, &ticket, error) < 0)
        return -1;
    int result = check_ticket(service, ticket, request->caller.name, error);
    if (result == 0)
        result = tg_store_ticket_add(service->store, ticket, service->policy->open_tickets,
                                     tg_service_now(service), error);
    if (result == 0) {
        tg_ticket_changed(service, ticket);
        tg_log(&service->log, LOG_INFO, "ticket %s submitted by %s", ticket->id, ticket->requester);
        result = tg_answer_ticket(service, ticket->id, 201, answer, error);
    }
    tg_ticket_free(ticket);
    return result;
}

enum list_role { ROLE_MINE, ROLE_APPROVABLE, ROLE_ALL };

struct ticket_ids {
    char ids[LIST_MAX][TG_TICKET_ID_SIZE];
    size_t count;
};

static int take_id(void *context, const struct tg_stored_ticket *ticket)
{
    struct ticket_ids *list = context;
    memcpy(list->ids[list->count++], ticket->id, TG_TICKET_ID_SIZE);
    return list->count == LIST_MAX ? 1 : 0;
}

static int read_role(const char *query, enum list_role *role, struct tg_error *error)
{
    char word[16] = "mine";
    if (tg_query_word(query, "role", word, sizeof word, error) < 0)
        return -1;
    *role = ROLE_MINE;
    if (strcmp(word, "approvable") == 0)
        *role = ROLE_APPROVABLE;
    else if (strcmp(word, "all") == 0)
        *role = ROLE_ALL;
    else if (strcmp(word, "mine") != 0)
        return tg_fail(error, TG_request_malformed, "query: 'role' is mine, approvable or all");
    return 0;
}

static int read_state(const char *query, struct tg_ticket_filter *filter, struct tg_error *error)
{
    char word[16] = "open";
    if (tg_query_word(query, "state", word, sizeof word, error) < 0)
        return -1;
    filter->scope = TG_SCOPE_OPEN;
    if (strcmp(word, "any") == 0)
        filter->scope = TG_SCOPE_ANY;
    else if (tg_ticket_state_from_name(word, &filter->state))
        filter->scope = TG_SCOPE_STATE;
    else if (strcmp(word, "open") != 0)
        return tg_fail(error, TG_request_malformed, "query: 'state' is open, any, or a ticket's state");
    return 0;
}

static bool is_listed(const struct tg_service *service, const json_t *view, const struct tg_ticket *ticket,
                      const char *person, enum list_role role)
{
    struct tg_error ignored;
    if (role != ROLE_APPROVABLE)
        return tg_check_may_see(service, ticket, person, &ignored) == 0;
    size_t index;
    json_t *name;
    json_array_foreach(json_object_get(view, "approvers"), index, name)
    {
        if (strcmp(json_string_value(name), person) == 0)
            return true;
    }
    return false;
}

static int append_view(struct tg_service *service, const char *id, const char *person, enum list_role role,
                       json_t *array, struct tg_error *error)
{
    struct tg_loaded_ticket loaded;
    if (tg_ticket_load(service, id, &loaded, error) < 0)
        return -1;
    json_t *view = NULL;
    int result = tg_ticket_view(service, &loaded, &view, error);
    if (result == 0 && is_listed(service, view, loaded.held.ticket, person, role))
        result = json_array_append(array, view);
    json_decref(view);
    tg_loaded_ticket_clear(&loaded);
    return result;
}

int tg_get_tickets(struct tg_service *service, const struct tg_http_request *request,
                   struct tg_http_answer *answer, struct tg_error *error)
{
    static const char *const keys[] = {"role", "state", NULL};
    enum list_role role;
    struct tg_ticket_filter filter = {.limit = LIST_MAX};
    if (tg_query_check(request->query, keys, error) < 0 || read_role(request->query, &role, error) < 0 ||
        read_state(request->query, &filter, error) < 0)
        return -1;
    if (role == ROLE_MINE)
        filter.requester = request->caller.name;
    if (role == ROLE_APPROVABLE) {
        filter.scope = TG_SCOPE_STATE;
        filter.state = TG_TICKET_PENDING;
    }
    struct ticket_ids *list = calloc(1, sizeof *list);
    json_t *array = json_array();
    (void)tg_fail(error, TG_internal_error, "out of memory");
    int result =
        list == NULL || array == NULL ? -1 : tg_store_tickets(service->store, &filter, take_id, list, error);
    for (size_t i = 0; result >= 0 && list != NULL && i < list->count; i++)
        result = append_view(service, list->ids[i], request->caller.name, role, array, error);
    free(list);
    if (result < 0) {
        json_decref(array);
        return -1;
    }
    return tg_http_answer_json(answer, 200, json_pack("{s:o}", "tickets", array), error);
}

int tg_get_ticket(struct tg_service *service, const struct tg_http_request *request,
                  struct tg_http_answer *answer, struct tg_error *error)
{
    struct tg_loaded_ticket loaded;
    if (tg_ticket_load(service, request->capture, &loaded, error) < 0)
        return -1;
    json_t *view = NULL;
    int result = tg_check_may_see(service, loaded.held.ticket, request->caller.name, error);
    if (result == 0)
        result = tg_ticket_view(service, &loaded, &view, error);
    tg_loaded_ticket_clear(&loaded);
    return result < 0 ? -1 : tg_http_answer_json(answer, 200, view, error);
}

enum who_ends { BY_REQUESTER, BY_APPROVER, BY_EITHER };

static int check_may_end(const struct tg_service *service, const struct tg_ticket *ticket, const char *person,
                         enum who_ends who, struct tg_error *error)
{
    if (tg_check_may_see(service, ticket, person, error) < 0)
        return -1;
    bool requester = strcmp(ticket->requester, person) == 0;
    if (requester ? who != BY_APPROVER : who != BY_REQUESTER)
        return 0;
    return tg_fail(error, TG_request_forbidden, "only %s may do this",
                   who == BY_REQUESTER ? "the requester" : "an approver of the ticket's rule");
}

static int end_ticket(struct tg_service *service, const struct tg_http_request *request, enum who_ends who,
                      unsigned from, enum tg_ticket_state to, struct tg_http_answer *answer,
                      struct tg_error *error)
{
    struct tg_loaded_ticket loaded;
    if (tg_ticket_load(service, request->capture, &loaded, error) < 0)
        return -1;
    const struct tg_ticket *ticket = loaded.held.ticket;
    const char *person = request->caller.name;
    int result = check_may_end(service, ticket, person, who, error);
    if (result == 0)
        result =
            tg_store_ticket_end_all(service->store, ticket->id, from, to, person,
                                    tg_body_text(request->parsed, "reason"), tg_service_now(service), error);
    if (result == 0) {
        tg_ticket_changed(service, ticket);
        tg_log(&service->log, LOG_INFO, "ticket %s %s by %s", ticket->id, tg_ticket_state_name(to), person);
        result = tg_extensions_changed(service, ticket->id, error);
    }
    if (result == 0)
        result = tg_answer_ticket(service, ticket->id, 200, answer, error);
    tg_loaded_ticket_clear(&loaded);
    return result;
}

int tg_post_deny(struct tg_service *service, const struct tg_http_request *request,
                 struct tg_http_answer *answer, struct tg_error *error)
{
    return end_ticket(service, request, BY_APPROVER, STATE_MASK_PENDING, TG_TICKET_DENIED, answer, error);
}

int tg_post_cancel(struct tg_service *service, const struct tg_http_request *request,
                   struct tg_http_answer *answer, struct tg_error *error)
{
    return end_ticket(service, request, BY_REQUESTER, STATE_MASK_PENDING, TG_TICKET_CANCELLED, answer, error);
}

int tg_post_release(struct tg_service *service, const struct tg_http_request *request,
                    struct tg_http_answer *answer, struct tg_error *error)
{
    return end_ticket(service, request, BY_REQUESTER, STATE_MASK_GRANTED, TG_TICKET_RELEASED, answer, error);
}

int tg_post_revoke(struct tg_service *service, const struct tg_http_request *request,
                   struct tg_http_answer *answer, struct tg_error *error)
{
    return end_ticket(service, request, BY_EITHER, STATE_MASK_GRANTED, TG_TICKET_REVOKED, answer, error);
}
