/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/judge.h"

#include <inttypes.h>
#include <string.h>

/* From when on the certificate is over, in the verdict's seconds. */
static int64_t certificate_end(const struct tg_certificate *certificate)
{
    return certificate->valid_before > INT64_MAX ? INT64_MAX : (int64_t)certificate->valid_before;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The end of an allowed ticket's window, as far as its rule and its state leave it. The service may call a
 * ticket expired a moment before this host's clock does. */
static int64_t end_of(const struct tg_question *question, const struct tg_attempt *attempt)
{
    int64_t end = attempt->ends;
    if (attempt->rule->end_with_certificate)
        end = earlier(end, certificate_end(question->certificate));
    if (attempt->held->state == TG_TICKET_EXPIRED)
        end = earlier(end, question->now);
    return end;
}

/* Has the ticket been taken back? No extension outweighs that. */
static bool is_taken_back(enum tg_ticket_state state)
{
    return tg_ticket_state_is_final(state) && state != TG_TICKET_EXPIRED && state != TG_TICKET_EXHAUSTED;
}

/* How far the session is carried: the end so far, and by what. */
struct chain {
    int64_t end;
    bool ends_with_certificate;
    struct tg_attempt carrier;
    struct tg_attempt missed; /* the newest extension that is refused; reason allowed: there is none */
};

/* Takes an extension in that has begun by the end so far and lasts longer. */
static void try_extension(const struct tg_question *question, const struct tg_ticket *opening,
                          const struct tg_held_ticket *held, struct chain *chain)
{
    struct tg_attempt attempt;
    if (tg_ticket_extension_gap(held->ticket, opening) != NULL)
        return;
    tg_judge_ticket(question, held, &attempt);
    if (attempt.reason != TG_allowed) {
        if (chain->missed.reason == TG_allowed || attempt.ticket->created > chain->missed.ticket->created)
            chain->missed = attempt;
        return;
    }
    int64_t end = end_of(question, &attempt);
    if (attempt.begins > chain->end || end <= chain->end)
        return;
    chain->end = end;
    chain->carrier = attempt;
}

/* Each round takes in what begins by the end that the round before has reached; the last reaches no further.
 * There are as many rounds as approved extensions at most. */
static void follow_extensions(const struct tg_question *question, const struct tg_running_session *session,
                              struct chain *chain)
{
    int64_t before;
    do {
        before = chain->end;
        for (size_t i = 0; i < session->extension_count; i++)
            try_extension(question, session->ticket->ticket, session->extensions[i], chain);
    } while (chain->end != before);
}

/* Why a session is over that had a right to exist. */
static enum tg_reason reason_over(const struct tg_question *question, const struct chain *chain,
                                  struct tg_right *out)
{
    const struct tg_attempt *missed = &chain->missed;
    if (chain->ends_with_certificate && question->now >= certificate_end(question->certificate))
        return TG_REFUSE(out, TG_certificate_expired, "and its rule ends sessions with the certificate");
    if (out->limit < chain->end)
        return TG_REFUSE(out, TG_ticket_late, "the most that its rule's max_extension_seconds allows");
    if (missed->reason != TG_allowed)
        return TG_REFUSE(out, TG_ticket_late, "ended %" PRId64 " seconds ago; extension %s: %s",
                         question->now - chain->end, missed->ticket->id, tg_reason_name(missed->reason));
    return TG_REFUSE(out, TG_ticket_late, "ended %" PRId64 " seconds ago", question->now - chain->end);
}

/* The opening ticket alone. Its window had begun when the session was opened: that the clock was put right by
 * a little since then ends nothing. */
static void judge_opening(const struct tg_question *question, const struct tg_running_session *session,
                          struct tg_attempt *opening, struct tg_right *out)
{
    tg_judge_ticket(question, session->ticket, opening);
    out->rule = opening->rule;
    out->limit = session->limit;
    if (opening->reason != TG_allowed)
        return;
    if (out->limit == 0)
        out->limit = opening->ends + opening->rule->max_extension_seconds;
    if (opening->begins > question->now + TG_CLOCK_SKEW)
        opening->reason = TG_REFUSE(opening, TG_ticket_early, "begins in %" PRId64 " seconds",
                                    opening->begins - question->now);
}

/* How long the opening ticket and its extensions carry the session. Where the opening ticket itself is not
 * covered any more, there is no end so far: then an extension that has begun carries it. */
static void make_chain(const struct tg_question *question, const struct tg_running_session *session,
                       const struct tg_right *out, struct chain *chain)
{
    bool covered = chain->carrier.reason == TG_allowed;
    bool bound = covered && chain->carrier.rule->end_with_certificate;
    chain->end = covered ? end_of(question, &chain->carrier) : question->now;
    if (!is_taken_back(session->ticket->state) && out->limit != 0)
        follow_extensions(question, session, chain);
    if (bound)
        chain->end = earlier(chain->end, certificate_end(question->certificate));
    chain->ends_with_certificate =
        bound || (chain->carrier.reason == TG_allowed && chain->carrier.rule->end_with_certificate);
}

static void judge_session(const struct tg_question *question, const struct tg_running_session *session,
                          struct tg_right *out)
{
    struct chain chain = {0};
    judge_opening(question, session, &chain.carrier, out);
    make_chain(question, session, out, &chain);
    out->reason = chain.carrier.reason;
    memcpy(out->detail, chain.carrier.detail, sizeof out->detail);
    if (out->reason != TG_allowed)
        return;
    if (question->now >= chain.end || question->now >= out->limit) {
        out->reason = reason_over(question, &chain, out);
        return;
    }
    out->ticket = chain.carrier.held;
    out->rule = chain.carrier.rule;
    out->ends = earlier(chain.end, out->limit);
}

void tg_verdict_running(const struct tg_policy *policy, const struct tg_running_session *session,
                        const struct tg_connection *connection, int64_t now, struct tg_right *out)
{
    const struct tg_question question = {TG_TO_STAY, policy, session->certificate, connection, now};
    *out = (struct tg_right){.reason = TG_internal_error, .ticket = session->ticket, .limit = session->limit};
    if (policy == NULL)
        out->reason = TG_policy_missing;
    else if (session->certificate == NULL)
        out->reason = TG_certificate_missing;
    else
        out->reason = tg_judge_certificate(&question, out->detail, sizeof out->detail);
    if (out->reason == TG_allowed)
        judge_session(&question, session, out);
}
