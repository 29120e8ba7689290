/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/fetch.h"

#include "lib/form.h"

#include <string.h>
#include <time.h>

int tg_fetch_ticket(struct tg_link *link, const char *id, struct tg_ticket_view *view,
                    struct tg_problem *problem)
{
    char target[64];
    json_t *answer = NULL;
    *view = (struct tg_ticket_view){0};
    if (!tg_form_ticket_id.matches(id))
        return tg_problem_set(problem, TG_not_found,
                              "%s is not a ticket: it should look like T-0123456789ABC", id);
    (void)snprintf(target, sizeof target, "/v1/tickets/%s", id);
    if (tg_client_get(link->client, target, &answer, problem) != 0)
        return -1;
    int result = tg_ticket_view_read(answer, link->trusted.policy, time(NULL), view, problem);
    json_decref(answer);
    if (result == 0 && strcmp(view->held.ticket->id, id) != 0) {
        result = tg_problem_set(problem, TG_ticket_malformed,
                                "the service answered with ticket %s instead of %s: do not trust it",
                                view->held.ticket->id, id);
        tg_ticket_view_clear(view);
    }
    return result;
}
