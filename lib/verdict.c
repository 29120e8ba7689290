/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/verdict.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What is asked: who comes, to which account, from where, when. */
struct question {
    const struct tg_policy *policy;
    const struct tg_certificate *certificate; /* NULL: not known, then it is not judged */
    const struct tg_connection *connection;
    int64_t now;
};

/* One ticket's answer, as far as it got. */
struct attempt {
    const struct tg_held_ticket *held;
    const struct tg_ticket *ticket;
    const struct tg_person *requester;
    const struct tg_person_key *login_key; /* the policy's entry for the ticket's key */
    const struct tg_rule *rule;
    enum tg_reason reason;
    size_t nearness; /* the greater, the less was missing */
    int64_t begins;
    int64_t ends;
    char detail[sizeof((struct tg_verdict *)NULL)->detail];
};

static bool is_among(const char *text, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, texts[i]) == 0)
            return true;
    }
    return false;
}

/* Fills in a detail and returns the reason, so that a refusal is one statement. */
__attribute__((format(printf, 4, 5))) static enum tg_reason
refuse(char *detail, size_t size, enum tg_reason reason, const char *format, ...)
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

#define REFUSE(answer, reason, ...) refuse((answer)->detail, sizeof(answer)->detail, reason, __VA_ARGS__)

/* --- The certificate, whatever ticket it is used with
 * ------------------------------------------------------------- */

static bool is_trusted_authority(const struct tg_policy *policy, const struct tg_public_key *authority)
{
    for (size_t i = 0; i < policy->user_ca_count; i++) {
        if (tg_bytes_equal(policy->user_ca[i]->blob, authority->blob))
            return true;
    }
    return false;
}

static bool is_revoked(const struct tg_policy *policy, const struct tg_certificate *certificate)
{
    if (tg_policy_revokes_key(policy, certificate->key->fingerprint) ||
        tg_policy_revokes_key(policy, certificate->authority->fingerprint) ||
        is_among(certificate->key_id, policy->revoked_key_ids, policy->revoked_key_id_count))
        return true;
    for (size_t i = 0; i < policy->revoked_serial_count; i++) {
        if (policy->revoked_serials[i] == certificate->serial)
            return true;
    }
    return false;
}

/* Does the address lie in one of the networks of a source-address option, "10.0.0.0/8,2001:db8::/32"? An
 * entry that is no network fits nothing, and so does all behind it: sshd refuses such a list as well. */
static bool is_listed_source(const char *list, const char *address)
{
    while (true) {
        char network[64];
        size_t length = strcspn(list, ",");
        if (length >= sizeof network)
            return false;
        memcpy(network, list, length);
        network[length] = '\0';
        if (!tg_network_is_valid(network))
            return false;
        const char *const networks[] = {network};
        if (tg_address_matches(address, networks, 1))
            return true;
        if (list[length] == '\0')
            return false;
        list += length + 1;
    }
}

static enum tg_reason judge_certificate(const struct question *question, struct tg_verdict *out)
{
    const struct tg_certificate *certificate = question->certificate;
    const char *source = question->connection->source;
    uint64_t now = question->now > 0 ? (uint64_t)question->now : 0;
    if (certificate->type != TG_CERTIFICATE_USER)
        return TG_certificate_not_user;
    if (!is_trusted_authority(question->policy, certificate->authority))
        return REFUSE(out, TG_certificate_ca_unknown, "signed by %s", certificate->authority->fingerprint);
    if (now < certificate->valid_after)
        return REFUSE(out, TG_certificate_not_yet_valid, "valid in %" PRIu64 " seconds",
                      certificate->valid_after - now);
    if (now >= certificate->valid_before)
        return REFUSE(out, TG_certificate_expired, "expired %" PRIu64 " seconds ago",
                      now - certificate->valid_before);
    if (certificate->principal_count == 0)
        return TG_certificate_no_principals;
    if (certificate->unknown_critical_option != NULL)
        return REFUSE(out, TG_certificate_critical_option, "%s", certificate->unknown_critical_option);
    if (certificate->source_address != NULL && source != NULL &&
        !is_listed_source(certificate->source_address, source))
        return REFUSE(out, TG_certificate_source, "from %s", source);
    if (is_revoked(question->policy, certificate))
        return REFUSE(out, TG_certificate_revoked, "%s, serial %" PRIu64, certificate->key->fingerprint,
                      certificate->serial);
    return TG_allowed;
}

/* --- One ticket
 * --------------------------------------------------------------------------------------------------- */

/* A ticket is near if it is this person's or this key's. Somebody else's tickets are none of this person's
 * business, not even as a reason. Without a certificate nobody knows whose they are. */
static bool is_near(const struct question *question, const struct tg_ticket *ticket)
{
    const struct tg_certificate *certificate = question->certificate;
    return certificate == NULL || strcmp(ticket->key, certificate->key->fingerprint) == 0 ||
           tg_certificate_has_principal(certificate, ticket->requester);
}

