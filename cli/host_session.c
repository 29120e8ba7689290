/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/host_session.h"

#include "cli/duration.h"

#include <string.h>

/* A host asks the service every ten seconds, and comes back within thirty after a disturbance. */
enum { SILENT_SECONDS = 60 };

static const char *text_of(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text != NULL ? text : "";
}

static int64_t time_of(const json_t *json, const char *key)
{
    return json_integer_value(json_object_get(json, key));
}

struct tg_host_session tg_host_session_read(const json_t *json)
{
    return (struct tg_host_session){.host = text_of(json, "host"),
                                    .ticket = text_of(json, "ticket"),
                                    .person = text_of(json, "person"),
                                    .account = text_of(json, "account"),
                                    .source = text_of(json, "source"),
                                    .code = text_of(json, "code"),
                                    .how = text_of(json, "how"),
                                    .opened = time_of(json, "opened"),
                                    .ends = time_of(json, "ends"),
                                    .ended = time_of(json, "ended"),
                                    .seen = time_of(json, "seen")};
}

int tg_host_sessions_of(struct tg_link *link, const char *ticket, bool open_only, json_t **answer,
                        struct tg_problem *problem)
{
    char target[96];
    (void)snprintf(target, sizeof target, "/v1/host-sessions?ticket=%s&state=%s", ticket,
                   open_only ? "open" : "any");
    return tg_client_get(link->client, target, answer, problem);
}

static const char *standing_of_ended(const struct tg_host_session *session, int64_t now,
                                     char out[TG_HOST_SESSION_STANDING_SIZE])
{
    char when[TG_DURATION_TEXT_SIZE];
    bool by_right = session->code[0] != '\0' && strcmp(session->code, "allowed") != 0;
    (void)snprintf(out, TG_HOST_SESSION_STANDING_SIZE, "ended %s%s%s",
                   tg_time_relative(session->ended, now, when), by_right ? ": " : "",
                   by_right ? session->code : "");
    return out;
}

const char *tg_host_session_standing(const struct tg_host_session *session, int64_t now,
                                     char out[TG_HOST_SESSION_STANDING_SIZE])
{
    char when[TG_DURATION_TEXT_SIZE];
    char seen[TG_DURATION_TEXT_SIZE];
    if (session->ended > 0)
        return standing_of_ended(session, now, out);
    const char *ends = session->ends > 0 ? tg_time_relative(session->ends, now, when) : "not known";
    if (session->seen == 0)
        (void)snprintf(out, TG_HOST_SESSION_STANDING_SIZE, "%s (%s is not enrolled any more)", ends,
                       session->host);
    else if (now - session->seen > SILENT_SECONDS)
        (void)snprintf(out, TG_HOST_SESSION_STANDING_SIZE, "%s (%s was last in touch %s)", ends,
                       session->host, tg_time_relative(session->seen, now, seen));
    else
        (void)snprintf(out, TG_HOST_SESSION_STANDING_SIZE, "%s", ends);
    return out;
}
