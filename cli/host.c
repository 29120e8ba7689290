/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata host enroll, list and remove.
 */
#include "cli/duration.h"
#include "cli/link.h"
#include "cli/signing_key.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Opens what every change to the hosts needs: the service and a root key. */
static int open_root(struct tg_cli *cli, const char *root_key, struct tg_link *link,
                     struct tg_signer **signer, struct tg_problem *problem)
{
    struct tg_error error = {0};
    *signer = NULL;
    if (tg_link_open(cli, TG_LINK_SERVICE, link, problem) != 0)
        return -1;
    if (tg_signing_key_open(&cli->means, root_key, "--root-key", false, signer, NULL, &error) == 0)
        return 0;
    tg_link_close(link);
    return tg_problem_from_error(problem, &error);
}

static json_t *enrolment(const char *name, const struct tg_arguments *arguments,
                         const struct tg_public_key *key)
{
    const char *labels[TG_GIVEN_MAX];
    size_t label_count = tg_argument_list(arguments, "label", labels);
    char *line = tg_public_key_line(key);
    json_t *list = json_array();
    for (size_t i = 0; i < label_count; i++)
        (void)json_array_append_new(list, json_string(labels[i]));
    json_t *body = json_pack("{s:s, s:o, s:s}", "name", name, "labels", list, "key", line);
    free(line);
    return body;
}

static int enroll(struct tg_cli *cli, struct tg_link *link, struct tg_signer *signer, json_t *body,
                  const char *name, struct tg_problem *problem)
{
    json_t *answer = NULL;
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    if (text == NULL)
        return tg_problem_set(problem, TG_request_malformed, "the name or a label is not UTF-8");
    struct tg_call call = {.method = "POST",
                           .target = "/v1/hosts",
                           .credential = TG_CREDENTIAL_SIGNER,
                           .signer = signer,
                           .body = text,
                           .body_length = strlen(text)};
    int result = tg_client_call(link->client, &call, &answer, problem);
    free(text);
    if (result == 0 && cli->json)
        tg_output_json(&cli->out, answer);
    else if (result == 0)
        tg_line(
            &cli->out,
            "%s is enrolled. On the host: set name = %s in tegata.conf, start tegatad, run tegata doctor.",
            name, name);
    json_decref(answer);
    return result;
}

int tg_command_host_enroll(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    struct tg_link link;
    struct tg_problem problem;
    struct tg_signer *signer = NULL;
    struct tg_public_key *key = NULL;
    struct tg_error error = {0};
    const char *host_key = tg_argument(arguments, "host-key");
    const char *root_key = tg_argument(arguments, "root-key");
    if (host_key == NULL || root_key == NULL)
        return tg_cli_usage(cli, "host enroll: give --host-key FILE.pub and --root-key FILE");
    if (tg_signing_key_public(host_key, &key, NULL, &error) != 0)
        return tg_cli_fail(cli, &error);
    int status = TG_EXIT_OK;
    if (open_root(cli, root_key, &link, &signer, &problem) != 0) {
        status = tg_cli_complain(cli, &problem);
    } else {
        json_t *body = enrolment(arguments->operands[0], arguments, key);
        if (enroll(cli, &link, signer, body, arguments->operands[0], &problem) != 0)
            status = tg_cli_complain(cli, &problem);
        json_decref(body);
        tg_signer_free(signer);
        tg_link_close(&link);
    }
    tg_public_key_free(key);
    return status;
}

int tg_command_host_remove(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    struct tg_link link;
    struct tg_problem problem;
    struct tg_signer *signer = NULL;
    json_t *answer = NULL;
    char target[128];
    const char *name = arguments->operands[0];
    const char *root_key = tg_argument(arguments, "root-key");
    if (root_key == NULL)
        return tg_cli_usage(cli, "host remove: give --root-key FILE");
    if (strlen(name) > 64 || name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-")] != '\0')
        return tg_cli_usage(cli, "host remove: %s is not the name of a host", name);
    if (open_root(cli, root_key, &link, &signer, &problem) != 0)
        return tg_cli_complain(cli, &problem);
    (void)snprintf(target, sizeof target, "/v1/hosts/%s", name);
    struct tg_call call = {
        .method = "DELETE", .target = target, .credential = TG_CREDENTIAL_SIGNER, .signer = signer};
    int status = TG_EXIT_OK;
    if (tg_client_call(link.client, &call, &answer, &problem) != 0)
        status = tg_cli_complain(cli, &problem);
    else if (cli->json)
        tg_output_json(&cli->out, answer);
    else
        tg_line(&cli->out, "%s is removed: the service tells it nothing any more.", name);
    json_decref(answer);
    tg_signer_free(signer);
    tg_link_close(&link);
    return status;
}

static void show_host(const struct tg_output *out, const json_t *host, int64_t now)
{
    char relative[TG_DURATION_TEXT_SIZE];
    size_t index = 0;
    const json_t *label = NULL;
    int64_t seen = json_integer_value(json_object_get(host, "seen"));
    const char *name = json_string_value(json_object_get(host, "name"));
    tg_styled(out, TG_STYLE_STRONG, "%-20s", name != NULL ? name : "?");
    tg_part(out, "  %s", seen > 0 ? "seen " : "never seen");
    if (seen > 0)
        tg_part(out, "%s", tg_time_relative(seen, now, relative));
    json_array_foreach(json_object_get(host, "labels"), index, label)
    {
        tg_part(out, "  %s", json_is_string(label) ? json_string_value(label) : "?");
    }
    tg_line(out, "%s", "");
}

int tg_command_host_list(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    struct tg_link link;
    struct tg_problem problem;
    json_t *answer = NULL;
    size_t index = 0;
    const json_t *host = NULL;
    (void)arguments;
    if (tg_link_open(cli, TG_LINK_SERVICE, &link, &problem) != 0)
        return tg_cli_complain(cli, &problem);
    int status = TG_EXIT_OK;
    if (tg_client_get(link.client, "/v1/hosts", &answer, &problem) != 0) {
        status = tg_cli_complain(cli, &problem);
    } else if (cli->json) {
        tg_output_json(&cli->out, answer);
    } else {
        json_array_foreach(json_object_get(answer, "hosts"), index, host)
        {
            show_host(&cli->out, host, time(NULL));
        }
    }
    json_decref(answer);
    tg_link_close(&link);
    return status;
}
