/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/ticket.h"

#include "lib/canonical_json.h"
#include "lib/digest.h"
#include "lib/schema.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define AT(member)          offsetof(struct tg_ticket, member)
#define LIST(member, count) .offset = AT(member), .count_offset = AT(count)

static const struct tg_field fields[] = {
    {"v", TG_FIELD_NUMBER, 1, 1, .offset = TG_FIELD_UNSTORED},
    {"id", TG_FIELD_CHARS, TG_TICKET_ID_SIZE - 1, TG_TICKET_ID_SIZE - 1, .offset = AT(id),
     .form = &tg_form_ticket_id},
    {"created", TG_FIELD_TIME, 0, TG_INTEGER_MAX, .offset = AT(created)},
    {"requester", TG_FIELD_TEXT, 1, 32, .offset = AT(requester), .form = &tg_form_name},
    {"key", TG_FIELD_TEXT, 50, 50, .offset = AT(key), .form = &tg_form_fingerprint},
    {"hosts", TG_FIELD_TEXTS, 1, 32, LIST(hosts, host_count), .form = &tg_form_host},
    {"account", TG_FIELD_TEXT, 1, 32, .offset = AT(account), .form = &tg_form_name},
    {"uid", TG_FIELD_NUMBER, 0, INT32_MAX, .offset = AT(uid)},
    {"shell", TG_FIELD_TEXT, 2, 128, .offset = AT(shell), .form = &tg_form_shell},
    {"groups", TG_FIELD_TEXTS, 0, 32, LIST(groups, group_count), .form = &tg_form_name},
    {"sudo", TG_FIELD_TEXTS, 0, 32, LIST(sudo, sudo_count), .form = &tg_form_name},
    {"options", TG_FIELD_TEXTS, 0, 4, LIST(options, option_count), .form = &tg_form_option},
    {"permit_open", TG_FIELD_TEXTS, 0, 32, LIST(permit_open, permit_open_count),
     .form = &tg_form_destination},
    {"command", TG_FIELD_TEXT, 0, 1024, .offset = AT(command)},
    {"source", TG_FIELD_TEXTS, 0, 32, LIST(source, source_count), .form = &tg_form_network},
    {"seconds", TG_FIELD_NUMBER, 1, 86400, .offset = AT(seconds)},
    {"not_before", TG_FIELD_TIME, 0, TG_INTEGER_MAX, .offset = AT(not_before)},
    {"approve_by", TG_FIELD_TIME, 0, TG_INTEGER_MAX, .offset = AT(approve_by)},
    {"sessions", TG_FIELD_NUMBER, 0, 1000000, .offset = AT(sessions)},
    {"reason", TG_FIELD_TEXT, 1, 500, .offset = AT(reason)},
    {"reference", TG_FIELD_TEXT, 0, 100, .offset = AT(reference)},
    {"rule", TG_FIELD_TEXT, 1, 32, .offset = AT(rule), .form = &tg_form_name},
    {"policy", TG_FIELD_SERIAL, 1, TG_INTEGER_MAX, .offset = AT(policy)},
    {"emergency", TG_FIELD_FLAG, .offset = AT(emergency)},
    {"extends", TG_FIELD_TEXT, 15, 15, .offset = AT(extends), .form = &tg_form_ticket_id, .optional = true},
};
static const struct tg_schema schema = TG_SCHEMA(fields);

static int read_ticket(const struct tg_reading *reading, const json_t *root, struct tg_ticket *ticket)
{
    ticket->extends = "";
    if (tg_schema_read(reading, &schema, root, ticket) != 0)
        return -1;
    if (strcmp(ticket->extends, ticket->id) == 0)
        return tg_schema_fail(reading, "extends", "must be another ticket");
    if (ticket->approve_by < ticket->created)
        return tg_schema_fail(reading, "approve_by", "must not be before created");
    if (!tg_form_command.matches(ticket->command)) {
        (void)tg_schema_fail(reading, "command", "must be %s", tg_form_command.description);
        if (reading->error != NULL)
            reading->error->reason = TG_ticket_command;
        return -1;
    }
    if (!tg_digest(ticket->document, ticket->digest))
        return tg_fail(reading->error, reading->reason, "ticket: its SHA-256 cannot be made");
    return 0;
}

int tg_ticket_parse(struct tg_bytes document, struct tg_ticket **out, struct tg_error *error)
{
    json_t *root;
    struct tg_reading reading = {.reason = TG_ticket_malformed, .error = error, .where = "ticket"};
    *out = NULL;
    if (tg_canonical_json_parse(document, "ticket", TG_TICKET_MAX, TG_ticket_malformed, &root, error) != 0)
        return -1;
    struct tg_ticket *ticket = calloc(1, sizeof *ticket);
    if (ticket != NULL)
        ticket->storage = reading.storage = tg_storage_new(document, &ticket->document);
    if (reading.storage == NULL) {
        json_decref(root);
        tg_ticket_free(ticket);
        return tg_fail(error, TG_ticket_malformed, "ticket: no memory");
    }
    tg_storage_keep(reading.storage, root);
    if (read_ticket(&reading, root, ticket) != 0) {
        tg_ticket_free(ticket);
        return -1;
    }
    *out = ticket;
    return 0;
}

void tg_ticket_free(struct tg_ticket *ticket)
{
    if (ticket == NULL)
        return;
    tg_storage_free(ticket->storage);
    free(ticket);
}

int tg_ticket_new_id(char out[TG_TICKET_ID_SIZE], struct tg_error *error)
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; /* Crockford's base32 */
    uint8_t random[TG_TICKET_ID_SIZE - 3];
    memset(out, 0, TG_TICKET_ID_SIZE);
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return tg_fail(error, TG_internal_error, "the system has no random numbers");
    out[0] = 'T';
    out[1] = '-';
    for (size_t i = 0; i < sizeof random; i++)
        out[2 + i] = digits[random[i] % 32];
    return 0;
}

static const char *const state_names[] = {
    [TG_TICKET_PENDING] = "pending",     [TG_TICKET_APPROVED] = "approved",   [TG_TICKET_ACTIVE] = "active",
    [TG_TICKET_DENIED] = "denied",       [TG_TICKET_CANCELLED] = "cancelled", [TG_TICKET_LAPSED] = "lapsed",
    [TG_TICKET_RELEASED] = "released",   [TG_TICKET_EXPIRED] = "expired",     [TG_TICKET_REVOKED] = "revoked",
    [TG_TICKET_EXHAUSTED] = "exhausted",
};

const char *tg_ticket_state_name(enum tg_ticket_state state)
{
    return state_names[state];
}

bool tg_ticket_state_from_name(const char *name, enum tg_ticket_state *state)
{
    *state = TG_TICKET_REVOKED; /* whoever does not look at the answer gets a state that opens nothing */
    for (size_t i = 0; i < sizeof state_names / sizeof state_names[0]; i++) {
        if (strcmp(state_names[i], name) == 0) {
            *state = (enum tg_ticket_state)i;
            return true;
        }
    }
    return false;
}

bool tg_ticket_state_is_final(enum tg_ticket_state state)
{
    return state != TG_TICKET_PENDING && state != TG_TICKET_APPROVED && state != TG_TICKET_ACTIVE;
}

bool tg_ticket_state_may_become(enum tg_ticket_state state, enum tg_ticket_state next)
{
    if (!tg_ticket_state_is_final(state))
        return true;
    return state == TG_TICKET_EXHAUSTED && (next == TG_TICKET_RELEASED || next == TG_TICKET_REVOKED);
}
