/* SPDX-License-Identifier: BSD-2-Clause */
#include "approval_service/host_event.h"

#include "approval_service/service.h"

#include "lib/canonical_json.h"
#include "lib/digest.h"

#include <string.h>

static const char *const kinds[] = {
    "started",
    "stopped",
    "chain_restarted",
    "imported",
    "clock_wrong",
    "policy_accepted",
    "policy_refused",
    "revocations_accepted",
    "revocations_refused",
    "ticket_refused",
    "approval_refused",
    "login_refused",
    "session_refused",
    "exempt_login",
    "session_opened",
    "session_extended",
    "session_warned",
    "session_ended",
    "session_closed",
    "sudo_allowed",
    "sudo_refused",
    "stepped_up",
    "job_refused",
    "grant_put",
    "grant_removed",
    "owner_taken",
    "teardown",
    "wiped",
    "account_refused",
};

struct text_field {
    const char *name;
    size_t maximum;
    size_t offset; /* in struct tg_stored_host_event; SIZE_MAX: checked, not kept apart */
};

#define KEPT(member) offsetof(struct tg_stored_host_event, member)

static const struct text_field texts[] = {
    {"account", 255, KEPT(account)},  {"code", 64, KEPT(code)},       {"detail", 1024, KEPT(detail)},
    {"host", 64, SIZE_MAX},           {"kind", 32, KEPT(kind)},       {"person", 64, KEPT(person)},
    {"previous", 64, KEPT(previous)}, {"session", 64, KEPT(session)}, {"source", 255, KEPT(source)},
    {"ticket", 15, KEPT(ticket)},
};

static const char *const numbers[] = {"number", "time", "v"};

static int read_texts(const json_t *object, struct tg_stored_host_event *out, struct tg_error *error)
{
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const json_t *value = json_object_get(object, texts[i].name);
        if (!json_is_string(value) || json_string_length(value) > texts[i].maximum)
            return tg_fail(error, TG_request_malformed,
                           "event: key '%s': must be a string of at most %zu bytes", texts[i].name,
                           texts[i].maximum);
        const char *text = json_string_value(value);
        if (texts[i].offset != SIZE_MAX)
            memcpy((char *)out + texts[i].offset, &text, sizeof text);
    }
    return 0;
}

static int check_schema(const json_t *object, struct tg_error *error)
{
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (!json_is_integer(json_object_get(object, numbers[i])))
            return tg_fail(error, TG_request_malformed, "event: key '%s': must be a number", numbers[i]);
    }
    size_t expected = sizeof texts / sizeof texts[0] + sizeof numbers / sizeof numbers[0];
    if (json_object_get(object, "ends") != NULL)
        expected++;
    if (json_object_size(object) != expected)
        return tg_fail(error, TG_request_malformed, "event: has a key that does not belong there");
    if (json_integer_value(json_object_get(object, "v")) != 1)
        return tg_fail(error, TG_request_malformed, "event: key 'v': must be 1");
    return 0;
}

static bool is_kind(const char *text)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i], text) == 0)
            return true;
    }
    return false;
}

/* `ends` is only there for what has an end: a session that begins or is extended. */
static int read_end(const json_t *object, struct tg_stored_host_event *event, struct tg_error *error)
{
    const json_t *ends = json_object_get(object, "ends");
    if (ends == NULL)
        return 0;
    if (strcmp(event->kind, "session_opened") != 0 && strcmp(event->kind, "session_extended") != 0)
        return tg_fail(error, TG_request_malformed, "event: key 'ends': does not belong to %s", event->kind);
    if (!json_is_integer(ends))
        return tg_fail(error, TG_request_malformed, "event: key 'ends': must be a number");
    event->ends = json_integer_value(ends);
    return 0;
}

static int check_values(const json_t *object, const char *host, const struct tg_stored_host_event *event,
                        struct tg_error *error)
{
    enum tg_reason reason;
    if (strcmp(json_string_value(json_object_get(object, "host")), host) != 0)
        return tg_fail(error, TG_request_malformed, "event: key 'host': must be %s", host);
    if (!is_kind(event->kind))
        return tg_fail(error, TG_request_malformed, "event: key 'kind': '%s' is unknown", event->kind);
    if (event->code[0] != '\0' && !tg_reason_from_name(event->code, &reason))
        return tg_fail(error, TG_request_malformed, "event: key 'code': '%s' is not a reason code",
                       event->code);
    if (event->number < 1)
        return tg_fail(error, TG_request_malformed, "event: key 'number': counts from 1");
    if (strlen(event->previous) != TG_DIGEST_SIZE - 1 ||
        strspn(event->previous, "0123456789abcdef") != TG_DIGEST_SIZE - 1)
        return tg_fail(error, TG_request_malformed, "event: key 'previous': must be 64 characters 0-9 a-f");
    return 0;
}

int tg_host_event_parse(const char *text, const char *host, struct tg_host_event *out, struct tg_error *error)
{
    *out = (struct tg_host_event){.stored = {.document = text}};
    struct tg_bytes bytes = tg_bytes_of_text(text);
    if (tg_canonical_json_parse(bytes, "event", TG_HOST_EVENT_MAX, TG_request_malformed, &out->parsed,
                                error) < 0)
        return -1;
    if (read_texts(out->parsed, &out->stored, error) < 0 || check_schema(out->parsed, error) < 0)
        goto fail;
    out->stored.number = json_integer_value(json_object_get(out->parsed, "number"));
    out->stored.time = json_integer_value(json_object_get(out->parsed, "time"));
    if (check_values(out->parsed, host, &out->stored, error) < 0 ||
        read_end(out->parsed, &out->stored, error) < 0)
        goto fail;
    if (!tg_digest(bytes, out->digest)) {
        (void)tg_fail(error, TG_internal_error, "SHA-256 failed");
        goto fail;
    }
    out->stored.digest = out->digest;
    return 0;
fail:
    tg_host_event_clear(out);
    return -1;
}

void tg_host_event_clear(struct tg_host_event *event)
{
    json_decref(event->parsed);
    *event = (struct tg_host_event){0};
}
