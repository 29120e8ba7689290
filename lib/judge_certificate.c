/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/judge.h"

#include "lib/form.h"

#include <inttypes.h>
#include <string.h>

static bool is_revoked(const struct tg_policy *policy, const struct tg_certificate *certificate)
{
    if (tg_policy_revokes_key(policy, certificate->key->fingerprint) ||
        tg_policy_revokes_key(policy, certificate->authority->fingerprint) ||
        tg_is_among(certificate->key_id, policy->revoked_key_ids, policy->revoked_key_id_count) ||
        tg_krl_revokes_certificate(policy->revocations, certificate->authority->blob, certificate->serial,
                                   certificate->key_id))
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

/* When the certificate may be used. A session that is open needs it no longer; whether it ends with it is its
 * rule's business. */
static enum tg_reason judge_time(const struct tg_question *question, char *detail, size_t detail_size)
{
    const struct tg_certificate *certificate = question->certificate;
    uint64_t now = question->now > 0 ? (uint64_t)question->now : 0;
    if (question->purpose == TG_TO_STAY)
        return TG_allowed;
    if (now < certificate->valid_after)
        return tg_judge_refuse(detail, detail_size, TG_certificate_not_yet_valid,
                               "valid in %" PRIu64 " seconds", certificate->valid_after - now);
    if (now >= certificate->valid_before)
        return tg_judge_refuse(detail, detail_size, TG_certificate_expired, "expired %" PRIu64 " seconds ago",
                               now - certificate->valid_before);
    return TG_allowed;
}

/* Who vouches for whom. */
static enum tg_reason judge_names(const struct tg_question *question, char *detail, size_t detail_size)
{
    const struct tg_certificate *certificate = question->certificate;
    const char *source = question->connection->source;
    if (certificate->principal_count == 0)
        return TG_certificate_no_principals;
    if (certificate->unknown_critical_option != NULL)
        return tg_judge_refuse(detail, detail_size, TG_certificate_critical_option, "%s",
                               certificate->unknown_critical_option);
    if (certificate->source_address != NULL && source != NULL &&
        !is_listed_source(certificate->source_address, source))
        return tg_judge_refuse(detail, detail_size, TG_certificate_source, "from %s", source);
    return TG_allowed;
}

enum tg_reason tg_judge_certificate(const struct tg_question *question, char *detail, size_t detail_size)
{
    const struct tg_certificate *certificate = question->certificate;
    if (certificate->type != TG_CERTIFICATE_USER)
        return TG_certificate_not_user;
    if (!tg_public_key_is_among(certificate->authority, question->policy->user_ca,
                                question->policy->user_ca_count))
        return tg_judge_refuse(detail, detail_size, TG_certificate_ca_unknown, "signed by %s",
                               certificate->authority->fingerprint);
    enum tg_reason reason = judge_time(question, detail, detail_size);
    if (reason == TG_allowed)
        reason = judge_names(question, detail, detail_size);
    if (reason != TG_allowed || !is_revoked(question->policy, certificate))
        return reason;
    return tg_judge_refuse(detail, detail_size, TG_certificate_revoked, "%s, serial %" PRIu64,
                           certificate->key->fingerprint, certificate->serial);
}
