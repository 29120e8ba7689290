/* SPDX-License-Identifier: BSD-2-Clause */
#include "approval_service/server.h"

#include "approval_service/call_job.h"
#include "approval_service/headers.h"
#include "approval_service/problem.h"
#include "approval_service/response.h"
#include "approval_service/route.h"

#include "lib/monotonic.h"

#include <errno.h>
#include <limits.h>
#include <microhttpd.h>
#include <netdb.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    IDLE_SECONDS = 20,             /* a connection on which nothing moves is closed */
    REQUEST_SECONDS = 60,          /* a request that is not complete by then is dropped */
    CONNECTION_MEMORY = 24 * 1024, /* request line, headers and buffers of one connection */
    BODIES_MAX = 64 << 20,         /* bytes of bodies that may be held at once, of all requests together */
    DISCARD_MAX =
        8
        << 20, /* bytes that are read and thrown away so that a client can hear that its body is too large */
    METHOD_SIZE = 16,
};

static const char priorities[] = "SECURE128:-VERS-ALL:+VERS-TLS1.3";

struct tg_server {
    struct tg_service *service;
    struct MHD_Daemon *daemon;
    size_t body_bytes;
    bool resumed; /* a connection was resumed: without a thread of its own libmicrohttpd notices in its next
                     run only */
    bool stopping;
};

/* One request, from its first line to the last byte of its answer. */
struct call {
    struct tg_waiter waiter; /* first: wake_call() casts */
    struct tg_server *server;
    struct MHD_Connection *connection;
    struct tg_http_request http;
    char target[TG_HTTP_TARGET_MAX + 1];
    char path[TG_HTTP_TARGET_MAX + 1];
    char method[METHOD_SIZE];
    char address[64];
    char *body;
    size_t body_used;
    size_t body_size;
    size_t body_limit;
    size_t discarded;
    int64_t begun_ms;
    enum tg_reason refused; /* before it came to a handler */
    bool started;
    bool waited;
};

static void wake_call(struct tg_waiter *waiter)
{
    struct call *call = (struct call *)waiter;
    call->server->resumed = true;
    MHD_resume_connection(call->connection);
}

/* The target as it came, before libmicrohttpd decodes it: the signature covers these bytes. */
static void *begin_call(void *context, const char *target, struct MHD_Connection *connection)
{
    struct call *call = calloc(1, sizeof *call);
    if (call == NULL)
        return NULL; /* handle_call() then drops the connection */
    call->server = context;
    call->connection = connection;
    call->begun_ms = tg_monotonic_ms();
    call->waiter.wake = wake_call;
    size_t length = strlen(target);
    if (length > TG_HTTP_TARGET_MAX) {
        call->refused = TG_request_too_large;
        length = 0;
    }
    memcpy(call->target, target, length);
    memcpy(call->path, call->target, length);
    char *query = strchr(call->path, '?');
    if (query != NULL)
        *query++ = '\0';
    call->http.target = call->target;
    call->http.path = call->path;
    call->http.query = query == NULL ? "" : query;
    return call;
}

static void end_call(void *context, struct MHD_Connection *connection, void **slot,
                     enum MHD_RequestTerminationCode code)
{
    struct tg_server *server = context;
    struct call *call = *slot;
    (void)connection;
    (void)code;
    if (call == NULL)
        return;
    *slot = NULL;
    tg_waiting_remove(&server->service->waiting, &call->waiter);
    server->body_bytes -= call->body_size;
    json_decref(call->http.parsed);
    tg_job_abandon(call->http.job);
    if (call->body != NULL)
        OPENSSL_cleanse(call->body, call->body_size); /* it may hold a password */
    free(call->body);
    free(call);
}

static void count_refusal(struct tg_service *service, const struct tg_http_answer *answer,
                          const struct tg_error *error)
{
    service->counters.answers[answer->status / 100 % TG_STATUS_CLASSES]++;
    service->counters.refusals[(unsigned)error->reason % TG_REASON_NUMBERS]++;
}

static void read_address(struct call *call)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    (void)snprintf(call->address, sizeof call->address, "unknown");
    if (info == NULL || info->client_addr == NULL)
        return;
    socklen_t length =
        info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    if (getnameinfo(info->client_addr, length, call->address, sizeof call->address, NULL, 0,
                    NI_NUMERICHOST) != 0)
        (void)snprintf(call->address, sizeof call->address, "unknown");
}

static enum MHD_Result take_header(void *context, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    (void)kind;
    tg_headers_take(context, name, value);
    return MHD_YES;
}

