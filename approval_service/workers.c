/* SPDX-License-Identifier: BSD-2-Clause */
#include "approval_service/workers.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

TAILQ_HEAD(jobs, tg_job);

struct tg_workers {
    pthread_mutex_t lock; /* over the two lists and `stopping` */
    pthread_cond_t wanted;
    struct jobs waiting;
    struct jobs back;
    bool stopping;
    int descriptor;
    pthread_t *threads;
    size_t count;
    /* The service's thread only: */
    char networks[TG_JOBS_MAX][TG_NETWORK_SIZE]; /* of the jobs that are out; "" where there is none */
};

static struct tg_job *take_job(struct tg_workers *workers)
{
    (void)pthread_mutex_lock(&workers->lock);
    struct tg_job *job = NULL;
    while (!workers->stopping && (job = TAILQ_FIRST(&workers->waiting)) == NULL)
        (void)pthread_cond_wait(&workers->wanted, &workers->lock);
    if (workers->stopping)
        job = NULL;
    if (job != NULL)
        TAILQ_REMOVE(&workers->waiting, job, link);
    (void)pthread_mutex_unlock(&workers->lock);
    return job;
}

static void *work(void *context)
{
    struct tg_workers *workers = context;
    struct tg_job *job;
    while ((job = take_job(workers)) != NULL) {
        job->run(job);
        (void)pthread_mutex_lock(&workers->lock);
        TAILQ_INSERT_TAIL(&workers->back, job, link);
        (void)pthread_mutex_unlock(&workers->lock);
        uint64_t one = 1;
        (void)!write(workers->descriptor, &one, sizeof one); /* cannot fail before 2^64 - 1 jobs */
    }
    return NULL;
}

int tg_workers_start(size_t count, struct tg_workers **out, struct tg_error *error)
{
    *out = NULL;
    struct tg_workers *workers = calloc(1, sizeof *workers);
    if (workers == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    (void)pthread_mutex_init(&workers->lock, NULL);
    (void)pthread_cond_init(&workers->wanted, NULL);
    TAILQ_INIT(&workers->waiting);
    TAILQ_INIT(&workers->back);
    workers->descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    workers->threads = calloc(count, sizeof *workers->threads);
    int problem = workers->descriptor < 0 ? errno : workers->threads == NULL ? ENOMEM : 0;
    while (problem == 0 && workers->count < count) {
        problem = pthread_create(&workers->threads[workers->count], NULL, work, workers);
        workers->count += problem == 0;
    }
    if (problem != 0) {
        tg_workers_stop(workers);
        return tg_fail(error, TG_internal_error, "cannot start worker threads: %s", strerror(problem));
    }
    *out = workers;
    return 0;
}

int tg_workers_descriptor(const struct tg_workers *workers)
{
    return workers->descriptor;
}

/* The place of the first job of this network among those that are out; TG_JOBS_MAX if there is none. */
static size_t find_place(const struct tg_workers *workers, const char *network)
{
    size_t place = 0;
    while (place < TG_JOBS_MAX && strcmp(workers->networks[place], network) != 0)
        place++;
    return place;
}

int tg_workers_room(const struct tg_workers *workers, const char *network, struct tg_error *error)
{
    size_t same = 0;
    for (size_t place = 0; place < TG_JOBS_MAX; place++)
        same += strcmp(workers->networks[place], network) == 0;
    if (same >= TG_JOBS_PER_NETWORK_MAX)
        return tg_fail(error, TG_service_busy, "%d calls from your network are being worked on",
                       TG_JOBS_PER_NETWORK_MAX);
    if (find_place(workers, "") == TG_JOBS_MAX)
        return tg_fail(error, TG_service_busy, "%d calls are being worked on", TG_JOBS_MAX);
    return 0;
}

void tg_workers_submit(struct tg_workers *workers, struct tg_job *job)
{
    memcpy(workers->networks[find_place(workers, "")], job->network, TG_NETWORK_SIZE);
    job->submitted = true;
    (void)pthread_mutex_lock(&workers->lock);
    TAILQ_INSERT_TAIL(&workers->waiting, job, link);
    (void)pthread_cond_signal(&workers->wanted);
    (void)pthread_mutex_unlock(&workers->lock);
}

static void take_back(struct tg_workers *workers, struct tg_job *job, tg_workers_done *each, void *context)
{
    size_t place = find_place(workers, job->network);
    if (place < TG_JOBS_MAX)
        workers->networks[place][0] = '\0';
    job->done = true;
    if (job->abandoned)
        job->release(job);
    else
        each(context, job);
}

void tg_workers_collect(struct tg_workers *workers, tg_workers_done *each, void *context)
{
    uint64_t times;
    (void)!read(workers->descriptor, &times, sizeof times); /* EAGAIN: nothing came back */
    struct jobs back = TAILQ_HEAD_INITIALIZER(back);
    (void)pthread_mutex_lock(&workers->lock);
    TAILQ_CONCAT(&back, &workers->back, link);
    (void)pthread_mutex_unlock(&workers->lock);
    struct tg_job *job;
    while ((job = TAILQ_FIRST(&back)) != NULL) {
        TAILQ_REMOVE(&back, job, link);
        take_back(workers, job, each, context);
    }
}

void tg_job_abandon(struct tg_job *job)
{
    if (job == NULL)
        return;
    if (job->submitted && !job->done)
        job->abandoned = true;
    else
        job->release(job);
}

static void release_all(struct jobs *jobs)
{
    struct tg_job *job;
    while ((job = TAILQ_FIRST(jobs)) != NULL) {
        TAILQ_REMOVE(jobs, job, link);
        job->release(job);
    }
}

void tg_workers_stop(struct tg_workers *workers)
{
    if (workers == NULL)
        return;
    (void)pthread_mutex_lock(&workers->lock);
    workers->stopping = true;
    (void)pthread_cond_broadcast(&workers->wanted);
    (void)pthread_mutex_unlock(&workers->lock);
    for (size_t i = 0; i < workers->count; i++)
        (void)pthread_join(workers->threads[i], NULL);
    release_all(&workers->waiting);
    release_all(&workers->back);
    (void)pthread_mutex_destroy(&workers->lock);
    (void)pthread_cond_destroy(&workers->wanted);
    if (workers->descriptor >= 0)
        (void)close(workers->descriptor);
    free(workers->threads);
    free(workers);
}
