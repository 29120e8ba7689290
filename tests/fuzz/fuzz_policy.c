/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A policy that is accepted has what everybody relies on: sorted names, rules that can be found, approvers,
 * roles that are Unix groups.
 */
#include "lib/policy.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct tg_policy *policy)
{
    const struct tg_person_key *entry;
    for (size_t i = 0; i < policy->person_count; i++) {
        const struct tg_person *person = &policy->people[i];
        if (tg_policy_person(policy, person->name) != person || person->uid == 0)
            abort();
        for (size_t j = 0; j < person->key_count; j++) {
            if (tg_policy_key_owner(policy, person->keys[j].key, &entry) != person ||
                entry != &person->keys[j])
                abort();
        }
    }
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct tg_rule *rule = &policy->rules[i];
        if (tg_policy_rule(policy, rule->id) != rule || rule->approver_count == 0 ||
            rule->approvers[0].count == 0 || (rule->step_up && !rule->hardware_key))
            abort();
        for (size_t j = 0; j < rule->sudo_count; j++) {
            if (tg_policy_group(policy, rule->sudo[j]) == NULL)
                abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tg_policy *policy;
    struct tg_error error;
    if (tg_policy_parse(tg_bytes_of(data, size), &policy, &error) == 0) {
        check(policy);
        tg_policy_free(policy);
    } else if (error.reason != TG_policy_malformed) {
        abort();
    }
    return 0;
}
