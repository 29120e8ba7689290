/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A person's keys: those that the policy lists, and those that were enrolled and wait for it.
 */
#include "approval_service/enrolment.h"
#include "approval_service/store_accounts.h"

#include "lib/base64.h"
#include "lib/digest.h"
#include "lib/policy_change.h"

#include <stdlib.h>
#include <string.h>

/* The list, and what it is made from. */
struct listing {
    const struct tg_service *service;
    const struct tg_person *person;
    json_t *array;
};

static json_t *describe(const struct listing *listing, const struct tg_stored_credential *credential)
{
    const struct tg_person_key *entry = tg_person_key(listing->person, credential->fingerprint);
    bool web = strcmp(credential->kind, "webauthn") == 0;
    const char *origin = entry != NULL ? entry->origin : web ? listing->service->page_origin : NULL;
    const char *rp_id = entry != NULL ? entry->rp_id : web ? listing->service->rp_id : NULL;
    bool attested = entry != NULL ? entry->attested : credential->attested;
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:I, s:i, s:i}", "id",
                     credential->credential, "fingerprint", credential->fingerprint, "key", credential->key,
                     "kind", credential->kind, "origin", origin == NULL ? "" : origin, "rp_id",
                     rp_id == NULL ? "" : rp_id, "attested", (int)attested, "device", credential->device,
                     "label", credential->label, "created", (json_int_t)credential->created, "in_policy",
                     (int)(entry != NULL), "revoked",
                     (int)tg_policy_revokes_key(listing->service->policy, credential->fingerprint));
}

static int append_enrolled(void *context, const struct tg_stored_credential *credential)
{
    struct listing *listing = context;
    return json_array_append_new(listing->array, describe(listing, credential));
}

static bool is_listed(const json_t *array, const char *fingerprint)
{
    size_t index;
    json_t *object;
    json_array_foreach(array, index, object)
    {
        const char *listed = json_string_value(json_object_get(object, "fingerprint"));
        if (listed != NULL && strcmp(listed, fingerprint) == 0)
            return true;
    }
    return false;
}

/* The keys that came into the policy without being enrolled here. */
static int append_others(struct listing *listing, struct tg_error *error)
{
    for (size_t i = 0; i < listing->person->key_count; i++) {
        const struct tg_person_key *entry = &listing->person->keys[i];
        if (is_listed(listing->array, entry->key->fingerprint))
            continue;
        char *line = tg_public_key_line(entry->key);
        if (line == NULL)
            return tg_fail(error, TG_internal_error, "out of memory");
        struct tg_stored_credential credential = {.fingerprint = entry->key->fingerprint,
                                                  .key = line,
                                                  .credential = "",
                                                  .kind = entry->origin != NULL ? "webauthn" : "ssh",
                                                  .device = "",
                                                  .label = ""};
        int result = json_array_append_new(listing->array, describe(listing, &credential));
        free(line);
        if (result < 0)
            return tg_fail(error, TG_internal_error, "out of memory");
    }
    return 0;
}

int tg_get_credentials(struct tg_service *service, const struct tg_http_request *request,
                       struct tg_http_answer *answer, struct tg_error *error)
{
    struct listing listing = {.service = service,
                              .person = tg_policy_person(service->policy, request->caller.name),
                              .array = json_array()};
    (void)tg_fail(error, TG_internal_error, "out of memory");
    if (listing.person == NULL || listing.array == NULL ||
        tg_store_credentials(service->store, request->caller.name, append_enrolled, &listing, error) < 0 ||
        append_others(&listing, error) < 0) {
        json_decref(listing.array);
        return -1;
    }
    return tg_http_answer_json(answer, 200, json_pack("{s:o}", "credentials", listing.array), error);
}

int tg_post_challenge(struct tg_service *service, const struct tg_http_request *request,
                      struct tg_http_answer *answer, struct tg_error *error)
{
    char digest[TG_DIGEST_SIZE];
    char *document = NULL;
    size_t length;
    int64_t now = tg_service_now(service);
    /* A document, so that what a key attests names the person and the service. */
    if (tg_enrolment_compose(request->caller.name, service->authority, now, &document, &length, error) < 0)
        return -1;
    int result = -1;
    /* What is remembered is the whole of it: only what was given out comes back. */
    if (!tg_digest(tg_bytes_of_text(document), digest))
        (void)tg_fail(error, TG_internal_error, "SHA-256 failed");
    else if (tg_store_person_nonce_add(service->store, TG_NONCE_ENROLMENT, digest, request->caller.name,
                                       now + TG_ENROLMENT_SECONDS, now, error) == 0)
        result = tg_http_answer_json(answer, 201, json_pack("{s:s}", "document", document), error);
    free(document);
    return result;
}
