/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/policy_change.h"

#include "lib/base64.h"
#include "lib/canonical_json.h"
#include "lib/schema.h"

#include <openssl/rand.h>

#include <stdlib.h>
#include <string.h>

enum { NONCE_BYTES = 16, SERVICE_MAX = 128 };

static bool is_nonce(const char *text)
{
    uint8_t bytes[NONCE_BYTES];
    size_t used;
    return tg_base64_decode(TG_BASE64URL, tg_bytes_of_text(text), bytes, sizeof bytes, &used) &&
           used == sizeof bytes;
}

static bool is_service(const char *text)
{
    return text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.-:[]")] == '\0';
}

static const struct tg_form form_nonce = {is_nonce, "128 bits in base64url"};
static const struct tg_form form_service = {is_service, "HOST or HOST:PORT"};

#define AT(member) offsetof(struct tg_enrolment, member)
static const struct tg_field fields[] = {
    {"v", TG_FIELD_NUMBER, 1, 1, .offset = TG_FIELD_UNSTORED},
    {"at", TG_FIELD_TIME, 0, TG_INTEGER_MAX, .offset = AT(at)},
    {"nonce", TG_FIELD_CHARS, TG_ENROLMENT_NONCE_SIZE - 1, TG_ENROLMENT_NONCE_SIZE - 1, .offset = AT(nonce),
     .form = &form_nonce},
    {"person", TG_FIELD_TEXT, 1, 32, .offset = AT(person), .form = &tg_form_name},
    {"service", TG_FIELD_TEXT, 1, SERVICE_MAX, .offset = AT(service), .form = &form_service},
};
static const struct tg_schema schema = TG_SCHEMA(fields);

int tg_enrolment_parse(struct tg_bytes document, struct tg_enrolment **out, struct tg_error *error)
{
    json_t *root;
    struct tg_bytes copy;
    struct tg_reading reading = {
        .reason = TG_attestation_challenge, .error = error, .where = "enrolment challenge"};
    *out = NULL;
    if (tg_canonical_json_parse(document, reading.where, TG_ENROLMENT_MAX, reading.reason, &root, error) != 0)
        return -1;
    struct tg_enrolment *enrolment = calloc(1, sizeof *enrolment);
    if (enrolment != NULL)
        enrolment->storage = reading.storage = tg_storage_new(document, &copy);
    if (reading.storage == NULL) {
        json_decref(root);
        tg_enrolment_free(enrolment);
        return tg_fail(error, TG_internal_error, "out of memory");
    }
    tg_storage_keep(reading.storage, root);
    if (tg_schema_read(&reading, &schema, root, enrolment) != 0) {
        tg_enrolment_free(enrolment);
        return -1;
    }
    *out = enrolment;
    return 0;
}

void tg_enrolment_free(struct tg_enrolment *enrolment)
{
    if (enrolment == NULL)
        return;
    tg_storage_free(enrolment->storage);
    free(enrolment);
}

int tg_enrolment_compose(const char *person, const char *service, int64_t at, char **document, size_t *length,
                         struct tg_error *error)
{
    uint8_t random[NONCE_BYTES];
    char nonce[TG_ENROLMENT_NONCE_SIZE + 2];
    struct tg_enrolment *parsed = NULL;
    *document = NULL;
    *length = 0;
    if (RAND_bytes(random, sizeof random) != 1 ||
        !tg_base64_encode(TG_BASE64URL, tg_bytes_of(random, sizeof random), nonce, sizeof nonce))
        return tg_fail(error, TG_internal_error, "no random numbers");
    json_t *object = json_pack("{s:i, s:I, s:s, s:s, s:s}", "v", 1, "at", (json_int_t)at, "nonce", nonce,
                               "person", person, "service", service);
    int result = object == NULL ? -1 : tg_canonical_json_write(object, document, length);
    json_decref(object);
    if (result != 0)
        return tg_fail(error, TG_internal_error, "the enrolment challenge cannot be written");
    result = tg_enrolment_parse(tg_bytes_of(*document, *length), &parsed, error);
    tg_enrolment_free(parsed);
    if (result == 0)
        return 0;
    free(*document);
    *document = NULL;
    *length = 0;
    return -1;
}

/* The challenge must be an enrolment, and this person's. */
static int check_challenge(const struct tg_enrolment_evidence *evidence, struct tg_error *error)
{
    struct tg_enrolment *enrolment;
    if (tg_enrolment_parse(evidence->challenge, &enrolment, error) != 0)
        return -1;
    int result = 0;
    if (strcmp(enrolment->person, evidence->person) != 0)
        result = tg_fail(error, TG_attestation_challenge, "the key was enrolled for '%s', not for '%s'",
                         enrolment->person, evidence->person);
    tg_enrolment_free(enrolment);
    return result;
}

/* A key of which nothing is known but the key. */
static int bare_key(struct tg_public_key *key, struct tg_attestation **out, struct tg_error *error)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL) {
        tg_public_key_free(key);
        return tg_fail(error, TG_internal_error, "out of memory");
    }
    (*out)->key = key;
    return 0;
}

int tg_enrolment_verify(const struct tg_enrolment_evidence *evidence,
                        const struct tg_attestation_trust *trust, int64_t now, struct tg_attestation **out,
                        struct tg_error *error)
{
    struct tg_public_key *key = NULL;
    struct tg_error fault = {0};
    *out = NULL;
    if (check_challenge(evidence, error) != 0)
        return -1;
    if (evidence->webauthn)
        return tg_attestation_verify_webauthn(trust, evidence->attestation, evidence->client_data,
                                              evidence->challenge, evidence->origin, evidence->rp_id, now,
                                              out, error);
    if (tg_public_key_parse_line(evidence->key, &key, &fault) != 0)
        return tg_fail(error, TG_attestation_key, "%s", fault.text);
    if (evidence->attestation.length == 0)
        return bare_key(key, out, error);
    int result =
        tg_attestation_verify_ssh(trust, evidence->attestation, evidence->challenge, key, now, out, error);
    tg_public_key_free(key);
    return result;
}
