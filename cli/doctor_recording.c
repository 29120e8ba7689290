/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Can this host record, where the policy has rules that ask for it?
 */
#include "cli/doctor.h"

#include "lib/recording.h"

#include <fnmatch.h>
#include <unistd.h>

static const char area[] = "recording";

static const char *rule_that_records(const struct tg_policy *policy, const char *host)
{
    for (size_t i = 0; policy != NULL && i < policy->rule_count; i++) {
        const struct tg_rule *rule = &policy->rules[i];
        for (size_t j = 0; rule->record && j < rule->host_count; j++) {
            if (fnmatch(rule->hosts[j], host, 0) == 0)
                return rule->id;
        }
    }
    return NULL;
}

void tg_doctor_recording(struct tg_findings *findings, const struct tg_host_config *config,
                         const struct tg_policy *policy, const struct tg_recording_paths *paths,
                         const char *utmp)
{
    struct tg_error error;
    const char *rule = rule_that_records(policy, config->name);
    if (rule == NULL)
        return;
    if (tg_recording_check(config, paths, &error) != 0)
        tg_find(findings, TG_LEVEL_ERROR, area,
                access(config->recorder, F_OK) != 0 ? "apt-get install tlog" : "as docs/recording.md says",
                "rule %.32s demands recording, and this host cannot record: %.240s", rule, error.text);
    else if (access(utmp, F_OK) != 0)
        tg_find(findings, TG_LEVEL_ERROR, area,
                "f /run/utmp 0664 root utmp - in /etc/tmpfiles.d/utmp.conf, then systemd-tmpfiles --create",
                "%s is missing: tlog starts no session without it", utmp);
    else
        tg_find(findings, TG_LEVEL_OK, area, NULL, "sessions by rule %.32s can be recorded", rule);
}
