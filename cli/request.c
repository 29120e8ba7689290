/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata request: asks for a ticket, and with --wait follows it until the hosts have it.
 */
#include "cli/duration.h"
#include "cli/link.h"
#include "cli/render.h"
#include "cli/signing_key.h"
#include "cli/submit.h"
#include "cli/wish.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

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

static int request_with(struct tg_cli *cli, struct tg_link *link, struct tg_request_wish *wish, int64_t now,
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
    struct tg_request_wish wish;
    struct tg_link link;
    struct tg_problem problem;
    int64_t now = time(NULL);
    int status = tg_request_wish_read(cli, "request", arguments->operands[0], arguments, now, &wish);
    if (status == TG_EXIT_OK && (wish.ticket.reason == NULL || *wish.ticket.reason == '\0'))
        status = tg_cli_usage(cli, "request: say what it is for: --reason \"restart the matcher\"");
    if (status == TG_EXIT_OK && wish.ticket.seconds == 0)
        status = tg_cli_usage(cli, "request: say for how long: --for 30m");
    if (status == TG_EXIT_OK) {
        status = -1;
        if (tg_link_open(cli, TG_LINK_PERSON, &link, &problem) == 0) {
            status = request_with(cli, &link, &wish, now, &problem);
            tg_link_close(&link);
        }
    }
    tg_request_wish_clear(&wish);
    return status < 0 ? tg_cli_complain(cli, &problem) : status;
}
