/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One table: method and path -> who may call, what body, which handler.
 */
#include "approval_service/route.h"
#include "approval_service/body.h"
#include "approval_service/problem.h"
#include "approval_service/service.h"

#include <string.h>

struct route {
    const char *method;
    const char *path; /* '*' stands for one segment: a ticket, a host, a session */
    enum tg_caller_kind who;
    enum tg_body_kind body;
    tg_handler *handler;
};

static const struct route routes[] = {
    {"POST", "/v1/sessions", TG_CALLER_PERSON, TG_BODY_EMPTY, tg_post_sessions},
    {"POST", "/v1/tickets", TG_CALLER_PERSON, TG_BODY_RAW, tg_post_tickets},
    {"GET", "/v1/tickets", TG_CALLER_PERSON, TG_BODY_NONE, tg_get_tickets},
    {"GET", "/v1/tickets/*", TG_CALLER_PERSON, TG_BODY_NONE, tg_get_ticket},
    {"POST", "/v1/tickets/*/approvals", TG_CALLER_PERSON, TG_BODY_APPROVAL, tg_post_approvals},
    {"POST", "/v1/tickets/*/deny", TG_CALLER_PERSON, TG_BODY_REASON, tg_post_deny},
    {"POST", "/v1/tickets/*/cancel", TG_CALLER_PERSON, TG_BODY_EMPTY, tg_post_cancel},
    {"POST", "/v1/tickets/*/release", TG_CALLER_PERSON, TG_BODY_EMPTY, tg_post_release},
    {"POST", "/v1/tickets/*/revoke", TG_CALLER_PERSON, TG_BODY_REASON, tg_post_revoke},
    {"GET", "/v1/tickets/*/events", TG_CALLER_PERSON, TG_BODY_NONE, tg_get_ticket_events},
    {"POST", "/v1/why", TG_CALLER_PERSON, TG_BODY_WHY, tg_post_why},
    {"GET", "/v1/policy", TG_CALLER_ANYONE, TG_BODY_NONE, tg_get_policy},
    {"PUT", "/v1/policy", TG_CALLER_ANYONE, TG_BODY_POLICY, tg_put_policy},
    {"POST", "/v1/hosts", TG_CALLER_ENROLMENT, TG_BODY_HOST, tg_post_hosts},
    {"GET", "/v1/hosts", TG_CALLER_PERSON, TG_BODY_NONE, tg_get_hosts},
    {"DELETE", "/v1/hosts/*", TG_CALLER_ROOT, TG_BODY_NONE, tg_delete_host},
    {"GET", "/v1/host-sessions", TG_CALLER_PERSON, TG_BODY_NONE, tg_get_host_sessions},
    {"GET", "/v1/host/tickets", TG_CALLER_HOST, TG_BODY_NONE, tg_get_host_tickets},
    {"POST", "/v1/host/sessions", TG_CALLER_HOST, TG_BODY_SESSION, tg_post_host_sessions},
    {"PATCH", "/v1/host/sessions/*", TG_CALLER_HOST, TG_BODY_SESSION_END, tg_patch_host_session},
    {"POST", "/v1/host/events", TG_CALLER_HOST, TG_BODY_EVENTS, tg_post_host_events},
    {"GET", "/v1/revocations", TG_CALLER_ANYONE, TG_BODY_NONE, tg_get_revocations},
    {"POST", "/v1/revocations", TG_CALLER_PERSON, TG_BODY_REVOCATION, tg_post_revocations},
    {"GET", "/healthz", TG_CALLER_ANYONE, TG_BODY_NONE, tg_get_healthz},
    {"GET", "/metrics", TG_CALLER_MONITOR, TG_BODY_NONE, tg_get_metrics},
};

/* Does the path fit the pattern? What stands for '*' goes to `capture`: letters, digits, '.', '-' and '_'
 * only. */
