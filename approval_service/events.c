/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Events: those that hosts send, and the list of each ticket that people follow.
 */
#include "approval_service/host_event.h"
#include "approval_service/ticket_view.h"

#include <string.h>

enum { FOLLOW_WAIT_MAX = 30, FOLLOW_LIST_MAX = 500 };

static int store_event(struct tg_service *service, const struct tg_http_request *request, const char *text,
                       struct tg_error *error)
{
    struct tg_host_event event;
    if (tg_host_event_parse(text, request->caller.name, &event, error) < 0)
        return -1;
    struct tg_event_effect effect;
    int result = tg_store_host_event_add(service->store, request->caller.host_id, request->caller.name,
                                         &event.stored, tg_service_now(service), &effect, error);
    if (result == 0 && effect.for_ticket)
        tg_waiting_wake(&service->waiting, TG_WAIT_TICKET, event.stored.ticket);
    if (result == 0 && effect.of_session)
        tg_waiting_wake(&service->waiting, TG_WAIT_SESSIONS, NULL);
    tg_host_event_clear(&event);
    return result;
}

int tg_post_host_events(struct tg_service *service, const struct tg_http_request *request,
                        struct tg_http_answer *answer, struct tg_error *error)
{
    const json_t *array = json_object_get(request->parsed, "events");
    for (size_t i = 0; i < json_array_size(array); i++) {
        /* Those before a bad one are stored: the chain itself says how far it goes. */
        if (store_event(service, request, json_string_value(json_array_get(array, i)), error) < 0)
            return -1;
    }
    int64_t last;
    char digest[TG_DIGEST_SIZE];
    if (tg_store_host_event_last(service->store, request->caller.host_id, &last, digest, error) < 0)
        return -1;
    return tg_http_answer_json(
        answer, 200, json_pack("{s:I, s:s}", "acknowledged", (json_int_t)last, "digest", digest), error);
}

static int take_event(void *context, const struct tg_ticket_event *event)
{
    return json_array_append_new(
        context, json_pack("{s:I, s:I, s:s, s:s, s:s, s:s, s:s}", "number", (json_int_t)event->number, "time",
                           (json_int_t)event->time, "kind", event->kind, "host", event->host, "person",
                           event->person, "code", event->code, "text", event->text));
}

static int answer_events(struct tg_service *service, const struct tg_loaded_ticket *loaded, int64_t after,
                         int64_t wait, bool last_call, struct tg_http_answer *answer, struct tg_error *error)
{
    json_t *array = json_array();
    (void)tg_fail(error, TG_internal_error, "out of memory");
    if (array == NULL || tg_store_events(service->store, loaded->held.ticket->id, after, FOLLOW_LIST_MAX,
                                         take_event, array, error) != 0) {
        json_decref(array);
        return -1;
    }
    if (json_array_size(array) == 0 && wait > 0 && !last_call) {
        json_decref(array);
        answer->wait = TG_WAIT_TICKET;
        answer->wait_seconds = (unsigned)wait;
        (void)snprintf(answer->wait_for, sizeof answer->wait_for, "%s", loaded->held.ticket->id);
        return 0;
    }
    return tg_http_answer_json(
        answer, 200,
        json_pack("{s:s, s:o}", "state", tg_ticket_state_name(loaded->held.state), "events", array), error);
}

int tg_get_ticket_events(struct tg_service *service, const struct tg_http_request *request,
                         struct tg_http_answer *answer, struct tg_error *error)
{
    static const char *const keys[] = {"after", "wait", NULL};
    int64_t after = 0;
    int64_t wait = 0;
    struct tg_loaded_ticket loaded;
    if (tg_query_check(request->query, keys, error) < 0 ||
        tg_query_number(request->query, "after", INT64_C(9007199254740991), &after, error) < 0 ||
        tg_query_number(request->query, "wait", FOLLOW_WAIT_MAX, &wait, error) < 0 ||
        tg_ticket_load(service, request->capture, &loaded, error) < 0)
        return -1;
    int result = tg_check_may_see(service, loaded.held.ticket, request->caller.name, error);
    if (result == 0)
        result = answer_events(service, &loaded, after, wait, request->last_call, answer, error);
    tg_loaded_ticket_clear(&loaded);
    return result;
}
