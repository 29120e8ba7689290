/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Certificates. tegata-ca composes them out of the policy and the person's own signed document, both of which
 * it verifies itself; this service carries the two there and the certificate back.
 */
#include "approval_service/body.h"
#include "approval_service/call_job.h"
#include "approval_service/password_job.h"
#include "approval_service/sign_in_call.h"
#include "approval_service/store_accounts.h"

#include "lib/ca_client.h"
#include "lib/canonical_json.h"
#include "lib/certificate.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { DEADLINE_MS = 15000, LISTED_MAX = 100, CERTIFICATE_WAIT_MAX = 30 };

/* One question to tegata-ca. Everything is a copy. */
struct certificate_job {
    struct tg_job job; /* first */
    char socket[TG_CONFIG_VALUE_SIZE];
    char *policy;
    char *policy_signatures;
    char *document; /* a person's */
    char *signature;
    char name[TG_HTTP_CAPTURE_SIZE];       /* the person, or the host */
    char *key;                             /* a host's key line; NULL: it is a person's certificate */
    char fingerprint[TG_FINGERPRINT_SIZE]; /* of the key that is to be certified */
    char *line;                            /* the answer */
    struct tg_error error;
};

static void run(struct tg_job *base)
{
    struct certificate_job *job = (struct certificate_job *)base;
    struct tg_bytes policy = tg_bytes_of_text(job->policy);
    if (job->key != NULL)
        (void)tg_ca_host_certificate(job->socket, policy, job->policy_signatures, job->name, job->key,
                                     DEADLINE_MS, &job->line, &job->error);
    else
        (void)tg_ca_user_certificate(job->socket, policy, job->policy_signatures,
                                     tg_bytes_of_text(job->document), job->signature, DEADLINE_MS, &job->line,
                                     &job->error);
}

static void release(struct tg_job *base)
{
    struct certificate_job *job = (struct certificate_job *)base;
    free(job->policy);
    free(job->policy_signatures);
    free(job->document);
    free(job->signature);
    free(job->key);
    free(job->line);
    free(job);
}

static struct certificate_job *new_job(const struct tg_service *service,
                                       const struct tg_http_request *request, struct tg_error *error)
{
    char network[TG_NETWORK_SIZE];
    if (service->authority_socket[0] == '\0') {
        (void)tg_fail(error, TG_issuing_off, "[certificate_authority] socket is not set");
        return NULL;
    }
    if (service->policy == NULL) {
        (void)tg_fail(error, TG_policy_missing, "the service has no policy yet: tegata policy publish");
        return NULL;
    }
    tg_site_of(request->address, network);
    if (tg_workers_room(service->issuing, network, error) < 0)
        return NULL;
    struct certificate_job *job = calloc(1, sizeof *job);
    if (job != NULL) {
        job->job.run = run;
        job->job.release = release;
        memcpy(job->job.network, network, sizeof network);
        (void)snprintf(job->socket, sizeof job->socket, "%s", service->authority_socket);
        job->policy = strndup((const char *)service->policy->document.data, service->policy->document.length);
        job->policy_signatures = strdup(service->policy_signatures);
    }
    if (job != NULL && job->policy != NULL && job->policy_signatures != NULL)
        return job;
    (void)tg_fail(error, TG_internal_error, "out of memory");
    if (job != NULL)
        release(&job->job);
    return NULL;
}

/* tegata-ca does not know the revocation list, and either may have changed while it was asked. */
static int check_revoked(const struct tg_service *service, const struct certificate_job *job,
                         struct tg_error *error)
{
    if (tg_sign_in_person(service, job->name) == NULL)
        return tg_fail(error, TG_requester_disabled, "the policy does not know %s any more", job->name);
    if (tg_policy_revokes_key(service->policy, job->fingerprint))
        return tg_fail(error, TG_certificate_revoked, "the key %s is revoked", job->fingerprint);
    return 0;
}

