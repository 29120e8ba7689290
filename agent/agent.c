/* SPDX-License-Identifier: BSD-2-Clause */
#include <config.h>

#include "agent/agent.h"

#include "agent/ending.h"
#include "agent/network_grants.h"
#include "agent/notify.h"
#include "agent/revocations.h"
#include "agent/session_right.h"
#include "agent/state.h"
#include "lib/agent_protocol.h"
#include "lib/monotonic.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ROOTS_FILE_MAX = 65536 };

void tg_agent_read_clocks(struct tg_agent *agent)
{
    struct timespec wall = {0};
    (void)clock_gettime(CLOCK_REALTIME, &wall);
    agent->now = wall.tv_sec;
    agent->now_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000;
    /* What was fresh before the machine slept is not fresh afterwards. */
    agent->steady = tg_boottime_ms();
}

int tg_agent_read_roots(const struct tg_host_config *config, struct tg_root_signers *roots,
                        struct tg_error *error)
{
    char *text;
    size_t length;
    struct stat status;
    *roots = (struct tg_root_signers){0};
    /* Who can write this file decides whose policy is in force. */
    if (stat(config->root_signers, &status) == 0 &&
        ((status.st_uid != 0 && status.st_uid != geteuid()) || (status.st_mode & 022) != 0))
        return tg_fail(error, TG_config_bad,
                       "%s: must belong to root and be writable by nobody else: chown root:root; chmod 644",
                       config->root_signers);
    int result = tg_file_read("", config->root_signers, ROOTS_FILE_MAX, &text, &length, error);
    if (result == 1)
        return tg_fail(error, TG_config_bad, "[trust] root_signers: %s does not exist", config->root_signers);
    if (result != 0)
        return -1;
    if (strlen(text) != length)
        result = tg_fail(error, TG_config_bad, "%s: not a text file", config->root_signers);
    else
        result = tg_root_signers_parse(text, (uint32_t)config->root_threshold, roots, error);
    free(text);
    return result;
}

static void find_principals_user(struct tg_agent *agent)
{
    const struct passwd *user = getpwnam(agent->config.principals_user);
    agent->principals_uid = user == NULL ? (uid_t)-1 : user->pw_uid;
    if (user == NULL)
        tg_log(&agent->log, LOG_WARNING,
               "[agent] principals_user: there is no user %s; only root may ask for principals",
               agent->config.principals_user);
}

int tg_agent_start(struct tg_agent *agent, struct tg_error *error)
{
    agent->policy_problem = TG_policy_missing;
    agent->packet = malloc(TG_AGENT_REQUEST_MAX + 1);
    if (agent->packet == NULL || tg_tickets_init(&agent->tickets) != 0 ||
        tg_admissions_init(&agent->admissions) != 0)
        return tg_fail(error, TG_internal_error, "no memory");
    if (tg_boot_id(agent->proc_root, agent->boot_id) != 0)
        return tg_fail(error, TG_internal_error, "%s/sys/kernel/random/boot_id cannot be read",
                       agent->proc_root);
    find_principals_user(agent);
    if (tg_warn_minutes_parse(agent->config.warn_minutes, &agent->warn_minutes, error) != 0)
        return -1;
    tg_session_clock_start(agent);
    if (tg_service_start(agent, error) != 0 ||
        tg_events_open(&agent->events, agent->config.state_directory, agent->config.name, &agent->log,
                       agent->now, error) != 0)
        return -1;
    tg_agent_load(agent);
    tg_network_grants_start(agent);
    /* What came to its end meanwhile is not to be shown as an account any more. */
    tg_sessions_judge(agent);
    agent->roster_generation = tg_roster_generation(agent->config.roster);
    (void)tg_agent_publish(agent);
    (void)tg_revocations_turn(agent);
    (void)tg_events_add(&agent->events,
                        &(struct tg_event){.kind = "started", .detail = "tegatad " PACKAGE_VERSION},
                        agent->now);
    return 0;
}

void tg_agent_stop(struct tg_agent *agent)
{
    if (agent->events.directory != NULL) {
        tg_report_repeats(agent, INT64_MAX);
        (void)tg_events_add(&agent->events, &(struct tg_event){.kind = "stopped"}, agent->now);
        (void)tg_events_flush(&agent->events);
        (void)tg_agent_save_tickets(agent);
    }
    tg_clients_close_all(agent);
    tg_service_stop(agent);
    tg_events_close(&agent->events);
    tg_endings_free(agent->endings);
    tg_network_grants_free(agent->network_grants);
    tg_sessions_free(&agent->sessions);
    tg_step_ups_free(&agent->step_ups);
    tg_admissions_free(&agent->admissions);
    tg_accounts_free(&agent->accounts);
    tg_uid_ledger_free(&agent->uid_ledger);
    tg_tickets_free(&agent->tickets);
    tg_policy_free(agent->policy);
    tg_revocations_free(&agent->revocations);
    json_decref(agent->policy_file);
    json_decref(agent->policy_later);
    tg_root_signers_free(&agent->roots);
    tg_signer_free(agent->signer);
    free(agent->packet);
}

/* What only a restart can change keeps its value, and is named. */
static void keep(struct tg_agent *agent, const char *key, const char *old, char *new)
{
    if (strcmp(old, new) == 0)
        return;
    tg_log(&agent->log, LOG_WARNING, "%s has changed in %s: this takes a restart", key, agent->config_path);
    memcpy(new, old, TG_CONFIG_VALUE_SIZE);
}

void tg_agent_reload(struct tg_agent *agent)
{
    struct tg_error error;
    char authority[TG_AUTHORITY_SIZE];
    struct tg_root_signers roots;
    struct tg_warn_minutes warn_minutes;
    struct tg_host_config *config = calloc(1, sizeof *config);
    tg_notify("RELOADING=1");
    if (config == NULL || tg_host_config_read(agent->config_path, config, &error) != 0 ||
        tg_service_authority(config->url, authority, &error) != 0 ||
        tg_warn_minutes_parse(config->warn_minutes, &warn_minutes, &error) != 0 ||
        tg_agent_read_roots(config, &roots, &error) != 0) {
        tg_log_refusal(&agent->log, TG_config_bad, "%s; the old configuration stays",
                       config == NULL ? "no memory" : error.text);
        goto out;
    }
    keep(agent, "[host] name", agent->config.name, config->name);
    keep(agent, "[agent] host_key", agent->config.host_key, config->host_key);
    keep(agent, "[agent] user", agent->config.user, config->user);
    keep(agent, "[agent] socket", agent->config.socket, config->socket);
    keep(agent, "[agent] roster", agent->config.roster, config->roster);
    keep(agent, "[agent] revoked_keys", agent->config.revoked_keys, config->revoked_keys);
    keep(agent, "[agent] host_certificate", agent->config.host_certificate, config->host_certificate);
    keep(agent, "[agent] state_directory", agent->config.state_directory, config->state_directory);
    agent->config = *config;
    agent->warn_minutes = warn_minutes;
    /* Another service counts its revisions for itself. */
    if (strcmp(agent->service.authority, authority) != 0)
        agent->service.revision = 0;
    memcpy(agent->service.authority, authority, sizeof authority);
    tg_root_signers_free(&agent->roots);
    agent->roots = roots;
    find_principals_user(agent);
    tg_agent_judge_policy(agent);
    /* Under other root keys, other signatures may count. */
    tg_service_resync(agent);
    agent->publish_due = agent->now;
    agent->service.poll_due = agent->steady;
    tg_log(&agent->log, LOG_NOTICE, "configuration read again");
out:
    free(config);
    tg_notify("READY=1");
}
