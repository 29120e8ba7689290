/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sessions on hosts: opened (which uses up a limited ticket), ended.
 */
#include "approval_service/body.h"
#include "approval_service/service.h"
#include "approval_service/ticket_view.h"

#include <string.h>

enum { SESSION_ID_LENGTH = 32 };

static bool is_session_id(const char *text)
{
    return strlen(text) == SESSION_ID_LENGTH && strspn(text, "0123456789abcdef") == SESSION_ID_LENGTH;
}

static int wake_ticket(struct tg_service *service, const char *id, struct tg_error *error)
{
    struct tg_loaded_ticket loaded;
    enum tg_ticket_state state;
    if (tg_ticket_documents(service, id, &loaded, &state, error) < 0)
        return -1;
    struct tg_ticket *ticket = NULL;
    int result = tg_ticket_parse(tg_bytes_of_text(loaded.document), &ticket, error);
    if (result == 0)
        tg_ticket_changed(service, ticket);
    tg_ticket_free(ticket);
    tg_loaded_ticket_clear(&loaded);
    return result;
}

int tg_post_host_sessions(struct tg_service *service, const struct tg_http_request *request,
                          struct tg_http_answer *answer, struct tg_error *error)
{
    const char *ticket = tg_body_text(request->parsed, "ticket");
    const char *session = tg_body_text(request->parsed, "session");
    if (!is_session_id(session))
        return tg_fail(error, TG_request_malformed, "body: key 'session': must be 32 characters 0-9 a-f");
    bool opened;
    int64_t remaining;
    if (tg_store_session_open(service->store, ticket, request->caller.name, session, tg_service_now(service),
                              &opened, &remaining, error) < 0)
        return -1;
    if (opened) {
        tg_log(&service->log, LOG_INFO, "ticket %s: session opened on %s", ticket, request->caller.name);
        if (wake_ticket(service, ticket, error) < 0)
            return -1;
    }
    return tg_http_answer_json(
        answer, opened ? 201 : 200,
        json_pack("{s:s, s:I}", "session", session, "remaining", (json_int_t)remaining), error);
}

int tg_patch_host_session(struct tg_service *service, const struct tg_http_request *request,
                          struct tg_http_answer *answer, struct tg_error *error)
{
    int64_t ended = json_integer_value(json_object_get(request->parsed, "ended"));
    char ticket[TG_TICKET_ID_SIZE];
    if (!is_session_id(request->capture))
        return tg_fail(error, TG_not_found, "a session has 32 characters 0-9 a-f");
    if (tg_store_session_end(service->store, request->caller.name, request->capture, ended, ticket, error) <
        0)
        return -1;
    return tg_http_answer_json(answer, 200, json_object(), error);
}
