/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/sign_in.h"

#include "lib/base64.h"
#include "lib/canonical_json.h"
#include "lib/schema.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { NONCE_BYTES = 16, SERVICE_MAX = 300, KEY_LINE_MAX = 6000, SECONDS_MAX = 31536000 };

static bool is_nonce(const char *text)
{
    uint8_t bytes[NONCE_BYTES];
    size_t used;
    return strlen(text) == TG_SIGN_IN_NONCE_SIZE - 1 &&
           tg_base64_decode(TG_BASE64URL, tg_bytes_of_text(text), bytes, sizeof bytes, &used) &&
           used == NONCE_BYTES;
}

static bool is_authority(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text <= 0x20 || *text > 0x7e)
            return false;
    }
    return true;
}

static const struct tg_form form_nonce = {is_nonce, "22 base64url characters"};
static const struct tg_form form_authority = {is_authority, "host:port"};

#define AT(member) offsetof(struct tg_sign_in, member)

/* The last two are of a certificate's document only. */
static const struct tg_field fields[] = {
    {"v", TG_FIELD_NUMBER, 1, 1, .offset = TG_FIELD_UNSTORED},
    {"at", TG_FIELD_TIME, 0, TG_INTEGER_MAX, .offset = AT(at)},
    {"nonce", TG_FIELD_CHARS, TG_SIGN_IN_NONCE_SIZE - 1, TG_SIGN_IN_NONCE_SIZE - 1, .offset = AT(nonce),
     .form = &form_nonce},
    {"person", TG_FIELD_TEXT, 1, 32, .offset = AT(person), .form = &tg_form_name},
    {"service", TG_FIELD_TEXT, 1, SERVICE_MAX, .offset = AT(service), .form = &form_authority},
    {"key", TG_FIELD_TEXT, 1, KEY_LINE_MAX, .offset = AT(key)},
    {"seconds", TG_FIELD_NUMBER, 0, SECONDS_MAX, .offset = AT(seconds)},
};

enum { CERTIFICATE_FIELDS = 2 };

static const char *name_space_of(enum tg_sign_in_kind kind)
{
    return kind == TG_SIGN_IN_CERTIFICATE ? TG_NAMESPACE_CERTIFICATE : TG_NAMESPACE_SESSION;
}

int tg_sign_in_compose(enum tg_sign_in_kind kind, const struct tg_sign_in *sign_in, char **text,
                       size_t *length)
{
    *text = NULL;
    *length = 0;
    json_t *object = json_pack("{s:i, s:I, s:s, s:s, s:s}", "v", 1, "at", (json_int_t)sign_in->at, "nonce",
                               sign_in->nonce, "person", sign_in->person, "service", sign_in->service);
    int result = object == NULL ? -1 : 0;
    if (result == 0 && kind == TG_SIGN_IN_CERTIFICATE)
        result = json_object_set_new(object, "key", json_string(sign_in->key)) != 0 ||
                         json_object_set_new(object, "seconds", json_integer(sign_in->seconds)) != 0
                     ? -1
                     : 0;
    if (result == 0)
        result = tg_canonical_json_write(object, text, length);
    json_decref(object);
    return result;
}

int tg_sign_in_parse(enum tg_sign_in_kind kind, struct tg_bytes document, struct tg_sign_in **out,
                     struct tg_error *error)
{
    const size_t left_out = kind == TG_SIGN_IN_CERTIFICATE ? 0 : CERTIFICATE_FIELDS;
    const struct tg_schema schema = {fields, sizeof fields / sizeof fields[0] - left_out};
    struct tg_reading reading = {.reason = TG_sign_in_malformed, .error = error, .where = "sign-in"};
    json_t *root;
    *out = NULL;
    if (tg_canonical_json_parse(document, "sign-in", TG_SIGN_IN_MAX, TG_sign_in_malformed, &root, error) != 0)
        return -1;
    struct tg_sign_in *sign_in = calloc(1, sizeof *sign_in);
    if (sign_in != NULL)
        sign_in->storage = reading.storage = tg_storage_new(document, &sign_in->document);
    if (reading.storage == NULL) {
        json_decref(root);
        tg_sign_in_free(sign_in);
        return tg_fail(error, TG_internal_error, "sign-in: no memory");
    }
    tg_storage_keep(reading.storage, root);
    if (tg_schema_read(&reading, &schema, root, sign_in) != 0) {
        tg_sign_in_free(sign_in);
        return -1;
    }
    *out = sign_in;
    return 0;
}

void tg_sign_in_free(struct tg_sign_in *sign_in)
{
    if (sign_in == NULL)
        return;
    tg_storage_free(sign_in->storage);
    free(sign_in);
}

/* The verifier of signatures speaks of approvals. */
static enum tg_reason translate(enum tg_reason reason)
{
    switch (reason) {
    case TG_approval_malformed:
        return TG_sign_in_malformed;
    case TG_approval_software_key:
    case TG_approval_synced_key:
        return TG_sign_in_software_key;
    case TG_approval_no_touch:
    case TG_approval_no_user_verification:
        return TG_sign_in_no_touch;
    case TG_internal_error:
        return TG_internal_error;
    default:
        return TG_sign_in_signature;
    }
}

