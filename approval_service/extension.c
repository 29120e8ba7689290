/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Tickets that lengthen the sessions of another: what must be true of both when one is submitted. The hosts
 * judge it again (tg_verdict_running()); here people learn at once what the hosts would not heed.
 */
#include "approval_service/ticket_view.h"

#include <string.h>

static int find_granted(void *context, const struct tg_stored_ticket *extension)
{
    if (extension->state == TG_TICKET_APPROVED || extension->state == TG_TICKET_ACTIVE)
        *(bool *)context = true;
    return 0;
}

/* Can the ticket have sessions that still run: within its own window, or carried by an extension? */
static int check_running(struct tg_service *service, const struct tg_loaded_ticket *running,
                         struct tg_error *error)
{
    const char *id = running->held.ticket->id;
    enum tg_ticket_state state = running->held.state;
    struct tg_error ignored;
    int64_t begins;
    int64_t ends;
    bool extended = false;
    if (state == TG_TICKET_APPROVED || state == TG_TICKET_ACTIVE)
        return 0;
    if (state != TG_TICKET_EXHAUSTED && state != TG_TICKET_EXPIRED)
        return tg_fail(error, TG_ticket_state, "ticket %s is %s: there is nothing to extend", id,
                       tg_ticket_state_name(state));
    if (tg_judge_approvals(service, &running->held, &begins, &ends, &ignored) == TG_allowed &&
        tg_service_now(service) < ends)
        return 0;
    if (tg_store_extensions(service->store, id, find_granted, &extended, error) < 0)
        return -1;
    return extended
               ? 0
               : tg_fail(error, TG_ticket_state, "the window of ticket %s is over: request a new ticket", id);
}

static int check_pair(struct tg_service *service, const struct tg_ticket *extension,
                      const struct tg_loaded_ticket *running, struct tg_error *error)
{
    const struct tg_ticket *ticket = running->held.ticket;
    if (strcmp(ticket->requester, extension->requester) != 0)
        return tg_fail(error, TG_not_found, "there is no ticket %s of %s", ticket->id, extension->requester);
    if (ticket->extends[0] != '\0')
        return tg_fail(error, TG_extension_differs,
                       "ticket: key 'extends': %s is an extension itself; extend %s", ticket->id,
                       ticket->extends);
    const char *gap = tg_ticket_extension_gap(extension, ticket);
    if (gap != NULL)
        return tg_fail(error, TG_extension_differs, "ticket: key '%s': differs from that of %s", gap,
                       ticket->id);
    /* The extension's own rule covers it by now; the other one bounds the session. */
    const struct tg_rule *rule = tg_policy_rule(service->policy, ticket->rule);
    if (rule == NULL || rule->max_extension_seconds == 0)
        return tg_fail(error, TG_ticket_no_rule,
                       "rule %s allows no extension: its max_extension_seconds is 0", ticket->rule);
    return check_running(service, running, error);
}

int tg_check_extension(struct tg_service *service, const struct tg_ticket *ticket, struct tg_error *error)
{
    if (ticket->extends[0] == '\0')
        return 0;
    struct tg_loaded_ticket running;
    if (tg_ticket_load(service, ticket->extends, &running, error) < 0)
        return -1;
    int result = check_pair(service, ticket, &running, error);
    tg_loaded_ticket_clear(&running);
    return result;
}

static int wake_follower(void *context, const struct tg_stored_ticket *extension)
{
    struct tg_service *service = context;
    tg_waiting_wake(&service->waiting, TG_WAIT_TICKET, extension->id);
    return 0;
}

int tg_extensions_changed(struct tg_service *service, const char *ticket, struct tg_error *error)
{
    /* Their hosts are among the ticket's own and are woken with those. */
    return tg_store_extensions(service->store, ticket, wake_follower, service, error);
}
