/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/update.h"

#include "agent/state.h"
#include "lib/policy.h"
#include "lib/verdict.h"

#include <stdlib.h>
#include <string.h>

enum { SIGNATURES_MAX = 64 };

/* jansson needs some 50 bytes for a value of two; so values are counted before anything is built. */
static bool has_few_values(struct tg_bytes body)
{
    size_t values = 0;
    bool in_string = false;
    for (size_t i = 0; i < body.length; i++) {
        uint8_t byte = body.data[i];
        if (in_string && byte == '\\')
            i++;
        else if (byte == '"')
            in_string = !in_string;
        else if (!in_string && (byte == ',' || byte == '[' || byte == '{'))
            values++;
    }
    return values <= TG_UPDATE_VALUES_MAX;
}

static json_t *parse_json(struct tg_bytes body, const char *what, struct tg_error *error)
{
    json_error_t json_error;
    if (!has_few_values(body)) {
        (void)tg_fail(error, TG_message_malformed, "%s: more than %d values", what, TG_UPDATE_VALUES_MAX);
        return NULL;
    }
    json_t *json = json_loadb((const char *)body.data, body.length, JSON_REJECT_DUPLICATES, &json_error);
    if (json == NULL)
        (void)tg_fail(error, TG_message_malformed, "%s: not JSON: %s", what, json_error.text);
    return json;
}

/* A string of at most `max` bytes; jansson refuses NUL inside strings by itself. */
static bool get_text(const json_t *object, const char *key, size_t max, struct tg_bytes *out)
{
    json_t *value = json_object_get(object, key);
    *out = (struct tg_bytes){0};
    if (!json_is_string(value) || json_string_length(value) > max)
        return false;
    *out = tg_bytes_of(json_string_value(value), json_string_length(value));
    return true;
}

static bool parse_approval(const json_t *json, struct tg_update_approval *out)
{
    struct tg_bytes signature;
    if (!json_is_object(json) || json_object_size(json) != 2 ||
        !get_text(json, "document", TG_TICKET_MAX, &out->document) ||
        !get_text(json, "signature", (size_t)2 * TG_SSHSIG_MAX, &signature))
        return false;
    out->signature = (const char *)signature.data;
    return true;
}

/* An odd approval is counted and left out: it must not take its ticket, or a final state, down with it. */
static int parse_approvals(const json_t *array, struct tg_update_ticket *out, struct tg_error *error)
{
    size_t count = json_array_size(array);
    size_t taken = count < TG_APPROVALS_MAX ? count : TG_APPROVALS_MAX;
    if (!json_is_array(array))
        return tg_fail(error, TG_ticket_malformed, "ticket entry: approvals must be an array");
    out->approvals = calloc(taken + 1, sizeof *out->approvals);
    if (out->approvals == NULL)
        return tg_fail(error, TG_internal_error, "no memory for approvals");
    for (size_t i = 0; i < taken; i++) {
        if (parse_approval(json_array_get(array, i), &out->approvals[out->approval_count]))
            out->approval_count++;
    }
    out->odd_approvals = count - out->approval_count;
    return 0;
}

/* Reads the three members; which others may stand beside them is the caller's business. */
static int parse_ticket_members(const json_t *json, struct tg_update_ticket *out, struct tg_error *error)
{
    struct tg_bytes state;
    if (!get_text(json, "ticket", TG_TICKET_MAX, &out->document))
        return tg_fail(error, TG_ticket_malformed,
                       "ticket entry: ticket must be a string of at most %d bytes", TG_TICKET_MAX);
    if (!get_text(json, "state", 16, &state) ||
        !tg_ticket_state_from_name((const char *)state.data, &out->state))
        return tg_fail(error, TG_ticket_malformed, "ticket entry: unknown state");
    return parse_approvals(json_object_get(json, "approvals"), out, error);
}

int tg_update_ticket_parse(json_t *json, struct tg_update_ticket *out, struct tg_error *error)
{
    memset(out, 0, sizeof *out);
    if (!json_is_object(json) || json_object_size(json) != 3)
        return tg_fail(error, TG_ticket_malformed, "ticket entry: must be {ticket, approvals, state}");
    if (parse_ticket_members(json, out, error) != 0) {
        tg_update_ticket_clear(out);
        return -1;
    }
    out->well_formed = true;
    return 0;
}

void tg_update_ticket_clear(struct tg_update_ticket *ticket)
{
    free(ticket->approvals);
    ticket->approvals = NULL;
    ticket->approval_count = 0;
}

