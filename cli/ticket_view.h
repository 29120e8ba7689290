/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the service shows of a ticket (docs/protocol.md, "Ticket view"), taken apart and checked here: the
 * ticket is read from its own bytes, its digest is computed, and each approval is verified against the policy
 * that this command has verified. What is only the service's word (state, hosts, sessions opened) stays in
 * `json` and is shown as such.
 */
#ifndef TEGATA_CLI_TICKET_VIEW_H
#define TEGATA_CLI_TICKET_VIEW_H

#include "cli/problem.h"
#include "lib/verdict.h"

#include <jansson.h>

struct tg_ticket_view {
    json_t *json;
    struct tg_held_ticket held;
    const struct tg_rule *rule; /* the ticket's rule in the policy; NULL: gone */
    /* From the verdict, over the approvals as verified here: */
    enum tg_reason covered;   /* allowed, rule_gone or rule_narrowed */
    char uncovered[160];      /* which part of the ticket */
    enum tg_reason approvals; /* allowed, or what is missing */
    char missing_detail[160];
    uint32_t *missing; /* for each of the rule's approver groups; NULL without a rule */
    int64_t begins;    /* the window; 0: none yet */
    int64_t ends;
};

/* Works for ticket views and for carried tickets. On 0, the caller clears *view. */
int tg_ticket_view_read(json_t *json, const struct tg_policy *policy, int64_t now,
                        struct tg_ticket_view *view, struct tg_problem *problem);
void tg_ticket_view_clear(struct tg_ticket_view *view);

/* Has every host of the ticket acknowledged it? */
bool tg_ticket_view_acknowledged(const struct tg_ticket_view *view);

#endif
