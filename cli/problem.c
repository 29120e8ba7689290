/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/problem.h"

#include "cli/command.h"

#include "lib/form.h"
#include "lib/ticket.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void set_reason(struct tg_problem *problem, enum tg_reason reason)
{
    (void)snprintf(problem->code, sizeof problem->code, "%s", tg_reason_name(reason));
    (void)snprintf(problem->text, sizeof problem->text, "%s", tg_reason_text(reason));
    (void)snprintf(problem->advice, sizeof problem->advice, "%s", tg_reason_advice(reason));
}

int tg_problem_from_error(struct tg_problem *problem, const struct tg_error *error)
{
    return tg_problem_set(problem, error->reason, "%s", error->text);
}

int tg_problem_set(struct tg_problem *problem, enum tg_reason reason, const char *format, ...)
{
    char detail[sizeof problem->detail];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    *problem = (struct tg_problem){.exit_status = TG_EXIT_REFUSED};
    set_reason(problem, reason);
    memcpy(problem->detail, detail, sizeof detail);
    return -1;
}

int tg_problem_unreachable(struct tg_problem *problem, const char *format, ...)
{
    char detail[sizeof problem->detail];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    *problem = (struct tg_problem){.exit_status = TG_EXIT_UNREACHABLE};
    (void)snprintf(problem->text, sizeof problem->text, "the approval service does not answer");
    memcpy(problem->detail, detail, sizeof detail);
    (void)snprintf(problem->advice, sizeof problem->advice,
                   "check the network, and url and ca_file in client.conf");
    return -1;
}

static void copy_member(const json_t *body, const char *key, char *out, size_t size)
{
    const char *value = json_string_value(json_object_get(body, key));
    (void)snprintf(out, size, "%s", value != NULL ? value : "");
}

int tg_problem_from_answer(struct tg_problem *problem, long http_status, const json_t *body)
{
    enum tg_reason reason = TG_internal_error;
    *problem = (struct tg_problem){.exit_status = TG_EXIT_REFUSED, .http_status = http_status};
    copy_member(body, "code", problem->code, sizeof problem->code);
    if (tg_reason_from_name(problem->code, &reason))
        set_reason(problem, reason);
    else
        copy_member(body, "title", problem->text, sizeof problem->text);
    if (problem->text[0] == '\0')
        (void)snprintf(problem->text, sizeof problem->text, "the approval service answered HTTP status %ld",
                       http_status);
    copy_member(body, "detail", problem->detail, sizeof problem->detail);
    if (http_status >= 500)
        problem->exit_status = TG_EXIT_UNREACHABLE;
    return -1;
}

/* The first ticket's id in the text; false if there is none. */
static bool find_ticket(const char *text, char id[TG_TICKET_ID_SIZE])
{
    for (const char *at = strstr(text, "T-"); at != NULL; at = strstr(at + 1, "T-")) {
        (void)snprintf(id, TG_TICKET_ID_SIZE, "%s", at);
        if (tg_form_ticket_id.matches(id))
            return true;
    }
    return false;
}

const char *tg_advice_for(const char *advice, const char *text, char *out, size_t size)
{
    static const char word[] = "TICKET";
    char id[TG_TICKET_ID_SIZE];
    const char *at = strstr(advice, word);
    if (at == NULL || !find_ticket(text, id))
        (void)snprintf(out, size, "%s", advice);
    else
        (void)snprintf(out, size, "%.*s%s%s", (int)(at - advice), advice, id, at + sizeof word - 1);
    return out;
}

/* What was cut to fit may end inside a character, and is then no text for JSON. */
static json_t *json_text(const char *text)
{
    json_t *json = json_string(text);
    if (json != NULL)
        return json;
    char *escaped = tg_output_escape(text, true);
    json = json_string(escaped != NULL ? escaped : "");
    free(escaped);
    return json;
}

json_t *tg_problem_json(const struct tg_problem *problem)
{
    char advice[sizeof problem->advice];
    return json_pack("{s:o, s:o, s:o, s:o}", "code", json_text(problem->code), "title",
                     json_text(problem->text), "detail", json_text(problem->detail), "advice",
                     json_text(tg_advice_for(problem->advice, problem->detail, advice, sizeof advice)));
}
