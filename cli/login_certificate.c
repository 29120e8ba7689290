/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/login_certificate.h"

#include "cli/files.h"
#include "lib/verdict.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 2 * TG_CERTIFICATE_MAX };

static bool is_user_ca(const struct tg_policy *policy, const struct tg_public_key *authority)
{
    for (size_t i = 0; i < policy->user_ca_count; i++) {
        if (tg_bytes_equal(policy->user_ca[i]->blob, authority->blob))
            return true;
    }
    return false;
}

static uint32_t longest_life(const struct tg_policy *policy)
{
    uint32_t longest = 0;
    for (size_t i = 0; i < policy->rule_count; i++) {
        if (policy->rules[i].max_certificate_seconds > longest)
            longest = policy->rules[i].max_certificate_seconds;
    }
    return longest;
}

/* Who vouches for whom. */
static int check_names(const struct tg_certificate *certificate, const struct tg_policy *policy,
                       const char *person, const struct tg_public_key *key, struct tg_error *error)
{
    if (certificate->type != TG_CERTIFICATE_USER)
        return tg_fail(error, TG_certificate_unexpected, "it is not a user certificate");
    if (!tg_bytes_equal(certificate->key->blob, key->blob))
        return tg_fail(error, TG_certificate_unexpected, "it is for another key, %s",
                       certificate->key->fingerprint);
    if (!is_user_ca(policy, certificate->authority))
        return tg_fail(error, TG_certificate_unexpected, "it is signed by %s, which the policy does not list",
                       certificate->authority->fingerprint);
    if (!tg_certificate_has_principal(certificate, person))
        return tg_fail(error, TG_certificate_unexpected, "it does not name %s", person);
    if (certificate->unknown_critical_option != NULL)
        return tg_fail(error, TG_certificate_unexpected, "it has the option '%s', which is not known here",
                       certificate->unknown_critical_option);
    return 0;
}

int tg_login_certificate_check(const struct tg_certificate *certificate, const struct tg_policy *policy,
                               const char *person, const struct tg_public_key *key, uint32_t seconds,
                               int64_t now, struct tg_error *error)
{
    uint64_t moment = now > 0 ? (uint64_t)now : 0;
    if (check_names(certificate, policy, person, key, error) != 0)
        return -1;
    if (certificate->valid_after > moment + TG_CLOCK_SKEW || certificate->valid_before <= moment)
        return tg_fail(error, TG_certificate_unexpected, "it is not valid now; is the clock right?");
    if (certificate->valid_before - certificate->valid_after > (uint64_t)longest_life(policy) + TG_CLOCK_SKEW)
        return tg_fail(error, TG_certificate_unexpected,
                       "it lives longer than any rule of the policy allows");
    if (seconds > 0 && certificate->valid_before > moment + seconds + TG_CLOCK_SKEW)
        return tg_fail(error, TG_certificate_unexpected, "it lives longer than was asked for");
    return 0;
}

int tg_login_certificate_keep(const struct tg_client_config *config, const char *line, struct tg_error *error)
{
    char *text = NULL;
    int length = asprintf(&text, "%s\n", line);
    if (length < 0)
        return tg_fail(error, TG_internal_error, "out of memory");
    int result = tg_file_replace(config->certificate, 0644, text, (size_t)length, error);
    free(text);
    return result;
}

int64_t tg_login_certificate_left(const struct tg_client_config *config, const struct tg_policy *policy,
                                  const struct tg_public_key *key, int64_t now)
{
    struct tg_certificate *certificate = NULL;
    struct tg_error error = {0};
    char *text = NULL;
    size_t length = 0;
    int64_t left = 0;
    if (tg_file_read(config->certificate, FILE_MAX, TG_file_failed, &text, &length, &error) == 0 &&
        tg_certificate_parse_line(text, &certificate, &error) == 0 &&
        tg_login_certificate_check(certificate, policy, config->name, key, 0, now, &error) == 0)
        left = (int64_t)certificate->valid_before - now;
    tg_certificate_free(certificate);
    free(text);
    return left;
}
