/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The tickets in hand, to and from the state file.
 */
#include "agent/tickets.h"

static json_t *approvals_to_json(const struct tg_ticket_entry *entry)
{
    json_t *array = json_array();
    for (size_t i = 0; array != NULL && i < entry->held.approval_count; i++) {
        const struct tg_raw_approval *raw = &entry->raw[i];
        json_t *approval =
            json_pack("{s:s%, s:s}", "document", raw->document, raw->length, "signature", raw->signature);
        if (approval == NULL || json_array_append_new(array, approval) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *entry_to_json(const struct tg_ticket_entry *entry)
{
    json_t *approvals = approvals_to_json(entry);
    if (approvals == NULL)
        return NULL;
    return json_pack("{s:s%, s:o, s:s, s:i, s:I}", "ticket", entry->document, entry->length, "approvals",
                     approvals, "state", tg_ticket_state_name(entry->held.state), "imported",
                     entry->imported ? 1 : 0, "opened", (json_int_t)entry->held.sessions_opened);
}

json_t *tg_tickets_to_json(const struct tg_ticket_store *store)
{
    struct tg_ticket_cursor cursor = {0};
    json_t *array = json_array();
    for (struct tg_ticket_entry *entry; array != NULL && (entry = tg_tickets_next(store, &cursor)) != NULL;) {
        json_t *json = entry_to_json(entry);
        if (json == NULL || json_array_append_new(array, json) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

/* Takes `imported` and `opened` out of a saved entry, which leaves what the service sends, and takes that in.
 */
static bool entry_from_json(struct tg_ticket_store *store, const struct tg_policy *policy, const char *host,
                            const json_t *saved)
{
    struct tg_update_ticket offered = {0};
    struct tg_error error;
    const json_t *imported = json_object_get(saved, "imported");
    const json_t *opened = json_object_get(saved, "opened");
    bool ok = false;
    if (!json_is_integer(imported) || !json_is_integer(opened) || json_integer_value(opened) < 0 ||
        json_integer_value(opened) > UINT32_MAX)
        return false;
    json_t *entry = json_copy((json_t *)(uintptr_t)saved);
    (void)json_object_del(entry, "imported");
    (void)json_object_del(entry, "opened");
    if (entry != NULL && tg_update_ticket_parse(entry, &offered, &error) == 0 &&
        tg_tickets_take(store, policy, host, INT64_MAX, &offered, NULL, NULL, &error) == TG_INTAKE_CHANGED) {
        struct tg_ticket *ticket = NULL;
        if (tg_ticket_parse(offered.document, &ticket, &error) == 0) {
            struct tg_ticket_entry *taken = tg_tickets_find(store, ticket->id);
            taken->imported = json_integer_value(imported) == 1;
            if (taken->held.sessions_opened < (uint32_t)json_integer_value(opened))
                taken->held.sessions_opened = (uint32_t)json_integer_value(opened);
            ok = true;
        }
        tg_ticket_free(ticket);
    }
    tg_update_ticket_clear(&offered);
    json_decref(entry);
    return ok;
}

bool tg_tickets_from_json(struct tg_ticket_store *store, const struct tg_policy *policy, const char *host,
                          const json_t *array)
{
    bool ok = json_is_array(array);
    for (size_t i = 0; i < json_array_size(array); i++)
        ok &= entry_from_json(store, policy, host, json_array_get(array, i));
    return ok;
}
