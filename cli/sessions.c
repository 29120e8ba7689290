/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata sessions: who is where, as far as the hosts have told the service.
 */
#include "cli/duration.h"
#include "cli/follow.h"
#include "cli/host_session.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { COLUMNS = 7 };

/* The cells of one row, each malloc'ed. */
static bool fill_row(char **cells, const struct tg_host_session *session, int64_t now)
{
    char since[TG_DURATION_TEXT_SIZE];
    char standing[TG_HOST_SESSION_STANDING_SIZE];
    cells[0] = strdup(session->host);
    cells[1] = strdup(session->account);
    cells[2] = strdup(session->person);
    cells[3] = strdup(session->ticket);
    cells[4] = strdup(session->source);
    cells[5] = strdup(tg_time_relative(session->opened, now, since));
    cells[6] = strdup(tg_host_session_standing(session, now, standing));
    for (size_t i = 0; i < COLUMNS; i++) {
        if (cells[i] == NULL)
            return false;
    }
    return true;
}

static int show_table(struct tg_cli *cli, const json_t *answer)
{
    const json_t *sessions = json_object_get(answer, "sessions");
    static const char *const heading[COLUMNS] = {"HOST", "ACCOUNT", "PERSON", "TICKET",
                                                 "FROM", "SINCE",   "ENDS"};
    size_t count = json_array_size(sessions);
    int64_t now = time(NULL);
    bool complete = true;
    char **cells = calloc((count + 1) * COLUMNS, sizeof *cells);
    if (cells == NULL)
        return TG_EXIT_REFUSED;
    for (size_t i = 0; i < COLUMNS; i++)
        cells[i] = strdup(heading[i]);
    for (size_t i = 0; i < count; i++) {
        struct tg_host_session session = tg_host_session_read(json_array_get(sessions, i));
        complete = fill_row(cells + (i + 1) * COLUMNS, &session, now) && complete;
    }
    if (count > 0)
        tg_output_table(&cli->out, (const char *const *)cells, COLUMNS, count + 1);
    else
        tg_line(&cli->out, "No sessions.");
    if (json_integer_value(json_object_get(answer, "more")) != 0)
        tg_line(
            &cli->err,
            "note: there may be more, which changed longer ago; tegata show T-... has those of one ticket");
    for (size_t i = 0; i < (count + 1) * COLUMNS; i++)
        free(cells[i]);
    free(cells);
    return complete ? TG_EXIT_OK : TG_EXIT_REFUSED;
}

static void tell_change(const struct tg_output *out, const json_t *json)
{
    char when[TG_TIME_TEXT_SIZE];
    struct tg_host_session session = tg_host_session_read(json);
    if (session.ended > 0)
        tg_part(out, "%s  ended  ", tg_time_text(session.ended, when));
    else
        tg_part(out, "open since %s  ", tg_time_text(session.opened, when));
    tg_part(out, "%s@%s  %s  %s", session.account, session.host, session.person, session.ticket);
    if (session.source[0] != '\0')
        tg_part(out, "  from %s", session.source);
    if (session.ended == 0 && session.ends > 0)
        tg_part(out, "  ends %s", tg_time_text(session.ends, when));
    if (session.ended > 0 && session.code[0] != '\0' && strcmp(session.code, "allowed") != 0)
        tg_part(out, "  (%s)", session.code);
    if (session.ended > 0 && session.how[0] != '\0')
        tg_part(out, ": %s", session.how);
    tg_line(out, "%s", "");
}

static void tell_changes(struct tg_cli *cli, const json_t *sessions)
{
    size_t index = 0;
    const json_t *session = NULL;
    json_array_foreach(sessions, index, session)
    {
        if (cli->json)
            tg_output_json(&cli->out, session);
        else
            tell_change(&cli->out, session);
    }
    (void)fflush(cli->out.stream);
}

/* Tells every change after `revision`; returns only with *problem. */
static int follow(struct tg_cli *cli, struct tg_link *link, json_int_t revision, struct tg_problem *problem)
{
    int64_t last_answer = tg_monotonic_seconds();
    for (;;) {
        char target[96];
        json_t *answer = NULL;
        (void)snprintf(target, sizeof target, "/v1/host-sessions?after=%" JSON_INTEGER_FORMAT "&wait=%d",
                       revision, TG_FOLLOW_SECONDS);
        struct tg_call call = {
            .method = "GET", .target = target, .credential = TG_CREDENTIAL_PERSON, .wait = TG_FOLLOW_SECONDS};
        if (tg_client_call(link->client, &call, &answer, problem) != 0) {
            if (!tg_follow_again(last_answer, problem))
                return -1;
            continue;
        }
        last_answer = tg_monotonic_seconds();
        tell_changes(cli, json_object_get(answer, "sessions"));
        revision = json_integer_value(json_object_get(answer, "revision"));
        json_decref(answer);
    }
}

int tg_command_sessions(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    struct tg_link link;
    struct tg_problem problem;
    json_t *answer = NULL;
    const char *target = tg_argument(arguments, "all") != NULL ? "/v1/host-sessions?state=any"
                                                               : "/v1/host-sessions?state=open";
    if (tg_link_open(cli, TG_LINK_SERVICE, &link, &problem) != 0)
        return tg_cli_complain(cli, &problem);
    int status = tg_client_get(link.client, target, &answer, &problem);
    if (status == 0 && cli->json)
        tg_output_json(&cli->out, answer);
    else if (status == 0)
        status = show_table(cli, answer);
    (void)fflush(cli->out.stream);
    if (status == 0 && tg_argument(arguments, "follow") != NULL)
        status = follow(cli, &link, json_integer_value(json_object_get(answer, "revision")), &problem);
    json_decref(answer);
    tg_link_close(&link);
    return status < 0 ? tg_cli_complain(cli, &problem) : status;
}
