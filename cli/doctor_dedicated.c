/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The one-person server: [host] dedicated and teardown, and who waits to run it.
 */
#include "cli/doctor.h"

#include "lib/teardown.h"

static const char area[] = "dedicated";

void tg_doctor_dedicated(struct tg_findings *findings, const struct tg_host_config *config)
{
    struct tg_error error;
    if (!config->dedicated && config->teardown[0] != '\0')
        tg_find(findings, TG_LEVEL_WARNING, area,
                "in tegata.conf, [host]: dedicated = yes; or take teardown out",
                "[host] teardown is set without dedicated = yes: it is never run");
    if (!config->dedicated)
        return;
    if (config->teardown[0] == '\0')
        tg_find(findings, TG_LEVEL_WARNING, area, "in tegata.conf, [host]: teardown = /usr/sbin/tegata-wipe",
                "[host] dedicated = yes without teardown: the host stays its owner's until root runs "
                "tegata-wipe");
    else if (tg_teardown_check(config->teardown, &error) != 0)
        tg_find(findings, TG_LEVEL_ERROR, area, "correct it; tegata-teardown --check says when it is right",
                "%.280s", error.text);
    else
        tg_find(findings, TG_LEVEL_OK, area, NULL, "teardown: %.200s", config->teardown);
}

static const char *text_of(const json_t *status, const char *key)
{
    const char *text = json_string_value(json_object_get(status, key));
    return text != NULL ? text : "";
}

static bool is_set(const json_t *status, const char *key)
{
    return json_integer_value(json_object_get(status, key)) > 0;
}

void tg_doctor_teardown(struct tg_findings *findings, const json_t *status,
                        const struct tg_host_config *config)
{
    const char *owner = text_of(status, "owner");
    if (is_set(status, "dedicated") != config->dedicated)
        tg_find(findings, TG_LEVEL_ERROR, area, "systemctl reload tegatad",
                "tegata.conf says dedicated = %s, and the agent has not read it since",
                config->dedicated ? "yes" : "no");
    if (!config->dedicated || config->teardown[0] == '\0')
        return;
    /* While it runs the program it does not wait. */
    if (is_set(status, "teardown_due"))
        tg_find(findings, TG_LEVEL_WARNING, area, "see what tegata-teardown has logged",
                "the host is to be torn down after %.64s, and nobody is let in until that is done", owner);
    else if (!is_set(status, "teardown_waiting"))
        tg_find(findings, TG_LEVEL_ERROR, area,
                "systemctl enable --now tegata-teardown; without systemd, start tegata-teardown as root",
                "tegata-teardown does not wait for the agent's word: nothing would run %.200s",
                config->teardown);
    else if (owner[0] == '\0')
        tg_find(findings, TG_LEVEL_OK, area, NULL, "the host is nobody's, and tegata-teardown waits");
    else
        tg_find(findings, TG_LEVEL_OK, area, NULL, "the host is %.64s's, and tegata-teardown waits", owner);
}
