/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One table: method and path -> who may call, what body, which handler.
 */
#include "approval_service/route.h"
#include "approval_service/body.h"
#include "approval_service/cross_origin.h"
#include "approval_service/problem.h"
#include "approval_service/service.h"

#include <string.h>

enum { LOG_LINES_PER_MINUTE = 20 };

struct route {
    const char *method;
    const char *path; /* '*' stands for one segment: a ticket, a host, a session */
    enum tg_caller_kind who;
    enum tg_body_kind body;
    tg_handler *handler;
};

static const struct route routes[] = {
    {"POST", "/v1/sessions", TG_CALLER_PERSON, TG_BODY_EMPTY, tg_post_sessions},
    {"POST", "/v1/invitations", TG_CALLER_ADMINISTRATOR, TG_BODY_PERSON, tg_post_invitations},
    {"POST", "/v1/invitations/redeem", TG_CALLER_ANYONE, TG_BODY_REDEEM, tg_post_redeem},
    {"POST", "/v1/sign-ins", TG_CALLER_ANYONE, TG_BODY_SIGN_IN, tg_post_sign_ins},
    {"POST", "/v1/web-sessions", TG_CALLER_ANYONE, TG_BODY_SIGNED, tg_post_web_sessions},
    {"POST", "/v1/certificates", TG_CALLER_ANYONE, TG_BODY_SIGNED, tg_post_certificates},
    {"GET", "/v1/certificates", TG_CALLER_PERSON, TG_BODY_NONE, tg_get_certificates},
    {"POST", "/v1/password", TG_CALLER_PERSON, TG_BODY_PASSWORD, tg_post_password},
    {"GET", "/v1/credentials", TG_CALLER_NEWCOMER, TG_BODY_NONE, tg_get_credentials},
    {"POST", "/v1/credentials", TG_CALLER_NEWCOMER, TG_BODY_CREDENTIAL, tg_post_credentials},
    {"POST", "/v1/credentials/challenge", TG_CALLER_NEWCOMER, TG_BODY_EMPTY, tg_post_challenge},
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
    {"POST", "/v1/host/certificate", TG_CALLER_HOST, TG_BODY_EMPTY, tg_post_host_certificate},
    {"GET", "/v1/page", TG_CALLER_ANYONE, TG_BODY_NONE, tg_get_page},
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

/* A file of the page, or the refusal of a path that is not in the table. */
static int answer_file(const struct tg_service *service, const struct tg_http_request *request,
                       bool path_known, struct tg_http_answer *answer, struct tg_error *error)
{
    struct tg_page_file *file = path_known ? NULL : tg_page_find(service->page, request->path);
    bool reads = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
    if (file == NULL && !path_known)
        return tg_fail(error, TG_not_found, "there is no such path in this API");
    if (file == NULL || !reads)
        return tg_fail(error, TG_method_not_allowed, "%s is not possible here", request->method);
    if (request->body.length > 0)
        return tg_fail(error, TG_request_malformed, "this call has no body");
    bool same = request->if_none_match != NULL && strcmp(request->if_none_match, file->etag) == 0;
    answer->file = tg_page_file_hold(file);
    answer->status = same ? 304 : 200;
    return 0;
}

static int answer_preflight(const struct tg_http_request *request, bool path_known,
                            struct tg_http_answer *answer, struct tg_error *error)
{
    if (!path_known || !request->cross_origin || request->preflight_method == NULL)
        return tg_fail(error, TG_method_not_allowed, "OPTIONS is for the preflight requests of listed pages");
    answer->preflight = true;
    answer->status = 204;
    return 0;
}

/* Who calls, and with what body? */
static int check_call(struct tg_service *service, const struct route *route, struct tg_http_request *request,
                      struct tg_error *error)
{
    if (tg_body_type_check(request, error) < 0 || tg_authenticate(service, request, route->who, error) < 0)
        return -1;
    return tg_body_parse(route->body, request->body, &request->parsed, error);
}

static int dispatch(struct tg_service *service, struct tg_http_request *request,
                    struct tg_http_answer *answer, struct tg_error *error)
{
    bool path_known;
    const struct route *route = find_route(request->method, request->path, request->capture, &path_known);
    if (!request->resumed && tg_origin_check(service, request, error) < 0)
        return -1;
    if (strcmp(request->method, "OPTIONS") == 0)
        return answer_preflight(request, path_known, answer, error);
    if (route == NULL)
        return answer_file(service, request, path_known, answer, error);
    if (!request->resumed && check_call(service, route, request, error) < 0)
        return -1;
    return route->handler(service, request, answer, error);
}

/* Anybody can have these refused as often as they like. */
static bool is_stranger(enum tg_reason reason)
{
    return reason == TG_sign_in_failed || reason == TG_sign_in_wait || reason == TG_invitation_invalid ||
           reason == TG_service_busy;
}

static bool may_log(struct tg_service *service)
{
    struct tg_log_limit *limit = &service->failed_sign_ins;
    int64_t minute = tg_service_now(service) / 60;
    if (minute != limit->minute) {
        if (limit->more > 0)
            tg_log(&service->log, LOG_WARNING, "%u more sign-ins failed within a minute", limit->more);
        *limit = (struct tg_log_limit){.minute = minute};
    }
    bool may = limit->lines < LOG_LINES_PER_MINUTE;
    limit->lines += may;
    limit->more += !may;
    return may;
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
    if (is_stranger(error->reason) && !may_log(service))
        return;
    int priority = answer->status >= 500 ? LOG_ERR : LOG_INFO;
    tg_log(&service->log, priority, "%s %s %s %s: %u %s: %s", request->address, caller, method, target,
           answer->status, tg_reason_name(error->reason), error->text);
}

static void answer_or_wait(struct tg_service *service, struct tg_http_request *request,
                           struct tg_http_answer *answer)
{
    *answer = (struct tg_http_answer){0};
    struct tg_error error = {.reason = TG_allowed};
    if (dispatch(service, request, answer, &error) < 0) {
        unsigned retry_after = answer->retry_after;
        tg_problem_answer(&error, answer);
        answer->retry_after = retry_after;
    } else {
        error.reason = TG_allowed; /* handlers prepare for the worst */
    }
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