/* Where the body ends is in doubt: nothing behind the headers is read as a request. */
static enum MHD_Result refuse_at_once(struct call *call)
{
    struct tg_http_answer answer = {0};
    struct tg_error error;
    (void)tg_fail(&error, TG_request_malformed,
                  "a header comes twice, or two say differently how long the body is");
    tg_problem_answer(&error, &answer);
    count_refusal(call->server->service, &answer, &error);
    struct MHD_Response *response = tg_response_new(&call->http, &answer, true);
    enum MHD_Result result =
        response == NULL ? MHD_NO : MHD_queue_response(call->connection, answer.status, response);
    MHD_destroy_response(response);
    tg_http_answer_clear(&answer);
    return result;
}

/* The headers are here; the body is still to come. */
static enum MHD_Result start_call(struct call *call, const char *method)
{
    call->started = true;
    read_address(call);
    (void)snprintf(call->method, sizeof call->method, "%s", method);
    call->http.method = call->method;
    call->http.address = call->address;
    call->body_limit = tg_route_body_limit(call->method, call->path);
    struct tg_headers headers = {0};
    (void)MHD_get_connection_values(call->connection, MHD_HEADER_KIND, take_header, &headers);
    call->http.authorization = headers.authorization;
    call->http.content_type = headers.content_type;
    call->http.origin = headers.origin;
    call->http.preflight_method = headers.preflight_method;
    call->http.if_none_match = headers.if_none_match;
    return tg_headers_ambiguous(&headers) ? refuse_at_once(call) : MHD_YES;
}

static bool make_room(struct call *call, size_t needed)
{
    if (needed <= call->body_size)
        return true;
    size_t size = call->body_size == 0 ? 4096 : call->body_size;
    while (size < needed)
        size *= 2;
    if (call->server->body_bytes + (size - call->body_size) > BODIES_MAX) {
        call->refused = TG_request_rate;
        return false;
    }
    char *body = malloc(size);
    if (body == NULL) {
        call->refused = TG_internal_error;
        return false;
    }
    if (call->body != NULL) {
        memcpy(body, call->body, call->body_used);
        OPENSSL_cleanse(call->body, call->body_size);
        free(call->body);
    }
    call->server->body_bytes += size - call->body_size;
    call->body = body;
    call->body_size = size;
    return true;
}

/* A piece of the body. MHD_NO drops the connection. */
static enum MHD_Result take_body(struct call *call, const char *data, size_t length)
{
    if (tg_monotonic_ms() - call->begun_ms > REQUEST_SECONDS * 1000)
        return MHD_NO;
    if (call->refused == TG_allowed && length > call->body_limit - call->body_used)
        call->refused = TG_request_too_large;
    if (call->refused == TG_allowed && make_room(call, call->body_used + length)) {
        memcpy(call->body + call->body_used, data, length);
        call->body_used += length;
        return MHD_YES;
    }
    call->discarded += length;
    return call->discarded > DISCARD_MAX ? MHD_NO : MHD_YES;
}

