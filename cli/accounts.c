/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata invite and tegata password.
 */
#include "cli/duration.h"
#include "cli/link.h"
#include "cli/prompt.h"
#include "cli/signing_key.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The invitation as the person with [person] key, or with a root key. Takes `body` over. */
static int post_invitation(const struct tg_cli *cli, struct tg_link *link, const char *root_key, json_t *body,
                           json_t **answer, struct tg_problem *problem)
{
    static const char target[] = "/v1/invitations";
    struct tg_signer *signer = NULL;
    struct tg_error error = {0};
    if (root_key == NULL)
        return tg_client_post(link->client, target, body, answer, problem);
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    if (text == NULL)
        return tg_problem_set(problem, TG_request_malformed, "the name is not UTF-8");
    int result = -1;
    if (tg_signing_key_open(&cli->means, root_key, "--root-key", false, &signer, NULL, &error) != 0) {
        (void)tg_problem_from_error(problem, &error);
    } else {
        struct tg_call call = {.method = "POST",
                               .target = target,
                               .credential = TG_CREDENTIAL_SIGNER,
                               .signer = signer,
                               .body = text,
                               .body_length = strlen(text)};
        result = tg_client_call(link->client, &call, answer, problem);
    }
    tg_signer_free(signer);
    free(text);
    return result;
}

static void show_invitation(const struct tg_cli *cli, const json_t *answer)
{
    char relative[TG_DURATION_TEXT_SIZE];
    const char *person = json_string_value(json_object_get(answer, "person"));
    const char *url = json_string_value(json_object_get(answer, "url"));
    int64_t expires = json_integer_value(json_object_get(answer, "expires"));
    tg_line(&cli->out, "%s", url != NULL ? url : "?");
    tg_line(&cli->err,
            "It lets whoever opens it first, %s at the latest, choose the password of %s: give it to nobody "
            "else.",
            tg_time_relative(expires, time(NULL), relative), person != NULL ? person : "?");
}

int tg_command_invite(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    struct tg_link link;
    struct tg_problem problem;
    json_t *answer = NULL;
    const char *root_key = tg_argument(arguments, "root-key");
    enum tg_link_needs needs = root_key == NULL ? TG_LINK_PERSON : TG_LINK_SERVICE;
    if (tg_link_open(cli, needs, &link, &problem) != 0)
        return tg_cli_complain(cli, &problem);
    int status = TG_EXIT_OK;
    json_t *body = json_pack("{s:s}", "person", arguments->operands[0]);
    if (post_invitation(cli, &link, root_key, body, &answer, &problem) != 0)
        status = tg_cli_complain(cli, &problem);
    else if (cli->json)
        tg_output_json(&cli->out, answer);
    else
        show_invitation(cli, answer);
    json_decref(answer);
    tg_link_close(&link);
    return status;
}

/* Asks for the old and the new password. Wipe both. */
static int ask_passwords(char old[TG_PROMPT_SECRET_SIZE], char new[TG_PROMPT_SECRET_SIZE],
                         struct tg_error *error)
{
    if (tg_prompt_secret(TG_PROMPT_TERMINAL, "Password that you have now: ", old, TG_PROMPT_SECRET_SIZE,
                         error) < 0)
        return -1;
    return tg_prompt_new_secret(TG_PROMPT_TERMINAL,
                                "New password (at least 12 characters): ", "New password again: ", new,
                                TG_PROMPT_SECRET_SIZE, error);
}

int tg_command_password(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    struct tg_link link;
    struct tg_problem problem;
    struct tg_error error = {0};
    char old[TG_PROMPT_SECRET_SIZE] = "";
    char new[TG_PROMPT_SECRET_SIZE] = "";
    json_t *answer = NULL;
    (void)arguments;
    if (tg_link_open(cli, TG_LINK_PERSON, &link, &problem) != 0)
        return tg_cli_complain(cli, &problem);
    int status = TG_EXIT_OK;
    if (ask_passwords(old, new, &error) != 0)
        status = tg_cli_fail(cli, &error);
    else if (tg_client_post(link.client, "/v1/password",
                            json_pack("{s:s, s:s}", "password", old, "new_password", new), &answer,
                            &problem) != 0)
        status = tg_cli_complain(cli, &problem);
    else if (!cli->json)
        tg_line(&cli->out, "Your password is changed. Sessions on the approval page have ended.");
    explicit_bzero(old, sizeof old);
    explicit_bzero(new, sizeof new);
    json_decref(answer);
    tg_link_close(&link);
    return status;
}