static int parse_tickets(const json_t *array, struct tg_update *out, struct tg_error *error)
{
    if (!json_is_array(array))
        return tg_fail(error, TG_message_malformed, "host update: tickets must be an array");
    out->tickets = calloc(json_array_size(array) + 1, sizeof *out->tickets);
    if (out->tickets == NULL)
        return tg_fail(error, TG_internal_error, "no memory for a host update");
    out->ticket_count = json_array_size(array);
    for (size_t i = 0; i < out->ticket_count; i++) {
        struct tg_error problem = {0};
        if (tg_update_ticket_parse(json_array_get(array, i), &out->tickets[i], &problem) != 0)
            out->tickets[i].problem = problem;
    }
    return 0;
}

static int parse_frame(struct tg_update *out, struct tg_error *error)
{
    int64_t revision;
    out->policy = json_object_get(out->json, "policy");
    out->krl = json_string_value(json_object_get(out->json, "krl"));
    size_t members = 3U + (out->policy != NULL) + (out->krl != NULL);
    if (!json_is_object(out->json) || json_object_size(out->json) != members)
        return tg_fail(error, TG_message_malformed,
                       "host update: must be {revision, time, policy?, krl?, tickets}");
    if (!tg_state_number(out->json, "revision", &revision) || !tg_state_number(out->json, "time", &out->time))
        return tg_fail(error, TG_message_malformed, "host update: revision and time must be numbers");
    out->revision = (uint64_t)revision;
    return parse_tickets(json_object_get(out->json, "tickets"), out, error);
}

int tg_update_parse(struct tg_bytes body, struct tg_update *out, struct tg_error *error)
{
    memset(out, 0, sizeof *out);
    if (body.length > TG_UPDATE_MAX)
        return tg_fail(error, TG_message_malformed, "host update: more than %d bytes", TG_UPDATE_MAX);
    out->json = parse_json(body, "host update", error);
    if (out->json == NULL)
        return -1;
    if (parse_frame(out, error) == 0)
        return 0;
    tg_update_free(out);
    return -1;
}

void tg_update_free(struct tg_update *update)
{
    for (size_t i = 0; update->tickets != NULL && i < update->ticket_count; i++)
        tg_update_ticket_clear(&update->tickets[i]);
    free(update->tickets);
    json_decref(update->json);
    memset(update, 0, sizeof *update);
}

int tg_import_parse(struct tg_bytes text, json_t **json, struct tg_update_ticket *out, struct tg_error *error)
{
    int64_t version;
    memset(out, 0, sizeof *out);
    *json = NULL;
    if (text.length > TG_IMPORT_MAX)
        return tg_fail(error, TG_message_malformed, "carried ticket: too long");
    *json = parse_json(text, "carried ticket", error);
    if (*json == NULL)
        return -1;
    if (!json_is_object(*json) || json_object_size(*json) != 4 || !tg_state_number(*json, "v", &version) ||
        version != 1)
        (void)tg_fail(error, TG_message_malformed,
                      "carried ticket: must be {v: 1, ticket, approvals, state}");
    else if (parse_ticket_members(*json, out, error) == 0) {
        out->well_formed = true;
        return 0;
    }
    tg_update_ticket_clear(out);
    json_decref(*json);
    *json = NULL;
    return -1;
}

int tg_policy_file_parse(const json_t *json, struct tg_bytes *document, const char ***signatures,
                         size_t *count, struct tg_error *error)
{
    *signatures = NULL;
    *count = 0;
    const json_t *array = json_object_get(json, "signatures");
    if (!json_is_object(json) || json_object_size(json) != 2 ||
        !get_text(json, "document", TG_POLICY_MAX, document) || !json_is_array(array) ||
        json_array_size(array) > SIGNATURES_MAX)
        return tg_fail(error, TG_policy_malformed, "policy: must be {document, signatures}");
    *signatures = calloc(json_array_size(array) + 1, sizeof **signatures);
    if (*signatures == NULL)
        return tg_fail(error, TG_internal_error, "no memory for a policy");
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *text = json_string_value(json_array_get(array, i));
        if (text == NULL || strlen(text) > (size_t)2 * TG_SSHSIG_MAX) {
            free(*signatures);
            *signatures = NULL;
            return tg_fail(error, TG_policy_malformed, "policy: signature %zu is not one", i + 1);
        }
        (*signatures)[(*count)++] = text;
    }
    return 0;
}
