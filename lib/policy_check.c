/* SPDX-License-Identifier: BSD-2-Clause */
#include <config.h>

#include "lib/policy_check.h"

#include "lib/form.h"
#include "lib/seats.h"

#include <stdlib.h>
#include <string.h>

/* systemd's DynamicUser= range and what follows up to the 16-bit specials (systemd, UIDS-GIDS.md): ids there
 * are handed out by others, or mean "nobody". */
enum { TAKEN_UID_FIRST = 61184, TAKEN_UID_LAST = 65535 };

__attribute__((format(printf, 2, 3))) static int fail(struct tg_error *error, const char *format, ...)
{
    char what[200];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    return tg_fail(error, TG_policy_malformed, "policy: %s", what);
}

/* One name with the number or the key that must be unique beside it. */
struct claim {
    const char *name;
    const char *key;
    uint32_t id;
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct claim *)a)->name, ((const struct claim *)b)->name);
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct claim *)a)->key, ((const struct claim *)b)->key);
}

static int compare_ids(const void *a, const void *b)
{
    uint32_t left = ((const struct claim *)a)->id, right = ((const struct claim *)b)->id;
    return left < right ? -1 : left > right;
}

/* Everything that becomes a user or group of a host: NSS has one space of names for all of them here, because
 * each user has a group of the same name and number. */
static size_t claim_names(const struct tg_policy *policy, struct claim *claims)
{
    size_t count = 0;
    for (size_t i = 0; i < policy->person_count; i++)
        claims[count++] = (struct claim){.name = policy->people[i].name, .id = policy->people[i].uid};
    for (size_t i = 0; i < policy->account_count; i++)
        claims[count++] = (struct claim){.name = policy->accounts[i].name, .id = policy->accounts[i].uid};
    for (size_t i = 0; i < policy->group_count; i++)
        claims[count++] = (struct claim){.name = policy->groups[i].name, .id = policy->groups[i].gid};
    return count;
}

/* An id of 0 is a host's own account: tg_policy_parse() lets only shared accounts have it. */
static int check_claim(const struct claim *claim, struct tg_error *error)
{
    if (strcmp(claim->name, "self") == 0)
        return fail(error, "'self' cannot be a name: rules use the word");
    if (claim->id == 0)
        return 0;
    if (strcmp(claim->name, "root") == 0)
        return fail(error, "'root' may only be a shared account with uid 0, the host's own");
    if (claim->id < TG_FIRST_UID || (claim->id >= TAKEN_UID_FIRST && claim->id <= TAKEN_UID_LAST))
        return fail(error, "'%s': uid or gid %u must be %d or more, and not %d to %d", claim->name, claim->id,
                    TG_FIRST_UID, TAKEN_UID_FIRST, TAKEN_UID_LAST);
    return 0;
}

static int check_names_and_ids(const struct tg_policy *policy, struct claim *claims, struct tg_error *error)
{
    size_t count = claim_names(policy, claims);
    qsort(claims, count, sizeof *claims, compare_names);
    for (size_t i = 0; i < count; i++) {
        if (check_claim(&claims[i], error) != 0)
            return -1;
        if (i > 0 && strcmp(claims[i].name, claims[i - 1].name) == 0)
            return fail(error, "'%s' is the name of two things (people, accounts, groups)", claims[i].name);
    }
    qsort(claims, count, sizeof *claims, compare_ids);
    for (size_t i = 1; i < count; i++) {
        if (claims[i].id != 0 && claims[i].id == claims[i - 1].id)
            return fail(error, "'%s' and '%s' have the same uid or gid, %u", claims[i - 1].name,
                        claims[i].name, claims[i].id);
    }
    return 0;
}

/* Confining goes by uid, and the host's own accounts have others to answer to. */
static int check_confined(const struct tg_policy *policy, struct tg_error *error)
{
    for (size_t i = 0; i < policy->account_count; i++) {
        if (policy->accounts[i].confined && policy->accounts[i].uid == 0)
            return fail(error,
                        "accounts '%s': key 'confined': a host's own account (uid 0) cannot be confined",
                        policy->accounts[i].name);
    }
    return 0;
}

static size_t claim_keys(const struct tg_policy *policy, struct claim *claims)
{
    size_t count = 0;
    for (size_t i = 0; i < policy->person_count; i++) {
        const struct tg_person *person = &policy->people[i];
        for (size_t j = 0; j < person->key_count; j++)
            claims[count++] = (struct claim){.name = person->name, .key = person->keys[j].key->fingerprint};
    }
    for (size_t i = 0; i < policy->user_ca_count; i++)
        claims[count++] = (struct claim){.name = "user_ca", .key = policy->user_ca[i]->fingerprint};
    for (size_t i = 0; i < policy->host_ca_count; i++)
        claims[count++] = (struct claim){.name = "host_ca", .key = policy->host_ca[i]->fingerprint};
    return count;
}

/* A key is one person's, once; and nobody logs in with a key that signs certificates, which signs either
 * people's or hosts'. */
static int check_keys(const struct tg_policy *policy, struct claim *claims, struct tg_error *error)
{
    size_t count = claim_keys(policy, claims);
    qsort(claims, count, sizeof *claims, compare_keys);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(claims[i].key, claims[i - 1].key) == 0)
            return fail(error, "key %s is listed twice: for '%s' and '%s'", claims[i].key, claims[i - 1].name,
                        claims[i].name);
    }
    return 0;
}

static bool has_member(const struct tg_policy *policy, const char *group)
{
    for (size_t i = 0; i < policy->person_count; i++) {
        if (tg_person_in_group(&policy->people[i], group))
            return true;
    }
    return false;
}

