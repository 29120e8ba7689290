/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata list: tickets in a table.
 */
#include "cli/duration.h"
#include "cli/link.h"
#include "cli/render.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { COLUMNS = 7 };

/* The cells of one row, each malloc'ed. */
static bool fill_row(char **cells, const struct tg_ticket_view *view, int64_t now)
{
    char text[TG_DURATION_TEXT_SIZE];
    const struct tg_ticket *ticket = view->held.ticket;
    bool pending = view->held.state == TG_TICKET_PENDING;
    int64_t ends = pending ? ticket->approve_by : view->ends;
    cells[0] = strdup(ticket->id);
    cells[1] = strdup(tg_ticket_state_name(view->held.state));
    cells[2] = strdup(ticket->requester);
    cells[3] = tg_join(ticket->hosts, ticket->host_count);
    cells[4] = strdup(ticket->account);
    cells[5] = strdup(
        ends > 0 && !tg_ticket_state_is_final(view->held.state) ? tg_time_relative(ends, now, text) : "");
    cells[6] = strdup(ticket->reason);
    for (size_t i = 0; i < COLUMNS; i++) {
        if (cells[i] == NULL)
            return false;
    }
    return true;
}

static int list_table(struct tg_cli *cli, const json_t *tickets, const struct tg_policy *policy)
{
    static const char *const heading[COLUMNS] = {"TICKET", "STATE", "WHO", "HOSTS", "AS", "ENDS", "WHY"};
    size_t count = json_array_size(tickets);
    int64_t now = time(NULL);
    size_t rows = 1;
    char **cells = calloc((count + 1) * COLUMNS, sizeof *cells);
    if (cells == NULL)
        return TG_EXIT_REFUSED;
    for (size_t i = 0; i < COLUMNS; i++)
        cells[i] = strdup(heading[i]);
    for (size_t i = 0; i < count; i++) {
        struct tg_ticket_view view;
        struct tg_problem problem;
        if (tg_ticket_view_read(json_array_get(tickets, i), policy, now, &view, &problem) != 0) {
            tg_line(&cli->err, "one ticket is not shown: %s: %s", problem.text, problem.detail);
            continue;
        }
        if (fill_row(cells + rows * COLUMNS, &view, now))
            rows++;
        tg_ticket_view_clear(&view);
    }
    if (rows > 1)
        tg_output_table(&cli->out, (const char *const *)cells, COLUMNS, rows);
    else
        tg_line(&cli->out, "No tickets.");
    for (size_t i = 0; i < (count + 1) * COLUMNS; i++)
        free(cells[i]);
    free(cells);
    return TG_EXIT_OK;
}

int tg_command_list(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    struct tg_link link;
    struct tg_problem problem;
    json_t *answer = NULL;
    bool mine = tg_argument(arguments, "mine") != NULL;
    bool approvable = tg_argument(arguments, "approvable") != NULL;
    bool all = tg_argument(arguments, "all") != NULL;
    if (mine + approvable + all > 1)
        return tg_cli_usage(cli, "list: give one of --mine, --approvable and --all");
    const char *target = approvable ? "/v1/tickets?role=approvable&state=open"
                         : all      ? "/v1/tickets?role=all&state=any"
                                    : "/v1/tickets?role=mine&state=open";
    if (tg_link_open(cli, TG_LINK_PERSON, &link, &problem) != 0)
        return tg_cli_complain(cli, &problem);
    int status = TG_EXIT_OK;
    if (tg_client_get(link.client, target, &answer, &problem) != 0)
        status = tg_cli_complain(cli, &problem);
    else if (cli->json)
        tg_output_json(&cli->out, answer);
    else
        status = list_table(cli, json_object_get(answer, "tickets"), link.trusted.policy);
    json_decref(answer);
    tg_link_close(&link);
    return status;
}
