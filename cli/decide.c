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

/* What else has ended with it. */
static void tell_extensions(const struct tg_output *out, const json_t *answer, const char *ending)
{
    size_t index = 0;
    const json_t *extension = NULL;
    json_array_foreach(json_object_get(answer, "extensions"), index, extension)
    {
        const char *id = json_string_value(json_object_get(extension, "ticket"));
        if (id != NULL && strcmp(state_of(extension), ending) == 0)
            tg_line(out, "%s, which extends it: %s.", id, ending);
    }
}

static int decide(struct tg_cli *cli, const struct tg_arguments *arguments, const char *verb,
                  const char *ending, bool wants_reason)
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
    if (tg_client_post(link.client, target, body, &answer, &problem) != 0) {
        status = tg_cli_complain(cli, &problem);
    } else if (cli->json) {
        tg_output_json(&cli->out, answer);
    } else {
        tg_line(&cli->out, "%s: %s.", id, state_of(answer));
        tell_extensions(&cli->out, answer, ending);
    }
    json_decref(answer);
    tg_link_close(&link);
    return status;
}

int tg_command_deny(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    return decide(cli, arguments, "deny", "denied", true);
}

int tg_command_cancel(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    return decide(cli, arguments, "cancel", "cancelled", false);
}

int tg_command_release(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    return decide(cli, arguments, "release", "released", false);
}

int tg_command_revoke(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    return decide(cli, arguments, "revoke", "revoked", true);
}
