/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/judge.h"

#include "lib/form.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum tg_reason tg_judge_refuse(char *detail, size_t size, enum tg_reason reason, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(detail, size, format, arguments);
    va_end(arguments);
    for (char *at = detail; *at != '\0'; at++) {
        if (*at < 0x20 || *at > 0x7e)
            *at = '?';
    }
    return reason;
}

static enum tg_reason judge_host(const struct tg_question *question, struct tg_attempt *attempt)
{
    if (tg_is_among(question->connection->host, attempt->ticket->hosts, attempt->ticket->host_count))
        return TG_allowed;
    return TG_REFUSE(attempt, TG_ticket_other_host, "for %s%s", attempt->ticket->hosts[0],
                     attempt->ticket->host_count > 1 ? " and others" : "");
}

static enum tg_reason judge_account(const struct tg_question *question, struct tg_attempt *attempt)
{
    if (strcmp(question->connection->account, attempt->ticket->account) == 0)
        return TG_allowed;
    return TG_REFUSE(attempt, TG_ticket_other_account, "for %s", attempt->ticket->account);
}

static enum tg_reason judge_requester(const struct tg_question *question, struct tg_attempt *attempt)
{
    attempt->requester = tg_policy_person(question->policy, attempt->ticket->requester);
    if (attempt->requester == NULL)
        return TG_REFUSE(attempt, TG_requester_unknown, "%s", attempt->ticket->requester);
    if (attempt->requester->disabled)
        return TG_REFUSE(attempt, TG_requester_disabled, "%s", attempt->ticket->requester);
    return TG_allowed;
}

static enum tg_reason judge_principal(const struct tg_question *question, struct tg_attempt *attempt)
{
    if (question->certificate == NULL ||
        tg_certificate_has_principal(question->certificate, attempt->ticket->requester))
        return TG_allowed;
    return TG_REFUSE(attempt, TG_certificate_principal, "the ticket is by %s", attempt->ticket->requester);
}

/* What the service says can only take away, and there is no way back from these. Active and the like say
 * nothing here. A session that is open is none of those that an exhausted ticket has not; and one whose
 * ticket has expired may have been extended, so its window is looked at. */
static enum tg_reason judge_state(const struct tg_question *question, struct tg_attempt *attempt)
{
    switch (attempt->held->state) {
    case TG_TICKET_PENDING:
    case TG_TICKET_APPROVED:
    case TG_TICKET_ACTIVE:
        return TG_allowed;
    case TG_TICKET_DENIED:
        return TG_ticket_denied;
    case TG_TICKET_CANCELLED:
        return TG_ticket_cancelled;
    case TG_TICKET_LAPSED:
        return TG_ticket_lapsed;
    case TG_TICKET_RELEASED:
        return TG_ticket_released;
    case TG_TICKET_EXPIRED:
        return question->purpose == TG_TO_STAY ? TG_allowed : TG_ticket_late;
    case TG_TICKET_EXHAUSTED:
        return question->purpose == TG_TO_STAY ? TG_allowed : TG_ticket_used_up;
    case TG_TICKET_REVOKED:
        break;
    }
    return TG_ticket_revoked;
}

static enum tg_reason judge_key(const struct tg_question *question, struct tg_attempt *attempt)
{
    const char *key = attempt->ticket->key;
    if (question->certificate != NULL && strcmp(question->certificate->key->fingerprint, key) != 0)
        return TG_REFUSE(attempt, TG_ticket_other_key, "for %s", key);
    attempt->login_key = tg_person_key(attempt->requester, key);
    if (attempt->login_key == NULL)
        return TG_REFUSE(attempt, TG_certificate_key_unknown, "%s of %s", key, attempt->requester->name);
    if (tg_policy_revokes_key(question->policy, key))
        return TG_REFUSE(attempt, TG_certificate_revoked, "%s", key);
    return TG_allowed;
}

static enum tg_reason judge_source(const struct tg_question *question, struct tg_attempt *attempt)
{
    const struct tg_ticket *ticket = attempt->ticket;
    const char *source = question->connection->source;
    if (ticket->source_count == 0 || source == NULL ||
        tg_address_matches(source, ticket->source, ticket->source_count))
        return TG_allowed;
    return TG_REFUSE(attempt, TG_ticket_other_source, "from %s, the ticket is for %s", source,
                     ticket->source[0]);
}

static enum tg_reason judge_creation(const struct tg_question *question, struct tg_attempt *attempt)
{
    if (attempt->ticket->created <= question->now + TG_CLOCK_SKEW)
        return TG_allowed;
    return TG_REFUSE(attempt, TG_ticket_from_future, "created in %" PRId64 " seconds",
                     attempt->ticket->created - question->now);
}

/* An account that the policy has no more is left to the rule, which says so. */
static enum tg_reason judge_uid(const struct tg_question *question, struct tg_attempt *attempt)
{
    const struct tg_ticket *ticket = attempt->ticket;
    uint32_t uid = attempt->requester->uid;
    if (strcmp(ticket->account, ticket->requester) != 0) {
        const struct tg_shared_account *shared = tg_policy_account(question->policy, ticket->account);
        uid = shared != NULL ? shared->uid : ticket->uid;
    }
    if (ticket->uid == uid)
        return TG_allowed;
    return TG_REFUSE(attempt, TG_ticket_uid, "%" PRIu32 ", the policy says %" PRIu32, ticket->uid, uid);
}

