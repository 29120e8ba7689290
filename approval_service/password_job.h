/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Hashing a password in a worker, for the three calls that take one.
 */
#ifndef TEGATA_APPROVAL_SERVICE_PASSWORD_JOB_H
#define TEGATA_APPROVAL_SERVICE_PASSWORD_JOB_H

#include "approval_service/password.h"
#include "approval_service/service.h"
#include "approval_service/workers.h"

struct tg_password_job {
    struct tg_job job; /* first */
    /* What to do. `stored` is the hash that `password` must have, and `known` false if it is nobody's: then
     * it is a setting of the same cost, and as much is computed. "": nothing to compare. */
    char password[TG_PASSWORD_MAX + 1];
    char stored[TG_PASSWORD_HASH_SIZE];
    bool known;
    char new_password[TG_PASSWORD_MAX + 1]; /* to be hashed if `password` was right; "" for none */
    char setting[TG_PASSWORD_HASH_SIZE];    /* for that, and for `password` if its cost is another */
    /* What came of it. */
    bool right;
    char made[TG_PASSWORD_HASH_SIZE]; /* the new hash, or "" */
    unsigned hashes;                  /* computed */
    struct tg_error error;            /* reason allowed, unless libcrypt failed */
};

/* A job for this caller, with a fresh setting of the configured cost; NULL with *error filled in
 * (service_busy if there is no room). */
struct tg_password_job *tg_password_job_new(const struct tg_service *service,
                                            const struct tg_http_request *request, struct tg_error *error);

/* Fills in `stored` and `known` for this person, who need not exist. On failure abandon the job. */
int tg_password_job_person(const struct tg_service *service, struct tg_password_job *job, const char *person,
                           struct tg_error *error);

/* Guessing by a session that was left open waits as guessing at the door does: sign_in_wait, with
 * answer->retry_after. */
int tg_password_attempt(struct tg_service *service, const struct tg_http_request *request, const char *person,
                        struct tg_http_answer *answer, struct tg_error *error);
void tg_password_succeeded(struct tg_service *service, const struct tg_http_request *request,
                           const char *person);

/* Hands it to the workers and makes the call wait. */
void tg_password_job_submit(struct tg_service *service, struct tg_password_job *job,
                            struct tg_http_answer *answer);

/* For a call that was resumed: the job if it is done; NULL with a return of 0 if the call has to wait on
 * (*answer says so), else -1 with *error filled in. */
int tg_password_job_result(struct tg_service *service, const struct tg_http_request *request,
                           struct tg_http_answer *answer, const struct tg_password_job **out,
                           struct tg_error *error);

/* May the person sign in at all: known to the policy and not disabled? */
const struct tg_person *tg_sign_in_person(const struct tg_service *service, const char *name);

#endif
