/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Hosts: enrolled, listed, removed; and the long poll by which each learns what concerns it.
 */
#include "approval_service/body.h"
#include "approval_service/ticket_view.h"

#include "lib/base64.h"
#include "lib/form.h"

#include <stdlib.h>
#include <string.h>

enum { UPDATE_TICKETS_MAX = 200, UPDATE_BYTES_MAX = 4 << 20, HOST_WAIT_MAX = 10 };

int tg_post_hosts(struct tg_service *service, const struct tg_http_request *request,
                  struct tg_http_answer *answer, struct tg_error *error)
{
    const char *name = tg_body_text(request->parsed, "name");
    const char *line = tg_body_text(request->parsed, "key");
    if (!tg_form_host.matches(name))
        return tg_fail(error, TG_request_malformed,
                       "body: key 'name': must be letters, digits, '.' and '-', in lower case, at most 64");
    struct tg_public_key *key = NULL;
    if (tg_public_key_parse_line(line, &key, error) < 0) {
        error->reason = TG_request_malformed;
        return -1;
    }
    bool added = false;
    char *labels = json_dumps(json_object_get(request->parsed, "labels"), JSON_COMPACT);
    int result = labels == NULL ? tg_fail(error, TG_internal_error, "out of memory")
                                : tg_store_host_add(service->store, name, labels, key, line,
                                                    tg_service_now(service), &added, error);
    if (result == 0 && added)
        tg_log(&service->log, LOG_NOTICE, "host %s enrolled with key %s", name, key->fingerprint);
    free(labels);
    tg_public_key_free(key);
    return result < 0
               ? -1
               : tg_http_answer_json(answer, added ? 201 : 200, json_pack("{s:s}", "name", name), error);
}

static int take_host(void *context, const struct tg_stored_host *host)
{
    json_t *labels = json_loads(host->labels, 0, NULL);
    return json_array_append_new(context, json_pack("{s:s, s:o, s:s, s:I, s:I}", "name", host->name, "labels",
                                                    labels, "key", host->key, "seen", (json_int_t)host->seen,
                                                    "acknowledged", (json_int_t)host->acknowledged));
}

int tg_get_hosts(struct tg_service *service, const struct tg_http_request *request,
                 struct tg_http_answer *answer, struct tg_error *error)
{
    (void)request;
    json_t *array = json_array();
    (void)tg_fail(error, TG_internal_error, "out of memory");
    if (array == NULL || tg_store_hosts(service->store, take_host, array, error) < 0) {
        json_decref(array);
        return -1;
    }
    return tg_http_answer_json(answer, 200, json_pack("{s:o}", "hosts", array), error);
}

int tg_delete_host(struct tg_service *service, const struct tg_http_request *request,
                   struct tg_http_answer *answer, struct tg_error *error)
{
    if (tg_store_host_remove(service->store, request->capture, tg_service_now(service), error) < 0)
        return -1;
    tg_log(&service->log, LOG_NOTICE, "host %s removed", request->capture);
    /* Its long poll ends, and the next one is refused. */
    tg_waiting_wake(&service->waiting, TG_WAIT_HOST, request->capture);
    answer->status = 204;
    return 0;
}

struct changes {
    char ids[UPDATE_TICKETS_MAX][TG_TICKET_ID_SIZE];
    size_t count;
};

static int take_change(void *context, const struct tg_stored_ticket *ticket)
{
    struct changes *changes = context;
    memcpy(changes->ids[changes->count++], ticket->id, TG_TICKET_ID_SIZE);
    return 0;
}

static size_t size_of_documents(const struct tg_loaded_ticket *loaded)
{
    size_t size = strlen(loaded->document);
    size_t index;
    json_t *approval;
    json_array_foreach(loaded->approvals, index, approval) size +=
        json_string_length(json_object_get(approval, "document")) +
        json_string_length(json_object_get(approval, "signature"));
    return size;
}

/* Appends tickets until the answer is full. Then *revision becomes that of the last one, so that the host
 * asks for the rest at once. */
static int append_changes(struct tg_service *service, const struct changes *changes, json_t *array,
                          int64_t *revision, struct tg_error *error)
{
    size_t size = 0;
    for (size_t i = 0; i < changes->count; i++) {
        struct tg_loaded_ticket loaded;
        enum tg_ticket_state state;
        if (tg_ticket_documents(service, changes->ids[i], &loaded, &state, error) < 0)
            return -1;
        size += size_of_documents(&loaded);
        int64_t at = loaded.revision;
        json_t *object = json_pack("{s:s, s:O, s:s}", "ticket", loaded.document, "approvals",
                                   loaded.approvals, "state", tg_ticket_state_name(state));
        tg_loaded_ticket_clear(&loaded);
        if (json_array_append_new(array, object) < 0)
            return tg_fail(error, TG_internal_error, "out of memory");
        if (i + 1 == UPDATE_TICKETS_MAX || (size > UPDATE_BYTES_MAX && i + 1 < changes->count)) {
            *revision = at;
            return 0;
        }
    }
    return 0;
}

