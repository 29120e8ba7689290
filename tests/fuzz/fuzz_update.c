/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a hostile service may send: host updates, taken in as the agent does; and carried tickets.
 */
#include "agent/tickets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tg_update update;
    struct tg_update_ticket carried;
    struct tg_ticket_store store;
    struct tg_error error;
    json_t *json;
    if (tg_update_parse(tg_bytes_of(data, size), &update, &error) == 0 && tg_tickets_init(&store) == 0) {
        for (size_t i = 0; i < update.ticket_count; i++) {
            if (update.tickets[i].well_formed)
                (void)tg_tickets_take(&store, NULL, "ops1", INT64_MAX, &update.tickets[i], NULL, NULL,
                                      &error);
        }
        (void)tg_tickets_purge(&store, 2000000000);
        tg_tickets_free(&store);
    }
    tg_update_free(&update);
    if (tg_import_parse(tg_bytes_of(data, size), &json, &carried, &error) == 0) {
        tg_update_ticket_clear(&carried);
        json_decref(json);
    }
    return 0;
}