static int begin_person(struct tg_service *service, const struct tg_http_request *request,
                        struct tg_http_answer *answer, struct tg_error *error)
{
    struct tg_signed_in signed_in;
    struct certificate_job *job = new_job(service, request, error);
    if (job == NULL)
        return -1;
    job->document = strdup(tg_body_text(request->parsed, "document"));
    job->signature = strdup(tg_body_text(request->parsed, "signature"));
    if (job->document == NULL || job->signature == NULL) {
        release(&job->job);
        return tg_fail(error, TG_internal_error, "out of memory");
    }
    if (tg_sign_in_accept(service, request, TG_SIGN_IN_CERTIFICATE, &signed_in, error) < 0) {
        release(&job->job);
        return -1;
    }
    (void)snprintf(job->name, sizeof job->name, "%s", signed_in.person->name);
    memcpy(job->fingerprint, signed_in.key->fingerprint, sizeof job->fingerprint);
    tg_signed_in_clear(&signed_in);
    if (check_revoked(service, job, error) < 0) {
        release(&job->job);
        return -1;
    }
    tg_call_job_start(service->issuing, &job->job, answer);
    return 0;
}

/* What tegata-ca answered must be what it was asked for: a mistake there is not passed on. */
static int check_certificate(const struct certificate_job *job, const struct tg_certificate *certificate,
                             struct tg_error *error)
{
    enum tg_certificate_type type = job->key == NULL ? TG_CERTIFICATE_USER : TG_CERTIFICATE_HOST;
    if (certificate->type != type || strcmp(certificate->key->fingerprint, job->fingerprint) != 0 ||
        certificate->principal_count != 1 || !tg_certificate_has_principal(certificate, job->name))
        return tg_fail(error, TG_internal_error, "tegata-ca has certified something else than was asked for");
    if (certificate->valid_before > INT64_MAX || certificate->valid_after > INT64_MAX)
        return tg_fail(error, TG_internal_error, "tegata-ca has made a certificate without an end");
    return 0;
}

/* The finished job's certificate, parsed. NULL with 0: the call waits on. */
static int take_certificate(const struct tg_http_request *request, struct tg_http_answer *answer,
                            struct tg_certificate **out, struct tg_error *error)
{
    *out = NULL;
    if (tg_call_job_check(request, answer, error) < 0)
        return -1;
    if (answer->wait != TG_WAIT_NOT)
        return 0;
    const struct certificate_job *job = (const struct certificate_job *)request->job;
    if (job->line == NULL)
        return tg_fail(error, job->error.reason, "%s", job->error.text);
    if (tg_certificate_parse_line(job->line, out, error) < 0)
        return tg_fail(error, TG_internal_error, "tegata-ca has answered with no certificate");
    if (check_certificate(job, *out, error) == 0)
        return 0;
    tg_certificate_free(*out);
    *out = NULL;
    return -1;
}

static json_t *describe(const struct tg_stored_certificate *certificate)
{
    return json_pack("{s:s, s:s, s:s, s:I, s:I}", "certificate", certificate->line, "serial",
                     certificate->serial, "key_id", certificate->key_id, "valid_after",
                     (json_int_t)certificate->valid_after, "valid_before",
                     (json_int_t)certificate->valid_before);
}

static int finish_person(struct tg_service *service, const struct tg_http_request *request,
                         struct tg_http_answer *answer, struct tg_error *error)
{
    struct tg_certificate *certificate;
    if (take_certificate(request, answer, &certificate, error) < 0)
        return -1;
    if (certificate == NULL)
        return 0;
    const struct certificate_job *job = (const struct certificate_job *)request->job;
    char serial[24];
    char key_id[160];
    (void)snprintf(serial, sizeof serial, "%" PRIu64, certificate->serial);
    struct tg_stored_certificate stored = {.person = job->name,
                                           .fingerprint = job->fingerprint,
                                           .line = job->line,
                                           .serial = serial,
                                           .key_id = tg_escape(certificate->key_id, key_id, sizeof key_id),
                                           .valid_after = (int64_t)certificate->valid_after,
                                           .valid_before = (int64_t)certificate->valid_before,
                                           .issued = tg_service_now(service)};
    int result = check_revoked(service, job, error);
    if (result == 0)
        result = tg_store_certificate_add(service->store, &stored, error);
    if (result == 0) {
        service->counters.certificates++;
        tg_log(&service->log, LOG_NOTICE, "certificate %s issued to %s for the key %s", key_id, job->name,
               job->fingerprint);
        tg_waiting_wake(&service->waiting, TG_WAIT_CERTIFICATE, job->name);
        result = tg_http_answer_json(answer, 201, describe(&stored), error);
    }
    tg_certificate_free(certificate);
    return result;
}

