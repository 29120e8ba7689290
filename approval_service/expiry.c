/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What time does to tickets: pending ones lapse after approve_by, windows end. The loop calls this when
 * service->next_due has come.
 */
#include "approval_service/service.h"

#include <stdlib.h>
#include <string.h>

static int take_document(void *context, const struct tg_stored_ticket *ticket)
{
    char **document = context;
    *document = strdup(ticket->document);
    return *document == NULL ? -1 : 0;
}

static int expire_one(struct tg_service *service, const char *id, enum tg_ticket_state from, int64_t now,
                      struct tg_error *error)
{
    enum tg_ticket_state to = from == TG_TICKET_PENDING ? TG_TICKET_LAPSED : TG_TICKET_EXPIRED;
    if (tg_store_ticket_end(service->store, id, 1U << from, to, "", "", now, error) < 0)
        return -1;
    tg_log(&service->log, LOG_INFO, "ticket %s %s", id, tg_ticket_state_name(to));
    char *document = NULL;
    struct tg_ticket *ticket = NULL;
    (void)tg_fail(error, TG_internal_error, "out of memory");
    int result = tg_store_ticket(service->store, id, take_document, &document, error);
    if (result == 0)
        result = tg_ticket_parse(tg_bytes_of_text(document), &ticket, error);
    if (result == 0)
        tg_ticket_changed(service, ticket);
    tg_ticket_free(ticket);
    free(document);
    return result;
}

int tg_expire(struct tg_service *service, struct tg_error *error)
{
    int64_t now = tg_service_now(service);
    bool found = true;
    int64_t next = 0;
    while (found) {
        char id[TG_TICKET_ID_SIZE];
        enum tg_ticket_state state;
        if (tg_store_due(service->store, now, &found, id, &state, &next, error) < 0)
            return -1;
        if (found && expire_one(service, id, state, now, error) < 0)
            return -1;
    }
    service->next_due = next;
    return 0;
}
