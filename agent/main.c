/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegatad(8), the agent of an ops server: options, files that only root may open, privileges, signals.
 */
#include "agent/agent.h"
#include "agent/notify.h"
#include "agent/privileges.h"
#include "agent/session_right.h"
#include "agent/state.h"
#include "lib/options.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, KEY_FILE_MAX = 65536, PATH_SIZE = 1280 };

struct settings {
    const char *config_path;
    bool to_stderr;
    bool debug;
    bool check;
};

/* Returns 0, or the status to exit with, in which case *done is set. */
static int read_options(int argc, char **argv, struct settings *settings, bool *done)
{
    static const struct tg_option table[] = {
#define OPTION(letter, name, argument, help) {letter, #name, argument, help},
#include "agent/options.def"
#undef OPTION
    };
    struct tg_options parser = TG_OPTIONS("tegatad", "[OPTION]...", "The agent of an ops server.", table);
    const struct tg_option *option;
    const char *value;
    *settings = (struct settings){.config_path = TG_HOST_CONFIG_PATH};
    *done = true;
    while (tg_options_next(&parser, argc, argv, &option, &value)) {
        if (strcmp(option->name, "config") == 0)
            settings->config_path = value;
        else if (strcmp(option->name, "stderr") == 0)
            settings->to_stderr = true;
        else if (strcmp(option->name, "debug") == 0)
            settings->debug = true;
        else if (strcmp(option->name, "check") == 0)
            settings->check = true;
    }
    if (parser.end != TG_OPTIONS_OPERANDS)
        return parser.end == TG_OPTIONS_SHOWN ? EXIT_SUCCESS : EXIT_USAGE;
    if (!tg_options_no_operands(&parser, argc, argv))
        return EXIT_USAGE;
    *done = false;
    return 0;
}

/* May a host key have this owner and mode? Its owner alone may read it, with two exceptions that
 * distributions make: systemd shows a credential, which an ACL opens to the service's user, as 0440 of root;
 * and Fedora's host keys are 0640 of root and the group ssh_keys, for ssh-keysign. */
static bool is_private(const struct stat *status, bool is_credential)
{
    if ((status->st_mode & 077) == 0)
        return true;
    if ((status->st_mode & 037) != 0 || status->st_uid != 0)
        return false;
    const struct group *keys = is_credential ? NULL : getgrnam("ssh_keys");
    return is_credential || (keys != NULL && keys->gr_gid == status->st_gid);
}

/* The host key: systemd's credential if there is one, else the file. Refuses what others can read. */
static int read_host_key(const struct tg_host_config *config, struct tg_signer **signer,
                         struct tg_error *error)
{
    char path[PATH_SIZE] = "";
    struct stat status;
    char *pem;
    size_t length;
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    if (credentials != NULL)
        (void)snprintf(path, sizeof path, "%s/host_key", credentials);
    bool is_credential = credentials != NULL && access(path, F_OK) == 0;
    if (!is_credential)
        (void)snprintf(path, sizeof path, "%s", config->host_key);
    int result = tg_file_read("", path, KEY_FILE_MAX, &pem, &length, error);
    if (result != 0)
        return result == 1 ? tg_fail(error, TG_config_bad, "[agent] host_key: %s does not exist", path) : -1;
    if (stat(path, &status) != 0 || !is_private(&status, is_credential))
        result = tg_fail(error, TG_config_bad, "[agent] host_key: %s: others can read it: chmod 600 %s", path,
                         path);
    else
        result = tg_signer_from_bytes(tg_bytes_of(pem, length), path, signer, error);
    explicit_bzero(pem, length);
    free(pem);
    return result;
}

/* The directory in which a file stands, prepared. */
static int prepare_parent(const char *path, const struct tg_user *user, struct tg_error *error)
{
    char copy[TG_CONFIG_VALUE_SIZE];
    (void)snprintf(copy, sizeof copy, "%s", path);
    return tg_directory_prepare(dirname(copy), user, 0755, error);
}

static int open_listener(struct tg_agent *agent, const struct tg_user *user, struct tg_error *error)
{
    agent->listener = tg_notify_listener();
    if (agent->listener >= 0)
        return 0;
    agent->listener_is_ours = true;
    return tg_socket_bind(agent->config.socket, user, &agent->listener, error);
}

