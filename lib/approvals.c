/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/seats.h"
#include "lib/verdict.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Finds out who made the signature, and checks it over the bytes as received. */
static int check_signature(const struct tg_policy *policy, struct tg_bytes document, const char *armored,
                           struct tg_held_approval *out, const struct tg_person **signer,
                           struct tg_error *error)
{
    struct tg_public_key *claimed = NULL;
    uint8_t *blob = NULL;
    size_t length;
    int result = -1;
    *signer = NULL;
    if (tg_sshsig_dearmor(armored, &blob, &length, error) != 0 ||
        tg_sshsig_signer(tg_bytes_of(blob, length), &claimed, error) != 0)
        goto out;
    memcpy(out->key, claimed->fingerprint, sizeof out->key);
    const struct tg_person_key *entry;
    const struct tg_person *owner = tg_policy_key_owner(policy, claimed, &entry);
    if (owner == NULL) {
        (void)tg_fail(error, TG_approver_unknown, "approval: the policy does not list %s",
                      claimed->fingerprint);
        goto out;
    }
    const struct tg_sshsig_demands demands = {.origin = entry->origin, .rp_id = entry->rp_id};
    result = tg_sshsig_verify(tg_bytes_of(blob, length), TG_NAMESPACE_APPROVAL, document, entry->key,
                              &demands, &out->facts, error);
    if (result == 0)
        *signer = owner;
out:
    tg_public_key_free(claimed);
    free(blob);
    return result;
}

int tg_held_approval_verify(const struct tg_policy *policy, const struct tg_ticket *ticket,
                            struct tg_bytes document, const char *armored_signature,
                            struct tg_held_approval *out, struct tg_error *error)
{
    struct tg_error fault = {.reason = TG_internal_error};
    const struct tg_person *signer = NULL;
    *out = (struct tg_held_approval){.refused = TG_internal_error};
    int result = -1;
    if (document.length > TG_TICKET_MAX)
        (void)tg_fail(&fault, TG_approval_malformed, "approval: must be at most %d bytes", TG_TICKET_MAX);
    else
        result = check_signature(policy, document, armored_signature, out, &signer, &fault);
    if (result == 0)
        result = tg_approval_parse(document, &out->approval, &fault);
    if (result == 0 && strcmp(out->approval->ticket, ticket->digest) != 0)
        result = tg_fail(&fault, TG_approval_other_ticket, "approval by '%s': is for another ticket than %s",
                         out->approval->approver, ticket->id);
    if (result == 0 && strcmp(out->approval->approver, signer->name) != 0)
        result = tg_fail(&fault, TG_approver_unknown, "approval by '%s': %s is a key of '%s'",
                         out->approval->approver, out->key, signer->name);
    out->refused = result == 0 ? TG_allowed : fault.reason;
    if (result != 0 && error != NULL)
        *error = fault;
    return result;
}

void tg_held_approval_clear(struct tg_held_approval *held)
{
    if (held == NULL)
        return;
    tg_approval_free(held->approval);
    *held = (struct tg_held_approval){.refused = TG_internal_error};
}

/* What is asked about each approval of one ticket. */
struct question {
    const struct tg_policy *policy;
    const struct tg_rule *rule;
    const struct tg_ticket *ticket;
    int64_t now;
};

/* An approval that counts. */
struct counted {
    const struct tg_person *person;
    int64_t at;
    uint32_t seconds;
};

struct tally {
    struct counted counted[TG_APPROVALS_MAX]; /* one per person, the earliest */
    size_t count;
    const struct tg_person
        *again[TG_APPROVALS_MAX]; /* who approved more than once, once for each time too many */
    size_t again_count;
    enum tg_reason set_aside; /* why the last one that does not count does not; allowed: there is none */
    const char *set_aside_by; /* the approver's name, or else the key */
};

static enum tg_reason judge_time(const struct question *question, int64_t at)
{
    if (at < question->ticket->created - TG_CLOCK_SKEW)
        return TG_approval_early;
    if (at > question->ticket->approve_by)
        return TG_approval_late;
    if (at > question->now + TG_CLOCK_SKEW)
        return TG_approval_future;
    return TG_allowed;
}