/* `key`'s names are Unix groups, which belong to an account and not to a session. */
static int check_unix_groups(const struct tg_policy *policy, const struct tg_rule *rule, const char *key,
                             const char *const *names, size_t count, struct tg_error *error)
{
    if (count > 0 && (rule->account_count != 1 || strcmp(rule->accounts[0], "self") != 0))
        return fail(error,
                    "rule '%s': key '%s': must be empty unless accounts is only \"self\": everybody on a "
                    "shared account would share them",
                    rule->id, key);
    for (size_t i = 0; i < count; i++) {
        if (tg_policy_group(policy, names[i]) == NULL)
            return fail(error, "rule '%s': key '%s': '%s' is not in the policy's groups", rule->id, key,
                        names[i]);
    }
    return 0;
}

/* A role is a Unix group: were it granted as a mere group too, sudo would take that for the role. */
static int check_roles(const struct tg_policy *policy, const struct tg_rule *rule, struct tg_error *error)
{
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct tg_rule *other = &policy->rules[i];
        for (size_t j = 0; j < other->group_count; j++) {
            if (tg_is_among(other->groups[j], rule->sudo, rule->sudo_count))
                return fail(error,
                            "rule '%s': key 'sudo': '%s' is among the groups of rule '%s': it must be "
                            "one or the other",
                            rule->id, other->groups[j], other->id);
        }
    }
    return 0;
}

/* What a rule says about the sessions that come of it. */
static int check_sessions(const struct tg_policy *policy, const struct tg_rule *rule, struct tg_error *error)
{
    if (rule->step_up && !rule->hardware_key)
        return fail(error, "rule '%s': key 'step_up': needs hardware_key: a software key shows no touch",
                    rule->id);
    for (size_t i = 0; rule->record && i < rule->account_count; i++) {
        const struct tg_shared_account *account = tg_policy_account(policy, rule->accounts[i]);
        if (account != NULL && account->uid == 0)
            return fail(error,
                        "rule '%s': key 'record': '%s' is the host's own account (uid 0) and has the host's "
                        "own shell: its sessions cannot be recorded",
                        rule->id, account->name);
    }
    return 0;
}

static int check_accounts(const struct tg_policy *policy, const struct tg_rule *rule, struct tg_error *error)
{
    for (size_t i = 0; i < rule->account_count; i++) {
        if (strcmp(rule->accounts[i], "self") != 0 && tg_policy_account(policy, rule->accounts[i]) == NULL)
            return fail(error, "rule '%s': key 'accounts': '%s' is not in the policy's accounts", rule->id,
                        rule->accounts[i]);
    }
    if (check_unix_groups(policy, rule, "groups", rule->groups, rule->group_count, error) != 0 ||
        check_unix_groups(policy, rule, "sudo", rule->sudo, rule->sudo_count, error) != 0)
        return -1;
    return check_roles(policy, rule, error);
}

/* People who are disabled count here: disabling somebody in a hurry must not make the policy unusable. A rule
 * that nobody can meet for now lets nobody in. */
static int check_approvers(const struct tg_policy *policy, const struct tg_rule *rule, struct tg_error *error)
{
    struct tg_seats seats;
    uint64_t needed = 0;
    for (size_t i = 0; i < rule->approver_count; i++) {
        needed += rule->approvers[i].count;
        for (size_t j = 0; j < i; j++) {
            if (strcmp(rule->approvers[i].group, rule->approvers[j].group) == 0)
                return fail(error, "rule '%s': key 'approvers': group '%s' stands there twice", rule->id,
                            rule->approvers[i].group);
        }
    }
    if (needed > TG_SEATS_MAX)
        return fail(error, "rule '%s': key 'approvers': must ask for %d people at most", rule->id,
                    TG_SEATS_MAX);
    tg_seats_of_rule(&seats, rule);
    for (size_t i = 0; i < policy->person_count && !tg_seats_are_taken(&seats); i++)
        (void)tg_seats_add(&seats, &policy->people[i]);
    if (!tg_seats_are_taken(&seats))
        return fail(error, "rule '%s': key 'approvers': there are not enough people in these groups",
                    rule->id);
    return 0;
}

static int check_rule(const struct tg_policy *policy, const struct tg_rule *rule, struct tg_error *error)
{
    if (tg_policy_rule(policy, rule->id) != rule)
        return fail(error, "two rules have the id '%s'", rule->id);
    for (size_t i = 0; i < rule->requester_count; i++) {
        if (!has_member(policy, rule->requesters[i]))
            return fail(error, "rule '%s': key 'requesters': nobody is in group '%s'", rule->id,
                        rule->requesters[i]);
    }
    if (check_accounts(policy, rule, error) != 0 || check_sessions(policy, rule, error) != 0)
        return -1;
    return check_approvers(policy, rule, error);
}

static size_t count_claims(const struct tg_policy *policy)
{
    size_t count = policy->person_count + policy->account_count + policy->group_count +
                   policy->user_ca_count + policy->host_ca_count;
    for (size_t i = 0; i < policy->person_count; i++)
        count += policy->people[i].key_count;
    return count;
}

int tg_policy_check(const struct tg_policy *policy, struct tg_error *error)
{
    int result = -1;
    struct claim *claims = calloc(count_claims(policy), sizeof *claims);
    if (claims == NULL)
        return fail(error, "no memory");
    if (policy->expires <= policy->issued) {
        (void)fail(error, "key 'expires': must be after issued");
        goto out;
    }
    if (check_names_and_ids(policy, claims, error) != 0 || check_keys(policy, claims, error) != 0 ||
        check_confined(policy, error) != 0)
        goto out;
    for (size_t i = 0; i < policy->rule_count; i++) {
        if (check_rule(policy, &policy->rules[i], error) != 0)
            goto out;
    }
    result = 0;
out:
    free(claims);
    return result;
}