static bool path_fits(const char *pattern, const char *path, char capture[TG_HTTP_CAPTURE_SIZE])
{
    capture[0] = '\0';
    const char *star = strchr(pattern, '*');
    if (star == NULL)
        return strcmp(pattern, path) == 0;
    size_t before = (size_t)(star - pattern);
    if (strncmp(pattern, path, before) != 0)
        return false;
    size_t length =
        strspn(path + before, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_");
    if (length == 0 || length >= TG_HTTP_CAPTURE_SIZE || strcmp(path + before + length, star + 1) != 0)
        return false;
    memcpy(capture, path + before, length);
    capture[length] = '\0';
    return true;
}

/* The route; NULL with *path_known telling whether the path has other methods. */
static const struct route *find_route(const char *method, const char *path,
                                      char capture[TG_HTTP_CAPTURE_SIZE], bool *path_known)
{
    *path_known = false;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (!path_fits(routes[i].path, path, capture))
            continue;
        *path_known = true;
        if (strcmp(routes[i].method, method) == 0)
            return &routes[i];
    }
    capture[0] = '\0';
    return NULL;
}

size_t tg_route_body_limit(const char *method, const char *path)
{
    char capture[TG_HTTP_CAPTURE_SIZE];
    bool path_known;
    const struct route *route = find_route(method, path, capture, &path_known);
    return route != NULL && route->body == TG_BODY_POLICY ? TG_HTTP_POLICY_BODY_MAX : TG_HTTP_BODY_MAX;
}

bool tg_route_methods(const char *path, char *methods, size_t size)
{
    char capture[TG_HTTP_CAPTURE_SIZE];
    size_t used = 0;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (!path_fits(routes[i].path, path, capture))
            continue;
        int length = snprintf(methods + used, size - used, "%s%s", used > 0 ? ", " : "", routes[i].method);
        if (length < 0 || (size_t)length >= size - used)
            return false;
        used += (size_t)length;
    }
    return used > 0;
}

static int dispatch(struct tg_service *service, struct tg_http_request *request,
                    struct tg_http_answer *answer, struct tg_error *error)
{
    bool path_known;
    const struct route *route = find_route(request->method, request->path, request->capture, &path_known);
    if (route == NULL)
        return path_known ? tg_fail(error, TG_method_not_allowed, "%s is not possible here", request->method)
                          : tg_fail(error, TG_not_found, "there is no such path in this API");
    if (!request->resumed) {
        if (tg_authenticate(service, request, route->who, error) < 0 ||
            tg_body_parse(route->body, request->body, &request->parsed, error) < 0)
            return -1;
    }
    return route->handler(service, request, answer, error);
}

static void count_and_log(struct tg_service *service, const struct tg_http_request *request,
                          const struct tg_http_answer *answer, const struct tg_error *error)
{
    service->counters.answers[answer->status / 100 % TG_STATUS_CLASSES]++;
    char target[160];
    char method[16];
    (void)tg_escape(request->path, target, sizeof target);
    (void)tg_escape(request->method, method, sizeof method);
    const char *caller = request->caller.name[0] != '\0' ? request->caller.name : "-";
    if (error->reason == TG_allowed) {
        tg_log(&service->log, LOG_DEBUG, "%s %s %s %s: %u", request->address, caller, method, target,
               answer->status);
        return;
    }
    service->counters.refusals[(unsigned)error->reason % TG_REASON_NUMBERS]++;
    int priority = answer->status >= 500 ? LOG_ERR : LOG_INFO;
    tg_log(&service->log, priority, "%s %s %s %s: %u %s: %s", request->address, caller, method, target,
           answer->status, tg_reason_name(error->reason), error->text);
}

static void answer_or_wait(struct tg_service *service, struct tg_http_request *request,
                           struct tg_http_answer *answer)
{
    *answer = (struct tg_http_answer){0};
    struct tg_error error = {.reason = TG_allowed};
    if (dispatch(service, request, answer, &error) < 0)
        tg_problem_answer(&error, answer);
    else
        error.reason = TG_allowed; /* handlers prepare for the worst */
    if (answer->wait != TG_WAIT_NOT)
        return;
    count_and_log(service, request, answer, &error);
}

void tg_service_answer(struct tg_service *service, struct tg_http_request *request,
                       struct tg_http_answer *answer)
{
    answer_or_wait(service, request, answer);
}

void tg_service_resume(struct tg_service *service, struct tg_http_request *request,
                       struct tg_http_answer *answer)
{
    request->resumed = true;
    answer_or_wait(service, request, answer);
}