int tg_post_certificates(struct tg_service *service, const struct tg_http_request *request,
                         struct tg_http_answer *answer, struct tg_error *error)
{
    return request->job == NULL ? begin_person(service, request, answer, error)
                                : finish_person(service, request, answer, error);
}

static int take_key(void *context, const struct tg_stored_host *host)
{
    struct certificate_job *job = context;
    job->key = strdup(host->key);
    return 0;
}

static int begin_host(struct tg_service *service, const struct tg_http_request *request,
                      struct tg_http_answer *answer, struct tg_error *error)
{
    struct certificate_job *job = new_job(service, request, error);
    if (job == NULL)
        return -1;
    (void)snprintf(job->name, sizeof job->name, "%s", request->caller.name);
    (void)snprintf(job->fingerprint, sizeof job->fingerprint, "%s", request->caller.key);
    int result = tg_store_host(service->store, request->caller.name, take_key, job, error);
    if (result == 0 && job->key == NULL)
        result = tg_fail(error, TG_internal_error, "out of memory");
    if (result < 0)
        release(&job->job);
    else
        tg_call_job_start(service->issuing, &job->job, answer);
    return result;
}

static int finish_host(struct tg_service *service, const struct tg_http_request *request,
                       struct tg_http_answer *answer, struct tg_error *error)
{
    struct tg_certificate *certificate;
    if (take_certificate(request, answer, &certificate, error) < 0)
        return -1;
    if (certificate == NULL)
        return 0;
    tg_certificate_free(certificate);
    const struct certificate_job *job = (const struct certificate_job *)request->job;
    service->counters.host_certificates++;
    tg_log(&service->log, LOG_NOTICE, "certificate issued to the host %s", job->name);
    return tg_http_answer_json(answer, 201, json_pack("{s:s}", "certificate", job->line), error);
}

int tg_post_host_certificate(struct tg_service *service, const struct tg_http_request *request,
                             struct tg_http_answer *answer, struct tg_error *error)
{
    return request->job == NULL ? begin_host(service, request, answer, error)
                                : finish_host(service, request, answer, error);
}

static int append(void *context, const struct tg_stored_certificate *certificate)
{
    json_t *object = describe(certificate);
    (void)json_object_set_new(object, "issued", json_integer(certificate->issued));
    return json_array_append_new(context, object);
}

int tg_get_certificates(struct tg_service *service, const struct tg_http_request *request,
                        struct tg_http_answer *answer, struct tg_error *error)
{
    static const char *const keys[] = {"key", "after", "wait", NULL};
    char fingerprint[TG_FINGERPRINT_SIZE] = "";
    int64_t after = 0;
    int64_t wait = 0;
    if (tg_query_check(request->query, keys, error) < 0 ||
        tg_query_fingerprint(request->query, "key", fingerprint, error) < 0 ||
        tg_query_number(request->query, "after", TG_INTEGER_MAX, &after, error) < 0 ||
        tg_query_number(request->query, "wait", CERTIFICATE_WAIT_MAX, &wait, error) < 0)
        return -1;
    json_t *array = json_array();
    (void)tg_fail(error, TG_internal_error, "out of memory");
    if (array == NULL ||
        tg_store_certificates(service->store, request->caller.name,
                              fingerprint[0] == '\0' ? NULL : fingerprint, after, tg_service_now(service),
                              LISTED_MAX, append, array, error) < 0) {
        json_decref(array);
        return -1;
    }
    if (json_array_size(array) == 0 && wait > 0 && !request->last_call) {
        json_decref(array);
        answer->wait = TG_WAIT_CERTIFICATE;
        answer->wait_seconds = (unsigned)wait;
        (void)snprintf(answer->wait_for, sizeof answer->wait_for, "%s", request->caller.name);
        return 0;
    }
    return tg_http_answer_json(answer, 200, json_pack("{s:o}", "certificates", array), error);
}
