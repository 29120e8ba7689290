/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One HTTP call as the handlers see it. They know nothing of libmicrohttpd, so that tests call them without a
 * socket.
 */
#ifndef TEGATA_APPROVAL_SERVICE_HTTP_H
#define TEGATA_APPROVAL_SERVICE_HTTP_H

#include "lib/error.h"
#include "lib/policy.h"
#include "lib/ticket.h"
#include "lib/wire.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    TG_HTTP_CAPTURE_SIZE = 80,
    TG_HTTP_TARGET_MAX = 1024,
    TG_HTTP_BODY_MAX = 64 * 1024,
    TG_HTTP_POLICY_BODY_MAX = 4 * 1024 * 1024,
};

enum tg_caller_kind {
    TG_CALLER_ANYONE,
    TG_CALLER_PERSON,
    TG_CALLER_HOST,
    TG_CALLER_ROOT,          /* a root key */
    TG_CALLER_ENROLMENT,     /* the enrolment token, or a root key */
    TG_CALLER_MONITOR,       /* an address that [metrics] allows */
    TG_CALLER_NEWCOMER,      /* a person, or who has just redeemed an invitation */
    TG_CALLER_ADMINISTRATOR, /* the enrolment token, a root key, or a person of [accounts] administrators */
};

/* Who calls, once authenticate.c is done. */
struct tg_caller {
    char name[TG_HTTP_CAPTURE_SIZE]; /* person or host; "" for the others */
    char key[TG_FINGERPRINT_SIZE];   /* that signed the request; "" with a token */
    int64_t host_id;                 /* of a host's enrolment */
    int64_t host_acknowledged;       /* the revision up to which it has acknowledged everything */
    char token[TG_DIGEST_SIZE];      /* SHA-256 of the person's token; "" with a signature */
};

struct tg_http_request {
    const char *method;
    const char *target;        /* path and query, as sent */
    const char *path;          /* the target's path */
    const char *query;         /* without the '?'; "" for none */
    const char *authorization; /* the header, or NULL */
    const char *address;       /* numeric address of the peer */
    const char *content_type;  /* these four are headers, or NULL */
    const char *origin;
    const char *preflight_method; /* Access-Control-Request-Method */
    const char *if_none_match;
    struct tg_bytes body;
    char capture[TG_HTTP_CAPTURE_SIZE]; /* what stood for the one variable part of the path, or "" */
    struct tg_caller caller;
    json_t *parsed;     /* the body, for routes that have one in JSON */
    struct tg_job *job; /* that the handler started and this call waits for; see workers.h */
    bool cross_origin;  /* `origin` is one of [page] origins: it may read the answer */
    bool resumed;       /* a long poll is being answered: it has waited before */
    bool last_call;     /* a long poll must be answered now, with what there is */
};

/* What a long poll waits for. */
enum tg_wait_kind {
    TG_WAIT_NOT,
    TG_WAIT_HOST,
    TG_WAIT_TICKET,
    TG_WAIT_SESSIONS,
    TG_WAIT_CERTIFICATE, /* of a person */
    TG_WAIT_JOB,
};

struct tg_http_answer {
    unsigned status;
    json_t *json;              /* or: */
    char *text;                /* malloc'ed text/plain, or: */
    uint8_t *bytes;            /* malloc'ed, of whatever kind, or: */
    size_t length;             /* of bytes */
    struct tg_page_file *file; /* a file of the page, held, or: */
    bool preflight;            /* the answer to a preflight request of CORS */
    bool problem;              /* json is a problem document */
    enum tg_wait_kind
        wait; /* nothing to say yet: call again when `wait_for` has something new, or after wait_seconds */
    char wait_for[TG_HTTP_CAPTURE_SIZE];
    unsigned wait_seconds;
    struct tg_job *job;   /* started; comes back in request->job. Whoever takes the answer owns it */
    unsigned retry_after; /* seconds; 0: as the status has it */
};

void tg_http_answer_clear(struct tg_http_answer *answer);

/* Sets status and JSON (takes the reference). -1 with internal_error if `json` is NULL (out of memory). */
int tg_http_answer_json(struct tg_http_answer *answer, unsigned status, json_t *json, struct tg_error *error);

/* The query is a list of known keys, each at most once, of values that need no escapes. Each key is looked up
 * with these: *value stays as it is if the key is not there. request_malformed for a value that is not a
 * number up to `maximum`. */
int tg_query_number(const char *query, const char *key, int64_t maximum, int64_t *value,
                    struct tg_error *error);
int tg_query_word(const char *query, const char *key, char *value, size_t size, struct tg_error *error);
/* A key's fingerprint, in which what a browser escapes (%3A, %2B, %2F) may stand escaped. */
int tg_query_fingerprint(const char *query, const char *key, char fingerprint[TG_FINGERPRINT_SIZE],
                         struct tg_error *error);
int tg_query_ticket(const char *query, const char *key, char id[TG_TICKET_ID_SIZE], struct tg_error *error);
/* Refuses any key that is not one of `keys` (NULL-terminated), and a key that comes twice. */
int tg_query_check(const char *query, const char *const *keys, struct tg_error *error);

#endif
