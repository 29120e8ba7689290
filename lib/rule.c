/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/rule.h"

#include "lib/form.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What one question is asked about; `detail` is where it says what does not fit. */
struct question {
    const struct tg_policy *policy;
    const struct tg_rule *rule;
    const struct tg_ticket *ticket;
    char *detail;
    size_t detail_size;
};

__attribute__((format(printf, 2, 3))) static bool not_covered(const struct question *question,
                                                              const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(question->detail, question->detail_size, format, arguments);
    va_end(arguments);
    return false;
}

/* Each of the ticket's entries must be one of the rule's. */
static bool all_among(const struct question *question, const char *const *asked, size_t asked_count,
                      const char *const *granted, size_t granted_count)
{
    for (size_t i = 0; i < asked_count; i++) {
        if (!tg_is_among(asked[i], granted, granted_count))
            return not_covered(question, "%s", asked[i]);
    }
    return true;
}

static bool covers_requester(const struct question *question)
{
    const struct tg_person *person = tg_policy_person(question->policy, question->ticket->requester);
    for (size_t i = 0; person != NULL && i < question->rule->requester_count; i++) {
        if (tg_person_in_group(person, question->rule->requesters[i]))
            return true;
    }
    return not_covered(question, "%s is in none of the rule's groups", question->ticket->requester);
}

/* A person's own account is meant by "self" alone: another's is no shared account, so no rule names it. */
static bool covers_account(const struct question *question)
{
    const struct tg_ticket *ticket = question->ticket;
    const struct tg_rule *rule = question->rule;
    if (strcmp(ticket->account, ticket->requester) == 0) {
        if (tg_is_among("self", rule->accounts, rule->account_count))
            return true;
    } else if (tg_policy_account(question->policy, ticket->account) != NULL &&
               tg_is_among(ticket->account, rule->accounts, rule->account_count)) {
        return true;
    }
    return not_covered(question, "%s", ticket->account);
}

static bool covers_hosts(const struct question *question)
{
    for (size_t i = 0; i < question->ticket->host_count; i++) {
        bool covered = false;
        for (size_t j = 0; j < question->rule->host_count && !covered; j++)
            covered = fnmatch(question->rule->hosts[j], question->ticket->hosts[i], FNM_NOESCAPE) == 0;
        if (!covered)
            return not_covered(question, "%s", question->ticket->hosts[i]);
    }
    return true;
}

static bool covers_emergency(const struct question *question)
{
    if (question->ticket->emergency && !question->rule->emergency)
        return not_covered(question, "the rule is not for emergencies");
    return true;
}

static bool covers_groups(const struct question *question)
{
    return all_among(question, question->ticket->groups, question->ticket->group_count,
                     question->rule->groups, question->rule->group_count);
}

static bool covers_sudo(const struct question *question)
{
    return all_among(question, question->ticket->sudo, question->ticket->sudo_count, question->rule->sudo,
                     question->rule->sudo_count);
}

static bool covers_options(const struct question *question)
{
    return all_among(question, question->ticket->options, question->ticket->option_count,
                     question->rule->options, question->rule->option_count);
}

/* An IPv6 address stands in brackets, which fnmatch(3) would read as a set: such a destination is compared as
 * it is. */
static bool is_destination_among(const char *destination, const struct tg_rule *rule)
{
    for (size_t i = 0; i < rule->permit_open_count; i++) {
        const char *glob = rule->permit_open[i];
        if (strcmp(glob, destination) == 0)
            return true;
        if (strchr(glob, '[') == NULL && fnmatch(glob, destination, FNM_NOESCAPE) == 0)
            return true;
    }
    return false;
}

static bool is_confined(const struct question *question)
{
    const struct tg_ticket *ticket = question->ticket;
    const struct tg_person *person = tg_policy_person(question->policy, ticket->account);
    const struct tg_shared_account *shared = tg_policy_account(question->policy, ticket->account);
    return (person != NULL && person->confined) || (shared != NULL && shared->confined);
}

/* The network rules of a confined account know addresses. A name would be looked up once by the host and
 * again by sshd, and whoever answers could answer differently. */
static bool names_addresses(const struct question *question)
{
    const struct tg_ticket *ticket = question->ticket;
    for (size_t i = 0; i < ticket->permit_open_count; i++) {
        if (!tg_destination_is_numeric(ticket->permit_open[i]))
            return not_covered(question, "%s must be an address: the account is confined",
                               ticket->permit_open[i]);
    }
    return true;
}

