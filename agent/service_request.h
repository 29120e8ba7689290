/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One signed request to the approval service.
 */
#ifndef TEGATA_AGENT_SERVICE_REQUEST_H
#define TEGATA_AGENT_SERVICE_REQUEST_H

#include "agent/agent.h"

struct tg_transfer;

/* Called once, when the transfer is over; it is freed afterwards. */
typedef void tg_transfer_done(struct tg_agent *agent, struct tg_transfer *transfer);

struct tg_transfer {
    struct tg_transfer *next;
    CURL *easy;
    struct curl_slist *headers;
    char *body;
    char *answer; /* with a NUL behind it; NULL if nothing came */
    size_t answer_length;
    size_t answer_size;
    size_t answer_max;
    CURLcode result;
    long status;  /* HTTP */
    int64_t date; /* the service's clock; 0: it did not say */
    tg_transfer_done *done;
    void *context;
    char problem[CURL_ERROR_SIZE];
};

struct tg_transfer_wish {
    const char *method;
    const char *target; /* "/v1/..." */
    char *body;         /* malloc'ed, taken over; NULL: none */
    long timeout_ms;    /* for all of it */
    size_t answer_max;  /* bytes; more ends the transfer */
    tg_transfer_done *done;
    void *context;
};

/* Signs and starts. NULL, logged, if that fails; the body is freed either way. */
struct tg_transfer *tg_transfer_start(struct tg_agent *agent, const struct tg_transfer_wish *wish);

/* Ends it without calling `done`. NULL-safe. */
void tg_transfer_cancel(struct tg_agent *agent, struct tg_transfer *transfer);

/* Did the service answer with this status? */
bool tg_transfer_is(const struct tg_transfer *transfer, long status);

/* Why not, in one phrase for the log. */
const char *tg_transfer_problem(const struct tg_transfer *transfer, char *out, size_t size);

#endif
