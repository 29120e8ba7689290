/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/status_line.h"

#include "cli/duration.h"
#include "cli/render.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct tg_status_line tg_status_line_on(const struct tg_output *out)
{
    return (struct tg_status_line){.out = out};
}

/* Appends to a text of TG_STATUS_TEXT_SIZE; what does not fit is cut. */
__attribute__((format(printf, 2, 3))) static void append(char *text, const char *format, ...)
{
    size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text + used, TG_STATUS_TEXT_SIZE - used, format, arguments);
    va_end(arguments);
}

/* "waiting for 1 from leads, 2 from ops (bob, carol can approve)" */
static void describe_pending(const struct tg_ticket_view *view, char *text)
{
    const char *between = "waiting for ";
    size_t index = 0;
    const json_t *name = NULL;
    for (size_t i = 0; view->rule != NULL && i < view->rule->approver_count; i++) {
        if (view->missing[i] == 0)
            continue;
        append(text, "%s%" PRIu32 " from %s", between, view->missing[i], view->rule->approvers[i].group);
        between = ", ";
    }
    between = " (";
    json_array_foreach(json_object_get(view->json, "approvers"), index, name)
    {
        if (json_is_string(name))
            append(text, "%s%s", between, json_string_value(name));
        between = ", ";
    }
    if (strcmp(between, ", ") == 0)
        append(text, " can approve)");
}

/* "approved; ops1, ops2 have not fetched it yet" */
static void describe_approved(const struct tg_ticket_view *view, char *text)
{
    const char *between = "approved; not fetched yet by ";
    size_t index = 0;
    const json_t *host = NULL;
    json_array_foreach(json_object_get(view->json, "hosts"), index, host)
    {
        const char *name = json_string_value(json_object_get(host, "name"));
        if (name == NULL || json_integer_value(json_object_get(host, "acknowledged")) == 1)
            continue;
        append(text, "%s%s", between, name);
        between = ", ";
    }
}

void tg_status_line_set(struct tg_status_line *line, const struct tg_ticket_view *view)
{
    char text[TG_STATUS_TEXT_SIZE] = "";
    if (line->out == NULL)
        return;
    append(text, "%s: ", view->held.ticket->id);
    if (view->held.state == TG_TICKET_PENDING)
        describe_pending(view, text);
    else
        describe_approved(view, text);
    line->until = view->held.state == TG_TICKET_PENDING ? view->held.ticket->approve_by : view->ends;
    bool changed = strcmp(text, line->text) != 0;
    memcpy(line->text, text, sizeof line->text);
    if (line->out->width > 0) {
        tg_status_line_draw(line);
    } else if (changed) {
        char until[TG_TIME_TEXT_SIZE];
        tg_line(line->out, "%s, until %s", line->text, tg_time_text(line->until, until));
        (void)fflush(line->out->stream);
    }
}

void tg_status_line_draw(struct tg_status_line *line)
{
    char left[TG_DURATION_TEXT_SIZE];
    char text[TG_STATUS_TEXT_SIZE + 64];
    if (line->out == NULL || line->out->width == 0 || line->text[0] == '\0')
        return;
    int64_t seconds = line->until - (int64_t)time(NULL);
    (void)snprintf(text, sizeof text, "%s left - %s", tg_duration_text(seconds > 0 ? seconds : 0, left),
                   line->text);
    char *escaped = tg_output_escape(text, false); /* a byte is a column */
    if (escaped != NULL)
        (void)fprintf(line->out->stream, "\r%.*s\033[K", (int)(line->out->width - 1), escaped);
    free(escaped);
    (void)fflush(line->out->stream);
    line->drawn = true;
}

void tg_status_line_clear(struct tg_status_line *line)
{
    if (line == NULL || !line->drawn)
        return;
    (void)fputs("\r\033[K", line->out->stream);
    (void)fflush(line->out->stream);
    line->drawn = false;
}
