/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A ticket out of the store, judged by the policy in force, and as the API shows it.
 */
#ifndef TEGATA_APPROVAL_SERVICE_TICKET_VIEW_H
#define TEGATA_APPROVAL_SERVICE_TICKET_VIEW_H

#include "approval_service/service.h"

#include "lib/verdict.h"

/* A ticket with its approvals, verified anew: the policy may have changed since they came. */
struct tg_loaded_ticket {
    struct tg_held_ticket held;
    char *document;    /* the ticket's bytes, which held.ticket may point into */
    json_t *approvals; /* [{document, signature}]: likewise for the approvals */
    int64_t revision;
    int64_t opened;
};

/* not_found if there is none. On 0, clear it with tg_loaded_ticket_clear(), which is also safe on a zeroed
 * one. */
int tg_ticket_load(struct tg_service *service, const char *id, struct tg_loaded_ticket *out,
                   struct tg_error *error);
void tg_loaded_ticket_clear(struct tg_loaded_ticket *loaded);

/* The same for a ticket that the caller has a row of: documents only, nothing verified (held stays empty). */
int tg_ticket_documents(struct tg_service *service, const char *id, struct tg_loaded_ticket *out,
                        enum tg_ticket_state *state, struct tg_error *error);

/* Appends the ticket view to `array`, or makes it the answer's body. */
int tg_ticket_view(struct tg_service *service, const struct tg_loaded_ticket *loaded, json_t **view,
                   struct tg_error *error);
int tg_answer_ticket(struct tg_service *service, const char *id, unsigned status,
                     struct tg_http_answer *answer, struct tg_error *error);

/* {code, text, advice, detail, begins, ends}; with_ticket adds the ticket's id. NULL if out of memory. */
json_t *tg_verdict_json(const struct tg_verdict *verdict, bool with_ticket);

/* Could this person's approval count for the ticket's rule? Then they may also see, deny and revoke it. */
bool tg_may_approve(const struct tg_policy *policy, const struct tg_ticket *ticket, const char *person);

/* not_found (not forbidden: ids of other people's tickets are nobody's business) unless requester or eligible
 * approver. */
int tg_check_may_see(const struct tg_service *service, const struct tg_ticket *ticket, const char *person,
                     struct tg_error *error);

/* The current verdict on the approvals alone, and when the window would be. */
enum tg_reason tg_judge_approvals(const struct tg_service *service, const struct tg_held_ticket *held,
                                  int64_t *begins, int64_t *ends, struct tg_error *error);

/* extension.c. May this ticket be submitted as the extension that it says it is? True for one that is none.
 * not_found, extension_differs, ticket_no_rule or ticket_state if not. */
int tg_check_extension(struct tg_service *service, const struct tg_ticket *ticket, struct tg_error *error);

/* Wakes whoever follows an extension of this ticket. */
int tg_extensions_changed(struct tg_service *service, const char *ticket, struct tg_error *error);

#endif
