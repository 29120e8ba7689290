/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Hosts' certificates, by a key that signs nothing else.
 */
#include "certificate_authority/authority.h"
#include "lib/form.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 72 };

/* The host's name and key, from a request. */
static int read_request(const struct tg_ca_request *request, char name[NAME_SIZE], struct tg_public_key **key,
                        struct tg_error *error)
{
    struct tg_error fault = {0};
    *key = NULL;
    name[0] = '\0';
    if (request->subject.length >= NAME_SIZE)
        return tg_fail(error, TG_request_malformed, "host: its name is too long");
    memcpy(name, request->subject.data, request->subject.length);
    name[request->subject.length] = '\0';
    if (!tg_form_host.matches(name))
        return tg_fail(error, TG_request_malformed, "host '%s': must be %s", name, tg_form_host.description);
    char *line = strndup((const char *)request->proof.data, request->proof.length);
    if (line == NULL)
        return tg_fail(error, TG_internal_error, "out of memory");
    int result = tg_public_key_parse_line(line, key, &fault);
    free(line);
    return result == 0 ? 0 : tg_fail(error, TG_request_malformed, "host %s: its key: %s", name, fault.text);
}

/* A host's key is nobody else's. */
static int check_key(const struct tg_policy *policy, const char *name, const struct tg_public_key *key,
                     struct tg_error *error)
{
    const struct tg_person_key *entry;
    if (tg_key_type_is_security_key(key->type))
        return tg_fail(error, TG_request_malformed, "host %s: its key is a security key", name);
    if (tg_policy_key_owner(policy, key, &entry) != NULL ||
        tg_public_key_is_among(key, policy->user_ca, policy->user_ca_count) ||
        tg_public_key_is_among(key, policy->host_ca, policy->host_ca_count))
        return tg_fail(error, TG_request_forbidden, "host %s: the policy has %s for something else", name,
                       key->fingerprint);
    if (tg_policy_revokes_key(policy, key->fingerprint))
        return tg_fail(error, TG_certificate_revoked, "host %s: the policy revokes %s", name,
                       key->fingerprint);
    return 0;
}

static int certify(struct tg_authority *authority, const char *name, const struct tg_public_key *key,
                   struct tg_ca_moment moment, struct tg_certificate **out, struct tg_error *error)
{
    if (!tg_rate_take(&authority->hosts, name, authority->limits.each_per_minute, moment.steady_ms))
        return tg_fail(error, TG_request_rate, "host %s: more than %" PRId64 " certificates a minute", name,
                       authority->limits.each_per_minute);
    if (check_key(authority->policy, name, key, error) != 0 ||
        tg_host_pin(authority->state, name, key, error) != 0)
        return -1;
    struct tg_certificate_content content = {
        .type = TG_CERTIFICATE_HOST,
        .key = key,
        .principals = &name,
        .principal_count = 1,
        .valid_after = (uint64_t)(moment.now - TG_CA_BACK_DATED),
        .valid_before = (uint64_t)(moment.now + authority->limits.host_seconds),
    };
    return tg_authority_issue(authority, authority->host_ca, &content, name, out, error);
}

int tg_authority_host(struct tg_authority *authority, const struct tg_ca_request *request,
                      struct tg_ca_moment moment, struct tg_certificate **out, struct tg_error *error)
{
    const struct tg_policy *policy = authority->policy;
    char name[NAME_SIZE];
    struct tg_public_key *key = NULL;
    *out = NULL;
    if (authority->host_ca == NULL)
        return tg_fail(error, TG_ca_unreachable, "tegata-ca signs no host certificates: set [host_ca] key");
    if (tg_authority_is_listed(policy, authority->host_ca, "host_ca", policy->host_ca, policy->host_ca_count,
                               error) != 0)
        return -1;
    int result = read_request(request, name, &key, error);
    if (result == 0)
        result = certify(authority, name, key, moment, out, error);
    tg_public_key_free(key);
    return result;
}
