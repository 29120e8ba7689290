/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/policy_render.h"

#include "cli/duration.h"
#include "cli/render.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void words(const struct tg_output *out, const char *name, const char *const *list, size_t count)
{
    char *joined = tg_join(list, count);
    if (count > 0 && joined != NULL)
        tg_field(out, name, "%s", joined);
    free(joined);
}

static void render_person(const struct tg_output *out, const struct tg_person *person)
{
    char *groups = tg_join(person->groups, person->group_count);
    tg_styled(out, TG_STYLE_STRONG, "  %s", person->name);
    tg_line(out, "  uid %" PRIu32 "  groups: %s%s%s", person->uid,
            groups != NULL && *groups != '\0' ? groups : "none", person->confined ? "  confined" : "",
            person->disabled ? "  DISABLED" : "");
    for (size_t i = 0; i < person->key_count; i++) {
        const struct tg_person_key *entry = &person->keys[i];
        tg_line(out, "      %s %s%s%s%s%s", tg_key_type_name(entry->key->type), entry->key->fingerprint,
                entry->attested ? ", attested" : "", entry->user_verification ? ", verifies its user" : "",
                entry->origin != NULL ? ", at " : "", entry->origin != NULL ? entry->origin : "");
    }
    free(groups);
}

static void render_account(const struct tg_output *out, const struct tg_shared_account *account)
{
    if (account->uid > 0)
        tg_line(out, "  %s  uid %" PRIu32 "%s", account->name, account->uid,
                account->confined ? "  confined" : "");
    else
        tg_line(out, "  %s  the host's own", account->name);
}

static void render_rule(const struct tg_output *out, const struct tg_rule *rule)
{
    char text[TG_DURATION_TEXT_SIZE];
    tg_styled(out, TG_STYLE_STRONG, "  %s", rule->id);
    tg_line(out, "%s%s%s%s%s", rule->hardware_key ? "  security keys only" : "",
            rule->user_verification ? "  user verification" : "", rule->emergency ? "  emergencies" : "",
            rule->record ? "  recorded" : "", rule->step_up ? "  sudo with a touch" : "");
    words(out, "  hosts", rule->hosts, rule->host_count);
    words(out, "  accounts", rule->accounts, rule->account_count);
    words(out, "  requesters", rule->requesters, rule->requester_count);
    for (size_t i = 0; i < rule->approver_count; i++)
        tg_field(out, "  approvers", "%" PRIu32 " from %s", rule->approvers[i].count,
                 rule->approvers[i].group);
    tg_field(out, "  at most", "%s", tg_duration_text(rule->max_seconds, text));
    tg_field(out, "  cert. life", "%s at most", tg_duration_text(rule->max_certificate_seconds, text));
    words(out, "  groups", rule->groups, rule->group_count);
    words(out, "  sudo", rule->sudo, rule->sudo_count);
    words(out, "  options", rule->options, rule->option_count);
    words(out, "  forwards to", rule->permit_open, rule->permit_open_count);
    words(out, "  from", rule->sources, rule->source_count);
    if (rule->sessions > 0)
        tg_field(out, "  sessions", "%" PRIu32 " at most", rule->sessions);
    if (rule->max_extension_seconds > 0)
        tg_field(out, "  extended", "by %s in all at most",
                 tg_duration_text(rule->max_extension_seconds, text));
    if (rule->end_with_certificate)
        tg_field(out, "  ends", "with the certificate, if that is earlier");
}

void tg_render_policy_summary(const struct tg_output *out, const struct tg_policy *policy, int64_t now)
{
    char when[TG_TIME_TEXT_SIZE];
    char relative[TG_DURATION_TEXT_SIZE];
    tg_line(out, "Policy %" PRIu64 ": %zu %s, %zu %s, expires %s (%s)", policy->serial, policy->person_count,
            tg_plural(policy->person_count, "person", "people"), policy->rule_count,
            tg_plural(policy->rule_count, "rule", "rules"), tg_time_text(policy->expires, when),
            tg_time_relative(policy->expires, now, relative));
    tg_render_policy_warnings(out, policy, now);
}

void tg_render_policy(const struct tg_output *out, const struct tg_policy *policy, int64_t now)
{
    tg_render_policy_summary(out, policy, now);
    tg_line(out, "People");
    for (size_t i = 0; i < policy->person_count; i++)
        render_person(out, &policy->people[i]);
    if (policy->account_count > 0)
        tg_line(out, "Shared accounts");
    for (size_t i = 0; i < policy->account_count; i++)
        render_account(out, &policy->accounts[i]);
    if (policy->group_count > 0)
        tg_line(out, "Groups and sudo roles that tickets may grant");
    for (size_t i = 0; i < policy->group_count; i++)
        tg_line(out, "  %s  gid %" PRIu32, policy->groups[i].name, policy->groups[i].gid);
    tg_line(out, "Certificate authorities");
    for (size_t i = 0; i < policy->user_ca_count; i++)
        tg_line(out, "  %s %s", tg_key_type_name(policy->user_ca[i]->type), policy->user_ca[i]->fingerprint);
    for (size_t i = 0; i < policy->host_ca_count; i++)
        tg_line(out, "  %s %s, for hosts", tg_key_type_name(policy->host_ca[i]->type),
                policy->host_ca[i]->fingerprint);
    tg_line(out, "Rules");
    for (size_t i = 0; i < policy->rule_count; i++)
        render_rule(out, &policy->rules[i]);
    size_t revoked = policy->revoked_key_count + policy->revoked_serial_count + policy->revoked_key_id_count;
    if (revoked > 0)
        tg_line(out, "Revoked: %zu %s, %zu certificate %s, %zu certificate key %s", policy->revoked_key_count,
                tg_plural(policy->revoked_key_count, "key", "keys"), policy->revoked_serial_count,
                tg_plural(policy->revoked_serial_count, "serial", "serials"), policy->revoked_key_id_count,
                tg_plural(policy->revoked_key_id_count, "id", "ids"));
}
