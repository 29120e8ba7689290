/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The approval service's state, and what its parts call of each other. One thread runs everything, so nothing
 * here is locked.
 */
#ifndef TEGATA_APPROVAL_SERVICE_SERVICE_H
#define TEGATA_APPROVAL_SERVICE_SERVICE_H

#include "approval_service/backoff.h"
#include "approval_service/http.h"
#include "approval_service/page.h"
#include "approval_service/rate.h"
#include "approval_service/store.h"
#include "approval_service/waiting.h"

#include "lib/attestation.h"
#include "lib/config.h"
#include "lib/log.h"
#include "lib/policy.h"

#include <stdint.h>

/* Seconds since 1970; tests bring their own. */
struct tg_clock {
    int64_t (*now)(void *context);
    void *context;
};

/* Lines about strangers: so many in a minute, then only how many more there were. */
struct tg_log_limit {
    int64_t minute;
    unsigned lines;
    unsigned more;
};

enum { TG_REASON_NUMBERS = 256, TG_STATUS_CLASSES = 6 };

struct tg_counters {
    uint64_t answers[TG_STATUS_CLASSES];  /* by the first digit of the status */
    uint64_t refusals[TG_REASON_NUMBERS]; /* by number of the reason */
    uint64_t hashes;                      /* of passwords */
    uint64_t sign_ins;                    /* web sessions that were opened */
    uint64_t certificates;                /* issued to people */
    uint64_t host_certificates;
    uint64_t credentials; /* keys enrolled */
};

/* What is revoked, as it is handed out and as it is judged by; revocations.c. */
struct tg_revocation_list {
    uint8_t *bytes;
    size_t length;
    struct tg_krl *krl;
    int64_t revision;
};
void tg_revocation_list_clear(struct tg_revocation_list *list);

struct tg_service {
    struct tg_log log;
    struct tg_clock clock;
    struct tg_store *store;
    struct tg_root_signers roots;
    char authority[1024];
    char enrolment_token[65]; /* hex SHA-256; "" if none may enrol by token */
    char monitors[1024];      /* addresses and networks that may read /metrics */
    int64_t requests_per_minute;
    char administrators[TG_CONFIG_VALUE_SIZE]; /* group of the policy whose people may invite; "" for none */
    int64_t password_cost;
    char authority_socket[TG_CONFIG_VALUE_SIZE]; /* of tegata-ca; "" if there is none */

    struct tg_attestation_trust *trust; /* NULL: no key is taken for attested */

    struct tg_page *page;
    char page_origin[TG_CONFIG_VALUE_SIZE]; /* where people open it */
    char rp_id[TG_CONFIG_VALUE_SIZE];
    char origins[TG_CONFIG_VALUE_SIZE]; /* of other pages that may call */

    struct tg_policy *policy; /* in force; NULL as long as there is none */
    char *policy_signatures;  /* JSON array */
    int64_t policy_revision;
    struct tg_revocation_list revocations; /* the policy judges by them */

    struct tg_waiting waiting;
    struct tg_rates rates;
    struct tg_backoff backoff;
    struct tg_workers *hashing; /* passwords */
    struct tg_workers *issuing; /* certificates */
    struct tg_log_limit failed_sign_ins;
    struct tg_counters counters;
    int64_t next_due; /* when the next ticket changes by time; 0: never */
};

static inline int64_t tg_service_now(const struct tg_service *service)
{
    return service->clock.now(service->clock.context);
}

/* Handlers: 0 and *answer filled in, or -1 and *error. They change nothing when they refuse. */
typedef int tg_handler(struct tg_service *service, const struct tg_http_request *request,
                       struct tg_http_answer *answer, struct tg_error *error);

tg_handler tg_post_sessions;    /* authenticate.c */
tg_handler tg_post_invitations; /* invitations.c */
tg_handler tg_post_redeem;
tg_handler tg_post_sign_ins; /* sign_ins.c */
tg_handler tg_post_web_sessions;
tg_handler tg_post_password;     /* password_change.c */
tg_handler tg_post_certificates; /* certificates.c */
tg_handler tg_get_certificates;
tg_handler tg_post_host_certificate;
tg_handler tg_get_credentials; /* credentials.c */
tg_handler tg_post_challenge;
tg_handler tg_post_credentials; /* enrolment.c */
tg_handler tg_get_page;         /* page_facts.c */
tg_handler tg_post_tickets;     /* tickets.c */
tg_handler tg_get_tickets;
tg_handler tg_get_ticket;
tg_handler tg_post_deny;
tg_handler tg_post_cancel;
tg_handler tg_post_release;
tg_handler tg_post_revoke;
tg_handler tg_post_approvals;    /* approvals.c */
tg_handler tg_get_ticket_events; /* events.c */
tg_handler tg_post_host_events;
tg_handler tg_post_why;   /* why.c */
tg_handler tg_get_policy; /* policy.c */
tg_handler tg_put_policy;
tg_handler tg_post_hosts; /* hosts.c */
tg_handler tg_get_hosts;
tg_handler tg_delete_host;
tg_handler tg_get_host_tickets;
tg_handler tg_get_host_sessions;  /* host_sessions.c */
tg_handler tg_post_host_sessions; /* sessions.c */
tg_handler tg_patch_host_session;
tg_handler tg_get_revocations; /* revocations.c */
tg_handler tg_post_revocations;
tg_handler tg_get_healthz; /* metrics.c */
tg_handler tg_get_metrics;

/* Finds the route, checks who calls and the body, and runs the handler. *answer is always filled in: a
 * refusal becomes a problem document. A request whose long poll has to wait comes back with answer->wait set;
 * call tg_service_resume() then. */
void tg_service_answer(struct tg_service *service, struct tg_http_request *request,
                       struct tg_http_answer *answer);
void tg_service_resume(struct tg_service *service, struct tg_http_request *request,
                       struct tg_http_answer *answer);

/* Decides who calls; fills in request->caller. */
int tg_authenticate(struct tg_service *service, struct tg_http_request *request, enum tg_caller_kind who,
                    struct tg_error *error);

/* Is the person in the group that [accounts] administrators names? */
bool tg_is_administrator(const struct tg_service *service, const char *name);

/* The policy from the store, verified again with the root keys. At start. */
int tg_policy_load(struct tg_service *service, struct tg_error *error);

/* What is revoked, from the store. At start. */
int tg_revocations_load(struct tg_service *service, struct tg_error *error);

/* Lets time pass: pending tickets lapse, windows close. Sets service->next_due. */
int tg_expire(struct tg_service *service, struct tg_error *error);

/* Wakes whoever waits for this ticket and the hosts that it names. */
void tg_ticket_changed(struct tg_service *service, const struct tg_ticket *ticket);

/* Releases all that the service holds, the store included. */
void tg_service_clear(struct tg_service *service);

#endif
