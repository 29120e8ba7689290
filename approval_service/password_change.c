/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A person changes the own password, by the old one.
 */
#include "approval_service/body.h"
#include "approval_service/password_job.h"
#include "approval_service/store_accounts.h"

static int begin(struct tg_service *service, const struct tg_http_request *request,
                 struct tg_http_answer *answer, struct tg_error *error)
{
    const char *person = request->caller.name;
    const char *password = tg_body_text(request->parsed, "new_password");
    if (tg_password_check(password, error) < 0)
        return -1;
    struct tg_password_job *job = tg_password_job_new(service, request, error);
    if (job == NULL)
        return -1;
    if (tg_password_attempt(service, request, person, answer, error) < 0 ||
        tg_password_job_person(service, job, person, error) < 0) {
        tg_job_abandon(&job->job);
        return -1;
    }
    (void)snprintf(job->password, sizeof job->password, "%s", tg_body_text(request->parsed, "password"));
    (void)snprintf(job->new_password, sizeof job->new_password, "%s", password);
    tg_password_job_submit(service, job, answer);
    return 0;
}

static int finish(struct tg_service *service, const struct tg_http_request *request,
                  struct tg_http_answer *answer, struct tg_error *error)
{
    const struct tg_password_job *job;
    const char *person = request->caller.name;
    if (tg_password_job_result(service, request, answer, &job, error) < 0)
        return -1;
    if (job == NULL)
        return 0;
    if (!job->right)
        return tg_fail(error, TG_sign_in_failed, "this is not the password that %s has now", person);
    tg_password_succeeded(service, request, person);
    if (tg_store_password_change(service->store, person, job->stored, job->made, request->caller.token,
                                 tg_service_now(service), error) < 0)
        return -1;
    tg_log(&service->log, LOG_NOTICE, "%s has changed the password, from %s", person, request->address);
    answer->status = 204;
    return 0;
}

int tg_post_password(struct tg_service *service, const struct tg_http_request *request,
                     struct tg_http_answer *answer, struct tg_error *error)
{
    return request->job == NULL ? begin(service, request, answer, error)
                                : finish(service, request, answer, error);
}
