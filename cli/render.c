/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/render.h"

#include "cli/duration.h"
#include "lib/code_words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

char *tg_join(const char *const *words, size_t count)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (to == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        (void)fprintf(to, "%s%s", i > 0 ? ", " : "", words[i]);
    if (fclose(to) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static void list_field(const struct tg_output *out, const char *name, const char *const *words, size_t count,
                       const char *none)
{
    char *joined = tg_join(words, count);
    if (count > 0 || none != NULL)
        tg_field(out, name, "%s", count > 0 && joined != NULL ? joined : (none != NULL ? none : ""));
    free(joined);
}

static void render_window(const struct tg_output *out, const struct tg_ticket *ticket)
{
    char length[TG_DURATION_TEXT_SIZE];
    char begins[TG_TIME_TEXT_SIZE];
    tg_duration_text(ticket->seconds, length);
    if (ticket->not_before > 0)
        tg_field(out, "for", "%s, not before %s", length, tg_time_text(ticket->not_before, begins));
    else
        tg_field(out, "for", "%s from the last approval", length);
}

static void render_rights(const struct tg_output *out, const struct tg_ticket *ticket)
{
    if (ticket->command[0] != '\0')
        tg_field(out, "command", "%s", ticket->command);
    else
        tg_field(out, "command", "any (shell %s)", ticket->shell);
    list_field(out, "from", ticket->source, ticket->source_count, "any address");
    list_field(out, "options", ticket->options, ticket->option_count, NULL);
    list_field(out, "forwards to", ticket->permit_open, ticket->permit_open_count, NULL);
    list_field(out, "groups", ticket->groups, ticket->group_count, NULL);
    list_field(out, "sudo", ticket->sudo, ticket->sudo_count, NULL);
    if (ticket->sessions > 0)
        tg_field(out, "sessions", "%" PRIu32 " at most", ticket->sessions);
}

void tg_render_ticket(const struct tg_output *out, const struct tg_ticket *ticket, int64_t now)
{
    char code[TG_CODE_WORDS_SIZE];
    char when[TG_TIME_TEXT_SIZE];
    char relative[TG_DURATION_TEXT_SIZE];
    tg_styled(out, TG_STYLE_STRONG, "Ticket %s", ticket->id);
    tg_line(out, "  code %s%s", tg_code_words(ticket->digest, code), ticket->emergency ? "  EMERGENCY" : "");
    tg_field(out, "who", "%s (key %s)", ticket->requester, ticket->key);
    list_field(out, "where", ticket->hosts, ticket->host_count, "");
    if (ticket->uid > 0)
        tg_field(out, "as", "%s (uid %" PRIu32 ")", ticket->account, ticket->uid);
    else
        tg_field(out, "as", "%s (the host's own account)", ticket->account);
    render_window(out, ticket);
    if (ticket->extends[0] != '\0')
        tg_field(out, "lengthens", "the running sessions of %s", ticket->extends);
    tg_field(out, "why", "%s", ticket->reason);
    if (ticket->reference[0] != '\0')
        tg_field(out, "reference", "%s", ticket->reference);
    render_rights(out, ticket);
    tg_field(out, "rule", "%s, policy %" PRIu64, ticket->rule, ticket->policy);
    tg_field(out, "created", "%s (%s)", tg_time_text(ticket->created, when),
             tg_time_relative(ticket->created, now, relative));
    tg_field(out, "approve by", "%s (%s)", tg_time_text(ticket->approve_by, when),
             tg_time_relative(ticket->approve_by, now, relative));
}

static void render_approval(const struct tg_output *out, const struct tg_held_approval *held)
{
    char when[TG_TIME_TEXT_SIZE];
    char length[TG_DURATION_TEXT_SIZE];
    const struct tg_approval *approval = held->approval;
    tg_field_name(out, "approval");
    if (approval != NULL)
        tg_part(out, "%s, %s", approval->approver, tg_time_text(approval->at, when));
    if (approval != NULL && approval->seconds > 0)
        tg_part(out, ", shortened to %s", tg_duration_text(approval->seconds, length));
    if (held->refused != TG_allowed) {
        tg_styled(out, TG_STYLE_BAD, "%sDOES NOT COUNT", approval != NULL ? ": " : "");
        tg_line(out, " (%s: %s)", tg_reason_name(held->refused), tg_reason_text(held->refused));
        return;
    }
    tg_part(out, ": ");
    tg_styled(out, TG_STYLE_GOOD, "signature verified");
    tg_line(out, " (%s%s)", held->facts.security_key ? "security key" : "software key",
            held->facts.user_verified ? ", user verified" : "");
}

static void render_missing(const struct tg_output *out, const struct tg_ticket_view *view)
{
    for (size_t i = 0; view->rule != NULL && i < view->rule->approver_count; i++) {
        if (view->missing[i] > 0)
            tg_field(out, "missing", "%" PRIu32 " from group %s", view->missing[i],
                     view->rule->approvers[i].group);
    }
}

void tg_render_standing(const struct tg_output *out, const struct tg_ticket_view *view, int64_t now)
{
    char begins[TG_TIME_TEXT_SIZE];
    char ends[TG_TIME_TEXT_SIZE];
    char relative[TG_DURATION_TEXT_SIZE];
    enum tg_ticket_state state = view->held.state;
    bool open = state == TG_TICKET_APPROVED || state == TG_TICKET_ACTIVE;
    tg_field_name(out, "state");
    tg_styled(out,
              open                         ? TG_STYLE_GOOD
              : state == TG_TICKET_PENDING ? TG_STYLE_WARNING
                                           : TG_STYLE_BAD,
              "%s", tg_ticket_state_name(state));
    tg_line(out, "%s", "");
    for (size_t i = 0; i < view->held.approval_count; i++)
        render_approval(out, &view->held.approvals[i]);
    if (state == TG_TICKET_PENDING || open)
        render_missing(out, view);
    if (view->covered != TG_allowed)
        tg_field(out, "rule", "%s%s%s", tg_reason_text(view->covered), view->uncovered[0] != '\0' ? ": " : "",
                 view->uncovered);
    if (view->ends > 0 && !tg_ticket_state_is_final(state))
        tg_field(out, "window", "%s to %s (ends %s)", tg_time_text(view->begins, begins),
                 tg_time_text(view->ends, ends), tg_time_relative(view->ends, now, relative));
}

void tg_render_hosts(const struct tg_output *out, const struct tg_ticket_view *view)
{
    size_t index = 0;
    const json_t *host = NULL;
    json_array_foreach(json_object_get(view->json, "hosts"), index, host)
    {
        const char *name = json_string_value(json_object_get(host, "name"));
        const char *problem = json_string_value(json_object_get(host, "problem"));
        bool acknowledged = json_integer_value(json_object_get(host, "acknowledged")) == 1;
        enum tg_reason reason = TG_internal_error;
        if (problem != NULL && *problem != '\0' && tg_reason_from_name(problem, &reason))
            tg_field(out, "host", "%s: refused it: %s: %s", name != NULL ? name : "?", problem,
                     tg_reason_text(reason));
        else
            tg_field(out, "host", "%s: %s", name != NULL ? name : "?",
                     acknowledged ? "has it" : "has not fetched it yet");
    }
}

void tg_render_approvers(const struct tg_output *out, const struct tg_ticket_view *view)
{
    const char *names[TG_APPROVALS_MAX];
    size_t count = 0;
    size_t index = 0;
    const json_t *name = NULL;
    json_array_foreach(json_object_get(view->json, "approvers"), index, name)
    {
        if (count < TG_APPROVALS_MAX && json_is_string(name))
            names[count++] = json_string_value(name);
    }
    if (count > 0)
        list_field(out, "can approve", names, count, NULL);
}
