/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata extend: asks for a ticket that lengthens the running sessions of another, with the same rights.
 */
#include "cli/duration.h"
#include "cli/fetch.h"
#include "cli/submit.h"

#include <string.h>
#include <time.h>

static int check_rule(const struct tg_ticket_view *running, uint32_t seconds, struct tg_problem *problem)
{
    const struct tg_ticket *ticket = running->held.ticket;
    char most[TG_DURATION_TEXT_SIZE];
    if (running->rule == NULL)
        return tg_problem_set(problem, TG_rule_gone, "%s: %s", ticket->id, ticket->rule);
    if (running->rule->max_extension_seconds == 0)
        return tg_problem_set(problem, TG_ticket_no_rule,
                              "rule %s allows no extension (its max_extension_seconds is 0): request a new "
                              "ticket and log in again",
                              ticket->rule);
    if (seconds > running->rule->max_extension_seconds)
        return tg_problem_set(problem, TG_ticket_no_rule,
                              "rule %s extends a session by %s at most in all (max_extension_seconds)",
                              ticket->rule, tg_duration_text(running->rule->max_extension_seconds, most));
    return 0;
}

/* What the service would refuse in other words. */
static int check_extendable(const struct tg_cli *cli, const struct tg_ticket_view *running, uint32_t seconds,
                            int64_t now, struct tg_problem *problem)
{
    const struct tg_ticket *ticket = running->held.ticket;
    enum tg_ticket_state state = running->held.state;
    char when[TG_TIME_TEXT_SIZE];
    if (strcmp(ticket->requester, cli->config.name) != 0)
        return tg_problem_set(problem, TG_request_forbidden, "%s is a ticket of %s", ticket->id,
                              ticket->requester);
    if (ticket->extends[0] != '\0')
        return tg_problem_set(problem, TG_extension_differs,
                              "%s is an extension itself: extend the ticket that opened the session, %s",
                              ticket->id, ticket->extends);
    if (state == TG_TICKET_PENDING)
        return tg_problem_set(problem, TG_ticket_state, "%s is pending: it opens no session yet", ticket->id);
    if (tg_ticket_state_is_final(state) && state != TG_TICKET_EXHAUSTED && state != TG_TICKET_EXPIRED)
        return tg_problem_set(problem, TG_ticket_state, "%s is %s: there is nothing to extend", ticket->id,
                              tg_ticket_state_name(state));
    if (check_rule(running, seconds, problem) != 0)
        return -1;
    int64_t limit = running->ends + running->rule->max_extension_seconds;
    if (running->ends > 0 && now >= limit)
        return tg_problem_set(problem, TG_ticket_late,
                              "rule %s let the sessions of %s be extended until %s (max_extension_seconds)",
                              ticket->rule, ticket->id, tg_time_text(limit, when));
    return 0;
}

/* The policy's bound beyond the ticket's own window is nothing to be refused for: the session just ends
 * there.
 */
static void mention_limit(struct tg_cli *cli, const struct tg_ticket_view *running, uint32_t seconds,
                          int64_t now)
{
    char when[TG_TIME_TEXT_SIZE];
    int64_t limit = running->ends + running->rule->max_extension_seconds;
    if (running->ends > 0 && now + seconds > limit)
        tg_line(&cli->err, "note: rule %s lets the sessions of %s run until %s at most", running->rule->id,
                running->held.ticket->id, tg_time_text(limit, when));
}

static int extend(struct tg_cli *cli, struct tg_link *link, const struct tg_arguments *arguments,
                  uint32_t seconds, uint32_t wait, struct tg_problem *problem)
{
    struct tg_ticket_view running;
    struct tg_ticket_wish wish;
    int64_t now = time(NULL);
    int status = -1;
    if (tg_fetch_ticket(link, arguments->operands[0], &running, problem) != 0)
        return -1;
    if (check_extendable(cli, &running, seconds, now, problem) == 0) {
        mention_limit(cli, &running, seconds, now);
        tg_ticket_wish_extension(running.held.ticket, seconds, tg_argument(arguments, "reason"), &wish);
        status = tg_submit(cli, link, &wish, now, wait, NULL, problem);
    }
    tg_ticket_view_clear(&running);
    return status;
}

int tg_command_extend(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    struct tg_link link;
    struct tg_problem problem;
    uint32_t seconds = 0;
    uint32_t wait = 0;
    const char *length = arguments->operands[1];
    const char *reason = tg_argument(arguments, "reason");
    if (!tg_duration_parse(length, &seconds))
        return tg_cli_usage(cli, "extend: %s: that is no duration; write 30m, 2h or 1h30m", length);
    if (reason != NULL && *reason == '\0')
        return tg_cli_usage(cli, "extend: --reason is empty; without it the ticket's own reason is taken");
    if (!tg_wait_parse(tg_argument(arguments, "wait"), &wait))
        return tg_cli_usage(cli, "extend: --wait=%s: that is no number of seconds and no duration",
                            tg_argument(arguments, "wait"));
    if (tg_link_open(cli, TG_LINK_PERSON, &link, &problem) != 0)
        return tg_cli_complain(cli, &problem);
    int status = extend(cli, &link, arguments, seconds, wait, &problem);
    tg_link_close(&link);
    return status < 0 ? tg_cli_complain(cli, &problem) : status;
}
