/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Tickets and approvals for people. What is shown comes from the ticket's own bytes, as they were parsed and
 * checked here.
 */
#ifndef TEGATA_CLI_RENDER_H
#define TEGATA_CLI_RENDER_H

#include "cli/output.h"
#include "cli/ticket_view.h"

enum { TG_WARNINGS_MAX = 32, TG_WARNING_SIZE = 240 };

/* Everything that a ticket says. */
void tg_render_ticket(const struct tg_output *out, const struct tg_ticket *ticket, int64_t now);

/* State, window, approvals with their verification here, and what is missing. */
void tg_render_standing(const struct tg_output *out, const struct tg_ticket_view *view, int64_t now);

/* Which hosts have acknowledged; the service's word. */
void tg_render_hosts(const struct tg_output *out, const struct tg_ticket_view *view);

/* Who can still approve; the service's word, for convenience. */
void tg_render_approvers(const struct tg_output *out, const struct tg_ticket_view *view);

/* What an approver should look at twice. `approver` is the person who is about to sign, or NULL. Returns how
 * many. */
size_t tg_ticket_warnings(const struct tg_policy *policy, const struct tg_ticket_view *view,
                          const char *approver, int64_t now, char warnings[TG_WARNINGS_MAX][TG_WARNING_SIZE]);

/* Words joined with ", "; malloc'ed; "" for none. */
char *tg_join(const char *const *words, size_t count);

#endif
