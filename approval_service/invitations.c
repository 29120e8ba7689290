/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Invitations: a link that is good once, for a day, by which a person sets a password.
 */
#include "approval_service/body.h"
#include "approval_service/password_job.h"
#include "approval_service/secret.h"
#include "approval_service/store_accounts.h"

#include "lib/digest.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

enum { INVITATION_SECONDS = 86400 };

static json_t *invitation(const struct tg_service *service, const char *person, const char *token,
                          int64_t expires)
{
    char url[TG_CONFIG_VALUE_SIZE + TG_SECRET_SIZE + 16];
    /* Behind the '#', so that it is in no log of a server and no Referer. */
    (void)snprintf(url, sizeof url, "%s/#invitation=%s", service->page_origin, token);
    json_t *object = json_pack("{s:s, s:s, s:I, s:s}", "person", person, "token", token, "expires",
                               (json_int_t)expires, "url", url);
    OPENSSL_cleanse(url, sizeof url);
    return object;
}

/* The enrolment token is in the images of hosts: it may bring the first people in, and take nobody's password
 * away. */
static int check_token(struct tg_service *service, const struct tg_caller *caller, const char *person,
                       struct tg_error *error)
{
    char *hash = NULL;
    if (caller->name[0] != '\0' || caller->key[0] != '\0')
        return 0;
    if (tg_store_password(service->store, person, &hash, error) < 0)
        return -1;
    bool has_account = hash != NULL;
    free(hash);
    return has_account ? tg_fail(error, TG_request_forbidden,
                                 "%s has a password: a root key or an administrator may invite again", person)
                       : 0;
}

int tg_post_invitations(struct tg_service *service, const struct tg_http_request *request,
                        struct tg_http_answer *answer, struct tg_error *error)
{
    const char *name = tg_body_text(request->parsed, "person");
    char token[TG_SECRET_SIZE];
    char digest[TG_DIGEST_SIZE];
    if (service->policy == NULL)
        return tg_fail(error, TG_policy_missing, "the service has no policy yet: tegata policy publish");
    const struct tg_person *person = tg_policy_person(service->policy, name);
    if (person == NULL)
        return tg_fail(error, TG_not_found, "the policy knows no person of this name");
    if (person->disabled)
        return tg_fail(error, TG_requester_disabled, "%s is disabled in the policy", person->name);
    if (check_token(service, &request->caller, person->name, error) < 0 ||
        tg_secret_make(TG_SECRET_BYTES, token, digest, error) < 0)
        return -1;
    int64_t expires = tg_service_now(service) + INVITATION_SECONDS;
    int result = tg_store_invitation_add(service->store, digest, person->name, expires, error);
    if (result == 0)
        result = tg_http_answer_json(answer, 201, invitation(service, person->name, token, expires), error);
    if (result == 0)
        tg_log(&service->log, LOG_NOTICE, "%s is invited by %s", person->name,
               request->caller.name[0] != '\0' ? request->caller.name : "a root key or the enrolment token");
    OPENSSL_cleanse(token, sizeof token);
    return result;
}

/* Who is invited by this token: malloc'ed. */
static int find_invited(struct tg_service *service, const struct tg_http_request *request,
                        char digest[TG_DIGEST_SIZE], char **person, struct tg_error *error)
{
    *person = NULL;
    if (!tg_digest(tg_bytes_of_text(tg_body_text(request->parsed, "token")), digest))
        return tg_fail(error, TG_internal_error, "SHA-256 failed");
    if (tg_store_invitation(service->store, digest, tg_service_now(service), person, error) < 0)
        return -1;
    if (tg_sign_in_person(service, *person) != NULL)
        return 0;
    free(*person);
    *person = NULL;
    return tg_fail(error, TG_invitation_invalid, "the policy does not know the person any more");
}

static int begin_redeem(struct tg_service *service, const struct tg_http_request *request,
                        struct tg_http_answer *answer, struct tg_error *error)
{
    const char *password = tg_body_text(request->parsed, "password");
    if (tg_password_check(password, error) < 0)
        return -1;
    struct tg_password_job *job = tg_password_job_new(service, request, error);
    if (job == NULL)
        return -1;
    (void)snprintf(job->new_password, sizeof job->new_password, "%s", password);
    tg_password_job_submit(service, job, answer);
    return 0;
}

static int finish_redeem(struct tg_service *service, const struct tg_http_request *request,
                         const char *digest, const char *person, struct tg_http_answer *answer,
                         struct tg_error *error)
{
    const struct tg_password_job *job;
    if (tg_password_job_result(service, request, answer, &job, error) < 0)
        return -1;
    if (job == NULL)
        return 0;
    if (tg_store_invitation_redeem(service->store, digest, person, job->made, tg_service_now(service),
                                   error) < 0)
        return -1;
    tg_log(&service->log, LOG_NOTICE, "%s has redeemed an invitation and set a password, from %s", person,
           request->address);
    return tg_answer_token(service, person, "", TG_TOKEN_ENROLMENT, answer, error);
}

int tg_post_redeem(struct tg_service *service, const struct tg_http_request *request,
                   struct tg_http_answer *answer, struct tg_error *error)
{
    char digest[TG_DIGEST_SIZE];
    char *person = NULL;
    if (find_invited(service, request, digest, &person, error) < 0)
        return -1;
    int result = request->job == NULL ? begin_redeem(service, request, answer, error)
                                      : finish_redeem(service, request, digest, person, answer, error);
    free(person);
    return result;
}
