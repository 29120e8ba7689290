/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/submit.h"

#include "cli/duration.h"
#include "cli/render.h"
#include "cli/wait.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool tg_wait_parse(const char *text, uint32_t *seconds)
{
    *seconds = text == NULL ? 0 : UINT32_MAX;
    return text == NULL || *text == '\0' || tg_duration_parse(text, seconds);
}

static int send_ticket(struct tg_link *link, const char *document, size_t length, json_t **answer,
                       struct tg_problem *problem)
{
    struct tg_call call = {.method = "POST",
                           .target = "/v1/tickets",
                           .credential = TG_CREDENTIAL_PERSON,
                           .body = document,
                           .body_length = length};
    return tg_client_call(link->client, &call, answer, problem);
}

static void report(struct tg_cli *cli, const struct tg_ticket_view *view, int64_t now)
{
    char text[TG_DURATION_TEXT_SIZE];
    const struct tg_ticket *ticket = view->held.ticket;
    (void)fprintf(cli->out.stream, "%s\n", ticket->id);
    if (ticket->extends[0] != '\0')
        tg_line(&cli->out,
                "Lengthens the running sessions of %s: they may go on until %s after the last approval.",
                ticket->extends, tg_duration_text(ticket->seconds, text));
    tg_line(&cli->out, "Requested under rule %s, %s; to be approved %s.", ticket->rule,
            tg_ticket_state_name(view->held.state), tg_time_relative(ticket->approve_by, now, text));
    for (size_t i = 0; view->rule != NULL && i < view->rule->approver_count; i++) {
        if (view->missing[i] > 0)
            tg_field(&cli->out, "missing", "%" PRIu32 " from group %s", view->missing[i],
                     view->rule->approvers[i].group);
    }
    tg_render_approvers(&cli->out, view);
    tg_field(&cli->out, "tell them", "tegata approve %s", ticket->id);
    (void)fflush(cli->out.stream);
}

int tg_submit(struct tg_cli *cli, struct tg_link *link, const struct tg_ticket_wish *wish, int64_t now,
              uint32_t wait, tg_before_submission *before, struct tg_problem *problem)
{
    struct tg_ticket *ticket = NULL;
    struct tg_ticket_view view = {0};
    struct tg_error error = {0};
    char *document = NULL;
    size_t length = 0;
    json_t *answer = NULL;
    int status = -1;
    if (tg_ticket_compose(link->trusted.policy, wish, now, &document, &length, &error) != 0 ||
        tg_ticket_parse(tg_bytes_of(document, length), &ticket, &error) != 0) {
        (void)tg_problem_from_error(problem, &error);
        goto out;
    }
    if (before != NULL)
        before(cli, link, ticket, now);
    if (send_ticket(link, document, length, &answer, problem) != 0 ||
        tg_ticket_view_read(answer, link->trusted.policy, now, &view, problem) != 0)
        goto out;
    if (strcmp(view.held.ticket->digest, ticket->digest) != 0) {
        (void)tg_problem_set(problem, TG_ticket_malformed,
                             "the service answered with another ticket than the one sent");
        goto out;
    }
    if (!cli->json)
        report(cli, &view, now);
    else if (wait == 0)
        tg_output_json(&cli->out, answer);
    status = wait == 0 ? TG_EXIT_OK : tg_wait_for_ticket(cli, link, ticket->id, wait, problem);
out:
    tg_ticket_view_clear(&view);
    json_decref(answer);
    tg_ticket_free(ticket);
    free(document);
    return status;
}