static int add_policy(struct tg_service *service, json_t *update, struct tg_error *error)
{
    struct tg_http_answer policy = {0};
    struct tg_http_request none = {0};
    if (tg_get_policy(service, &none, &policy, error) < 0)
        return -1;
    int result = json_object_set(update, "policy", policy.json);
    tg_http_answer_clear(&policy);
    return result < 0 ? tg_fail(error, TG_internal_error, "out of memory") : 0;
}

static int add_revocations(const struct tg_service *service, json_t *update, struct tg_error *error)
{
    struct tg_bytes list = tg_bytes_of(service->revocations.bytes, service->revocations.length);
    size_t size = tg_base64_encoded_size(list.length);
    char *text = malloc(size);
    int result = text != NULL && tg_base64_encode(TG_BASE64, list, text, size)
                     ? json_object_set_new(update, "krl", json_string(text))
                     : -1;
    free(text);
    return result < 0 ? tg_fail(error, TG_internal_error, "out of memory") : 0;
}

static int answer_update(struct tg_service *service, const char *host, int64_t after, int64_t revision,
                         struct tg_http_answer *answer, struct tg_error *error)
{
    struct changes *changes = calloc(1, sizeof *changes);
    json_t *array = json_array();
    json_t *update = NULL;
    int64_t now = tg_service_now(service);
    (void)tg_fail(error, TG_internal_error, "out of memory");
    int result = -1;
    if (changes == NULL || array == NULL ||
        tg_store_host_tickets(service->store, host, after, now, UPDATE_TICKETS_MAX, take_change, changes,
                              error) < 0 ||
        append_changes(service, changes, array, &revision, error) < 0)
        goto out;
    update = json_pack("{s:I, s:I, s:O}", "revision", (json_int_t)revision, "time", (json_int_t)now,
                       "tickets", array);
    result = tg_http_answer_json(answer, 200, update, error);
    if (result == 0 && service->policy != NULL && service->policy_revision > after)
        result = add_policy(service, update, error);
    if (result == 0 && service->revocations.revision > after)
        result = add_revocations(service, update, error);
out:
    json_decref(array);
    free(changes);
    return result;
}

static void tell_followers(void *context, const char *ticket)
{
    struct tg_service *service = context;
    tg_waiting_wake(&service->waiting, TG_WAIT_TICKET, ticket);
}

/* `after` acknowledges; only a change of it (or a host that starts afresh) is worth a transaction beyond
 * "seen". */
static int acknowledge(struct tg_service *service, const struct tg_http_request *request, int64_t after,
                       struct tg_error *error)
{
    if (request->resumed)
        return 0;
    return tg_store_host_acknowledge(service->store, request->caller.host_id, request->caller.name, after,
                                     tg_service_now(service), tell_followers, service, error);
}

int tg_get_host_tickets(struct tg_service *service, const struct tg_http_request *request,
                        struct tg_http_answer *answer, struct tg_error *error)
{
    static const char *const keys[] = {"after", "wait", NULL};
    int64_t after = 0;
    int64_t wait = 0;
    int64_t revision;
    if (tg_query_check(request->query, keys, error) < 0 ||
        tg_query_number(request->query, "after", INT64_C(9007199254740991), &after, error) < 0 ||
        tg_query_number(request->query, "wait", HOST_WAIT_MAX, &wait, error) < 0 ||
        tg_store_host_revision(service->store, request->caller.name, &revision, error) < 0)
        return -1;
    if (service->policy != NULL && service->policy_revision > revision)
        revision = service->policy_revision;
    if (service->revocations.revision > revision)
        revision = service->revocations.revision;
    /* Ahead of everything that happened: the database was put back to an older state. The host needs all of
     * it again. */
    if (after > revision)
        after = 0;
    if (acknowledge(service, request, after, error) < 0)
        return -1;
    if (after == revision && wait > 0 && !request->last_call) {
        answer->wait = TG_WAIT_HOST;
        answer->wait_seconds = (unsigned)wait;
        (void)snprintf(answer->wait_for, sizeof answer->wait_for, "%s", request->caller.name);
        return 0;
    }
    return answer_update(service, request->caller.name, after, revision, answer, error);
}