static enum MHD_Result send_answer(struct call *call, struct tg_http_answer *answer)
{
    struct MHD_Response *response = tg_response_new(&call->http, answer, call->server->stopping);
    if (response == NULL)
        return MHD_NO;
    enum MHD_Result result = MHD_queue_response(call->connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result wait_for_change(struct call *call, const struct tg_http_answer *answer)
{
    if (!call->waited)
        call->waiter.deadline_ms = tg_monotonic_ms() + (int64_t)answer->wait_seconds * 1000;
    call->waited = true;
    call->waiter.kind = answer->wait;
    (void)snprintf(call->waiter.name, sizeof call->waiter.name, "%s", answer->wait_for);
    if (answer->job != NULL)
        call->http.job = answer->job;
    tg_waiting_add(&call->server->service->waiting, &call->waiter);
    MHD_suspend_connection(call->connection);
    return MHD_YES;
}

/* The request is complete, or what it waited for has happened, or its time is up. */
static enum MHD_Result answer_call(struct call *call)
{
    struct tg_service *service = call->server->service;
    struct tg_http_answer answer = {0};
    call->http.body = tg_bytes_of(call->body, call->body_used);
    call->http.last_call =
        call->server->stopping || (call->waited && tg_monotonic_ms() >= call->waiter.deadline_ms);
    if (call->refused != TG_allowed) {
        struct tg_error error;
        (void)tg_fail(&error, call->refused, "%s", tg_reason_advice(call->refused));
        tg_problem_answer(&error, &answer);
        count_refusal(service, &answer, &error);
    } else if (call->waited) {
        tg_service_resume(service, &call->http, &answer);
    } else {
        tg_service_answer(service, &call->http, &answer);
    }
    enum MHD_Result result =
        answer.wait != TG_WAIT_NOT ? wait_for_change(call, &answer) : send_answer(call, &answer);
    tg_http_answer_clear(&answer);
    return result;
}

static enum MHD_Result handle_call(void *context, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *version, const char *data, size_t *length,
                                   void **slot)
{
    (void)context;
    (void)connection;
    (void)url;
    (void)version;
    struct call *call = *slot;
    if (call == NULL)
        return MHD_NO;
    if (!call->started)
        return start_call(call, method);
    if (*length > 0) {
        enum MHD_Result result = take_body(call, data, *length);
        *length = 0;
        return result;
    }
    return answer_call(call);
}

__attribute__((format(printf, 2, 0))) static void log_library(void *context, const char *format,
                                                              va_list arguments)
{
    const struct tg_server *server = context;
    char line[512];
    char escaped[1024];
    (void)vsnprintf(line, sizeof line, format, arguments);
    line[strcspn(line, "\n")] = '\0';
    tg_log(&server->service->log, LOG_DEBUG, "libmicrohttpd: %s", tg_escape(line, escaped, sizeof escaped));
}

int tg_server_start(struct tg_service *service, const struct tg_server_settings *settings,
                    struct tg_server **out, struct tg_error *error)
{
    *out = NULL;
    struct tg_server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    server->service = service;
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_TLS | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
        handle_call, server,
        /* The logger first, so that it hears of trouble with the others. */
        MHD_OPTION_EXTERNAL_LOGGER, log_library, server, MHD_OPTION_LISTEN_SOCKET, settings->listener,
        MHD_OPTION_HTTPS_MEM_CERT, settings->certificate, MHD_OPTION_HTTPS_MEM_KEY, settings->key,
        MHD_OPTION_HTTPS_PRIORITIES, priorities, MHD_OPTION_CONNECTION_LIMIT, settings->connections,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, settings->connections_per_address, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK, begin_call, server,
        MHD_OPTION_NOTIFY_COMPLETED, end_call, server, MHD_OPTION_END);
    if (server->daemon == NULL) {
        free(server);
        return tg_fail(error, TG_config_bad,
                       "cannot start HTTPS: check [listen] tls_certificate and tls_key");
    }
    *out = server;
    return 0;
}

int tg_server_descriptor(const struct tg_server *server)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    return info == NULL ? -1 : info->epoll_fd;
}

int tg_server_timeout(struct tg_server *server)
{
    int64_t wait = tg_waiting_expire(&server->service->waiting, tg_monotonic_ms());
    MHD_UNSIGNED_LONG_LONG library;
    if (server->resumed)
        return 0;
    if (MHD_get_timeout(server->daemon, &library) == MHD_YES && (wait < 0 || library < (uint64_t)wait))
        wait = library < INT_MAX ? (int64_t)library : INT_MAX;
    return wait < INT_MAX ? (int)wait : INT_MAX;
}

void tg_server_run(struct tg_server *server)
{
    server->resumed = false;
    (void)MHD_run(server->daemon);
}

static bool has_connections(const struct tg_server *server)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    return info != NULL && info->num_connections > 0;
}

/* Also just before libmicrohttpd is stopped, which aborts if a connection is suspended: a call that comes in
 * meanwhile may begin to wait. */
static void wake_everybody(struct tg_server *server)
{
    static const enum tg_wait_kind kinds[] = {TG_WAIT_HOST, TG_WAIT_TICKET, TG_WAIT_SESSIONS,
                                              TG_WAIT_CERTIFICATE, TG_WAIT_JOB};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        tg_waiting_wake(&server->service->waiting, kinds[i], NULL);
}

void tg_server_stop(struct tg_server *server, int patience_ms)
{
    if (server == NULL)
        return;
    server->stopping = true;
    int listener = MHD_quiesce_daemon(server->daemon);
    if (listener >= 0)
        (void)close(listener);
    int64_t end = tg_monotonic_ms() + patience_ms;
    struct pollfd poller = {.fd = tg_server_descriptor(server), .events = POLLIN};
    while (has_connections(server) && tg_monotonic_ms() < end) {
        wake_everybody(server);
        tg_server_run(server);
        int timeout = tg_server_timeout(server);
        (void)poll(&poller, 1, timeout < 0 || timeout > 50 ? 50 : timeout);
    }
    wake_everybody(server);
    MHD_stop_daemon(server->daemon);
    free(server);
}
