/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a policy says that is allowed, and that its root key holders should look at twice before signing.
 */
#include "cli/policy_render.h"
#include "lib/form.h"

#include <inttypes.h>

enum { SOON = 14 * 86400 };

static void about_time(const struct tg_output *out, const struct tg_policy *policy, int64_t now)
{
    if (policy->expires <= now)
        tg_field(out, "warning", "it has expired: set \"expires\" (date -d '+90 days' +%%s)");
    else if (policy->expires < now + SOON)
        tg_field(out, "warning", "it expires soon");
    if (policy->issued > now + 120)
        tg_field(out, "warning", "it is issued in the future: hosts refuse it until then");
}

static bool may_request(const struct tg_rule *rule, const struct tg_person *person)
{
    for (size_t i = 0; i < rule->requester_count; i++) {
        if (tg_person_in_group(person, rule->requesters[i]))
            return true;
    }
    return false;
}

/* What root does is not the account's any more: the network rules go by uid. */
static void about_confined(const struct tg_output *out, const struct tg_policy *policy,
                           const struct tg_person *person)
{
    for (size_t i = 0; person->confined && i < policy->rule_count; i++) {
        const struct tg_rule *rule = &policy->rules[i];
        if (rule->sudo_count > 0 && may_request(rule, person))
            tg_field(out, "warning",
                     "%s is confined, but with the sudo of rule %s is not: root reaches everything",
                     person->name, rule->id);
    }
}

static void about_people(const struct tg_output *out, const struct tg_policy *policy)
{
    for (size_t i = 0; i < policy->person_count; i++) {
        const struct tg_person *person = &policy->people[i];
        if (person->key_count == 0 && !person->disabled)
            tg_field(out, "warning", "%s has no key: neither logins nor approvals are possible",
                     person->name);
        about_confined(out, policy, person);
    }
}

/* Each asks for something that cannot come about. */
static void about_rule(const struct tg_output *out, const struct tg_rule *rule)
{
    bool terminal = tg_is_among("pty", rule->options, rule->option_count);
    bool agent = tg_is_among("agent-forwarding", rule->options, rule->option_count);
    if (rule->step_up && rule->sudo_count == 0)
        tg_field(out, "warning", "rule %s asks for step_up, but grants no sudo", rule->id);
    if (rule->step_up && !agent)
        tg_field(out, "warning",
                 "rule %s asks for step_up, but without the option agent-forwarding nobody can answer",
                 rule->id);
    if (rule->record && !terminal)
        tg_field(out, "warning",
                 "rule %s asks for record, but without the option pty there is nothing to record", rule->id);
}

void tg_render_policy_warnings(const struct tg_output *out, const struct tg_policy *policy, int64_t now)
{
    about_time(out, policy, now);
    about_people(out, policy);
    for (size_t i = 0; i < policy->rule_count; i++)
        about_rule(out, &policy->rules[i]);
}