static enum tg_reason judge_rule(const struct tg_question *question, struct tg_attempt *attempt)
{
    const struct tg_rule *rule = tg_policy_rule(question->policy, attempt->ticket->rule);
    if (rule == NULL)
        return TG_REFUSE(attempt, TG_rule_gone, "%s", attempt->ticket->rule);
    attempt->rule = rule;
    return tg_rule_covers(question->policy, rule, attempt->ticket, attempt->detail, sizeof attempt->detail);
}

/* Those who issue certificates date them back a little, because clocks differ: `ssh-keygen -V +1h` makes one
 * of up to 3,720 s. */
static enum tg_reason judge_lifetime(const struct tg_question *question, struct tg_attempt *attempt)
{
    const struct tg_certificate *certificate = question->certificate;
    if (certificate == NULL)
        return TG_allowed;
    uint64_t limit = (uint64_t)attempt->rule->max_certificate_seconds + TG_CLOCK_SKEW;
    uint64_t lifetime = certificate->valid_before - certificate->valid_after;
    if (lifetime <= limit)
        return TG_allowed;
    return TG_REFUSE(attempt, TG_certificate_lifetime, "%" PRIu64 " seconds, at most %" PRIu32, lifetime,
                     attempt->rule->max_certificate_seconds);
}

/* The entry's key is the certificate's: judge_key() has compared them. */
static enum tg_reason judge_hardware(const struct tg_question *question, struct tg_attempt *attempt)
{
    (void)question;
    const struct tg_person_key *entry = attempt->login_key;
    if (!attempt->rule->hardware_key || (tg_key_type_is_security_key(entry->key->type) && entry->attested))
        return TG_allowed;
    return TG_REFUSE(attempt, TG_certificate_software_key, "%s", entry->key->fingerprint);
}

static enum tg_reason judge_approvals(const struct tg_question *question, struct tg_attempt *attempt)
{
    return tg_verdict_approvals(question->policy, attempt->rule, attempt->held, question->now,
                                &attempt->begins, &attempt->ends, NULL, attempt->detail,
                                sizeof attempt->detail);
}

static enum tg_reason judge_window(const struct tg_question *question, struct tg_attempt *attempt)
{
    if (question->now < attempt->begins)
        return TG_REFUSE(attempt, TG_ticket_early, "begins in %" PRId64 " seconds",
                         attempt->begins - question->now);
    if (question->now >= attempt->ends)
        return TG_REFUSE(attempt, TG_ticket_late, "ended %" PRId64 " seconds ago",
                         question->now - attempt->ends);
    return TG_allowed;
}

/* An extension gives new logins what it gives the running ones; but where sessions are counted it would give
 * more of them. The roster asks without a certificate, and still shows the account of those that run. */
static enum tg_reason judge_extension(const struct tg_question *question, struct tg_attempt *attempt)
{
    const struct tg_ticket *ticket = attempt->ticket;
    if (question->certificate == NULL || ticket->extends[0] == '\0' || ticket->sessions == 0)
        return TG_allowed;
    return TG_REFUSE(attempt, TG_ticket_extension, "of %s", ticket->extends);
}

static enum tg_reason judge_sessions(const struct tg_question *question, struct tg_attempt *attempt)
{
    (void)question;
    uint32_t limit = attempt->ticket->sessions;
    if (limit == 0 || attempt->held->sessions_opened < limit)
        return TG_allowed;
    return TG_REFUSE(attempt, TG_ticket_used_up, "%" PRIu32 " of %" PRIu32, attempt->held->sessions_opened,
                     limit);
}

/* In this order. How many of them a ticket passes is how near it is. */
static const struct {
    enum tg_reason (*judge)(const struct tg_question *question, struct tg_attempt *attempt);
    bool only_to_open;
} judges[] = {
    {judge_host, false},      {judge_account, false}, {judge_requester, false}, {judge_principal, false},
    {judge_state, false},     {judge_key, false},     {judge_source, false},    {judge_creation, false},
    {judge_uid, false},       {judge_rule, false},    {judge_lifetime, true},   {judge_hardware, false},
    {judge_approvals, false}, {judge_window, true},   {judge_extension, true},  {judge_sessions, true},
};
enum { JUDGE_COUNT = sizeof judges / sizeof judges[0], NEARNESS_OF_STATE = 4 };

/* A ticket that is over by the clock or the count is as far away as one that the service calls over: behind
 * every ticket that may still open something. Otherwise yesterday's ticket would hide today's pending one. An
 * extension that opens nothing is no nearer. */
static bool is_over(enum tg_reason reason)
{
    return reason == TG_ticket_late || reason == TG_ticket_lapsed || reason == TG_ticket_used_up ||
           reason == TG_ticket_extension || reason == TG_approval_late;
}

void tg_judge_ticket(const struct tg_question *question, const struct tg_held_ticket *held,
                     struct tg_attempt *attempt)
{
    *attempt = (struct tg_attempt){.held = held, .ticket = held->ticket, .reason = TG_internal_error};
    for (size_t i = 0; i < JUDGE_COUNT; i++) {
        if (judges[i].only_to_open && question->purpose != TG_TO_OPEN)
            continue;
        attempt->nearness = i;
        attempt->reason = judges[i].judge(question, attempt);
        if (attempt->reason != TG_allowed)
            break;
    }
    if (is_over(attempt->reason))
        attempt->nearness = NEARNESS_OF_STATE;
}