static int verify_by_entry(const struct tg_person_key *entry, const char *name_space,
                           struct tg_bytes document, struct tg_bytes blob, struct tg_sshsig_facts *facts,
                           struct tg_error *error)
{
    const struct tg_sshsig_demands demands = {.origin = entry->origin,
                                              .rp_id = entry->rp_id,
                                              .user_verification = entry->user_verification,
                                              .security_key = true,
                                              .device_bound = entry->attested};
    struct tg_error fault = {.reason = TG_internal_error};
    if (tg_sshsig_verify(blob, name_space, document, entry->key, &demands, facts, &fault) != 0)
        return tg_fail(error, translate(fault.reason), "sign-in: %s", fault.text);
    if (facts->webauthn && !facts->user_verified)
        return tg_fail(error, TG_sign_in_no_touch, "sign-in: made in a browser without PIN or fingerprint");
    return 0;
}

/* Whose signature it is, as the policy has it. */
static int check_signature(const struct tg_policy *policy, const char *name_space, struct tg_bytes document,
                           const char *armored, struct tg_signed_in *out, struct tg_error *error)
{
    struct tg_error fault = {.reason = TG_internal_error};
    struct tg_public_key *claimed = NULL;
    uint8_t *blob = NULL;
    size_t length;
    int result = -1;
    if (tg_sshsig_dearmor(armored, &blob, &length, &fault) != 0 ||
        tg_sshsig_signer(tg_bytes_of(blob, length), &claimed, &fault) != 0)
        (void)tg_fail(error, translate(fault.reason), "sign-in: %s", fault.text);
    else if ((out->person = tg_policy_key_owner(policy, claimed, &out->entry)) == NULL)
        (void)tg_fail(error, TG_sign_in_key, "sign-in: the policy does not list %s", claimed->fingerprint);
    else if (tg_policy_revokes_key(policy, claimed->fingerprint))
        (void)tg_fail(error, TG_sign_in_key, "sign-in: the policy revokes %s", claimed->fingerprint);
    else
        result =
            verify_by_entry(out->entry, name_space, document, tg_bytes_of(blob, length), &out->facts, error);
    tg_public_key_free(claimed);
    free(blob);
    return result;
}

/* What the document says, against whoever signed it, the clock and the service. */
static int check_content(const struct tg_signed_in *signed_in, const char *service, int64_t now,
                         struct tg_error *error)
{
    const struct tg_sign_in *sign_in = signed_in->sign_in;
    const struct tg_person *person = signed_in->person;
    int64_t skew = now > sign_in->at ? now - sign_in->at : sign_in->at - now;
    if (strcmp(sign_in->person, person->name) != 0)
        return tg_fail(error, TG_sign_in_key, "sign-in: names %s, but was signed by %s", sign_in->person,
                       person->name);
    if (person->disabled)
        return tg_fail(error, TG_requester_disabled, "sign-in: %s is disabled", person->name);
    if (skew > TG_SIGN_IN_SKEW)
        return tg_fail(error, TG_sign_in_time, "sign-in: dated %" PRId64 " seconds %s", skew,
                       now > sign_in->at ? "ago" : "ahead");
    if (strcmp(sign_in->service, service) != 0)
        return tg_fail(error, TG_sign_in_service, "sign-in: made for %.100s, and this is %.100s",
                       sign_in->service, service);
    return 0;
}

/* "TYPE BASE64" and nothing else, so that a document has one way to write a key. */
static int read_key(const char *line, struct tg_public_key **key, struct tg_error *error)
{
    struct tg_error fault = {0};
    const char *blank = strchr(line, ' ');
    if (blank == NULL || strchr(blank + 1, ' ') != NULL)
        return tg_fail(error, TG_sign_in_malformed, "sign-in: key 'key': must be TYPE BASE64");
    if (tg_public_key_parse_line(line, key, &fault) != 0)
        return tg_fail(error, TG_sign_in_malformed, "sign-in: key 'key': %s", fault.text);
    return 0;
}

int tg_sign_in_verify(const struct tg_policy *policy, enum tg_sign_in_kind kind, struct tg_bytes document,
                      const char *armored_signature, const char *service, int64_t now,
                      struct tg_signed_in *out, struct tg_error *error)
{
    *out = (struct tg_signed_in){0};
    int result = 0;
    if (document.length > TG_SIGN_IN_MAX)
        result = tg_fail(error, TG_sign_in_malformed, "sign-in: must be at most %d bytes", TG_SIGN_IN_MAX);
    if (result == 0)
        result = check_signature(policy, name_space_of(kind), document, armored_signature, out, error);
    if (result == 0)
        result = tg_sign_in_parse(kind, document, &out->sign_in, error);
    if (result == 0)
        result = check_content(out, service, now, error);
    if (result == 0 && kind == TG_SIGN_IN_CERTIFICATE)
        result = read_key(out->sign_in->key, &out->key, error);
    if (result != 0)
        tg_signed_in_clear(out);
    return result;
}

void tg_signed_in_clear(struct tg_signed_in *signed_in)
{
    if (signed_in == NULL)
        return;
    tg_sign_in_free(signed_in->sign_in);
    tg_public_key_free(signed_in->key);
    *signed_in = (struct tg_signed_in){0};
}
