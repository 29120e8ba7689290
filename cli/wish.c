/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/wish.h"

#include "cli/duration.h"
#include "cli/submit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool read_count(const char *text, uint32_t *number)
{
    char *end = NULL;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || value > UINT32_MAX)
        return false;
    *number = (uint32_t)value;
    return true;
}

/* "ops1,ops2" */
static bool split_hosts(const char *text, struct tg_request_wish *wish)
{
    char *rest = NULL;
    wish->host_text = strdup(text);
    if (wish->host_text == NULL)
        return false;
    for (char *host = strtok_r(wish->host_text, ",", &rest); host != NULL;
         host = strtok_r(NULL, ",", &rest)) {
        if (wish->ticket.host_count == TG_WISH_HOSTS_MAX)
            return false;
        wish->hosts[wish->ticket.host_count++] = host;
    }
    wish->ticket.hosts = wish->hosts;
    return wish->ticket.host_count > 0;
}

static int read_times(struct tg_cli *cli, const char *command, const struct tg_arguments *arguments,
                      int64_t now, struct tg_request_wish *wish)
{
    const char *length = tg_argument(arguments, "for");
    const char *begin = tg_argument(arguments, "at");
    const char *sessions = tg_argument(arguments, "sessions");
    const char *wait = tg_argument(arguments, "wait");
    if (length != NULL && !tg_duration_parse(length, &wish->ticket.seconds))
        return tg_cli_usage(cli, "%s: --for %s: that is no duration; write 30m, 2h or 1h30m", command,
                            length);
    if (begin != NULL && !tg_time_parse(begin, now, &wish->ticket.not_before))
        return tg_cli_usage(cli, "%s: --at %s: that is no time; write 18:30, \"2026-11-23 18:30\" or +2h",
                            command, begin);
    if (sessions != NULL && !read_count(sessions, &wish->ticket.sessions))
        return tg_cli_usage(cli, "%s: --sessions %s: that is no number", command, sessions);
    if (!tg_wait_parse(wait, &wish->wait))
        return tg_cli_usage(cli, "%s: --wait=%s: that is no number of seconds and no duration", command,
                            wait);
    return TG_EXIT_OK;
}

/* Lists that were not given stay NULL: then the ticket asks for all that the rule grants. */
int tg_request_wish_read(struct tg_cli *cli, const char *command, const char *hosts,
                         const struct tg_arguments *arguments, int64_t now, struct tg_request_wish *wish)
{
    *wish = (struct tg_request_wish){0};
    struct tg_ticket_wish *ticket = &wish->ticket;
    if (!split_hosts(hosts, wish))
        return tg_cli_usage(cli, "%s: HOST is one to %d host names with commas between them", command,
                            TG_WISH_HOSTS_MAX);
    ticket->account = tg_argument(arguments, "account");
    ticket->command = tg_argument(arguments, "command");
    ticket->reason = tg_argument(arguments, "reason");
    ticket->reference = tg_argument(arguments, "reference");
    ticket->rule = tg_argument(arguments, "rule");
    ticket->emergency = tg_argument(arguments, "emergency") != NULL;
    ticket->group_count = tg_argument_list(arguments, "group", wish->groups);
    ticket->groups = ticket->group_count > 0 ? wish->groups : NULL;
    ticket->sudo_count = tg_argument_list(arguments, "sudo", wish->sudo);
    ticket->sudo = ticket->sudo_count > 0 ? wish->sudo : NULL;
    ticket->option_count = tg_argument_list(arguments, "option", wish->options);
    ticket->options = ticket->option_count > 0 ? wish->options : NULL;
    ticket->permit_open_count = tg_argument_list(arguments, "permit-open", wish->permit_open);
    ticket->permit_open = wish->permit_open;
    ticket->source_count = tg_argument_list(arguments, "source", wish->source);
    ticket->source = wish->source;
    return read_times(cli, command, arguments, now, wish);
}

void tg_request_wish_clear(struct tg_request_wish *wish)
{
    free(wish->host_text);
    *wish = (struct tg_request_wish){0};
}