static enum tg_reason judge_host(const struct question *question, struct attempt *attempt)
{
    if (is_among(question->connection->host, attempt->ticket->hosts, attempt->ticket->host_count))
        return TG_allowed;
    return REFUSE(attempt, TG_ticket_other_host, "for %s%s", attempt->ticket->hosts[0],
                  attempt->ticket->host_count > 1 ? " and others" : "");
}

static enum tg_reason judge_account(const struct question *question, struct attempt *attempt)
{
    if (strcmp(question->connection->account, attempt->ticket->account) == 0)
        return TG_allowed;
    return REFUSE(attempt, TG_ticket_other_account, "for %s", attempt->ticket->account);
}

static enum tg_reason judge_requester(const struct question *question, struct attempt *attempt)
{
    attempt->requester = tg_policy_person(question->policy, attempt->ticket->requester);
    if (attempt->requester == NULL)
        return REFUSE(attempt, TG_requester_unknown, "%s", attempt->ticket->requester);
    if (attempt->requester->disabled)
        return REFUSE(attempt, TG_requester_disabled, "%s", attempt->ticket->requester);
    return TG_allowed;
}

static enum tg_reason judge_principal(const struct question *question, struct attempt *attempt)
{
    if (question->certificate == NULL ||
        tg_certificate_has_principal(question->certificate, attempt->ticket->requester))
        return TG_allowed;
    return REFUSE(attempt, TG_certificate_principal, "the ticket is by %s", attempt->ticket->requester);
}

/* What the service says can only take away, and there is no way back from these. Active and the like say
 * nothing here. */
static enum tg_reason judge_state(const struct question *question, struct attempt *attempt)
{
    (void)question;
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
        return TG_ticket_late;
    case TG_TICKET_EXHAUSTED:
        return TG_ticket_used_up;
    case TG_TICKET_REVOKED:
        break;
    }
    return TG_ticket_revoked;
}

static enum tg_reason judge_key(const struct question *question, struct attempt *attempt)
{
    const char *key = attempt->ticket->key;
    if (question->certificate != NULL && strcmp(question->certificate->key->fingerprint, key) != 0)
        return REFUSE(attempt, TG_ticket_other_key, "for %s", key);
    attempt->login_key = tg_person_key(attempt->requester, key);
    if (attempt->login_key == NULL)
        return REFUSE(attempt, TG_certificate_key_unknown, "%s of %s", key, attempt->requester->name);
    if (tg_policy_revokes_key(question->policy, key))
        return REFUSE(attempt, TG_certificate_revoked, "%s", key);
    return TG_allowed;
}

static enum tg_reason judge_source(const struct question *question, struct attempt *attempt)
{
    const struct tg_ticket *ticket = attempt->ticket;
    const char *source = question->connection->source;
    if (ticket->source_count == 0 || source == NULL ||
        tg_address_matches(source, ticket->source, ticket->source_count))
        return TG_allowed;
    return REFUSE(attempt, TG_ticket_other_source, "from %s, the ticket is for %s", source,
                  ticket->source[0]);
}

static enum tg_reason judge_creation(const struct question *question, struct attempt *attempt)
{
    if (attempt->ticket->created <= question->now + TG_CLOCK_SKEW)
        return TG_allowed;
    return REFUSE(attempt, TG_ticket_from_future, "created in %" PRId64 " seconds",
                  attempt->ticket->created - question->now);
}

/* An account that the policy has no more is left to the rule, which says so. */
static enum tg_reason judge_uid(const struct question *question, struct attempt *attempt)
{
    const struct tg_ticket *ticket = attempt->ticket;
    uint32_t uid = attempt->requester->uid;
    if (strcmp(ticket->account, ticket->requester) != 0) {
        const struct tg_shared_account *shared = tg_policy_account(question->policy, ticket->account);
        uid = shared != NULL ? shared->uid : ticket->uid;
    }
    if (ticket->uid == uid)
        return TG_allowed;
    return REFUSE(attempt, TG_ticket_uid, "%" PRIu32 ", the policy says %" PRIu32, ticket->uid, uid);
}

static enum tg_reason judge_rule(const struct question *question, struct attempt *attempt)
{
    const struct tg_rule *rule = tg_policy_rule(question->policy, attempt->ticket->rule);
    if (rule == NULL)
        return REFUSE(attempt, TG_rule_gone, "%s", attempt->ticket->rule);
    attempt->rule = rule;
    return tg_rule_covers(question->policy, rule, attempt->ticket, attempt->detail, sizeof attempt->detail);
}

/* Those who issue certificates date them back a little, because clocks differ: `ssh-keygen -V +1h` makes one
 * of up to 3,720 s. */
