/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/extension.h"

#include "cli/duration.h"
#include "cli/fetch.h"
#include "cli/host_session.h"

#include <string.h>

int64_t tg_extension_end(const struct tg_ticket_view *extension, const struct tg_ticket_view *running,
                         uint32_t seconds, int64_t now)
{
    const struct tg_ticket *ticket = extension->held.ticket;
    uint32_t length = ticket->seconds;
    if (tg_ticket_extension_gap(ticket, running->held.ticket) != NULL || running->rule == NULL ||
        running->ends == 0)
        return 0;
    if (seconds > 0 && seconds < length)
        length = seconds;
    for (size_t i = 0; i < extension->held.approval_count; i++) {
        const struct tg_held_approval *held = &extension->held.approvals[i];
        if (held->refused == TG_allowed && held->approval->seconds > 0 && held->approval->seconds < length)
            length = held->approval->seconds;
    }
    int64_t ends = (ticket->not_before > now ? ticket->not_before : now) + length;
    int64_t limit = running->ends + running->rule->max_extension_seconds;
    return ends < limit ? ends : limit;
}

/* The sessions that are open, each with its end as it is and as it would be. */
static void render_effect(const struct tg_output *out, const json_t *sessions, int64_t ends)
{
    char now_text[TG_TIME_TEXT_SIZE];
    char then_text[TG_TIME_TEXT_SIZE];
    size_t index = 0;
    const json_t *json = NULL;
    json_array_foreach(sessions, index, json)
    {
        struct tg_host_session session = tg_host_session_read(json);
        if (session.ends >= ends)
            tg_field_styled(out, TG_STYLE_STRONG, "session", "%s@%s would end at %s, as it does now",
                            session.account, session.host, tg_time_text(session.ends, now_text));
        else
            tg_field_styled(out, TG_STYLE_STRONG, "session", "%s@%s would end at %s (now: %s)",
                            session.account, session.host, tg_time_text(ends, then_text),
                            session.ends > 0 ? tg_time_text(session.ends, now_text) : "not known");
    }
}

static void render_against(const struct tg_output *out, struct tg_link *link,
                           const struct tg_ticket_view *extension, const struct tg_ticket_view *running,
                           uint32_t seconds, int64_t now)
{
    char when[TG_TIME_TEXT_SIZE];
    json_t *answer = NULL;
    struct tg_problem problem;
    const char *id = running->held.ticket->id;
    const char *gap = tg_ticket_extension_gap(extension->held.ticket, running->held.ticket);
    int64_t ends = tg_extension_end(extension, running, seconds, now);
    if (gap != NULL)
        tg_field_styled(out, TG_STYLE_BAD, "extends",
                        "%s, but does not ask for the same (%s): it extends nothing", id, gap);
    else if (ends == 0)
        tg_field_styled(out, TG_STYLE_BAD, "extends", "%s, which does not count any more: it extends nothing",
                        id);
    else
        tg_field_styled(out, TG_STYLE_STRONG, "extends", "%s: the running session would end at %s", id,
                        tg_time_text(ends, when));
    if (ends == 0 || tg_host_sessions_of(link, id, true, &answer, &problem) != 0)
        return;
    if (json_array_size(json_object_get(answer, "sessions")) == 0)
        tg_field_styled(out, TG_STYLE_WARNING, "session", "none of %s is open, as far as the hosts have told",
                        id);
    render_effect(out, json_object_get(answer, "sessions"), ends);
    json_decref(answer);
}

void tg_render_extension(const struct tg_output *out, struct tg_link *link,
                         const struct tg_ticket_view *extension, uint32_t seconds, int64_t now)
{
    struct tg_ticket_view running;
    struct tg_problem problem;
    const char *id = extension->held.ticket->extends;
    if (id[0] == '\0')
        return;
    if (tg_fetch_ticket(link, id, &running, &problem) != 0) {
        tg_field_styled(out, TG_STYLE_BAD, "extends", "%s, which cannot be looked at: %s: %s", id,
                        problem.text, problem.detail);
        return;
    }
    render_against(out, link, extension, &running, seconds, now);
    tg_ticket_view_clear(&running);
}

static void render_one(const struct tg_output *out, struct tg_link *link, const char *id,
                       const struct tg_ticket *running)
{
    char length[TG_DURATION_TEXT_SIZE];
    char ends[TG_TIME_TEXT_SIZE];
    struct tg_ticket_view view;
    struct tg_problem problem;
    if (tg_fetch_ticket(link, id, &view, &problem) != 0) {
        tg_field(out, "extension", "%s cannot be looked at: %s", id, problem.text);
        return;
    }
    const char *gap = tg_ticket_extension_gap(view.held.ticket, running);
    if (gap != NULL)
        tg_field(out, "extension", "%s does not ask for the same (%s): it extends nothing", id, gap);
    else if (view.approvals == TG_allowed)
        tg_field(out, "extension", "%s: %s, until %s", id, tg_ticket_state_name(view.held.state),
                 tg_time_text(view.ends, ends));
    else
        tg_field(out, "extension", "%s: %s, for %s", id, tg_ticket_state_name(view.held.state),
                 tg_duration_text(view.held.ticket->seconds, length));
    tg_ticket_view_clear(&view);
}

void tg_render_extensions(const struct tg_output *out, struct tg_link *link,
                          const struct tg_ticket_view *running)
{
    size_t index = 0;
    const json_t *extension = NULL;
    json_array_foreach(json_object_get(running->json, "extensions"), index, extension)
    {
        const char *id = json_string_value(json_object_get(extension, "ticket"));
        if (id != NULL)
            render_one(out, link, id, running->held.ticket);
    }
}

void tg_render_sessions(const struct tg_output *out, struct tg_link *link, const char *ticket, int64_t now)
{
    json_t *answer = NULL;
    struct tg_problem problem;
    size_t index = 0;
    const json_t *json = NULL;
    if (tg_host_sessions_of(link, ticket, false, &answer, &problem) != 0)
        return;
    json_array_foreach(json_object_get(answer, "sessions"), index, json)
    {
        char since[TG_TIME_TEXT_SIZE];
        char standing[TG_HOST_SESSION_STANDING_SIZE];
        struct tg_host_session session = tg_host_session_read(json);
        tg_field(out, "session", "%s@%s%s%s since %s, %s%s", session.account, session.host,
                 session.source[0] != '\0' ? " from " : "", session.source,
                 tg_time_text(session.opened, since), session.ended == 0 ? "ends " : "",
                 tg_host_session_standing(&session, now, standing));
    }
    json_decref(answer);
}
