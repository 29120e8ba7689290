/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What an approver should look at twice before signing.
 */
#include "cli/duration.h"
#include "cli/render.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

enum {
    MANY_HOSTS = 5,
    LONG_WINDOW = 4 * 3600,
    FAR_AHEAD = 24 * 3600,
    OFFICE_BEGINS = 7, /* local hours */
    OFFICE_ENDS = 20,
};

struct warnings {
    char (*texts)[TG_WARNING_SIZE];
    size_t count;
};

__attribute__((format(printf, 2, 3))) static void warn(struct warnings *warnings, const char *format, ...)
{
    if (warnings->count == TG_WARNINGS_MAX)
        return;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(warnings->texts[warnings->count++], TG_WARNING_SIZE, format, arguments);
    va_end(arguments);
}

static void about_account(struct warnings *warnings, const struct tg_ticket *ticket)
{
    if (strcmp(ticket->account, "root") == 0)
        warn(warnings, "the login is as root");
    else if (strcmp(ticket->account, ticket->requester) != 0)
        warn(warnings, "the login is as %s, an account that several people share", ticket->account);
    if (ticket->sudo_count > 0)
        warn(warnings, "the ticket grants sudo");
}

static void about_requester(struct warnings *warnings, const struct tg_policy *policy,
                            const struct tg_ticket *ticket, const char *approver)
{
    const struct tg_person *requester = tg_policy_person(policy, ticket->requester);
    if (requester == NULL) {
        warn(warnings, "the policy does not know %s", ticket->requester);
        return;
    }
    if (requester->disabled)
        warn(warnings, "%s is disabled in the policy", ticket->requester);
    const struct tg_person_key *entry = tg_person_key(requester, ticket->key);
    if (entry == NULL)
        warn(warnings, "the login key %s is not in the policy: no host will accept it", ticket->key);
    else if (!tg_key_type_is_security_key(entry->key->type))
        warn(warnings, "the requester's login key is a software key, not a security key");
    if (approver != NULL && strcmp(approver, ticket->requester) == 0)
        warn(warnings, "you are the requester: your approval does not count");
}

static void about_reach(struct warnings *warnings, const struct tg_ticket *ticket)
{
    if (ticket->host_count >= MANY_HOSTS)
        warn(warnings, "it is for %zu hosts", ticket->host_count);
    if (ticket->source_count == 0 && ticket->emergency)
        warn(warnings, "it may be used from any address");
    for (size_t i = 0; i < ticket->option_count; i++) {
        if (strcmp(ticket->options[i], "agent-forwarding") == 0)
            warn(warnings, "agent forwarding lets whoever is root on the host use the requester's keys");
        if (strcmp(ticket->options[i], "port-forwarding") == 0 && ticket->permit_open_count == 0)
            warn(warnings, "port forwarding is allowed to any address");
    }
    if (ticket->command[0] != '\0')
        warn(warnings, "only this command may run; read it to its end: %s", ticket->command);
}

static void about_time(struct warnings *warnings, const struct tg_ticket *ticket, int64_t now)
{
    char text[TG_DURATION_TEXT_SIZE];
    time_t begins = (time_t)(ticket->not_before > now ? ticket->not_before : now);
    struct tm calendar = {0};
    if (ticket->seconds >= LONG_WINDOW)
        warn(warnings, "the window is long: %s", tg_duration_text(ticket->seconds, text));
    if (ticket->not_before > now + FAR_AHEAD)
        warn(warnings, "the window begins only %s", tg_time_relative(ticket->not_before, now, text));
    if (ticket->created > now + TG_CLOCK_SKEW)
        warn(warnings, "it was created in the future: check the clocks");
    if (localtime_r(&begins, &calendar) == NULL)
        return;
    if (calendar.tm_wday == 0 || calendar.tm_wday == 6 || calendar.tm_hour < OFFICE_BEGINS ||
        calendar.tm_hour >= OFFICE_ENDS)
        warn(warnings, "the window begins outside office hours (%02d:%02d local time)", calendar.tm_hour,
             calendar.tm_min);
}

size_t tg_ticket_warnings(const struct tg_policy *policy, const struct tg_ticket_view *view,
                          const char *approver, int64_t now, char texts[TG_WARNINGS_MAX][TG_WARNING_SIZE])
{
    struct warnings warnings = {.texts = texts};
    const struct tg_ticket *ticket = view->held.ticket;
    if (ticket->emergency)
        warn(&warnings, "it is marked as an emergency");
    if (view->covered != TG_allowed)
        warn(&warnings, "%s%s%s: no host will accept it", tg_reason_text(view->covered),
             view->uncovered[0] != '\0' ? ": " : "", view->uncovered);
    about_account(&warnings, ticket);
    about_requester(&warnings, policy, ticket, approver);
    about_reach(&warnings, ticket);
    about_time(&warnings, ticket, now);
    return warnings.count;
}
