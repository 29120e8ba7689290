/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The policy: kept, handed out, replaced by a newer one that enough root keys have signed.
 */
#include "approval_service/body.h"
#include "approval_service/ticket_view.h"

#include <stdlib.h>
#include <string.h>

enum { SIGNATURES_MAX = 16, PENDING_BATCH = 200 };

/* Signatures of a parsed {document, signatures} as an array of C strings; returns how many. */
static size_t list_signatures(const json_t *array, const char *list[SIGNATURES_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(array) && count < SIGNATURES_MAX; i++)
        list[count++] = json_string_value(json_array_get(array, i));
    return count;
}

/* Puts a verified policy in force. Takes `policy` and `signatures`. */
static void adopt(struct tg_service *service, struct tg_policy *policy, char *signatures, int64_t revision)
{
    tg_policy_free(service->policy);
    free(service->policy_signatures);
    service->policy = policy;
    policy->revocations = service->revocations.krl;
    service->policy_signatures = signatures;
    service->policy_revision = revision;
}

int tg_policy_load(struct tg_service *service, struct tg_error *error)
{
    char *document;
    char *signatures;
    int64_t revision;
    if (tg_store_policy(service->store, &document, &signatures, &revision, error) < 0)
        return -1;
    if (document == NULL)
        return 0;
    const char *list[SIGNATURES_MAX];
    struct tg_policy *policy = NULL;
    json_t *array = json_loads(signatures, JSON_REJECT_DUPLICATES, NULL);
    size_t count = list_signatures(array, list);
    int result = tg_policy_verify(tg_bytes_of_text(document), list, count, &service->roots, 0,
                                  tg_service_now(service), &policy, error);
    /* An expired policy opens nothing on any host, but people must still be able to read and withdraw
     * tickets. */
    if (result < 0 && error->reason == TG_policy_expired)
        result = tg_policy_parse(tg_bytes_of_text(document), &policy, error);
    if (result == 0) {
        adopt(service, policy, signatures, revision);
        signatures = NULL;
    }
    json_decref(array);
    free(document);
    free(signatures);
    return result;
}

int tg_get_policy(struct tg_service *service, const struct tg_http_request *request,
                  struct tg_http_answer *answer, struct tg_error *error)
{
    (void)request;
    if (service->policy == NULL)
        return tg_fail(error, TG_policy_missing, "the service has no policy yet: tegata policy publish");
    struct tg_bytes document = service->policy->document;
    json_t *signatures = json_loads(service->policy_signatures, 0, NULL);
    return tg_http_answer_json(answer, 200,
                               json_pack("{s:s%, s:o}", "document", (const char *)document.data,
                                         document.length, "signatures", signatures),
                               error);
}

struct pending_ids {
    char ids[PENDING_BATCH][TG_TICKET_ID_SIZE];
    size_t count;
};

static int take_pending(void *context, const struct tg_stored_ticket *ticket)
{
    struct pending_ids *list = context;
    memcpy(list->ids[list->count++], ticket->id, TG_TICKET_ID_SIZE);
    return 0;
}

static void reconsider_one(struct tg_service *service, const char *id)
{
    struct tg_error error;
    struct tg_loaded_ticket loaded;
    int64_t begins;
    int64_t ends;
    if (tg_ticket_load(service, id, &loaded, &error) < 0)
        return;
    if (tg_judge_approvals(service, &loaded.held, &begins, &ends, &error) == TG_allowed &&
        tg_store_ticket_approve(service->store, id, ends, tg_service_now(service), &error) == 0)
        tg_ticket_changed(service, loaded.held.ticket);
    tg_loaded_ticket_clear(&loaded);
}

/* A new policy may ask for fewer approvals: what has enough now is approved now. Failure changes nothing that
 * counts, for the hosts judge. */
static void reconsider_pending(struct tg_service *service)
{
    struct tg_ticket_filter filter = {
        .scope = TG_SCOPE_STATE, .state = TG_TICKET_PENDING, .limit = PENDING_BATCH};
    struct pending_ids *list = calloc(1, sizeof *list);
    struct tg_error error;
    if (list != NULL && tg_store_tickets(service->store, &filter, take_pending, list, &error) == 0) {
        for (size_t i = 0; i < list->count; i++)
            reconsider_one(service, list->ids[i]);
    }
    free(list);
}

static int replace(struct tg_service *service, struct tg_policy *policy, const char *document,
                   const json_t *signatures, struct tg_error *error)
{
    int64_t revision;
    char *text = json_dumps(signatures, JSON_COMPACT);
    if (text == NULL) {
        tg_policy_free(policy);
        return tg_fail(error, TG_internal_error, "out of memory");
    }
    if (tg_store_policy_add(service->store, policy->serial, document, text, tg_service_now(service),
                            &revision, error) < 0) {
        tg_policy_free(policy);
        free(text);
        return -1;
    }
    adopt(service, policy, text, revision);
    tg_log(&service->log, LOG_NOTICE, "policy %llu is in force", (unsigned long long)policy->serial);
    reconsider_pending(service);
    tg_waiting_wake(&service->waiting, TG_WAIT_HOST, NULL);
    return 0;
}

int tg_put_policy(struct tg_service *service, const struct tg_http_request *request,
                  struct tg_http_answer *answer, struct tg_error *error)
{
    const char *document = tg_body_text(request->parsed, "document");
    const json_t *signatures = json_object_get(request->parsed, "signatures");
    const char *list[SIGNATURES_MAX];
    size_t count = list_signatures(signatures, list);
    uint64_t lowest = service->policy == NULL ? 0 : service->policy->serial;
    struct tg_policy *policy = NULL;
    if (tg_policy_verify(tg_bytes_of_text(document), list, count, &service->roots, lowest,
                         tg_service_now(service), &policy, error) < 0)
        return -1;
    uint64_t serial = policy->serial;
    if (service->policy != NULL && serial == service->policy->serial) {
        bool same = tg_bytes_equal_text(service->policy->document, document);
        tg_policy_free(policy);
        if (!same)
            return tg_fail(error, TG_policy_old,
                           "another policy with serial %llu is in force: take the next serial",
                           (unsigned long long)serial);
    } else if (replace(service, policy, document, signatures, error) < 0) {
        return -1;
    }
    return tg_http_answer_json(answer, 200, json_pack("{s:I}", "serial", (json_int_t)serial), error);
}