/* Is the signature of the kind that the rule, or the key's own entry, asks for? */
static enum tg_reason judge_key(const struct tg_rule *rule, const struct tg_person_key *entry,
                                const struct tg_sshsig_facts *facts)
{
    if (rule->hardware_key && !(facts->security_key && entry->attested))
        return TG_approval_software_key;
    if (rule->hardware_key && facts->backup_eligible)
        return TG_approval_synced_key;
    if ((rule->user_verification || entry->user_verification) && !facts->user_verified)
        return TG_approval_no_user_verification;
    return TG_allowed;
}

static bool is_in_a_group(const struct tg_rule *rule, const struct tg_person *person)
{
    for (size_t i = 0; i < rule->approver_count; i++) {
        if (tg_person_in_group(person, rule->approvers[i].group))
            return true;
    }
    return false;
}

/* Allowed, and *person, or why this approval does not count. All of it is asked of the policy now in force.
 */
static enum tg_reason judge(const struct question *question, const struct tg_held_approval *held,
                            const struct tg_person **person)
{
    const struct tg_approval *approval = held->approval;
    *person = NULL;
    if (held->refused != TG_allowed)
        return held->refused;
    if (approval == NULL)
        return TG_internal_error;
    if (strcmp(approval->ticket, question->ticket->digest) != 0)
        return TG_approval_other_ticket;
    if (strcmp(approval->approver, question->ticket->requester) == 0)
        return TG_approval_by_requester;
    *person = tg_policy_person(question->policy, approval->approver);
    if (*person == NULL)
        return TG_approver_unknown;
    if ((*person)->disabled)
        return TG_approver_disabled;
    const struct tg_person_key *entry = tg_person_key(*person, held->key);
    if (entry == NULL || tg_policy_revokes_key(question->policy, held->key))
        return TG_approver_unknown;
    if (!is_in_a_group(question->rule, *person))
        return TG_approval_not_in_group;
    enum tg_reason reason = judge_time(question, approval->at);
    return reason != TG_allowed ? reason : judge_key(question->rule, entry, &held->facts);
}

/* Counts an approval, unless its person has one already: then the earlier of the two stays. */
static void count(struct tally *tally, const struct tg_person *person, const struct tg_approval *approval)
{
    const struct counted counted = {.person = person, .at = approval->at, .seconds = approval->seconds};
    for (size_t i = 0; i < tally->count; i++) {
        if (tally->counted[i].person != person)
            continue;
        tally->again[tally->again_count++] = person;
        if (counted.at < tally->counted[i].at)
            tally->counted[i] = counted;
        return;
    }
    tally->counted[tally->count++] = counted;
}

/* By time; the name makes the order the same everywhere. */
static bool comes_before(const struct counted *a, const struct counted *b)
{
    return a->at != b->at ? a->at < b->at : strcmp(a->person->name, b->person->name) < 0;
}

static void sort_by_time(struct tally *tally)
{
    for (size_t i = 1; i < tally->count; i++) {
        struct counted moved = tally->counted[i];
        size_t j = i;
        for (; j > 0 && comes_before(&moved, &tally->counted[j - 1]); j--)
            tally->counted[j] = tally->counted[j - 1];
        tally->counted[j] = moved;
    }
}

/* More than TG_APPROVALS_MAX are refused on arrival; should they come here all the same, those behind do not
 * count. */
static void take_tally(const struct question *question, const struct tg_held_ticket *held,
                       struct tally *tally)
{
    *tally = (struct tally){.set_aside = TG_allowed};
    for (size_t i = 0; i < held->approval_count && i < TG_APPROVALS_MAX; i++) {
        const struct tg_held_approval *one = &held->approvals[i];
        const struct tg_person *person;
        enum tg_reason reason = judge(question, one, &person);
        if (reason == TG_allowed) {
            count(tally, person, one->approval);
            continue;
        }
        tally->set_aside = reason;
        tally->set_aside_by = one->approval != NULL ? one->approval->approver : one->key;
    }
    sort_by_time(tally);
}

/* Does each group alone have people enough among those who approved? */
static bool each_group_is_met_alone(const struct tg_rule *rule, const struct tally *tally)
{
    for (size_t i = 0; i < rule->approver_count; i++) {
        uint32_t members = 0;
        for (size_t j = 0; j < tally->count; j++)
            members += tg_person_in_group(tally->counted[j].person, rule->approvers[i].group);
        if (members < rule->approvers[i].count)
            return false;
    }
    return tally->count > 0;
}

