/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Why did that host refuse me, or would it? The same verdict as the host's own, from what the service holds,
 * and what the host has said itself.
 */
#include "approval_service/body.h"
#include "approval_service/ticket_view.h"

#include "lib/form.h"

#include <stdlib.h>
#include <string.h>

enum { WHY_TICKETS_MAX = 64 };

struct tickets {
    char ids[WHY_TICKETS_MAX][TG_TICKET_ID_SIZE];
    size_t count;
    struct tg_loaded_ticket loaded[WHY_TICKETS_MAX];
    size_t loaded_count;
};

static int take_id(void *context, const struct tg_stored_ticket *ticket)
{
    struct tickets *list = context;
    memcpy(list->ids[list->count++], ticket->id, TG_TICKET_ID_SIZE);
    return 0;
}

/* The person's newest tickets, verified. */
static int load_tickets(struct tg_service *service, const char *person, struct tickets *list,
                        struct tg_error *error)
{
    struct tg_ticket_filter filter = {.requester = person, .scope = TG_SCOPE_ANY, .limit = WHY_TICKETS_MAX};
    if (tg_store_tickets(service->store, &filter, take_id, list, error) != 0)
        return -1;
    for (size_t i = 0; i < list->count; i++) {
        if (tg_ticket_load(service, list->ids[i], &list->loaded[i], error) < 0)
            return -1;
        list->loaded_count++;
    }
    return 0;
}

static int take_host(void *context, const struct tg_stored_host *host)
{
    json_t **object = context;
    *object = json_pack("{s:s, s:I, s:I, s:I}", "name", host->name, "seen", (json_int_t)host->seen,
                        "acknowledged", (json_int_t)host->acknowledged, "id", (json_int_t)host->id);
    return *object == NULL ? -1 : 0;
}

/* Turns the revision that the host has acknowledged into the flag of the protocol: has it all that concerns
 * it? */
static int say_whether_in_step(struct tg_service *service, const char *name, json_t *host,
                               struct tg_error *error)
{
    int64_t latest = 0;
    if (tg_store_host_revision(service->store, name, &latest, error) < 0)
        return -1;
    if (service->policy_revision > latest)
        latest = service->policy_revision;
    bool in_step = json_integer_value(json_object_get(host, "acknowledged")) >= latest;
    return json_object_set_new(host, "acknowledged", json_integer(in_step)) == 0
               ? 0
               : tg_fail(error, TG_internal_error, "out of memory");
}

static int take_refusal(void *context, const struct tg_stored_host_event *event)
{
    return json_array_append_new(context, json_pack("{s:I, s:s, s:s, s:s, s:s, s:s}", "time",
                                                    (json_int_t)event->time, "code", event->code, "ticket",
                                                    event->ticket, "detail", event->detail, "account",
                                                    event->account, "source", event->source));
}

/* Refusals of somebody whom the host could not tell are shown to those who use the account they were for. */
static const char *account_of_interest(const struct tg_policy *policy, const char *person,
                                       const char *account)
{
    return tg_policy_account(policy, account) != NULL ? account : person;
}

static json_t *judge(struct tg_service *service, const struct tickets *list,
                     const struct tg_certificate *certificate, const char *host, const char *account)
{
    const struct tg_held_ticket *held[WHY_TICKETS_MAX];
    for (size_t i = 0; i < list->loaded_count; i++)
        held[i] = &list->loaded[i].held;
    struct tg_connection connection = {.host = host, .account = account};
    struct tg_verdict verdict;
    tg_verdict(service->policy, held, list->loaded_count, certificate, &connection, tg_service_now(service),
               &verdict);
    return tg_verdict_json(&verdict, true);
}

/* Everything that the answer needs, for one clean-up. */
struct why {
    struct tg_certificate *certificate;
    struct tickets *tickets;
    json_t *host;
    json_t *refusals;
    json_t *verdict;
};

static int collect(struct tg_service *service, const struct tg_http_request *request, const char *host,
                   const char *account, struct why *why, struct tg_error *error)
{
    const char *person = request->caller.name;
    const char *line = tg_body_text(request->parsed, "certificate");
    (void)tg_fail(error, TG_internal_error, "out of memory");
    why->tickets = calloc(1, sizeof *why->tickets);
    why->refusals = json_array();
    if (why->tickets == NULL || why->refusals == NULL)
        return -1;
    if (tg_store_host(service->store, host, take_host, &why->host, error) < 0)
        return -1;
    json_int_t host_id = json_integer_value(json_object_get(why->host, "id"));
    (void)json_object_del(why->host, "id");
    if (say_whether_in_step(service, host, why->host, error) < 0 ||
        tg_store_refusals(service->store, host_id, person,
                          account_of_interest(service->policy, person, account), take_refusal, why->refusals,
                          error) != 0 ||
        load_tickets(service, person, why->tickets, error) < 0)
        return -1;

    struct tg_error fault = {0};
    if (line[0] != '\0' && tg_certificate_parse_line(line, &why->certificate, &fault) < 0) {
        struct tg_verdict verdict = {.reason = fault.reason};
        (void)snprintf(verdict.detail, sizeof verdict.detail, "%.150s", fault.text);
        why->verdict = tg_verdict_json(&verdict, true);
    } else {
        why->verdict = judge(service, why->tickets, why->certificate, host, account);
    }
    return why->verdict == NULL ? tg_fail(error, TG_internal_error, "out of memory") : 0;
}

int tg_post_why(struct tg_service *service, const struct tg_http_request *request,
                struct tg_http_answer *answer, struct tg_error *error)
{
    const char *host = tg_body_text(request->parsed, "host");
    const char *account = tg_body_text(request->parsed, "account");
    if (account[0] == '\0')
        account = request->caller.name;
    if (!tg_form_host.matches(host) || !tg_form_name.matches(account))
        return tg_fail(error, TG_request_malformed, "body: 'host' or 'account' is not a name");
    struct why why = {0};
    int result = collect(service, request, host, account, &why, error);
    if (result == 0)
        result = tg_http_answer_json(
            answer, 200,
            json_pack("{s:O, s:O, s:O}", "verdict", why.verdict, "host", why.host, "refusals", why.refusals),
            error);
    for (size_t i = 0; why.tickets != NULL && i < why.tickets->loaded_count; i++)
        tg_loaded_ticket_clear(&why.tickets->loaded[i]);
    free(why.tickets);
    json_decref(why.host);
    json_decref(why.refusals);
    json_decref(why.verdict);
    tg_certificate_free(why.certificate);
    return result;
}
