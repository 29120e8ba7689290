/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who calls: a signature (lib/request_auth.h) whose key the policy, the table of hosts or the root signers
 * know, or a token.
 */
#include "approval_service/secret.h"

#include "lib/digest.h"
#include "lib/monotonic.h"
#include "lib/request_auth.h"
#include "lib/verdict.h"

#include <openssl/crypto.h>
#include <string.h>

enum { TOKEN_TEXT_MAX = 512 };

static const char *bearer_token(const struct tg_http_request *request)
{
    static const char scheme[] = "Bearer ";
    if (request->authorization == NULL || strncmp(request->authorization, scheme, sizeof scheme - 1) != 0)
        return NULL;
    const char *token = request->authorization + sizeof scheme - 1;
    return strlen(token) <= TOKEN_TEXT_MAX ? token : NULL;
}

static int check_rate(struct tg_service *service, const char *signer, struct tg_error *error)
{
    if (tg_rate_take(&service->rates, signer, service->requests_per_minute, tg_monotonic_ms()))
        return 0;
    return tg_fail(error, TG_request_rate, "more than %lld requests in a minute",
                   (long long)service->requests_per_minute);
}

static int check_person(struct tg_service *service, const struct tg_person *person, struct tg_caller *caller,
                        struct tg_error *error)
{
    if (person->disabled)
        return tg_fail(error, TG_requester_disabled, "%s is disabled in the policy", person->name);
    (void)snprintf(caller->name, sizeof caller->name, "%s", person->name);
    char signer[TG_RATE_NAME_SIZE];
    (void)snprintf(signer, sizeof signer, "person %.64s", person->name);
    return check_rate(service, signer, error);
}

static int check_policy(const struct tg_service *service, struct tg_error *error)
{
    if (service->policy == NULL)
        return tg_fail(error, TG_policy_missing, "the service has no policy yet: tegata policy publish");
    return 0;
}

/* A token is worth no more than the key that asked for it. That of an invitation has none, and opens only
 * what a newcomer may do. */
static int judge_token(const struct tg_service *service, const struct tg_person *person,
                       const struct tg_stored_token *token, enum tg_caller_kind who, struct tg_error *error)
{
    bool enrolment = token->scope == TG_TOKEN_ENROLMENT;
    if (person == NULL || (!enrolment && (tg_person_key(person, token->key) == NULL ||
                                          tg_policy_revokes_key(service->policy, token->key))))
        return tg_fail(error, TG_token_invalid,
                       "the policy no longer knows the token's person or the key that asked for it");
    if (enrolment && who != TG_CALLER_NEWCOMER)
        return tg_fail(error, TG_enrolment_only, "this token is for /v1/credentials only");
    return 0;
}

static int person_by_token(struct tg_service *service, const char *token, enum tg_caller_kind who,
                           struct tg_caller *caller, struct tg_error *error)
{
    char digest[TG_DIGEST_SIZE];
    struct tg_stored_token stored;
    if (!tg_digest(tg_bytes_of_text(token), digest))
        return tg_fail(error, TG_internal_error, "SHA-256 failed");
    if (tg_store_token(service->store, digest, tg_service_now(service), &stored, error) < 0)
        return -1;
    const struct tg_person *person = tg_policy_person(service->policy, stored.person);
    int result = judge_token(service, person, &stored, who, error);
    tg_stored_token_clear(&stored);
    if (result < 0)
        return -1;
    memcpy(caller->token, digest, sizeof digest);
    return check_person(service, person, caller, error);
}

static int take_host(void *context, const struct tg_stored_host *host)
{
    struct tg_caller *caller = context;
    (void)snprintf(caller->name, sizeof caller->name, "%s", host->name);
    caller->host_id = host->id;
    caller->host_acknowledged = host->acknowledged;
    return 0;
}

static int person_by_key(struct tg_service *service, const struct tg_public_key *key,
                         struct tg_caller *caller, struct tg_error *error)
{
    const struct tg_person_key *entry = NULL;
    const struct tg_person *person = tg_policy_key_owner(service->policy, key, &entry);
    if (person == NULL)
        return tg_fail(error, TG_requester_unknown, "the policy does not know the key %s", key->fingerprint);
    if (tg_policy_revokes_key(service->policy, key->fingerprint))
        return tg_fail(error, TG_request_forbidden, "the key %s is revoked", key->fingerprint);
    return check_person(service, person, caller, error);
}

static bool is_person(enum tg_caller_kind who)
{
    return who == TG_CALLER_PERSON || who == TG_CALLER_NEWCOMER;
}

