/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata request: asks for a ticket, and with --wait follows it until the hosts have it.
 */
#include "cli/duration.h"
#include "cli/link.h"
#include "cli/render.h"
#include "cli/signing_key.h"
#include "cli/submit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HOSTS_MAX = 32 };

/* The wish and the arrays that it points into. */
struct wish {
    struct tg_ticket_wish ticket;
    char *host_text;
    const char *hosts[HOSTS_MAX];
    const char *groups[TG_GIVEN_MAX];
    const char *sudo[TG_GIVEN_MAX];
    const char *options[TG_GIVEN_MAX];
    const char *permit_open[TG_GIVEN_MAX];
    const char *source[TG_GIVEN_MAX];
    uint32_t wait; /* as of tg_wait_parse() */
};

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
static bool split_hosts(const char *text, struct wish *wish)
{
    char *rest = NULL;
    wish->host_text = strdup(text);
    if (wish->host_text == NULL)
        return false;
    for (char *host = strtok_r(wish->host_text, ",", &rest); host != NULL;
         host = strtok_r(NULL, ",", &rest)) {
        if (wish->ticket.host_count == HOSTS_MAX)
            return false;
        wish->hosts[wish->ticket.host_count++] = host;
    }
    wish->ticket.hosts = wish->hosts;
    return wish->ticket.host_count > 0;
}

static int read_times(struct tg_cli *cli, const struct tg_arguments *arguments, int64_t now,
                      struct wish *wish)
{
    const char *length = tg_argument(arguments, "for");
    const char *begin = tg_argument(arguments, "at");
    const char *sessions = tg_argument(arguments, "sessions");
    const char *wait = tg_argument(arguments, "wait");
    if (length == NULL)
        return tg_cli_usage(cli, "request: say for how long: --for 30m");
    if (!tg_duration_parse(length, &wish->ticket.seconds))
        return tg_cli_usage(cli, "request: --for %s: that is no duration; write 30m, 2h or 1h30m", length);
    if (begin != NULL && !tg_time_parse(begin, now, &wish->ticket.not_before))
        return tg_cli_usage(
            cli, "request: --at %s: that is no time; write 18:30, \"2026-11-23 18:30\" or +2h", begin);
    if (sessions != NULL && !read_count(sessions, &wish->ticket.sessions))
        return tg_cli_usage(cli, "request: --sessions %s: that is no number", sessions);
    if (!tg_wait_parse(wait, &wish->wait))
        return tg_cli_usage(cli, "request: --wait=%s: that is no number of seconds and no duration", wait);
    return TG_EXIT_OK;
}

/* Lists that were not given stay NULL: then the ticket asks for all that the rule grants. */
static int read_wish(struct tg_cli *cli, const struct tg_arguments *arguments, int64_t now, struct wish *wish)
{
    struct tg_ticket_wish *ticket = &wish->ticket;
    if (!split_hosts(arguments->operands[0], wish))
        return tg_cli_usage(cli, "request: HOST is one to %d host names with commas between them", HOSTS_MAX);
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
    if (ticket->reason == NULL || *ticket->reason == '\0')
        return tg_cli_usage(cli, "request: say what it is for: --reason \"restart the matcher\"");
    return read_times(cli, arguments, now, wish);
}

/* Is this open ticket of mine for the same account and at least the same hosts? */
static bool is_like(const struct tg_ticket *mine, const struct tg_ticket *new_one)
{
    if (strcmp(mine->account, new_one->account) != 0 || strcmp(mine->key, new_one->key) != 0)
        return false;
    for (size_t i = 0; i < new_one->host_count; i++) {
        bool found = false;
        for (size_t k = 0; k < mine->host_count && !found; k++)
            found = strcmp(mine->hosts[k], new_one->hosts[i]) == 0;
        if (!found)
            return false;
    }
    return true;
}

/* Tells about an open ticket for the same thing. Only a courtesy: a failure is not worth a word. */
static void mention_like(struct tg_cli *cli, struct tg_link *link, const struct tg_ticket *new_one,
                         int64_t now)
{
    json_t *answer = NULL;
    struct tg_problem problem;
    size_t index = 0;
    json_t *json = NULL;
    if (tg_client_get(link->client, "/v1/tickets?role=mine&state=open", &answer, &problem) != 0)
        return;
    json_array_foreach(json_object_get(answer, "tickets"), index, json)
    {
        struct tg_ticket_view view;
        char until[TG_TIME_TEXT_SIZE];
        if (tg_ticket_view_read(json, link->trusted.policy, now, &view, &problem) != 0)
            continue;
        const struct tg_ticket *mine = view.held.ticket;
        if (is_like(mine, new_one) && view.ends > now)
            tg_line(&cli->err, "note: you already have %s for this, valid until %s", mine->id,
                    tg_time_text(view.ends, until));
        else if (is_like(mine, new_one) && view.held.state == TG_TICKET_PENDING)
            tg_line(&cli->err, "note: you already have %s pending for this, to be approved by %s", mine->id,
                    tg_time_text(mine->approve_by, until));
        tg_ticket_view_clear(&view);
    }
    json_decref(answer);
}

static int request_with(struct tg_cli *cli, struct tg_link *link, struct wish *wish, int64_t now,
                        struct tg_problem *problem)
{
    struct tg_public_key *key = NULL;
    struct tg_error error = {0};
    if (tg_signing_key_public(cli->config.key, &key, NULL, &error) != 0)
        return tg_problem_from_error(problem, &error);
    wish->ticket.requester = cli->config.name;
    wish->ticket.key = key->fingerprint;
    int status = tg_submit(cli, link, &wish->ticket, now, wish->wait, mention_like, problem);
    tg_public_key_free(key);
    return status;
}

int tg_command_request(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    struct wish wish = {0};
    struct tg_link link;
    struct tg_problem problem;
    int64_t now = time(NULL);
    int status = read_wish(cli, arguments, now, &wish);
    if (status == TG_EXIT_OK) {
        status = -1;
        if (tg_link_open(cli, TG_LINK_PERSON, &link, &problem) == 0) {
            status = request_with(cli, &link, &wish, now, &problem);
            tg_link_close(&link);
        }
    }
    free(wish.host_text);
    return status < 0 ? tg_cli_complain(cli, &problem) : status;
}
