/* SPDX-License-Identifier: BSD-2-Clause */
#include "approval_service/body.h"
#include "approval_service/password.h"

#include "lib/canonical_json.h"
#include "lib/policy.h"
#include "lib/sshsig.h"
#include "lib/ticket.h"

#include <string.h>

enum field_type {
    FIELD_LINE,   /* a string without control characters */
    FIELD_TEXT,   /* a string that may have newlines: armored signatures */
    FIELD_LINES,  /* an array of FIELD_LINE */
    FIELD_TEXTS,  /* an array of FIELD_TEXT */
    FIELD_NUMBER, /* 0 to 2^53-1 */
};

struct field {
    const char *name;
    enum field_type type;
    size_t maximum; /* bytes of each string */
    size_t count;   /* elements of an array, at most */
};

enum { FIELDS_MAX = 6, ARMORED_MAX = 2 * TG_SSHSIG_MAX, NAME_MAX_BYTES = 64 };

static const struct field schemas[TG_BODY_KINDS][FIELDS_MAX] = {
    [TG_BODY_REASON] = {{"reason", FIELD_LINE, 500, 0}},
    [TG_BODY_APPROVAL] = {{"document", FIELD_LINE, TG_TICKET_MAX, 0},
                          {"signature", FIELD_TEXT, ARMORED_MAX, 0}},
    [TG_BODY_WHY] = {{"host", FIELD_LINE, 64, 0},
                     {"account", FIELD_LINE, 64, 0},
                     {"certificate", FIELD_TEXT, 60000, 0}},
    [TG_BODY_POLICY] = {{"document", FIELD_LINE, TG_POLICY_MAX, 0},
                        {"signatures", FIELD_TEXTS, ARMORED_MAX, 16}},
    [TG_BODY_HOST] = {{"name", FIELD_LINE, 64, 0},
                      {"labels", FIELD_LINES, 64, 32},
                      {"key", FIELD_LINE, 8192, 0}},
    [TG_BODY_SESSION] = {{"ticket", FIELD_LINE, TG_TICKET_ID_SIZE - 1, 0}, {"session", FIELD_LINE, 32, 0}},
    [TG_BODY_SESSION_END] = {{"ended", FIELD_NUMBER, 0, 0}},
    [TG_BODY_REVOCATION] = {{"key", FIELD_LINE, TG_FINGERPRINT_SIZE - 1, 0},
                            {"serial", FIELD_LINE, 20, 0},
                            {"key_id", FIELD_LINE, 200, 0},
                            {"reason", FIELD_LINE, 500, 0}},
    [TG_BODY_EVENTS] = {{"events", FIELD_LINES, 4096, 256}},
    [TG_BODY_PERSON] = {{"person", FIELD_LINE, NAME_MAX_BYTES, 0}},
    [TG_BODY_REDEEM] = {{"token", FIELD_LINE, 64, 0}, {"password", FIELD_LINE, TG_PASSWORD_MAX, 0}},
    [TG_BODY_SIGN_IN] = {{"person", FIELD_LINE, NAME_MAX_BYTES, 0},
                         {"password", FIELD_LINE, TG_PASSWORD_MAX, 0}},
    [TG_BODY_SIGNED] = {{"document", FIELD_LINE, 8192, 0}, {"signature", FIELD_TEXT, ARMORED_MAX, 0}},
    [TG_BODY_PASSWORD] = {{"password", FIELD_LINE, TG_PASSWORD_MAX, 0},
                          {"new_password", FIELD_LINE, TG_PASSWORD_MAX, 0}},
    [TG_BODY_CREDENTIAL] = {{"document", FIELD_LINE, 1024, 0},
                            {"format", FIELD_LINE, 16, 0},
                            {"key", FIELD_LINE, 1024, 0},
                            {"attestation", FIELD_LINE, 24000, 0},
                            {"client_data", FIELD_LINE, 6000, 0},
                            {"label", FIELD_LINE, 100, 0}},
};

static int check_string(const char *name, const json_t *value, size_t maximum, bool newlines,
                        struct tg_error *error)
{
    if (!json_is_string(value))
        return tg_fail(error, TG_request_malformed, "body: key '%s': must be a string", name);
    if (json_string_length(value) > maximum)
        return tg_fail(error, TG_request_malformed, "body: key '%s': at most %zu bytes", name, maximum);
    for (const char *at = json_string_value(value); *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 && !(newlines && *at == '\n'))
            return tg_fail(error, TG_request_malformed, "body: key '%s': has a control character", name);
    }
    return 0;
}

static int check_field(const struct field *field, const json_t *value, struct tg_error *error)
{
    bool newlines = field->type == FIELD_TEXT || field->type == FIELD_TEXTS;
    if (field->type == FIELD_NUMBER) {
        if (!json_is_integer(value) || json_integer_value(value) < 0 ||
            json_integer_value(value) > TG_INTEGER_MAX)
            return tg_fail(error, TG_request_malformed, "body: key '%s': must be a number from 0 to 2^53-1",
                           field->name);
        return 0;
    }
    if (field->type == FIELD_LINE || field->type == FIELD_TEXT)
        return check_string(field->name, value, field->maximum, newlines, error);
    if (!json_is_array(value) || json_array_size(value) > field->count)
        return tg_fail(error, TG_request_malformed, "body: key '%s': must be an array of at most %zu strings",
                       field->name, field->count);
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (check_string(field->name, json_array_get(value, i), field->maximum, newlines, error) < 0)
            return -1;
    }
    return 0;
}

static int check_schema(const struct field *fields, json_t *object, struct tg_error *error)
{
    size_t expected = 0;
    while (expected < FIELDS_MAX && fields[expected].name != NULL) {
        const json_t *value = json_object_get(object, fields[expected].name);
        if (value == NULL)
            return tg_fail(error, TG_request_malformed, "body: key '%s' is missing", fields[expected].name);
        if (check_field(&fields[expected], value, error) < 0)
            return -1;
        expected++;
    }
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        size_t i = 0;
        while (i < expected && strcmp(fields[i].name, key) != 0)
            i++;
        if (i == expected)
            return tg_fail(error, TG_request_malformed, "body: key '%s' does not belong here", key);
    }
    return 0;
}

int tg_body_parse(enum tg_body_kind kind, struct tg_bytes body, json_t **out, struct tg_error *error)
{
    *out = NULL;
    if (kind == TG_BODY_RAW)
        return 0;
    if (kind == TG_BODY_NONE)
        return body.length == 0 ? 0 : tg_fail(error, TG_request_malformed, "this call has no body");
    json_error_t fault;
    json_t *object = json_loadb((const char *)body.data, body.length, JSON_REJECT_DUPLICATES, &fault);
    if (object == NULL)
        return tg_fail(error, TG_request_malformed, "body: %s at byte %d", fault.text, fault.position);
    if (!json_is_object(object)) {
        json_decref(object);
        return tg_fail(error, TG_request_malformed, "body: must be a JSON object");
    }
    if (check_schema(schemas[kind], object, error) < 0) {
        json_decref(object);
        return -1;
    }
    *out = object;
    return 0;
}

const char *tg_body_text(const json_t *body, const char *key)
{
    const char *text = json_string_value(json_object_get(body, key));
    return text == NULL ? "" : text;
}
