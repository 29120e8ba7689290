/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The certificate by which people's ssh knows this host.
 */
#include "cli/doctor.h"

#include "lib/certificate.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_SIZE = 2048 };

static const char area[] = "sshd";

static bool is_trusted(const struct tg_policy *policy, const struct tg_public_key *authority)
{
    for (size_t i = 0; i < policy->host_ca_count; i++) {
        if (tg_bytes_equal(policy->host_ca[i]->blob, authority->blob))
            return true;
    }
    return false;
}

static void examine(struct tg_findings *findings, const struct tg_certificate *certificate,
                    const struct tg_host_config *config, const struct tg_policy *policy, int64_t now)
{
    const char *fix = "journalctl -u tegatad: it says why it has no new one";
    if (certificate->type != TG_CERTIFICATE_HOST || !is_trusted(policy, certificate->authority))
        tg_find(findings, TG_LEVEL_ERROR, area, fix,
                "%.200s is no host certificate by an authority of the policy's host_ca",
                config->host_certificate);
    else if (!tg_certificate_has_principal(certificate, config->name))
        tg_find(findings, TG_LEVEL_ERROR, area, fix, "%.200s is not for %.64s", config->host_certificate,
                config->name);
    else if ((uint64_t)now < certificate->valid_after || (uint64_t)now >= certificate->valid_before)
        tg_find(findings, TG_LEVEL_ERROR, area, fix,
                "%.200s is not valid now: people are asked whether they know this host",
                config->host_certificate);
    else
        tg_find(findings, TG_LEVEL_OK, area, NULL,
                "the host certificate is good for %" PRIu64 " minutes more",
                (certificate->valid_before - (uint64_t)now) / 60);
}

void tg_doctor_host_certificate(struct tg_findings *findings, const char *settings, const char *text,
                                const struct tg_host_config *config, const struct tg_policy *policy,
                                int64_t now)
{
    char value[VALUE_SIZE];
    char fix[VALUE_SIZE];
    struct tg_certificate *certificate = NULL;
    struct tg_error error = {0};
    if (policy == NULL || policy->host_ca_count == 0 || config->host_certificate[0] == '\0')
        return;
    (void)snprintf(fix, sizeof fix, "in sshd_config: HostCertificate %.255s", config->host_certificate);
    (void)tg_sshd_setting(settings, "hostcertificate", value, sizeof value);
    if (strcmp(value, config->host_certificate) != 0)
        tg_find(findings, TG_LEVEL_WARNING, area, fix,
                "HostCertificate is %.120s: people are asked whether they know this host",
                value[0] != '\0' ? value : "not set");
    char *line = text != NULL ? strndup(text, strcspn(text, "\n")) : NULL;
    if (line == NULL)
        tg_find(findings, TG_LEVEL_ERROR, area, "journalctl -u tegatad: it says why it has none",
                "the host has no certificate yet: %.200s is not there", config->host_certificate);
    else if (tg_certificate_parse_line(line, &certificate, &error) != 0)
        tg_find(findings, TG_LEVEL_ERROR, area, "systemctl restart tegatad: it fetches a new one",
                "%.120s: %.200s", config->host_certificate, error.text);
    else
        examine(findings, certificate, config, policy, now);
    tg_certificate_free(certificate);
    free(line);
}
