/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/policy_change.h"

#include "lib/base64.h"
#include "lib/canonical_json.h"
#include "lib/schema.h"

#include <stdlib.h>
#include <string.h>

enum { BASE64_MAX = 65536, LINE_MAX_LENGTH = 8192 };

static bool is_format(const char *text)
{
    return strcmp(text, "webauthn") == 0 || strcmp(text, "ssh") == 0;
}

static bool is_base64url(const char *text)
{
    return text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")] == '\0';
}

/* It is shown before anything is believed. */
static bool is_label(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text > '~')
            return false;
    }
    return true;
}

static const struct tg_form form_format = {is_format, "webauthn or ssh"};
static const struct tg_form form_base64url = {is_base64url, "base64url without padding"};
static const struct tg_form form_label = {is_label, "printable ASCII"};

/* The document before its base64 is decoded. */
struct raw {
    const char *format, *person, *label, *challenge, *attestation, *client_data, *credential;
};

#define RAW(member) offsetof(struct raw, member)
static const struct tg_field change_fields[] = {
    {"v", TG_FIELD_NUMBER, 1, 1, .offset = TG_FIELD_UNSTORED},
    {"format", TG_FIELD_TEXT, 1, 8, .offset = RAW(format), .form = &form_format},
    {"person", TG_FIELD_TEXT, 1, 32, .offset = RAW(person), .form = &tg_form_name},
    {"label", TG_FIELD_TEXT, 0, TG_ENROLMENT_LABEL_MAX, .offset = RAW(label), .form = &form_label},
    {"challenge", TG_FIELD_TEXT, 1, TG_ENROLMENT_MAX, .offset = RAW(challenge)},
    {"attestation", TG_FIELD_TEXT, 0, BASE64_MAX, .offset = RAW(attestation), .form = &form_base64url},
    {"client_data", TG_FIELD_TEXT, 0, BASE64_MAX, .offset = RAW(client_data), .form = &form_base64url},
    {"credential", TG_FIELD_TEXT, 0, BASE64_MAX, .offset = RAW(credential), .form = &form_base64url},
    {"key", TG_FIELD_OBJECT, 3, 5, .offset = TG_FIELD_UNSTORED},
};

#define KEY(member) offsetof(struct tg_policy_change, member)
static const struct tg_field key_fields[] = {
    {"key", TG_FIELD_TEXT, 1, LINE_MAX_LENGTH, .offset = KEY(line)},
    {"attested", TG_FIELD_FLAG, .offset = KEY(attested)},
    {"uv", TG_FIELD_FLAG, .offset = KEY(user_verification)},
    {"origin", TG_FIELD_TEXT, 1, 160, .offset = KEY(evidence.origin), .form = &tg_form_origin,
     .optional = true},
    {"rp_id", TG_FIELD_TEXT, 1, 64, .offset = KEY(evidence.rp_id), .form = &tg_form_host, .optional = true},
};
static const struct tg_schema change_schema = TG_SCHEMA(change_fields);
static const struct tg_schema key_schema = TG_SCHEMA(key_fields);

static int decode(const struct tg_reading *reading, const char *key, const char *text, struct tg_bytes *out)
{
    size_t size = tg_base64_decoded_max(strlen(text));
    size_t used = 0;
    uint8_t *bytes = tg_storage_array(reading->storage, size, 1);
    if (bytes == NULL)
        return tg_schema_fail(reading, key, "no memory");
    if (!tg_base64_decode(TG_BASE64URL, tg_bytes_of_text(text), bytes, size, &used))
        return tg_schema_fail(reading, key, "must be %s", form_base64url.description);
    *out = tg_bytes_of(bytes, used);
    return 0;
}

/* What belongs to a browser's key, and to no other. */
static int check_format(const struct tg_reading *reading, const struct tg_policy_change *change)
{
    const struct tg_enrolment_evidence *evidence = &change->evidence;
    bool webauthn = evidence->webauthn;
    if (webauthn != (evidence->origin != NULL) || webauthn != (evidence->rp_id != NULL))
        return tg_schema_fail(reading, "key", "origin and rp_id belong to webauthn, and only there");
    if (webauthn != (evidence->client_data.length > 0))
        return tg_schema_fail(reading, "client_data", "belongs to webauthn, and only there");
    if (webauthn && evidence->attestation.length == 0)
        return tg_schema_fail(reading, "attestation", "must not be empty with webauthn");
    if (!webauthn && evidence->attestation.length == 0 && change->credential.length > 0)
        return tg_schema_fail(reading, "credential", "must be empty without an attestation");
    return 0;
}

static int read_change(const struct tg_reading *reading, const json_t *root, struct tg_policy_change *change)
{
    struct raw raw = {0};
    struct tg_enrolment_evidence *evidence = &change->evidence;
    struct tg_reading inner = *reading;
    (void)snprintf(inner.where, sizeof inner.where, "policy change: key");
    if (tg_schema_read(reading, &change_schema, root, &raw) != 0 ||
        tg_schema_read(&inner, &key_schema, json_object_get(root, "key"), change) != 0 ||
        decode(reading, "attestation", raw.attestation, &evidence->attestation) != 0 ||
        decode(reading, "client_data", raw.client_data, &evidence->client_data) != 0 ||
        decode(reading, "credential", raw.credential, &change->credential) != 0)
        return -1;
    evidence->webauthn = strcmp(raw.format, "webauthn") == 0;
    evidence->person = raw.person;
    evidence->label = raw.label;
    evidence->challenge = tg_bytes_of_text(raw.challenge);
    evidence->key = evidence->webauthn ? NULL : change->line;
    return check_format(reading, change);
}

