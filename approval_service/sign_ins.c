/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Signing in, in two steps: the password gives a nonce, and the security key's signature over it a session.
 * Whether a person exists, is disabled, or has an account shows in neither the answer nor the time it takes.
 */
#include "approval_service/body.h"
#include "approval_service/password_job.h"
#include "approval_service/secret.h"
#include "approval_service/sign_in_call.h"
#include "approval_service/store_accounts.h"

#include "lib/digest.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static int begin(struct tg_service *service, const struct tg_http_request *request,
                 struct tg_http_answer *answer, struct tg_error *error)
{
    const char *name = tg_body_text(request->parsed, "person");
    if (service->policy == NULL)
        return tg_fail(error, TG_policy_missing, "the service has no policy yet: tegata policy publish");
    struct tg_password_job *job = tg_password_job_new(service, request, error);
    if (job == NULL)
        return -1;
    if (tg_password_attempt(service, request, name, answer, error) < 0 ||
        tg_password_job_person(service, job, name, error) < 0) {
        tg_job_abandon(&job->job);
        return -1;
    }
    (void)snprintf(job->password, sizeof job->password, "%s", tg_body_text(request->parsed, "password"));
    tg_password_job_submit(service, job, answer);
    return 0;
}

struct found_id {
    const char *fingerprint;
    json_t *id;
};

static int take_id(void *context, const struct tg_stored_credential *credential)
{
    struct found_id *found = context;
    if (strcmp(credential->fingerprint, found->fingerprint) != 0)
        return 0;
    json_decref(found->id);
    found->id = json_string(credential->credential);
    return 0;
}

/* What a browser or the command needs to ask the right key: {id, fingerprint, origin, rp_id}. */
static json_t *describe_key(struct tg_service *service, const struct tg_person *person,
                            const struct tg_person_key *entry, struct tg_error *error)
{
    struct found_id found = {.fingerprint = entry->key->fingerprint, .id = json_string("")};
    if (tg_store_credentials(service->store, person->name, take_id, &found, error) < 0) {
        json_decref(found.id);
        return NULL;
    }
    return json_pack("{s:o, s:s, s:s, s:s}", "id", found.id, "fingerprint", entry->key->fingerprint, "origin",
                     entry->origin == NULL ? "" : entry->origin, "rp_id",
                     entry->rp_id == NULL ? "" : entry->rp_id);
}

/* The security keys of the policy by which the person can go on. */
static json_t *describe_keys(struct tg_service *service, const struct tg_person *person,
                             struct tg_error *error)
{
    json_t *array = json_array();
    (void)tg_fail(error, TG_internal_error, "out of memory");
    for (size_t i = 0; i < person->key_count && array != NULL; i++) {
        const struct tg_person_key *entry = &person->keys[i];
        if (!tg_key_type_is_security_key(entry->key->type) ||
            tg_policy_revokes_key(service->policy, entry->key->fingerprint))
            continue;
        if (json_array_append_new(array, describe_key(service, person, entry, error)) < 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

static int give_nonce(struct tg_service *service, const struct tg_person *person,
                      struct tg_http_answer *answer, struct tg_error *error)
{
    char nonce[TG_SECRET_SIZE];
    char digest[TG_DIGEST_SIZE];
    int64_t now = tg_service_now(service);
    json_t *keys = describe_keys(service, person, error);
    if (keys == NULL || tg_secret_make(TG_NONCE_BYTES, nonce, digest, error) < 0 ||
        tg_store_person_nonce_add(service->store, TG_NONCE_SIGN_IN, digest, person->name,
                                  now + TG_NONCE_SECONDS, now, error) < 0) {
        json_decref(keys);
        return -1;
    }
    return tg_http_answer_json(answer, 201,
                               json_pack("{s:s, s:I, s:s, s:o}", "nonce", nonce, "expires",
                                         (json_int_t)(now + TG_NONCE_SECONDS), "person", person->name,
                                         "credentials", keys),
                               error);
}

/* The password may have been changed while the hash was computed. */
static int check_unchanged(struct tg_service *service, const struct tg_password_job *job, const char *name,
                           struct tg_error *error)
{
    char *hash = NULL;
    if (tg_store_password(service->store, name, &hash, error) < 0)
        return -1;
    bool same = hash != NULL && strcmp(hash, job->stored) == 0;
    free(hash);
    return same ? 0 : tg_fail(error, TG_sign_in_failed, "no person has this name and this password");
}

static int finish(struct tg_service *service, const struct tg_http_request *request,
                  struct tg_http_answer *answer, struct tg_error *error)
{
    const struct tg_password_job *job;
    if (tg_password_job_result(service, request, answer, &job, error) < 0)
        return -1;
    if (job == NULL)
        return 0;
    const char *name = tg_body_text(request->parsed, "person");
    const struct tg_person *person = tg_sign_in_person(service, name);
    if (!job->right || person == NULL)
        return tg_fail(error, TG_sign_in_failed, "no person has this name and this password");
    if (check_unchanged(service, job, name, error) < 0)
        return -1;
    tg_password_succeeded(service, request, name);
    if (job->made[0] != '\0' &&
        tg_store_password_rehash(service->store, name, job->stored, job->made, error) < 0)
        return -1;
    tg_log(&service->log, LOG_INFO, "%s has given the right password, from %s", person->name,
           request->address);
    return give_nonce(service, person, answer, error);
}

int tg_post_sign_ins(struct tg_service *service, const struct tg_http_request *request,
                     struct tg_http_answer *answer, struct tg_error *error)
{
    return request->job == NULL ? begin(service, request, answer, error)
                                : finish(service, request, answer, error);
}

int tg_sign_in_accept(struct tg_service *service, const struct tg_http_request *request,
                      enum tg_sign_in_kind kind, struct tg_signed_in *out, struct tg_error *error)
{
    char digest[TG_DIGEST_SIZE];
    int64_t now = tg_service_now(service);
    *out = (struct tg_signed_in){0};
    if (service->policy == NULL)
        return tg_fail(error, TG_policy_missing, "the service has no policy yet: tegata policy publish");
    if (tg_sign_in_verify(service->policy, kind, tg_bytes_of_text(tg_body_text(request->parsed, "document")),
                          tg_body_text(request->parsed, "signature"), service->authority, now, out,
                          error) < 0)
        return -1;
    int result = tg_digest(tg_bytes_of_text(out->sign_in->nonce), digest)
                     ? tg_store_person_nonce_use(service->store, TG_NONCE_SIGN_IN, digest, out->person->name,
                                                 now, error)
                     : tg_fail(error, TG_internal_error, "SHA-256 failed");
    if (result < 0)
        tg_signed_in_clear(out);
    return result;
}

int tg_post_web_sessions(struct tg_service *service, const struct tg_http_request *request,
                         struct tg_http_answer *answer, struct tg_error *error)
{
    struct tg_signed_in signed_in;
    if (tg_sign_in_accept(service, request, TG_SIGN_IN_SESSION, &signed_in, error) < 0)
        return -1;
    const char *fingerprint = signed_in.entry->key->fingerprint;
    int result = tg_answer_token(service, signed_in.person->name, fingerprint, TG_TOKEN_WEB, answer, error);
    if (result == 0) {
        service->counters.sign_ins++;
        tg_log(&service->log, LOG_INFO, "%s has signed in with the key %s, from %s", signed_in.person->name,
               fingerprint, request->address);
    }
    tg_signed_in_clear(&signed_in);
    return result;
}
