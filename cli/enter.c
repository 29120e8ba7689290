/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/enter.h"

#include "cli/ask.h"
#include "cli/duration.h"
#include "cli/known_hosts.h"
#include "cli/login.h"
#include "cli/login_certificate.h"
#include "cli/signing_key.h"
#include "cli/submit.h"
#include "cli/ticket_view.h"
#include "cli/wait.h"

#include "lib/form.h"

#include <string.h>
#include <time.h>

enum {
    CERTIFICATE_SECONDS = 120, /* a certificate must be good for this long, so that it is when ssh shows it */
    TICKET_SECONDS = 30,       /* a ticket likewise */
    ANSWER_SIZE = 512,
};

static int ensure_certificate(struct tg_cli *cli, struct tg_link *link, const struct tg_public_key *key,
                              struct tg_problem *problem)
{
    static const struct tg_login_wish as_usual = {0};
    struct tg_error error = {0};
    if (tg_login_certificate_left(&cli->config, link->trusted.policy, key, time(NULL)) >= CERTIFICATE_SECONDS)
        return tg_known_hosts_write(link->trusted.policy, &error) == 0
                   ? 0
                   : tg_problem_from_error(problem, &error);
    return tg_login(cli, link, &as_usual, problem);
}

static bool has_all(const char *const *texts, size_t count, const char *const *wanted, size_t wanted_count)
{
    for (size_t i = 0; i < wanted_count; i++) {
        if (!tg_is_among(wanted[i], texts, count))
            return false;
    }
    return true;
}

/* Does it grant what options ask for? A ticket for one command alone is none for a shell. */
static bool grants(const struct tg_ticket *ticket, const struct tg_ticket_wish *wish)
{
    return ticket->command[0] == '\0' && (wish->rule == NULL || strcmp(ticket->rule, wish->rule) == 0) &&
           has_all(ticket->groups, ticket->group_count, wish->groups, wish->group_count) &&
           has_all(ticket->sudo, ticket->sudo_count, wish->sudo, wish->sudo_count) &&
           has_all(ticket->permit_open, ticket->permit_open_count, wish->permit_open,
                   wish->permit_open_count) &&
           (wish->source_count == 0 ||
            (ticket->source_count > 0 &&
             has_all(wish->source, wish->source_count, ticket->source, ticket->source_count)));
}

/* Is it for the host and the account, with the login key, and does it open or lead to a session? */
static bool fits(const struct tg_ticket_view *view, const char *host, const char *account,
                 const struct tg_public_key *key, int64_t now)
{
    const struct tg_ticket *ticket = view->held.ticket;
    bool named = false;
    for (size_t i = 0; i < ticket->host_count && !named; i++)
        named = strcmp(ticket->hosts[i], host) == 0;
    if (!named || strcmp(ticket->account, account) != 0 || strcmp(ticket->key, key->fingerprint) != 0 ||
        ticket->extends[0] != '\0' || view->covered != TG_allowed)
        return false;
    if (view->held.state == TG_TICKET_PENDING)
        return ticket->approve_by > now;
    return (view->held.state == TG_TICKET_APPROVED || view->held.state == TG_TICKET_ACTIVE) &&
           view->begins <= now && view->ends > now + TICKET_SECONDS;
}

/* The ticket that gets in soonest: one that is approved, and of those the one that ends last; else one that
 * waits. */
static bool is_better(const struct tg_ticket_view *view, enum tg_ticket_state state, int64_t ends)
{
    bool approved = view->held.state != TG_TICKET_PENDING;
    return approved != (state != TG_TICKET_PENDING) ? approved : view->ends > ends;
}

