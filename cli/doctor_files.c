/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Owners and modes of what tegata.conf names, and the users that it names.
 */
#include "cli/doctor.h"
#include "cli/output.h"

#include "lib/roster.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GROUPS_MAX = 256 };

static const char area[] = "files";

/* A file that only root may write; the doctor's own user stands in for root where it is not root, so that it
 * can be tried anywhere. */
static void examine_config_file(struct tg_findings *findings, const char *path, const char *what)
{
    struct stat status;
    char fix[320];
    if (stat(path, &status) != 0) {
        tg_find(findings, TG_LEVEL_ERROR, area, NULL, "%s: %.200s: %s", what, path, strerror(errno));
        return;
    }
    (void)snprintf(fix, sizeof fix, "chown root: %.130s && chmod go-w %.130s", path, path);
    if (!S_ISREG(status.st_mode) || (status.st_uid != 0 && status.st_uid != geteuid()) ||
        (status.st_mode & 022) != 0)
        tg_find(findings, TG_LEVEL_ERROR, area, fix,
                "%s: %.200s must be a regular file of root that nobody else can write", what, path);
    else
        tg_find(findings, TG_LEVEL_OK, area, NULL, "%s: %.200s", what, path);
}

/* As tegatad sees it: 0600, or Fedora's 0640 of root and the group ssh_keys. */
static bool is_private(const struct stat *status)
{
    if ((status->st_mode & 077) == 0)
        return true;
    const struct group *keys = getgrnam("ssh_keys");
    return (status->st_mode & 037) == 0 && status->st_uid == 0 && keys != NULL &&
           keys->gr_gid == status->st_gid;
}

static void examine_private_file(struct tg_findings *findings, const char *path, const char *what)
{
    struct stat status;
    char fix[320];
    if (stat(path, &status) != 0) {
        tg_find(findings, TG_LEVEL_ERROR, area, "ssh-keygen -A", "%s: %.200s: %s", what, path,
                strerror(errno));
        return;
    }
    (void)snprintf(fix, sizeof fix, "chmod 600 %.240s", path);
    if (!is_private(&status))
        tg_find(findings, TG_LEVEL_ERROR, area, fix, "%s: others can read %.200s", what, path);
    else
        tg_find(findings, TG_LEVEL_OK, area, NULL, "%s: %.200s", what, path);
}

static void examine_socket(struct tg_findings *findings, const struct tg_host_config *config)
{
    struct stat status;
    const struct group *group = getgrnam(config->user);
    if (stat(config->socket, &status) != 0) {
        tg_find(findings, TG_LEVEL_ERROR, area, "systemctl enable --now tegatad.socket tegatad.service",
                "socket: %.200s: %s", config->socket, strerror(errno));
        return;
    }
    if (!S_ISSOCK(status.st_mode) || (status.st_mode & 07) != 0)
        tg_find(findings, TG_LEVEL_ERROR, area, "restart tegatad",
                "socket: %.200s must be a socket of mode 0660", config->socket);
    else if (group != NULL && status.st_gid != group->gr_gid)
        tg_find(findings, TG_LEVEL_ERROR, area, "restart tegatad",
                "socket: %.200s does not belong to group %.100s: tegata-principals cannot ask",
                config->socket, config->user);
    else
        tg_find(findings, TG_LEVEL_OK, area, NULL, "socket: %.200s", config->socket);
}

static void examine_roster(struct tg_findings *findings, const struct tg_host_config *config)
{
    struct tg_error error = {0};
    size_t users = 0;
    if (tg_roster_check(config->roster, &users, &error) != 0)
        tg_find(findings, TG_LEVEL_ERROR, area, "restart tegatad: it writes a new one", "roster: %.240s",
                error.text);
    else
        tg_find(findings, TG_LEVEL_OK, area, NULL, "roster: %.200s, %zu %s", config->roster, users,
                tg_plural(users, "account", "accounts"));
}

static void examine_state(struct tg_findings *findings, const struct tg_host_config *config)
{
    struct stat status;
    char fix[320];
    const struct passwd *user = getpwnam(config->user);
    (void)snprintf(fix, sizeof fix, "install -d -m 700 -o %.60s -g %.60s %.160s", config->user, config->user,
                   config->state_directory);
    if (stat(config->state_directory, &status) != 0)
        tg_find(findings, TG_LEVEL_ERROR, area, fix, "state: %.200s: %s", config->state_directory,
                strerror(errno));
    else if (!S_ISDIR(status.st_mode) || (status.st_mode & 022) != 0 ||
             (user != NULL && status.st_uid != user->pw_uid))
        tg_find(findings, TG_LEVEL_ERROR, area, fix,
                "state: %.200s must be a directory of %.60s that nobody else can write",
                config->state_directory, config->user);
    else
        tg_find(findings, TG_LEVEL_OK, area, NULL, "state: %.200s", config->state_directory);
}

static bool is_member(const struct passwd *user, gid_t gid)
{
    gid_t gids[GROUPS_MAX];
    int count = GROUPS_MAX;
    if (getgrouplist(user->pw_name, user->pw_gid, gids, &count) < 0)
        return false;
    for (int i = 0; i < count; i++) {
        if (gids[i] == gid)
            return true;
    }
    return false;
}

static void examine_users(struct tg_findings *findings, const struct tg_host_config *config)
{
    char fix[320];
    (void)snprintf(fix, sizeof fix, "useradd --system --no-create-home %.120s", config->user);
    if (getpwnam(config->user) == NULL)
        tg_find(findings, TG_LEVEL_ERROR, area, fix, "the agent's user %.120s does not exist", config->user);
    const struct group *group = getgrnam(config->user);
    const struct passwd *helper = getpwnam(config->principals_user);
    (void)snprintf(fix, sizeof fix, "useradd --system --no-create-home --groups %.100s %.100s", config->user,
                   config->principals_user);
    if (helper == NULL)
        tg_find(findings, TG_LEVEL_ERROR, area, fix,
                "the principals user %.120s does not exist: every login is refused", config->principals_user);
    else if (helper->pw_uid == 0)
        tg_find(findings, TG_LEVEL_ERROR, area, fix, "principals_user must not be root");
    else if (group != NULL && !is_member(helper, group->gr_gid))
        tg_find(findings, TG_LEVEL_ERROR, area, fix,
                "%.100s is not in group %.100s: it cannot reach the agent's socket", config->principals_user,
                config->user);
    else
        tg_find(findings, TG_LEVEL_OK, area, NULL, "users: %.100s and %.100s", config->user,
                config->principals_user);
    if (config->exempt_accounts[0] == '\0')
        tg_find(findings, TG_LEVEL_WARNING, area, "in tegata.conf: [login] exempt_accounts = NAME",
                "there is no break-glass account: if Tegata is down, nobody can log in by ssh");
}

void tg_doctor_files(struct tg_findings *findings, const char *config_path,
                     const struct tg_host_config *config)
{
    examine_config_file(findings, config_path, "configuration");
    examine_config_file(findings, config->root_signers, "root keys");
    examine_config_file(findings, config->ca_file, "the service's CA");
    examine_private_file(findings, config->host_key, "host key");
    examine_users(findings, config);
    examine_state(findings, config);
    examine_socket(findings, config);
    examine_roster(findings, config);
}
