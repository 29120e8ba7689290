/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/judge.h"

#include <inttypes.h>
#include <string.h>

/* A ticket is near if it is this person's or this key's. Somebody else's tickets are none of this person's
 * business, not even as a reason. Without a certificate nobody knows whose they are. */
static bool is_near(const struct tg_question *question, const struct tg_ticket *ticket)
{
    const struct tg_certificate *certificate = question->certificate;
    return certificate == NULL || strcmp(ticket->key, certificate->key->fingerprint) == 0 ||
           tg_certificate_has_principal(certificate, ticket->requester);
}

static bool is_newer(const struct tg_ticket *a, const struct tg_ticket *b)
{
    return a->created != b->created ? a->created > b->created : strcmp(a->id, b->id) > 0;
}

/* Allowed beats refused; of two allowed the one that ends last, of two refused the nearest; then the newest.
 */
static bool is_better(const struct tg_attempt *a, const struct tg_attempt *b)
{
    if (b->held == NULL)
        return true;
    if ((a->reason == TG_allowed) != (b->reason == TG_allowed))
        return a->reason == TG_allowed;
    if (a->reason == TG_allowed && a->ends != b->ends)
        return a->ends > b->ends;
    if (a->reason != TG_allowed && a->nearness != b->nearness)
        return a->nearness > b->nearness;
    return is_newer(a->ticket, b->ticket);
}

static enum tg_reason judge_tickets(const struct tg_question *question,
                                    const struct tg_held_ticket *const *tickets, size_t ticket_count,
                                    struct tg_verdict *out)
{
    struct tg_attempt best = {.reason = TG_ticket_none};
    for (size_t i = 0; i < ticket_count; i++) {
        struct tg_attempt attempt;
        if (!is_near(question, tickets[i]->ticket))
            continue;
        tg_judge_ticket(question, tickets[i], &attempt);
        if (is_better(&attempt, &best))
            best = attempt;
    }
    out->ticket = best.held;
    out->rule = best.rule;
    out->begins = best.begins;
    out->ends = best.ends;
    memcpy(out->detail, best.detail, sizeof out->detail);
    return best.reason;
}

void tg_verdict(const struct tg_policy *policy, const struct tg_held_ticket *const *tickets,
                size_t ticket_count, const struct tg_certificate *certificate,
                const struct tg_connection *connection, int64_t now, struct tg_verdict *out)
{
    const struct tg_question question = {TG_TO_OPEN, policy, certificate, connection, now};
    *out = (struct tg_verdict){.reason = TG_internal_error};
    if (policy == NULL)
        out->reason = TG_policy_missing;
    else if (now >= policy->expires)
        out->reason = TG_REFUSE(out, TG_policy_expired, "%" PRId64 " seconds ago", now - policy->expires);
    else if (certificate != NULL)
        out->reason = tg_judge_certificate(&question, out->detail, sizeof out->detail);
    else
        out->reason = TG_allowed;
    if (out->reason == TG_allowed)
        out->reason = judge_tickets(&question, tickets, ticket_count, out);
}
