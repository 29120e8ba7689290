/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/ticket.h"

#include "lib/canonical_json.h"
#include "lib/rule.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_SIZE = 160 };

/* What stays the same whichever rule is tried. */
struct draft {
    const struct tg_policy *policy;
    const struct tg_ticket_wish *wish;
    const struct tg_person *requester;
    const char *account;
    uint32_t uid;
    int64_t now;
    char id[TG_TICKET_ID_SIZE];
};

static const char *text_or(const char *text, const char *fallback)
{
    return text != NULL ? text : fallback;
}

static json_t *array_of(const char *const *texts, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        if (json_array_append_new(array, json_string(texts[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* What the wish asks for, or all that the rule grants if it does not say. */
static json_t *wished_or_granted(const char *const *wished, size_t wished_count, const char *const *granted,
                                 size_t granted_count)
{
    return wished != NULL ? array_of(wished, wished_count) : array_of(granted, granted_count);
}

/* As above, but port-forwarding is not granted to a wish without destinations where the rule wants them
 * named. */
static json_t *options_of(const struct tg_ticket_wish *wish, const struct tg_rule *rule)
{
    json_t *options = wished_or_granted(wish->options, wish->option_count, rule->options, rule->option_count);
    if (wish->options != NULL || wish->permit_open_count > 0 || rule->permit_open_count == 0)
        return options;
    for (size_t i = json_array_size(options); i-- > 0;) {
        if (strcmp(json_string_value(json_array_get(options, i)), "port-forwarding") == 0)
            (void)json_array_remove(options, i);
    }
    return options;
}

static json_t *ticket_object(const struct draft *draft, const struct tg_rule *rule)
{
    const struct tg_ticket_wish *wish = draft->wish;
    int64_t approve_by =
        wish->approve_by != 0 ? wish->approve_by : draft->now + draft->policy->approve_by_seconds;
    uint32_t sessions = wish->sessions != 0 ? wish->sessions : rule->sessions;
    return json_pack(
        "{s:i s:s s:I s:s s:s s:o s:s s:I s:s s:o s:o s:o s:o s:s s:o s:I s:I s:I s:I s:s s:s s:s s:I s:i "
        "s:s*}",
        "v", 1, "id", draft->id, "created", (json_int_t)draft->now, "requester", wish->requester, "key",
        wish->key, "hosts", array_of(wish->hosts, wish->host_count), "account", draft->account, "uid",
        (json_int_t)draft->uid, "shell", text_or(wish->shell, "/bin/bash"), "groups",
        wished_or_granted(wish->groups, wish->group_count, rule->groups, rule->group_count), "sudo",
        wished_or_granted(wish->sudo, wish->sudo_count, rule->sudo, rule->sudo_count), "options",
        options_of(wish, rule), "permit_open", array_of(wish->permit_open, wish->permit_open_count),
        "command", text_or(wish->command, ""), "source",
        wished_or_granted(wish->source_count > 0 ? wish->source : NULL, wish->source_count, rule->sources,
                          rule->source_count),
        "seconds", (json_int_t)wish->seconds, "not_before", (json_int_t)wish->not_before, "approve_by",
        (json_int_t)approve_by, "sessions", (json_int_t)sessions, "reason", text_or(wish->reason, ""),
        "reference", text_or(wish->reference, ""), "rule", rule->id, "policy",
        (json_int_t)draft->policy->serial, "emergency", wish->emergency ? 1 : 0, "extends",
        wish->extends != NULL && wish->extends[0] != '\0' ? wish->extends : NULL);
}

/* Makes the ticket as it would be under this rule, and parses it as everybody else will. */
static int try_rule(const struct draft *draft, const struct tg_rule *rule, char **document, size_t *length,
                    struct tg_ticket **ticket, struct tg_error *error)
{
    json_t *object = ticket_object(draft, rule);
    int result = tg_canonical_json_write(object, document, length);
    json_decref(object);
    if (result != 0)
        return tg_fail(error, TG_request_malformed,
                       "ticket: a text has a control character or is not UTF-8, or a number is out of range");
    if (tg_ticket_parse(tg_bytes_of(*document, *length), ticket, error) == 0)
        return 0;
    if (error != NULL && error->reason == TG_ticket_malformed)
        error->reason = TG_request_malformed;
    free(*document);
    *document = NULL;
    *length = 0;
    return -1;
}

/* A login key that this rule would refuse at the door makes the rule useless for the wish. */
static bool accepts_key(const struct tg_rule *rule, const struct tg_person_key *key)
{
    return !rule->hardware_key || (tg_key_type_is_security_key(key->key->type) && key->attested);
}

/* Looks for the first rule that covers the wish. `gap` tells about the nearest one otherwise. */
static int find_rule(const struct draft *draft, const struct tg_person_key *key, char gap[TEXT_SIZE],
                     char **document, size_t *length, struct tg_error *error)
{
    size_t nearest = 0;
    for (size_t i = 0; i < draft->policy->rule_count; i++) {
        const struct tg_rule *rule = &draft->policy->rules[i];
        struct tg_ticket *ticket;
        char detail[TEXT_SIZE];
        size_t depth;
        if (draft->wish->rule != NULL && strcmp(draft->wish->rule, rule->id) != 0)
            continue;
        if (try_rule(draft, rule, document, length, &ticket, error) != 0)
            return -1;
        const char *part = tg_rule_gap(draft->policy, rule, ticket, detail, sizeof detail, &depth);
        tg_ticket_free(ticket);
        if (part == NULL && accepts_key(rule, key))
            return 0;
        if (part == NULL)
            (void)snprintf(detail, sizeof detail, "the rule asks for an attested security key");
        if (gap[0] == '\0' || depth > nearest) {
            nearest = depth;
            (void)snprintf(gap, TEXT_SIZE, "rule '%s' does not cover '%s': %.80s", rule->id,
                           part != NULL ? part : "key", detail);
        }
        free(*document);
        *document = NULL;
        *length = 0;
    }
    return tg_fail(error, TG_ticket_no_rule, "%s", gap[0] != '\0' ? gap : "the policy has no such rule");
}

/* Who asks, for which account. */
static int begin_draft(struct draft *draft, struct tg_error *error)
{
    const struct tg_ticket_wish *wish = draft->wish;
    if (wish->requester == NULL || wish->key == NULL)
        return tg_fail(error, TG_request_malformed, "ticket: needs a requester and a key");
    draft->requester = tg_policy_person(draft->policy, wish->requester);
    if (draft->requester == NULL)
        return tg_fail(error, TG_requester_unknown, "the policy does not know '%.40s'", wish->requester);
    if (draft->requester->disabled)
        return tg_fail(error, TG_requester_disabled, "'%.40s' is disabled in the policy", wish->requester);
    draft->account = text_or(wish->account, wish->requester);
    draft->uid = draft->requester->uid;
    if (strcmp(draft->account, wish->requester) != 0) {
        const struct tg_shared_account *shared = tg_policy_account(draft->policy, draft->account);
        if (shared == NULL)
            return tg_fail(error, TG_ticket_no_rule,
                           "'%.40s' is neither your own account nor one of the policy's", draft->account);
        draft->uid = shared->uid;
    }
    return tg_ticket_new_id(draft->id, error);
}

int tg_ticket_compose(const struct tg_policy *policy, const struct tg_ticket_wish *wish, int64_t now,
                      char **document, size_t *length, struct tg_error *error)
{
    struct draft draft = {.policy = policy, .wish = wish, .now = now};
    char gap[TEXT_SIZE] = "";
    *document = NULL;
    *length = 0;
    if (begin_draft(&draft, error) != 0)
        return -1;
    const struct tg_person_key *key = tg_person_key(draft.requester, wish->key);
    if (key == NULL)
        return tg_fail(error, TG_certificate_key_unknown, "the policy does not list %.60s for '%s'",
                       wish->key, wish->requester);
    return find_rule(&draft, key, gap, document, length, error);
}
