/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Threads for what takes long: hashing a password, waiting for the certificate authority. The service itself
 * is one thread; a job takes copies of what it needs, runs in a worker, and comes back to that thread, which
 * the workers wake through a descriptor.
 */
#ifndef TEGATA_APPROVAL_SERVICE_WORKERS_H
#define TEGATA_APPROVAL_SERVICE_WORKERS_H

#include "approval_service/backoff.h"

#include "lib/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

enum {
    TG_JOBS_MAX = 64,            /* that may wait or run at once */
    TG_JOBS_PER_NETWORK_MAX = 4, /* of them for callers of one network, so that nobody takes all the room */
    TG_JOB_WAIT_SECONDS = 30,    /* how long a caller is kept waiting for one */
};

/* One job: the first member of a larger structure. The service's thread owns it, but for the time between
 * tg_workers_submit() and its coming back, in which `run` may use what the structure holds and nothing else.
 */
struct tg_job {
    void (*run)(struct tg_job *job);     /* in a worker's thread */
    void (*release)(struct tg_job *job); /* wipes and frees it; in the service's thread */
    char network[TG_NETWORK_SIZE];       /* of the caller */
    bool done;                           /* it came back */
    bool abandoned;                      /* nobody waits any more: it is released when it comes back */
    bool submitted;
    TAILQ_ENTRY(tg_job) link;
};

struct tg_workers;

/* Starts `count` threads. Signals must be blocked already. internal_error if they cannot be started. */
int tg_workers_start(size_t count, struct tg_workers **out, struct tg_error *error);

/* Readable when jobs have come back. */
int tg_workers_descriptor(const struct tg_workers *workers);

/* Is there room for one more job of this network? service_busy if not. */
int tg_workers_room(const struct tg_workers *workers, const char *network, struct tg_error *error);

/* Hands a job over; only after tg_workers_room(). */
void tg_workers_submit(struct tg_workers *workers, struct tg_job *job);

/* Takes the jobs that are done back, and calls `each` for those that somebody waits for; the others are
 * released. */
typedef void tg_workers_done(void *context, struct tg_job *job);
void tg_workers_collect(struct tg_workers *workers, tg_workers_done *each, void *context);

/* Lets go of a job, wherever it is. NULL-safe. */
void tg_job_abandon(struct tg_job *job);

/* Waits for the jobs that run, drops those that wait, and ends the threads. Every job must have been
 * abandoned or taken back. NULL-safe. */
void tg_workers_stop(struct tg_workers *workers);

#endif
