/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata carry: takes a ticket with its approvals to a host that is cut off. The file needs no protection:
 * the host verifies it as if it had come from the service.
 */
#include "cli/fetch.h"
#include "cli/files.h"
#include "cli/link.h"

#include "lib/agent_protocol.h"
#include "lib/form.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* {v, ticket, approvals, state}: keys sorted, no white space. Armored signatures hold line feeds, so it is
 * not a document. */
static int make_carried(const struct tg_ticket_view *view, char **text, struct tg_problem *problem)
{
    json_t *carried = json_pack(
        "{s:i, s:O, s:O, s:O}", "v", 1, "ticket", json_object_get(view->json, "ticket"), "approvals",
        json_object_get(view->json, "approvals"), "state", json_object_get(view->json, "state"));
    *text = carried != NULL ? json_dumps(carried, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(carried);
    return *text != NULL ? 0 : tg_problem_set(problem, TG_internal_error, "the ticket cannot be written");
}

/* A ticket that no host would accept is not worth the walk. */
static int check_worth(const struct tg_ticket_view *view, struct tg_problem *problem)
{
    const char *id = view->held.ticket->id;
    if (tg_ticket_state_is_final(view->held.state))
        return tg_problem_set(problem, TG_ticket_state, "%s is %s", id,
                              tg_ticket_state_name(view->held.state));
    if (view->covered != TG_allowed)
        return tg_problem_set(problem, view->covered, "%s: %s", id, view->uncovered);
    if (view->approvals != TG_allowed && view->approvals != TG_ticket_early)
        return tg_problem_set(problem, view->approvals, "%s: %s", id, view->missing_detail);
    return 0;
}

int tg_command_carry_export(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    struct tg_link link;
    struct tg_problem problem;
    struct tg_ticket_view view = {0};
    struct tg_error error = {0};
    char *text = NULL;
    int status = -1;
    const char *output = tg_argument(arguments, "output");
    if (tg_link_open(cli, TG_LINK_PERSON, &link, &problem) != 0)
        return tg_cli_complain(cli, &problem);
    if (tg_fetch_ticket(&link, arguments->operands[0], &view, &problem) != 0 ||
        check_worth(&view, &problem) != 0 || make_carried(&view, &text, &problem) != 0)
        goto out;
    if (output == NULL || strcmp(output, "-") == 0) {
        (void)fprintf(cli->out.stream, "%s\n", text);
    } else if (tg_file_replace(output, 0644, text, strlen(text), &error) != 0) {
        (void)tg_problem_from_error(&problem, &error);
        goto out;
    } else {
        tg_line(&cli->err, "Bring %s to the host, and there, as root: tegata carry import %s", output,
                output);
    }
    status = TG_EXIT_OK;
out:
    free(text);
    tg_ticket_view_clear(&view);
    tg_link_close(&link);
    return status < 0 ? tg_cli_complain(cli, &problem) : status;
}

/* Reads the carried file and makes sure that it is one, so that a wrong file is named here and not in the
 * agent's log. */
static int read_carried(const char *path, char **text, size_t *length, struct tg_error *error)
{
    if (tg_file_read(path, TG_AGENT_REQUEST_MAX, TG_file_failed, text, length, error) != 0)
        return -1;
    json_t *carried = json_loadb(*text, *length, JSON_REJECT_DUPLICATES, NULL);
    bool good = json_object_size(carried) == 4 && json_integer_value(json_object_get(carried, "v")) == 1 &&
                json_is_string(json_object_get(carried, "ticket")) &&
                json_is_array(json_object_get(carried, "approvals"));
    json_decref(carried);
    return good ? 0
                : tg_fail(error, TG_ticket_malformed, "%s: it was not written by tegata carry export", path);
}

static int ask_agent(const char *socket_path, const char *text, size_t length, struct tg_agent_answer *answer,
                     struct tg_problem *problem)
{
    struct tg_agent_request request = {
        .kind = TG_AGENT_IMPORT,
        .account = "",
        .service = "",
        .rhost = "",
        .connection = "",
        .key_type = "",
        .text = tg_bytes_of(text, length),
    };
    int result = tg_agent_ask(socket_path, &request, TG_AGENT_SESSION_DEADLINE_MS, answer);
    if (result != 0)
        return tg_problem_set(problem, answer->reason, "%s: %s", socket_path, strerror(-result));
    if (answer->reason != TG_allowed)
        return tg_problem_set(problem, answer->reason, "%s%s%s", answer->ticket,
                              answer->detail[0] != '\0' ? ": " : "", answer->detail);
    return 0;
}

int tg_command_carry_import(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    struct tg_host_config *config = calloc(1, sizeof *config);
    struct tg_agent_answer *answer = calloc(1, sizeof *answer);
    struct tg_error error = {0};
    struct tg_problem problem;
    char *text = NULL;
    size_t length = 0;
    int status = -1;
    const char *conf = tg_argument(arguments, "conf");
    if (config == NULL || answer == NULL) {
        (void)tg_problem_set(&problem, TG_internal_error, "out of memory");
        goto out;
    }
    if (tg_host_config_read(conf != NULL ? conf : TG_HOST_CONFIG_PATH, config, &error) != 0 ||
        read_carried(arguments->operands[0], &text, &length, &error) != 0) {
        (void)tg_problem_from_error(&problem, &error);
        goto out;
    }
    if (ask_agent(config->socket, text, length, answer, &problem) != 0)
        goto out;
    status = TG_EXIT_OK;
    if (cli->json)
        (void)fprintf(cli->out.stream, "{\"code\": \"allowed\", \"ticket\": \"%s\"}\n",
                      tg_form_ticket_id.matches(answer->ticket) ? answer->ticket : "");
    else
        tg_line(&cli->out, "The agent accepted %s.%s%s", answer->ticket, answer->detail[0] != '\0' ? " " : "",
                answer->detail);
out:
    free(text);
    free(answer);
    free(config);
    return status < 0 ? tg_cli_complain(cli, &problem) : status;
}
