/* SPDX-License-Identifier: BSD-2-Clause */
#include "approval_service/call_job.h"

#include <stdio.h>

/* What the call waits for: no two jobs that are alive have the same address. */
static void name_job(const struct tg_job *job, char name[TG_HTTP_CAPTURE_SIZE])
{
    (void)snprintf(name, TG_HTTP_CAPTURE_SIZE, "%p", (const void *)job);
}

static void wait_for(struct tg_http_answer *answer, const struct tg_job *job)
{
    answer->wait = TG_WAIT_JOB;
    answer->wait_seconds = TG_JOB_WAIT_SECONDS;
    name_job(job, answer->wait_for);
}

void tg_call_job_start(struct tg_workers *workers, struct tg_job *job, struct tg_http_answer *answer)
{
    tg_workers_submit(workers, job);
    answer->job = job;
    wait_for(answer, job);
}

int tg_call_job_check(const struct tg_http_request *request, struct tg_http_answer *answer,
                      struct tg_error *error)
{
    if (request->job->done)
        return 0;
    if (request->last_call)
        return tg_fail(error, TG_service_busy, "it took too long, or the service is being stopped");
    wait_for(answer, request->job);
    return 0;
}

static void wake_caller(void *context, struct tg_job *job)
{
    struct tg_service *service = context;
    char name[TG_HTTP_CAPTURE_SIZE];
    name_job(job, name);
    tg_waiting_wake(&service->waiting, TG_WAIT_JOB, name);
}

void tg_call_jobs_collect(struct tg_service *service)
{
    tg_workers_collect(service->hashing, wake_caller, service);
    tg_workers_collect(service->issuing, wake_caller, service);
}
