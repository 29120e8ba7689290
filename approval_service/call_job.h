/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A call whose answer waits for a job in a worker (workers.h): the handler is called twice, first to start
 * the job and then, with request->job, when it has come back.
 */
#ifndef TEGATA_APPROVAL_SERVICE_CALL_JOB_H
#define TEGATA_APPROVAL_SERVICE_CALL_JOB_H

#include "approval_service/service.h"
#include "approval_service/workers.h"

/* Hands the job over and makes the call wait for it. */
void tg_call_job_start(struct tg_workers *workers, struct tg_job *job, struct tg_http_answer *answer);

/* For the call that was resumed: 0 if the job is done, and also if the call has to go on waiting, which
 * answer->wait then says; service_busy if it cannot wait any longer. */
int tg_call_job_check(const struct tg_http_request *request, struct tg_http_answer *answer,
                      struct tg_error *error);

/* Takes the jobs that are done from both groups of workers and wakes the calls that wait for them. */
void tg_call_jobs_collect(struct tg_service *service);

#endif
