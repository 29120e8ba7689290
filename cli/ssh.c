/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata ssh: everything that a login needs, then ssh. tegata prepare: the same without ssh, for Match exec
 * in ssh_config(5). Neither writes to standard output: that is ssh's.
 */
#include "cli/enter.h"
#include "cli/ssh_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* "ACCOUNT@HOST" or "HOST": the two parts, malloc'ed; *account is NULL if it is not there. */
static bool split_destination(const char *text, char **account, char **host)
{
    const char *at = strrchr(text, '@');
    *account = at != NULL ? strndup(text, (size_t)(at - text)) : NULL;
    *host = strdup(at != NULL ? at + 1 : text);
    return *host != NULL && (*host)[0] != '\0' && strchr(*host, ',') == NULL &&
           (at == NULL || *account != NULL);
}

/* Becomes ssh. Comes back only if that fails. */
static int become_ssh(const struct tg_cli *cli, struct tg_link *link, const char *account, const char *host,
                      char **rest, int rest_count, struct tg_problem *problem)
{
    struct tg_ssh_options options;
    struct tg_error error = {0};
    if (tg_ssh_options_make(&cli->config, link->trusted.policy, account, host, rest, rest_count, &options,
                            &error) != 0)
        return tg_problem_from_error(problem, &error);
    tg_link_close(link);
    (void)fflush(NULL);
    (void)execvp(options.arguments[0], options.arguments);
    (void)tg_problem_set(problem, TG_internal_error, "ssh cannot be run: %s; install openssh-client",
                         strerror(errno));
    tg_ssh_options_clear(&options);
    return -1;
}

static int enter(struct tg_cli *cli, const char *command, const struct tg_arguments *arguments, bool then_ssh)
{
    struct tg_request_wish wish = {0};
    struct tg_link link = {0};
    struct tg_problem problem;
    char *account = NULL;
    char *host = NULL;
    int status = TG_EXIT_USAGE;
    cli->out = cli->err;
    if (!split_destination(arguments->operands[0], &account, &host)) {
        (void)tg_cli_usage(cli, "%s: one host: %s [ACCOUNT@]HOST", command, command);
        goto out;
    }
    status = tg_request_wish_read(cli, command, host, arguments, time(NULL), &wish);
    if (status != TG_EXIT_OK)
        goto out;
    if (account != NULL && wish.ticket.account != NULL && strcmp(account, wish.ticket.account) != 0) {
        status = tg_cli_usage(cli, "%s: --account says %s, and the host's name %s", command,
                              wish.ticket.account, account);
        goto out;
    }
    if (account != NULL)
        wish.ticket.account = account;
    status = -1;
    if (tg_link_open(cli, TG_LINK_PERSON, &link, &problem) == 0)
        status = tg_enter(cli, &link, &wish, &problem);
    if (status == TG_EXIT_OK && then_ssh)
        status = become_ssh(cli, &link, wish.ticket.account, host, arguments->operands + 1,
                            arguments->operand_count - 1, &problem);
    if (status < 0)
        status = tg_cli_complain(cli, &problem);
    tg_link_close(&link);
out:
    tg_request_wish_clear(&wish);
    free(account);
    free(host);
    return status;
}

int tg_command_ssh(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    return enter(cli, "ssh", arguments, true);
}

int tg_command_prepare(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    return enter(cli, "prepare", arguments, false);
}
