/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata config: the block of ~/.ssh/config with which plain ssh does what tegata ssh does.
 */
#include "cli/files.h"
#include "cli/known_hosts.h"
#include "cli/link.h"
#include "cli/ssh_options.h"

#include <fnmatch.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HOSTS_MAX = 1024 };

struct hosts {
    const char *names[HOSTS_MAX];
    size_t count;
    json_t *answer; /* owns the names, if they are the service's */
};

#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_"

/* A name that means the same to ssh, to the shell and to a person. */
static bool is_plain(const char *name)
{
    return name[0] != '\0' && name[0] != '-' && name[strspn(name, PLAIN)] == '\0';
}

/* Writes what makes tegata read the configuration that was read here: " -C PATH", or nothing if that is the
 * usual one. */
static int print_config(const struct tg_cli *cli, FILE *to, struct tg_error *error)
{
    int result = 0;
    if (cli->config_path == NULL)
        return 0;
    char *path = realpath(cli->config_path, NULL);
    if (path == NULL || path[strspn(path, PLAIN "/")] != '\0')
        result = tg_fail(error, TG_client_config,
                         "%s: ssh can only be told of a path of letters, digits and ./_-", cli->config_path);
    else
        (void)fprintf(to, " -C %s", path);
    free(path);
    return result;
}

/* May the person request anything there? */
static bool is_for(const struct tg_policy *policy, const struct tg_person *person, const char *host)
{
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct tg_rule *rule = &policy->rules[i];
        bool matches = false;
        bool requests = false;
        for (size_t k = 0; k < rule->host_count && !matches; k++)
            matches = fnmatch(rule->hosts[k], host, 0) == 0;
        for (size_t k = 0; k < rule->requester_count && !requests; k++)
            requests = tg_person_in_group(person, rule->requesters[k]);
        if (matches && requests)
            return true;
    }
    return false;
}

/* The hosts that are enrolled and of any use to the person. */
static int read_hosts(const struct tg_cli *cli, struct tg_link *link, struct hosts *hosts,
                      struct tg_problem *problem)
{
    size_t index = 0;
    const json_t *host = NULL;
    const struct tg_person *person = tg_policy_person(link->trusted.policy, cli->config.name);
    if (tg_client_get(link->client, "/v1/hosts", &hosts->answer, problem) != 0)
        return -1;
    json_array_foreach(json_object_get(hosts->answer, "hosts"), index, host)
    {
        const char *name = json_string_value(json_object_get(host, "name"));
        if (name != NULL && is_plain(name) && hosts->count < HOSTS_MAX &&
            is_for(link->trusted.policy, person, name))
            hosts->names[hosts->count++] = name;
    }
    if (hosts->count == 0)
        return tg_problem_set(problem, TG_host_unknown,
                              "no host is enrolled for which %s could request a ticket", person->name);
    return 0;
}

/* ssh's %r is the account that was asked for, or the local user's name: only where that is the person's own
 * name does it say what is meant. */
static bool has_same_name(const char *person)
{
    const struct passwd *user = getpwuid(getuid());
    return user != NULL && strcmp(user->pw_name, person) == 0;
}

static int print_block(const struct tg_cli *cli, const struct tg_policy *policy, const struct hosts *hosts,
                       FILE *to, struct tg_error *error)
{
    bool same_name = has_same_name(cli->config.name);
    (void)fprintf(
        to, "# Made by tegata config: certificate and ticket before ssh connects.\nMatch originalhost ");
    for (size_t i = 0; i < hosts->count; i++)
        (void)fprintf(to, "%s%s", i > 0 ? "," : "", hosts->names[i]);
    (void)fputs(" exec \"tegata", to);
    if (print_config(cli, to, error) != 0)
        return -1;
    (void)fprintf(to, " prepare %s%%n\"\n", same_name ? "--account %r " : "");
    if (tg_ssh_options_print(&cli->config, policy, to, error) != 0)
        return -1;
    if (!same_name)
        (void)fprintf(to, "    User %s\n", cli->config.name);
    /* A host's certificate names it as tickets do, wherever HostName sends the connection. */
    for (size_t i = 0; policy->host_ca_count > 0 && i < hosts->count; i++)
        (void)fprintf(to, "Match originalhost %s\n    HostKeyAlias %s\n", hosts->names[i], hosts->names[i]);
    return 0;
}

/* Writes ssh_config and known_hosts, and says what to do with them. */
static int write_files(const struct tg_cli *cli, const struct tg_policy *policy, const char *text,
                       struct tg_error *error)
{
    int result = -1;
    char *path = tg_person_file("ssh_config");
    char *folder = tg_person_file("");
    char *quoted = path != NULL ? tg_ssh_quote(path) : NULL;
    if (quoted == NULL || folder == NULL)
        (void)tg_fail(error, TG_file_failed, "ssh_config: there is no HOME to put it into");
    else if (tg_directory_make(folder) != 0)
        (void)tg_fail(error, TG_file_failed, "%s: it cannot be made", folder);
    else if (tg_known_hosts_write(policy, error) == 0 &&
             tg_file_replace(path, 0644, text, strlen(text), error) == 0)
        result = 0;
    if (result == 0)
        tg_line(&cli->err, "Written: %s. Have ssh read it: put this line first in ~/.ssh/config: Include %s",
                path, quoted);
    free(quoted);
    free(folder);
    free(path);
    return result;
}

static int make_block(const struct tg_cli *cli, struct tg_link *link, const struct hosts *hosts, bool write,
                      struct tg_problem *problem)
{
    struct tg_error error = {0};
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    int result = to != NULL ? print_block(cli, link->trusted.policy, hosts, to, &error)
                            : tg_fail(&error, TG_internal_error, "out of memory");
    if (to != NULL && fclose(to) != 0 && result == 0)
        result = tg_fail(&error, TG_internal_error, "out of memory");
    if (result == 0 && write)
        result = write_files(cli, link->trusted.policy, text, &error);
    else if (result == 0)
        (void)fputs(text, cli->out.stream);
    free(text);
    return result == 0 ? 0 : tg_problem_from_error(problem, &error);
}

int tg_command_config(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    struct tg_link link;
    struct tg_problem problem;
    struct hosts hosts = {0};
    if (arguments->operand_count > HOSTS_MAX)
        return tg_cli_usage(cli, "config: more than %d hosts", HOSTS_MAX);
    for (int i = 0; i < arguments->operand_count; i++) {
        if (!is_plain(arguments->operands[i]))
            return tg_cli_usage(cli, "config: that is no host's name: %s", arguments->operands[i]);
        hosts.names[hosts.count++] = arguments->operands[i];
    }
    if (tg_link_open(cli, TG_LINK_PERSON, &link, &problem) != 0)
        return tg_cli_complain(cli, &problem);
    int result = hosts.count > 0 ? 0 : read_hosts(cli, &link, &hosts, &problem);
    if (result == 0)
        result = make_block(cli, &link, &hosts, tg_argument(arguments, "write") != NULL, &problem);
    json_decref(hosts.answer);
    tg_link_close(&link);
    return result == 0 ? TG_EXIT_OK : tg_cli_complain(cli, &problem);
}
