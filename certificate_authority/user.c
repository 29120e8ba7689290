/* SPDX-License-Identifier: BSD-2-Clause
 *
 * People's certificates: what the policy gives the person, and no more.
 */
#include "certificate_authority/authority.h"
#include "lib/form.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The extensions of OpenSSH, in the order in which they stand in a certificate, and the options of rules that
 * they come from. */
static const struct {
    const char *extension;
    const char *option;
} extensions[] = {
    {"permit-X11-forwarding", "x11"},
    {"permit-agent-forwarding", "agent-forwarding"},
    {"permit-port-forwarding", "port-forwarding"},
    {"permit-pty", "pty"},
};

enum { EXTENSIONS = sizeof extensions / sizeof extensions[0] };

/* What the rules come to that the person may ask under, with the key to be certified. */
struct allowance {
    uint32_t least_seconds;
    uint32_t most_seconds;
    bool extensions[EXTENSIONS];
    bool any;      /* there is such a rule */
    bool hardware; /* there is one, but it asks for a hardware key */
};

static bool may_request(const struct tg_rule *rule, const struct tg_person *person)
{
    for (size_t i = 0; i < rule->requester_count; i++) {
        if (tg_person_in_group(person, rule->requesters[i]))
            return true;
    }
    return false;
}

static void add_rule(struct allowance *allowance, const struct tg_rule *rule)
{
    uint32_t seconds = rule->max_certificate_seconds;
    if (!allowance->any || seconds < allowance->least_seconds)
        allowance->least_seconds = seconds;
    if (!allowance->any || seconds > allowance->most_seconds)
        allowance->most_seconds = seconds;
    for (size_t i = 0; i < EXTENSIONS; i++)
        allowance->extensions[i] |= tg_is_among(extensions[i].option, rule->options, rule->option_count);
    allowance->any = true;
}

static void add_rules(struct allowance *allowance, const struct tg_policy *policy,
                      const struct tg_person *person, const struct tg_person_key *certified)
{
    bool hardware = tg_key_type_is_security_key(certified->key->type) && certified->attested;
    *allowance = (struct allowance){0};
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct tg_rule *rule = &policy->rules[i];
        if (!may_request(rule, person))
            continue;
        if (rule->hardware_key && !hardware)
            allowance->hardware = true;
        else
            add_rule(allowance, rule);
    }
}

/* How long it is to live: as asked, up to the most of any rule; else the least, with which every rule lets
 * its bearer in. */
static int choose_seconds(const struct allowance *allowance, uint32_t asked, int64_t ceiling,
                          int64_t *seconds, struct tg_error *error)
{
    int64_t most = allowance->most_seconds < ceiling ? allowance->most_seconds : ceiling;
    int64_t least = allowance->least_seconds < ceiling ? allowance->least_seconds : ceiling;
    *seconds = asked == 0 ? least : asked;
    if (*seconds > most)
        return tg_fail(error, TG_certificate_too_long, "%" PRIu32 " seconds: at most %" PRId64 " are allowed",
                       asked, most);
    return 0;
}

/* The nonce is remembered for as long as its document could be shown again. Without room for it there is no
 * certificate. */
static int use_nonce(struct tg_authority *authority, const struct tg_sign_in *sign_in, int64_t now,
                     struct tg_error *error)
{
    struct tg_used_nonce *free_place = NULL;
    for (size_t i = 0; i < TG_CA_USED_NONCES; i++) {
        struct tg_used_nonce *used = &authority->used[i];
        if (used->until < now)
            free_place = used;
        else if (strcmp(used->nonce, sign_in->nonce) == 0)
            return tg_fail(error, TG_request_replayed, "%s: this sign-in was used already", sign_in->person);
    }
    if (free_place == NULL)
        return tg_fail(error, TG_request_rate, "too many sign-ins within %d seconds", 2 * TG_SIGN_IN_SKEW);
    memcpy(free_place->nonce, sign_in->nonce, sizeof free_place->nonce);
    free_place->until = sign_in->at + TG_SIGN_IN_SKEW;
    return 0;
}

