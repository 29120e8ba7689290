/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Enrolling a key: its evidence is verified, and becomes the file that the root holders verify again before
 * they put the key into the policy. Until then the key is worth nothing.
 */
#include "approval_service/enrolment.h"
#include "approval_service/body.h"
#include "approval_service/store_accounts.h"

#include "lib/base64.h"
#include "lib/code_words.h"
#include "lib/digest.h"
#include "lib/policy_change.h"

#include <stdlib.h>
#include <string.h>

/* A text of the body in base64url, decoded: malloc'ed, and never NULL for an empty one. */
static int decode(const struct tg_http_request *request, const char *key, uint8_t **out,
                  struct tg_bytes *bytes, struct tg_error *error)
{
    struct tg_bytes text = tg_bytes_of_text(tg_body_text(request->parsed, key));
    size_t size = tg_base64_decoded_max(text.length);
    size_t used = 0;
    *bytes = (struct tg_bytes){0};
    *out = malloc(size);
    if (*out == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    if (text.length > 0 && !tg_base64_decode(TG_BASE64URL, text, *out, size, &used))
        return tg_fail(error, TG_request_malformed, "body: key '%s': must be base64url without padding", key);
    *bytes = tg_bytes_of(*out, used);
    return 0;
}

static int read_format(const struct tg_http_request *request, bool *webauthn, struct tg_error *error)
{
    const char *format = tg_body_text(request->parsed, "format");
    *webauthn = strcmp(format, "webauthn") == 0;
    if (!*webauthn && strcmp(format, "ssh") != 0)
        return tg_fail(error, TG_request_malformed, "body: key 'format': must be webauthn or ssh");
    if (*webauthn && tg_body_text(request->parsed, "key")[0] != '\0')
        return tg_fail(error, TG_request_malformed, "body: key 'key': is empty with the format webauthn");
    return 0;
}

/* The challenge is one that this person was given, and comes back for the first time. */
static int use_challenge(struct tg_service *service, const struct tg_http_request *request,
                         struct tg_error *error)
{
    char digest[TG_DIGEST_SIZE];
    if (!tg_digest(tg_bytes_of_text(tg_body_text(request->parsed, "document")), digest))
        return tg_fail(error, TG_internal_error, "SHA-256 failed");
    return tg_store_person_nonce_use(service->store, TG_NONCE_ENROLMENT, digest, request->caller.name,
                                     tg_service_now(service), error);
}

static int remember(struct tg_service *service, const struct tg_http_request *request, bool webauthn,
                    const struct tg_attestation *attestation, struct tg_error *error)
{
    char id[TG_CREDENTIAL_ID_MAX / 3 * 4 + 8];
    if (!tg_base64_encode(TG_BASE64URL,
                          tg_bytes_of(attestation->credential_id, attestation->credential_id_length), id,
                          sizeof id))
        return tg_fail(error, TG_internal_error, "the credential's id is too long");
    char *line = tg_public_key_line(attestation->key);
    if (line == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    struct tg_stored_credential credential = {.person = request->caller.name,
                                              .fingerprint = attestation->key->fingerprint,
                                              .key = line,
                                              .credential = id,
                                              .kind = webauthn ? "webauthn" : "ssh",
                                              .attested = attestation->attested,
                                              .device = attestation->device,
                                              .label = tg_body_text(request->parsed, "label"),
                                              .created = tg_service_now(service)};
    int result = tg_store_credential_add(service->store, &credential, error);
    free(line);
    return result;
}

/* 201 {change, words, fingerprint, attested, device}. The words are of the key itself: the person reads them
 * out to a root holder, who sees those of the file. */
static int answer_change(const struct tg_attestation *attestation, const char *change,
                         struct tg_http_answer *answer, struct tg_error *error)
{
    char digest[TG_DIGEST_SIZE];
    char words[TG_CODE_WORDS_SIZE];
    if (!tg_digest(attestation->key->blob, digest))
        return tg_fail(error, TG_internal_error, "SHA-256 failed");
    return tg_http_answer_json(answer, 201,
                               json_pack("{s:s, s:s, s:s, s:i, s:s}", "change", change, "words",
                                         tg_code_words(digest, words), "fingerprint",
                                         attestation->key->fingerprint, "attested",
                                         (int)attestation->attested, "device", attestation->device),
                               error);
}

/* The evidence is there: verify, write the file, remember the key. */
static int enrol(struct tg_service *service, const struct tg_http_request *request,
                 const struct tg_enrolment_evidence *evidence, struct tg_http_answer *answer,
                 struct tg_error *error)
{
    struct tg_attestation *attestation = NULL;
    char *change = NULL;
    size_t length;
    int result = tg_enrolment_verify(evidence, service->trust, tg_service_now(service), &attestation, error);
    if (result == 0)
        result = tg_policy_change_compose(evidence, attestation, &change, &length, error);
    /* Last of the checks, so that a mistake does not use the challenge up. */
    if (result == 0)
        result = use_challenge(service, request, error);
    if (result == 0)
        result = remember(service, request, evidence->webauthn, attestation, error);
    if (result == 0)
        result = answer_change(attestation, change, answer, error);
    if (result == 0) {
        service->counters.credentials++;
        tg_log(&service->log, LOG_NOTICE,
               "%s has enrolled the key %s (%s), which the policy does not list yet", request->caller.name,
               attestation->key->fingerprint, attestation->attested ? attestation->device : "not attested");
    }
    free(change);
    tg_attestation_free(attestation);
    return result;
}

int tg_post_credentials(struct tg_service *service, const struct tg_http_request *request,
                        struct tg_http_answer *answer, struct tg_error *error)
{
    struct tg_enrolment_evidence evidence = {.person = request->caller.name,
                                             .label = tg_body_text(request->parsed, "label"),
                                             .challenge =
                                                 tg_bytes_of_text(tg_body_text(request->parsed, "document"))};
    uint8_t *attestation = NULL;
    uint8_t *client_data = NULL;
    int result = -1;
    if (read_format(request, &evidence.webauthn, error) < 0 ||
        decode(request, "attestation", &attestation, &evidence.attestation, error) < 0 ||
        decode(request, "client_data", &client_data, &evidence.client_data, error) < 0)
        goto out;
    if (evidence.webauthn) {
        evidence.origin = service->page_origin;
        evidence.rp_id = service->rp_id;
    } else {
        evidence.key = tg_body_text(request->parsed, "key");
    }
    result = enrol(service, request, &evidence, answer, error);
out:
    free(attestation);
    free(client_data);
    return result;
}