/* Without a list of destinations port-forwarding goes anywhere, so a rule with a list covers only tickets
 * with one; and a rule that grants port-forwarding without a list covers every list. */
static bool covers_permit_open(const struct question *question)
{
    const struct tg_ticket *ticket = question->ticket;
    const struct tg_rule *rule = question->rule;
    if (is_confined(question) && !names_addresses(question))
        return false;
    if (rule->permit_open_count == 0 && tg_is_among("port-forwarding", rule->options, rule->option_count))
        return true;
    if (rule->permit_open_count > 0 && ticket->permit_open_count == 0 &&
        tg_is_among("port-forwarding", ticket->options, ticket->option_count))
        return not_covered(question, "port-forwarding must name its destinations");
    for (size_t i = 0; i < ticket->permit_open_count; i++) {
        if (!is_destination_among(ticket->permit_open[i], rule))
            return not_covered(question, "%s", ticket->permit_open[i]);
    }
    return true;
}

static bool covers_source(const struct question *question)
{
    const struct tg_ticket *ticket = question->ticket;
    const struct tg_rule *rule = question->rule;
    if (rule->source_count == 0)
        return true;
    if (ticket->source_count == 0)
        return not_covered(question, "the rule wants a source address");
    for (size_t i = 0; i < ticket->source_count; i++) {
        if (!tg_network_is_within(ticket->source[i], rule->sources, rule->source_count))
            return not_covered(question, "%s", ticket->source[i]);
    }
    return true;
}

/* What all extensions of one session come to is bounded by the session's limit (lib/verdict.h). */
static bool covers_extends(const struct question *question)
{
    uint32_t limit = question->rule->max_extension_seconds;
    if (question->ticket->extends[0] == '\0')
        return true;
    if (limit == 0)
        return not_covered(question, "the rule's sessions cannot be extended");
    if (question->ticket->seconds > limit)
        return not_covered(question, "by %" PRIu32 " seconds, at most %" PRIu32, question->ticket->seconds,
                           limit);
    return true;
}

static bool covers_seconds(const struct question *question)
{
    if (question->ticket->seconds > question->rule->max_seconds)
        return not_covered(question, "%" PRIu32 ", at most %" PRIu32, question->ticket->seconds,
                           question->rule->max_seconds);
    return true;
}

/* 0 means any number: more than every limit. */
static bool covers_sessions(const struct question *question)
{
    uint32_t limit = question->rule->sessions;
    if (limit > 0 && (question->ticket->sessions == 0 || question->ticket->sessions > limit))
        return not_covered(question, "must be 1 to %" PRIu32, limit);
    return true;
}

static bool covers_approve_by(const struct question *question)
{
    if (question->ticket->approve_by - question->ticket->created > question->policy->approve_by_seconds)
        return not_covered(question, "at most %" PRIu32 " seconds after created",
                           question->policy->approve_by_seconds);
    return true;
}

/* In the order in which a miss is less and less of one: who and where come first, how much last. */
static const struct {
    const char *key;
    bool (*covers)(const struct question *question);
} questions[] = {
    {"requester", covers_requester},   {"account", covers_account},         {"hosts", covers_hosts},
    {"emergency", covers_emergency},   {"groups", covers_groups},           {"sudo", covers_sudo},
    {"options", covers_options},       {"permit_open", covers_permit_open}, {"source", covers_source},
    {"sessions", covers_sessions},     {"extends", covers_extends},         {"seconds", covers_seconds},
    {"approve_by", covers_approve_by},
};

const char *tg_rule_gap(const struct tg_policy *policy, const struct tg_rule *rule,
                        const struct tg_ticket *ticket, char *detail, size_t detail_size, size_t *depth)
{
    const struct question question = {policy, rule, ticket, detail, detail_size};
    size_t count = sizeof questions / sizeof questions[0];
    if (detail_size > 0)
        detail[0] = '\0';
    for (*depth = 0; *depth < count; (*depth)++) {
        if (!questions[*depth].covers(&question))
            return questions[*depth].key;
    }
    return NULL;
}

enum tg_reason tg_rule_covers(const struct tg_policy *policy, const struct tg_rule *rule,
                              const struct tg_ticket *ticket, char *detail, size_t detail_size)
{
    char what[160];
    size_t depth;
    const char *key = tg_rule_gap(policy, rule, ticket, what, sizeof what, &depth);
    if (detail_size > 0)
        detail[0] = '\0';
    if (key == NULL)
        return TG_allowed;
    (void)snprintf(detail, detail_size, "%s: %s", key, what);
    return TG_rule_narrowed;
}
