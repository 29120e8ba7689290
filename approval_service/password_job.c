/* SPDX-License-Identifier: BSD-2-Clause */
#include "approval_service/password_job.h"

#include "approval_service/call_job.h"
#include "approval_service/store_accounts.h"

#include "lib/monotonic.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static void run(struct tg_job *base)
{
    struct tg_password_job *job = (struct tg_password_job *)base;
    char hash[TG_PASSWORD_HASH_SIZE];
    job->right = job->stored[0] == '\0';
    if (!job->right) {
        if (tg_password_hash(job->password, job->stored, hash, &job->error) < 0)
            return;
        job->hashes++;
        job->right = job->known && tg_password_same(hash, job->stored);
        OPENSSL_cleanse(hash, sizeof hash);
    }
    if (!job->right)
        return;
    const char *next = job->new_password[0] != '\0'                       ? job->new_password
                       : !tg_password_has_cost(job->stored, job->setting) ? job->password
                                                                          : NULL;
    if (next != NULL && tg_password_hash(next, job->setting, job->made, &job->error) == 0)
        job->hashes++;
}

static void release(struct tg_job *base)
{
    OPENSSL_cleanse(base, sizeof(struct tg_password_job));
    free(base);
}

struct tg_password_job *tg_password_job_new(const struct tg_service *service,
                                            const struct tg_http_request *request, struct tg_error *error)
{
    char network[TG_NETWORK_SIZE];
    tg_site_of(request->address, network);
    if (tg_workers_room(service->hashing, network, error) < 0)
        return NULL;
    struct tg_password_job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        (void)tg_fail(error, TG_internal_error, "out of memory");
        return NULL;
    }
    job->job.run = run;
    job->job.release = release;
    memcpy(job->job.network, network, sizeof network);
    if (tg_password_setting(service->password_cost, job->setting, error) == 0)
        return job;
    tg_job_abandon(&job->job);
    return NULL;
}

const struct tg_person *tg_sign_in_person(const struct tg_service *service, const char *name)
{
    const struct tg_person *person = service->policy == NULL ? NULL : tg_policy_person(service->policy, name);
    return person == NULL || person->disabled ? NULL : person;
}

int tg_password_job_person(const struct tg_service *service, struct tg_password_job *job, const char *person,
                           struct tg_error *error)
{
    char *hash = NULL;
    if (tg_store_password(service->store, person, &hash, error) < 0)
        return -1;
    job->known = hash != NULL && tg_sign_in_person(service, person) != NULL;
    (void)snprintf(job->stored, sizeof job->stored, "%s", job->known ? hash : job->setting);
    free(hash);
    return 0;
}

int tg_password_attempt(struct tg_service *service, const struct tg_http_request *request, const char *person,
                        struct tg_http_answer *answer, struct tg_error *error)
{
    char network[TG_NETWORK_SIZE];
    tg_network_of(request->address, network);
    int64_t wait = tg_backoff_attempt(&service->backoff, person, network, tg_monotonic_ms());
    if (wait == 0)
        return 0;
    answer->retry_after = (unsigned)((wait + 999) / 1000);
    return tg_fail(error, TG_sign_in_wait, "try again in %u s", answer->retry_after);
}

void tg_password_succeeded(struct tg_service *service, const struct tg_http_request *request,
                           const char *person)
{
    char network[TG_NETWORK_SIZE];
    tg_network_of(request->address, network);
    tg_backoff_succeeded(&service->backoff, person, network);
}

void tg_password_job_submit(struct tg_service *service, struct tg_password_job *job,
                            struct tg_http_answer *answer)
{
    tg_call_job_start(service->hashing, &job->job, answer);
}

int tg_password_job_result(struct tg_service *service, const struct tg_http_request *request,
                           struct tg_http_answer *answer, const struct tg_password_job **out,
                           struct tg_error *error)
{
    *out = NULL;
    if (tg_call_job_check(request, answer, error) < 0)
        return -1;
    if (answer->wait != TG_WAIT_NOT)
        return 0;
    const struct tg_password_job *job = (const struct tg_password_job *)request->job;
    service->counters.hashes += job->hashes;
    if (job->error.reason != TG_allowed)
        return tg_fail(error, job->error.reason, "%s", job->error.text);
    *out = job;
    return 0;
}