/* Everything that may need root, then root is given up. */
static int prepare(struct tg_agent *agent, struct tg_error *error)
{
    struct tg_user user;
    if (tg_user_find(&agent->config, &user, error) != 0 ||
        read_host_key(&agent->config, &agent->signer, error) != 0 ||
        prepare_parent(agent->config.socket, &user, error) != 0 ||
        prepare_parent(agent->config.roster, &user, error) != 0 ||
        prepare_parent(agent->config.revoked_keys, &user, error) != 0 ||
        (agent->config.host_certificate[0] != '\0' &&
         prepare_parent(agent->config.host_certificate, &user, error) != 0) ||
        tg_directory_prepare(agent->config.state_directory, &user, 0700, error) != 0 ||
        open_listener(agent, &user, error) != 0)
        return -1;
    return tg_privileges_drop(&user, error);
}

static int open_signals(struct tg_agent *agent, struct tg_error *error)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    (void)signal(SIGPIPE, SIG_IGN);
    /* Blocked before libcurl starts its resolver's threads, which inherit the mask. */
    if (sigprocmask(SIG_BLOCK, &set, NULL) == 0)
        agent->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return agent->signals >= 0 ? 0 : tg_fail(error, TG_internal_error, "signalfd: %s", strerror(errno));
}

static int read_configuration(struct tg_agent *agent, struct tg_error *error)
{
    char authority[TG_AUTHORITY_SIZE];
    if (tg_host_config_read(agent->config_path, &agent->config, error) != 0 ||
        tg_service_authority(agent->config.url, authority, error) != 0 ||
        tg_warn_minutes_parse(agent->config.warn_minutes, &agent->warn_minutes, error) != 0)
        return -1;
    if (agent->config.host_certificate[0] != '\0' && agent->config.host_certificate[0] != '/')
        return tg_fail(error, TG_config_bad, "[agent] host_certificate: must be empty or begin with /");
    return tg_agent_read_roots(&agent->config, &agent->roots, error);
}

static int check(struct tg_agent *agent, struct tg_error *error)
{
    struct tg_user user;
    if (tg_user_find(&agent->config, &user, error) != 0 ||
        read_host_key(&agent->config, &agent->signer, error) != 0)
        return -1;
    (void)printf("OK\n");
    return 0;
}

static int run(struct tg_agent *agent, struct tg_error *error)
{
    /* Beside one for each client, session and connection to be ended: state, log, and libcurl's. */
    tg_priority_raise();
    tg_descriptors_allow(TG_CLIENTS_MAX + TG_SESSIONS_MAX + TG_DOOMED_MAX + 128);
    if (open_signals(agent, error) != 0 || prepare(agent, error) != 0)
        return -1;
    tg_agent_read_clocks(agent);
    if (tg_agent_start(agent, error) != 0)
        return -1;
    tg_notify("READY=1");
    tg_log(&agent->log, LOG_NOTICE, "started: host %s, service %s", agent->config.name,
           agent->service.authority);
    int result = tg_agent_loop(agent, error);
    tg_notify("STOPPING=1");
    tg_log(&agent->log, LOG_NOTICE, "stopped");
    return result;
}

static void close_everything(struct tg_agent *agent)
{
    tg_agent_stop(agent);
    if (agent->listener >= 0)
        (void)close(agent->listener);
    if (agent->listener >= 0 && agent->listener_is_ours)
        (void)unlink(agent->config.socket);
    if (agent->signals >= 0)
        (void)close(agent->signals);
    free(agent);
}

int main(int argc, char **argv)
{
    struct settings settings;
    struct tg_error error = {0};
    bool done;
    int status = read_options(argc, argv, &settings, &done);
    if (done)
        return status;
    struct tg_agent *agent = calloc(1, sizeof *agent);
    if (agent == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return EXIT_FAILURE;
    agent->log = (struct tg_log){.program = "tegatad",
                                 .to_stderr = settings.to_stderr || settings.check,
                                 .level = settings.debug ? LOG_DEBUG : LOG_INFO};
    agent->config_path = settings.config_path;
    agent->proc_root = "/proc";
    agent->dev_root = "/dev";
    agent->passwd_path = "/etc/passwd";
    agent->group_path = "/etc/group";
    agent->home_root = "/home";
    agent->resolv_conf_path = "/etc/resolv.conf";
    agent->listener = agent->signals = agent->events.fd = -1;
    (void)umask(077);
    int result = read_configuration(agent, &error);
    if (result == 0)
        result = settings.check ? check(agent, &error) : run(agent, &error);
    if (result != 0)
        tg_log_refusal(&agent->log, error.reason, "%s", error.text);
    close_everything(agent);
    curl_global_cleanup();
    return result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
