/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata show: everything about one ticket.
 */
#include "cli/duration.h"
#include "cli/extension.h"
#include "cli/fetch.h"
#include "cli/follow.h"
#include "cli/host_session.h"
#include "cli/render.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* All that happened; *follower goes on behind it. */
static void show_events(struct tg_cli *cli, struct tg_follower *follower)
{
    char target[64];
    json_t *answer = NULL;
    struct tg_problem problem;
    size_t index = 0;
    const json_t *event = NULL;
    (void)snprintf(target, sizeof target, "/v1/tickets/%s/events?after=0&wait=0", follower->id);
    if (tg_client_get(follower->link->client, target, &answer, &problem) != 0)
        return;
    if (json_array_size(json_object_get(answer, "events")) > 0)
        tg_line(&cli->out, "What happened");
    json_array_foreach(json_object_get(answer, "events"), index, event)
    {
        follower->after = json_integer_value(json_object_get(event, "number"));
        tg_part(&cli->out, "  ");
        tg_render_event(&cli->out, event);
    }
    json_decref(answer);
}

/* The requester's tickets that could serve the same login, as the verdict wants them: those that are open,
 * and the one that is shown, for why it does not serve any more. */
struct candidates {
    struct tg_ticket_view *views;
    size_t count;
    const struct tg_held_ticket **held;
    size_t held_count;
};

/* It lengthens sessions, but opens none (ticket_extension); only a login's certificate would say so. */
static bool only_extends(const struct tg_ticket *ticket)
{
    return ticket->extends[0] != '\0' && ticket->sessions > 0;
}

static void candidates_add(struct candidates *out, const struct tg_held_ticket *shown)
{
    for (size_t i = 0; i < out->count; i++) {
        if (strcmp(out->held[i]->ticket->id, shown->ticket->id) == 0)
            return;
    }
    if (!only_extends(shown->ticket))
        out->held[out->held_count++] = shown;
}

static void candidates_read(struct candidates *out, const json_t *tickets, const struct tg_held_ticket *shown,
                            const struct tg_policy *policy, int64_t now)
{
    size_t total = json_array_size(tickets);
    *out = (struct candidates){0};
    out->views = calloc(total + 1, sizeof *out->views);
    out->held = calloc(total + 1, sizeof *out->held);
    for (size_t i = 0; out->views != NULL && out->held != NULL && i < total; i++) {
        struct tg_problem problem;
        if (tg_ticket_view_read(json_array_get(tickets, i), policy, now, &out->views[out->count], &problem) !=
            0)
            continue;
        if (only_extends(out->views[out->count].held.ticket)) {
            tg_ticket_view_clear(&out->views[out->count]);
            continue;
        }
        out->held[out->count] = &out->views[out->count].held;
        out->count++;
    }
    out->held_count = out->count;
    if (out->views != NULL && out->held != NULL)
        candidates_add(out, shown);
}

static void candidates_clear(struct candidates *candidates)
{
    for (size_t i = 0; i < candidates->count; i++)
        tg_ticket_view_clear(&candidates->views[i]);
    free(candidates->views);
    free(candidates->held);
}

/* Which ticket a login would use now, host by host: the verdict over these. */
static void show_use(struct tg_cli *cli, struct tg_link *link, const struct tg_held_ticket *shown,
                     int64_t now)
{
    const struct tg_ticket *ticket = shown->ticket;
    json_t *answer = NULL;
    struct tg_problem problem;
    struct candidates candidates;
    if (strcmp(ticket->requester, cli->config.name) != 0 ||
        tg_client_get(link->client, "/v1/tickets?role=mine&state=open", &answer, &problem) != 0)
        return;
    candidates_read(&candidates, json_object_get(answer, "tickets"), shown, link->trusted.policy, now);
    for (size_t i = 0; i < ticket->host_count; i++) {
        struct tg_verdict verdict;
        struct tg_connection connection = {.host = ticket->hosts[i], .account = ticket->account};
        tg_verdict(link->trusted.policy, candidates.held, candidates.held_count, NULL, &connection, now,
                   &verdict);
        if (verdict.reason == TG_allowed && verdict.ticket != NULL)
            tg_field(&cli->out, "login", "%s@%s would use %s", ticket->account, ticket->hosts[i],
                     verdict.ticket->ticket->id);
        else
            tg_field(&cli->out, "login", "%s@%s would be refused: %s: %s%s%s", ticket->account,
                     ticket->hosts[i], tg_reason_name(verdict.reason), tg_reason_text(verdict.reason),
                     verdict.detail[0] != '\0' ? ": " : "", verdict.detail);
    }
    candidates_clear(&candidates);
    json_decref(answer);
}