/* The policy's entry for the key that is to be certified. */
static int find_certified(const struct tg_policy *policy, const struct tg_signed_in *signed_in,
                          const struct tg_person_key **entry, struct tg_error *error)
{
    const struct tg_person *person = signed_in->person;
    *entry = tg_person_key(person, signed_in->key->fingerprint);
    if (*entry == NULL)
        return tg_fail(error, TG_certificate_key_unknown, "the policy does not list %s for %s",
                       signed_in->key->fingerprint, person->name);
    if (tg_policy_revokes_key(policy, signed_in->key->fingerprint))
        return tg_fail(error, TG_certificate_revoked, "the policy revokes %s", signed_in->key->fingerprint);
    return 0;
}

static int check_allowance(const struct allowance *allowance, const struct tg_signed_in *signed_in,
                           struct tg_error *error)
{
    if (allowance->any)
        return 0;
    if (allowance->hardware)
        return tg_fail(error, TG_certificate_software_key,
                       "%s is not an attested security key, and every rule of %s asks for one",
                       signed_in->key->fingerprint, signed_in->person->name);
    return tg_fail(error, TG_ticket_no_rule, "no rule lets %s ask for anything", signed_in->person->name);
}

static int compose(struct tg_authority *authority, const struct tg_signed_in *signed_in,
                   const struct tg_person_key *certified, const struct allowance *allowance, int64_t now,
                   struct tg_certificate **out, struct tg_error *error)
{
    static const struct tg_certificate_option verify_required = {"verify-required", NULL};
    struct tg_certificate_option granted[EXTENSIONS];
    size_t count = 0;
    int64_t seconds;
    if (choose_seconds(allowance, signed_in->sign_in->seconds, authority->limits.user_seconds, &seconds,
                       error) != 0)
        return -1;
    for (size_t i = 0; i < EXTENSIONS; i++) {
        if (allowance->extensions[i])
            granted[count++] = (struct tg_certificate_option){extensions[i].extension, NULL};
    }
    bool verify = certified->user_verification && tg_key_type_is_security_key(certified->key->type);
    struct tg_certificate_content content = {.type = TG_CERTIFICATE_USER,
                                             .key = certified->key,
                                             .principals = &signed_in->person->name,
                                             .principal_count = 1,
                                             .valid_after = (uint64_t)(now - TG_CA_BACK_DATED),
                                             .valid_before = (uint64_t)(now + seconds),
                                             .critical_options = &verify_required,
                                             .critical_option_count = verify ? 1 : 0,
                                             .extensions = granted,
                                             .extension_count = count};
    if (use_nonce(authority, signed_in->sign_in, now, error) != 0)
        return -1;
    return tg_authority_issue(authority, authority->user_ca, &content, signed_in->person->name, out, error);
}

static int certify(struct tg_authority *authority, const struct tg_signed_in *signed_in,
                   struct tg_ca_moment moment, struct tg_certificate **out, struct tg_error *error)
{
    const struct tg_person_key *certified;
    struct allowance allowance;
    if (!tg_rate_take(&authority->people, signed_in->person->name, authority->limits.each_per_minute,
                      moment.steady_ms))
        return tg_fail(error, TG_request_rate, "%s: more than %" PRId64 " certificates a minute",
                       signed_in->person->name, authority->limits.each_per_minute);
    if (find_certified(authority->policy, signed_in, &certified, error) != 0)
        return -1;
    add_rules(&allowance, authority->policy, signed_in->person, certified);
    if (check_allowance(&allowance, signed_in, error) != 0)
        return -1;
    return compose(authority, signed_in, certified, &allowance, moment.now, out, error);
}

int tg_authority_user(struct tg_authority *authority, const struct tg_ca_request *request,
                      struct tg_ca_moment moment, struct tg_certificate **out, struct tg_error *error)
{
    const struct tg_policy *policy = authority->policy;
    struct tg_signed_in signed_in = {0};
    *out = NULL;
    if (tg_authority_is_listed(policy, authority->user_ca, "user_ca", policy->user_ca, policy->user_ca_count,
                               error) != 0)
        return -1;
    char *armored = strndup((const char *)request->proof.data, request->proof.length);
    if (armored == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    int result = tg_sign_in_verify(policy, TG_SIGN_IN_CERTIFICATE, request->subject, armored,
                                   authority->service, moment.now, &signed_in, error);
    if (result == 0)
        result = certify(authority, &signed_in, moment, out, error);
    tg_signed_in_clear(&signed_in);
    free(armored);
    return result;
}