/* Finds the signer among those who may make this call. */
static int signer_by_key(struct tg_service *service, const struct tg_public_key *key, enum tg_caller_kind who,
                         struct tg_caller *caller, struct tg_error *error)
{
    if (is_person(who) || (who == TG_CALLER_ADMINISTRATOR &&
                           !tg_public_key_is_among(key, service->roots.keys, service->roots.count)))
        return check_policy(service, error) < 0 ? -1 : person_by_key(service, key, caller, error);
    if (who == TG_CALLER_HOST) {
        if (service->policy != NULL && tg_policy_revokes_key(service->policy, key->fingerprint))
            return tg_fail(error, TG_request_forbidden, "the key %s is revoked", key->fingerprint);
        if (tg_store_host_by_key(service->store, key->fingerprint, take_host, caller, error) < 0)
            return -1;
    } else if (!tg_public_key_is_among(key, service->roots.keys, service->roots.count)) {
        return tg_fail(error, TG_request_forbidden, "the key %s is none of the root keys", key->fingerprint);
    }
    return check_rate(service, key->fingerprint, error);
}

static int by_signature(struct tg_service *service, const struct tg_http_request *request,
                        enum tg_caller_kind who, struct tg_caller *caller, struct tg_error *error)
{
    if (request->authorization == NULL)
        return tg_fail(error, TG_request_unsigned, "the Authorization header is missing");
    struct tg_request signed_request = {.method = request->method,
                                        .authority = service->authority,
                                        .target = request->target,
                                        .body = request->body};
    struct tg_request_proof proof = {0};
    int64_t now = tg_service_now(service);
    if (tg_request_verify(&signed_request, request->authorization, now, &proof, error) < 0)
        return -1;
    int result = signer_by_key(service, proof.key, who, caller, error);
    /* The signer is known first, so that strangers cannot fill the table of nonces. */
    if (result == 0)
        result = tg_store_nonce_use(service->store, proof.key->fingerprint, proof.nonce,
                                    proof.time + TG_REQUEST_TIME_SKEW, now, error);
    if (result == 0)
        (void)snprintf(caller->key, sizeof caller->key, "%s", proof.key->fingerprint);
    tg_public_key_free(proof.key);
    return result;
}

static bool is_enrolment_token(const struct tg_service *service, const char *token)
{
    char digest[TG_DIGEST_SIZE];
    return service->enrolment_token[0] != '\0' && tg_digest(tg_bytes_of_text(token), digest) &&
           CRYPTO_memcmp(digest, service->enrolment_token, TG_DIGEST_SIZE - 1) == 0;
}

static int check_monitor(const struct tg_service *service, const char *address, struct tg_error *error)
{
    char list[sizeof service->monitors];
    (void)snprintf(list, sizeof list, "%s", service->monitors);
    char *rest = NULL;
    for (char *word = strtok_r(list, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        const char *network = word;
        if (tg_address_matches(address, &network, 1))
            return 0;
    }
    return tg_fail(error, TG_request_forbidden, "[metrics] allow does not name your address %s", address);
}

bool tg_is_administrator(const struct tg_service *service, const char *name)
{
    const struct tg_person *person = tg_policy_person(service->policy, name);
    return person != NULL && service->administrators[0] != '\0' &&
           tg_person_in_group(person, service->administrators);
}

/* Root keys have no name. */
static int check_administrator(const struct tg_service *service, const struct tg_caller *caller,
                               struct tg_error *error)
{
    if (caller->name[0] == '\0' || tg_is_administrator(service, caller->name))
        return 0;
    return tg_fail(error, TG_request_forbidden, "%s is not in the group that [accounts] administrators names",
                   caller->name);
}

int tg_authenticate(struct tg_service *service, struct tg_http_request *request, enum tg_caller_kind who,
                    struct tg_error *error)
{
    request->caller = (struct tg_caller){0};
    if (who == TG_CALLER_ANYONE)
        return 0;
    if (who == TG_CALLER_MONITOR)
        return check_monitor(service, request->address, error);
    if (is_person(who) && check_policy(service, error) < 0)
        return -1;
    const char *token = bearer_token(request);
    bool enrols = who == TG_CALLER_ENROLMENT || who == TG_CALLER_ADMINISTRATOR;
    if (token != NULL && enrols && is_enrolment_token(service, token))
        return check_rate(service, "enrolment token", error);
    if (token != NULL && who == TG_CALLER_ENROLMENT)
        return tg_fail(error, TG_token_invalid, "this is not the enrolment token");
    if (token != NULL && (is_person(who) || who == TG_CALLER_ADMINISTRATOR)) {
        if (check_policy(service, error) < 0 ||
            person_by_token(service, token, who, &request->caller, error) < 0)
            return -1;
    } else if (by_signature(service, request, who, &request->caller, error) < 0) {
        return -1;
    }
    return who == TG_CALLER_ADMINISTRATOR ? check_administrator(service, &request->caller, error) : 0;
}

int tg_post_sessions(struct tg_service *service, const struct tg_http_request *request,
                     struct tg_http_answer *answer, struct tg_error *error)
{
    if (request->caller.key[0] == '\0')
        return tg_fail(error, TG_request_unsigned, "a token cannot make another one: sign the request");
    return tg_answer_token(service, request->caller.name, request->caller.key, TG_TOKEN_REQUEST, answer,
                           error);
}