/* Looks through one's open tickets. *id is "" if none fits; *ready: the hosts have it. */
static int find_ticket(struct tg_link *link, const struct tg_ticket_wish *wish,
                       const struct tg_public_key *key, char id[TG_TICKET_ID_SIZE], bool *ready,
                       struct tg_problem *problem)
{
    json_t *answer = NULL;
    size_t index = 0;
    json_t *json = NULL;
    int64_t now = time(NULL);
    enum tg_ticket_state state = TG_TICKET_PENDING;
    int64_t ends = -1;
    id[0] = '\0';
    *ready = false;
    if (tg_client_get(link->client, "/v1/tickets?role=mine&state=open", &answer, problem) != 0)
        return -1;
    json_array_foreach(json_object_get(answer, "tickets"), index, json)
    {
        struct tg_ticket_view view;
        struct tg_problem unread;
        if (tg_ticket_view_read(json, link->trusted.policy, now, &view, &unread) != 0)
            continue;
        if (fits(&view, wish->hosts[0], wish->account, key, now) && grants(view.held.ticket, wish) &&
            is_better(&view, state, ends)) {
            memcpy(id, view.held.ticket->id, TG_TICKET_ID_SIZE);
            state = view.held.state;
            ends = view.ends;
            *ready = state != TG_TICKET_PENDING && tg_ticket_view_acknowledged(&view);
        }
        tg_ticket_view_clear(&view);
    }
    json_decref(answer);
    return 0;
}

/* Requests one, after asking for what was not said, and waits for it. */
static int request(struct tg_cli *cli, struct tg_link *link, struct tg_request_wish *wish,
                   struct tg_problem *problem)
{
    char reason[ANSWER_SIZE];
    char length[ANSWER_SIZE];
    struct tg_error error = {0};
    struct tg_ticket_wish *ticket = &wish->ticket;
    bool asks = ticket->reason == NULL || ticket->reason[0] == '\0' || ticket->seconds == 0;
    if (asks)
        tg_line(&cli->err, "You have no ticket for %s@%s.", ticket->account, ticket->hosts[0]);
    if (ticket->reason == NULL || ticket->reason[0] == '\0') {
        if (tg_ask("What is it for", NULL, reason, sizeof reason, &error) != 0)
            return tg_problem_set(problem, error.reason, "%s; or give --reason and --for", error.text);
        ticket->reason = reason;
    }
    while (ticket->seconds == 0) {
        if (tg_ask("For how long", "30m", length, sizeof length, &error) != 0)
            return tg_problem_set(problem, error.reason, "%s; or give --for", error.text);
        if (!tg_duration_parse(length, &ticket->seconds))
            tg_line(&cli->err, "That is no duration; write 30m, 2h or 1h30m.");
    }
    int status = tg_submit(cli, link, ticket, time(NULL), UINT32_MAX, NULL, problem);
    if (ticket->reason == reason)
        ticket->reason = NULL;
    return status;
}

int tg_enter(struct tg_cli *cli, struct tg_link *link, struct tg_request_wish *wish,
             struct tg_problem *problem)
{
    struct tg_public_key *key = NULL;
    struct tg_error error = {0};
    char id[TG_TICKET_ID_SIZE];
    bool ready = false;
    int status = -1;
    if (tg_signing_key_public(cli->config.key, &key, NULL, &error) != 0)
        return tg_problem_from_error(problem, &error);
    wish->ticket.requester = cli->config.name;
    wish->ticket.key = key->fingerprint;
    if (wish->ticket.account == NULL)
        wish->ticket.account = cli->config.name;
    if (ensure_certificate(cli, link, key, problem) == 0 &&
        find_ticket(link, &wish->ticket, key, id, &ready, problem) == 0) {
        if (ready)
            status = TG_EXIT_OK;
        else if (id[0] != '\0')
            status = tg_wait_for_ticket(cli, link, id, UINT32_MAX, problem);
        else
            status = request(cli, link, wish, problem);
    }
    /* The wait may have been long. */
    if (status == TG_EXIT_OK && ensure_certificate(cli, link, key, problem) != 0)
        status = -1;
    tg_public_key_free(key);
    return status;
}