static enum tg_reason judge_lifetime(const struct question *question, struct attempt *attempt)
{
    const struct tg_certificate *certificate = question->certificate;
    if (certificate == NULL)
        return TG_allowed;
    uint64_t limit = (uint64_t)attempt->rule->max_certificate_seconds + TG_CLOCK_SKEW;
    uint64_t lifetime = certificate->valid_before - certificate->valid_after;
    if (lifetime <= limit)
        return TG_allowed;
    return REFUSE(attempt, TG_certificate_lifetime, "%" PRIu64 " seconds, at most %" PRIu32, lifetime,
                  attempt->rule->max_certificate_seconds);
}

/* The entry's key is the certificate's: judge_key() has compared them. */
static enum tg_reason judge_hardware(const struct question *question, struct attempt *attempt)
{
    (void)question;
    const struct tg_person_key *entry = attempt->login_key;
    if (!attempt->rule->hardware_key || (tg_key_type_is_security_key(entry->key->type) && entry->attested))
        return TG_allowed;
    return REFUSE(attempt, TG_certificate_software_key, "%s", entry->key->fingerprint);
}

static enum tg_reason judge_approvals(const struct question *question, struct attempt *attempt)
{
    return tg_verdict_approvals(question->policy, attempt->rule, attempt->held, question->now,
                                &attempt->begins, &attempt->ends, NULL, attempt->detail,
                                sizeof attempt->detail);
}

static enum tg_reason judge_window(const struct question *question, struct attempt *attempt)
{
    if (question->now < attempt->begins)
        return REFUSE(attempt, TG_ticket_early, "begins in %" PRId64 " seconds",
                      attempt->begins - question->now);
    if (question->now >= attempt->ends)
        return REFUSE(attempt, TG_ticket_late, "ended %" PRId64 " seconds ago",
                      question->now - attempt->ends);
    return TG_allowed;
}

static enum tg_reason judge_sessions(const struct question *question, struct attempt *attempt)
{
    (void)question;
    uint32_t limit = attempt->ticket->sessions;
    if (limit == 0 || attempt->held->sessions_opened < limit)
        return TG_allowed;
    return REFUSE(attempt, TG_ticket_used_up, "%" PRIu32 " of %" PRIu32, attempt->held->sessions_opened,
                  limit);
}

/* In this order. How many of them a ticket passes is how near it is. */
static enum tg_reason (*const judges[])(const struct question *question, struct attempt *attempt) = {
    judge_host,     judge_account,  judge_requester, judge_principal, judge_state,
    judge_key,      judge_source,   judge_creation,  judge_uid,       judge_rule,
    judge_lifetime, judge_hardware, judge_approvals, judge_window,    judge_sessions,
};
enum { JUDGE_COUNT = sizeof judges / sizeof judges[0], NEARNESS_OF_STATE = 4 };

/* A ticket that is over by the clock or the count is as far away as one that the service calls over: behind
 * every ticket that may still open something. Otherwise yesterday's ticket would hide today's pending one. */
static bool is_over(enum tg_reason reason)
{
    return reason == TG_ticket_late || reason == TG_ticket_lapsed || reason == TG_ticket_used_up ||
           reason == TG_approval_late;
}

static void judge_ticket(const struct question *question, const struct tg_held_ticket *held,
                         struct attempt *attempt)
{
    *attempt = (struct attempt){.held = held, .ticket = held->ticket, .reason = TG_internal_error};
    for (size_t i = 0; i < JUDGE_COUNT; i++) {
        attempt->nearness = i;
        attempt->reason = judges[i](question, attempt);
        if (attempt->reason != TG_allowed)
            break;
    }
    if (is_over(attempt->reason))
        attempt->nearness = NEARNESS_OF_STATE;
}

/* --- All of them
 * -------------------------------------------------------------------------------------------------- */

static bool is_newer(const struct tg_ticket *a, const struct tg_ticket *b)
{
    return a->created != b->created ? a->created > b->created : strcmp(a->id, b->id) > 0;
}

/* Allowed beats refused; of two allowed the one that ends last, of two refused the nearest; then the newest.
 */
static bool is_better(const struct attempt *a, const struct attempt *b)
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

static enum tg_reason judge_tickets(const struct question *question,
                                    const struct tg_held_ticket *const *tickets, size_t ticket_count,
                                    struct tg_verdict *out)
{
    struct attempt best = {.reason = TG_ticket_none};
    for (size_t i = 0; i < ticket_count; i++) {
        struct attempt attempt;
        if (!is_near(question, tickets[i]->ticket))
            continue;
        judge_ticket(question, tickets[i], &attempt);
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
    const struct question question = {policy, certificate, connection, now};
    *out = (struct tg_verdict){.reason = TG_internal_error};
    if (policy == NULL)
        out->reason = TG_policy_missing;
    else if (now >= policy->expires)
        out->reason = REFUSE(out, TG_policy_expired, "%" PRId64 " seconds ago", now - policy->expires);
    else if (certificate != NULL)
        out->reason = judge_certificate(&question, out);
    else
        out->reason = TG_allowed;
    if (out->reason == TG_allowed)
        out->reason = judge_tickets(&question, tickets, ticket_count, out);
}