int tg_policy_change_parse(struct tg_bytes document, struct tg_policy_change **out, struct tg_error *error)
{
    json_t *root;
    struct tg_bytes copy;
    struct tg_reading reading = {
        .reason = TG_policy_change_malformed, .error = error, .where = "policy change"};
    *out = NULL;
    if (tg_canonical_json_parse(document, reading.where, TG_POLICY_CHANGE_MAX, reading.reason, &root,
                                error) != 0)
        return -1;
    struct tg_policy_change *change = calloc(1, sizeof *change);
    if (change != NULL)
        change->storage = reading.storage = tg_storage_new(document, &copy);
    if (reading.storage == NULL) {
        json_decref(root);
        tg_policy_change_free(change);
        return tg_fail(error, TG_internal_error, "out of memory");
    }
    tg_storage_keep(reading.storage, root);
    if (read_change(&reading, root, change) != 0) {
        tg_policy_change_free(change);
        return -1;
    }
    *out = change;
    return 0;
}

void tg_policy_change_free(struct tg_policy_change *change)
{
    if (change == NULL)
        return;
    tg_storage_free(change->storage);
    free(change);
}

static json_t *base64url(struct tg_bytes bytes)
{
    size_t size = tg_base64_encoded_size(bytes.length);
    char *text = malloc(size);
    json_t *string = NULL;
    if (text != NULL && tg_base64_encode(TG_BASE64URL, bytes, text, size))
        string = json_string(text);
    free(text);
    return string;
}

json_t *tg_policy_change_entry(const struct tg_enrolment_evidence *evidence,
                               const struct tg_attestation *attestation)
{
    char *line = tg_public_key_line(attestation->key);
    json_t *entry = line == NULL
                        ? NULL
                        : json_pack("{s:s, s:i, s:i, s:s*, s:s*}", "key", line, "attested",
                                    attestation->attested ? 1 : 0, "uv", attestation->user_verified ? 1 : 0,
                                    "origin", evidence->origin, "rp_id", evidence->rp_id);
    free(line);
    return entry;
}

static struct tg_bytes credential_of(const struct tg_attestation *attestation)
{
    return tg_bytes_of(attestation->credential_id, attestation->credential_id_length);
}

int tg_policy_change_compose(const struct tg_enrolment_evidence *evidence,
                             const struct tg_attestation *attestation, char **document, size_t *length,
                             struct tg_error *error)
{
    struct tg_policy_change *parsed = NULL;
    *document = NULL;
    *length = 0;
    json_t *object = json_pack(
        "{s:i, s:s, s:s, s:s, s:s%, s:o, s:o, s:o, s:o}", "v", 1, "format",
        evidence->webauthn ? "webauthn" : "ssh", "person", evidence->person, "label", evidence->label,
        "challenge", (const char *)evidence->challenge.data, evidence->challenge.length, "attestation",
        base64url(evidence->attestation), "client_data", base64url(evidence->client_data), "credential",
        base64url(credential_of(attestation)), "key", tg_policy_change_entry(evidence, attestation));
    int result = object == NULL ? -1 : tg_canonical_json_write(object, document, length);
    json_decref(object);
    if (result != 0)
        return tg_fail(error, TG_policy_change_malformed,
                       "policy change: its label or challenge is not UTF-8");
    /* What cannot be read again must not be written. */
    result = tg_policy_change_parse(tg_bytes_of(*document, *length), &parsed, error);
    tg_policy_change_free(parsed);
    if (result == 0)
        return 0;
    free(*document);
    *document = NULL;
    *length = 0;
    return -1;
}

static int contradicts(struct tg_error *error, const char *what)
{
    return tg_fail(error, TG_policy_change_contradicts, "policy change: %s is not that of the evidence",
                   what);
}

static int compare(const struct tg_policy_change *change, bool trusting,
                   const struct tg_attestation *attestation, struct tg_error *error)
{
    char *line = tg_public_key_line(attestation->key);
    bool same = line != NULL && strcmp(line, change->line) == 0;
    free(line);
    if (!same)
        return contradicts(error, "key.key");
    if (!tg_bytes_equal(change->credential, credential_of(attestation)))
        return contradicts(error, "credential");
    if (change->user_verification != attestation->user_verified)
        return contradicts(error, "key.uv");
    if (trusting && change->attested && !attestation->attested)
        return contradicts(error, "key.attested");
    return 0;
}

int tg_policy_change_verify(const struct tg_policy_change *change, const struct tg_attestation_trust *trust,
                            int64_t now, struct tg_attestation **out, struct tg_error *error)
{
    if (tg_enrolment_verify(&change->evidence, trust, now, out, error) != 0)
        return -1;
    if (compare(change, trust != NULL, *out, error) == 0)
        return 0;
    tg_attestation_free(*out);
    *out = NULL;
    return -1;
}
