/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata deny, cancel, release and revoke: what only takes away.
 */
#include "cli/link.h"

#include "lib/form.h"

#include <string.h>

static const char *state_of(const json_t *answer)
{
    const char *state = json_string_value(json_object_get(answer, "state"));
    return state != NULL ? state : "done";
}

static int decide(struct tg_cli *cli, const struct tg_arguments *arguments, const char *verb,
                  bool wants_reason)
{
    struct tg_link link;
    struct tg_problem problem;
    json_t *answer = NULL;
    char target[64];
    const char *id = arguments->operands[0];
    const char *reason = tg_argument(arguments, "reason");
    if (wants_reason && (reason == NULL || *reason == '\0'))
        return tg_cli_usage(cli, "%s: say why: --reason \"...\"", verb);
    if (!tg_form_ticket_id.matches(id))
        return tg_cli_usage(cli, "%s: %s is not a ticket: it should look like T-0123456789ABC", verb, id);
    if (tg_link_open(cli, TG_LINK_SERVICE, &link, &problem) != 0)
        return tg_cli_complain(cli, &problem);
    (void)snprintf(target, sizeof target, "/v1/tickets/%s/%s", id, verb);
    int status = TG_EXIT_OK;
    json_t *body = wants_reason ? json_pack("{s:s}", "reason", reason) : json_object();
    if (tg_client_post(link.client, target, body, &answer, &problem) != 0)
        status = tg_cli_complain(cli, &problem);
    else if (cli->json)
        tg_output_json(&cli->out, answer);
    else
        tg_line(&cli->out, "%s: %s.", id, state_of(answer));
    json_decref(answer);
    tg_link_close(&link);
    return status;
}

int tg_command_deny(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    return decide(cli, arguments, "deny", true);
}

int tg_command_cancel(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    return decide(cli, arguments, "cancel", false);
}

int tg_command_release(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    return decide(cli, arguments, "release", false);
}

int tg_command_revoke(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    return decide(cli, arguments, "revoke", true);
}
