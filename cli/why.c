/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata why: would that host let me in, and why did it not?
 */
#include "cli/duration.h"
#include "cli/files.h"
#include "cli/link.h"
#include "cli/problem.h"

#include "lib/certificate.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *text_of(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value != NULL ? value : "";
}

static void show_host(const struct tg_output *out, const json_t *host, int64_t now)
{
    char seen_text[TG_TIME_TEXT_SIZE];
    char relative[TG_DURATION_TEXT_SIZE];
    int64_t seen = json_integer_value(json_object_get(host, "seen"));
    if (seen == 0)
        tg_field(out, "host", "%s has never been in touch with the service", text_of(host, "name"));
    else
        tg_field(out, "host", "%s was last in touch %s (%s)%s", text_of(host, "name"),
                 tg_time_relative(seen, now, relative), tg_time_text(seen, seen_text),
                 json_integer_value(json_object_get(host, "acknowledged")) == 1
                     ? ""
                     : "; it has not confirmed the latest changes yet");
}

static void show_refusals(const struct tg_output *out, const json_t *refusals)
{
    size_t index = 0;
    const json_t *refusal = NULL;
    if (json_array_size(refusals) > 0)
        tg_line(out, "Refused there before, newest first:");
    json_array_foreach(refusals, index, refusal)
    {
        char when[TG_TIME_TEXT_SIZE];
        enum tg_reason reason = TG_internal_error;
        const char *code = text_of(refusal, "code");
        bool known = tg_reason_from_name(code, &reason);
        tg_part(out, "  %s  %s", tg_time_text(json_integer_value(json_object_get(refusal, "time")), when),
                code);
        tg_part(out, ": %s", known ? tg_reason_text(reason) : "a reason this tegata does not know");
        tg_part(out, " (as %s", text_of(refusal, "account"));
        if (*text_of(refusal, "source") != '\0')
            tg_part(out, " from %s", text_of(refusal, "source"));
        if (*text_of(refusal, "ticket") != '\0')
            tg_part(out, ", %s", text_of(refusal, "ticket"));
        if (*text_of(refusal, "detail") != '\0')
            tg_part(out, "; %s", text_of(refusal, "detail"));
        tg_line(out, ")");
    }
}

static void show_verdict(const struct tg_output *out, const json_t *verdict, int64_t now)
{
    char when[TG_TIME_TEXT_SIZE];
    char relative[TG_DURATION_TEXT_SIZE];
    const char *code = text_of(verdict, "code");
    int64_t ends = json_integer_value(json_object_get(verdict, "ends"));
    bool allowed = strcmp(code, "allowed") == 0;
    tg_styled(out, allowed ? TG_STYLE_GOOD : TG_STYLE_BAD, "%s", code);
    tg_line(out, "%s%s", allowed ? "" : ": ", allowed ? "" : text_of(verdict, "text"));
    if (*text_of(verdict, "detail") != '\0')
        tg_field(out, "detail", "%s", text_of(verdict, "detail"));
    if (*text_of(verdict, "ticket") != '\0')
        tg_field(out, "ticket", "%s", text_of(verdict, "ticket"));
    if (ends > 0)
        tg_field(out, "until", "%s (%s)", tg_time_text(ends, when), tg_time_relative(ends, now, relative));
    char advice[256];
    if (*text_of(verdict, "advice") != '\0')
        tg_field(
            out, "do", "%s",
            tg_advice_for(text_of(verdict, "advice"), text_of(verdict, "ticket"), advice, sizeof advice));
}

/* The certificate's line; *line stays NULL if none was named and there is none. */
static int read_certificate(const struct tg_cli *cli, const char *given, char **line,
                            struct tg_problem *problem)
{
    struct tg_error error = {0};
    size_t length = 0;
    const char *path = given != NULL ? given : cli->config.certificate;
    *line = NULL;
    if (given == NULL && (*path == '\0' || access(path, R_OK) != 0))
        return 0;
    if (tg_file_read(path, TG_CERTIFICATE_MAX * 2, TG_certificate_malformed, line, &length, &error) != 0)
        return tg_problem_from_error(problem, &error);
    (*line)[strcspn(*line, "\r\n")] = '\0';
    return 0;
}

int tg_command_why(struct tg_cli *cli, const struct tg_arguments *arguments)
{
    struct tg_link link;
    struct tg_problem problem;
    json_t *answer = NULL;
    char *certificate = NULL;
    const char *account = tg_argument(arguments, "account");
    int status = -1;
    if (tg_link_open(cli, TG_LINK_SERVICE, &link, &problem) != 0)
        return tg_cli_complain(cli, &problem);
    if (read_certificate(cli, tg_argument(arguments, "certificate"), &certificate, &problem) != 0)
        goto out;
    json_t *body =
        json_pack("{s:s, s:s, s:s}", "host", arguments->operands[0], "account",
                  account != NULL ? account : "", "certificate", certificate != NULL ? certificate : "");
    if (tg_client_post(link.client, "/v1/why", body, &answer, &problem) != 0)
        goto out;
    const json_t *verdict = json_object_get(answer, "verdict");
    if (cli->json) {
        tg_output_json(&cli->out, answer);
    } else {
        show_verdict(&cli->out, verdict, time(NULL));
        if (certificate == NULL)
            tg_field(&cli->out, "note", "no certificate was shown: it was not judged (--certificate FILE)");
        show_host(&cli->out, json_object_get(answer, "host"), time(NULL));
        show_refusals(&cli->out, json_object_get(answer, "refusals"));
    }
    status = strcmp(text_of(verdict, "code"), "allowed") == 0 ? TG_EXIT_OK : TG_EXIT_REFUSED;
out:
    json_decref(answer);
    free(certificate);
    tg_link_close(&link);
    return status < 0 ? tg_cli_complain(cli, &problem) : status;
}