/* Would it be enough if everybody who approved twice were two people? */
static bool is_met_by_doubles(const struct tg_seats *seats, const struct tally *tally)
{
    struct tg_seats doubled = *seats;
    for (size_t i = 0; i < tally->again_count; i++)
        (void)tg_seats_add(&doubled, tally->again[i]);
    return tg_seats_are_taken(&doubled);
}

/* The one reason why the rule is not met. */
static enum tg_reason reason_unmet(const struct question *question, const struct tg_held_ticket *held,
                                   const struct tg_seats *seats, const struct tally *tally)
{
    if (tally->set_aside == TG_approval_late)
        return TG_approval_late;
    if (question->now > question->ticket->approve_by)
        return TG_ticket_lapsed;
    if (each_group_is_met_alone(question->rule, tally))
        return TG_approval_two_groups;
    if (is_met_by_doubles(seats, tally))
        return TG_approval_same_person;
    if (tally->set_aside != TG_allowed)
        return tally->set_aside;
    return held->approval_count == 0 ? TG_ticket_pending : TG_approvals_missing;
}

__attribute__((format(printf, 3, 4))) static void append(char *text, size_t size, const char *format, ...)
{
    size_t used = size > 0 ? strlen(text) : 0;
    va_list arguments;
    va_start(arguments, format);
    if (used < size)
        (void)vsnprintf(text + used, size - used, format, arguments);
    va_end(arguments);
}

/* "by bob; still needed: 1 of sre, 1 of lead" */
static void describe_unmet(enum tg_reason reason, const struct tg_seats *seats, const struct tally *tally,
                           char *detail, size_t size)
{
    const char *by = NULL;
    if (reason == TG_approval_same_person)
        by = tally->again[tally->again_count - 1]->name;
    else if (reason == TG_approval_two_groups)
        by = tally->counted[tally->count - 1].person->name;
    else if (reason == tally->set_aside)
        by = tally->set_aside_by;
    if (by != NULL && by[0] != '\0')
        append(detail, size, "by %s; ", by);
    const char *before = "still needed: ";
    for (size_t i = 0; i < seats->rule->approver_count; i++) {
        uint32_t missing = tg_seats_free(seats, i);
        if (missing == 0)
            continue;
        append(detail, size, "%s%" PRIu32 " of %s", before, missing, seats->rule->approvers[i].group);
        before = ", ";
    }
}

/* The window: from the last needed approval on, as long as the shortest of the ticket and the approvals
 * needed says. */
static void set_window(const struct tg_ticket *ticket, const struct counted *needed, size_t count_needed,
                       int64_t *begins, int64_t *ends)
{
    uint32_t seconds = ticket->seconds;
    for (size_t i = 0; i < count_needed; i++) {
        if (needed[i].seconds != 0 && needed[i].seconds < seconds)
            seconds = needed[i].seconds;
    }
    *begins = needed[count_needed - 1].at;
    if (ticket->not_before > *begins)
        *begins = ticket->not_before;
    *ends = *begins + seconds;
}

enum tg_reason tg_verdict_approvals(const struct tg_policy *policy, const struct tg_rule *rule,
                                    const struct tg_held_ticket *held, int64_t now, int64_t *begins,
                                    int64_t *ends, uint32_t *missing, char *detail, size_t detail_size)
{
    const struct question question = {policy, rule, held->ticket, now};
    struct tally tally;
    struct tg_seats seats;
    size_t needed = 0;
    *begins = *ends = 0;
    if (detail_size > 0)
        detail[0] = '\0';
    take_tally(&question, held, &tally);
    tg_seats_of_rule(&seats, rule);
    while (needed < tally.count && !tg_seats_are_taken(&seats))
        (void)tg_seats_add(&seats, tally.counted[needed++].person);
    for (size_t i = 0; missing != NULL && i < rule->approver_count; i++)
        missing[i] = tg_seats_free(&seats, i);
    if (needed > 0 && tg_seats_are_taken(&seats)) {
        set_window(held->ticket, tally.counted, needed, begins, ends);
        return TG_allowed;
    }
    enum tg_reason reason = reason_unmet(&question, held, &seats, &tally);
    describe_unmet(reason, &seats, &tally, detail, detail_size);
    return reason;
}
