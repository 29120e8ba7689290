/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/follow.h"

#include "cli/duration.h"

#include "lib/monotonic.h"

#include <string.h>
#include <time.h>

enum {
    AGAIN_SECONDS = 2,     /* between attempts while the service does not answer */
    PATIENCE_SECONDS = 60, /* for a service that does not answer at all */
};

int64_t tg_monotonic_seconds(void)
{
    return tg_monotonic_ms() / 1000;
}

static const char *text_of(const json_t *event, const char *key)
{
    const char *text = json_string_value(json_object_get(event, key));
    return text != NULL ? text : "";
}

void tg_render_event(const struct tg_output *out, const json_t *event)
{
    char when[TG_TIME_TEXT_SIZE];
    const char *code = text_of(event, "code");
    tg_part(out, "%s  %s", tg_time_text(json_integer_value(json_object_get(event, "time")), when),
            text_of(event, "kind"));
    /* The service's own events say who did it, those of a host whom it concerns. */
    bool told_by_host = *text_of(event, "host") != '\0';
    if (*text_of(event, "person") != '\0')
        tg_part(out, " %s %s", told_by_host ? "of" : "by", text_of(event, "person"));
    if (told_by_host)
        tg_part(out, " on %s", text_of(event, "host"));
    if (*code != '\0' && strcmp(code, "allowed") != 0)
        tg_part(out, " (%s)", code);
    if (*text_of(event, "text") != '\0')
        tg_part(out, ": %s", text_of(event, "text"));
    tg_line(out, "%s", "");
}

static void tell(struct tg_follower *follower, const json_t *events, const struct tg_output *out)
{
    size_t index = 0;
    const json_t *event = NULL;
    json_array_foreach(events, index, event)
    {
        json_int_t number = json_integer_value(json_object_get(event, "number"));
        if (number > follower->after)
            follower->after = number;
        if (out == NULL)
            continue;
        tg_status_line_clear(follower->status);
        if (follower->cli->json)
            tg_output_json(out, event);
        else
            tg_render_event(out, event);
    }
    if (out != NULL)
        (void)fflush(out->stream);
}

int tg_follow(struct tg_follower *follower, long wait, const struct tg_output *out,
              struct tg_problem *problem)
{
    char target[128];
    json_t *answer = NULL;
    (void)snprintf(target, sizeof target, "/v1/tickets/%s/events?after=%" JSON_INTEGER_FORMAT "&wait=%ld",
                   follower->id, follower->after, wait);
    struct tg_call call = {
        .method = "GET", .target = target, .credential = TG_CREDENTIAL_PERSON, .wait = wait};
    if (tg_client_call(follower->link->client, &call, &answer, problem) != 0)
        return -1;
    const char *state = text_of(answer, "state");
    int result = 0;
    if (!tg_ticket_state_from_name(state, &follower->state))
        result = tg_problem_set(problem, TG_internal_error, "%s is in a state that this tegata does not know",
                                follower->id);
    else
        tell(follower, json_object_get(answer, "events"), out);
    follower->last_answer = tg_monotonic_seconds();
    json_decref(answer);
    return result;
}

bool tg_follow_again(int64_t last_answer, const struct tg_problem *problem)
{
    struct timespec pause = {.tv_sec = AGAIN_SECONDS};
    if (problem->exit_status != TG_EXIT_UNREACHABLE ||
        tg_monotonic_seconds() - last_answer > PATIENCE_SECONDS)
        return false;
    (void)nanosleep(&pause, NULL);
    return true;
}