static void show_view(struct tg_cli *cli, struct tg_follower *follower, const struct tg_ticket_view *view)
{
    struct tg_link *link = follower->link;
    int64_t now = time(NULL);
    const struct tg_ticket *ticket = view->held.ticket;
    tg_render_ticket(&cli->out, ticket, now);
    tg_render_standing(&cli->out, view, now);
    if (view->held.state == TG_TICKET_PENDING)
        tg_render_approvers(&cli->out, view);
    tg_render_hosts(&cli->out, view);
    if (view->held.state == TG_TICKET_PENDING)
        tg_render_extension(&cli->out, link, view, 0, now);
    tg_render_extensions(&cli->out, link, view);
    json_int_t opened = json_integer_value(json_object_get(view->json, "opened"));
    if (opened > 0 || ticket->sessions > 0)
        tg_field(&cli->out, "opened", "%" JSON_INTEGER_FORMAT " %s", opened,
                 tg_plural((size_t)opened, "session", "sessions"));
    tg_render_sessions(&cli->out, link, ticket->id, now);
    show_use(cli, link, &view->held, now);
    show_events(cli, follower);
}

/* Is the ticket over, and every session that it opened? */
static int look_for_end(const struct tg_follower *follower, bool *over, struct tg_problem *problem)
{
    json_t *answer = NULL;
    *over = false;
    if (!tg_ticket_state_is_final(follower->state))
        return 0;
    if (tg_host_sessions_of(follower->link, follower->id, true, &answer, problem) != 0)
        return -1;
    *over = json_array_size(json_object_get(answer, "sessions")) == 0;
    json_decref(answer);
    return 0;
}

static int follow(struct tg_cli *cli, struct tg_follower *follower, struct tg_problem *problem)
{
    bool over = false;
    follower->last_answer = tg_monotonic_seconds();
    (void)fflush(cli->out.stream);
    if (look_for_end(follower, &over, problem) != 0)
        return -1;
    while (!over) {
        bool failed = tg_follow(follower, TG_FOLLOW_SECONDS, &cli->out, problem) != 0 ||
                      look_for_end(follower, &over, problem) != 0;
        if (failed && !tg_follow_again(follower->last_answer, problem))
            return -1;
    }
    /* What came between the last answer and the look at the sessions: their end, for one. */
    return tg_follow(follower, 0, &cli->out, problem) == 0 ? TG_EXIT_OK : -1;
}

int tg_command_show(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    struct tg_link link;
    struct tg_problem problem;
    struct tg_ticket_view view;
    int status = TG_EXIT_OK;
    if (tg_link_open(cli, TG_LINK_PERSON, &link, &problem) != 0)
        return tg_cli_complain(cli, &problem);
    if (tg_fetch_ticket(&link, arguments->operands[0], &view, &problem) != 0) {
        status = -1;
    } else {
        struct tg_follower follower = {
            .cli = cli, .link = &link, .id = view.held.ticket->id, .state = view.held.state};
        if (cli->json)
            tg_output_json(&cli->out, view.json);
        else
            show_view(cli, &follower, &view);
        if (tg_argument(arguments, "follow") != NULL)
            status = follow(cli, &follower, &problem);
        tg_ticket_view_clear(&view);
    }
    tg_link_close(&link);
    return status < 0 ? tg_cli_complain(cli, &problem) : status;
}
